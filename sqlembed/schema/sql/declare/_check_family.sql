create or replace function sqlembed._check_family(relation regclass, embedding name) returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    other regclass;
begin
    if (select c.relispartition from pg_class as c where c.oid = _check_family.relation) then
        raise exception 'sqlembed: % is a partition', _check_family.relation
            using errcode = 'SE010',
                hint = format('Embed %s: its rows move from one partition to another.', pg_partition_root(_check_family.relation)::regclass);
    end if;
    select e.relation
    into other
    from sqlembed.embedding as e
    where e.name = _check_family.embedding
        and e.relation <> _check_family.relation
        and (
            e.relation = any (sqlembed._members(_check_family.relation))
            or _check_family.relation = any (sqlembed._members(e.relation))
        );
    if found then
        raise exception 'sqlembed: column % of % is an embedding of %, which is of the same family',
            quote_ident(_check_family.embedding), _check_family.relation, other
            using errcode = 'SE011', hint = format('One declaration does for parent and children: see %s.', other);
    end if;
end
$function$;

comment on function sqlembed._check_family(regclass, name) is
    'An error when a table is a partition, or a parent or child of it keeps the same column.';

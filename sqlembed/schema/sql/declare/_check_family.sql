create or replace function sqlembed._check_family(relation regclass) returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    found record;
begin
    select c.relispartition, c.relkind into found from pg_class as c where c.oid = _check_family.relation;
    if found.relispartition then
        raise exception 'sqlembed: % is a partition', _check_family.relation
            using errcode = 'SE010',
                hint = format('Embed %s: what is written through it is noticed there only.', pg_partition_root(_check_family.relation)::regclass);
    end if;
    if exists (
        select
        from pg_inherits as i
        where i.inhrelid = _check_family.relation or i.inhparent = _check_family.relation and found.relkind = 'r'
    ) then
        raise exception 'sqlembed: % belongs to an inheritance tree', _check_family.relation
            using errcode = 'SE010', hint = 'Make it a partitioned table: triggers do not reach from a parent to its children.';
    end if;
end
$function$;

comment on function sqlembed._check_family(regclass) is
    'An error when rows of a table may be written through another one, whose statements its triggers do not see.';

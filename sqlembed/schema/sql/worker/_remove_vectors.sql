create or replace function sqlembed._remove_vectors(embedding integer, keys jsonb[], at_once integer default 10000)
returns setof jsonb
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    declared sqlembed.embedding := sqlembed._declared_embedding(_remove_vectors.embedding);
    match text;
    side_key record;
    removed jsonb[];
    is_all boolean;
begin
    if declared.side is null then
        return query select * from unnest(_remove_vectors.keys);
        return;
    end if;
    is_all := '[]' = any (_remove_vectors.keys);
    if is_all and sqlembed._empty_side(declared.relation, declared.side) then
        return query select * from unnest(_remove_vectors.keys);
        return;
    end if;
    match := sqlembed._side_match(declared.relation, declared.side, 't', 'r');
    -- Of a chunk, the key of its row.
    select k.match, k.expression
    into side_key
    from sqlembed._key_sql(declared.side, length => cardinality(declared.key_columns)) as k;
    execute format(
        'with gone as (
            delete from %1$s as r
            where r.ctid = any (
                array(
                    select r.ctid
                    from %2$s
                    where not exists (select from %3$s as t where %4$s)
                    limit %5$s
                    for update of r skip locked
                )
            )
            returning %6$s as key
        )
        select array_agg(distinct g.key) from gone as g',
        declared.side,
        case
            when is_all then declared.side || ' as r'
            else format('unnest($1) as k (key) join %s as r on %s', declared.side, side_key.match)
        end,
        declared.relation,
        match,
        case when is_all then _remove_vectors.at_once::text else 'all' end,
        side_key.expression
    )
    into removed
    using _remove_vectors.keys;
    -- A row that came back since may have lost the vector that another worker has made of it meanwhile.
    execute format(
        'select sqlembed._note_keys(%s, array_agg(k.key))
        from unnest($1) as k (key)
        where exists (select from %s as r where %s)',
        declared.id, declared.relation, (select k.match from sqlembed._key_sql(declared.relation) as k)
    )
    using removed;
    -- Rows that somebody has locked are left for later.
    return query execute format(
        'select k.key
        from unnest($1) as k (key)
        where case k.key
            when ''[]'' then not exists (select from %1$s as r where not exists (select from %2$s as t where %3$s))
            else not exists (select from %1$s as r where %4$s and not exists (select from %2$s as t where %3$s))
        end',
        declared.side, declared.relation, match, side_key.match
    )
    using _remove_vectors.keys;
end
$function$;

comment on function sqlembed._remove_vectors(integer, jsonb[], integer) is
    'Remove from a side table the vectors of rows that are gone: those with these keys, and by the empty key so many of all of them. Returns the keys of which none is left.';

revoke execute on function sqlembed._remove_vectors(integer, jsonb[], integer) from public;

create or replace function sqlembed.row_status(relation regclass, key jsonb, embedding name default null)
returns setof sqlembed.row_state
language plpgsql
volatile
as $function$
declare
    declared sqlembed.embedding;
    found_key jsonb;
    has_vector boolean;
begin
    -- An error where there is no such embedding.
    perform sqlembed._embedding_of(
        row_status.relation,
        coalesce(
            row_status.embedding,
            (
                select e.name
                from sqlembed.embedding as e
                where e.relation operator(pg_catalog.=) row_status.relation
                limit 1
            )
        )
    );
    found_key := sqlembed._row_key(row_status.relation, row_status.key);
    if found_key is null then
        return;
    end if;
    for declared in
        select e.*
        from sqlembed.embedding as e
        where e.relation operator(pg_catalog.=) row_status.relation
            and e.name operator(pg_catalog.=) coalesce(row_status.embedding, e.name)
        order by e.name
    loop
        execute pg_catalog.format(
            'select %s from (select $1) as k (key) cross join %s as r where %s',
            sqlembed._vector_test(declared, 'r'), declared.relation, (select k.match from sqlembed._key_sql(declared.relation) as k)
        )
        into has_vector
        using found_key;
        perform pg_catalog.set_config('sqlembed.row_key', found_key::text, true);
        perform pg_catalog.set_config('sqlembed.row_embedding', declared.id::text, true);
        return query
        select
            declared.name,
            case
                when w.is_waiting then 'pending'
                when w.is_failed then 'failed'
                when has_vector then 'embedded'
                else 'blank'
            end,
            has_vector,
            w.attempts,
            w.error,
            w.changed_at,
            w.retry_at
        from sqlembed._row_work as w;
    end loop;
    perform pg_catalog.set_config('sqlembed.row_key', '', true);
    perform pg_catalog.set_config('sqlembed.row_embedding', '', true);
end
$function$;

comment on function sqlembed.row_status(regclass, jsonb, name) is
    'How far a row is: embedded, pending, failed (given up) or blank (nothing to embed), for one embedding or each. No row where there is none, or none that the caller may see.';

create or replace function sqlembed._read_sources(embedding integer, keys jsonb[], budget bigint)
returns table (key jsonb, input text, postponed boolean)
language plpgsql
stable
as $function$
declare
    declared sqlembed.embedding;
begin
    select e.* into declared from sqlembed.embedding as e where e.id operator(pg_catalog.=) _read_sources.embedding;
    return query execute pg_catalog.format(
        'select t.key, case when t.before operator(pg_catalog.<) $2 then t.input end, t.before operator(pg_catalog.>=) $2
        from (
            select
                k.key,
                s.input::pg_catalog.text as input,
                coalesce(
                    pg_catalog.sum(pg_catalog.octet_length(s.input::pg_catalog.text)) over (
                        rows between unbounded preceding and 1 preceding
                    ),
                    0
                ) as before
            from pg_catalog.unnest($1) as k (key)
            join %s as r on %s
            cross join lateral (select (%s) as input from (select r.*) as r) as s
        ) as t',
        declared.relation, declared.key_match, declared.source
    )
    using _read_sources.keys, _read_sources.budget;
end
$function$;

comment on function sqlembed._read_sources(integer, jsonb[], bigint) is
    'The text to embed of each row that is still there. Beyond a budget of bytes rows are postponed: a worker''s memory is not the table''s size.';

revoke execute on function sqlembed._read_sources(integer, jsonb[], bigint) from public;

create or replace function sqlembed._read_sources(embedding integer, keys jsonb[], budget bigint)
returns table (key jsonb, input text, is_blank boolean, postponed boolean)
language plpgsql
stable
-- A table that is being altered must not keep the worker from all the others.
set lock_timeout = '200ms'
-- The primary key is the way to some thousand rows, however large the table is or seems to be.
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $function$
declare
    declared sqlembed.embedding;
begin
    select e.* into declared from sqlembed.embedding as e where e.id operator(pg_catalog.=) _read_sources.embedding;
    return query execute pg_catalog.format(
        'select t.key, case when not t.postponed then t.input end, sqlembed._blank(t.input), t.postponed
        from (
            select
                k.key,
                s.input::pg_catalog.text as input,
                coalesce(
                    pg_catalog.sum(pg_catalog.octet_length(s.input::pg_catalog.text)) over (
                        rows between unbounded preceding and 1 preceding
                    ) operator(pg_catalog.>=) $2,
                    false
                ) as postponed
            from pg_catalog.unnest($1) as k (key)
            join %s as r on %s
            cross join lateral (select (%s) as input from (select r.*) as r) as s
        ) as t',
        declared.relation, (select k.match from sqlembed._key_sql(declared.relation) as k), declared.source
    )
    using _read_sources.keys, _read_sources.budget;
end
$function$;

comment on function sqlembed._read_sources(integer, jsonb[], bigint) is
    'The text to embed of each row that is still there. Beyond a budget of bytes rows are postponed: a worker''s memory is not the table''s size.';

revoke execute on function sqlembed._read_sources(integer, jsonb[], bigint) from public;

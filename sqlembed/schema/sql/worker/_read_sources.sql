create or replace function sqlembed._read_sources(embedding integer, keys jsonb[])
returns table (key jsonb, input text)
language plpgsql
stable
as $function$
declare
    declared sqlembed.embedding;
begin
    select e.* into declared from sqlembed.embedding as e where e.id operator(pg_catalog.=) _read_sources.embedding;
    return query execute pg_catalog.format(
        'select k.key, s.input
        from pg_catalog.unnest($1) as k (key)
        join %s as r on %s
        cross join lateral (select (%s) as input from (select r.*) as r) as s',
        declared.relation, declared.key_match, declared.source
    )
    using _read_sources.keys;
end
$function$;

comment on function sqlembed._read_sources(integer, jsonb[]) is
    'The text to embed of each row that is still there.';

revoke execute on function sqlembed._read_sources(integer, jsonb[]) from public;

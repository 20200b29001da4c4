create or replace function sqlembed._index_name(present sqlembed.embedding, wanted sqlembed.embedding) returns name
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    select format(
        '%s_%s',
        left(format('%s_%s_%s', c.relname, (_index_name.present).name, (_index_name.wanted).index), 50),
        (_index_name.wanted).id
    )::name
    from pg_class as c
    where c.oid = (_index_name.wanted).relation
$function$;

comment on function sqlembed._index_name(sqlembed.embedding, sqlembed.embedding) is
    'The name of the index of a generation, which it keeps when generations are switched.';

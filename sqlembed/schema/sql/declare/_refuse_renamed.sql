create or replace function sqlembed._refuse_renamed(declared sqlembed.embedding) returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    renamed text;
begin
    select string_agg(format('%I to %I', c.was, c.present), ', ')
    into renamed
    from sqlembed._present_columns(_refuse_renamed.declared) as p
    cross join lateral unnest(
        (_refuse_renamed.declared).source_columns || (_refuse_renamed.declared).name, p.source || p.vector
    ) as c (was, present)
    where c.present <> c.was;
    if renamed is not null then
        raise exception 'sqlembed: columns of % were renamed, and no worker has followed yet: %', (_refuse_renamed.declared).relation, renamed
            using errcode = 'SE013',
                hint = 'Workers do within seconds; if none is alive, run: sqlembed worker --burst. Then say it again.';
    end if;
end
$function$;

comment on function sqlembed._refuse_renamed(sqlembed.embedding) is
    'An error when a column of an embedding was renamed and no worker has followed yet: a declaration is altered by the names that it has.';

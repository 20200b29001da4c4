create or replace function sqlembed._refuse_renamed(declared sqlembed.embedding) returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    renamed text;
begin
    if (_refuse_renamed.declared).numbered_in <> (_refuse_renamed.declared).relation::oid then
        raise exception 'sqlembed: % was restored from a dump, and no worker has looked at it yet', (_refuse_renamed.declared).relation
            using errcode = 'SE013',
                hint = 'Workers do within seconds; if none is alive, run: sqlembed worker --burst. Then say it again.';
    end if;
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
    'An error when a column of an embedding was renamed, or its table restored, and no worker has followed yet: a declaration is altered by the names and numbers that it has.';

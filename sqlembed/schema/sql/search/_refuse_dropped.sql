create or replace function sqlembed._refuse_dropped(declared sqlembed.embedding) returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    relation regclass := (_refuse_dropped.declared).relation;
    name name := (_refuse_dropped.declared).name;
    has_another boolean;
begin
    -- Asked of what the server knows now, and not of tables, where the snapshot goes on to see what is gone.
    begin
        has_another := case
            when (_refuse_dropped.declared).side is null then has_column_privilege(relation, name::text, 'select') is not null
            else (
                select to_regclass(format('%I.%I', n.nspname, sqlembed._side_name(c.relname || '_' || name)))
                    <> (_refuse_dropped.declared).side
                from pg_class as c
                join pg_namespace as n on n.oid = c.relnamespace
                where c.oid = relation
            )
        end;
    exception when undefined_column then
        has_another := false;
    end;
    if has_another then
        raise exception 'sqlembed: the generation of % that this search began with has been dropped meanwhile', relation
            using errcode = '40001', hint = 'Run it again: it then uses the one that took the place.';
    end if;
    raise exception 'sqlembed: % of % is not there any more',
        case
            when (_refuse_dropped.declared).side is null then format('column %I', name)
            else format(
                'the side table of embedding %I, or its function %I,', name, (_refuse_dropped.declared).hash_function
            )
        end,
        relation
        using errcode = 'SE013',
            hint = format('select sqlembed.drop_embedding(%L, %L), and declare it anew.', relation, name);
end
$function$;

comment on function sqlembed._refuse_dropped(sqlembed.embedding) is
    'Raise what a search says whose vectors are gone: it is to be run again where another generation took their place.';

create or replace function sqlembed._renamed_columns(declared sqlembed.embedding) returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    -- Of one that is gone PostgreSQL itself says that there is no such column.
    select string_agg(format('r.%I as %I', coalesce(c.present, c.declared), c.declared), ', ')
    from unnest((select p.source from sqlembed._present_columns(_renamed_columns.declared) as p), (_renamed_columns.declared).source_columns)
        as c (present, declared)
$function$;

comment on function sqlembed._renamed_columns(sqlembed.embedding) is
    'The columns of row r that the source uses, under the names that it uses for them.';

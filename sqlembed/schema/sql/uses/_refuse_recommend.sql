create or replace function sqlembed._refuse_recommend() returns void
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $function$
begin
    raise exception 'sqlembed: recommend takes a table as a NULL of its row type'
        using errcode = 'SE014',
            hint = 'Write: select (base).*, distance from sqlembed.recommend(null::article, array[''[1]'']::jsonb[]).';
end
$function$;

comment on function sqlembed._refuse_recommend() is
    'An error that shows how a table is given to recommend.';

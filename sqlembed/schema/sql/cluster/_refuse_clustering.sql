create or replace function sqlembed._refuse_clustering(name text, instead text) returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
begin
    if exists (select from sqlembed.clustering as c where c.name = _refuse_clustering.name) then
        raise exception 'sqlembed: a cluster column of % is kept by the model %',
            (select c.relation from sqlembed.clustering as c where c.name = _refuse_clustering.name),
            quote_literal(_refuse_clustering.name)
            using errcode = 'SE021',
                hint = format('Instead: select sqlembed.%s(%L).', _refuse_clustering.instead, _refuse_clustering.name);
    end if;
end
$function$;

comment on function sqlembed._refuse_clustering(text, text) is
    'An error when a model belongs to a clustering, which would not notice what becomes of it.';

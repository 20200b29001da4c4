create or replace function sqlembed.drop_model(name text) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
begin
    perform sqlembed._cluster_model(drop_model.name);
    perform sqlembed._refuse_clustering(drop_model.name, 'drop_clustering');
    update sqlembed.cluster_model as m set is_dropped = true where m.name = drop_model.name;
end
$function$;

comment on function sqlembed.drop_model(text) is
    'Forget a cluster model.';

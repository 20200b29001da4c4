create or replace function sqlembed._reserve_model(
    name text,
    query text,
    metric text,
    seed integer,
    standardize boolean,
    weights double precision[],
    owner regrole
)
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    is_mine boolean;
begin
    insert into sqlembed.cluster_model (
        name, query, metric, dimensions, num_clusters, iterations, loss, seed, standardize, weights, owner
    )
    values (
        _reserve_model.name, _reserve_model.query, _reserve_model.metric, 0, 0, 0, 0, _reserve_model.seed,
        _reserve_model.standardize, _reserve_model.weights, coalesce(_reserve_model.owner, current_user::regrole)
    )
    on conflict do nothing;
    if found then
        return;
    end if;
    is_mine := exists (select from sqlembed.cluster_model as m where m.name = _reserve_model.name);
    raise exception 'sqlembed: a cluster model % exists already', quote_literal(_reserve_model.name)
        using errcode = 'SE021',
            hint = case
                when is_mine then format(
                    'To fit it anew: select sqlembed.refit_kmeans(%1$L). To have another: select sqlembed.drop_model(%1$L).',
                    _reserve_model.name
                )
                else 'Another role made it: choose another name.'
            end;
end
$function$;

comment on function sqlembed._reserve_model(text, text, text, integer, boolean, double precision[], regrole) is
    'Enter a model that is still to be fitted, or an error when its name is taken; waits for another session that is fitting one of this name.';

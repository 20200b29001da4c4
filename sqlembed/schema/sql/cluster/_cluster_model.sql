create or replace function sqlembed._cluster_model(name text) returns sqlembed.cluster_model
language plpgsql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
declare
    model sqlembed.cluster_model;
    known text;
begin
    select m.* into model from sqlembed.cluster_model as m where m.name = _cluster_model.name;
    if model.name is null then
        select string_agg(quote_literal(m.name), ', ' order by m.name) into known from sqlembed.cluster_model as m;
        raise exception 'sqlembed: no cluster model %', coalesce(quote_literal(_cluster_model.name), 'NULL')
            using errcode = 'SE020',
                hint = coalesce(
                    'You may use: ' || known || '.',
                    'Make one: select * from sqlembed.create_kmeans(''topics'', ''select id, embedding from article'').'
                );
    end if;
    return model;
end
$function$;

comment on function sqlembed._cluster_model(text) is
    'The model of that name, or an error that names those the caller may use.';

create or replace function sqlembed._check_kmeans(
    name text,
    num_clusters integer,
    metric text,
    max_iterations integer,
    min_rel_progress double precision,
    seed integer,
    weights double precision[],
    choose_by text,
    candidates integer[]
)
returns void
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $function$
declare
    problem text := case
        when coalesce(_check_kmeans.name, '') = '' then 'a model needs a name'
        when _check_kmeans.num_clusters not between 1 and 10000
            then format('num_clusters => %s is not between 1 and 10000', _check_kmeans.num_clusters)
        when coalesce(_check_kmeans.max_iterations, 0) < 1
            then format('max_iterations => %s is less than 1', coalesce(_check_kmeans.max_iterations::text, 'NULL'))
        -- NaN is greater than every number.
        when coalesce(_check_kmeans.min_rel_progress, -1) not between 0 and 1
            then format('min_rel_progress => %s is not between 0 and 1', coalesce(_check_kmeans.min_rel_progress::text, 'NULL'))
        when _check_kmeans.seed is null then 'seed => NULL is not a number'
        when not (
            select coalesce(min(coalesce(w, -1)), 0) >= 0 and coalesce(max(w), 1) between 1e-30 and 1e30
            from unnest(_check_kmeans.weights) as w
        )
            then format('weights => %s are not numbers from 0 on, of which one is greater', _check_kmeans.weights)
        when not (select coalesce(bool_and(coalesce(c, 0) between 1 and 1000), true) from unnest(_check_kmeans.candidates) as c)
            then format('candidates => %s are not numbers from 1 to 1000', _check_kmeans.candidates)
        when _check_kmeans.candidates = '{}' then 'candidates => {} leaves nothing to choose from'
    end;
begin
    perform sqlembed._check_choice('metric', _check_kmeans.metric, '{cosine,euclidean}');
    perform sqlembed._check_choice('choose_by', _check_kmeans.choose_by, '{silhouette,davies_bouldin,rows}');
    if problem is not null then
        raise exception 'sqlembed: %', problem
            using errcode = 'SE014',
                hint = 'Only name and query must be given; the other arguments have defaults, and num_clusters is found out.';
    end if;
end
$function$;

comment on function sqlembed._check_kmeans(text, integer, text, integer, double precision, integer, double precision[], text, integer[]) is
    'An error when an argument of create_kmeans is not possible.';

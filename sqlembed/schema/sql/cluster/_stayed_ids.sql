create or replace function sqlembed._stayed_ids(
    points public.vector[],
    metric text,
    centroids public.vector[],
    previous public.vector[],
    previous_ids integer[]
)
returns integer[]
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    point_rows constant text := 'select i::text as id, p as embedding from unnest($1) with ordinality as p(p, i)';
    greatest_id constant integer := coalesce((select max(i) from unnest(_stayed_ids.previous_ids) as i), 0);
    ids integer[];
begin
    if cardinality(_stayed_ids.previous) = 0
        or public.vector_dims(_stayed_ids.previous[1]) <> public.vector_dims(_stayed_ids.centroids[1])
    then
        return array(select greatest_id + i from generate_subscripts(_stayed_ids.centroids, 1) as i order by i);
    end if;
    execute format(
        $sql$
        with shared as (
            select a.centroid_id as place, b.centroid_id as previous_id, count(*) as shared,
                sum(count(*)) over (partition by a.centroid_id) as size
            from (%1$s) as a
            join (%2$s) as b on b.id = a.id
            group by a.centroid_id, b.centroid_id
        ),
        stayed as (
            select distinct on (s.previous_id) s.place, s.previous_id
            from shared as s
            where s.shared > s.size / 2
            order by s.previous_id,
                $3[s.place] operator(public.<->) $4[array_position($5, s.previous_id)], s.place
        )
        select array_agg(coalesce(c.previous_id, $2 + c.rank) order by c.place)
        from (
            select c.place, s.previous_id, (row_number() over (partition by s.place is null order by c.place))::integer as rank
            from generate_series(1, %3$s) as c(place)
            left join stayed as s on s.place = c.place
        ) as c
        $sql$,
        sqlembed._nearest_sql(point_rows, _stayed_ids.metric, _stayed_ids.centroids, index => '$6'),
        sqlembed._nearest_sql(point_rows, _stayed_ids.metric, _stayed_ids.previous, _stayed_ids.previous_ids, '$7'),
        cardinality(_stayed_ids.centroids)
    )
    into ids
    using _stayed_ids.points, greatest_id, _stayed_ids.centroids, _stayed_ids.previous, _stayed_ids.previous_ids,
        sqlembed._index_centroids(_stayed_ids.centroids, _stayed_ids.metric),
        sqlembed._index_centroids(_stayed_ids.previous, _stayed_ids.metric, _stayed_ids.previous_ids);
    return ids;
end
$function$;

comment on function sqlembed._stayed_ids(public.vector[], text, public.vector[], public.vector[], integer[]) is
    'Numbers of centroids that follow others: that of the previous one to which more than half of the points of one would go; of several such, the nearest has it, and the others have new numbers, greater than all before.';

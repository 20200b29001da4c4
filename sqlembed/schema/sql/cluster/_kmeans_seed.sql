create or replace function sqlembed._kmeans_seed(
    points public.vector[],
    num_clusters integer,
    metric text,
    seed integer,
    attempt integer,
    out chosen public.vector[],
    out losses double precision[]
)
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    random_seed constant bigint := (_kmeans_seed.seed * 16::bigint + _kmeans_seed.attempt) * 1024;
    -- Squared distance of each point to the nearest one chosen so far; for unit vectors it grows as 1 - cos.
    gaps double precision[] := array(
        select (p.point operator(public.<->) _kmeans_seed.points[_kmeans_seed.attempt]) ^ 2
        from unnest(_kmeans_seed.points) as p(point)
    );
    -- What single precision cannot tell apart by the inner product is one direction.
    smallest_gap constant double precision := case _kmeans_seed.metric when 'cosine' then 1e-6 else 0 end;
    num_candidates constant integer := 2 + floor(ln(_kmeans_seed.num_clusters));
    candidates integer[];
    candidate integer;
    candidate_point public.vector;
    candidate_gaps double precision[];
    candidate_loss double precision;
    best_point public.vector;
    best_gaps double precision[];
    best_loss double precision;
begin
    chosen := array[_kmeans_seed.points[_kmeans_seed.attempt]];
    losses := array[(select sum(g) from unnest(gaps) as g)];
    for number in 2.._kmeans_seed.num_clusters loop
        -- Of exponential variates with the gaps as rates the least ones are a draw weighted by the gaps.
        candidates := array(
            select g.place
            from unnest(gaps) with ordinality as g(gap, place)
            where g.gap > smallest_gap
            order by -ln(sqlembed._uniform(g.place::text, random_seed + number)) / g.gap, g.place
            limit num_candidates
        );
        exit when cardinality(candidates) = 0;
        best_loss := null;
        foreach candidate in array candidates loop
            candidate_point := _kmeans_seed.points[candidate];
            select array_agg(g.gap), sum(g.gap)
            into candidate_gaps, candidate_loss
            from (
                select least(p.gap, (p.point operator(public.<->) candidate_point) ^ 2) as gap
                from (select unnest(_kmeans_seed.points) as point, unnest(gaps) as gap) as p
            ) as g;
            if best_loss is null or candidate_loss < best_loss then
                best_point := candidate_point;
                best_gaps := candidate_gaps;
                best_loss := candidate_loss;
            end if;
        end loop;
        chosen := chosen || best_point;
        losses := losses || best_loss;
        gaps := best_gaps;
    end loop;
end
$function$;

comment on function sqlembed._kmeans_seed(public.vector[], integer, text, integer, integer) is
    'First centroids by greedy k-means++: each is the best of several points drawn with the squared distance to those chosen before as weight. Every attempt has another first point and other draws. Fewer than num_clusters when there are not so many different points. Under cosine the points are unit vectors. losses: the sum of squared distances to them after each.';

create or replace function sqlembed._principal_components(
    vectors public.vector[],
    num_components integer,
    out centre public.vector,
    out components public.vector[]
)
language plpgsql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
set jit = off
as $function$
declare
    num_vectors integer := cardinality(_principal_components.vectors);
    centred public.vector[];
    -- Row by row the inner products of all vectors: what has to be solved is as large as the sample,
    -- however many dimensions the vectors have.
    gram public.vector[];
    found public.vector;
    before public.vector;
    component public.vector;
    variance double precision;
    largest_variance double precision;
begin
    select public.avg(v.vector) into _principal_components.centre from unnest(_principal_components.vectors) as v (vector);
    centred := array(
        select v.vector operator(public.-) _principal_components.centre
        from unnest(_principal_components.vectors) with ordinality as v (vector, number)
        order by v.number
    );
    gram := array(
        select array(
            select -(a.vector operator(public.<#>) b.vector)
            from unnest(centred) with ordinality as b (vector, number)
            order by b.number
        )::real[]::public.vector
        from unnest(centred) with ordinality as a (vector, number)
        order by a.number
    );
    _principal_components.components := '{}';
    for place in 1.._principal_components.num_components loop
        -- Any start will do that is not at right angles to the answer.
        found := public.l2_normalize(
            array(select sqlembed._uniform(n::text, place) - 0.5 from generate_series(1, num_vectors) as n)::real[]::public.vector
        );
        for iteration in 1..500 loop
            before := found;
            found := array(
                select -(g.row operator(public.<#>) before)
                from unnest(gram) with ordinality as g (row, number)
                order by g.number
            )::real[]::public.vector;
            variance := public.vector_norm(found);
            found := public.l2_normalize(found);
            exit when found operator(public.<->) before < 1e-6;
        end loop;
        largest_variance := coalesce(largest_variance, variance);
        -- Beyond the directions in which the vectors differ there is only rounding.
        if variance <= 1e-6 * largest_variance then
            component := array_fill(0::real, array[public.vector_dims(_principal_components.centre)])::public.vector;
        else
            select public.l2_normalize(
                public.sum(
                    array_fill(share, array[public.vector_dims(_principal_components.centre)])::public.vector
                        operator(public.*) v.vector
                )
            )
            into component
            from unnest(centred, found::real[]) as v (vector, share);
            -- Of the two directions, which are equally good, the one that most of its length points in.
            if (select abs(min(x)) > max(x) from unnest(component::real[]) as x) then
                component := array_fill(-1::real, array[public.vector_dims(component)])::public.vector operator(public.*) component;
            end if;
            gram := array(
                select g.row operator(public.-) (
                    array_fill((variance * share)::real, array[num_vectors])::public.vector operator(public.*) found
                )
                from unnest(gram, found::real[]) with ordinality as g (row, share, number)
                order by g.number
            );
        end if;
        _principal_components.components := _principal_components.components || component;
    end loop;
end
$function$;

comment on function sqlembed._principal_components(public.vector[], integer) is
    'The mean of vectors and the directions in which they differ most, as unit vectors, by power iteration; zeros where there are fewer.';

create or replace function sqlembed.distance(a public.vector, b public.vector, metric text default 'cosine')
returns double precision
language plpgsql
immutable
parallel safe
as $function$
begin
    return case
        when distance.metric operator(pg_catalog.=) 'cosine' then distance.a operator(public.<=>) distance.b
        when distance.metric operator(pg_catalog.=) 'euclidean' then distance.a operator(public.<->) distance.b
        when distance.metric operator(pg_catalog.=) 'inner_product' then distance.a operator(public.<#>) distance.b
        when distance.metric operator(pg_catalog.=) 'l1' then distance.a operator(public.<+>) distance.b
        -- Always an error, which names the metrics.
        else sqlembed._metric_operator(distance.metric)::double precision
    end;
end
$function$;

comment on function sqlembed.distance(public.vector, public.vector, text) is
    'Distance of two vectors as the operator of the metric gives it: cosine (1 - cos), euclidean, inner_product (negative) or l1.';

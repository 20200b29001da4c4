create or replace function sqlembed._spread(inputs text[], known text[], vectors public.vector[]) returns public.vector[]
language sql
immutable
set search_path = pg_catalog, pg_temp
set jit = off
-- The planner takes every array for a short one.
set enable_nestloop = off
as $function$
    select array_agg(k.vector order by i.position)
    from unnest(_spread.inputs) with ordinality as i (input, position)
    left join unnest(_spread.known, _spread.vectors) as k (input, vector)
        on k.input = i.input and k.vector is not null
$function$;

comment on function sqlembed._spread(text[], text[], public.vector[]) is
    'Vectors of known texts in the order of others that may repeat; NULL for one that has none.';

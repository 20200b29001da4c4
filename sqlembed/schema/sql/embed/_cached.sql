create or replace function sqlembed._cached(embedder text, kind text, inputs text[])
returns public.vector[]
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    select array_agg(c.embedding order by i.ordinality)
    from unnest(_cached.inputs) with ordinality as i (input, ordinality)
    join sqlembed.embedder as e on e.name = _cached.embedder
    left join sqlembed.cache as c
        on c.fingerprint = e.fingerprint
        and c.kind = _cached.kind
        and c.input_hash = sha256(convert_to(i.input, 'UTF8'))
$function$;

comment on function sqlembed._cached(text, text, text[]) is
    'Vectors that were computed before, in the order of the texts; NULL where there is none.';

revoke execute on function sqlembed._cached(text, text, text[]) from public;

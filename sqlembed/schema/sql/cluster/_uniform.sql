create or replace function sqlembed._uniform(key text, seed bigint) returns double precision
language sql
immutable
parallel safe
as $function$
    select (
        (pg_catalog.hashtextextended(_uniform.key, _uniform.seed) operator(pg_catalog.&) 4503599627370495)::double precision
            operator(pg_catalog.+) 0.5::double precision
    ) operator(pg_catalog./) 4503599627370496::double precision
$function$;

comment on function sqlembed._uniform(text, bigint) is
    'A number between 0 and 1, both excluded, that looks random and is the same for the same key and seed.';

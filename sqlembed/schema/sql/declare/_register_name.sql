create or replace function sqlembed._register_name(name text, dimensions integer) returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
    select sqlembed.register_embedder(_register_name.name, _register_name.dimensions)
$function$;

comment on function sqlembed._register_name(text, integer) is
    'Make an embedder known before a worker serves it: the first worker fills in the fingerprint. Not for everybody: a name taken with other dimensions keeps its worker from starting.';

revoke execute on function sqlembed._register_name(text, integer) from public;

create or replace function sqlembed.abandon_generation(
    relation regclass,
    embedding name default null,
    timeout interval default '30 s'
)
returns void
language sql
volatile
as $function$
    select sqlembed._drop_beside(
        abandon_generation.relation, abandon_generation.embedding, 'next', abandon_generation.timeout
    )
$function$;

comment on function sqlembed.abandon_generation(regclass, name, interval) is
    'Give up the next generation of an embedding: its column or side table goes, and what waits for it. The current one is not touched.';

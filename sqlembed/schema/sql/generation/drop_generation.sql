create or replace function sqlembed.drop_generation(
    relation regclass,
    embedding name default null,
    timeout interval default '30 s'
)
returns void
language sql
volatile
as $function$
    select sqlembed._drop_beside(
        drop_generation.relation, drop_generation.embedding, 'previous', drop_generation.timeout
    )
$function$;

comment on function sqlembed.drop_generation(regclass, name, interval) is
    'Drop the previous generation of an embedding, after which there is no way back: its column or side table goes.';

create or replace function sqlembed.rollback_generation(
    relation regclass,
    embedding name default null,
    lag interval default '10 s',
    timeout interval default '30 s'
)
returns void
language sql
volatile
as $function$
    select sqlembed._take_place(
        rollback_generation.relation, rollback_generation.embedding, 'previous', rollback_generation.lag, rollback_generation.timeout
    )
$function$;

comment on function sqlembed.rollback_generation(regclass, name, interval, interval) is
    'Make the previous generation of an embedding the current one again; what was current is the next one once more. As switch_generation, the other way round.';

create or replace function sqlembed.rollback_generation(
    relation regclass,
    embedding name default null,
    lag interval default '10 s',
    timeout interval default '30 s'
)
returns void
language plpgsql
volatile
as $function$
declare
    pair record;
begin
    perform sqlembed._check_relation(rollback_generation.relation);
    select c.present, c.beside
    into pair
    from sqlembed._current(rollback_generation.relation, rollback_generation.embedding, 'previous') as c;
    perform sqlembed._refuse_unready(pair.present, pair.beside, rollback_generation.lag);
    perform sqlembed._lock_briefly(
        pg_catalog.array_remove(array[(pair.present).relation, (pair.present).side, (pair.beside).side], null),
        rollback_generation.timeout
    );
    -- Whoever has waited here sees what the other has made of it, and nobody writes any more.
    select c.present, c.beside
    into pair
    from sqlembed._current(rollback_generation.relation, rollback_generation.embedding, 'previous') as c;
    perform sqlembed._refuse_unready(pair.present, pair.beside, rollback_generation.lag);
    perform sqlembed._exchange_generations(pair.present, pair.beside);
end
$function$;

comment on function sqlembed.rollback_generation(regclass, name, interval, interval) is
    'Make the previous generation of an embedding the current one again; what was current is the next one once more. As switch_generation, the other way round.';

create or replace function sqlembed.switch_generation(
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
    perform sqlembed._check_relation(switch_generation.relation);
    select c.present, c.beside
    into pair
    from sqlembed._current(switch_generation.relation, switch_generation.embedding, 'next') as c;
    perform sqlembed._refuse_unready(pair.present, pair.beside, switch_generation.lag);
    perform sqlembed._lock_briefly(
        pg_catalog.array_remove(array[(pair.present).relation, (pair.present).side, (pair.beside).side], null),
        switch_generation.timeout
    );
    -- Whoever has waited here sees what the other has made of it, and nobody writes any more.
    select c.present, c.beside
    into pair
    from sqlembed._current(switch_generation.relation, switch_generation.embedding, 'next') as c;
    perform sqlembed._refuse_unready(pair.present, pair.beside, switch_generation.lag);
    perform sqlembed._exchange_generations(pair.present, pair.beside);
end
$function$;

comment on function sqlembed.switch_generation(regclass, name, interval, interval) is
    'Make the next generation of an embedding the current one, under its name: a short transaction that exchanges names and moves no vector. Searches see either the one or the other, each with its own embedder. Rows that were written within lag may still wait for their vector, as after any change; an error where older ones do, where rows were given up, or where the index is missing. What was current is the previous generation, kept up to date for rollback_generation until drop_generation.';

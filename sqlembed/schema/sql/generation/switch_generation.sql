create or replace function sqlembed.switch_generation(
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
        switch_generation.relation, switch_generation.embedding, 'next', switch_generation.lag, switch_generation.timeout
    )
$function$;

comment on function sqlembed.switch_generation(regclass, name, interval, interval) is
    'Make the next generation of an embedding the current one, under its name: a short transaction that exchanges names and moves no vector. Searches see either the one or the other, each with its own embedder. Rows that were written within lag may still wait for their vector, as after any change; an error where older ones do, where rows were given up, or where the index is missing. What was current is the previous generation, kept up to date for rollback_generation until drop_generation.';

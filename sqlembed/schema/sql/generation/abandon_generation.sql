create or replace function sqlembed.abandon_generation(
    relation regclass,
    embedding name default null,
    timeout interval default '30 s'
)
returns void
language plpgsql
volatile
as $function$
declare
    pair record;
begin
    perform sqlembed._check_relation(abandon_generation.relation);
    perform sqlembed._lock_briefly(array[abandon_generation.relation], abandon_generation.timeout);
    select c.present, c.beside
    into pair
    from sqlembed._current(abandon_generation.relation, abandon_generation.embedding, 'next') as c;
    perform sqlembed.drop_embedding((pair.beside).relation, (pair.beside).name, keep_column => false);
end
$function$;

comment on function sqlembed.abandon_generation(regclass, name, interval) is
    'Give up the next generation of an embedding: its column or side table goes, and what waits for it. The current one is not touched.';

create or replace function sqlembed.drop_generation(
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
    perform sqlembed._check_relation(drop_generation.relation);
    perform sqlembed._lock_briefly(array[drop_generation.relation], drop_generation.timeout);
    select c.present, c.beside
    into pair
    from sqlembed._current(drop_generation.relation, drop_generation.embedding, 'previous') as c;
    perform sqlembed.drop_embedding((pair.beside).relation, (pair.beside).name, keep_column => false);
end
$function$;

comment on function sqlembed.drop_generation(regclass, name, interval) is
    'Drop the previous generation of an embedding, after which there is no way back: its column or side table goes.';

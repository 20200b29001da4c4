create or replace function sqlembed._take_place(
    relation regclass,
    embedding name,
    generation text,
    lag interval,
    timeout interval
)
returns void
language plpgsql
volatile
as $function$
declare
    pair record;
begin
    perform sqlembed._check_relation(_take_place.relation);
    select c.present, c.beside
    into pair
    from sqlembed._current(_take_place.relation, _take_place.embedding, _take_place.generation) as c;
    perform sqlembed._refuse_unready(pair.present, pair.beside, _take_place.lag);
    perform sqlembed._lock_briefly(
        pg_catalog.array_remove(array[(pair.present).relation, (pair.present).side, (pair.beside).side], null),
        _take_place.timeout
    );
    -- Whoever has waited here sees what the other has made of it, and nobody writes any more.
    select c.present, c.beside
    into pair
    from sqlembed._current(_take_place.relation, _take_place.embedding, _take_place.generation) as c;
    perform sqlembed._refuse_unready(pair.present, pair.beside, _take_place.lag);
    perform sqlembed._exchange_generations(pair.present, pair.beside);
end
$function$;

comment on function sqlembed._take_place(regclass, name, text, interval, interval) is
    'Let the generation beside an embedding, next or previous, become the current one.';

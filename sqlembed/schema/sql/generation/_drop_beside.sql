create or replace function sqlembed._drop_beside(
    relation regclass,
    embedding name,
    generation text,
    timeout interval
)
returns void
language plpgsql
volatile
as $function$
declare
    pair record;
begin
    perform sqlembed._check_relation(_drop_beside.relation);
    perform sqlembed._lock_briefly(array[_drop_beside.relation], _drop_beside.timeout);
    select c.present, c.beside
    into pair
    from sqlembed._current(_drop_beside.relation, _drop_beside.embedding, _drop_beside.generation) as c;
    perform sqlembed.drop_embedding((pair.beside).relation, (pair.beside).name, keep_column => false);
end
$function$;

comment on function sqlembed._drop_beside(regclass, name, text, interval) is
    'Drop the generation beside an embedding, next or previous, with its column or side table.';

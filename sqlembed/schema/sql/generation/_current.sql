create or replace function sqlembed._current(relation regclass, name name, generation text, out present sqlembed.embedding, out beside sqlembed.embedding)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
begin
    present := sqlembed._embedding_of(_current.relation, _current.name);
    if present.generation <> 'current' then
        raise exception 'sqlembed: % of % is the % generation of another embedding',
            quote_ident(present.name), present.relation, present.generation
            using errcode = 'SE014',
                hint = format(
                    'Name the embedding itself: %I.', (select e.name from sqlembed.embedding as e where e.id = present.generation_of)
                );
    end if;
    beside := sqlembed._beside(present);
    if beside.id is null or beside.generation <> _current.generation then
        raise exception 'sqlembed: % of % has no % generation',
            quote_ident(present.name), present.relation, coalesce(_current.generation, 'other')
            using errcode = 'SE013',
                hint = case
                    when coalesce(_current.generation, 'next') = 'next'
                    then format('Build it: select sqlembed.create_generation(%L, ''another embedder'').', present.relation)
                    else 'select * from sqlembed.generation tells what there is.'
                end;
    end if;
end
$function$;

comment on function sqlembed._current(regclass, name, text) is
    'An embedding and the generation beside it; an error where it is not the one that is meant, NULL for either.';

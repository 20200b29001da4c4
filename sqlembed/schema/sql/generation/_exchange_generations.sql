create or replace function sqlembed._exchange_generations(present sqlembed.embedding, beside sqlembed.embedding) returns void
language plpgsql
volatile
as $function$
declare
    present sqlembed.embedding := _exchange_generations.present;
    beside sqlembed.embedding := _exchange_generations.beside;
    other text := case beside.generation when 'next' then 'previous' else 'next' end;
    aside name := sqlembed._side_name(present.name::text || '_' || other);
    described text := pg_catalog.col_description(coalesce(present.side, present.relation), present.vector_number);
    made sqlembed.embedding;
begin
    perform sqlembed._refuse_renamed(present);
    perform sqlembed._refuse_renamed(beside);
    perform sqlembed._copy_rights(present, beside);
    execute pg_catalog.format(
        'alter table %s rename column %I to %I', coalesce(present.side, present.relation), present.name, aside
    );
    execute pg_catalog.format(
        'alter table %s rename column %I to %I', coalesce(beside.side, beside.relation), beside.name, present.name
    );
    if present.side is not null then
        perform sqlembed._exchange_tables(present.side, beside.side, other);
    end if;
    execute pg_catalog.format(
        'comment on column %s.%I is %L', coalesce(beside.side, beside.relation), present.name, described
    );
    execute pg_catalog.format(
        'comment on column %s.%I is %L', coalesce(present.side, present.relation), aside,
        pg_catalog.format('The %s generation of %I. Made by sqlembed; written by workers.', other, present.name)
    );
    -- At once: the one gets the name of the other.
    update sqlembed.embedding as e
    set
        name = case e.id when present.id then aside else present.name end,
        generation = case e.id when present.id then other else 'current' end,
        generation_of = case e.id when present.id then beside.id end,
        timing = case e.id when present.id then 'async' else present.timing end,
        on_change = present.on_change,
        full_text = case e.id when present.id then null else present.full_text end,
        full_text_column = case e.id when present.id then null else present.full_text_column end,
        rows_per_second = null
    where e.id in (present.id, beside.id);
    for made in
        select e.* from sqlembed.embedding as e where e.id in (present.id, beside.id) order by e.id
    loop
        perform sqlembed._attach_triggers(made);
    end loop;
    perform pg_catalog.pg_notify('sqlembed', '');
end
$function$;

comment on function sqlembed._exchange_generations(sqlembed.embedding, sqlembed.embedding) is
    'Let the generation beside an embedding take its place, name, timing, on_change and words, and the other way round. The caller has locked the tables.';

create or replace function sqlembed._check_declaration() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $function$
begin
    -- What numbers mean is looked up here, of what was declared and of what it was altered to.
    new.vector_number := (sqlembed._column_numbers(coalesce(new.side, new.relation), array[new.name]))[1];
    new.source_numbers := sqlembed._column_numbers(new.relation, new.source_columns);
    new.numbered_in := new.relation::oid;
    if not exists (select from sqlembed.embedder_key as k where k.embedder = new.embedder) then
        raise exception 'sqlembed: permission denied for embedder %', quote_ident(new.embedder)
            using errcode = '42501',
                hint = format('Its owner can say: select sqlembed.grant_embedder(%L, %L).', new.embedder, current_user);
    end if;
    new.chunking := sqlembed._checked_chunking(new.chunking);
    -- They become part of a statement, which an administrator may run.
    new.index_options := sqlembed._check_index(new.index, new.index_options);
    if new.generation_of is not null and not exists (
        select from sqlembed.embedding as e where e.id = new.generation_of and e.relation = new.relation and e.place = new.place
    ) then
        raise exception 'sqlembed: a generation stands beside an embedding of the same table'
            using errcode = 'SE014', hint = 'select sqlembed.create_generation(...) declares one.';
    end if;
    if tg_op = 'UPDATE' then
        return new;
    end if;
    -- Owners of tables may insert here, and what they write about the key becomes SQL that runs with
    -- the rights of the owner of sqlembed.
    perform sqlembed._check_relation(new.relation);
    if new.side is not null then
        -- Workers write to it with their own rights.
        perform sqlembed._check_relation(new.side);
        perform sqlembed._refuse_side(new.relation, new.side, new.name, new.chunking is not null);
    end if;
    select
        k.columns,
        sqlembed._column_types(new.relation, k.columns),
        k.expression
    into new.key_columns, new.key_types, new.key_expression
    from sqlembed._key_sql(new.relation) as k;
    new.members := sqlembed._members(new.relation);
    return new;
end
$function$;

comment on function sqlembed._check_declaration() is
    'Row trigger of embedding: whoever declares or alters one must own the table and may use the embedder, and what belongs to the key is never taken from the user.';

create or replace trigger check_declaration
before insert or update of
    embedder, dimensions, declared_source, timing, on_change, metric, storage, index, index_options, chunking,
    generation_of
on sqlembed.embedding
for each row execute function sqlembed._check_declaration();

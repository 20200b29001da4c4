create or replace function sqlembed.alter_embedding(
    relation regclass,
    embedding name default 'embedding',
    embedder text default null,
    dimensions integer default null,
    source text default null,
    timing text default null,
    on_change text default null,
    metric text default null,
    storage text default null,
    index text default null,
    index_options jsonb default null,
    index_name name default null,
    full_text text default null,
    chunking jsonb default null
)
returns bigint
language plpgsql
volatile
as $function$
declare
    present sqlembed.embedding := sqlembed._embedding_of(alter_embedding.relation, alter_embedding.embedding);
    wanted sqlembed.embedding;
    canonical record;
    is_resourced boolean;
    is_recut boolean;
    is_emptied boolean;
    queued bigint := 0;
begin
    perform sqlembed._check_relation(alter_embedding.relation);
    -- As when it was declared; and whoever has waited here sees what the other has made of it.
    execute pg_catalog.format('lock table %s in share row exclusive mode', alter_embedding.relation);
    present := sqlembed._embedding_of(alter_embedding.relation, alter_embedding.embedding);
    perform sqlembed._refuse_renamed(present);
    if (sqlembed._beside(present)).generation operator(pg_catalog.=) 'next' then
        raise exception 'sqlembed: the next generation of % of % is being built as the present one was declared',
            pg_catalog.quote_ident(present.name), present.relation
            using errcode = 'SE014',
                hint = pg_catalog.format(
                    'First: select sqlembed.switch_generation(%1$L, %2$L), or sqlembed.abandon_generation(%1$L, %2$L).',
                    present.relation, present.name
                );
    end if;
    wanted := present;
    wanted.embedder := coalesce(alter_embedding.embedder, present.embedder);
    wanted.timing := coalesce(alter_embedding.timing, present.timing);
    wanted.on_change := coalesce(alter_embedding.on_change, present.on_change);
    wanted.metric := coalesce(alter_embedding.metric, present.metric);
    wanted.storage := coalesce(alter_embedding.storage, present.storage);
    wanted.index := coalesce(alter_embedding.index, present.index);
    wanted.index_options := sqlembed._check_index(
        wanted.index,
        -- Another kind has other options.
        coalesce(
            alter_embedding.index_options, case when wanted.index operator(pg_catalog.=) present.index then present.index_options end
        )
    );
    wanted.chunking := coalesce(sqlembed._checked_chunking(alter_embedding.chunking), present.chunking);
    if (wanted.chunking is null) operator(pg_catalog.<>) (present.chunking is null) then
        raise exception 'sqlembed: % of % is not cut into chunks, and to do so takes another side table',
            pg_catalog.quote_ident(present.name), present.relation
            using errcode = 'SE014', hint = 'Declare it anew: drop_embedding, then create_embedding.';
    end if;
    wanted.full_text := case
        when alter_embedding.full_text is null then present.full_text
        when alter_embedding.full_text operator(pg_catalog.<>) ''
        then sqlembed._text_search_config(alter_embedding.full_text::pg_catalog.regconfig)
    end;
    if alter_embedding.source is not null then
        select c.* into canonical
        from sqlembed._canonical_source(alter_embedding.relation, alter_embedding.source) as c;
        perform sqlembed._refuse_vector_source(alter_embedding.relation, present.name, canonical.columns);
        wanted.source := canonical.expression;
        wanted.declared_source := alter_embedding.source;
        wanted.source_columns := canonical.columns;
    end if;
    perform sqlembed._check_options(wanted.timing, wanted.on_change, wanted.metric, wanted.storage, wanted.place);
    wanted.dimensions := sqlembed._wanted_dimensions(wanted.embedder, alter_embedding.dimensions);

    is_resourced := wanted.source operator(pg_catalog.<>) present.source;
    is_recut := coalesce(wanted.chunking operator(pg_catalog.<>) present.chunking, false);
    -- Vectors of two embedders cannot be compared, and a change of type would rewrite the table behind
    -- an exclusive lock: the column is made anew, in an instant, and filled by workers.
    is_emptied := (wanted.embedder, wanted.dimensions, wanted.storage)
        operator(pg_catalog.<>) (present.embedder, present.dimensions, present.storage);

    perform sqlembed._refuse_index(
        present.relation, present.name, wanted.embedder, wanted.dimensions, wanted.storage, not is_emptied, wanted.index,
        wanted.index_options
    );
    if is_emptied then
        perform sqlembed._drop_triggers(present.id, '{}', '{}');
        perform sqlembed._empty_column(present, wanted);
    end if;
    if (is_resourced and wanted.full_text is not null) or wanted.full_text is distinct from present.full_text then
        if present.full_text_column is not null then
            execute pg_catalog.format('alter table %s drop column if exists %I', present.relation, present.full_text_column);
        end if;
        wanted.full_text_column := case
            when wanted.full_text is not null
            then sqlembed._prepare_full_text(present.relation, present.name, wanted.full_text, wanted.source)
        end;
    end if;
    update sqlembed.embedding as e
    set
        embedder = wanted.embedder,
        dimensions = wanted.dimensions,
        source = wanted.source,
        declared_source = wanted.declared_source,
        source_columns = wanted.source_columns,
        timing = wanted.timing,
        on_change = wanted.on_change,
        metric = wanted.metric,
        storage = wanted.storage,
        index = wanted.index,
        index_options = wanted.index_options,
        chunking = wanted.chunking,
        full_text = wanted.full_text,
        full_text_column = wanted.full_text_column
    where e.id operator(pg_catalog.=) present.id
    returning * into wanted;
    if is_resourced and wanted.side is not null then
        perform sqlembed._make_hash_function(wanted, replaces => true);
    end if;
    if is_emptied or is_resourced
        or (wanted.timing, wanted.on_change) operator(pg_catalog.<>) (present.timing, present.on_change)
    then
        perform sqlembed._attach_triggers(wanted);
    end if;
    if is_emptied or alter_embedding.index_name is not null
        or (wanted.metric, wanted.index, coalesce(wanted.index_options, '{}'))
            operator(pg_catalog.<>) (present.metric, present.index, coalesce(present.index_options, '{}'))
    then
        perform sqlembed._exchange_index(present, wanted, alter_embedding.index_name);
    end if;
    if is_emptied or is_resourced or is_recut then
        execute pg_catalog.format(
            'insert into sqlembed.change (embedding, key) select %s, %s from %s as r',
            wanted.id, (select k.expression from sqlembed._key_sql(wanted.relation) as k), wanted.relation
        );
        get diagnostics queued = row_count;
        perform pg_catalog.pg_notify('sqlembed', '');
    end if;
    return queued;
end
$function$;

comment on function sqlembed.alter_embedding(
    regclass, name, text, integer, text, text, text, text, text, text, jsonb, name, text, jsonb
) is
    'Change how a vector column is kept; what is null stays. Another source queues all rows, whose present vectors stay meanwhile. Another timing or on_change makes the triggers anew. Another metric or index, or other index_options ({} for none), builds the new index and then drops the old one, or takes over index_name, built before. Another embedder or storage makes the column anew, empty, and queues all rows. Other chunking cuts all texts again. full_text '''' takes the full text off. Returns how many rows it queued.';

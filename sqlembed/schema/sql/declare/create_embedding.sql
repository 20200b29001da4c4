create or replace function sqlembed.create_embedding(
    relation regclass,
    embedder text,
    source text,
    embedding name default 'embedding',
    timing text default 'async',
    on_change text default 'hide',
    metric text default 'cosine',
    storage text default null,
    index text default 'hnsw',
    place text default 'row',
    chunking jsonb default null,
    adopt text default 'keep',
    if_not_exists boolean default false,
    full_text regconfig default null,
    index_options jsonb default null,
    dimensions integer default null
)
returns bigint
language plpgsql
volatile
as $function$
declare
    key record;
    canonical record;
    prepared record;
    options jsonb := sqlembed._check_index(create_embedding.index, create_embedding.index_options);
    beside record;
    chunking jsonb := sqlembed._checked_chunking(create_embedding.chunking);
    place text := create_embedding.place;
    config text := sqlembed._text_search_config(create_embedding.full_text);
    declared sqlembed.embedding;
    queued bigint;
begin
    perform sqlembed._check_options(
        create_embedding.timing, create_embedding.on_change, create_embedding.metric, create_embedding.storage, place
    );
    perform sqlembed._check_choice('adopt', create_embedding.adopt, '{keep,check,recompute}');
    if create_embedding.timing operator(pg_catalog.=) 'sync' and chunking is not null then
        raise exception 'sqlembed: timing ''sync'' with chunking is not available in this version'
            using errcode = 'SE014',
                hint = 'Only a worker cuts texts: say timing => ''async'', and call sqlembed.wait_until_embedded where the chunks are needed at once.';
    end if;
    if chunking is not null then
        -- A row has several.
        place := 'side';
    end if;

    perform sqlembed._check_relation(create_embedding.relation);
    perform sqlembed._check_family(create_embedding.relation, create_embedding.embedding);
    if create_embedding.adopt operator(pg_catalog.=) 'check' and not exists (
        select
        from sqlembed.embedding as e
        where e.relation operator(pg_catalog.=) create_embedding.relation
            and e.name operator(pg_catalog.=) create_embedding.embedding
    ) then
        -- A worker computes meanwhile, so nothing is locked yet.
        perform sqlembed._check_adopted(
            create_embedding.relation, create_embedding.embedding, create_embedding.embedder, create_embedding.source,
            create_embedding.metric, place, chunking is not null
        );
    end if;
    -- Two sessions that declare on one table take turns, and no row slips in between queue and trigger.
    execute pg_catalog.format('lock table %s in share row exclusive mode', create_embedding.relation);
    select k.* into key from sqlembed._key_sql(create_embedding.relation) as k;
    if key.columns is null then
        raise exception 'sqlembed: table % has no primary key', create_embedding.relation
            using errcode = 'SE010',
                hint = pg_catalog.format(
                    'Workers find rows by it: alter table %s add column id bigint generated always as identity primary key.',
                    create_embedding.relation
                );
    end if;
    select c.* into canonical
    from sqlembed._canonical_source(create_embedding.relation, create_embedding.source) as c;

    select e.*
    into declared
    from sqlembed.embedding as e
    where e.relation operator(pg_catalog.=) create_embedding.relation
        and e.name operator(pg_catalog.=) create_embedding.embedding;
    if declared.id is not null then
        if create_embedding.if_not_exists
            and (
                declared.embedder, declared.source, declared.timing, declared.on_change, declared.metric, declared.storage,
                declared.index, declared.place, coalesce(declared.full_text, ''), coalesce(declared.index_options, '{}'),
                coalesce(declared.chunking, 'null')
            )
                operator(pg_catalog.=)
                (
                    create_embedding.embedder, canonical.expression, create_embedding.timing, create_embedding.on_change,
                    create_embedding.metric, coalesce(create_embedding.storage, declared.storage), create_embedding.index,
                    place, coalesce(config, ''), coalesce(options, '{}'), coalesce(chunking, 'null')
                )
        then
            return 0;
        end if;
        raise exception 'sqlembed: column % of % is an embedding already',
            pg_catalog.quote_ident(create_embedding.embedding), create_embedding.relation
            using errcode = 'SE011',
                hint = pg_catalog.format(
                    'To declare it otherwise, first: select sqlembed.drop_embedding(%L, %L).',
                    create_embedding.relation, create_embedding.embedding
                );
    end if;
    perform sqlembed._refuse_vector_source(create_embedding.relation, create_embedding.embedding, canonical.columns);
    if place operator(pg_catalog.=) 'side' then
        select s.*
        into beside
        from sqlembed._prepare_side(create_embedding.relation, create_embedding.embedding, chunking is not null) as s;
    else
        select null::pg_catalog.regclass as side, null::name as hash_function, true as is_new into beside;
    end if;

    if create_embedding.dimensions is not null then
        perform sqlembed._wanted_dimensions(create_embedding.embedder, create_embedding.dimensions);
    end if;
    prepared := sqlembed._prepare_column(
        coalesce(beside.side, create_embedding.relation), create_embedding.embedding, create_embedding.embedder,
        create_embedding.index, options, create_embedding.storage
    );
    insert into sqlembed.embedding (
        relation, name, embedder, source, declared_source, timing, on_change, metric, storage, index, index_options, place,
        side, hash_function, chunking, dimensions, key_columns, key_expression, source_columns, full_text, full_text_column
    )
    values (
        create_embedding.relation, create_embedding.embedding, create_embedding.embedder, canonical.expression,
        create_embedding.source, create_embedding.timing, create_embedding.on_change, create_embedding.metric,
        prepared.storage, create_embedding.index, options, place, beside.side,
        beside.hash_function, chunking, prepared.dimensions, key.columns, key.expression, canonical.columns,
        config,
        case
            when config is not null
            then sqlembed._prepare_full_text(
                create_embedding.relation, create_embedding.embedding, config, canonical.expression
            )
        end
    )
    returning * into declared;

    if declared.side is not null then
        perform sqlembed._make_hash_function(declared);
        perform sqlembed._share_side(declared.relation, declared.side);
    end if;
    perform sqlembed._attach_triggers(declared);
    if create_embedding.index operator(pg_catalog.<>) 'none' then
        perform sqlembed._build_index(declared);
    end if;

    if chunking is not null and not beside.is_new and create_embedding.adopt operator(pg_catalog.=) 'recompute' then
        -- No vector is taken for that of an unchanged chunk.
        execute pg_catalog.format('update %s set chunk_hash = %L', declared.side, '');
    end if;
    execute pg_catalog.format(
        'insert into sqlembed.change (embedding, key) select %s, %s from %s as r where not (%s) or %L',
        declared.id, declared.key_expression, declared.relation, sqlembed._vector_test(declared, 'r'),
        create_embedding.adopt operator(pg_catalog.=) 'recompute'
    );
    get diagnostics queued = row_count;
    if not beside.is_new then
        -- What was deleted while nobody looked.
        insert into sqlembed.change (embedding, key) values (declared.id, '[]');
    end if;
    perform pg_catalog.pg_notify('sqlembed', '');
    return queued;
end
$function$;

comment on function sqlembed.create_embedding(
    regclass, text, text, name, text, text, text, text, text, text, jsonb, text, boolean, regconfig,
    jsonb, integer
) is
    'Keep a vector column up to date with a source expression over its row: adds the column if it is missing, or takes over the one that is there (adopt: keep its vectors, check a sample of them by computing it again, or recompute all), attaches triggers, builds the index and queues the rows that have no vector. With full_text, a language such as english, it also keeps the words of the source in a column of their own, with an index. With chunking, such as {"tokens": 256, "overlap": 32}, long texts are cut, and the chunks with their vectors stand in a side table. index is hnsw, binary (one bit a dimension), prefix (the first dimensions alone) or none. dimensions makes an embedder known that nobody has registered yet. Returns how many it queued.';

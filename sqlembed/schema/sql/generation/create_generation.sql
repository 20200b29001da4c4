create or replace function sqlembed.create_generation(
    relation regclass,
    embedder text default null,
    embedding name default null,
    source text default null,
    dimensions integer default null,
    metric text default null,
    storage text default null,
    index text default null,
    index_options jsonb default null,
    chunking jsonb default null,
    rows_per_second integer default null,
    generation text default 'next',
    timeout interval default '30 s'
)
returns void
language plpgsql
volatile
as $function$
declare
    present sqlembed.embedding := sqlembed._embedding_of(create_generation.relation, create_generation.embedding);
    wanted sqlembed.embedding;
    side record;
begin
    perform sqlembed._check_relation(create_generation.relation);
    if (create_generation.rows_per_second operator(pg_catalog.>=) 1) is false then
        raise exception 'sqlembed: rows_per_second must be 1 or more, not %', create_generation.rows_per_second
            using errcode = 'SE014', hint = 'It is how many rows a worker embeds a second; without it, as many as it can.';
    end if;
    perform sqlembed._lock_briefly(array[create_generation.relation], create_generation.timeout);
    present := sqlembed._embedding_of(create_generation.relation, create_generation.embedding);
    perform sqlembed._refuse_renamed(present);
    wanted := sqlembed._wanted_generation(
        present, create_generation.embedder, create_generation.source, create_generation.metric, create_generation.index,
        create_generation.index_options, create_generation.chunking, create_generation.generation
    );
    wanted.rows_per_second := create_generation.rows_per_second;
    wanted.dimensions := sqlembed._wanted_dimensions(wanted.embedder, create_generation.dimensions);
    perform sqlembed._check_options(
        wanted.timing, wanted.on_change, wanted.metric, create_generation.storage, wanted.place
    );
    if wanted.place operator(pg_catalog.=) 'side' then
        select s.*
        into side
        from sqlembed._prepare_side(create_generation.relation, wanted.name, wanted.chunking is not null) as s;
        if not side.is_new then
            perform sqlembed._refuse_leftover(side.side::text);
        end if;
        wanted.side := side.side;
        wanted.hash_function := sqlembed._hash_name(present);
    end if;
    select p.storage
    into wanted.storage
    from sqlembed._prepare_column(
        coalesce(wanted.side, wanted.relation), wanted.name, wanted.embedder, wanted.index, wanted.index_options,
        -- Without one, by the dimensions.
        coalesce(create_generation.storage, case present.storage when 'halfvec' then 'halfvec' end)
    ) as p;
    insert into sqlembed.embedding (
        relation, name, embedder, source, declared_source, timing, on_change, metric, storage, index, index_options, place,
        side, hash_function, chunking, dimensions, key_columns, key_expression, source_columns, generation, generation_of,
        rows_per_second, queued_at
    )
    select
        wanted.relation, wanted.name, wanted.embedder, wanted.source, wanted.declared_source, wanted.timing, wanted.on_change,
        wanted.metric, wanted.storage, wanted.index, wanted.index_options, wanted.place, wanted.side, wanted.hash_function,
        wanted.chunking, wanted.dimensions, wanted.key_columns, wanted.key_expression, wanted.source_columns,
        wanted.generation, wanted.generation_of, wanted.rows_per_second, null
    returning * into wanted;
    update sqlembed.embedding as e
    set index_name = sqlembed._index_name(present, wanted)
    where e.id operator(pg_catalog.=) wanted.id and wanted.index operator(pg_catalog.<>) 'none';

    if wanted.side is not null then
        perform sqlembed._make_hash_function(wanted);
        perform sqlembed._share_side(wanted.relation, wanted.side);
    end if;
    perform sqlembed._copy_rights(present, wanted);
    perform sqlembed._attach_triggers(wanted);
    -- A worker queues the rows, in a transaction that does not keep others from the table.
    perform pg_catalog.pg_notify('sqlembed', '');
end
$function$;

comment on function sqlembed.create_generation(
    regclass, text, name, text, integer, text, text, text, jsonb, jsonb, integer, text, interval
) is
    'Begin the next generation of an embedding beside the present one: another embedder, source, metric, index or chunking, in a column or side table of its own, named ..._next. What is null stays as it is. Workers fill it when they have caught up with what is written, at most rows_per_second each; new rows go to both; searches use the present one until switch_generation. Its index is left to the end: generation_index says how to build it. A worker queues its rows within seconds. With generation => ''previous'' it is built as the one that rollback_generation goes back to, so that drop_generation can be undone.';

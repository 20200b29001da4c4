create or replace function sqlembed._wanted_generation(
    present sqlembed.embedding,
    embedder text,
    source text,
    metric text,
    index text,
    index_options jsonb,
    chunking jsonb,
    generation text
)
returns sqlembed.embedding
language plpgsql
volatile
as $function$
declare
    present sqlembed.embedding := _wanted_generation.present;
    wanted sqlembed.embedding := present;
    other sqlembed.embedding := sqlembed._beside(present);
    canonical record;
begin
    if _wanted_generation.generation operator(pg_catalog.<>) all ('{next,previous}'::pg_catalog.text[]) then
        raise exception 'sqlembed: generation must be next or previous, not %', pg_catalog.quote_literal(_wanted_generation.generation)
            using errcode = 'SE014', hint = 'next is what switch_generation takes, previous what rollback_generation takes.';
    end if;
    if present.generation operator(pg_catalog.<>) 'current' then
        raise exception 'sqlembed: % of % is the % generation of another embedding',
            pg_catalog.quote_ident(present.name), present.relation, present.generation
            using errcode = 'SE014', hint = 'Name the embedding itself.';
    end if;
    if other.id is not null then
        raise exception 'sqlembed: % of % has a % generation already',
            pg_catalog.quote_ident(present.name), present.relation, other.generation
            using errcode = 'SE011',
                hint = pg_catalog.format(
                    case other.generation
                        when 'next' then 'First: select sqlembed.switch_generation(%1$L, %2$L), or sqlembed.abandon_generation(%1$L, %2$L).'
                        else 'First: select sqlembed.drop_generation(%1$L, %2$L).'
                    end,
                    present.relation, present.name
                );
    end if;
    wanted.embedder := coalesce(_wanted_generation.embedder, present.embedder);
    wanted.metric := coalesce(_wanted_generation.metric, present.metric);
    wanted.index := coalesce(_wanted_generation.index, present.index);
    wanted.index_options := sqlembed._check_index(
        wanted.index,
        -- Another kind has other options.
        coalesce(
            _wanted_generation.index_options, case when wanted.index operator(pg_catalog.=) present.index then present.index_options end
        )
    );
    wanted.chunking := coalesce(sqlembed._checked_chunking(_wanted_generation.chunking), present.chunking);
    if (wanted.chunking is null) operator(pg_catalog.<>) (present.chunking is null) then
        raise exception 'sqlembed: % of % is not cut into chunks, and searches would find others than rows',
            pg_catalog.quote_ident(present.name), present.relation
            using errcode = 'SE014', hint = 'Declare a second embedding with chunking, and drop this one.';
    end if;
    if _wanted_generation.source is not null then
        select c.* into canonical
        from sqlembed._canonical_source(present.relation, _wanted_generation.source) as c;
        perform sqlembed._refuse_vector_source(present.relation, present.name, canonical.columns);
        if present.full_text is not null and canonical.expression operator(pg_catalog.<>) present.source then
            raise exception 'sqlembed: the words of % of % are kept in a column of their own, which is made of its source',
                pg_catalog.quote_ident(present.name), present.relation
                using errcode = 'SE014',
                    hint = pg_catalog.format(
                        'Another source rewrites it. Take it off: select sqlembed.alter_embedding(%L, %L, full_text => '''').',
                        present.relation, present.name
                    );
        end if;
        wanted.source := canonical.expression;
        wanted.declared_source := _wanted_generation.source;
        wanted.source_columns := canonical.columns;
    end if;
    wanted.name := sqlembed._side_name(present.name::text || '_' || _wanted_generation.generation);
    -- Writers do not wait for two models.
    wanted.timing := 'async';
    wanted.generation := _wanted_generation.generation;
    wanted.generation_of := present.id;
    if wanted.place operator(pg_catalog.=) 'row' and exists (
        select
        from pg_catalog.pg_attribute as a
        where a.attrelid operator(pg_catalog.=) present.relation
            and a.attname operator(pg_catalog.=) wanted.name
            and not a.attisdropped
    ) then
        perform sqlembed._refuse_leftover(pg_catalog.format('%s.%I', present.relation, wanted.name));
    end if;
    return wanted;
end
$function$;

comment on function sqlembed._wanted_generation(sqlembed.embedding, text, text, text, text, jsonb, jsonb, text) is
    'The declaration of a generation beside an embedding, checked, without what its column or side table decides.';

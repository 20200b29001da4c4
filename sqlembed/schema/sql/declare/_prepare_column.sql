create or replace function sqlembed._prepare_column(
    relation regclass,
    name name,
    embedder text,
    index text,
    index_options jsonb,
    inout storage text,
    out dimensions integer
)
language plpgsql
volatile
as $function$
declare
    present record;
    wanted_type text;
begin
    select a.atttypmod, pg_catalog.format_type(a.atttypid, a.atttypmod) as type_name, t.typname, a.attgenerated, a.attnotnull
    into present
    from pg_catalog.pg_attribute as a
    join pg_catalog.pg_type as t on t.oid operator(pg_catalog.=) a.atttypid
    where a.attrelid operator(pg_catalog.=) _prepare_column.relation
        and a.attname operator(pg_catalog.=) _prepare_column.name
        and a.attnum operator(pg_catalog.>) 0
        and not a.attisdropped;

    select e.dimensions
    into _prepare_column.dimensions
    from sqlembed.embedder as e
    where e.name operator(pg_catalog.=) _prepare_column.embedder;
    if not found then
        if (present.typname in (coalesce(_prepare_column.storage, 'vector'), coalesce(_prepare_column.storage, 'halfvec')))
                is not true
            or present.atttypmod operator(pg_catalog.<=) 0
            or not pg_catalog.has_function_privilege('sqlembed._register_name(text, integer)', 'execute')
        then
            raise exception 'sqlembed: unknown embedder %', pg_catalog.quote_nullable(_prepare_column.embedder)
                using errcode = 'SE001',
                    hint = coalesce(
                        'Known: ' || (select pg_catalog.string_agg(e.name, ', ' order by e.name) from sqlembed.embedder as e) || '.',
                        'None is registered yet: start a worker once (sqlembed worker), or give the column first, with its dimensions.'
                    );
        end if;
        _prepare_column.dimensions := present.atttypmod;
        perform sqlembed._register_name(_prepare_column.embedder, _prepare_column.dimensions);
    end if;
    if not exists (
        select from sqlembed.embedder_key as k where k.embedder operator(pg_catalog.=) _prepare_column.embedder
    ) then
        raise exception 'sqlembed: permission denied for embedder %', pg_catalog.quote_ident(_prepare_column.embedder)
            using errcode = '42501',
                hint = pg_catalog.format(
                    'Its owner can say: select sqlembed.grant_embedder(%L, %L).', _prepare_column.embedder, current_user
                );
    end if;
    _prepare_column.storage := coalesce(
        _prepare_column.storage,
        case when present.typname in ('vector', 'halfvec') then present.typname end,
        -- The most that an index on vector takes.
        case when _prepare_column.dimensions operator(pg_catalog.>) 2000 then 'halfvec' else 'vector' end
    );
    perform sqlembed._refuse_index(
        _prepare_column.relation, _prepare_column.name, _prepare_column.embedder, _prepare_column.dimensions,
        _prepare_column.storage, present is not null, _prepare_column.index, _prepare_column.index_options
    );

    wanted_type := pg_catalog.format(
        '%s(%s)', case _prepare_column.storage when 'vector' then 'public.vector' else 'public.halfvec' end,
        _prepare_column.dimensions
    );
    if present is null then
        execute pg_catalog.format(
            'alter table %s add column %I %s', _prepare_column.relation, _prepare_column.name, wanted_type
        );
    elsif present.typname operator(pg_catalog.<>) _prepare_column.storage
        or present.atttypmod not in (_prepare_column.dimensions, -1)
        or present.attgenerated operator(pg_catalog.<>) ''
    then
        raise exception 'sqlembed: column % of % is of type %, and embedder % needs %',
            pg_catalog.quote_ident(_prepare_column.name), _prepare_column.relation, present.type_name,
            pg_catalog.quote_ident(_prepare_column.embedder), pg_catalog.format('%s(%s)', _prepare_column.storage, _prepare_column.dimensions)
            using errcode = 'SE011', hint = 'Name another column, as embedding => ''...'': it is added if it is missing.';
    elsif present.attnotnull then
        raise exception 'sqlembed: column % of % is not null, and a row has no vector until it is embedded',
            pg_catalog.quote_ident(_prepare_column.name), _prepare_column.relation
            using errcode = 'SE011',
                hint = pg_catalog.format(
                    'alter table %s alter column %I drop not null.', _prepare_column.relation, _prepare_column.name
                );
    elsif present.atttypmod operator(pg_catalog.=) -1 and _prepare_column.index operator(pg_catalog.<>) 'none' then
        raise exception 'sqlembed: column % of % has no fixed dimensions, which an index needs',
            pg_catalog.quote_ident(_prepare_column.name), _prepare_column.relation
            using errcode = 'SE011',
                hint = pg_catalog.format(
                    'alter table %s alter column %I type %s(%s), or say index => ''none''.',
                    _prepare_column.relation, _prepare_column.name, _prepare_column.storage,
                    _prepare_column.dimensions
                );
    end if;
end
$function$;

comment on function sqlembed._prepare_column(regclass, name, text, text, jsonb, text) is
    'Add the vector column, or check that the present one fits the embedder and the index. Returns its type, chosen where none is said, and the dimensions.';

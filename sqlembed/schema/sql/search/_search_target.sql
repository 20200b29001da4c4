create or replace function sqlembed._search_target(
    function_name text,
    source anyelement,
    name name,
    metric text,
    holds boolean default true
)
returns sqlembed.search_target
language plpgsql
stable
as $function$
declare
    row_type pg_catalog.regtype := pg_catalog.pg_typeof(_search_target.source);
    seen record;
    target sqlembed.search_target;
    vector_column name;
    -- Assigned to, because PERFORM takes several times as long.
    held pg_catalog.text;
begin
    select
        c.oid::pg_catalog.regclass as relation,
        c.relname,
        n.nspname,
        c.relkind,
        pg_catalog.row_security_active(c.oid) or c.relkind operator(pg_catalog.=) 'v' as may_hide,
        i.indexrelid as key_index,
        i.indnkeyatts as key_length,
        d.*
    into seen
    from pg_catalog.pg_type as t
    join pg_catalog.pg_class as c on c.oid operator(pg_catalog.=) t.typrelid and c.relkind operator(pg_catalog.<>) 'c'
    join pg_catalog.pg_namespace as n on n.oid operator(pg_catalog.=) c.relnamespace
    left join pg_catalog.pg_index as i on i.indrelid operator(pg_catalog.=) c.oid and i.indisprimary
    cross join lateral (
        select
            pg_catalog.count(*) as declared,
            pg_catalog.min(e.name::text)::name as name,
            pg_catalog.min(e.metric) as metric,
            pg_catalog.min(e.embedder) as embedder,
            pg_catalog.min(e.index) as index,
            pg_catalog.min(e.id) as id,
            pg_catalog.min(e.id) filter (where e.side is not null) as side_embedding
        from sqlembed.embedding as e
        where e.relation operator(pg_catalog.=) c.oid
            and e.name operator(pg_catalog.=) coalesce(_search_target.name, e.name)
            and (_search_target.name is not null or e.generation operator(pg_catalog.=) 'current')
    ) as d
    where t.oid operator(pg_catalog.=) row_type;
    if seen.relation is null then
        perform sqlembed._refuse_relation(
            _search_target.function_name,
            case when row_type operator(pg_catalog.=) 'regclass'::pg_catalog.regtype then _search_target.source::text end
        );
    end if;

    target.embedding := seen.name;
    if seen.declared operator(pg_catalog.<>) 1 then
        if _search_target.function_name operator(pg_catalog.=) 'search' then
            perform sqlembed._refuse_undeclared(seen.relation, _search_target.name);
        end if;
        vector_column := sqlembed._vector_column(seen.relation, _search_target.name);
        target.embedding := vector_column;
        seen.side_embedding := null;
    else
        -- Another generation may have got its name since the snapshot was taken; from here on none can.
        if _search_target.holds then
            held := sqlembed._hold(seen.relation);
        end if;
        select sqlembed._vector_name(e), e.side
        into vector_column, target.vector_relation
        from sqlembed.embedding as e
        where e.id operator(pg_catalog.=) seen.id;
        -- The server knows that it is gone, while this snapshot goes on to see it.
        if (
            pg_catalog.starts_with(vector_column::text, '........pg.dropped.')
            or pg_catalog.has_table_privilege(coalesce(target.vector_relation, seen.relation), 'select') is null
        ) and exists (
            select
            from sqlembed.embedding as e
            join pg_catalog.pg_attribute as a
                on a.attrelid operator(pg_catalog.=) coalesce(e.side, e.relation)
                and a.attnum operator(pg_catalog.=) e.vector_number
            where e.id operator(pg_catalog.=) seen.id and not a.attisdropped
        ) then
            raise exception 'sqlembed: the generation of % that this search began with has been dropped meanwhile',
                seen.relation
                using errcode = '40001', hint = 'Run it again: it then uses the one that took the place.';
        end if;
    end if;

    target.relation := seen.relation;
    target.embedder := seen.embedder;
    target.metric := coalesce(
        _search_target.metric, case when seen.declared operator(pg_catalog.=) 1 then seen.metric end, 'cosine'
    );
    target.is_guarded := seen.may_hide;
    target.row_type := row_type::text;
    -- The table keeps its name, because a filter may use it.
    target.row_name := pg_catalog.quote_ident(seen.relname);
    if seen.side_embedding is null then
        target.vector_relation := seen.relation;
        -- With its schema, or a common table expression around might be taken for it.
        target.from_clause := pg_catalog.format('%I.%I as %s', seen.nspname, seen.relname, target.row_name);
        target.vector := pg_catalog.format('%s.%I', target.row_name, vector_column);
    else
        select e.side, s.*
        into target.vector_relation, target.from_clause, target.vector, target.chunk, target.hash, target.hash_function
        from sqlembed.embedding as e
        cross join lateral sqlembed._side_source(e, seen.relname) as s
        where e.id operator(pg_catalog.=) seen.side_embedding;
    end if;
    -- What create_embedding was told to build need not be looked for.
    if seen.declared operator(pg_catalog.<>) 1 or seen.index in ('binary', 'prefix') then
        select r.kind, r.dimensions, r.ordering
        into target.index_kind, target.index_dimensions, target.ordering
        from sqlembed._rough_index(target.vector_relation, vector_column, target.metric, target.vector) as r;
    end if;
    target.distance := pg_catalog.format(
        '%s %s $1', target.vector, sqlembed._metric_operator(target.metric)
    );
    for n in 1..coalesce(seen.key_length, 0) loop
        target.key_columns[n] := pg_catalog.format(
            '%s.%s', target.row_name, pg_catalog.pg_get_indexdef(seen.key_index, n, false)
        );
    end loop;
    if target.key_columns is null and seen.relkind in ('r', 'p', 'm') then
        target.key_columns := array[target.row_name || '.tableoid', target.row_name || '.ctid'];
    end if;
    return target;
end
$function$;

comment on function sqlembed._search_target(text, anyelement, name, text, boolean) is
    'What a search reads: the table of a row type with its vectors, in the rows or in a table beside it, as parts of SQL in which $1 is the query vector. Unless it is told not to hold the table, names stay what they are.';

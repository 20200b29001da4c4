create or replace function sqlembed._plan_search(
    function_name text,
    source anyelement,
    k integer,
    name name,
    filter text,
    mode text,
    metric text,
    out relation regclass,
    out embedder text,
    out statement text,
    out exact_statement text
)
language plpgsql
stable
-- The look-up takes less time than planning it anew, as a session's first calls would.
set plan_cache_mode = force_generic_plan
as $function$
declare
    row_type pg_catalog.regtype := pg_catalog.pg_typeof(_plan_search.source);
    target record;
    vector_column name;
    from_clause text;
    vector text;
    key_columns text;
    distance text;
begin
    if (
        _plan_search.mode in ('vector', 'exact')
        and _plan_search.k operator(pg_catalog.>=) 1
        and (_plan_search.k operator(pg_catalog.<=) 1000 or _plan_search.mode operator(pg_catalog.=) 'exact')
        and (_plan_search.filter is null or not sqlembed._blank(_plan_search.filter))
    ) is not true then
        perform sqlembed._refuse_arguments(_plan_search.k, _plan_search.filter, _plan_search.mode);
    end if;
    select
        c.oid::pg_catalog.regclass as relation,
        c.relname,
        c.relkind,
        i.indexrelid as key_index,
        i.indnkeyatts as key_length,
        d.*
    into target
    from pg_catalog.pg_type as t
    join pg_catalog.pg_class as c on c.oid operator(pg_catalog.=) t.typrelid and c.relkind operator(pg_catalog.<>) 'c'
    left join pg_catalog.pg_index as i on i.indrelid operator(pg_catalog.=) c.oid and i.indisprimary
    cross join lateral (
        select
            pg_catalog.count(*) as declared,
            pg_catalog.min(e.name::text)::name as name,
            pg_catalog.min(e.metric) as metric,
            pg_catalog.min(e.embedder) as embedder,
            pg_catalog.min(e.id) filter (where e.side is not null) as side_embedding
        from sqlembed.embedding as e
        where e.relation operator(pg_catalog.=) c.oid and e.name operator(pg_catalog.=) coalesce(_plan_search.name, e.name)
    ) as d
    where t.oid operator(pg_catalog.=) row_type;
    if target.relation is null then
        perform sqlembed._refuse_relation(
            _plan_search.function_name,
            case when row_type operator(pg_catalog.=) 'regclass'::pg_catalog.regtype then _plan_search.source::text end
        );
    end if;

    _plan_search.relation := target.relation;
    _plan_search.embedder := target.embedder;
    vector_column := target.name;
    if target.declared operator(pg_catalog.<>) 1 then
        if _plan_search.function_name operator(pg_catalog.=) 'search' then
            perform sqlembed._refuse_undeclared(target.relation, _plan_search.name);
        end if;
        vector_column := sqlembed._vector_column(target.relation, _plan_search.name);
        target.metric := 'cosine';
        target.side_embedding := null;
    end if;
    if target.side_embedding is null then
        from_clause := pg_catalog.format('%s as %I', target.relation, target.relname);
        vector := pg_catalog.format('%I.%I', target.relname, vector_column);
    else
        select s.from_clause, s.vector
        into from_clause, vector
        from sqlembed.embedding as e
        cross join lateral sqlembed._side_source(e, target.relname) as s
        where e.id operator(pg_catalog.=) target.side_embedding;
    end if;
    for n in 1..coalesce(target.key_length, 0) loop
        key_columns := pg_catalog.concat_ws(
            ', ',
            key_columns,
            pg_catalog.format('%I.%s', target.relname, pg_catalog.pg_get_indexdef(target.key_index, n, false))
        );
    end loop;
    distance := pg_catalog.format('%s %s $1', vector, sqlembed._metric_operator(coalesce(_plan_search.metric, target.metric)));
    if _plan_search.mode operator(pg_catalog.=) 'vector' then
        _plan_search.statement := sqlembed._search_statement(
            target.relname, from_clause, row_type::text, target.relkind, vector, key_columns,
            distance, _plan_search.filter, 1
        );
    end if;
    _plan_search.exact_statement := sqlembed._search_statement(
        target.relname, from_clause, row_type::text, target.relkind, vector, key_columns,
        distance, _plan_search.filter, 2
    );
end
$function$;

comment on function sqlembed._plan_search(text, anyelement, integer, name, text, text, text) is
    'Check the arguments of a search, find its table and vector column, and make its statements for the query vector $1 and k $2: one that may use a vector index, unless it is to be exact, and one that does not.';

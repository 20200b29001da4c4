create or replace function sqlembed._search_path(
    target sqlembed.search_target,
    query public.vector,
    k integer,
    mode text,
    conditions text,
    after_distance double precision,
    after_key jsonb,
    excluded tid,
    excluded_table oid
)
returns sqlembed.search_path
language plpgsql
stable
as $function$
declare
    -- What a row that a graph leads to costs, in the planner's units: measured as 5 at 64 dimensions and
    -- 13 at 384, because such a row is compared with some 30 neighbours of it.
    cost_of_visit double precision;
    path sqlembed.search_path;
    passing record;
    candidates double precision;
    -- Whether the index gives rows in a rough order, over less than the whole vectors.
    is_rough boolean := (_search_path.target).index_kind is not null;
begin
    -- On random vectors, the hardest case, 40 candidates had 0.90 of the nearest 10, 100 had 0.99.
    candidates := 60 operator(pg_catalog.+) (4 operator(pg_catalog.*) _search_path.k::pg_catalog.float8);
    if is_rough then
        -- Of MiniLM's vectors, 200 candidates by one bit a dimension have 0.99 of the nearest 10.
        candidates := 100 operator(pg_catalog.+) (10 operator(pg_catalog.*) _search_path.k::pg_catalog.float8);
        path.candidates := candidates;
    end if;
    path.ef_search := least(1000, candidates);
    if _search_path.mode operator(pg_catalog.=) 'exact' then
        path.is_exact := true;
        path.reason := 'mode => ''exact''';
        return path;
    end if;
    path.is_exact := false;
    -- What a policy or a view hides is left out before rows are counted. An index that goes on until enough
    -- are shown gives whatever it has come across by then, the nearest or not.
    path.is_iterative := not (_search_path.target).is_guarded;
    if is_rough and _search_path.after_distance is not null then
        path.is_exact := true;
        path.reason := pg_catalog.format(
            'where a page ends, an index of kind %s cannot tell', (_search_path.target).index_kind
        );
        return path;
    end if;
    if _search_path.conditions operator(pg_catalog.=) '' and not (_search_path.target).is_guarded and not is_rough then
        path.reason := 'every row may be found';
        return path;
    end if;

    cost_of_visit := 4 operator(pg_catalog.+) (public.vector_dims(_search_path.query) operator(pg_catalog./) 50.0);
    if is_rough then
        -- Neighbours are compared by less, measured as 1.2 by 384 bits and 1.4 by 128 dimensions.
        cost_of_visit := 2 operator(pg_catalog.+) (
            case (_search_path.target).index_kind when 'prefix' then (_search_path.target).index_dimensions else 0 end
                operator(pg_catalog./) 100.0
        );
    end if;
    path.total_rows := sqlembed._estimated_rows((_search_path.target).relation);
    select e.*
    into passing
    from sqlembed._estimate(
        pg_catalog.format(
            'select from %s where %s is not null%s',
            (_search_path.target).from_clause, (_search_path.target).vector, _search_path.conditions
        ),
        _search_path.query, _search_path.after_distance, _search_path.after_key, _search_path.excluded,
        _search_path.excluded_table
    ) as e;
    path.matching_rows := passing.rows;
    path.total_rows := greatest(path.total_rows, path.matching_rows, 1);
    path.exact_cost := passing.cost;
    -- Longer vectors stand outside of their rows, in several pieces.
    if public.vector_dims(_search_path.query) operator(pg_catalog.>) 500 then
        path.exact_cost := path.exact_cost operator(pg_catalog.+) (2 operator(pg_catalog.*) passing.rows);
    end if;
    -- A table beside it is joined, and the texts are hashed: of so many rows, because PostgreSQL takes half
    -- of them for stale.
    if (_search_path.target).vector_relation operator(pg_catalog.<>) (_search_path.target).relation then
        path.exact_cost := path.exact_cost operator(pg_catalog.+) (4 operator(pg_catalog.*) passing.rows);
    end if;
    -- So many have to be visited before k of them have passed, and as many again for bad luck; or before
    -- there are enough to rank.
    path.visits := greatest(
        candidates,
        case
            when not is_rough then 2 operator(pg_catalog.*) _search_path.k
            when _search_path.conditions operator(pg_catalog.<>) '' or (_search_path.target).is_guarded then candidates
            else 0
        end
            operator(pg_catalog.*) path.total_rows operator(pg_catalog./) greatest(passing.rows, 1)
    );
    if is_rough and path.visits operator(pg_catalog.>) 1000
        and pg_catalog.current_setting('hnsw.iterative_scan', true) is null
    then
        path.is_exact := true;
        path.reason := 'before version 0.8 of pgvector an index gives no more than 1000 rows, too few to rank';
        return path;
    end if;
    path.is_exact := path.exact_cost operator(pg_catalog.<) (cost_of_visit operator(pg_catalog.*) path.visits);
    path.reason := pg_catalog.format(
        '%s of about %s rows pass: comparing them costs %s, looking for them through an index %s',
        path.matching_rows, path.total_rows, pg_catalog.round(path.exact_cost),
        pg_catalog.round(cost_of_visit operator(pg_catalog.*) path.visits)
    );
    if is_rough and not path.is_exact then
        path.reason := pg_catalog.format(
            '%s; what an index of kind %s finds is ranked by the whole vectors, %s rows of it',
            path.reason, (_search_path.target).index_kind, pg_catalog.ceil(path.visits)
        );
    end if;
    if not path.is_iterative and not path.is_exact and path.visits operator(pg_catalog.>) 1000 then
        path.is_exact := true;
        path.reason := path.reason || '; but to look at more than 1000 rows it would have to go on by itself, past those that are hidden';
    end if;
    path.ef_search := least(1000, path.visits);
    -- Else an index stops there.
    path.max_scan_tuples := least(2000000000, greatest(20000, 2 operator(pg_catalog.*) path.visits));
    if _search_path.conditions operator(pg_catalog.=) '' then
        -- What a policy or a view hides, PostgreSQL leaves out before anything is counted.
        path.visits := path.candidates;
    end if;
    return path;
end
$function$;

comment on function sqlembed._search_path(
    sqlembed.search_target, public.vector, integer, text, text, double precision, jsonb, tid, oid
) is
    'Whether a search goes through an index or compares every row that passes, and the settings with which it goes through an index: from k, the table''s size and how many rows pass as PostgreSQL''s planner sees it.';

create or replace function sqlembed.outliers(
    relation regclass,
    k integer default 10,
    embedding name default null,
    filter text default null,
    baseline text default null,
    mode text default 'vector'
)
returns table (
    key jsonb,
    score double precision,
    centroid_distance double precision,
    neighbour_distance double precision
)
language plpgsql
stable
set jit = off
-- Else all rows are read from disk again for every one of them.
set work_mem = '64MB'
as $function$
declare
    source record;
    operator pg_catalog.text;
    usual pg_catalog.text := coalesce(outliers.baseline, outliers.filter);
    num_comparisons pg_catalog.float8;
    neighbours pg_catalog.text;
    settings pg_catalog.text[];
    state pg_catalog.text;
    problem pg_catalog.text;
    pg_hint pg_catalog.text;
begin
    perform sqlembed._check_use(
        outliers.k operator(pg_catalog.>=) 1 and outliers.k operator(pg_catalog.<=) 1000,
        pg_catalog.format('k => %s is not from 1 to 1000', coalesce(outliers.k::pg_catalog.text, 'NULL')),
        'k is the number of neighbours to look at.'
    );
    perform sqlembed._check_filter(outliers.filter);
    perform sqlembed._check_filter(outliers.baseline);
    perform sqlembed._check_choice('mode', outliers.mode, '{vector,exact}');
    source := sqlembed._vector_source(outliers.relation, outliers.embedding, null, null);
    operator := sqlembed._metric_operator(source.metric);
    if source.is_indexed and outliers.mode operator(pg_catalog.=) 'vector' then
        execute pg_catalog.format(
            'select (select pg_catalog.count(*) from (%s) as r)::pg_catalog.float8
                operator(pg_catalog.*) (select pg_catalog.count(*) from (%s) as r)::pg_catalog.float8',
            sqlembed._vector_rows(source.from_clause, source.vector, source.key, outliers.filter),
            sqlembed._vector_rows(source.from_clause, source.vector, source.key, usual)
        )
        into num_comparisons;
    end if;
    neighbours := case
        -- A search in the index costs as much as a few thousand comparisons.
        when num_comparisons operator(pg_catalog.>) 25000000::pg_catalog.float8 then pg_catalog.format(
            E'select %1$s %2$s sqlembed_one.raw as distance
            from %3$s
            where %1$s is not null and (%4$s\n) and %5$s operator(pg_catalog.<>) sqlembed_one.key
            order by %1$s %2$s sqlembed_one.raw
            limit %6$s',
            source.vector, operator, source.from_clause, coalesce(usual, 'true'), source.key, outliers.k
        )
        else pg_catalog.format(
            'select u.vector %1$s sqlembed_one.vector as distance
            from sqlembed_usual as u
            where u.number operator(pg_catalog.<>) sqlembed_one.number
            order by u.vector %1$s sqlembed_one.vector
            limit %2$s',
            operator, outliers.k
        )
    end;
    settings := sqlembed._enter_scan(outliers.k);
    return query execute pg_catalog.format(
        'with sqlembed_usual as materialized (
            select u.*, pg_catalog.row_number() over (order by u.key) as number
            from (select r.sqlembed_key as key, %1$s as vector from (%2$s) as r) as u
            where %3$s
        ),
        sqlembed_row as materialized (
            select o.*, coalesce(u.number, 0::pg_catalog.int8) as number
            from (
                select r.sqlembed_key as key, %1$s as vector, r.sqlembed_vector as raw from (%4$s) as r
            ) as o
            left join sqlembed_usual as u on u.key operator(pg_catalog.=) o.key
            where %5$s
        ),
        centroid as (select public.avg(u.vector) as vector from sqlembed_usual as u),
        measured as (
            select
                sqlembed_one.key,
                sqlembed_one.vector %6$s centroid.vector as centroid_distance,
                (select pg_catalog.avg(n.distance) from (%7$s) as n) as neighbour_distance
            from sqlembed_row as sqlembed_one
            cross join centroid
        )
        select
            m.key,
            (pg_catalog.percent_rank() over (order by m.centroid_distance)
                operator(pg_catalog.+) pg_catalog.percent_rank() over (order by m.neighbour_distance)
            ) operator(pg_catalog./) 2::pg_catalog.float8 as score,
            m.centroid_distance,
            m.neighbour_distance
        from measured as m
        order by score desc, m.key',
        case when source.metric operator(pg_catalog.=) 'cosine' then 'public.l2_normalize(r.sqlembed_vector::public.vector)'
            else 'r.sqlembed_vector::public.vector'
        end,
        sqlembed._vector_rows(source.from_clause, source.vector, source.key, usual),
        -- What has no direction is nowhere.
        case when source.metric operator(pg_catalog.=) 'cosine' then 'public.vector_norm(u.vector) operator(pg_catalog.>) 0::pg_catalog.float8' else 'true' end,
        sqlembed._vector_rows(source.from_clause, source.vector, source.key, outliers.filter),
        case when source.metric operator(pg_catalog.=) 'cosine' then 'public.vector_norm(o.vector) operator(pg_catalog.>) 0::pg_catalog.float8' else 'true' end,
        operator,
        neighbours
    );
    perform sqlembed._leave_search(settings);
exception
    when others then
        get stacked diagnostics state = returned_sqlstate, problem = message_text, pg_hint = pg_exception_hint;
        perform sqlembed._explain_use(state, problem, pg_hint, outliers.relation, coalesce(outliers.filter, outliers.baseline));
        raise;
end
$function$;

comment on function sqlembed.outliers(regclass, integer, name, text, text, text) is
    'How unlike the others each row is, the strangest first: its distance to the centroid of the rows, the mean of its distances to the k nearest of them, and score, the mean of its ranks in both, from 0 to 1. baseline is a condition for the rows that are as usual, which the others are held against; by default all that pass the filter.';

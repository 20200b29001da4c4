create or replace function sqlembed.recall(
    relation regclass,
    embedding name default null,
    k integer default 10,
    queries integer default 100
)
returns double precision
language plpgsql
-- Which rows are asked for is left to chance.
volatile
as $function$
declare
    row_type text;
    target sqlembed.search_target;
    sampled record;
    found_right bigint := 0;
    right_ones bigint := 0;
    counted record;
    remark text;
begin
    if (recall.queries operator(pg_catalog.>=) 1) is not true then
        raise exception 'sqlembed: queries must be 1 or more, not %', coalesce(recall.queries::text, 'NULL')
            using errcode = 'SE014', hint = 'It is the number of rows to try as queries.';
    end if;
    perform sqlembed._check_search('recall', recall.k, null, 'vector', null, null, null);
    row_type := (
        select c.reltype::pg_catalog.regtype::text
        from pg_catalog.pg_class as c
        where c.oid operator(pg_catalog.=) recall.relation
    );
    execute pg_catalog.format('select t.* from sqlembed._search_target(''recall'', null::%s, $1, null) as t', row_type)
    into target
    using recall.embedding;
    foreach remark in array sqlembed._search_remarks(target) loop
        raise warning 'sqlembed: %', remark;
    end loop;
    for sampled in execute pg_catalog.format(
        'select k.key from (select %s as key from %s where %s is not null order by pg_catalog.random() limit $1) as k',
        coalesce(
            (select s.expression from sqlembed._key_sql(recall.relation, target.row_name || '.') as s),
            'null::pg_catalog.jsonb'
        ),
        target.from_clause,
        target.vector
    )
    using recall.queries
    loop
        -- By distance, so that of rows at equal distances each is as right as the other.
        execute pg_catalog.format(
            'with exact as (select distance from sqlembed.similar(null::%1$s, $1, $2, $3, mode => ''exact'')) '
            'select (select pg_catalog.count(*) from exact) as nearest, '
            '(select pg_catalog.count(*) from sqlembed.similar(null::%1$s, $1, $2, $3) as s '
            'where s.distance operator(pg_catalog.<=) (select pg_catalog.max(distance) from exact)) as found',
            row_type
        )
        into counted
        using sampled.key, recall.k, recall.embedding;
        right_ones := right_ones operator(pg_catalog.+) counted.nearest;
        found_right := found_right operator(pg_catalog.+) counted.found;
    end loop;
    return found_right::pg_catalog.float8 operator(pg_catalog./) nullif(right_ones, 0);
end
$function$;

comment on function sqlembed.recall(regclass, name, integer, integer) is
    'Which part of the k nearest rows a search finds, at its default settings: rows of the table, picked at random, are the queries, each left out of its own result. Exact searches are the measure, so it takes as long as those. NULL where nothing is embedded. Warns of rows without a vector, and where no index serves the metric.';

create or replace function sqlembed.recommend(
    relation anyelement,
    liked jsonb[],
    disliked jsonb[] default '{}',
    k integer default 10,
    embedding name default null,
    filter text default null,
    mode text default 'vector',
    disliked_weight double precision default 0.5
)
returns table (base anyelement, distance double precision)
language plpgsql
stable
rows 10
as $function$
declare
    row_type pg_catalog.regtype := pg_catalog.pg_typeof(recommend.relation);
    target pg_catalog.regclass := (select t.typrelid from pg_catalog.pg_type as t where t.oid operator(pg_catalog.=) row_type);
    source record;
    liked_keys pg_catalog.jsonb[];
    disliked_keys pg_catalog.jsonb[];
    key pg_catalog.text;
    taste public.vector;
begin
    if target is null or target operator(pg_catalog.=) 0::pg_catalog.oid then
        perform sqlembed._refuse_recommend();
    end if;
    perform sqlembed._check_use(
        recommend.k operator(pg_catalog.>=) 1,
        pg_catalog.format('k must be 1 or more, not %s', coalesce(recommend.k::pg_catalog.text, 'NULL')),
        'k is the number of rows to find.'
    );
    perform sqlembed._check_use(
        recommend.disliked_weight operator(pg_catalog.>=) 0::pg_catalog.float8
            and recommend.disliked_weight operator(pg_catalog.<=) 10::pg_catalog.float8,
        pg_catalog.format('disliked_weight => %s is not from 0 to 10', coalesce(recommend.disliked_weight::pg_catalog.text, 'NULL')),
        'How far to move away from what is disliked; 0 means not at all.'
    );
    perform sqlembed._check_use(
        pg_catalog.cardinality(recommend.liked) operator(pg_catalog.>) 0,
        'nothing is liked',
        'Give keys of rows, each a jsonb array of its primary key''s values: array[''[1]'', ''[2]'']::jsonb[].'
    );
    source := sqlembed._vector_source(target, recommend.embedding, null, null);
    liked_keys := array(
        select distinct k.found
        from (select sqlembed._row_key(target, l.key) as found from pg_catalog.unnest(recommend.liked) as l (key)) as k
        where k.found is not null
    );
    disliked_keys := array(
        select distinct k.found
        from (select sqlembed._row_key(target, d.key) as found from pg_catalog.unnest(recommend.disliked) as d (key)) as k
        where k.found is not null
    );
    taste := sqlembed._taste(
        sqlembed._vectors_of(target, recommend.embedding, liked_keys),
        sqlembed._vectors_of(target, recommend.embedding, disliked_keys),
        source.metric, recommend.disliked_weight
    );
    if taste is null then
        raise exception 'sqlembed: none of the liked rows is there with a vector'
            using errcode = 'SE014',
                hint = 'Vectors may still have to be computed: select * from sqlembed.status.';
    end if;
    select e.expression into key from sqlembed._key_sql(target, '(h.base).') as e;
    return query execute pg_catalog.format(
        'select h.base, h.distance
        from sqlembed.vector_search(null::%s, $1, k => $2, embedding => $3, filter => $4, mode => $5) with ordinality as h
        where %s operator(pg_catalog.<>) all ($6)
        order by h.ordinality
        limit $7',
        row_type, key
    )
    using
        taste,
        recommend.k operator(pg_catalog.+) pg_catalog.cardinality(liked_keys)
            operator(pg_catalog.+) pg_catalog.cardinality(disliked_keys),
        recommend.embedding, recommend.filter, recommend.mode, liked_keys operator(pg_catalog.||) disliked_keys, recommend.k;
end
$function$;

comment on function sqlembed.recommend(anyelement, jsonb[], jsonb[], integer, name, text, text, double precision) is
    'The k rows that are most like those liked and least like those disliked, nearest first, none of these among them: select (base).title, distance from sqlembed.recommend(null::movie, array[''[1]'', ''[2]'']::jsonb[]). Rows are named by their keys, jsonb arrays of the primary key''s values. It looks around the mean of the liked, moved away from the mean of the disliked by disliked_weight of the way between them.';

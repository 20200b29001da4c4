create or replace function sqlembed.duplicates(
    relation regclass,
    threshold double precision default 0.95,
    embedding name default null,
    filter text default null,
    within text default null,
    mode text default 'vector'
)
returns table (
    group_id bigint,
    key jsonb,
    is_representative boolean,
    similarity double precision,
    group_size bigint
)
language plpgsql
stable
set jit = off
as $function$
declare
    source record;
    keys pg_catalog.jsonb[];
    from_nodes pg_catalog.int4[];
    to_nodes pg_catalog.int4[];
begin
    with pair as materialized (
        select p.key_a, p.key_b
        from sqlembed._duplicate_pairs(
            duplicates.relation, duplicates.threshold, duplicates.embedding, duplicates.filter, duplicates.within,
            duplicates.mode, false
        ) as p
    ),
    node as materialized (
        select n.key, pg_catalog.row_number() over (order by n.key)::pg_catalog.int4 as number
        from (select p.key_a as key from pair as p union select p.key_b from pair as p) as n
    )
    select
        array(select n.key from node as n order by n.number),
        (
            select array[pg_catalog.array_agg(a.number), pg_catalog.array_agg(b.number)]
            from pair as p
            join node as a on a.key operator(pg_catalog.=) p.key_a
            join node as b on b.key operator(pg_catalog.=) p.key_b
        )
    into keys, from_nodes;
    if pg_catalog.cardinality(keys) operator(pg_catalog.=) 0 then
        return;
    end if;
    to_nodes := array(select pg_catalog.unnest(from_nodes[2:2]));
    from_nodes := array(select pg_catalog.unnest(from_nodes[1:1]));
    source := sqlembed._vector_source(duplicates.relation, duplicates.embedding, 'cosine', null);
    return query execute pg_catalog.format(
        'with member as materialized (
            select m.component, r.sqlembed_key as key, public.l2_normalize(r.sqlembed_vector::public.vector) as vector
            from (%s) as r
            join rows from (pg_catalog.unnest($1), pg_catalog.unnest($2)) as m (key, component)
                on m.key operator(pg_catalog.=) r.sqlembed_key
        ),
        centre as (
            select m.component, public.avg(m.vector) as vector, pg_catalog.count(*) as members
            from member as m
            group by m.component
        ),
        ranked as (
            select
                m.*, c.members,
                -- Of two, both are equally near to the mean, but for rounding.
                pg_catalog.row_number() over (
                    partition by m.component
                    order by pg_catalog.round((m.vector operator(public.<#>) c.vector)::pg_catalog.numeric, 5), m.key
                ) as place
            from member as m
            join centre as c on c.component operator(pg_catalog.=) m.component
        )
        select
            pg_catalog.dense_rank() over (order by r.members desc, r.component),
            r.key,
            r.place operator(pg_catalog.=) 1::pg_catalog.int8,
            least(1, operator(pg_catalog.-) (r.vector operator(public.<#>) first.vector)),
            r.members
        from ranked as r
        join ranked as first
            on first.component operator(pg_catalog.=) r.component and first.place operator(pg_catalog.=) 1::pg_catalog.int8
        order by r.members desc, r.component, r.place',
        sqlembed._vector_rows(source.from_clause, source.vector, source.key, duplicates.filter)
    )
    using keys, sqlembed._components(pg_catalog.cardinality(keys), from_nodes, to_nodes);
end
$function$;

comment on function sqlembed.duplicates(regclass, double precision, name, text, text, text) is
    'Groups of rows that say nearly the same: their vectors have a cosine of threshold or more, directly or from one to the next. Each group, the largest first, has a representative, the row nearest to its mean, and each row its similarity with that. within is an expression: only rows that agree in it are compared. Large tables are searched by their vector index, which may miss some; mode => ''exact'' compares all pairs.';

create or replace function sqlembed.nearest_label(
    relation regclass,
    input public.vector,
    label_column name,
    k integer default 10,
    embedding name default null,
    filter text default null,
    mode text default 'vector'
)
returns table (label text, confidence double precision, neighbours bigint, distance double precision)
language plpgsql
stable
rows 1
as $function$
begin
    perform sqlembed._check_label_column(nearest_label.relation, nearest_label.label_column);
    perform sqlembed._check_filter(nearest_label.filter);
    return query execute pg_catalog.format(
        'select v.label, v.weight operator(pg_catalog./) v.total, v.neighbours, v.distance
        from (
            select
                n.label, pg_catalog.sum(n.weight) as weight, pg_catalog.sum(pg_catalog.sum(n.weight)) over () as total,
                pg_catalog.count(*) as neighbours, pg_catalog.min(n.distance) as distance
            from (
                select
                    (h.base).%1$I::pg_catalog.text as label,
                    h.distance,
                    -- Dudani 1976: from 1 for the nearest down to 0 for the last, whatever the metric.
                    case
                        when pg_catalog.max(h.distance) over () operator(pg_catalog.>) pg_catalog.min(h.distance) over ()
                        then (pg_catalog.max(h.distance) over () operator(pg_catalog.-) h.distance)
                            operator(pg_catalog./) (
                                pg_catalog.max(h.distance) over ()
                                operator(pg_catalog.-) pg_catalog.min(h.distance) over ()
                            )
                        else 1
                    end as weight
                from sqlembed.vector_search(null::%2$s, $1, k => $2, embedding => $3, filter => $4, mode => $5) as h
            ) as n
            group by n.label
        ) as v
        order by v.weight desc, v.distance, v.label
        limit 1',
        nearest_label.label_column,
        (
            select c.reltype::pg_catalog.regtype
            from pg_catalog.pg_class as c
            where c.oid operator(pg_catalog.=) nearest_label.relation
        )
    )
    using
        nearest_label.input, nearest_label.k, nearest_label.embedding,
        pg_catalog.format(
            E'%I.%I is not null and (%s\n)',
            (
                select c.relname from pg_catalog.pg_class as c
                where c.oid operator(pg_catalog.=) nearest_label.relation
            ),
            nearest_label.label_column,
            coalesce(nearest_label.filter, 'true')
        ),
        nearest_label.mode;
end
$function$;

comment on function sqlembed.nearest_label(regclass, public.vector, name, integer, name, text, text) is
    'As for a text, for a vector that is at hand.';

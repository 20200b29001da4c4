create or replace function sqlembed.drift_rows(
    relation regclass,
    baseline_filter text,
    current_filter text,
    k integer default 10,
    embedding name default null
)
returns table (key jsonb, shift double precision)
language plpgsql
stable
as $function$
declare
    source record;
    state pg_catalog.text;
    problem pg_catalog.text;
    pg_hint pg_catalog.text;
begin
    perform sqlembed._check_use(
        drift_rows.k operator(pg_catalog.>=) 1,
        pg_catalog.format('k must be 1 or more, not %s', coalesce(drift_rows.k::pg_catalog.text, 'NULL')),
        'k is the number of rows to find.'
    );
    source := sqlembed._drift_source(
        drift_rows.relation, drift_rows.embedding, drift_rows.baseline_filter, drift_rows.current_filter
    );
    return query execute pg_catalog.format(
        'select r.key, r.shift
        from (
            select
                r.sqlembed_key as key,
                operator(pg_catalog.-) (
                    (%1$s operator(public.-) d.centroid) operator(public.<#>) d.direction
                ) as shift
            from (%2$s) as r
            cross join (
                select s.centroid, public.l2_normalize(s.shift) as direction from (%3$s) as s
            ) as d
        ) as r
        order by r.shift desc, r.key
        limit $1',
        case when source.metric operator(pg_catalog.=) 'cosine' then 'public.l2_normalize(r.sqlembed_vector::public.vector)'
            else 'r.sqlembed_vector::public.vector'
        end,
        source.current_sql,
        source.shift_sql
    )
    using drift_rows.k;
exception
    when others then
        get stacked diagnostics state = returned_sqlstate, problem = message_text, pg_hint = pg_exception_hint;
        perform sqlembed._explain_use(state, problem, pg_hint, drift_rows.relation, drift_rows.current_filter);
        raise;
end
$function$;

comment on function sqlembed.drift_rows(regclass, text, text, integer, name) is
    'The k rows of now that have moved the mean most: shift is how far each lies from the mean before in the direction in which the mean has moved. The mean of it over all rows is the centroid_shift of drift.';

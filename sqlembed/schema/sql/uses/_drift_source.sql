create or replace function sqlembed._drift_source(
    relation regclass,
    embedding name,
    baseline_filter text,
    current_filter text,
    out metric text,
    out baseline_sql text,
    out current_sql text,
    out shift_sql text
)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    source record := sqlembed._vector_source(_drift_source.relation, _drift_source.embedding, null, null);
    unit text := case source.metric
        when 'cosine' then 'public.l2_normalize(r.sqlembed_vector::public.vector)'
        else 'r.sqlembed_vector::public.vector'
    end;
begin
    perform sqlembed._check_filter(coalesce(_drift_source.baseline_filter, ''));
    perform sqlembed._check_filter(coalesce(_drift_source.current_filter, ''));
    metric := source.metric;
    baseline_sql := sqlembed._vector_rows(source.from_clause, source.vector, source.key, _drift_source.baseline_filter);
    current_sql := sqlembed._vector_rows(source.from_clause, source.vector, source.key, _drift_source.current_filter);
    shift_sql := format(
        'select b.members as baseline_rows, c.members as current_rows, b.centroid, c.centroid operator(public.-) b.centroid as shift
        from (select pg_catalog.count(*) as members, public.avg(%1$s) as centroid from (%2$s) as r) as b
        cross join (select pg_catalog.count(*) as members, public.avg(%1$s) as centroid from (%3$s) as r) as c',
        unit, baseline_sql, current_sql
    );
end
$function$;

comment on function sqlembed._drift_source(regclass, name, text, text) is
    'SQL for the rows before and now, and for how many they are and how their means differ.';

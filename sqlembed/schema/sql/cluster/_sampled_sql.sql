create or replace function sqlembed._sampled_sql(rows text, sample_size integer) returns text
language sql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
    select format(
        'select r.* from (%s) as r
        order by pg_catalog.hashfloat8extended(r.distance, pg_catalog.hashtextextended(coalesce(r.id, ''''), 0)), r.embedding
        limit %s',
        _sampled_sql.rows, coalesce(_sampled_sql.sample_size::text, 'all')
    )
$function$;

comment on function sqlembed._sampled_sql(text, integer) is
    'SQL of a random choice of so many of the rows (id, embedding, centroid_id, distance), or of all: the same ones each time.';

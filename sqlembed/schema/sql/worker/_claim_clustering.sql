create or replace function sqlembed._claim_clustering(
    worker integer,
    methods text[],
    out id bigint,
    out title text,
    out method text,
    out parameters jsonb,
    out metric text,
    out read_vectors text,
    out write_labels text
)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    job sqlembed.cluster_job;
    source record;
begin
    select c.* into job
    from sqlembed.cluster_job as c
    where c.finished_at is null
        and c.method = any (_claim_clustering.methods)
        and (c.worker is null or c.worker = _claim_clustering.worker or not sqlembed._is_alive(c.worker))
        and not exists (
            select from sqlembed.cluster_job as n
            where n.relation = c.relation and n.label_column = c.label_column and n.id > c.id
        )
    order by c.id
    limit 1
    for update of c skip locked;
    if job.id is null then
        return;
    end if;
    if job.attempts >= 3 then
        perform sqlembed._finish_clustering(job.id, job.worker, 'its worker died three times', null, null);
        return;
    end if;
    update sqlembed.cluster_job as c
    set worker = _claim_clustering.worker, attempts = c.attempts + 1
    where c.id = job.id;
    begin
        source := sqlembed._clusters_source(job.relation, job.embedding);
    exception
        -- Dropped or declared otherwise since.
        when others then
            perform sqlembed._finish_clustering(job.id, _claim_clustering.worker, sqlerrm, null, null);
            return;
    end;
    _claim_clustering.id := job.id;
    _claim_clustering.title := format('%s.%I', job.relation, job.label_column);
    _claim_clustering.method := job.method;
    _claim_clustering.parameters := job.parameters;
    _claim_clustering.metric := source.metric;
    -- A row that has lost its vector loses its label.
    _claim_clustering.read_vectors := format(
        'select distinct on (1) k.key, k.vector
        from (
            select (%1$s)::text, (%2$s)::public.vector from %3$s where %2$s is not null
            union all
            select (%1$s)::text, null from %4$s as r where r.%5$I is not null
        ) as k (key, vector)
        order by 1, 2 nulls last',
        source.key, source.vector, source.from_clause, job.relation, job.label_column
    );
    _claim_clustering.write_labels := format(
        'update %1$s as r set %2$I = k.label
        from rows from (unnest($1::text[]::jsonb[]), unnest($2::int4[])) as k (key, label)
        where %3$s and r.%2$I is distinct from k.label',
        job.relation, job.label_column, (select k.match from sqlembed._key_sql(job.relation) as k)
    );
end
$function$;

comment on function sqlembed._claim_clustering(integer, text[]) is
    'Take a table that is to be clustered by one of the methods: what to call the function with, and the statements that read keys with vectors and write labels. NULL when there is none.';

revoke execute on function sqlembed._claim_clustering(integer, text[]) from public;

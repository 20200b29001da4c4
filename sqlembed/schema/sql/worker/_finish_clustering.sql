create or replace function sqlembed._finish_clustering(
    id bigint,
    worker integer,
    error text,
    labelled bigint,
    num_clusters integer
)
returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
    update sqlembed.cluster_job as c
    set finished_at = clock_timestamp(), worker = null, error = _finish_clustering.error,
        labelled = _finish_clustering.labelled, num_clusters = _finish_clustering.num_clusters
    where c.id = _finish_clustering.id and c.worker is not distinct from _finish_clustering.worker
$function$;

comment on function sqlembed._finish_clustering(bigint, integer, text, bigint, integer) is
    'Note what became of a clustering: how many rows it labelled, or why it was given up.';

revoke execute on function sqlembed._finish_clustering(bigint, integer, text, bigint, integer) from public;

create or replace function sqlembed._holds_clustering(id bigint, worker integer) returns boolean
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
    select exists (
        select
        from sqlembed.cluster_job as c
        where c.id = _holds_clustering.id
            and c.worker = _holds_clustering.worker
            and not exists (
                select from sqlembed.cluster_job as n
                where n.relation = c.relation and n.label_column = c.label_column and n.id > c.id
            )
    )
$function$;

comment on function sqlembed._holds_clustering(bigint, integer) is
    'Whether a table is still a worker''s to label: no other has taken it, and nobody asked anew.';

revoke execute on function sqlembed._holds_clustering(bigint, integer) from public;

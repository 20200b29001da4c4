create or replace function sqlembed._forget_failed(embedding integer, keys jsonb[]) returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
    delete from sqlembed.failed_job as f
    where f.ctid = any (
        array(
            select l.ctid
            from sqlembed.failed_job as l
            where l.embedding = _forget_failed.embedding
                and md5(l.key::text) = any (array(select md5(k.key::text) from unnest(_forget_failed.keys) as k (key)))
            for update skip locked
        )
    )
$function$;

comment on function sqlembed._forget_failed(integer, jsonb[]) is
    'Forget that rows were given up.';

revoke execute on function sqlembed._forget_failed(integer, jsonb[]) from public;

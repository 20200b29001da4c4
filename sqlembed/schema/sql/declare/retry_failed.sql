create or replace function sqlembed.retry_failed(relation regclass, embedding name default null) returns bigint
language plpgsql
volatile
as $function$
declare
    queued bigint;
begin
    perform sqlembed._check_relation(retry_failed.relation);
    perform sqlembed._embedding_of(retry_failed.relation, coalesce(retry_failed.embedding, e.name))
    from sqlembed.embedding as e
    where e.relation operator(pg_catalog.=) retry_failed.relation;
    -- A change takes its row off the list of failures, as soon as a worker folds it.
    insert into sqlembed.change (embedding, key)
    select e.id, f.key
    from sqlembed.embedding as e
    join sqlembed.failure as f
        on f.relation operator(pg_catalog.=) e.relation and f.embedding operator(pg_catalog.=) e.name
    where e.relation operator(pg_catalog.=) retry_failed.relation
        and e.name operator(pg_catalog.=) coalesce(retry_failed.embedding, e.name);
    get diagnostics queued = row_count;
    perform pg_catalog.pg_notify('sqlembed', '');
    return queued;
end
$function$;

comment on function sqlembed.retry_failed(regclass, name) is
    'Queue again the rows that were given up. Returns how many.';

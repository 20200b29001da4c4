create or replace procedure sqlembed.wait_until_embedded(relation regclass, timeout interval default '60 s')
language plpgsql
as $procedure$
declare
    until timestamptz := clock_timestamp() + wait_until_embedded.timeout;
    open record;
begin
    if now() operator(pg_catalog.<>) statement_timestamp() then
        raise exception 'sqlembed: wait_until_embedded was called inside a transaction'
            using errcode = '25001',
                hint = 'No worker can see rows before they are committed: commit first, then call it in autocommit.';
    end if;
    perform sqlembed._embedding_of(wait_until_embedded.relation, e.name)
    from sqlembed.embedding as e
    where e.relation operator(pg_catalog.=) wait_until_embedded.relation;
    if not found then
        perform sqlembed._embedding_of(wait_until_embedded.relation);
    end if;
    loop
        select p.* into open from sqlembed._pending(wait_until_embedded.relation) as p;
        exit when open.rows operator(pg_catalog.=) 0;
        if not open.served then
            raise exception 'sqlembed: % rows of % wait, and no worker that serves them is alive',
                open.rows, wait_until_embedded.relation
                using errcode = 'SE003', hint = 'Start one: sqlembed worker --registry module:object.';
        end if;
        if clock_timestamp() operator(pg_catalog.>) until then
            raise exception 'sqlembed: % rows of % still wait after %',
                open.rows, wait_until_embedded.relation, wait_until_embedded.timeout
                using errcode = 'SE004', hint = 'Give a longer timeout, or look at: select * from sqlembed.status.';
        end if;
        commit;
        perform pg_catalog.pg_sleep(0.01);
    end loop;
end
$procedure$;

comment on procedure sqlembed.wait_until_embedded(regclass, interval) is
    'Return when every committed row of a table has been embedded or given up: read your writes. Not inside a transaction.';

create or replace procedure sqlembed.wait_until_embedded(relation regclass, timeout interval default '60 s')
language plpgsql
as $procedure$
declare
    began timestamptz := clock_timestamp();
    pause double precision := 0.005;
    looked_at timestamptz := '-infinity';
    open record;
begin
    begin
        commit;
    exception when invalid_transaction_termination then
        if sqlerrm operator(pg_catalog.=) sqlembed._refused_commit() then
            raise exception 'sqlembed: wait_until_embedded was called inside a transaction'
                using errcode = '25001',
                    hint = 'No worker can see rows before they are committed: commit first, then call it in autocommit.';
        end if;
    end;
    if not exists (
        select from sqlembed.embedding as e where e.relation operator(pg_catalog.=) wait_until_embedded.relation
    ) then
        perform sqlembed._embedding_of(wait_until_embedded.relation);
    end if;
    if not pg_catalog.has_table_privilege(wait_until_embedded.relation, 'select') then
        raise exception 'sqlembed: permission denied for table %', wait_until_embedded.relation
            using errcode = '42501', hint = 'Whoever may read a table may wait for its rows.';
    end if;
    while sqlembed._is_waiting(wait_until_embedded.relation, began) loop
        -- Counting takes longer: now and then will do, and first of all.
        if clock_timestamp() operator(pg_catalog.>) (looked_at operator(pg_catalog.+) interval '1 s') then
            select p.* into open from sqlembed._pending(wait_until_embedded.relation) as p;
            looked_at := clock_timestamp();
            if not open.served then
                raise exception 'sqlembed: % rows of % wait, and no worker that serves them is alive',
                    coalesce(open.rows::text, 'some'), wait_until_embedded.relation
                    using errcode = 'SE003', hint = 'Start one: sqlembed worker --registry module:object.';
            end if;
        end if;
        if clock_timestamp() operator(pg_catalog.>) (began operator(pg_catalog.+) wait_until_embedded.timeout) then
            raise exception 'sqlembed: % rows of % still wait after %',
                (select coalesce(p.rows::text, 'some') from sqlembed._pending(wait_until_embedded.relation) as p),
                wait_until_embedded.relation,
                wait_until_embedded.timeout
                using errcode = 'SE004', hint = 'Give a longer timeout, or look at: select * from sqlembed.status.';
        end if;
        commit;
        perform pg_catalog.pg_sleep(pause);
        pause := least(pause operator(pg_catalog.*) 1.5, 0.1);
    end loop;
end
$procedure$;

comment on procedure sqlembed.wait_until_embedded(regclass, interval) is
    'Return when every row of a table that was committed before has been embedded or given up: read your writes. Not inside a transaction.';

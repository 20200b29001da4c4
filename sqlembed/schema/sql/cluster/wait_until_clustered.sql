create or replace procedure sqlembed.wait_until_clustered(
    relation regclass,
    label_column name default 'cluster',
    timeout interval default '10 min'
)
language plpgsql
as $procedure$
declare
    began timestamptz := clock_timestamp();
    run record;
begin
    begin
        commit;
    exception when invalid_transaction_termination then
        if sqlerrm operator(pg_catalog.=) sqlembed._refused_commit() then
            raise exception 'sqlembed: wait_until_clustered was called inside a transaction'
                using errcode = '25001',
                    hint = 'No worker can see what is asked for before it is committed: commit first, then call it in autocommit.';
        end if;
    end;
    loop
        select r.* into run
        from sqlembed.cluster_run as r
        where r.relation operator(pg_catalog.=) wait_until_clustered.relation
            and r.label_column operator(pg_catalog.=) wait_until_clustered.label_column;
        if run.state is null then
            raise exception 'sqlembed: nobody asked for clusters in column % of %',
                pg_catalog.quote_ident(wait_until_clustered.label_column), wait_until_clustered.relation
                using errcode = 'SE014', hint = 'Ask for them: select sqlembed.create_clusters(…).';
        end if;
        exit when run.state operator(pg_catalog.=) 'done';
        if run.state operator(pg_catalog.=) 'failed' then
            raise exception 'sqlembed: % failed: %', run.method, run.error
                using errcode = 'SE023', hint = 'Call create_clusters again when that is mended.';
        end if;
        if run.state operator(pg_catalog.=) 'waiting' and not exists (
            select from sqlembed.worker as w where run.method operator(pg_catalog.=) any (w.clusterings)
        ) then
            raise exception 'sqlembed: no worker that is alive can cluster by %', run.method
                using errcode = 'SE003',
                    hint = 'Start one: sqlembed worker --registry module:object; hdbscan needs pip install ''sqlembed[cluster]''.';
        end if;
        if clock_timestamp() operator(pg_catalog.>) (began operator(pg_catalog.+) wait_until_clustered.timeout) then
            raise exception 'sqlembed: % is not clustered after %', wait_until_clustered.relation, wait_until_clustered.timeout
                using errcode = 'SE004', hint = 'Give a longer timeout, or look at: select * from sqlembed.cluster_run.';
        end if;
        commit;
        perform pg_catalog.pg_sleep(0.05);
    end loop;
end
$procedure$;

comment on procedure sqlembed.wait_until_clustered(regclass, name, interval) is
    'Return when the clusters that create_clusters was asked for are in the table. Not inside a transaction.';

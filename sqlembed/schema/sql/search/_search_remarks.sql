create or replace function sqlembed._search_remarks(target sqlembed.search_target) returns text[]
language plpgsql
stable
as $function$
declare
    remarks text[] := '{}';
    counted record;
begin
    if (_search_remarks.target).index_kind is null and not exists (
        select
        from pg_catalog.pg_index as i
        join pg_catalog.pg_class as c on c.oid operator(pg_catalog.=) i.indexrelid
        join pg_catalog.pg_am as m on m.oid operator(pg_catalog.=) c.relam
        join pg_catalog.pg_opclass as o on o.oid operator(pg_catalog.=) i.indclass[0]
        join pg_catalog.pg_attribute as a
            on a.attrelid operator(pg_catalog.=) i.indrelid and a.attnum operator(pg_catalog.=) i.indkey[0]
        where i.indrelid operator(pg_catalog.=) (_search_remarks.target).vector_relation
            and i.indisvalid
            and m.amname in ('hnsw', 'ivfflat')
            and a.attname operator(pg_catalog.=) (_search_remarks.target).embedding
            and o.opcname::text operator(pg_catalog.~~) case (_search_remarks.target).metric
                when 'cosine' then '%_cosine_ops'
                when 'euclidean' then '%_l2_ops'
                when 'inner_product' then '%_ip_ops'
                else '%_l1_ops'
            end
    ) then
        remarks := remarks operator(pg_catalog.||) pg_catalog.format(
            'no index serves the metric %s on %s.%I: every row is compared',
            (_search_remarks.target).metric, (_search_remarks.target).vector_relation, (_search_remarks.target).embedding
        );
    end if;
    execute pg_catalog.format(
        'select a.total, a.total operator(pg_catalog.-) e.embedded as missing '
        'from (select pg_catalog.count(*) as total from %s) as a, (select pg_catalog.count(%s) as embedded from %s%s) as e',
        (_search_remarks.target).relation,
        case
            when (_search_remarks.target).chunk is null then (_search_remarks.target).vector
            else pg_catalog.format(
                'distinct (%1$s.tableoid, %1$s.ctid)', (_search_remarks.target).row_name
            )
        end,
        (_search_remarks.target).from_clause,
        case
            when (_search_remarks.target).chunk is null then ''
            else ' where ' || sqlembed._is_current(
                _search_remarks.target, (_search_remarks.target).hash, (_search_remarks.target).row_name
            )
        end
    )
    into counted;
    if counted.missing operator(pg_catalog.>) 0 then
        remarks := remarks operator(pg_catalog.||) pg_catalog.format(
            '%s of %s rows have no vector and are not found: view sqlembed.status says whether they wait or are blank',
            counted.missing, counted.total
        );
    end if;
    return remarks;
end
$function$;

comment on function sqlembed._search_remarks(sqlembed.search_target) is
    'What keeps searches of a table from being fast or complete: no index that serves the metric, rows without a vector.';

create or replace function sqlembed._build_index(declared sqlembed.embedding) returns void
language plpgsql
volatile
as $function$
declare
    operator_class text := (_build_index.declared).storage || case (_build_index.declared).metric
        when 'cosine' then '_cosine_ops'
        when 'euclidean' then '_l2_ops'
        when 'inner_product' then '_ip_ops'
        when 'l1' then '_l1_ops'
    end;
    -- What holds the vectors.
    holder regclass := coalesce((_build_index.declared).side, (_build_index.declared).relation);
    made name;
begin
    if exists (
        select
        from pg_catalog.pg_index as i
        join pg_catalog.pg_class as c on c.oid operator(pg_catalog.=) i.indexrelid
        join pg_catalog.pg_am as m on m.oid operator(pg_catalog.=) c.relam
        join pg_catalog.pg_opclass as o on o.oid operator(pg_catalog.=) i.indclass[0]
        join pg_catalog.pg_attribute as a
            on a.attrelid operator(pg_catalog.=) i.indrelid and a.attnum operator(pg_catalog.=) i.indkey[0]
        where i.indrelid operator(pg_catalog.=) holder
            and i.indpred is null
            and m.amname operator(pg_catalog.=) (_build_index.declared).index
            and o.opcname operator(pg_catalog.=) operator_class
            and a.attname operator(pg_catalog.=) (_build_index.declared).name
    ) then
        return;
    end if;
    made := pg_catalog.left(
        pg_catalog.format(
            '%s_%s_%s',
            (select c.relname from pg_catalog.pg_class as c where c.oid operator(pg_catalog.=) (_build_index.declared).relation),
            (_build_index.declared).name,
            (_build_index.declared).index
        ),
        50
    ) || '_' || (_build_index.declared).id;
    execute pg_catalog.format(
        'create index %I on %s using %I (%I public.%s)',
        made, holder, (_build_index.declared).index, (_build_index.declared).name,
        operator_class
    );
    update sqlembed.embedding as e
    set index_name = made
    where e.id operator(pg_catalog.=) (_build_index.declared).id;
end
$function$;

comment on function sqlembed._build_index(sqlembed.embedding) is
    'Build the index of an embedding, unless an equal one is there.';

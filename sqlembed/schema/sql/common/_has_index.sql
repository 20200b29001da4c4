create or replace function sqlembed._has_index(
    holder regclass,
    expression text,
    operator_class text,
    parameters text[] default '{}',
    other_than regclass default null
)
returns boolean
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
begin
    return exists (
        select
        from pg_index as i
        join pg_class as c on c.oid = i.indexrelid
        join pg_am as m on m.oid = c.relam
        join pg_opclass as o on o.oid = i.indclass[0]
        where i.indrelid = _has_index.holder
            and i.indexrelid is distinct from _has_index.other_than
            and i.indisvalid
            and i.indpred is null
            and m.amname = 'hnsw'
            and o.opcname = _has_index.operator_class
            and coalesce(c.reloptions, '{}') @> _has_index.parameters
            and pg_get_indexdef(i.indexrelid, 1, false) = _has_index.expression
    );
end
$function$;

comment on function sqlembed._has_index(regclass, text, text, text[], regclass) is
    'Whether a table has an HNSW index over all rows of an expression, as _indexed writes it, with these storage parameters at least.';

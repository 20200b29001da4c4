create or replace function sqlembed._rough_index(
    holder regclass,
    name name,
    metric text,
    vector text,
    out kind text,
    out dimensions integer,
    out ordering text
)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    found_index record;
    indexed record;
begin
    for found_index in
        select
            case o.opcname when 'bit_hamming_ops' then 'binary' else 'prefix' end as kind,
            -- Bits, or the dimensions of the prefix.
            t.atttypmod as dimensions,
            y.typname as storage,
            o.opcname as operator_class
        from pg_index as i
        join pg_attribute as t on t.attrelid = i.indexrelid and t.attnum = 1
        join pg_opclass as o on o.oid = i.indclass[0]
        join pg_attribute as v on v.attrelid = i.indrelid and v.attname = _rough_index.name and not v.attisdropped
        join pg_type as y on y.oid = v.atttypid
        where i.indrelid = _rough_index.holder
            and i.indexprs is not null
            and t.atttypmod > 0
            and y.typname in ('vector', 'halfvec')
        order by kind desc, dimensions desc
    loop
        indexed := sqlembed._indexed(
            found_index.kind, jsonb_build_object('dimensions', found_index.dimensions), found_index.storage,
            found_index.dimensions, _rough_index.metric, quote_ident(_rough_index.name)
        );
        continue when indexed.operator_class <> found_index.operator_class
            or not sqlembed._has_index(_rough_index.holder, indexed.expression, indexed.operator_class);
        -- One over whole vectors is better, where there are both.
        exit when sqlembed._has_index(
            _rough_index.holder,
            quote_ident(_rough_index.name),
            (
                sqlembed._indexed('hnsw', null, found_index.storage, null, _rough_index.metric, _rough_index.vector)
            ).operator_class
        );
        _rough_index.kind := found_index.kind;
        _rough_index.dimensions := found_index.dimensions;
        _rough_index.ordering := (
            sqlembed._indexed(
                found_index.kind, jsonb_build_object('dimensions', found_index.dimensions), found_index.storage,
                found_index.dimensions, _rough_index.metric, _rough_index.vector
            )
        ).ordering;
        exit;
    end loop;
end
$function$;

comment on function sqlembed._rough_index(regclass, name, text, text) is
    'The kind of an index over less than the whole vectors of a column that serves a metric, over how many dimensions it is, and the order in which it finds rows, given the vector as SQL. NULL where there is none, or one over whole vectors.';

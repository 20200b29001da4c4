create or replace function sqlembed._build_index(
    declared sqlembed.embedding,
    replaced regclass default null
)
returns void
language plpgsql
volatile
as $function$
declare
    declared sqlembed.embedding := _build_index.declared;
    -- What holds the vectors.
    holder regclass := coalesce(declared.side, declared.relation);
    indexed record := sqlembed._indexed(
        declared.index, declared.index_options, declared.storage, declared.dimensions, declared.metric,
        pg_catalog.quote_ident(declared.name)
    );
    made name;
begin
    if sqlembed._has_index(
        holder, indexed.expression, indexed.operator_class, sqlembed._index_parameters(declared.index_options),
        _build_index.replaced
    ) then
        return;
    end if;
    made := pg_catalog.left(
        pg_catalog.format(
            '%s_%s_%s',
            (select c.relname from pg_catalog.pg_class as c where c.oid operator(pg_catalog.=) declared.relation),
            declared.name,
            declared.index
        ),
        50
    ) || '_' || declared.id;
    execute sqlembed._index_sql(
        made, holder, declared.name, declared.index, declared.index_options, declared.storage, declared.dimensions,
        declared.metric
    );
    update sqlembed.embedding as e
    set index_name = made
    where e.id operator(pg_catalog.=) declared.id;
end
$function$;

comment on function sqlembed._build_index(sqlembed.embedding, regclass) is
    'Build the index of an embedding, unless an equal one is there that is not to be replaced.';

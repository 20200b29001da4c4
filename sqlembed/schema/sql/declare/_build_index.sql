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
    parameters text[] := array(
        select pg_catalog.format('%s=%s', o.key, o.value)
        from pg_catalog.jsonb_each_text(declared.index_options) as o
        where o.key in ('m', 'ef_construction')
        order by o.key
    );
    made name;
begin
    if sqlembed._has_index(holder, indexed.expression, indexed.operator_class, parameters, _build_index.replaced) then
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
    execute pg_catalog.format(
        'create index %I on %s using hnsw (%s public.%s)%s',
        made, holder, indexed.expression, indexed.operator_class,
        ' with (' || nullif(pg_catalog.array_to_string(parameters, ', '), '') || ')'
    );
    update sqlembed.embedding as e
    set index_name = made
    where e.id operator(pg_catalog.=) declared.id;
end
$function$;

comment on function sqlembed._build_index(sqlembed.embedding, regclass) is
    'Build the index of an embedding, unless an equal one is there that is not to be replaced.';

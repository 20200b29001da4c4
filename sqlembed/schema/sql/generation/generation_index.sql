create or replace function sqlembed.generation_index(relation regclass, embedding name default null) returns text
language plpgsql
stable
as $function$
declare
    pair record;
    holder regclass;
    indexed record;
begin
    select c.present, c.beside
    into pair
    from sqlembed._current(generation_index.relation, generation_index.embedding, null) as c;
    holder := coalesce((pair.beside).side, (pair.beside).relation);
    if (pair.beside).index operator(pg_catalog.=) 'none' then
        return null;
    end if;
    indexed := sqlembed._indexed(
        (pair.beside).index, (pair.beside).index_options, (pair.beside).storage, (pair.beside).dimensions,
        (pair.beside).metric, pg_catalog.quote_ident((pair.beside).name)
    );
    if sqlembed._has_index(
        holder, indexed.expression, indexed.operator_class, sqlembed._index_parameters((pair.beside).index_options)
    ) then
        return null;
    end if;
    return pg_catalog.regexp_replace(
        sqlembed._index_sql(
            (pair.beside).index_name, holder, (pair.beside).name, (pair.beside).index, (pair.beside).index_options,
            (pair.beside).storage, (pair.beside).dimensions, (pair.beside).metric
        ),
        '^create index',
        -- Not of a partitioned table.
        case
            when (select c.relkind operator(pg_catalog.=) 'r' from pg_catalog.pg_class as c where c.oid operator(pg_catalog.=) holder)
            then 'create index concurrently'
            else 'create index'
        end
    );
end
$function$;

comment on function sqlembed.generation_index(regclass, name) is
    'The statement that builds the index of the generation beside an embedding without keeping writers waiting, to be run outside of a transaction when its rows are embedded. NULL when it is there, or none is wanted. sqlembed generation switch runs it.';

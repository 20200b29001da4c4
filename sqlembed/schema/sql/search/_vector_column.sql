create or replace function sqlembed._vector_column(relation regclass, name name) returns name
language plpgsql
stable
as $function$
declare
    names name[];
begin
    select pg_catalog.array_agg(a.attname order by a.attnum)
    into names
    from pg_catalog.pg_attribute as a
    where a.attrelid operator(pg_catalog.=) _vector_column.relation
        and a.attnum operator(pg_catalog.>) 0
        and not a.attisdropped
        and a.atttypid in ('public.vector'::pg_catalog.regtype, 'public.halfvec'::pg_catalog.regtype);
    if _vector_column.name operator(pg_catalog.=) any (names) then
        return _vector_column.name;
    end if;
    if _vector_column.name is null and pg_catalog.cardinality(names) operator(pg_catalog.=) 1 then
        return names[1];
    end if;
    raise exception 'sqlembed: % has %', _vector_column.relation,
        case
            when _vector_column.name is not null
            then pg_catalog.format('no vector column %I', _vector_column.name)
            when names is null then 'no vector column'
            else 'several vector columns'
        end
        using errcode = 'SE013',
            hint = case
                when names is null then 'A search needs a column of type vector or halfvec.'
                else pg_catalog.format(
                    'Say which, as embedding => ''...'': %s.',
                    (
                        select pg_catalog.string_agg(pg_catalog.quote_ident(n.name), ', ' order by n.ordinality)
                        from pg_catalog.unnest(names) with ordinality as n (name, ordinality)
                    )
                )
            end;
end
$function$;

comment on function sqlembed._vector_column(regclass, name) is
    'A vector column of a relation, by name or the only one.';

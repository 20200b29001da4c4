create or replace function sqlembed._explain_failure(
    state text,
    problem text,
    pg_hint text,
    relation regclass,
    filter text,
    dimensions integer
)
returns void
language plpgsql
stable
as $function$
declare
    gone name;
begin
    -- pgvector has one code for all it refuses. The filter may compare vectors too.
    if _explain_failure.state operator(pg_catalog.=) '22000'
        and _explain_failure.problem operator(pg_catalog.~) '^different [a-z]+ dimensions'
        and (
            _explain_failure.filter is null
            or not exists (
                select
                from pg_catalog.pg_attribute as a
                where a.attrelid operator(pg_catalog.=) _explain_failure.relation
                    and a.atttypid in ('public.vector'::pg_catalog.regtype, 'public.halfvec'::pg_catalog.regtype)
                    and a.atttypmod operator(pg_catalog.=) _explain_failure.dimensions
            )
        )
    then
        raise exception 'sqlembed: the query has % dimensions, unlike vectors of %',
            _explain_failure.dimensions, _explain_failure.relation
            using errcode = 'SE014',
                detail = _explain_failure.problem,
                hint = 'Only vectors of one embedder are comparable. A filter can leave out others: vector_dims(column) = 3.';
    end if;
    -- The column was dropped, which the catalogue of embeddings does not notice.
    if _explain_failure.state operator(pg_catalog.=) '42703' then
        select e.name
        into gone
        from sqlembed.embedding as e
        where e.relation operator(pg_catalog.=) _explain_failure.relation
            and not exists (
                select
                from pg_catalog.pg_attribute as a
                where a.attrelid operator(pg_catalog.=) coalesce(e.side, e.relation)
                    and a.attname operator(pg_catalog.=) sqlembed._vector_name(e)
                    and not a.attisdropped
            );
        if found then
            raise exception 'sqlembed: column % of % is not there any more',
                pg_catalog.quote_ident(gone), _explain_failure.relation
                using errcode = 'SE013',
                    hint = pg_catalog.format(
                        'select sqlembed.drop_embedding(%L, %L), and declare it anew.', _explain_failure.relation, gone
                    );
        end if;
    end if;
    -- Syntax, names, types, values, and what functions raise; but not rights, cancelling, locks, space or our own.
    if _explain_failure.filter is not null
        and _explain_failure.state operator(pg_catalog.~) '^(0A|21|22|42|P0)'
        and _explain_failure.state operator(pg_catalog.<>) '42501'
    then
        raise exception 'sqlembed: the filter is not valid: %', _explain_failure.problem
            using errcode = 'SE015',
                hint = pg_catalog.concat_ws(
                    ' ',
                    nullif(_explain_failure.pg_hint, ''),
                    pg_catalog.format('A filter is a condition on one row of %s, such as: id > 10.', _explain_failure.relation)
                );
    end if;
end
$function$;

comment on function sqlembed._explain_failure(text, text, text, regclass, text, integer) is
    'Raise the error of a search again, in words, where the vectors or the filter are to blame for it; otherwise nothing.';

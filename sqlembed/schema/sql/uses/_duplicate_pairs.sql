create or replace function sqlembed._duplicate_pairs(
    relation regclass,
    threshold double precision,
    embedding name,
    filter text,
    within text,
    mode text,
    is_every_pair boolean
)
returns table (key_a jsonb, key_b jsonb, similarity double precision)
language plpgsql
stable
set jit = off
-- Else all rows are read from disk again for every one of them.
set work_mem = '64MB'
as $function$
declare
    source record;
    rows pg_catalog.text;
    num_pairs pg_catalog.float8;
    state pg_catalog.text;
    problem pg_catalog.text;
    pg_hint pg_catalog.text;
begin
    perform sqlembed._check_use(
        _duplicate_pairs.threshold operator(pg_catalog.>) 0::pg_catalog.float8
            and _duplicate_pairs.threshold operator(pg_catalog.<=) 1::pg_catalog.float8,
        pg_catalog.format(
            'threshold => %s is not above 0 and at most 1',
            coalesce(_duplicate_pairs.threshold::pg_catalog.text, 'NULL')
        ),
        'It is a similarity, the cosine of two vectors: 0.95 finds texts that say nearly the same, 1 equal ones.'
    );
    perform sqlembed._check_filter(_duplicate_pairs.filter);
    perform sqlembed._check_choice('mode', _duplicate_pairs.mode, '{vector,exact}');
    source := sqlembed._vector_source(_duplicate_pairs.relation, _duplicate_pairs.embedding, 'cosine', null);
    rows := sqlembed._pair_rows(
        source.from_clause, source.vector, source.key, _duplicate_pairs.filter, _duplicate_pairs.within,
        _duplicate_pairs.is_every_pair
    );
    if source.is_indexed and _duplicate_pairs.mode operator(pg_catalog.=) 'vector' then
        execute pg_catalog.format(
            'select pg_catalog.sum(r.members operator(pg_catalog.*) r.members)::pg_catalog.float8
            from (
                select pg_catalog.count(*)::pg_catalog.float8 as members from (%s) as r where r.is_first group by r.block
            ) as r',
            rows
        )
        into num_pairs;
    end if;
    -- A search in the index costs as much as a few thousand comparisons.
    if num_pairs operator(pg_catalog.>) 25000000::pg_catalog.float8 then
        return query
        select p.key_a, p.key_b, p.similarity
        from sqlembed._near_pairs(
            rows, source.from_clause, source.vector, source.key, _duplicate_pairs.filter, _duplicate_pairs.within,
            _duplicate_pairs.threshold, _duplicate_pairs.is_every_pair
        ) as p;
    else
        return query execute pg_catalog.format(
            'with sqlembed_row as materialized (
                select r.key, r.block, r.vector, pg_catalog.row_number() over (order by r.key) as number
                from (%s) as r
                where r.is_first
            )
            select a.key, b.key, least(1, operator(pg_catalog.-) (a.vector operator(public.<#>) b.vector))
            from sqlembed_row as a
            join sqlembed_row as b
                on a.block operator(pg_catalog.=) b.block and a.number operator(pg_catalog.<) b.number
            -- Rounding leaves equal vectors a little short of 1.
            where a.vector operator(public.<#>) b.vector operator(pg_catalog.<=) $1',
            rows
        )
        using 0.000001::pg_catalog.float8 operator(pg_catalog.-) _duplicate_pairs.threshold;
    end if;
    if not _duplicate_pairs.is_every_pair then
        return query execute pg_catalog.format(
            'select r.first_key, r.key, 1::pg_catalog.float8 from (%s) as r where not r.is_first', rows
        );
    end if;
exception
    when others then
        get stacked diagnostics state = returned_sqlstate, problem = message_text, pg_hint = pg_exception_hint;
        perform sqlembed._explain_use(
            state, problem, pg_hint, _duplicate_pairs.relation,
            coalesce(_duplicate_pairs.filter, _duplicate_pairs.within)
        );
        raise;
end
$function$;

comment on function sqlembed._duplicate_pairs(regclass, double precision, name, text, text, text, boolean) is
    'Pairs of rows whose vectors have a cosine of at least threshold, in no order, a pair perhaps twice. Unless every pair is wanted, of rows with the same vector only the first is paired with others, and they with it: that is enough to know who belongs together.';

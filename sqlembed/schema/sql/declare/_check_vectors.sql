create or replace function sqlembed._check_vectors(
    relation regclass,
    embedding name,
    embedder text,
    source text,
    metric text,
    side regclass
)
returns void
language plpgsql
volatile
as $function$
declare
    sample_size constant integer := 100;
    -- Other batches and other machines change the last digits, halfvec and quantised models more of them;
    -- another model, prompt or text is far beyond it.
    tolerance constant double precision := 0.01;
    vector_sql text := pg_catalog.format('%s.%I::public.vector', case when side is null then 'r' else 's' end, _check_vectors.embedding);
    known integer;
    sample record;
    compared record;
begin
    -- Of a column that does not fit the embedder, which may be no vector at all, others tell.
    select e.dimensions
    into known
    from sqlembed.embedder as e
    where e.name operator(pg_catalog.=) _check_vectors.embedder;
    if not exists (
        select
        from pg_catalog.pg_attribute as a
        join pg_catalog.pg_type as t on t.oid operator(pg_catalog.=) a.atttypid
        where a.attrelid operator(pg_catalog.=) coalesce(_check_vectors.side, _check_vectors.relation)
            and a.attname operator(pg_catalog.=) _check_vectors.embedding
            and not a.attisdropped
            and t.typname in ('vector', 'halfvec')
            and a.atttypmod in (-1, coalesce(known, a.atttypmod))
    ) then
        return;
    end if;
    execute pg_catalog.format(
        'select pg_catalog.array_agg(c.key) as keys, pg_catalog.array_agg(c.input) as inputs, '
        'pg_catalog.array_agg(c.vector) as vectors '
        'from ('
        'select %s as key, (select (%s)::pg_catalog.text from (select r.*) as r) as input, %s as vector from %s'
        ') as c where not sqlembed._blank(c.input)',
        (select k.expression from sqlembed._key_sql(_check_vectors.relation) as k),
        _check_vectors.source,
        vector_sql,
        case
            when _check_vectors.side is null
            then pg_catalog.format(
                '(select * from %s as r where r.%I is not null order by pg_catalog.random() limit %s) as r',
                _check_vectors.relation, _check_vectors.embedding, sample_size
            )
            else pg_catalog.format(
                -- Of an older text the vector is made anew in any case.
                '(select * from %s order by pg_catalog.random() limit %s) as s join %s as r on %s '
                'and s.source_hash operator(pg_catalog.=) pg_catalog.sha256(pg_catalog.convert_to('
                '(select (%s)::pg_catalog.text from (select r.*) as r), ''UTF8''))',
                _check_vectors.side, sample_size, _check_vectors.relation,
                sqlembed._side_match(_check_vectors.relation, _check_vectors.side, 'r', 's'), _check_vectors.source
            )
        end
    )
    into sample;
    if sample.keys is null then
        raise notice 'sqlembed: % of % holds no vectors that could be compared',
            pg_catalog.quote_ident(_check_vectors.embedding), _check_vectors.relation;
        return;
    end if;

    select
        pg_catalog.count(*) as size,
        pg_catalog.percentile_cont(0.5) within group (order by d.distance) as median,
        pg_catalog.max(d.distance) as largest,
        pg_catalog.count(*) filter (where d.distance operator(pg_catalog.>) tolerance) as wrong,
        pg_catalog.max(d.stretch) as stretch,
        (pg_catalog.array_agg(d.key order by d.distance desc))[1] as worst
    into compared
    from (
        select
            v.key,
            -- Vectors of nothing but zeros have no direction.
            case
                when public.vector_dims(v.present) operator(pg_catalog.<>) public.vector_dims(v.made) then 2
                else coalesce(
                    nullif(greatest(v.present operator(public.<=>) v.made, 0), 'NaN'),
                    case when v.present operator(public.=) v.made then 0 else 1 end
                )
            end as distance,
            pg_catalog.abs(
                public.vector_norm(v.present) operator(pg_catalog./) nullif(public.vector_norm(v.made), 0) operator(pg_catalog.-) 1
            ) as stretch
        from rows from (
            pg_catalog.unnest(sample.keys),
            pg_catalog.unnest(sample.vectors),
            pg_catalog.unnest(
                sqlembed._ask(
                    _check_vectors.embedder,
                    (select k.key from sqlembed.embedder_key as k where k.embedder operator(pg_catalog.=) _check_vectors.embedder),
                    'document',
                    sample.inputs
                )
            )
        ) as v (key, present, made)
    ) as d;
    raise notice 'sqlembed: % vectors of % were computed again by %: cosine distance median %, largest %',
        compared.size, pg_catalog.quote_ident(_check_vectors.embedding), pg_catalog.quote_ident(_check_vectors.embedder),
        pg_catalog.round(compared.median::numeric, 6), pg_catalog.round(compared.largest::numeric, 6);
    if compared.wrong operator(pg_catalog.>) 0 then
        raise exception 'sqlembed: of % vectors of %, % are not those that % makes of their texts: cosine distance median %, largest %',
            compared.size, pg_catalog.quote_ident(_check_vectors.embedding), compared.wrong,
            pg_catalog.quote_ident(_check_vectors.embedder), pg_catalog.round(compared.median::numeric, 6),
            pg_catalog.round(compared.largest::numeric, 6)
            using errcode = 'SE011',
                detail = pg_catalog.format('The row furthest off has the key %s; up to %s is taken for the same.', compared.worst, tolerance),
                hint = case
                    when compared.median operator(pg_catalog.<=) tolerance
                    then 'Probably these texts have changed since. Set the vectors of such rows to NULL first, or embed all with adopt => ''recompute''.'
                    else 'They were made by another embedder, or of another text. Name that embedder and source, or embed all with adopt => ''recompute''.'
                end;
    end if;
    -- An angle does not see it.
    if _check_vectors.metric operator(pg_catalog.<>) 'cosine' and compared.stretch operator(pg_catalog.>) tolerance then
        raise exception 'sqlembed: vectors of % are not as long as those that % makes of their texts',
            pg_catalog.quote_ident(_check_vectors.embedding), pg_catalog.quote_ident(_check_vectors.embedder)
            using errcode = 'SE011',
                hint = 'Lengths count for every metric but cosine: say metric => ''cosine'', or embed all with adopt => ''recompute''.';
    end if;
end
$function$;

comment on function sqlembed._check_vectors(regclass, name, text, text, text, regclass) is
    'An error when the vectors that a column holds are not those that an embedder makes of the texts beside them: up to 100 rows, picked at random, are computed again and compared. It runs with the rights of the caller.';

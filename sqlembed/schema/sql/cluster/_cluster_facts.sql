create or replace function sqlembed._cluster_facts(
    inout rows text,
    metric text,
    out num_rows bigint,
    out dimensions integer
)
language plpgsql
volatile
as $function$
declare
    found record;
begin
    execute pg_catalog.format(
        $sql$
        select
            pg_catalog.count(*) as num_rows,
            pg_catalog.count(r.embedding) as num_vectors,
            pg_catalog.count(r.embedding) filter (
                where r.square operator(pg_catalog.>) 0 or public.vector_norm(r.embedding) operator(pg_catalog.>) 0
            ) as num_directions,
            pg_catalog.min(r.dimensions) as dimensions,
            pg_catalog.max(r.dimensions) as most_dimensions,
            pg_catalog.min(r.square) as least_square,
            pg_catalog.max(r.square) as greatest_square
        from (
            select r.embedding, public.vector_dims(r.embedding) as dimensions,
                operator(pg_catalog.-) (r.embedding operator(public.<#>) r.embedding) as square
            from (%s) as r
            offset '0'
        ) as r
        $sql$,
        _cluster_facts.rows
    )
    into found;
    perform sqlembed._check_cluster_facts(
        found.num_rows, found.num_vectors, found.dimensions, found.most_dimensions, found.greatest_square,
        case when _cluster_facts.metric operator(pg_catalog.=) 'cosine' then found.num_directions end
    );
    dimensions := found.dimensions;
    num_rows := found.num_vectors;
    if _cluster_facts.metric operator(pg_catalog.<>) 'cosine' then
        rows := pg_catalog.format('select r.id, r.embedding from (%s) as r where r.embedding is not null', rows);
    elsif found.least_square operator(pg_catalog.<) 0.99999::double precision
        or found.greatest_square operator(pg_catalog.>) 1.00001::double precision
    then
        num_rows := found.num_directions;
        rows := pg_catalog.format(
            'select r.id, public.l2_normalize(r.embedding) as embedding from (%s) as r
            where public.vector_norm(r.embedding) operator(pg_catalog.>) 0',
            rows
        );
    else
        rows := pg_catalog.format('select r.id, r.embedding from (%s) as r where r.embedding is not null', rows);
    end if;
end
$function$;

comment on function sqlembed._cluster_facts(text, text) is
    'How many rows (id, embedding) can be clustered and the dimensions of their vectors, and SQL that gives these rows; under cosine as unit vectors, without those of zeros, which have no direction.';

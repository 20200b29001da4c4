create or replace function sqlembed._check_cluster_facts(
    num_rows bigint,
    num_vectors bigint,
    dimensions integer,
    most_dimensions integer,
    greatest_square double precision,
    num_directions bigint
)
returns void
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $function$
begin
    if _check_cluster_facts.num_rows = 0 then
        raise exception 'sqlembed: the query gives no rows to cluster'
            using errcode = 'SE022', hint = 'Run it by itself to see why.';
    elsif _check_cluster_facts.num_vectors = 0 then
        raise exception 'sqlembed: all vectors of the query are NULL'
            using errcode = 'SE022',
                hint = 'They may still have to be computed: select * from sqlembed.status.';
    elsif _check_cluster_facts.num_directions = 0 then
        raise exception 'sqlembed: all vectors of the query are zeros, which have no direction'
            using errcode = 'SE022', hint = 'Under the metric euclidean they have a place.';
    elsif _check_cluster_facts.dimensions <> _check_cluster_facts.most_dimensions then
        raise exception 'sqlembed: the vectors of the query have from % to % dimensions',
            _check_cluster_facts.dimensions, _check_cluster_facts.most_dimensions
            using errcode = 'SE022',
                hint = format(
                    'Take those of one embedder: where vector_dims(embedding) = %s.', _check_cluster_facts.most_dimensions
                );
    elsif _check_cluster_facts.num_directions is null and _check_cluster_facts.greatest_square > 1e37 then
        raise exception 'sqlembed: the vectors of the query are too long for euclidean distances in single precision'
            using errcode = 'SE022', hint = 'Scale them down, or use the metric cosine.';
    end if;
end
$function$;

comment on function sqlembed._check_cluster_facts(bigint, bigint, integer, integer, double precision, bigint) is
    'An error when the rows of a query cannot be clustered. num_directions, vectors that are not all zeros, is NULL where zeros do not matter.';

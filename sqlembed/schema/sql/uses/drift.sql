create or replace function sqlembed.drift(
    relation regclass,
    baseline_filter text,
    current_filter text,
    embedding name default null,
    sample_size integer default 250,
    permutations integer default 500,
    seed integer default 0
)
returns table (
    baseline_rows bigint,
    current_rows bigint,
    centroid_shift double precision,
    mmd double precision,
    p_value double precision
)
language plpgsql
stable
rows 1
as $function$
declare
    source record;
    baseline_vectors public.vector[];
    current_vectors public.vector[];
    shift record;
    test record;
    state pg_catalog.text;
    problem pg_catalog.text;
    pg_hint pg_catalog.text;
begin
    perform sqlembed._check_use(
        drift.sample_size operator(pg_catalog.>=) 2 and drift.sample_size operator(pg_catalog.<=) 2000,
        pg_catalog.format('sample_size => %s is not from 2 to 2000', coalesce(drift.sample_size::pg_catalog.text, 'NULL')),
        'It is the number of rows of each side that the test compares, all pairs of them.'
    );
    perform sqlembed._check_use(
        drift.permutations operator(pg_catalog.>=) 1 and drift.permutations operator(pg_catalog.<=) 100000,
        pg_catalog.format('permutations => %s is not from 1 to 100000', coalesce(drift.permutations::pg_catalog.text, 'NULL')),
        'A p-value cannot be smaller than 1 / (permutations + 1).'
    );
    perform sqlembed._check_use(drift.seed is not null, 'seed => NULL is not a number', 'The same seed gives the same result.');
    source := sqlembed._drift_source(drift.relation, drift.embedding, drift.baseline_filter, drift.current_filter);
    execute source.shift_sql into shift;
    if least(shift.baseline_rows, shift.current_rows) operator(pg_catalog.<) 2::pg_catalog.int8 then
        raise exception 'sqlembed: there are % rows with a vector before and % now',
            shift.baseline_rows, shift.current_rows
            using errcode = 'SE022', hint = 'Drift needs two on each side at least. See select * from sqlembed.status.';
    end if;
    baseline_vectors := sqlembed._vector_sample(source.baseline_sql, source.metric, drift.sample_size, drift.seed);
    current_vectors := sqlembed._vector_sample(source.current_sql, source.metric, drift.sample_size, drift.seed);
    test := sqlembed._mmd_test(baseline_vectors, current_vectors, drift.permutations, drift.seed);
    return query select
        shift.baseline_rows, shift.current_rows, public.vector_norm(shift.shift), test.mmd, test.p_value;
exception
    when others then
        get stacked diagnostics state = returned_sqlstate, problem = message_text, pg_hint = pg_exception_hint;
        perform sqlembed._explain_use(state, problem, pg_hint, drift.relation, drift.baseline_filter);
        raise;
end
$function$;

comment on function sqlembed.drift(regclass, text, text, name, integer, integer, integer) is
    'Whether the rows that pass one filter mean something else than those that pass another: centroid_shift is the length of the difference of their means (of unit vectors under cosine), mmd the squared maximum mean discrepancy of a sample of sample_size rows each (Gaussian kernel, unbiased), p_value how often a random division of that sample differs as much. The same seed gives the same result.';

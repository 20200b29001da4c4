create or replace function sqlembed._number_facts(
    rows text,
    num_numbers integer,
    standardize boolean,
    weights double precision[],
    out embedding_scale double precision,
    out number_means double precision[],
    out number_scales double precision[]
)
language plpgsql
volatile
as $function$
declare
    weights double precision[] := coalesce(
        _number_facts.weights,
        pg_catalog.array_fill(1::double precision, array[_number_facts.num_numbers operator(pg_catalog.+) 1])
    );
    embedding_variance double precision;
    variances double precision[];
begin
    if pg_catalog.cardinality(weights) operator(pg_catalog.<>) (_number_facts.num_numbers operator(pg_catalog.+) 1) then
        raise exception 'sqlembed: % weights for a vector and % numbers', pg_catalog.cardinality(weights), _number_facts.num_numbers
            using errcode = 'SE014', hint = 'Give one for the vector and one for each number, in the order of the columns.';
    end if;
    if _number_facts.num_numbers operator(pg_catalog.=) 0 then
        embedding_scale := 1;
        number_means := '{}';
        number_scales := '{}';
        return;
    end if;
    execute pg_catalog.format(
        'select
            pg_catalog.avg(operator(pg_catalog.-) (r.embedding operator(public.<#>) r.embedding))
                operator(pg_catalog.+) (public.avg(r.embedding) operator(public.<#>) public.avg(r.embedding)),
            array[%1$s], array[%2$s]
        from (%3$s) as r
        where r.embedding is not null',
        (
            select pg_catalog.string_agg(pg_catalog.format('coalesce(pg_catalog.avg(r.numbers[%s]), 0)', i), ', ' order by i)
            from pg_catalog.generate_series(1, _number_facts.num_numbers) as i
        ),
        (
            select pg_catalog.string_agg(pg_catalog.format('coalesce(pg_catalog.var_pop(r.numbers[%s]), 0)', i), ', ' order by i)
            from pg_catalog.generate_series(1, _number_facts.num_numbers) as i
        ),
        _number_facts.rows
    )
    into embedding_variance, number_means, variances;
    for place in 1.._number_facts.num_numbers loop
        -- Of infinity and NaN alike the variance is NaN.
        if variances[place] operator(pg_catalog.=) 'NaN'::double precision then
            raise exception 'sqlembed: column % of the query has infinity or NaN among its numbers', place operator(pg_catalog.+) 2
                using errcode = 'SE022', hint = 'Leave these rows out, or give NULL, which counts as the mean.';
        end if;
    end loop;
    -- What is the same in all rows has nothing to be scaled by.
    embedding_scale := pg_catalog.sqrt(
        weights[1] operator(pg_catalog./) case
            when _number_facts.standardize and embedding_variance operator(pg_catalog.>) 1e-12::double precision
                then embedding_variance
            else 1
        end
    );
    number_scales := array(
        select pg_catalog.sqrt(
            w.weight operator(pg_catalog./) case
                when _number_facts.standardize and v.variance operator(pg_catalog.>) 0::double precision then v.variance
                else 1
            end
        )
        from pg_catalog.unnest(variances) with ordinality as v(variance, place)
        join pg_catalog.unnest(weights) with ordinality as w(weight, place)
            on w.place operator(pg_catalog.=) (v.place operator(pg_catalog.+) 1)
        order by v.place
    );
end
$function$;

comment on function sqlembed._number_facts(text, integer, boolean, double precision[]) is
    'How to scale the vectors and numbers of rows (id, embedding, numbers): to a variance of 1, which for vectors is their mean squared distance to their mean, if so wanted, and then so that squared distances count by their weights.';

create or replace function sqlembed._indexed(
    index text,
    options jsonb,
    storage text,
    dimensions integer,
    metric text,
    vector text,
    out expression text,
    out operator_class text,
    out ordering text
)
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $function$
declare
    length integer;
begin
    -- Written as pg_get_indexdef() does without a search_path, so that an index can be told by it.
    case _indexed.index
        when 'binary' then
            _indexed.expression := format('((public.binary_quantize(%s))::bit(%s))', _indexed.vector, _indexed.dimensions);
            _indexed.operator_class := 'bit_hamming_ops';
            _indexed.ordering := format(
                '%s operator(public.<~>) public.binary_quantize($1)::bit(%s)', _indexed.expression, _indexed.dimensions
            );
            return;
        when 'prefix' then
            length := (_indexed.options ->> 'dimensions')::integer;
            _indexed.expression := format(
                '((public.subvector(%s, 1, %s))::%s(%s))',
                _indexed.vector,
                length,
                case _indexed.storage when 'vector' then 'public.vector' else 'public.halfvec' end,
                length
            );
            _indexed.ordering := format(
                '%s %s public.subvector($1, 1, %s)',
                _indexed.expression, sqlembed._metric_operator(_indexed.metric), length
            );
        else
            _indexed.expression := _indexed.vector;
            _indexed.ordering := format('%s %s $1', _indexed.vector, sqlembed._metric_operator(_indexed.metric));
    end case;
    _indexed.operator_class := _indexed.storage || case _indexed.metric
        when 'cosine' then '_cosine_ops'
        when 'euclidean' then '_l2_ops'
        when 'inner_product' then '_ip_ops'
        when 'l1' then '_l1_ops'
    end;
end
$function$;

comment on function sqlembed._indexed(text, jsonb, text, integer, text, text) is
    'What an index of a kind is over, given the vector as SQL, with which operator class, and the order in which it gives the rows nearest to $1. Of binary and prefix that order is a rough one.';

create or replace function sqlembed._metric_operator(metric text) returns text
language plpgsql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
declare
    operator text := case _metric_operator.metric
        when 'cosine' then 'operator(public.<=>)'
        when 'euclidean' then 'operator(public.<->)'
        when 'inner_product' then 'operator(public.<#>)'
        when 'l1' then 'operator(public.<+>)'
    end;
begin
    if operator is null then
        raise exception 'sqlembed: unknown metric %', coalesce(quote_literal(_metric_operator.metric), 'NULL')
            using errcode = 'SE014', hint = 'Metrics are cosine, euclidean, inner_product and l1.';
    end if;
    return operator;
end
$function$;

comment on function sqlembed._metric_operator(text) is
    'The operator of a metric, qualified, as SQL text.';

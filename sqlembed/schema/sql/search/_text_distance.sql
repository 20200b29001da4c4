create or replace function sqlembed._text_distance(
    target sqlembed.search_target,
    place_in text
)
returns text
language sql
stable
as $function$
    -- Of several chunks the best.
    select pg_catalog.format(
        case
            when (_text_distance.target).chunk is null then '(select %1$s from %2$s), null::pg_catalog.text'
            else '(select pg_catalog.min(%1$s) from %2$s), (select %3$s from %2$s order by %1$s limit 1)'
        end,
        d.distance, d.rest, (_text_distance.target).chunk
    )
    from (
        select
            pg_catalog.format(
                '%s %s $4', (_text_distance.target).vector,
                sqlembed._metric_operator((_text_distance.target).metric)
            ) as distance,
            pg_catalog.format(
                '%1$s where %2$s.tableoid operator(pg_catalog.=) %3$s.relation and %2$s.ctid operator(pg_catalog.=) %3$s.place%4$s',
                (_text_distance.target).from_clause, (_text_distance.target).row_name, _text_distance.place_in,
                case
                    when (_text_distance.target).chunk is null then ''
                    else ' and ' || sqlembed._is_current(
                        _text_distance.target, (_text_distance.target).hash, (_text_distance.target).row_name
                    )
                end
            ) as rest
    ) as d
$function$;

comment on function sqlembed._text_distance(sqlembed.search_target, text) is
    'SQL for the distance between the query vector $4 and a row that was found by words, whose relation and place are columns of what was found, and for its best chunk; NULL where it has no vector, or no chunks.';

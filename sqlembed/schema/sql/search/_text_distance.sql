create or replace function sqlembed._text_distance(
    target sqlembed.search_target,
    place_in text
)
returns text
language sql
stable
as $function$
    select pg_catalog.format(
        '(select %1$s %2$s $4 from %3$s where %4$s.tableoid operator(pg_catalog.=) %5$s.relation '
        'and %4$s.ctid operator(pg_catalog.=) %5$s.place)',
        (_text_distance.target).vector, sqlembed._metric_operator((_text_distance.target).metric),
        (_text_distance.target).from_clause, (_text_distance.target).row_name, _text_distance.place_in
    )
$function$;

comment on function sqlembed._text_distance(sqlembed.search_target, text) is
    'SQL for the distance between the query vector $4 and a row that was found by words, whose relation and place are columns of what was found; NULL where it has no vector.';

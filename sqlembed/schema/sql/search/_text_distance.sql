create or replace function sqlembed._text_distance(
    declared sqlembed.embedding,
    relation_name name,
    full_name text,
    place_in text
)
returns text
language plpgsql
stable
as $function$
declare
    from_clause text := pg_catalog.format('%s as %I', _text_distance.full_name, _text_distance.relation_name);
    vector text := pg_catalog.format('%I.%I', _text_distance.relation_name, (_text_distance.declared).name);
begin
    if (_text_distance.declared).side is not null then
        select s.from_clause, s.vector
        into from_clause, vector
        from sqlembed._side_source(_text_distance.declared, _text_distance.relation_name) as s;
    end if;
    return pg_catalog.format(
        '(select %1$s %2$s $4 from %3$s where %4$I.tableoid operator(pg_catalog.=) %5$s.relation '
        'and %4$I.ctid operator(pg_catalog.=) %5$s.place)',
        vector, sqlembed._metric_operator((_text_distance.declared).metric), from_clause,
        _text_distance.relation_name, _text_distance.place_in
    );
end
$function$;

comment on function sqlembed._text_distance(sqlembed.embedding, name, text, text) is
    'SQL for the distance between the query vector $4 and a row that was found by words, whose relation and place are columns of what was found; NULL where it has no vector.';

create or replace function sqlembed._search_conditions(
    target sqlembed.search_target,
    filter text,
    after_distance double precision,
    after_key jsonb,
    excluded tid
)
returns text
language sql
stable
as $function$
    -- The line break ends a comment at the end of the filter.
    select pg_catalog.concat(
        ' and (' || _search_conditions.filter || E'\n)',
        case
            -- Of a row that was shown, another chunk may come later.
            when _search_conditions.after_distance is not null and (_search_conditions.target).chunk is null
            then pg_catalog.format(
                ' and (%1$s operator(pg_catalog.>) $3 or %1$s operator(pg_catalog.=) $3 and (%2$s))',
                (_search_conditions.target).distance,
                sqlembed._after_key(
                    (_search_conditions.target).relation, (_search_conditions.target).row_name, _search_conditions.after_key
                )
            )
        end,
        case
            when _search_conditions.excluded is not null
            then pg_catalog.format(
                ' and not (%1$s.ctid operator(pg_catalog.=) $5 and %1$s.tableoid operator(pg_catalog.=) $6)',
                (_search_conditions.target).row_name
            )
        end
    )
$function$;

comment on function sqlembed._search_conditions(sqlembed.search_target, text, double precision, jsonb, tid) is
    'What rows have to fulfil, to follow "where ... ": the filter, to come after distance $3 and key $4, and not to be the row at place $5 of table $6.';

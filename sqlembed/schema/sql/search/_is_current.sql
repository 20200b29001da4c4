create or replace function sqlembed._is_current(target sqlembed.search_target, hash text, row_name text)
returns text
language sql
immutable
as $function$
    -- A bare equality would be taken for one that few rows pass, and the index left aside.
    select case
        when (_is_current.target).hash_function is null then 'true'
        else pg_catalog.format(
            'coalesce(%s operator(pg_catalog.=) %s(%s.*), false)',
            _is_current.hash, (_is_current.target).hash_function, _is_current.row_name
        )
    end
$function$;

comment on function sqlembed._is_current(sqlembed.search_target, text, text) is
    'The condition that chunks are those of a row''s present text, by its hash; always true where older ones stay searchable meanwhile.';

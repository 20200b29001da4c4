create or replace function sqlembed._refuse_relation(function_name text, given text) returns void
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $function$
begin
    raise exception 'sqlembed: % takes a table as a NULL of its row type', _refuse_relation.function_name
        using errcode = 'SE014',
            hint = format(
                'Write: select (base).*, distance from sqlembed.%s(null::%s, %s).',
                _refuse_relation.function_name,
                case
                    when _refuse_relation.given ~ '^[a-z_][a-z0-9_]*([.][a-z_][a-z0-9_]*)?$' then _refuse_relation.given
                    -- What regclass gives is quoted already.
                    when starts_with(_refuse_relation.given, '"') then _refuse_relation.given
                    else coalesce(quote_ident(nullif(_refuse_relation.given, '')), 'article')
                end,
                case _refuse_relation.function_name
                    when 'search' then '''food'''
                    when 'similar' then '''[42]'''
                    else '''[1, 2, 3]'''
                end
            );
end
$function$;

comment on function sqlembed._refuse_relation(text, text) is
    'An error that shows how a table is given to a search.';

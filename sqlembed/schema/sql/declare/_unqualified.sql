create or replace function sqlembed._unqualified(expression text, relation name, columns name[]) returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    with part as (
        select p.found[1] as token, p.position
        from regexp_matches(
            _unqualified.expression,
            $re$('(?:[^']|'')*'|"(?:[^"]|"")*"|[[:alnum:]_$]+|::|[[:space:]]+|.)$re$,
            'g'
        ) with ordinality as p (found, position)
    ),
    seen as (
        select
            p.token,
            p.position,
            -- A function, a type or a collation may be in a schema of the table's name.
            p.token = quote_ident(_unqualified.relation)
                and lead(p.token) over ordered = '.'
                and lead(p.token, 2) over ordered = any (array(select quote_ident(c) from unnest(_unqualified.columns) as c))
                and lead(p.token, 3, '') over ordered <> '('
                and lag(p.token, 1, '') over ordered not in ('.', '::')
                and lag(p.token, 2, '') over ordered <> 'COLLATE' as is_qualifier
        from part as p
        window ordered as (order by p.position)
    )
    -- Of a view over one table, PostgreSQL 15 writes every column with the name of the table; later
    -- ones do not.
    select case
        when current_setting('server_version_num')::integer < 160000
            then string_agg(s.token, '' order by s.position) filter (where not s.is_qualifier and not s.is_dot)
        else _unqualified.expression
    end
    from (select s.*, lag(s.is_qualifier, 1, false) over (order by s.position) as is_dot from seen as s) as s
$function$;

comment on function sqlembed._unqualified(text, name, name[]) is
    'An expression as PostgreSQL writes it, without the table''s name before its columns.';

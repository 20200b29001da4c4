create or replace function sqlembed._text_statement(
    target sqlembed.search_target,
    document text,
    is_stored boolean,
    filter text,
    words integer,
    with_distance boolean
)
returns text
language plpgsql
stable
as $function$
declare
    relation pg_catalog.regclass := (_text_statement.target).relation;
    -- A common table expression of this statement must not be taken for the table, nor the table,
    -- which keeps its name where the filter may use it, for one of them.
    full_name text;
    alias text;
    key_columns text;
    keys text;
    frequencies text;
    weights text;
    scores text;
    distance text := 'null::pg_catalog.float8, null::pg_catalog.text';
begin
    select
        pg_catalog.format('%I.%I', n.nspname, c.relname),
        case c.relname when 'sqlembed_text' then 'sqlembed_words' else 'sqlembed_text' end
    into full_name, alias
    from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid operator(pg_catalog.=) c.relnamespace
    where c.oid operator(pg_catalog.=) relation;
    select
        pg_catalog.string_agg(pg_catalog.format('%s.%I as key%s', (_text_statement.target).row_name, k.name, k.place), ', ' order by k.place),
        pg_catalog.string_agg(pg_catalog.format('%s.key%s', alias, k.place), ', ' order by k.place)
    into key_columns, keys
    from pg_catalog.unnest(sqlembed._key_names(relation)) with ordinality as k (name, place);
    if keys is null then
        raise exception 'sqlembed: table % has no primary key', relation
            using errcode = 'SE010', hint = 'Rows are told apart by it: alter table … add primary key.';
    end if;
    select
        -- With weights of one, the cover density of a single word is how often it occurs.
        pg_catalog.string_agg(
            pg_catalog.format('pg_catalog.ts_rank_cd(''{1,1,1,1}'', document, $2[%1$s]) as frequency%1$s', n), ', '
        ),
        pg_catalog.string_agg(
            pg_catalog.format(
                'sqlembed._word_weight(pg_catalog.count(*), pg_catalog.count(*) filter '
                '(where frequency%1$s operator(pg_catalog.>) 0)) as weight%1$s', n
            ),
            ', '
        ),
        pg_catalog.string_agg(
            pg_catalog.format('sqlembed._word_score(weight%1$s, frequency%1$s, length operator(pg_catalog./) average)', n),
            ' operator(pg_catalog.+) '
        )
    into frequencies, weights, scores
    from pg_catalog.generate_series(1, _text_statement.words) as n;
    if _text_statement.with_distance then
        distance := sqlembed._text_distance(_text_statement.target, alias);
    end if;

    return pg_catalog.format(
        'with found as materialized (
            select relation, place, %1$s, pg_catalog.length(document)::pg_catalog.float8 as length, %2$s
            from (
                select %3$s.tableoid as relation, %3$s.ctid as place, %4$s, %5$s as document
                from %6$s as %3$s
                where %7$s and (%8$s
                )
                offset 0
            ) as %13$s
            where %9$s
        ),
        corpus as (select pg_catalog.avg(length) as average, %10$s from found),
        best as (
            select relation, place, %1$s, %11$s as score
            from found as %13$s
            cross join corpus
            order by score desc, %1$s
            limit $3
        )
        select row(base.*)::%12$s, %14$s, %13$s.score
        from best as %13$s
        join %6$s as base
            on base.tableoid operator(pg_catalog.=) %13$s.relation and base.ctid operator(pg_catalog.=) %13$s.place
        order by %13$s.score desc, %1$s',
        keys, frequencies, (_text_statement.target).row_name, key_columns,
        case
            -- A copy, so that one that is in TOAST is fetched once, and not once a word.
            when _text_statement.is_stored
            then pg_catalog.format('pg_catalog.ts_filter(%s, ''{a,b,c,d}'')', _text_statement.document)
            else _text_statement.document
        end,
        full_name,
        case when _text_statement.is_stored then _text_statement.document || ' operator(pg_catalog.@@) $1' else 'true' end,
        coalesce(_text_statement.filter, 'true'),
        case when _text_statement.is_stored then 'true' else 'document operator(pg_catalog.@@) $1' end,
        weights, scores, (_text_statement.target).row_type, alias, distance
    );
end
$function$;

comment on function sqlembed._text_statement(sqlembed.search_target, text, boolean, text, integer, boolean) is
    'A statement that ranks the rows which match the text query $1 by BM25 over its words $2, and gives the best $3 of them: row, distance to the query vector $4 and best chunk if those are wanted, and score. Where the full text is stored, its index finds them.';

create or replace function sqlembed._text_query(
    config regconfig,
    query text,
    out words tsquery[],
    out required tsquery,
    out wanted tsquery
)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    piece text[];
    is_phrase boolean;
    is_negated boolean;
    condition tsquery;
    -- Of the present alternative; "or" begins the next.
    conditions tsquery;
    pieces integer := 0;
    is_free boolean := false;
    plain text := '';
begin
    -- Nobody asks for more in words, and a text pasted by mistake should not take for ever.
    for piece in
        select m.found
        from regexp_matches(left(_text_query.query, 10000) || ' or', '(-?)"([^"]*)"|([^[:space:]"]+)', 'g') as m (found)
    loop
        if lower(piece[3]) = 'or' then
            is_free := is_free or pieces > 0 and conditions is null;
            required := coalesce(required || conditions, required, conditions);
            conditions := null;
            pieces := 0;
            continue;
        end if;
        pieces := pieces + 1;
        is_phrase := piece[3] is null;
        is_negated := coalesce(piece[1] = '-', piece[3] ~ '^-[^-]');
        piece[2] := coalesce(piece[2], ltrim(piece[3], '-'));
        if not is_negated then
            plain := plain || ' ' || piece[2];
        end if;
        -- Stop words alone make no condition.
        if (is_phrase or is_negated) and to_tsvector(_text_query.config, piece[2]) <> '' then
            condition := phraseto_tsquery(_text_query.config, piece[2]);
            if is_negated then
                condition := !! condition;
            end if;
            conditions := coalesce(conditions && condition, condition);
        end if;
    end loop;
    if is_free then
        required := null;
    end if;

    words := array(
        select format('''%s''', replace(replace(u.lexeme, E'\\', E'\\\\'), '''', ''''''))::tsquery
        from unnest(to_tsvector(_text_query.config, plain)) as u
        order by u.positions[1], u.lexeme
        -- The statement has a column for each.
        limit 64
    );
    select string_agg(w::text, ' | ')::tsquery into wanted from unnest(words) as w;
    wanted := coalesce(wanted && required, wanted);
end
$function$;

comment on function sqlembed._text_query(regconfig, text) is
    'What a query means as full text, in the syntax of websearch_to_tsquery: its words, any of which will do; what a row must fulfil, which are phrases in quotation marks and what has a minus before it (NULL: nothing); and both as one query (NULL: no words).';

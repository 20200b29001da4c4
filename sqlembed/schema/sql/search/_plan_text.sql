create or replace function sqlembed._plan_text(
    target sqlembed.search_target,
    query text,
    filter text,
    with_distance boolean,
    out statement text,
    out words tsquery[],
    out wanted tsquery,
    out requirement text
)
language plpgsql
stable
as $function$
declare
    declared sqlembed.embedding := sqlembed._embedding_of(
        (_plan_text.target).relation, (_plan_text.target).embedding
    );
    config text := coalesce(declared.full_text, sqlembed._text_search_config(pg_catalog.get_current_ts_config()));
    is_stored boolean;
    document text;
    required tsquery;
begin
    is_stored := exists (
        select
        from pg_catalog.pg_attribute as a
        where a.attrelid operator(pg_catalog.=) declared.relation
            and a.attname operator(pg_catalog.=) declared.full_text_column
            and a.atttypid operator(pg_catalog.=) 'pg_catalog.tsvector'::pg_catalog.regtype
            and not a.attisdropped
    );
    document := case
        when is_stored
        then pg_catalog.format('%s.%I', (_plan_text.target).row_name, declared.full_text_column)
        else sqlembed._full_text_sql(config, declared.source)
    end;
    select q.words, q.required, q.wanted
    into _plan_text.words, required, _plan_text.wanted
    from sqlembed._text_query(config::pg_catalog.regconfig, _plan_text.query) as q;
    if required is not null then
        _plan_text.requirement := pg_catalog.format('%s operator(pg_catalog.@@) %L::pg_catalog.tsquery', document, required);
    end if;
    if _plan_text.wanted is not null then
        _plan_text.statement := sqlembed._text_statement(
            _plan_text.target, document, is_stored, _plan_text.filter, pg_catalog.cardinality(_plan_text.words),
            _plan_text.with_distance
        );
    end if;
end
$function$;

comment on function sqlembed._plan_text(sqlembed.search_target, text, text, boolean) is
    'How to find rows by words: the statement (NULL: the query has no words), the words, the text query, and the condition that every row has to fulfil, as SQL (NULL: none).';

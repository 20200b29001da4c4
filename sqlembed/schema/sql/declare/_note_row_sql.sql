create or replace function sqlembed._note_row_sql(
    embedding integer,
    old text,
    new text,
    on_change text,
    out key text,
    out inserted text,
    out updated text
)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    declared sqlembed.embedding;
    old_key text;
    vector name;
    sources text;
begin
    select e.* into declared from sqlembed.embedding as e where e.id = _note_row_sql.embedding;
    _note_row_sql.key := (select k.expression from sqlembed._key_sql(declared.relation, _note_row_sql.new) as k);
    old_key := (select k.expression from sqlembed._key_sql(declared.relation, _note_row_sql.old) as k);
    select
        p.vector,
        (
            select format(
                'record_image_ne(row(%s), row(%s))',
                coalesce(string_agg(_note_row_sql.old || quote_ident(c), ', '), 'null'),
                coalesce(string_agg(_note_row_sql.new || quote_ident(c), ', '), 'null')
            )
            from unnest(sqlembed._base_columns(declared.relation, p.source)) as c
        )
    into vector, sources
    from sqlembed._present_columns(declared) as p;
    if vector is null then
        _note_row_sql.key := null;
    end if;
    if _note_row_sql.key is null then
        return;
    end if;
    _note_row_sql.inserted := format('%s%I is null', _note_row_sql.new, vector);
    -- The same conditions as those of whole statements.
    _note_row_sql.updated := format(
        case _note_row_sql.on_change
            when 'hide' then '%2$s%3$I is null and (%1$s%3$I is not null or %4$s <> %5$s or %6$s)'
            else
                'case '
                'when %4$s <> %5$s then %2$s%3$I is null '
                'or record_image_eq(row(%1$s%3$I), row(%2$s%3$I)) and (%6$s or sqlembed._may_wait(%7$s, %4$s)) '
                'when %2$s%3$I is null then %1$s%3$I is not null or %6$s '
                'else %6$s and record_image_eq(row(%1$s%3$I), row(%2$s%3$I)) end'
        end,
        _note_row_sql.old, _note_row_sql.new, vector, old_key, _note_row_sql.key, sources, declared.id
    );
end
$function$;

comment on function sqlembed._note_row_sql(integer, text, text, text) is
    'What a row trigger asks of a row, after the present names of its columns: its key, and whether it needs a vector when it is inserted and when it is updated. NULL when there is no key or no vector column any more.';

revoke execute on function sqlembed._note_row_sql(integer, text, text, text) from public;

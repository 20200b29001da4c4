create or replace function sqlembed._read_texts(declared sqlembed.embedding, keys jsonb[])
returns table (key jsonb, input text, hash bytea)
language plpgsql
volatile
-- The source expression and its operators are the declared ones, whatever the caller's search_path.
set search_path = pg_catalog, pg_temp
set jit = off
-- Rows are found one by one through the primary key.
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $function$
declare
    found_rows bigint;
begin
    return query execute format(
        'select k.key, case when not sqlembed._blank(t.input) then t.input end, sha256(convert_to(t.input, ''UTF8''))
        from unnest($1) with ordinality as k (key, position)
        cross join lateral (
            select (select (%3$s)::text from (select %4$s) as r) as input
            from %1$s as r
            where %2$s
            offset 0
        ) as t
        order by k.position',
        (_read_texts.declared).relation,
        (select k.match from sqlembed._key_sql((_read_texts.declared).relation) as k),
        (_read_texts.declared).source,
        sqlembed._renamed_columns(_read_texts.declared)
    )
    using _read_texts.keys;
    get diagnostics found_rows = row_count;

    -- A row that a trigger has deleted since needs no vector; one that is hidden does.
    if found_rows < cardinality(_read_texts.keys) and row_security_active((_read_texts.declared).relation) then
        perform sqlembed._refuse_hidden(_read_texts.declared);
    end if;
end
$function$;

comment on function sqlembed._read_texts(sqlembed.embedding, jsonb[]) is
    'The present texts of rows, read with the rights of the caller, in the order of the keys, with their sha256. Blank ones are NULL, but have a hash.';

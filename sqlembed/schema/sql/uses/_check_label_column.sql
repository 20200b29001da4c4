create or replace function sqlembed._check_label_column(relation regclass, label_column name) returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
begin
    if not exists (
        select from pg_attribute as a
        where a.attrelid = _check_label_column.relation
            and a.attname = _check_label_column.label_column
            and a.attnum > 0
            and not a.attisdropped
    ) then
        raise exception 'sqlembed: % has no column %',
            coalesce(_check_label_column.relation::text, 'NULL'), coalesce(quote_ident(_check_label_column.label_column), 'NULL')
            using errcode = 'SE014',
                hint = coalesce(
                    'label_column is the column that holds the labels; it has: '
                    || (
                        select string_agg(quote_ident(a.attname), ', ' order by a.attnum)
                        from pg_attribute as a
                        where a.attrelid = _check_label_column.relation and a.attnum > 0 and not a.attisdropped
                    ) || '.',
                    'Name the table, and its column that holds the labels.'
                );
    end if;
end
$function$;

comment on function sqlembed._check_label_column(regclass, name) is
    'An error when a table has no such column.';

create or replace function sqlembed._note_changes() returns trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    declared record;
    noted bigint;
    rung boolean := true;
begin
    -- The worker's own write of a vector is no change.
    if current_setting('sqlembed.writing', true) = 'on' then
        return null;
    end if;

    -- Nothing of the table's owner may run here: the rights are those of the owner of sqlembed.
    -- So rows are compared by their bytes (*<>) and the source expression is left to others.
    for declared in
        select e.id, e.name, e.on_change, e.key_expression, e.source_columns
        from sqlembed.embedding as e
        where e.relation = tg_relid
            -- A column that was dropped or renamed under us must not fail the application's statement.
            and 1 + cardinality(e.source_columns) = (
                select count(*)
                from pg_attribute as a
                where a.attrelid = tg_relid
                    and not a.attisdropped
                    and (a.attname = e.name or a.attname = any (e.source_columns))
            )
    loop
        if tg_op = 'INSERT' then
            execute format(
                'insert into sqlembed.change (embedding, key) select %s, %s from new_rows as r where r.%I is null',
                declared.id, declared.key_expression, declared.name
            );
        else
            execute format(
                'insert into sqlembed.change (embedding, key)
                select %1$s, n.key
                from (select %2$s as key, r.%3$I as vector, row(%4$s) as source from new_rows as r) as n
                left join (select %2$s as key, r.%3$I as vector, row(%4$s) as source from old_rows as r) as o
                    on o.key = n.key
                where %5$s',
                declared.id,
                declared.key_expression,
                declared.name,
                (select string_agg(format('r.%I', c), ', ') from unnest(declared.source_columns) as c),
                case declared.on_change
                    -- The row trigger has set the vector to NULL where the source changed.
                    when 'hide' then 'n.vector is null and (o.key is null or o.vector is not null or o.source *<> n.source)'
                    -- A vector that came with the new text is the client''s own and stays.
                    else '(o.key is null or o.source *<> n.source) and (n.vector is null or record_image_eq(row(o.vector), row(n.vector)))'
                end
            );
        end if;
        get diagnostics noted = row_count;
        rung := rung and noted = 0;
    end loop;

    -- NOTIFY serializes commits, so a bell is rung only while a worker waits for one. The shared
    -- lock, held to the end of the transaction, keeps a worker from falling asleep meanwhile.
    if not rung and not pg_try_advisory_xact_lock_shared(1936813058, 0) then
        perform pg_notify('sqlembed', '');
    end if;
    return null;
end
$function$;

comment on function sqlembed._note_changes() is
    'Statement trigger: append the keys of rows that need a vector to change. One function for all tables.';

create or replace function sqlembed._side_note_body(embedding integer, key text, source text) returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    -- For every column and row of what the statement wrote: the side table is not looked at.
    select format(
        $sql$
#variable_conflict use_column
begin
    -- Attached without these names for its rows, they would lead to views of the caller's in pg_temp.
    if to_regclass('sqlembed_new') is not null or to_regclass('sqlembed_old') is not null then
        raise exception 'sqlembed: trigger %% of %% was not made by create_embedding', quote_ident(tg_name), tg_relid::regclass
            using errcode = '42501', hint = 'Declare the embedding with sqlembed.create_embedding.';
    end if;
    -- A column that was dropped or renamed under us must not fail the application's statement.
    begin
        case tg_op
            when 'DELETE' then
                perform %2$s from sqlembed_old limit 1;
            when 'TRUNCATE' then
                perform true;
            else
                perform %2$s, %3$s from sqlembed_new limit 1;
        end case;
    exception when undefined_column or undefined_function then
        return null;
    end;
    if not found then
        return null;
    end if;

    case tg_op
        when 'INSERT' then
            insert into sqlembed.change (embedding, key) select %1$s, %2$s from sqlembed_new;
        when 'UPDATE' then
            -- A key that is no more is noted as well: its vector goes.
            insert into sqlembed.change (embedding, key)
            select %1$s, coalesce(n.key, o.key)
            from (select %2$s as key, row(%3$s) as source from sqlembed_new) as n
            full join (select %2$s as key, row(%3$s) as source from sqlembed_old) as o on o.key = n.key
            where n.key is null or o.key is null or o.source *<> n.source;
        when 'DELETE' then
            insert into sqlembed.change (embedding, key) select %1$s, %2$s from sqlembed_old;
        else
            -- All rows at once have no keys: the empty one stands for whatever is gone.
            insert into sqlembed.change (embedding, key) values (%1$s, '[]');
    end case;
    -- NOTIFY serializes commits, so a bell is rung only while a worker waits for one. The shared
    -- lock, held to the end of the transaction, keeps a worker from falling asleep meanwhile.
    -- As in the function for rows' own vectors, not where transactions may be prepared.
    if found and current_setting('max_prepared_transactions') = '0'
        and not pg_try_advisory_xact_lock_shared(%4$s, 0) then
        perform pg_notify('sqlembed', '');
    end if;
    return null;
end
$sql$,
        _side_note_body.embedding,
        _side_note_body.key,
        _side_note_body.source,
        sqlembed._lock('idle')
    )
$function$;

comment on function sqlembed._side_note_body(integer, text, text) is
    'What the statement triggers of an embedding with a side table do: append new rows, changed sources, keys that are new and keys that are gone to change. For _make_note_function.';

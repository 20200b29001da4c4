create or replace function sqlembed._make_row_functions(embedding integer) returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    declared sqlembed.embedding;
    asked record;
    note text;
    hide text;
    made name;
begin
    select e.* into declared from sqlembed.embedding as e where e.id = _make_row_functions.embedding;
    select s.* into asked from sqlembed._note_row_sql(declared.id, 'old.', 'new.', declared.on_change) as s;
    if asked.key is null or declared.place = 'side' then
        return;
    end if;

    -- As in the function for statements, nothing of the table's owner may run in it. Rows are noted
    -- outside of the block that catches errors: inside, each would cost a transaction id.
    note := format(
        $sql$
declare
    sqlembed_key jsonb;
    sqlembed_changed boolean;
    sqlembed_asked record;
begin
    if coalesce(current_setting('sqlembed.writing', true), '') = 'on' and pg_trigger_depth() = 1
        and has_function_privilege(session_user, 'sqlembed._stop_worker(integer)', 'execute')
    then
        return new;
    end if;
    begin
        if tg_op = 'INSERT' then
            sqlembed_changed := %2$s;
        else
            sqlembed_changed := %3$s;
        end if;
        if sqlembed_changed then
            sqlembed_key := %4$s;
        end if;
    exception when undefined_column or undefined_function then
        -- A column was renamed or dropped, and no worker has made this function anew yet.
        select s.* into sqlembed_asked from sqlembed._note_row_sql(%1$s, '($2).', '($1).', 'keep') as s;
        if sqlembed_asked.key is null then
            return new;
        end if;
        if tg_op = 'INSERT' then
            execute 'select ' || sqlembed_asked.inserted into sqlembed_changed using new;
        else
            execute 'select ' || sqlembed_asked.updated into sqlembed_changed using new, old;
        end if;
        if sqlembed_changed then
            execute 'select ' || sqlembed_asked.key into sqlembed_key using new;
        end if;
    end;
    if sqlembed_changed then
        insert into sqlembed.change (embedding, key, transaction) values (%1$s, sqlembed_key, %6$s);
        -- As in the function for statements.
        if current_setting('max_prepared_transactions') = '0' and not pg_try_advisory_xact_lock_shared(%5$s, 0) then
            perform pg_notify('sqlembed', '');
        end if;
    end if;
    return new;
end
$sql$,
        declared.id, asked.inserted, asked.updated, asked.key, sqlembed._lock('idle'),
        case declared.timing when 'sync' then 'pg_current_xact_id()' else 'null' end
    );
    -- It runs with the writer's rights and search_path.
    hide := format(
        $sql$
begin
    begin
        new.%2$I := null;
    exception when undefined_column then
        return coalesce(
            (
                select pg_catalog.jsonb_populate_record(new, pg_catalog.jsonb_build_object(p.vector, null))
                from sqlembed.embedding as e
                cross join lateral sqlembed._present_columns(e) as p
                where e.id operator(pg_catalog.=) %1$s and p.vector is not null
            ),
            new
        );
    end;
    return new;
end
$sql$,
        declared.id,
        (select p.vector from sqlembed._present_columns(declared) as p)
    );
    if not sqlembed._is_to_be_made('_note_row_' || declared.id, note, declared.relation)
        and not sqlembed._is_to_be_made('_hide_' || declared.id, hide, declared.relation)
    then
        return;
    end if;

    execute format(
        $sql$
create or replace function sqlembed.%1$I() returns trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as %2$L
$sql$,
        '_note_row_' || declared.id,
        note
    );
    execute format(
        'comment on function sqlembed.%I() is %L',
        '_note_row_' || declared.id,
        'Row trigger: append the key of a row that needs a vector to change. Made by create_embedding for tables whose rows come by several ways, and for rows that replication applies.'
    );
    execute format(
        $sql$
create or replace function sqlembed.%1$I() returns trigger
language plpgsql
as %2$L
$sql$,
        '_hide_' || declared.id,
        hide
    );
    execute format(
        'comment on function sqlembed.%I() is %L',
        '_hide_' || declared.id,
        'Row trigger of on_change => ''hide'': the source has changed, so the vector of the old one goes. Made by create_embedding for one embedding.'
    );
    foreach made in array array['_note_row_', '_hide_']
    loop
        execute format('revoke execute on function sqlembed.%I() from public', made || declared.id);
        execute format(
            'grant execute on function sqlembed.%I() to %s',
            made || declared.id,
            (select c.relowner::regrole from pg_class as c where c.oid = declared.relation)
        );
    end loop;
end
$function$;

comment on function sqlembed._make_row_functions(integer) is
    'Make the functions that the row triggers of an embedding call, out of the catalogue and the present names of the columns. Harmless in anybody''s hands: it makes no others than their owner would, and leaves alone those that are as they should be.';

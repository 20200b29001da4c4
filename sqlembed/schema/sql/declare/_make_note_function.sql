create or replace function sqlembed._make_note_function(embedding integer) returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    declared sqlembed.embedding;
    note record;
    bell text;
    lost text;
    body text;
    made text := format('sqlembed.%I', '_note_' || _make_note_function.embedding);
begin
    select e.* into declared from sqlembed.embedding as e where e.id = _make_note_function.embedding;
    -- In turns: PostgreSQL refuses to replace a function that another session replaces. A stranger
    -- must not lock the row.
    if sqlembed._acts_for_owner(declared.relation) then
        select e.*
        into declared
        from sqlembed.embedding as e
        where e.id = _make_note_function.embedding
        for no key update;
    end if;
    select n.* into note from sqlembed._note_sql(declared.id, declared.on_change) as n;
    if note.key is null then
        return;
    end if;
    bell := case declared.timing
        when 'async' then format(
            $sql$
    -- NOTIFY serializes commits, so a bell is rung only while a worker waits for one. The shared
    -- lock, held to the end of the transaction, keeps a worker from falling asleep meanwhile. A
    -- transaction that has rung cannot be prepared: where that may happen, workers look often instead.
    if sqlembed_noted > 0 and current_setting('max_prepared_transactions') = '0'
        and not pg_try_advisory_xact_lock_shared(%s, 0) then
        perform pg_notify('sqlembed', '');
    end if;$sql$,
            sqlembed._lock('idle')
        )
        else ''
    end;
    -- A column that was dropped must not fail the application's statement, unless it was to embed.
    lost := case declared.timing
        when 'sync' then format(
            $sql$
        select string_agg(quote_ident(c.name), ', ')
        into sqlembed_lost
        from sqlembed.embedding as e
        cross join lateral sqlembed._present_columns(e) as p
        cross join lateral unnest(e.source_columns, p.source) as c (name, present)
        where e.id = %s and p.vector is not null and c.present is null;
        if sqlembed_lost is not null then
            raise exception 'sqlembed: rows of %% cannot be embedded: they have lost %%', tg_relid::regclass, sqlembed_lost
                using errcode = 'SE012', hint = 'Declare the embedding anew: drop_embedding, then create_embedding.';
        end if;$sql$,
            declared.id
        )
        else ''
    end;

    -- Nothing of the table's owner may run in it: rows are compared by their bytes (*<>), and the
    -- source expression is left to others.
    body := case declared.place when 'side' then sqlembed._side_note_body(declared.id, note.key, note.source) else format(
            $sql$
#variable_conflict use_column
declare
    sqlembed_note text;
    sqlembed_noted bigint;
    sqlembed_lost text;
begin
    -- Attached without these names for its rows, they would lead to views of the caller's in pg_temp.
    if to_regclass('sqlembed_new') is not null or to_regclass('sqlembed_old') is not null then
        raise exception 'sqlembed: trigger %% of %% was not made by create_embedding', quote_ident(tg_name), tg_relid::regclass
            using errcode = '42501', hint = 'Declare the embedding with sqlembed.create_embedding.';
    end if;
    -- The worker's own write of a vector is no change; what other triggers do upon it may be. Anybody
    -- can make the setting, so it counts only for those who may work; whose rights must not be looked up
    -- for every writer, as they would be after a NULL.
    if coalesce(current_setting('sqlembed.writing', true), '') = 'on' and pg_trigger_depth() = 1
        and has_function_privilege(session_user, 'sqlembed._stop_worker(integer)', 'execute')
    then
        return null;
    end if;
    begin
        if tg_op = 'INSERT' then
            perform * from (%2$s) as sqlembed_probe;
        else
            perform * from (%3$s) as sqlembed_probe;
        end if;
    exception when undefined_column or undefined_function then
        -- A column has another name now: until a worker has made this function anew, the statement is
        -- made here.%7$s
        select case tg_op when 'INSERT' then s.inserted else s.updated end
        into sqlembed_note
        from sqlembed._note_sql(%1$s, 'keep') as s;
        if sqlembed_note is null then
            return null;
        end if;
    end;
    if sqlembed_note is not null then
        execute sqlembed_note;
        get diagnostics sqlembed_noted = row_count;
    elsif not found then
        return null;
    elsif tg_op = 'INSERT' then
        %4$s;
        get diagnostics sqlembed_noted = row_count;
    else
        %5$s;
        get diagnostics sqlembed_noted = row_count;
    end if;%6$s
    return null;
end
$sql$,
            declared.id,
            note.probe_inserted,
            note.probe_updated,
            note.inserted,
            note.updated,
            bell,
            lost
        ) end;
    if not sqlembed._is_to_be_made('_note_' || declared.id, body, declared.relation) then
        return;
    end if;
    execute format(
        $sql$
create or replace function %1$s() returns trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set jit = off
-- Plans are made once: one that suits a single row must do for a million.
set enable_nestloop = off
as %2$L
$sql$,
        made,
        body
    );
    execute format(
        'comment on function %s() is %L',
        made,
        'Statement trigger: append the keys of rows that need a vector to change. Made by create_embedding for one embedding, so that its plans are kept.'
    );
    execute format('revoke execute on function %s() from public', made);
    execute format(
        'grant execute on function %s() to %s',
        made,
        (select c.relowner::regrole from pg_class as c where c.oid = declared.relation)
    );
end
$function$;

comment on function sqlembed._make_note_function(integer) is
    'Make the function that the statement triggers of an embedding call, out of the catalogue and the present primary key. Harmless in anybody''s hands: it makes no other function than its owner would, and leaves alone one that is as it should be.';

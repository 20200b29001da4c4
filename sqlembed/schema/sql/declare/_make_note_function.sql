create or replace function sqlembed._make_note_function(embedding integer) returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    declared sqlembed.embedding;
    key text;
    vector text;
    source text;
    made text;
    changed text;
    stamp text;
    bell text;
    lost text;
begin
    select e.* into declared from sqlembed.embedding as e where e.id = _make_note_function.embedding;
    -- Columns have no prefix: a name that has one and is no column any more means a function.
    key := (select k.expression from sqlembed._key_sql(declared.relation, '') as k);
    if key is null then
        return;
    end if;
    vector := quote_ident(declared.name);
    source := (select string_agg(quote_ident(c), ', ') from unnest(declared.source_columns) as c);
    made := format('sqlembed.%I', '_note_' || declared.id);

    changed := case declared.on_change
        -- The row trigger has set the vector to NULL where the source changed.
        when 'hide' then format(
            $sql$
            select %1$s, n.key
            from (select %2$s as key, row(%4$s) as source from sqlembed_new where %3$s is null) as n
            left join (select %2$s as key, %3$s is null as was_null, row(%4$s) as source from sqlembed_old) as o
                on o.key = n.key
            where o.key is null or not o.was_null or o.source *<> n.source$sql$,
            declared.id, key, vector, source
        )
        -- A vector that came with the new text is the client's own and stays. One that goes with its
        -- row to another key is out of date if the text changed as well, or if the old key was waiting.
        else format(
            $sql$
            select %1$s, n.key
            from (select %2$s as key, %3$s as vector, row(%4$s) as source from sqlembed_new) as n
            left join (select %2$s as key, %3$s as vector, row(%4$s) as source from sqlembed_old) as o on o.key = n.key
            where case
                when o.key is null then n.vector is null
                or (
                    md5(row(n.vector)::text) in (select md5(row(%3$s)::text) from sqlembed_old)
                    and md5(row(n.vector, n.source)::text) not in (select md5(row(%3$s, row(%4$s))::text) from sqlembed_old)
                )
                or exists (
                    select
                    from (select %2$s as key from sqlembed_old) as p
                    join (
                        select j.key from sqlembed.job as j where j.embedding = %1$s
                        union all
                        select c.key from sqlembed.change as c where c.embedding = %1$s
                    ) as w on w.key = p.key
                )
                when n.vector is null then o.vector is not null or o.source *<> n.source
                else o.source *<> n.source and record_image_eq(row(o.vector), row(n.vector))
            end$sql$,
            declared.id, key, vector, source
        )
    end;

    -- With timing sync, the writer embeds before the commit and finds its own changes by the stamp.
    stamp := case declared.timing when 'sync' then 'pg_current_xact_id()' else 'null' end;
    bell := case declared.timing
        when 'async' then format(
            $sql$
    -- NOTIFY serializes commits, so a bell is rung only while a worker waits for one. The shared
    -- lock, held to the end of the transaction, keeps a worker from falling asleep meanwhile.
    if found and not pg_try_advisory_xact_lock_shared(%s, 0) then
        perform pg_notify('sqlembed', '');
    end if;$sql$,
            sqlembed._lock('idle')
        )
        else ''
    end;
    lost := case declared.timing
        when 'sync' then format(
            $sql$
        if exists (select from pg_attribute as a where a.attrelid = tg_relid and a.attname = %L and not a.attisdropped) then
            raise exception 'sqlembed: rows of %% cannot be embedded: %%', tg_relid::regclass, sqlerrm
                using errcode = 'SE012',
                    hint = 'Declare the embedding anew: drop_embedding, then create_embedding. A worker follows a primary key that was renamed.';
        end if;$sql$,
            declared.name
        )
        else ''
    end;

    -- Nothing of the table's owner may run in it: rows are compared by their bytes (*<>), and the
    -- source expression is left to others.
    execute format(
        $sql$
create or replace function %1$s() returns trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
-- Plans are made once: one that suits a single row must do for a million.
set enable_nestloop = off
as %2$L
$sql$,
        made,
        case declared.place when 'side' then sqlembed._side_note_body(declared.id, key, source) else format(
            $sql$
#variable_conflict use_column
begin
    -- Attached without these names for its rows, they would lead to views of the caller's in pg_temp.
    if to_regclass('sqlembed_new') is not null or to_regclass('sqlembed_old') is not null then
        raise exception 'sqlembed: trigger %% of %% was not made by create_embedding', quote_ident(tg_name), tg_relid::regclass
            using errcode = '42501', hint = 'Declare the embedding with sqlembed.create_embedding.';
    end if;
    -- The worker's own write of a vector is no change; what other triggers do upon it may be. Anybody
    -- can make the setting, so it counts only for those who may work.
    if current_setting('sqlembed.writing', true) = 'on' and pg_trigger_depth() = 1
        and has_function_privilege(session_user, 'sqlembed._stop_worker(integer)', 'execute')
    then
        return null;
    end if;
    -- A column that was dropped or renamed under us must not fail the application's statement, unless
    -- it was to embed.
    begin
        if tg_op = 'INSERT' then
            perform %2$s, %4$s from sqlembed_new where %3$s is null limit 1;
        else
            perform %2$s, %4$s, %3$s from sqlembed_new%5$s limit 1;
        end if;
    exception when undefined_column or undefined_function then%9$s
        return null;
    end;
    if not found then
        return null;
    end if;

    if tg_op = 'INSERT' then
        insert into sqlembed.change (embedding, key, transaction)
        select %1$s, %2$s, %7$s from sqlembed_new where %3$s is null;
    else
        insert into sqlembed.change (embedding, key, transaction)
        select w.embedding, w.key, %7$s from (%6$s) as w (embedding, key);
    end if;%8$s
    return null;
end
$sql$,
            declared.id,
            key,
            vector,
            source,
            case declared.on_change when 'hide' then format(' where %s is null', vector) else '' end,
            changed,
            stamp,
            bell,
            lost
        ) end
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
    'Make the function that the statement triggers of an embedding call, out of the catalogue and the present primary key. Harmless in anybody''s hands: it makes the same function again.';

create or replace function sqlembed._blank(input text) returns boolean
language sql
immutable
parallel safe
as $function$
    select _blank.input is null or _blank.input operator(pg_catalog.!~) '[^[:space:]]'
$function$;

comment on function sqlembed._blank(text) is
    'Whether a text is NULL, empty or only white space: such a text gets no vector.';

create or replace function sqlembed._count_rows(
    relation regclass,
    name name,
    source text,
    out total bigint,
    out embedded bigint,
    out blank bigint
)
language plpgsql
stable
as $function$
declare
    is_own boolean;
begin
    -- The planner may call this for rows that a condition of the view leaves out.
    if not pg_catalog.has_table_privilege(_count_rows.relation, 'select') then
        return;
    end if;
    select r.rolname operator(pg_catalog.=) current_user
    into is_own
    from pg_catalog.pg_class as c
    join pg_catalog.pg_roles as r on r.oid operator(pg_catalog.=) c.relowner
    join pg_catalog.pg_attribute as a
        on a.attrelid operator(pg_catalog.=) c.oid
        and a.attname operator(pg_catalog.=) _count_rows.name
        and not a.attisdropped
    where c.oid operator(pg_catalog.=) _count_rows.relation and c.relkind in ('r', 'p');

    -- Looking must not run what a table's owner wrote, neither the source expression nor a policy:
    -- it would run with the rights of whoever looks.
    if is_own is null or not is_own and pg_catalog.row_security_active(_count_rows.relation) then
        return;
    end if;
    execute pg_catalog.format(
        'select pg_catalog.count(*), pg_catalog.count(r.%1$I) from (select * from %2$s) as r',
        _count_rows.name, _count_rows.relation
    )
    into _count_rows.total, _count_rows.embedded;
    if is_own then
        begin
            execute pg_catalog.format(
                'select pg_catalog.count(*) from (select * from %2$s) as r where r.%1$I is null and sqlembed._blank(%3$s)',
                _count_rows.name, _count_rows.relation, _count_rows.source
            )
            into _count_rows.blank;
        exception when others then
            -- A row, or a column that is gone, spoils the expression: the other counts still stand.
            null;
        end;
    end if;
end
$function$;

comment on function sqlembed._count_rows(regclass, name, text) is
    'Rows of an embedded table: all, those with a vector, and those with nothing to embed. NULL where counting would run code of another role: blank rows of somebody else''s table, and all of it under row level security. Blank rows are NULL too where the expression fails.';

create or replace function sqlembed._embedding_of(relation regclass, name name default null)
returns sqlembed.embedding
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    declared sqlembed.embedding;
    names text;
begin
    select string_agg(quote_ident(e.name), ', ' order by e.name)
    into names
    from sqlembed.embedding as e
    where e.relation = _embedding_of.relation;

    if names is null then
        raise exception 'sqlembed: table % has no embedding', _embedding_of.relation
            using errcode = 'SE013',
                hint = format(
                    'Declare one: select sqlembed.create_embedding(%L, embedder => ''minilm'', source => ''...'').',
                    _embedding_of.relation
                );
    end if;

    select e.*
    into declared
    from sqlembed.embedding as e
    where e.relation = _embedding_of.relation
        and e.name = coalesce(_embedding_of.name, e.name);

    if _embedding_of.name is null and position(',' in names) > 0 then
        raise exception 'sqlembed: table % has several embeddings', _embedding_of.relation
            using errcode = 'SE013', hint = format('Say which, as embedding => ''...'': %s.', names);
    end if;
    if declared.id is null then
        raise exception 'sqlembed: table % has no embedding %', _embedding_of.relation, quote_ident(_embedding_of.name)
            using errcode = 'SE013', hint = format('It has: %s.', names);
    end if;
    return declared;
end
$function$;

comment on function sqlembed._embedding_of(regclass, name) is
    'The declared embedding of a table; without a name, its only one.';

create or replace function sqlembed._epoch_key(worker integer, epoch integer) returns integer
language sql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
    select (_epoch_key.worker % 32768) * 65536 + _epoch_key.epoch % 65536
$function$;

comment on function sqlembed._epoch_key(integer, integer) is
    'Second key of the lock that a worker holds until its next answers are there. Two workers that share one wake each other''s callers too early, which costs them another look.';

create or replace function sqlembed._is_alive(worker integer) returns boolean
language sql
volatile
set search_path = pg_catalog, pg_temp
as $function$
    -- One probe a worker, cheaper than reading pg_locks; the shared lock goes with the transaction.
    select not pg_try_advisory_xact_lock_shared(sqlembed._lock('presence'), _is_alive.worker)
$function$;

comment on function sqlembed._is_alive(integer) is
    'Whether a worker still holds its presence lock.';

revoke execute on function sqlembed._is_alive(integer) from public;

create or replace function sqlembed._lock(what text) returns integer
language sql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
    select case _lock.what
        when 'presence' then 1936813057
        when 'idle' then 1936813058
        when 'epoch' then 1936813059
    end
$function$;

comment on function sqlembed._lock(text) is
    'First key of our advisory locks. presence: (this, worker) is held while the worker lives; idle: (this, 0) while one waits for its bell; epoch: (this, _epoch_key) until the next answers are there.';

create or replace function sqlembed._metric_operator(metric text) returns text
language plpgsql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
declare
    operator text := case _metric_operator.metric
        when 'cosine' then 'operator(public.<=>)'
        when 'euclidean' then 'operator(public.<->)'
        when 'inner_product' then 'operator(public.<#>)'
        when 'l1' then 'operator(public.<+>)'
    end;
begin
    if operator is null then
        raise exception 'sqlembed: unknown metric %', coalesce(quote_literal(_metric_operator.metric), 'NULL')
            using errcode = 'SE014', hint = 'Metrics are cosine, euclidean, inner_product and l1.';
    end if;
    return operator;
end
$function$;

comment on function sqlembed._metric_operator(text) is
    'The operator of a metric, qualified, as SQL text.';

create or replace function sqlembed._request_timeout() returns interval
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    setting text := coalesce(nullif(current_setting('sqlembed.request_timeout', true), ''), '10s');
begin
    -- As in other settings of PostgreSQL, a bare number is in milliseconds.
    if setting ~ '^[[:space:]]*[0-9]+[[:space:]]*$' then
        setting := setting || ' ms';
    end if;
    if setting !~ '^[[:space:]]*[0-9]+([.][0-9]+)?[[:space:]]*(us|ms|s|min|h|d)[[:space:]]*$' then
        raise exception 'sqlembed: sqlembed.request_timeout is not a time: %', quote_literal(setting)
            using errcode = 'SE014', hint = 'For instance: set sqlembed.request_timeout = ''30s''.';
    end if;
    return setting::interval;
end
$function$;

comment on function sqlembed._request_timeout() is
    'How long a statement waits for a worker: the setting sqlembed.request_timeout, else 10 s.';

create or replace function sqlembed._sees_all_rows(relation regclass) returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    select
        has_table_privilege(_sees_all_rows.relation, 'select')
        and (
            not row_security_active(_sees_all_rows.relation)
            or exists (
                select from pg_class as c
                where c.oid = _sees_all_rows.relation and pg_has_role(c.relowner, 'usage')
            )
        )
$function$;

comment on function sqlembed._sees_all_rows(regclass) is
    'Whether the caller may see every row of a table: no policy keeps any back.';

create or replace function sqlembed._configure_loopback(password text default null, way_in text default null)
returns boolean
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    owner oid := (
        select p.proowner from pg_proc as p where p.oid = 'sqlembed._ask(text, bytea, text, text[])'::regprocedure
    );
    given text := _configure_loopback.password;
    is_new boolean := false;
    sockets text;
    host text;
    chosen text;
    option text[];
begin
    if exists (
        select from pg_foreign_server as s where s.srvname = 'sqlembed_loopback' and s.srvowner <> owner
    ) or pg_get_userbyid(owner) <> current_user then
        -- Whoever owns the server decides where the texts and the password go.
        raise exception 'sqlembed: the loopback must be set up by % and belong to it', owner::regrole
            using errcode = '42501',
                hint = format('Run: sqlembed migrate, as %s. A server sqlembed_loopback of another role has to go.', owner::regrole);
    end if;
    if not exists (select from pg_foreign_server as s where s.srvname = 'sqlembed_loopback') then
        create server sqlembed_loopback foreign data wrapper dblink_fdw options (
            host '', port '', dbname '', options '', application_name 'sqlembed loopback'
        );
    end if;
    foreach option slice 1 in array array[
        array['port', current_setting('port')],
        array['dbname', current_database()],
        -- It notices within half a second that its caller is gone, and what the database or the role
        -- set for others does not reach it.
        array[
            'options',
            '-c client_connection_check_interval=500 -c synchronous_commit=off -c statement_timeout=0'
            ' -c lock_timeout=1000 -c default_transaction_isolation=read\ committed -c search_path=pg_catalog'
        ]
    ]
    loop
        execute format('alter server sqlembed_loopback options (set %I %L)', option[1], option[2]);
    end loop;

    if given is null and not exists (
        select from pg_user_mappings as m where m.srvname = 'sqlembed_loopback' and m.umuser = owner
    ) then
        -- The role is the cluster's: a new password would lock the other databases out.
        if sqlembed._is_loopback_shared() then
            raise exception 'sqlembed: the password of role sqlembed_loopback is not known here, and other databases use it'
                using errcode = 'SE006',
                    hint = 'Run: sqlembed migrate, as a role that owns sqlembed there too, or with --loopback-password.';
        end if;
        is_new := true;
        given := replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '');
        begin
            execute format('alter role sqlembed_loopback password %L', given);
        exception when insufficient_privilege then
            raise exception 'sqlembed: the password of role sqlembed_loopback is not known'
                using errcode = 'SE006', hint = 'Ask whoever made the role, and run: sqlembed migrate --loopback-password ...';
        end;
    end if;
    if given is not null then
        if exists (
            select from pg_user_mappings as m where m.srvname = 'sqlembed_loopback' and m.umuser = owner
        ) then
            execute format('drop user mapping for %s server sqlembed_loopback', owner::regrole);
        end if;
        execute format(
            'create user mapping for %s server sqlembed_loopback options (user ''sqlembed_loopback'', password %L)',
            owner::regrole, given
        );
    end if;

    if is_new then
        -- Before the commit nobody can log in with it.
        return false;
    end if;

    begin
        sockets := current_setting('unix_socket_directories');
    exception when insufficient_privilege then
        null;
    end;
    -- The way in depends on pg_hba.conf, which SQL cannot read everywhere: try them in turn.
    for host in
        select w.host
        from (
            select
                1 as rank,
                case when trim(a) in ('*', '0.0.0.0', 'localhost') then '127.0.0.1' else trim(a) end as host
            from string_to_table(current_setting('listen_addresses'), ',') as a
            union all
            select 2, trim(d) from string_to_table(sockets, ',') as d
            union all
            select 3, _configure_loopback.way_in
        ) as w
        where w.host <> ''
        group by w.host
        order by min(w.rank), w.host
    loop
        chosen := coalesce(chosen, host);
        execute format('alter server sqlembed_loopback options (set host %L)', host);
        begin
            perform sqlembed._probe_loopback();
            return true;
        exception when others then
            raise notice 'sqlembed: no loopback by way of %: %', host, sqlerrm;
        end;
    end loop;
    execute format('alter server sqlembed_loopback options (set host %L)', coalesce(chosen, '127.0.0.1'));
    return false;
end
$function$;

comment on function sqlembed._configure_loopback(text, text) is
    'Lead the loopback to this database and find a way to log in; without a password it keeps the present one, or makes one. False when no way is open, or when the password is new: call it again after the commit. way_in: a host to try where the server''s sockets may not be known.';

revoke execute on function sqlembed._configure_loopback(text, text) from public;

create or replace function sqlembed._is_loopback_shared() returns boolean
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
begin
    if not exists (
        select
        from pg_shdepend as s
        where s.refclassid = 'pg_authid'::regclass
            and s.refobjid = 'sqlembed_loopback'::regrole
            and s.dbid not in (0, (select d.oid from pg_database as d where d.datname = current_database()))
    ) then
        return false;
    end if;
    if not has_table_privilege('pg_authid', 'select') then
        return true;
    end if;
    -- Installed elsewhere, but perhaps never set up.
    return exists (select from pg_authid as r where r.rolname = 'sqlembed_loopback' and r.rolpassword is not null);
end
$function$;

comment on function sqlembed._is_loopback_shared() is
    'Whether other databases of the cluster may know the present password of the loopback''s role.';

revoke execute on function sqlembed._is_loopback_shared() from public;

create or replace function sqlembed._probe_loopback() returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    is_here boolean;
begin
    if 'sqlembed_loopback' = any (sqlembed_dblink.dblink_get_connections()) then
        perform sqlembed_dblink.dblink_disconnect('sqlembed_loopback');
    end if;
    select t.database = current_database() and t.started_at = pg_postmaster_start_time()
    into is_here
    from sqlembed_dblink.dblink(
        'sqlembed_loopback', 'select pg_catalog.current_database(), pg_catalog.pg_postmaster_start_time()'
    ) as t (database name, started_at timestamptz);
    if not is_here then
        raise exception 'sqlembed: the loopback leads to another server' using errcode = 'SE006';
    end if;
end
$function$;

comment on function sqlembed._probe_loopback() is
    'Log in through the loopback once, as embed() does; the error says why it cannot.';

revoke execute on function sqlembed._probe_loopback() from public;

create or replace function sqlembed_wire.ask_again(id bigint, ticket bytea) returns boolean
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    asked sqlembed.request;
    chosen integer;
begin
    select r.* into asked from sqlembed.request as r where r.id = ask_again.id and r.ticket = ask_again.ticket;
    if not found then
        return false;
    end if;
    -- Nothing is waited for here, where no cancel arrives: a row that is locked is being answered.
    perform from sqlembed.request as r where r.id = ask_again.id and not r.done for update skip locked;
    if not found then
        return true;
    end if;
    chosen := asked.worker;
    if not sqlembed._is_alive(chosen) then
        chosen := sqlembed._choose_worker(asked.embedder);
        perform pg_notify('sqlembed_' || chosen, '');
    end if;
    update sqlembed.request as r
    set asked_at = clock_timestamp(), worker = chosen
    where r.id = ask_again.id;
    return true;
end
$function$;

comment on function sqlembed_wire.ask_again(bigint, bytea) is
    'Say that somebody still waits, and move the request when its worker has died. False when the request is gone.';

revoke execute on function sqlembed_wire.ask_again(bigint, bytea) from public;
grant execute on function sqlembed_wire.ask_again(bigint, bytea) to sqlembed_loopback;

create or replace function sqlembed_wire.peek(
    id bigint,
    ticket bytea,
    out done boolean,
    out result public.vector[],
    out error text,
    out epoch_key integer
)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
    -- Epoch and answer are read in one snapshot: whoever sees no answer waits for the right lock.
    select r.done, r.result, r.error, sqlembed._epoch_key(r.worker, w.epoch)
    from sqlembed.request as r
    left join sqlembed.worker_process as w on w.id = r.worker
    where r.id = peek.id and r.ticket = peek.ticket
$function$;

comment on function sqlembed_wire.peek(bigint, bytea) is
    'The answer to a request if it is there, and the lock to wait for if it is not.';

revoke execute on function sqlembed_wire.peek(bigint, bytea) from public;
grant execute on function sqlembed_wire.peek(bigint, bytea) to sqlembed_loopback;

create or replace procedure sqlembed_wire.request(
    embedder text,
    kind text,
    inputs text[],
    ticket bytea,
    slice_ms integer,
    inout id bigint default null,
    inout done boolean default false,
    inout result public.vector[] default null
)
language plpgsql
as $procedure$
declare
    answer record;
    looks integer := 0;
    until timestamptz := clock_timestamp() + request.slice_ms * interval '1 ms';
    seen integer;
begin
    if request.id is null then
        select s.id, s.result
        into request.id, request.result
        from sqlembed_wire.submit(request.embedder, request.kind, request.inputs, request.ticket) as s;
        request.done := request.result is not null;
        commit;
    elsif not sqlembed_wire.ask_again(request.id, request.ticket) then
        -- Swept, or lost in a crash: the caller's next slice submits it anew.
        request.id := null;
        return;
    else
        commit;
    end if;

    while not request.done and clock_timestamp() < until loop
        select p.* into answer from sqlembed_wire.peek(request.id, request.ticket) as p;
        if answer.error is not null then
            raise exception 'sqlembed: embedder % failed: %', quote_ident(request.embedder), answer.error
                using errcode = 'SE005', hint = 'The log of the worker has the traceback.';
        end if;
        request.done := coalesce(answer.done, false);
        request.result := answer.result;
        -- The lock was free and the answer is not there: its worker is dead or between two epochs.
        exit when request.done or answer.epoch_key is null or answer.epoch_key = seen;

        looks := looks + 1;
        if looks <= 3 then
            perform pg_sleep(0.0005);
        else
            begin
                perform set_config(
                    'lock_timeout',
                    greatest(1, extract(milliseconds from until - clock_timestamp()))::integer::text,
                    true
                );
                perform pg_advisory_xact_lock_shared(1936813059, answer.epoch_key);
                seen := answer.epoch_key;
            exception when lock_not_available then
                null;
            end;
        end if;
        commit;
    end loop;
end
$procedure$;

comment on procedure sqlembed_wire.request(text, text, text[], bytea, integer, bigint, boolean, public.vector[]) is
    'Submit texts, or ask again, and wait one slice for the vectors: three short sleeps, then the lock that the worker lets go of when it has answered. Short slices let the caller notice a cancel.';

revoke execute on procedure sqlembed_wire.request(text, text, text[], bytea, integer, bigint, boolean, public.vector[])
    from public;
grant execute on procedure sqlembed_wire.request(text, text, text[], bytea, integer, bigint, boolean, public.vector[])
    to sqlembed_loopback;

create or replace function sqlembed_wire.submit(
    embedder text,
    kind text,
    inputs text[],
    ticket bytea,
    out id bigint,
    out result public.vector[]
)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    chosen integer;
begin
    if (submit.ticket = sqlembed._ticket(submit.embedder, submit.kind, submit.inputs)) is not true then
        raise exception 'sqlembed: not a ticket' using errcode = '42501';
    end if;

    -- The caller's snapshot may be older than an answer that its own statement fetched a row ago.
    submit.result := sqlembed._cached(submit.embedder, submit.kind, submit.inputs);
    if not exists (select from unnest(submit.result) as v where v is null) then
        return;
    end if;
    submit.result := null;

    chosen := sqlembed._choose_worker(submit.embedder);
    insert into sqlembed.request (worker, embedder, kind, inputs, ticket)
    values (chosen, submit.embedder, submit.kind, submit.inputs, submit.ticket)
    returning request.id into submit.id;
    perform pg_notify('sqlembed_' || chosen, '');
end
$function$;

comment on function sqlembed_wire.submit(text, text, text[], bytea) is
    'Hand texts to a worker, or answer at once from the cache. The ticket proves that embed() asks.';

revoke execute on function sqlembed_wire.submit(text, text, text[], bytea) from public;
grant execute on function sqlembed_wire.submit(text, text, text[], bytea) to sqlembed_loopback;

create or replace function sqlembed._ask(embedder text, key bytea, kind text, inputs text[])
returns public.vector[]
language plpgsql
stable
security definer
parallel restricted
set search_path = pg_catalog, pg_temp
as $function$
declare
    known sqlembed.embedder;
    asked_kind text;
    wanted text[];
    cached public.vector[];
    missing text[];
    answers public.vector[];
    ticket bytea;
    connection text;
    id bigint;
    done boolean := false;
    until timestamptz;
begin
    select e.* into known from sqlembed.embedder as e where e.name = _ask.embedder;
    if known.name is null then
        raise exception 'sqlembed: unknown embedder %', coalesce(quote_literal(_ask.embedder), 'NULL')
            using errcode = 'SE001',
                hint = coalesce(
                    'Known: ' || (select string_agg(quote_ident(e.name), ', ' order by e.name) from sqlembed.embedder as e) || '.',
                    'None is registered yet; a worker registers those of its registry when it starts.'
                );
    end if;
    if not exists (
        select from sqlembed.embedder_key as k where k.embedder = _ask.embedder and k.key = _ask.key
    ) then
        raise exception 'sqlembed: permission denied for embedder %', quote_ident(_ask.embedder)
            using errcode = '42501',
                hint = format('Its owner can say: select sqlembed.grant_embedder(%L, ''role'').', _ask.embedder);
    end if;

    asked_kind := case when known.is_asymmetric then _ask.kind else 'document' end;
    select array_agg(distinct i) into wanted from unnest(_ask.inputs) as i where not sqlembed._blank(i);
    if wanted is null then
        return array_fill(null::public.vector, array[cardinality(_ask.inputs)]);
    end if;

    cached := sqlembed._cached(_ask.embedder, asked_kind, wanted);
    select array_agg(w.input order by w.ordinality)
    into missing
    from unnest(wanted) with ordinality as w (input, ordinality)
    where cached[w.ordinality] is null;

    if missing is not null then
        connection := sqlembed._open_loopback();
        ticket := sqlembed._ticket(_ask.embedder, asked_kind, missing);
        until := clock_timestamp() + sqlembed._request_timeout();
        while not done loop
            if clock_timestamp() > until then
                raise exception 'sqlembed: no answer within %', sqlembed._request_timeout()
                    using errcode = 'SE004',
                        hint = 'The workers are busy: start more of them, or raise sqlembed.request_timeout.';
            end if;
            select t.id, t.done, t.result
            into id, done, answers
            from sqlembed_dblink.dblink(
                connection,
                format(
                    'call sqlembed_wire.request(%L, %L, %L, %L, %s, %L)',
                    _ask.embedder, asked_kind, case when id is null then missing end, ticket, 100, id
                )
            ) as t (id bigint, done boolean, result public.vector[]);
        end loop;
    end if;

    return array(
        select coalesce(c.vector, a.vector)
        from unnest(_ask.inputs) with ordinality as i (input, ordinality)
        left join unnest(wanted, cached) as c (input, vector) on c.input = i.input
        left join unnest(missing, answers) as a (input, vector) on a.input = i.input
        order by i.ordinality
    );
end
$function$;

comment on function sqlembed._ask(text, bytea, text, text[]) is
    'Vectors from the cache, and for what is not there from a worker, through a second connection to this database. The key is proof that the caller may use the embedder.';

create or replace function sqlembed._cached(embedder text, kind text, inputs text[])
returns public.vector[]
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    select array_agg(c.embedding order by i.ordinality)
    from unnest(_cached.inputs) with ordinality as i (input, ordinality)
    join sqlembed.embedder as e on e.name = _cached.embedder
    left join sqlembed.cache as c
        on c.fingerprint = e.fingerprint
        and c.kind = _cached.kind
        and c.input_hash = sha256(convert_to(i.input, 'UTF8'))
$function$;

comment on function sqlembed._cached(text, text, text[]) is
    'Vectors that were computed before, in the order of the texts; NULL where there is none.';

revoke execute on function sqlembed._cached(text, text, text[]) from public;

create or replace function sqlembed._choose_worker(embedder text) returns integer
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    candidate record;
    others boolean := false;
begin
    for candidate in
        select w.id, _choose_worker.embedder = any (w.embedders) as serves
        from sqlembed.worker_process as w
        order by random()
    loop
        if sqlembed._is_alive(candidate.id) then
            if candidate.serves then
                return candidate.id;
            end if;
            others := true;
        end if;
    end loop;
    raise exception 'sqlembed: no worker that serves embedder % is alive', quote_ident(_choose_worker.embedder)
        using errcode = 'SE003',
            hint = case
                when others
                then 'The workers that are alive serve others; start one whose registry has it: sqlembed worker --registry module:object.'
                else 'Start one: sqlembed worker --registry module:object.'
            end;
end
$function$;

comment on function sqlembed._choose_worker(text) is
    'A living worker that serves the embedder, any of them; an error that says how to start one where there is none.';

revoke execute on function sqlembed._choose_worker(text) from public;

create or replace function sqlembed._grantee(name text) returns regrole
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    role oid;
begin
    if lower(_grantee.name) = 'public' then
        return 0::oid::regrole;
    end if;
    select r.oid into role from pg_roles as r where r.rolname = _grantee.name;
    if role is null then
        raise exception 'sqlembed: role % does not exist', coalesce(quote_literal(_grantee.name), 'NULL')
            using errcode = '42704', hint = 'Give the name of a role, unquoted, or public.';
    end if;
    return role::regrole;
end
$function$;

comment on function sqlembed._grantee(text) is 'The role of that name; 0 for public.';

create or replace function sqlembed._is_dblink_shared() returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    select exists (
        select
        from pg_extension as e
        join pg_namespace as n on n.oid = e.extnamespace
        cross join aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) as a
        left join pg_roles as r on r.oid = a.grantee
        where e.extname = 'dblink'
            and a.privilege_type = 'USAGE'
            and r.rolname is distinct from current_user
            and r.rolsuper is not true
    )
$function$;

comment on function sqlembed._is_dblink_shared() is
    'Whether others than the current role and superusers can reach dblink, and with it every connection of their session.';

revoke execute on function sqlembed._is_dblink_shared() from public;

create or replace function sqlembed._open_loopback() returns text
language plpgsql
volatile
parallel restricted
set search_path = pg_catalog, pg_temp
as $function$
declare
    target text;
begin
    select substr(o, length('dbname=') + 1)
    into target
    from pg_foreign_server as s, unnest(s.srvoptions) as o
    where s.srvname = 'sqlembed_loopback' and starts_with(o, 'dbname=');
    if target is null then
        raise exception 'sqlembed: the loopback is not set up'
            using errcode = 'SE006', hint = 'Run: sqlembed migrate. Then: sqlembed doctor.';
    end if;
    if target <> current_database() then
        raise exception 'sqlembed: this database is a copy of %: its loopback still leads there', quote_ident(target)
            using errcode = 'SE007', hint = 'Run sqlembed migrate on this database.';
    end if;

    if sqlembed._is_dblink_shared() then
        -- Whoever can call dblink can speak through a connection that stays open, or put one of
        -- theirs in its place and read what others' functions send. So none stays: given the name
        -- of a server dblink opens one for the call, unless a connection has that name.
        if 'sqlembed_loopback' = any (sqlembed_dblink.dblink_get_connections()) then
            perform sqlembed_dblink.dblink_disconnect('sqlembed_loopback');
        end if;
        return 'sqlembed_loopback';
    end if;

    if 'sqlembed' = any (sqlembed_dblink.dblink_get_connections()) then
        -- A connection whose other end has died stays in the session and fails for ever. With
        -- false this probe answers no row then; catching an error would need a subtransaction,
        -- which parallel plans forbid.
        if exists (select from sqlembed_dblink.dblink('sqlembed', 'select 1', false) as t (one integer)) then
            return 'sqlembed';
        end if;
        perform sqlembed_dblink.dblink_disconnect('sqlembed');
    end if;
    perform sqlembed_dblink.dblink_connect('sqlembed', 'sqlembed_loopback');
    return 'sqlembed';
end
$function$;

comment on function sqlembed._open_loopback() is
    'What to give dblink to reach this session''s own database: the name of a living connection, or of the server where a connection that stays is not safe.';

revoke execute on function sqlembed._open_loopback() from public;

create or replace function sqlembed._ticket(embedder text, kind text, inputs text[]) returns bytea
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    -- The inner digest has a fixed length, so nobody can lengthen a ticket that was seen. With the
    -- key in it, no ticket outlives the right that it proves.
    select sha256(
        s.value || k.key || sha256(convert_to(row(_ticket.embedder, _ticket.kind, _ticket.inputs)::text, 'UTF8'))
    )
    from sqlembed.secret as s
    join sqlembed.embedder_key as k on k.embedder = _ticket.embedder
$function$;

comment on function sqlembed._ticket(text, text, text[]) is
    'Proof, for these texts alone, that embed() has checked the caller''s right to embed; NULL for an unknown embedder.';

revoke execute on function sqlembed._ticket(text, text, text[]) from public;

create or replace function sqlembed.distance(a public.vector, b public.vector, metric text default 'cosine')
returns double precision
language plpgsql
immutable
parallel safe
as $function$
begin
    return case
        when distance.metric operator(pg_catalog.=) 'cosine' then distance.a operator(public.<=>) distance.b
        when distance.metric operator(pg_catalog.=) 'euclidean' then distance.a operator(public.<->) distance.b
        when distance.metric operator(pg_catalog.=) 'inner_product' then distance.a operator(public.<#>) distance.b
        when distance.metric operator(pg_catalog.=) 'l1' then distance.a operator(public.<+>) distance.b
        -- Always an error, which names the metrics.
        else sqlembed._metric_operator(distance.metric)::double precision
    end;
end
$function$;

comment on function sqlembed.distance(public.vector, public.vector, text) is
    'Distance of two vectors as the operator of the metric gives it: cosine (1 - cos), euclidean, inner_product (negative) or l1.';

create or replace function sqlembed.distance(a public.halfvec, b public.halfvec, metric text default 'cosine')
returns double precision
language plpgsql
immutable
parallel safe
as $function$
begin
    return case
        when distance.metric operator(pg_catalog.=) 'cosine' then distance.a operator(public.<=>) distance.b
        when distance.metric operator(pg_catalog.=) 'euclidean' then distance.a operator(public.<->) distance.b
        when distance.metric operator(pg_catalog.=) 'inner_product' then distance.a operator(public.<#>) distance.b
        when distance.metric operator(pg_catalog.=) 'l1' then distance.a operator(public.<+>) distance.b
        -- Always an error, which names the metrics.
        else sqlembed._metric_operator(distance.metric)::double precision
    end;
end
$function$;

comment on function sqlembed.distance(public.halfvec, public.halfvec, text) is
    'Distance of two vectors as the operator of the metric gives it: cosine (1 - cos), euclidean, inner_product (negative) or l1.';

create or replace function sqlembed.embed(embedder text, input text) returns public.vector
language sql
stable
parallel restricted
as $function$
    select case
        when not sqlembed._blank(embed.input) then (
            sqlembed._ask(
                embed.embedder,
                (select k.key from sqlembed.embedder_key as k where k.embedder operator(pg_catalog.=) embed.embedder),
                'query',
                array[embed.input]
            )
        )[1]
    end
$function$;

comment on function sqlembed.embed(text, text) is
    'The vector of a text; NULL for NULL, empty and blank text. Write it as a scalar sub-select, (select sqlembed.embed(...)), so that it runs once a statement.';

create or replace function sqlembed.embed_given(embedder text, input text, given public.vector, fingerprint text)
returns public.vector
language plpgsql
stable
parallel restricted
as $function$
declare
    known pg_catalog.text;
begin
    if embed_given.given is null then
        return sqlembed.embed(embed_given.embedder, embed_given.input);
    end if;
    select e.fingerprint
    into known
    from sqlembed.embedder as e
    where e.name operator(pg_catalog.=) embed_given.embedder;
    if (known operator(pg_catalog.=) embed_given.fingerprint) is not true then
        raise exception 'sqlembed: the application''s embedder % is not the one this database knows',
            pg_catalog.quote_ident(embed_given.embedder)
            using errcode = 'SE002',
                detail = pg_catalog.format(
                    'Application: %s. Database: %s.', embed_given.fingerprint, coalesce(known, 'none yet')
                ),
                hint = 'Vectors of two embedders cannot be compared. Use the same model on both sides, or let a worker register it: sqlembed worker.';
    end if;
    return embed_given.given;
end
$function$;

comment on function sqlembed.embed_given(text, text, public.vector, text) is
    'A vector that the calling process computed, refused when it comes from another embedder than the database knows; without one, embed().';

create or replace function sqlembed.embed(embedder text, inputs text[]) returns public.vector[]
language sql
stable
parallel restricted
as $function$
    select case
        when embed.inputs is not null then sqlembed._ask(
            embed.embedder,
            (select k.key from sqlembed.embedder_key as k where k.embedder operator(pg_catalog.=) embed.embedder),
            'query',
            embed.inputs
        )
    end
$function$;

comment on function sqlembed.embed(text, text[]) is
    'The vectors of several texts in one batch, in their order; NULL where a text is NULL, empty or blank.';

create or replace function sqlembed.grant_embedder(embedder text, grantee text) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    role regrole := sqlembed._grantee(grant_embedder.grantee);
begin
    update sqlembed.embedder_key as k
    set grantees = array_append(array_remove(k.grantees, role), role)
    where k.embedder = grant_embedder.embedder;
    if not found then
        raise exception 'sqlembed: unknown embedder %', coalesce(quote_literal(grant_embedder.embedder), 'NULL')
            using errcode = 'SE001', hint = 'See: select name from sqlembed.embedder.';
    end if;
end
$function$;

comment on function sqlembed.grant_embedder(text, text) is
    'Let a role, or public, embed with an embedder.';

revoke execute on function sqlembed.grant_embedder(text, text) from public;

create or replace function sqlembed.register_embedder(
    name text,
    dimensions integer,
    fingerprint text default null,
    runtime text default 'python',
    is_asymmetric boolean default false
)
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    known sqlembed.embedder;
begin
    if register_embedder.name is null or register_embedder.name = '' or length(register_embedder.name) > 200 then
        raise exception 'sqlembed: an embedder needs a name of 1 to 200 characters' using errcode = 'SE014';
    end if;
    if register_embedder.dimensions is null or register_embedder.dimensions not between 1 and 16000 then
        raise exception 'sqlembed: dimensions must be between 1 and 16000, not %',
            coalesce(register_embedder.dimensions::text, 'NULL')
            using errcode = 'SE014';
    end if;
    if register_embedder.runtime is distinct from 'python' then
        raise exception 'sqlembed: unknown runtime %', coalesce(quote_literal(register_embedder.runtime), 'NULL')
            using errcode = 'SE014', hint = 'The runtime is ''python'': a worker computes the vectors.';
    end if;

    insert into sqlembed.embedder (name, dimensions, fingerprint, runtime, is_asymmetric)
    values (
        register_embedder.name, register_embedder.dimensions, register_embedder.fingerprint,
        register_embedder.runtime, register_embedder.is_asymmetric
    )
    on conflict on constraint embedder_pkey do nothing;
    if found then
        insert into sqlembed.embedder_key (embedder, key)
        values (
            register_embedder.name,
            sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8'))
        );
        return;
    end if;

    select e.* into known from sqlembed.embedder as e where e.name = register_embedder.name for no key update;
    if known.dimensions <> register_embedder.dimensions then
        raise exception 'sqlembed: embedder % is registered with % dimensions, not %',
            quote_ident(known.name), known.dimensions, register_embedder.dimensions
            using errcode = 'SE002',
                hint = 'Vectors of two embedders cannot be mixed: give the new one a name of its own.';
    end if;
    if known.fingerprint <> register_embedder.fingerprint then
        raise exception 'sqlembed: embedder % is registered with another fingerprint', quote_ident(known.name)
            using errcode = 'SE002',
                detail = format('Registered: %s. Given: %s.', known.fingerprint, register_embedder.fingerprint),
                hint = 'Its vectors would not be comparable with those already stored: give the new one a name of its own.';
    end if;
    if known.fingerprint is null and register_embedder.fingerprint is not null then
        update sqlembed.embedder as e
        set fingerprint = register_embedder.fingerprint, is_asymmetric = register_embedder.is_asymmetric
        where e.name = register_embedder.name;
    end if;
end
$function$;

comment on function sqlembed.register_embedder(text, integer, text, text, boolean) is
    'Make an embedder known. Registering it again is no error; with other dimensions or another fingerprint it is refused.';

revoke execute on function sqlembed.register_embedder(text, integer, text, text, boolean) from public;

create or replace function sqlembed.revoke_embedder(embedder text, grantee text) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    role regrole := sqlembed._grantee(revoke_embedder.grantee);
begin
    -- A new key: whoever noted the old one down has lost the right as well.
    update sqlembed.embedder_key as k
    set
        grantees = array_remove(k.grantees, role),
        key = sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8'))
    where k.embedder = revoke_embedder.embedder;
    if not found then
        raise exception 'sqlembed: unknown embedder %', coalesce(quote_literal(revoke_embedder.embedder), 'NULL')
            using errcode = 'SE001', hint = 'See: select name from sqlembed.embedder.';
    end if;
end
$function$;

comment on function sqlembed.revoke_embedder(text, text) is
    'Take the right to embed with an embedder back from a role, or from public.';

revoke execute on function sqlembed.revoke_embedder(text, text) from public;

create or replace function sqlembed.similarity(embedder text, a text, b text) returns double precision
language plpgsql
stable
parallel restricted
as $function$
declare
    both_vectors public.vector[];
begin
    both_vectors := sqlembed._ask(
        similarity.embedder,
        (select k.key from sqlembed.embedder_key as k where k.embedder operator(pg_catalog.=) similarity.embedder),
        'document',
        array[similarity.a, similarity.b]
    );
    return 1 operator(pg_catalog.-) (both_vectors[1] operator(public.<=>) both_vectors[2]);
end
$function$;

comment on function sqlembed.similarity(text, text, text) is
    'Cosine of the vectors of two texts, -1 to 1; NULL when one of them is NULL, empty or blank.';

create or replace function sqlembed._attach_triggers(declared sqlembed.embedding) returns void
language plpgsql
volatile
as $function$
declare
    relation text := (_attach_triggers.declared).relation::text;
begin
    perform sqlembed._make_note_function((_attach_triggers.declared).id);
    execute pg_catalog.format(
        'create or replace trigger %I after insert on %s
        referencing new table as sqlembed_new
        for each statement execute function sqlembed.%I()',
        'sqlembed_insert_' || (_attach_triggers.declared).id,
        relation,
        '_note_' || (_attach_triggers.declared).id
    );
    execute pg_catalog.format(
        'create or replace trigger %I after update on %s
        referencing old table as sqlembed_old new table as sqlembed_new
        for each statement execute function sqlembed.%I()',
        'sqlembed_update_' || (_attach_triggers.declared).id,
        relation,
        '_note_' || (_attach_triggers.declared).id
    );
    if (_attach_triggers.declared).on_change operator(pg_catalog.=) 'hide' then
        -- Its name sorts last, so that it sees the row as other triggers leave it. An ORM that writes
        -- the old vector back beside a new text gets NULL; a client's new vector is kept.
        execute pg_catalog.format(
            'create or replace trigger %I before update on %s
            for each row
            when ((%s) is distinct from (%s) and pg_catalog.record_image_eq(row(old.%5$I), row(new.%5$I)))
            execute function sqlembed._hide_vector(%5$L)',
            'zz_sqlembed_hide_' || (_attach_triggers.declared).id,
            relation,
            sqlembed._row_source(
                (_attach_triggers.declared).relation, (_attach_triggers.declared).source, 'old'
            ),
            sqlembed._row_source(
                (_attach_triggers.declared).relation, (_attach_triggers.declared).source, 'new'
            ),
            (_attach_triggers.declared).name
        );
    end if;
end
$function$;

comment on function sqlembed._attach_triggers(sqlembed.embedding) is
    'Put the triggers of an embedding on its table.';

create or replace function sqlembed._build_index(declared sqlembed.embedding) returns void
language plpgsql
volatile
as $function$
declare
    operator_class text := (_build_index.declared).storage || case (_build_index.declared).metric
        when 'cosine' then '_cosine_ops'
        when 'euclidean' then '_l2_ops'
        when 'inner_product' then '_ip_ops'
        when 'l1' then '_l1_ops'
    end;
    made name;
begin
    if exists (
        select
        from pg_catalog.pg_index as i
        join pg_catalog.pg_class as c on c.oid operator(pg_catalog.=) i.indexrelid
        join pg_catalog.pg_am as m on m.oid operator(pg_catalog.=) c.relam
        join pg_catalog.pg_opclass as o on o.oid operator(pg_catalog.=) i.indclass[0]
        join pg_catalog.pg_attribute as a
            on a.attrelid operator(pg_catalog.=) i.indrelid and a.attnum operator(pg_catalog.=) i.indkey[0]
        where i.indrelid operator(pg_catalog.=) (_build_index.declared).relation
            and i.indpred is null
            and m.amname operator(pg_catalog.=) (_build_index.declared).index
            and o.opcname operator(pg_catalog.=) operator_class
            and a.attname operator(pg_catalog.=) (_build_index.declared).name
    ) then
        return;
    end if;
    made := pg_catalog.left(
        pg_catalog.format(
            '%s_%s_%s',
            (select c.relname from pg_catalog.pg_class as c where c.oid operator(pg_catalog.=) (_build_index.declared).relation),
            (_build_index.declared).name,
            (_build_index.declared).index
        ),
        50
    ) || '_' || (_build_index.declared).id;
    execute pg_catalog.format(
        'create index %I on %s using %I (%I public.%s)',
        made, (_build_index.declared).relation, (_build_index.declared).index, (_build_index.declared).name,
        operator_class
    );
    update sqlembed.embedding as e
    set index_name = made
    where e.id operator(pg_catalog.=) (_build_index.declared).id;
end
$function$;

comment on function sqlembed._build_index(sqlembed.embedding) is
    'Build the index of an embedding, unless an equal one is there.';

create or replace function sqlembed._canonical_source(
    relation regclass,
    source text,
    out expression text,
    out columns name[]
)
language plpgsql
volatile
as $function$
declare
    view_name text := 'sqlembed_source_' || pg_catalog.replace(pg_catalog.gen_random_uuid()::text, '-', '');
    view_oid pg_catalog.oid;
    statement text;
    tree text;
    definition text;
    type_name text;
    type_category "char";
    problem text;
begin
    statement := pg_catalog.format(
        'select (%s%s) as %I from %s as %I',
        _canonical_source.source,
        E'\n',
        view_name,
        _canonical_source.relation,
        (select c.relname from pg_catalog.pg_class as c where c.oid operator(pg_catalog.=) _canonical_source.relation)
    );
    begin
        -- A cursor takes a single statement, whatever the source is made of, and EXPLAIN runs none.
        for problem in execute 'explain ' || statement
        loop
            exit;
        end loop;
        execute pg_catalog.format('create temporary view %I as %s', view_name, statement);
        view_oid := pg_catalog.to_regclass('pg_temp.' || view_name);
        definition := sqlembed._view_definition(view_oid);
        select
            (select r.ev_action::text from pg_catalog.pg_rewrite as r where r.ev_class operator(pg_catalog.=) view_oid),
            pg_catalog.format_type(a.atttypid, a.atttypmod),
            t.typcategory
        into tree, type_name, type_category
        from pg_catalog.pg_attribute as a
        join pg_catalog.pg_type as t on t.oid operator(pg_catalog.=) a.atttypid
        where a.attrelid operator(pg_catalog.=) view_oid and a.attnum operator(pg_catalog.=) 1;
        select pg_catalog.array_agg(a.attname order by a.attnum)
        into _canonical_source.columns
        from pg_catalog.pg_attribute as a
        where a.attrelid operator(pg_catalog.=) _canonical_source.relation
            and exists (
                select
                from pg_catalog.pg_depend as d
                join pg_catalog.pg_rewrite as r
                    on r.oid operator(pg_catalog.=) d.objid and r.ev_class operator(pg_catalog.=) view_oid
                where d.classid operator(pg_catalog.=) 'pg_catalog.pg_rewrite'::pg_catalog.regclass
                    and d.refobjid operator(pg_catalog.=) a.attrelid
                    and d.refobjsubid operator(pg_catalog.=) a.attnum
            );
        problem := case
            when tree operator(pg_catalog.~) ':hasSubLinks true' then 'it reads another table or has a sub-select'
            when tree operator(pg_catalog.~) ':hasAggs true|:hasWindowFuncs true|:hasTargetSRFs true'
                then 'it has an aggregate, a window function or returns several rows'
            when tree operator(pg_catalog.~) '\{VAR :varno \d+ :varattno 0 ' then 'it uses the whole row'
            when tree operator(pg_catalog.~) '\{VAR :varno \d+ :varattno -' then 'it uses a system column'
            when definition operator(pg_catalog.!~) pg_catalog.format(' AS %s\s+FROM [^\n]*;$', view_name)
                or exists (
                    select
                    from pg_catalog.pg_attribute as a
                    where a.attrelid operator(pg_catalog.=) view_oid and a.attnum operator(pg_catalog.>) 1
                )
                then 'it is more than an expression'
            when _canonical_source.columns is null then 'it uses no column'
            when type_category operator(pg_catalog.<>) 'S'
                then pg_catalog.format('it is of type %s; cast it: (%s)::text', type_name, _canonical_source.source)
            else sqlembed._unsteady_part(tree)
        end;
        execute pg_catalog.format('drop view pg_temp.%I', view_name);
    exception when others then
        raise exception 'sqlembed: the source expression is not valid: %', sqlerrm
            using errcode = 'SE012',
                hint = pg_catalog.format(
                    'It is a SQL expression over one row of %s, such as: title || '' '' || body.', _canonical_source.relation
                );
    end;
    if problem is not null then
        raise exception 'sqlembed: the source expression is not suitable: %', problem
            using errcode = 'SE012',
                hint = pg_catalog.format(
                    'It is text made from the columns of one row of %s, such as: title || '' '' || body.',
                    _canonical_source.relation
                );
    end if;
    _canonical_source.expression := pg_catalog.regexp_replace(
        pg_catalog.regexp_replace(definition, '^\s*SELECT\s+', ''), ' AS ' || view_name || '\s.*$', ''
    );
end
$function$;

comment on function sqlembed._canonical_source(regclass, text) is
    'The source expression as PostgreSQL itself writes it, every name qualified, and the columns it uses. It runs with the rights and the search_path of the caller.';

create or replace function sqlembed._check_choice(
    argument text,
    given text,
    choices text[],
    planned text[] default '{}'
)
returns void
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $function$
begin
    if _check_choice.given = any (_check_choice.choices) then
        return;
    end if;
    raise exception 'sqlembed: % => % is not %',
        _check_choice.argument,
        coalesce(quote_literal(_check_choice.given), 'NULL'),
        case when _check_choice.given = any (_check_choice.planned) then 'available in this version' else 'known' end
        using errcode = 'SE014',
            hint = format('Choose from: %s.', array_to_string(_check_choice.choices, ', '));
end
$function$;

comment on function sqlembed._check_choice(text, text, text[], text[]) is
    'An error that names the choices when an argument is none of them.';

create or replace function sqlembed._check_declaration() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $function$
begin
    -- Owners of tables may insert here, and what they write about the key becomes SQL that runs with
    -- the rights of the owner of sqlembed.
    perform sqlembed._check_relation(new.relation);
    select
        k.columns,
        array(
            select a.atttypid::regtype
            from unnest(k.columns) with ordinality as c (name, position)
            join pg_attribute as a on a.attrelid = new.relation and a.attname = c.name and not a.attisdropped
            order by c.position
        ),
        k.expression
    into new.key_columns, new.key_types, new.key_expression
    from sqlembed._key_sql(new.relation) as k;
    if not exists (select from sqlembed.embedder_key as k where k.embedder = new.embedder) then
        raise exception 'sqlembed: permission denied for embedder %', quote_ident(new.embedder)
            using errcode = '42501',
                hint = format('Its owner can say: select sqlembed.grant_embedder(%L, %L).', new.embedder, current_user);
    end if;
    return new;
end
$function$;

comment on function sqlembed._check_declaration() is
    'Row trigger of embedding: whoever declares one must own the table and may use the embedder, and what belongs to the key is never taken from the user.';

create or replace trigger check_declaration before insert on sqlembed.embedding
for each row execute function sqlembed._check_declaration();

create or replace function sqlembed._check_family(relation regclass) returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    found record;
begin
    select c.relispartition, c.relkind into found from pg_class as c where c.oid = _check_family.relation;
    if found.relispartition then
        raise exception 'sqlembed: % is a partition', _check_family.relation
            using errcode = 'SE010',
                hint = format('Embed %s: what is written through it is noticed there only.', pg_partition_root(_check_family.relation)::regclass);
    end if;
    if exists (
        select
        from pg_inherits as i
        where i.inhrelid = _check_family.relation or i.inhparent = _check_family.relation and found.relkind = 'r'
    ) then
        raise exception 'sqlembed: % belongs to an inheritance tree', _check_family.relation
            using errcode = 'SE010', hint = 'Make it a partitioned table: triggers do not reach from a parent to its children.';
    end if;
end
$function$;

comment on function sqlembed._check_family(regclass) is
    'An error when rows of a table may be written through another one, whose statements its triggers do not see.';

create or replace function sqlembed._check_no_generated(relation regclass, columns name[]) returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    generated name;
begin
    select a.attname
    into generated
    from pg_attribute as a
    where a.attrelid = _check_no_generated.relation
        and a.attname = any (_check_no_generated.columns)
        and a.attgenerated <> ''
    limit 1;
    if found then
        raise exception 'sqlembed: column % is generated, and a trigger that hides vectors cannot see it', quote_ident(generated)
            using errcode = 'SE012',
                hint = format(
                    'Write its expression into the source, or say on_change => ''keep''. It is: %s.',
                    (
                        select pg_get_expr(d.adbin, d.adrelid)
                        from pg_attrdef as d
                        join pg_attribute as a on a.attrelid = d.adrelid and a.attnum = d.adnum
                        where d.adrelid = _check_no_generated.relation and a.attname = generated
                    )
                );
    end if;
end
$function$;

comment on function sqlembed._check_no_generated(regclass, name[]) is
    'An error when one of the columns is generated.';

create or replace function sqlembed._check_relation(relation regclass) returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    found record;
begin
    select c.relkind, c.relowner, c.relpersistence into found from pg_class as c where c.oid = _check_relation.relation;
    if found is null then
        raise exception 'sqlembed: no such table' using errcode = 'SE010', hint = 'Give the name of a table.';
    end if;
    if found.relkind not in ('r', 'p') then
        raise exception 'sqlembed: % is not a table', _check_relation.relation
            using errcode = 'SE010', hint = 'Embed the table that it reads from.';
    end if;
    if found.relpersistence = 't' then
        raise exception 'sqlembed: % is a temporary table, which no worker can see', _check_relation.relation
            using errcode = 'SE010', hint = 'Use an ordinary or an unlogged table.';
    end if;
    if not pg_has_role(found.relowner, 'usage') then
        raise exception 'sqlembed: must be owner of table %', _check_relation.relation
            using errcode = '42501', hint = format('Its owner is %s.', found.relowner::regrole);
    end if;
end
$function$;

comment on function sqlembed._check_relation(regclass) is
    'An error when a relation cannot have embeddings, or is not the caller''s.';

create or replace function sqlembed._drop_note_function(embedding integer) returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    if not exists (select from sqlembed.embedding as e where e.id = _drop_note_function.embedding)
        and not exists (
            select
            from pg_trigger as t
            where t.tgfoid = to_regprocedure(format('sqlembed.%I()', '_note_' || _drop_note_function.embedding))
        )
    then
        execute format('drop function if exists sqlembed.%I()', '_note_' || _drop_note_function.embedding);
    end if;
end
$function$;

comment on function sqlembed._drop_note_function(integer) is
    'Remove the trigger function of an embedding that is no more, once no trigger calls it. Harmless in anybody''s hands.';

create or replace function sqlembed._hide_vector() returns trigger
language plpgsql
as $function$
begin
    return pg_catalog.jsonb_populate_record(new, pg_catalog.jsonb_build_object(tg_argv[0], null));
end
$function$;

comment on function sqlembed._hide_vector() is
    'Row trigger of on_change => ''hide'': the source has changed, so the vector of the old one goes.';

create or replace function sqlembed._is_waiting(relation regclass, since timestamptz) returns boolean
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
    select exists (
        select
        from sqlembed.embedding as e
        where e.relation = _is_waiting.relation
            and (
                exists (
                    select from sqlembed.job as j where j.embedding = e.id and j.changed_at <= _is_waiting.since
                )
                or exists (
                    select from sqlembed.change as c where c.embedding = e.id and c.changed_at <= _is_waiting.since
                )
            )
    )
$function$;

comment on function sqlembed._is_waiting(regclass, timestamptz) is
    'Whether a row of a table waits that was written by then: cheaper than to count them.';

create or replace function sqlembed._key_sql(
    relation regclass,
    prefix text default 'r.',
    out columns name[],
    out expression text,
    out match text
)
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    -- The expression may run with the rights of the owner of sqlembed, on rows whose types have
    -- changed since: only PostgreSQL's own types become jsonb directly, because the cast of another
    -- could be its owner's. The condition does use casts and operators of the key's type, as its
    -- index does; whoever evaluates it evaluates the table's source expression as well.
    select
        array_agg(a.attname order by k.position),
        format(
            'pg_catalog.jsonb_build_array(%s)',
            string_agg(
                format(
                    case
                        when t.oid = any ('{bool,int2,int4,int8,numeric,text,varchar,bpchar,name,uuid,date,timestamp}'::regtype[])
                        then 'case when pg_catalog.pg_typeof(%1$s) operator(pg_catalog.=) ''pg_catalog.%2$s''::pg_catalog.regtype '
                            'then pg_catalog.to_jsonb(%1$s) else pg_catalog.to_jsonb(sqlembed._key_text(%1$s)) end'
                        when t.oid = 'timestamptz'::regtype
                        then 'case when pg_catalog.pg_typeof(%1$s) operator(pg_catalog.=) ''pg_catalog.%2$s''::pg_catalog.regtype '
                            'then pg_catalog.to_jsonb(pg_catalog.timezone(''UTC'', %1$s)) '
                            'else pg_catalog.to_jsonb(sqlembed._key_text(%1$s)) end'
                        else 'pg_catalog.to_jsonb(sqlembed._key_text(%1$s))'
                    end,
                    _key_sql.prefix || quote_ident(a.attname),
                    t.typname
                ),
                ', '
                order by k.position
            )
        ),
        string_agg(
            format(
                case
                    when t.oid = 'timestamptz'::regtype
                    then 'r.%1$I %2$s pg_catalog.timezone(''UTC'', (k.key operator(pg_catalog.->>) %3$s)::pg_catalog.timestamp)'
                    else 'r.%1$I %2$s (k.key operator(pg_catalog.->>) %3$s)::%4$s'
                end,
                a.attname,
                coalesce(equal.operator, 'operator(pg_catalog.=)'),
                k.position - 1,
                -- Without the length of a char or a varchar; nothing has to be cut off.
                format_type(base.oid, -1)
            ),
            ' and '
            order by k.position
        )
    from pg_index as i
    cross join unnest(i.indkey, i.indclass) with ordinality as k (attnum, operator_class, position)
    join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = k.attnum
    join pg_type as t on t.oid = a.atttypid
    cross join lateral (
        with recursive base as (
            select t.oid, t.typtype, t.typbasetype
            union all
            select b.oid, b.typtype, b.typbasetype
            from base
            join pg_type as b on base.typtype = 'd' and b.oid = base.typbasetype
        )
        select base.oid from base where base.typtype <> 'd'
    ) as base
    left join lateral (
        select format('operator(%I.%s)', n.nspname, p.oprname) as operator
        from pg_opclass as c
        join pg_amop as m
            on m.amopfamily = c.opcfamily
            and m.amopstrategy = 3
            and m.amoplefttype = c.opcintype
            and m.amoprighttype = c.opcintype
        join pg_am as method on method.oid = m.amopmethod and method.amname = 'btree'
        join pg_operator as p on p.oid = m.amopopr
        join pg_namespace as n on n.oid = p.oprnamespace
        where c.oid = k.operator_class
    ) as equal on true
    where i.indrelid = _key_sql.relation and i.indisprimary and k.position <= i.indnkeyatts
    having count(*) > 0
$function$;

comment on function sqlembed._key_sql(regclass, text) is
    'The primary key of a table: its columns, SQL that makes the jsonb key of row r (or of columns with another prefix), and the condition that row r has the key k.key. No row without a primary key.';

create or replace function sqlembed._key_text(value anyelement) returns text
language plpgsql
stable
set search_path = pg_catalog, pg_temp
-- Whatever the session has set, one value has one text.
set timezone = 'UTC'
set datestyle = 'ISO'
set intervalstyle = 'postgres'
set bytea_output = 'hex'
set extra_float_digits = 1
as $function$
begin
    -- The type's own output: a cast to text might be the user's, and run with somebody else's rights.
    return format('%s', _key_text.value);
end
$function$;

comment on function sqlembed._key_text(anyelement) is
    'A value of a key as text, the same in every session.';

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
        -- row to another key may be out of date, if the old key was waiting.
        else format(
            $sql$
            select %1$s, n.key
            from (select %2$s as key, %3$s as vector, row(%4$s) as source from sqlembed_new) as n
            left join (select %2$s as key, %3$s as vector, row(%4$s) as source from sqlembed_old) as o on o.key = n.key
            where case
                when o.key is null then n.vector is null or exists (
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
        format(
            $sql$
#variable_conflict use_column
begin
    -- Attached without these names for its rows, they would lead to views of the caller's in pg_temp.
    if to_regclass('sqlembed_new') is not null or to_regclass('sqlembed_old') is not null then
        raise exception 'sqlembed: trigger %% of %% was not made by create_embedding', quote_ident(tg_name), tg_relid::regclass
            using errcode = '42501', hint = 'Declare the embedding with sqlembed.create_embedding.';
    end if;
    -- The worker's own write of a vector is no change; what other triggers do upon it may be.
    if current_setting('sqlembed.writing', true) = 'on' and pg_trigger_depth() = 1 then
        return null;
    end if;
    -- A column that was dropped or renamed under us must not fail the application's statement.
    begin
        if tg_op = 'INSERT' then
            perform %2$s, %4$s from sqlembed_new where %3$s is null limit 1;
        else
            perform %2$s, %4$s, %3$s from sqlembed_new%5$s limit 1;
        end if;
    exception when undefined_column or undefined_function then
        return null;
    end;
    if not found then
        return null;
    end if;

    if tg_op = 'INSERT' then
        insert into sqlembed.change (embedding, key)
        select %1$s, %2$s from sqlembed_new where %3$s is null;
    else
        insert into sqlembed.change (embedding, key)%6$s;
    end if;
    -- NOTIFY serializes commits, so a bell is rung only while a worker waits for one. The shared
    -- lock, held to the end of the transaction, keeps a worker from falling asleep meanwhile.
    if found and not pg_try_advisory_xact_lock_shared(%7$s, 0) then
        perform pg_notify('sqlembed', '');
    end if;
    return null;
end
$sql$,
            declared.id,
            key,
            vector,
            source,
            case declared.on_change when 'hide' then format(' where %s is null', vector) else '' end,
            changed,
            sqlembed._lock('idle')
        )
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

create or replace function sqlembed._pending(relation regclass, out rows bigint, out served boolean)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
    with waiting as materialized (
        select e.embedder, w.rows
        from sqlembed.embedding as e
        cross join lateral (
            select count(*) as rows
            from (
                select j.key from sqlembed.job as j where j.embedding = e.id
                union
                select c.key from sqlembed.change as c where c.embedding = e.id
            ) as keys
        ) as w
        where e.relation = _pending.relation and w.rows > 0
    )
    select
        coalesce(sum(w.rows), 0)::bigint,
        coalesce(bool_and(exists (select from sqlembed.worker as l where w.embedder = any (l.embedders))), true)
    from waiting as w
$function$;

comment on function sqlembed._pending(regclass) is
    'How many rows of a table wait, and whether living workers serve all of them.';

create or replace function sqlembed._prepare_column(
    relation regclass,
    name name,
    embedder text,
    storage text,
    index text
)
returns integer
language plpgsql
volatile
as $function$
declare
    present record;
    dimensions integer;
    wanted_type text;
    most integer := case _prepare_column.storage when 'vector' then 2000 else 4000 end;
begin
    select a.atttypmod, pg_catalog.format_type(a.atttypid, a.atttypmod) as type_name, t.typname, a.attgenerated, a.attnotnull
    into present
    from pg_catalog.pg_attribute as a
    join pg_catalog.pg_type as t on t.oid operator(pg_catalog.=) a.atttypid
    where a.attrelid operator(pg_catalog.=) _prepare_column.relation
        and a.attname operator(pg_catalog.=) _prepare_column.name
        and a.attnum operator(pg_catalog.>) 0
        and not a.attisdropped;

    select e.dimensions
    into dimensions
    from sqlembed.embedder as e
    where e.name operator(pg_catalog.=) _prepare_column.embedder;
    if not found then
        if present.typname is null or present.typname operator(pg_catalog.<>) _prepare_column.storage
            or present.atttypmod operator(pg_catalog.<=) 0
            or not pg_catalog.has_function_privilege('sqlembed._register_name(text, integer)', 'execute')
        then
            raise exception 'sqlembed: unknown embedder %', pg_catalog.quote_nullable(_prepare_column.embedder)
                using errcode = 'SE001',
                    hint = coalesce(
                        'Known: ' || (select pg_catalog.string_agg(e.name, ', ' order by e.name) from sqlembed.embedder as e) || '.',
                        'None is registered yet: start a worker once (sqlembed worker), or give the column first, with its dimensions.'
                    );
        end if;
        dimensions := present.atttypmod;
        perform sqlembed._register_name(_prepare_column.embedder, dimensions);
    end if;
    if not exists (
        select from sqlembed.embedder_key as k where k.embedder operator(pg_catalog.=) _prepare_column.embedder
    ) then
        raise exception 'sqlembed: permission denied for embedder %', pg_catalog.quote_ident(_prepare_column.embedder)
            using errcode = '42501',
                hint = pg_catalog.format(
                    'Its owner can say: select sqlembed.grant_embedder(%L, %L).', _prepare_column.embedder, current_user
                );
    end if;
    if _prepare_column.index operator(pg_catalog.<>) 'none' and dimensions operator(pg_catalog.>) most then
        raise exception 'sqlembed: an index on % takes % dimensions at most, and % makes %',
            _prepare_column.storage, most, pg_catalog.quote_ident(_prepare_column.embedder), dimensions
            using errcode = 'SE011',
                hint = case
                    when dimensions operator(pg_catalog.<=) 4000 then 'Say storage => ''halfvec'', or index => ''none''.'
                    else 'Say index => ''none''.'
                end;
    end if;

    wanted_type := pg_catalog.format(
        '%s(%s)', case _prepare_column.storage when 'vector' then 'public.vector' else 'public.halfvec' end, dimensions
    );
    if present is null then
        execute pg_catalog.format(
            'alter table %s add column %I %s', _prepare_column.relation, _prepare_column.name, wanted_type
        );
    elsif present.typname operator(pg_catalog.<>) _prepare_column.storage
        or present.atttypmod not in (dimensions, -1)
        or present.attgenerated operator(pg_catalog.<>) ''
    then
        raise exception 'sqlembed: column % of % is of type %, and embedder % needs %',
            pg_catalog.quote_ident(_prepare_column.name), _prepare_column.relation, present.type_name,
            pg_catalog.quote_ident(_prepare_column.embedder), pg_catalog.format('%s(%s)', _prepare_column.storage, dimensions)
            using errcode = 'SE011', hint = 'Name another column, as embedding => ''...'': it is added if it is missing.';
    elsif present.attnotnull then
        raise exception 'sqlembed: column % of % is not null, and a row has no vector until it is embedded',
            pg_catalog.quote_ident(_prepare_column.name), _prepare_column.relation
            using errcode = 'SE011',
                hint = pg_catalog.format(
                    'alter table %s alter column %I drop not null.', _prepare_column.relation, _prepare_column.name
                );
    elsif present.atttypmod operator(pg_catalog.=) -1 and _prepare_column.index operator(pg_catalog.<>) 'none' then
        raise exception 'sqlembed: column % of % has no fixed dimensions, which an index needs',
            pg_catalog.quote_ident(_prepare_column.name), _prepare_column.relation
            using errcode = 'SE011',
                hint = pg_catalog.format(
                    'alter table %s alter column %I type %s(%s), or say index => ''none''.',
                    _prepare_column.relation, _prepare_column.name, _prepare_column.storage, dimensions
                );
    end if;
    return dimensions;
end
$function$;

comment on function sqlembed._prepare_column(regclass, name, text, text, text) is
    'Add the vector column, or check that the present one fits the embedder. Returns the dimensions.';

create or replace function sqlembed._refused_commit() returns text
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
begin
    commit;
exception when invalid_transaction_termination then
    return sqlerrm;
end
$function$;

comment on function sqlembed._refused_commit() is
    'What PostgreSQL says to a COMMIT inside a transaction of the caller''s, in the language of the session: nothing else tells it from one inside an exception block.';

create or replace function sqlembed._register_name(name text, dimensions integer) returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
    select sqlembed.register_embedder(_register_name.name, _register_name.dimensions)
$function$;

comment on function sqlembed._register_name(text, integer) is
    'Make an embedder known before a worker serves it: the first worker fills in the fingerprint. Not for everybody: a name taken with other dimensions keeps its worker from starting.';

revoke execute on function sqlembed._register_name(text, integer) from public;

create or replace function sqlembed._row_source(relation regclass, expression text, row_name text) returns text
language plpgsql
volatile
as $function$
declare
    view_name text := 'sqlembed_source_' || pg_catalog.replace(pg_catalog.gen_random_uuid()::text, '-', '');
    definition text;
begin
    -- With a second item in FROM, PostgreSQL puts the first one's alias before its columns.
    execute pg_catalog.format(
        'create temporary view %1$I as select (%2$s) as %1$I from %3$s as %4$I, (values (1)) as sqlembed_one (sqlembed_one)',
        view_name, _row_source.expression, _row_source.relation, _row_source.row_name
    );
    definition := sqlembed._view_definition(pg_catalog.to_regclass('pg_temp.' || view_name));
    execute pg_catalog.format('drop view pg_temp.%I', view_name);
    return pg_catalog.regexp_replace(
        pg_catalog.regexp_replace(definition, '^\s*SELECT\s+', ''), ' AS ' || view_name || '\s.*$', ''
    );
end
$function$;

comment on function sqlembed._row_source(regclass, text, text) is
    'A canonical source expression with its columns prefixed by the name of a row: new or old.';

create or replace function sqlembed._unsteady_part(tree text) returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    -- A text that differs every time it is looked at would be embedded for ever.
    select coalesce(
        (
            select format('the result of %s changes by itself', p.oid::regprocedure)
            from regexp_matches(_unsteady_part.tree, ':(?:funcid|opfuncid) ([0-9]+)', 'g') as found (ids)
            join pg_proc as p on p.oid = found.ids[1]::oid
            where p.provolatile = 'v'
                or p.provolatile = 's'
                and p.pronamespace = 'pg_catalog'::regnamespace
                and p.proname = any ('{now,transaction_timestamp,statement_timestamp,age,current_setting,pg_backend_pid,txid_current,pg_current_xact_id}')
            limit 1
        ),
        case
            when _unsteady_part.tree ~ '\{SQLVALUEFUNCTION ' then 'the current time and user are not the row''s'
        end
    )
$function$;

comment on function sqlembed._unsteady_part(text) is
    'What, in the parsed tree of an expression, gives another result the next time; NULL when there is no such thing.';

create or replace function sqlembed._view_definition(view oid) returns text
language sql
stable
set search_path = pg_catalog
as $function$
    select pg_get_viewdef(_view_definition.view)
$function$;

comment on function sqlembed._view_definition(oid) is
    'A view''s query with every name qualified that is not in pg_catalog.';

create or replace function sqlembed.create_embedding(
    relation regclass,
    embedder text,
    source text,
    embedding name default 'embedding',
    timing text default 'async',
    on_change text default 'hide',
    metric text default 'cosine',
    storage text default 'vector',
    index text default 'hnsw',
    place text default 'row',
    chunking jsonb default null,
    adopt text default 'keep',
    if_not_exists boolean default false
)
returns bigint
language plpgsql
volatile
as $function$
declare
    key record;
    canonical record;
    dimensions integer;
    declared sqlembed.embedding;
    queued bigint;
begin
    perform sqlembed._check_choice('timing', create_embedding.timing, '{async}', '{sync}');
    perform sqlembed._check_choice('on_change', create_embedding.on_change, '{hide,keep}');
    perform sqlembed._check_choice('metric', create_embedding.metric, '{cosine,euclidean,inner_product,l1}');
    perform sqlembed._check_choice('storage', create_embedding.storage, '{vector,halfvec}');
    perform sqlembed._check_choice('index', create_embedding.index, '{hnsw,none}', '{ivfflat}');
    perform sqlembed._check_choice('place', create_embedding.place, '{row}', '{side}');
    perform sqlembed._check_choice('adopt', create_embedding.adopt, '{keep,recompute}', '{check}');
    if create_embedding.chunking is not null then
        raise exception 'sqlembed: chunking is not available in this version'
            using errcode = 'SE014', hint = 'Leave it out: one vector stands for the whole text.';
    end if;

    perform sqlembed._check_relation(create_embedding.relation);
    perform sqlembed._check_family(create_embedding.relation);
    -- Two sessions that declare on one table take turns, and no row slips in between queue and trigger.
    execute pg_catalog.format('lock table %s in share row exclusive mode', create_embedding.relation);
    select k.* into key from sqlembed._key_sql(create_embedding.relation) as k;
    if key.columns is null then
        raise exception 'sqlembed: table % has no primary key', create_embedding.relation
            using errcode = 'SE010',
                hint = pg_catalog.format(
                    'Workers find rows by it: alter table %s add column id bigint generated always as identity primary key.',
                    create_embedding.relation
                );
    end if;
    select c.* into canonical
    from sqlembed._canonical_source(create_embedding.relation, create_embedding.source) as c;

    select e.*
    into declared
    from sqlembed.embedding as e
    where e.relation operator(pg_catalog.=) create_embedding.relation
        and e.name operator(pg_catalog.=) create_embedding.embedding;
    if declared.id is not null then
        if create_embedding.if_not_exists
            and (declared.embedder, declared.source, declared.timing, declared.on_change, declared.metric, declared.storage, declared.index)
                operator(pg_catalog.=)
                (
                    create_embedding.embedder, canonical.expression, create_embedding.timing, create_embedding.on_change,
                    create_embedding.metric, create_embedding.storage, create_embedding.index
                )
        then
            return 0;
        end if;
        raise exception 'sqlembed: column % of % is an embedding already',
            pg_catalog.quote_ident(create_embedding.embedding), create_embedding.relation
            using errcode = 'SE011',
                hint = pg_catalog.format(
                    'To declare it otherwise, first: select sqlembed.drop_embedding(%L, %L).',
                    create_embedding.relation, create_embedding.embedding
                );
    end if;
    if create_embedding.embedding operator(pg_catalog.=) any (canonical.columns) or exists (
        select
        from sqlembed.embedding as e
        where e.relation operator(pg_catalog.=) create_embedding.relation
            and e.name operator(pg_catalog.=) any (canonical.columns)
    ) then
        raise exception 'sqlembed: the source expression uses a vector column'
            using errcode = 'SE012', hint = 'A vector is made from text; leave the column out.';
    end if;
    if create_embedding.on_change operator(pg_catalog.=) 'hide' then
        perform sqlembed._check_no_generated(create_embedding.relation, canonical.columns);
    end if;

    dimensions := sqlembed._prepare_column(
        create_embedding.relation, create_embedding.embedding, create_embedding.embedder, create_embedding.storage,
        create_embedding.index
    );
    insert into sqlembed.embedding (
        relation, name, embedder, source, declared_source, timing, on_change, metric, storage, index, place,
        chunking, dimensions, key_columns, key_expression, source_columns
    )
    values (
        create_embedding.relation, create_embedding.embedding, create_embedding.embedder, canonical.expression,
        create_embedding.source, create_embedding.timing, create_embedding.on_change, create_embedding.metric,
        create_embedding.storage, create_embedding.index, create_embedding.place, create_embedding.chunking,
        dimensions, key.columns, key.expression, canonical.columns
    )
    returning * into declared;

    perform sqlembed._attach_triggers(declared);
    if create_embedding.index operator(pg_catalog.<>) 'none' then
        perform sqlembed._build_index(declared);
    end if;

    execute pg_catalog.format(
        'insert into sqlembed.change (embedding, key) select %s, %s from %s as r where r.%I is null or %L',
        declared.id, declared.key_expression, declared.relation, declared.name,
        create_embedding.adopt operator(pg_catalog.=) 'recompute'
    );
    get diagnostics queued = row_count;
    perform pg_catalog.pg_notify('sqlembed', '');
    return queued;
end
$function$;

comment on function sqlembed.create_embedding(
    regclass, text, text, name, text, text, text, text, text, text, jsonb, text, boolean
) is
    'Keep a vector column up to date with a source expression over its row: adds the column if it is missing, attaches triggers, builds the index and queues the rows that have no vector. Returns how many it queued.';

create or replace function sqlembed.drop_embedding(
    relation regclass,
    embedding name default 'embedding',
    keep_column boolean default true
)
returns void
language plpgsql
volatile
as $function$
declare
    declared sqlembed.embedding := sqlembed._embedding_of(drop_embedding.relation, drop_embedding.embedding);
    trigger_name text;
    index_schema name;
begin
    perform sqlembed._check_relation(drop_embedding.relation);
    delete from sqlembed.embedding as e where e.id operator(pg_catalog.=) declared.id;
    foreach trigger_name in array array['sqlembed_insert_', 'sqlembed_update_', 'zz_sqlembed_hide_']
    loop
        execute pg_catalog.format('drop trigger if exists %I on %s', trigger_name || declared.id, declared.relation);
    end loop;
    perform sqlembed._drop_note_function(declared.id);
    if not drop_embedding.keep_column then
        execute pg_catalog.format('alter table %s drop column if exists %I', declared.relation, declared.name);
    elsif declared.index_name is not null then
        select n.nspname
        into index_schema
        from pg_catalog.pg_class as c
        join pg_catalog.pg_namespace as n on n.oid operator(pg_catalog.=) c.relnamespace
        where c.oid operator(pg_catalog.=) declared.relation;
        execute pg_catalog.format('drop index if exists %I.%I', index_schema, declared.index_name);
    end if;
end
$function$;

comment on function sqlembed.drop_embedding(regclass, name, boolean) is
    'Stop keeping a vector column up to date: takes off the triggers and the index that were made for it. The column and its vectors stay unless keep_column is false.';

create or replace function sqlembed.refresh_embedding(
    relation regclass,
    embedding name default null,
    filter text default null
)
returns bigint
language plpgsql
volatile
as $function$
declare
    declared sqlembed.embedding := sqlembed._embedding_of(refresh_embedding.relation, refresh_embedding.embedding);
    queued bigint;
begin
    perform sqlembed._check_relation(refresh_embedding.relation);
    begin
        execute pg_catalog.format(
            'insert into sqlembed.change (embedding, key) select %s, k.key from (select %s as key from %s as r where (%s%s)) as k',
            declared.id,
            (select k.expression from sqlembed._key_sql(declared.relation) as k),
            declared.relation,
            coalesce(refresh_embedding.filter, 'true'),
            E'\n'
        );
    exception when syntax_error_or_access_rule_violation or data_exception then
        raise exception 'sqlembed: the filter is not valid: %', sqlerrm
            using errcode = 'SE015', hint = 'It is a SQL condition over a row, such as: year > 2020.';
    end;
    get diagnostics queued = row_count;
    perform pg_catalog.pg_notify('sqlembed', '');
    return queued;
end
$function$;

comment on function sqlembed.refresh_embedding(regclass, name, text) is
    'Queue rows to be embedded anew, all of them or those that a SQL condition keeps. Returns how many. Their present vectors stay meanwhile.';

create or replace function sqlembed.retry_failed(relation regclass, embedding name default null) returns bigint
language plpgsql
volatile
as $function$
declare
    queued bigint;
begin
    perform sqlembed._check_relation(retry_failed.relation);
    perform sqlembed._embedding_of(retry_failed.relation, coalesce(retry_failed.embedding, e.name))
    from sqlembed.embedding as e
    where e.relation operator(pg_catalog.=) retry_failed.relation;
    -- A change takes its row off the list of failures, as soon as a worker folds it.
    insert into sqlembed.change (embedding, key)
    select e.id, f.key
    from sqlembed.embedding as e
    join sqlembed.failure as f
        on f.relation operator(pg_catalog.=) e.relation and f.embedding operator(pg_catalog.=) e.name
    where e.relation operator(pg_catalog.=) retry_failed.relation
        and e.name operator(pg_catalog.=) coalesce(retry_failed.embedding, e.name);
    get diagnostics queued = row_count;
    perform pg_catalog.pg_notify('sqlembed', '');
    return queued;
end
$function$;

comment on function sqlembed.retry_failed(regclass, name) is
    'Queue again the rows that were given up. Returns how many.';

create or replace procedure sqlembed.wait_until_embedded(relation regclass, timeout interval default '60 s')
language plpgsql
as $procedure$
declare
    began timestamptz := clock_timestamp();
    pause double precision := 0.005;
    looked_at timestamptz := '-infinity';
    open record;
begin
    begin
        commit;
    exception when invalid_transaction_termination then
        if sqlerrm operator(pg_catalog.=) sqlembed._refused_commit() then
            raise exception 'sqlembed: wait_until_embedded was called inside a transaction'
                using errcode = '25001',
                    hint = 'No worker can see rows before they are committed: commit first, then call it in autocommit.';
        end if;
    end;
    if not exists (
        select from sqlembed.embedding as e where e.relation operator(pg_catalog.=) wait_until_embedded.relation
    ) then
        perform sqlembed._embedding_of(wait_until_embedded.relation);
    end if;
    while sqlembed._is_waiting(wait_until_embedded.relation, began) loop
        -- Counting takes longer: now and then will do, and first of all.
        if clock_timestamp() operator(pg_catalog.>) (looked_at operator(pg_catalog.+) interval '1 s') then
            select p.* into open from sqlembed._pending(wait_until_embedded.relation) as p;
            looked_at := clock_timestamp();
            if not open.served then
                raise exception 'sqlembed: % rows of % wait, and no worker that serves them is alive',
                    open.rows, wait_until_embedded.relation
                    using errcode = 'SE003', hint = 'Start one: sqlembed worker --registry module:object.';
            end if;
        end if;
        if clock_timestamp() operator(pg_catalog.>) (began operator(pg_catalog.+) wait_until_embedded.timeout) then
            raise exception 'sqlembed: % rows of % still wait after %',
                (select p.rows from sqlembed._pending(wait_until_embedded.relation) as p),
                wait_until_embedded.relation,
                wait_until_embedded.timeout
                using errcode = 'SE004', hint = 'Give a longer timeout, or look at: select * from sqlembed.status.';
        end if;
        commit;
        perform pg_catalog.pg_sleep(pause);
        pause := least(pause operator(pg_catalog.*) 1.5, 0.1);
    end loop;
end
$procedure$;

comment on procedure sqlembed.wait_until_embedded(regclass, interval) is
    'Return when every row of a table that was committed before has been embedded or given up: read your writes. Not inside a transaction.';

create or replace function sqlembed._answer_requests(
    worker integer,
    ids bigint[],
    counts integer[],
    errors text[],
    fingerprint text,
    kind text,
    hashes bytea[],
    vectors public.vector[]
)
returns integer
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
begin
    update sqlembed.request as r
    set
        result = case when a.error is null then _answer_requests.vectors[a.upto - a.count + 1:a.upto] end,
        error = a.error,
        done = true
    from (
        select u.id, u.count, u.error, (sum(u.count) over (order by u.ordinality))::integer as upto
        from rows from (
            unnest(_answer_requests.ids), unnest(_answer_requests.counts), unnest(_answer_requests.errors)
        ) with ordinality as u (id, count, error, ordinality)
    ) as a
    where r.id = a.id and not r.done;

    perform sqlembed._write_cache(
        _answer_requests.fingerprint, _answer_requests.kind, _answer_requests.hashes, _answer_requests.vectors
    );
    return sqlembed._next_epoch(_answer_requests.worker);
end
$function$;

comment on function sqlembed._answer_requests(integer, bigint[], integer[], text[], text, text, bytea[], public.vector[]) is
    'Store the answers to requests: for each so many of the vectors, one after the other, or an error. The vectors go into the cache too. Returns the epoch that begins; after the commit the worker calls _leave_epoch.';

revoke execute on function sqlembed._answer_requests(
    integer, bigint[], integer[], text[], text, text, bytea[], public.vector[]
) from public;

create or replace function sqlembed._claim_jobs(
    worker integer,
    embedders text[],
    most integer[],
    without integer[],
    lease interval
)
returns table (embedding integer, revision text, key jsonb)
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
-- Through the index in any case: the queue's size changes too fast for the planner's statistics.
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
as $function$
declare
    chosen record;
begin
    -- Every embedding in its turn: the one whose due job has waited longest.
    select e.id, e.xmin::text as revision, s.most
    into chosen
    from unnest(_claim_jobs.embedders, _claim_jobs.most) as s (name, most)
    join sqlembed.embedding as e on e.embedder = s.name
    cross join lateral (
        select j.not_before
        from sqlembed.job as j
        where j.embedding = e.id and j.worker is null and j.not_before <= clock_timestamp()
        order by j.not_before
        limit 1
    ) as due
    where e.id <> all (_claim_jobs.without)
    order by due.not_before
    limit 1;

    return query
    update sqlembed.job as j
    set locked_until = clock_timestamp() + _claim_jobs.lease, worker = _claim_jobs.worker
    where j.ctid = any (
        array(
            select d.ctid
            from sqlembed.job as d
            where d.embedding = chosen.id and d.worker is null and d.not_before <= clock_timestamp()
            order by d.not_before
            limit chosen.most
            for update skip locked
        )
    )
    returning j.embedding, chosen.revision, j.key;
end
$function$;

comment on function sqlembed._claim_jobs(integer, text[], integer[], integer[], interval) is
    'Lease due jobs of one embedding to a worker, at most as many as it takes of its embedder, and not of those it leaves alone. The revision changes with the row of the embedding.';

revoke execute on function sqlembed._claim_jobs(integer, text[], integer[], integer[], interval) from public;

create or replace function sqlembed._describe_embedding(
    embedding integer,
    out read_sources text,
    out write_vectors text
)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    declared sqlembed.embedding;
    match text;
begin
    select e.* into declared from sqlembed.embedding as e where e.id = _describe_embedding.embedding;
    match := (select k.match from sqlembed._key_sql(declared.relation) as k);

    -- $1: keys, $2: budget in bytes. Beyond it rows are postponed: a worker's memory is not the
    -- table's size.
    _describe_embedding.read_sources := format(
        'select t.key, case when not t.postponed then t.input end, sqlembed._blank(t.input), t.postponed
        from (
            select
                k.key,
                s.input::text as input,
                coalesce(
                    sum(octet_length(s.input::text)) over (rows between unbounded preceding and 1 preceding) >= $2, false
                ) as postponed
            from unnest($1) as k (key)
            cross join lateral (
                select s.input
                from %1$s as r
                cross join lateral (select (%3$s) as input from (select r.*) as r) as s
                where %2$s
            ) as s
        ) as t',
        declared.relation, match, declared.source
    );

    -- $1: keys, $2: sha256 of their texts, $3: vectors. Of the last two there may be fewer than
    -- rows: the rest have no text, or one that is blank and gets no vector. The answer is the keys of
    -- the rows that are up to date; the others have changed, are locked or gone.
    -- The test of the text stands on the target row itself: when a writer commits while this waits,
    -- PostgreSQL evaluates it again on the new row and nothing stale is written. Rows that anybody
    -- has locked are left for later. The lock leaves foreign keys to the row alone.
    _describe_embedding.write_vectors := format(
        'with current as materialized (
            select k.key, k.vector
            from rows from (unnest($1), unnest($2), unnest($3)) as k (key, hash, vector)
            cross join lateral (
                select
                from %1$s as r
                where %2$s and (
                    select case
                        when k.hash is null then s.input is null
                        else sha256(convert_to(s.input::text, ''UTF8'')) = k.hash
                    end
                    from (select (%3$s) as input from (select r.*) as r) as s
                )
                for no key update of r skip locked
            ) as locked
        ),
        written as (
            update %1$s as r
            set %4$I = k.vector::%5$s
            from current as k
            where %2$s and (k.vector is not null or r.%4$I is not null)
        )
        select c.key from current as c',
        declared.relation,
        match,
        declared.source,
        declared.name,
        case declared.storage when 'vector' then 'public.vector' else 'public.halfvec' end
    );
end
$function$;

comment on function sqlembed._describe_embedding(integer) is
    'The statements with which a worker serves an embedding: one reads texts, one writes vectors. It prepares them once.';

revoke execute on function sqlembed._describe_embedding(integer) from public;

create or replace function sqlembed._fail_jobs(
    worker integer,
    embedding integer,
    keys jsonb[],
    errors text[],
    max_attempts integer
)
returns bigint
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    failed record;
    charged integer;
    given_up bigint := 0;
begin
    for failed in select f.* from unnest(_fail_jobs.keys, _fail_jobs.errors) as f (key, error)
    loop
        select j.attempts + 1
        into charged
        from sqlembed.job as j
        where j.embedding = _fail_jobs.embedding and j.key = failed.key and j.worker = _fail_jobs.worker
        for update skip locked;
        continue when not found;
        if charged < _fail_jobs.max_attempts then
            update sqlembed.job as j
            set
                attempts = charged,
                error = failed.error,
                locked_until = null,
                worker = null,
                -- 1, 2, 4 … seconds, up to half as much again so that failures do not return together.
                not_before = clock_timestamp() + least(2 ^ (charged - 1), 3600) * (1 + random() / 2) * interval '1 s'
            where j.embedding = _fail_jobs.embedding and j.key = failed.key;
            continue;
        end if;
        delete from sqlembed.job as j where j.embedding = _fail_jobs.embedding and j.key = failed.key;
        insert into sqlembed.failed_job (embedding, key, attempts, error)
        values (_fail_jobs.embedding, failed.key, charged, failed.error)
        on conflict on constraint failed_job_pkey do update
        set attempts = excluded.attempts, error = excluded.error, failed_at = clock_timestamp();
        given_up := given_up + 1;
    end loop;
    return given_up;
end
$function$;

comment on function sqlembed._fail_jobs(integer, integer, jsonb[], text[], integer) is
    'Charge rows with a failed attempt each; after the last one a row is given up. Returns how many were.';

revoke execute on function sqlembed._fail_jobs(integer, integer, jsonb[], text[], integer) from public;

create or replace function sqlembed._finish_jobs(worker integer, embedding integer, keys jsonb[]) returns void
language sql
volatile
set search_path = pg_catalog, pg_temp
-- Rows are found one by one through the primary key: the queue's size changes too fast for the
-- planner's statistics, and the wrong join takes seconds.
set enable_seqscan = off
set enable_bitmapscan = off
as $function$
    delete from sqlembed.job as j
    where j.ctid = any (
        array(
            select h.ctid
            from unnest(_finish_jobs.keys) as k (key)
            cross join lateral (
                select j.ctid
                from sqlembed.job as j
                where j.embedding = _finish_jobs.embedding and j.key = k.key and j.worker = _finish_jobs.worker
                for update skip locked
            ) as h
        )
    )
$function$;

comment on function sqlembed._finish_jobs(integer, integer, jsonb[]) is
    'Remove jobs that are done, but for those that a later change has taken from the worker.';

revoke execute on function sqlembed._finish_jobs(integer, integer, jsonb[]) from public;

create or replace function sqlembed._fold_changes(
    worker integer,
    embedders text[],
    most integer[],
    without integer[],
    lease interval,
    out taken bigint,
    out embedding integer,
    out revision text,
    out keys jsonb[]
)
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    at_once integer;
begin
    -- New jobs of the embedding whose change is the oldest go straight to the worker.
    select e.id, e.xmin::text, s.most
    into _fold_changes.embedding, _fold_changes.revision, at_once
    from (select c.embedding from sqlembed.change as c order by c.id limit 1) as oldest
    join sqlembed.embedding as e on e.id = oldest.embedding
    join unnest(_fold_changes.embedders, _fold_changes.most) as s (name, most) on s.name = e.embedder
    where e.id <> all (_fold_changes.without);

    with taken as (
        delete from sqlembed.change as c
        where c.id = any (
            array(
                select d.id
                from sqlembed.change as d
                order by d.id
                limit greatest(1000, at_once)
                for update skip locked
            )
        )
        returning c.id, c.embedding, c.key, c.changed_at
    ),
    revived as (
        -- A changed row deserves new attempts.
        delete from sqlembed.failed_job as f
        using taken as t
        where f.embedding = t.embedding and f.key = t.key
    ),
    waiting as (
        select
            t.embedding,
            t.key,
            min(t.changed_at) as changed_at,
            t.embedding is not distinct from _fold_changes.embedding
                and row_number() over (partition by t.embedding order by min(t.id)) <= at_once as is_mine
        from taken as t
        join sqlembed.embedding as e on e.id = t.embedding
        group by t.embedding, t.key
    ),
    folded as (
        insert into sqlembed.job as j (embedding, key, changed_at, worker, locked_until)
        select
            w.embedding,
            w.key,
            w.changed_at,
            case when w.is_mine then _fold_changes.worker end,
            case when w.is_mine then clock_timestamp() + _fold_changes.lease end
        from waiting as w
        -- One order for all workers, so that two of them cannot deadlock.
        order by w.embedding, w.key
        on conflict on constraint one_job_a_row do update
        set
            attempts = 0,
            not_before = least(j.not_before, clock_timestamp()),
            changed_at = least(j.changed_at, excluded.changed_at),
            error = null,
            -- Whoever has it in hand works on an older text: it is no longer theirs to finish.
            locked_until = null,
            worker = null
        returning j.key, j.worker
    )
    select (select count(*) from taken), array_agg(f.key) filter (where f.worker is not null)
    into _fold_changes.taken, _fold_changes.keys
    from folded as f;
end
$function$;

comment on function sqlembed._fold_changes(integer, text[], integer[], integer[], interval) is
    'Turn the oldest changes into jobs, one a row and embedding. Returns how many changes it took, and the keys of one embedding whose new jobs it leased to the worker, as _claim_jobs does.';

revoke execute on function sqlembed._fold_changes(integer, text[], integer[], integer[], interval) from public;

create or replace function sqlembed._follow_keys() returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
set lock_timeout = '200ms'
as $function$
declare
    declared record;
begin
    for declared in
        select e.id, e.relation, e.name, k.columns, k.types, k.expression
        from sqlembed.embedding as e
        cross join lateral (
            select
                k.columns,
                array(
                    select a.atttypid::regtype
                    from unnest(k.columns) with ordinality as c (name, position)
                    join pg_attribute as a on a.attrelid = e.relation and a.attname = c.name and not a.attisdropped
                    order by c.position
                ) as types,
                k.expression
            from sqlembed._key_sql(e.relation) as k
        ) as k
        where k.columns is not null and (k.columns, k.types) is distinct from (e.key_columns, e.key_types)
    loop
        update sqlembed.embedding as e
        set key_columns = declared.columns, key_types = declared.types, key_expression = declared.expression
        where e.id = declared.id;
        perform sqlembed._make_note_function(declared.id);
        -- What was written in between has not been noted.
        execute format(
            'insert into sqlembed.change (embedding, key) select %s, %s from %s as r where r.%I is null',
            declared.id, declared.expression, declared.relation, declared.name
        );
    end loop;
exception when lock_not_available then
    -- Next time, then.
    null;
end
$function$;

comment on function sqlembed._follow_keys() is
    'Follow primary keys whose columns were renamed or changed their types.';

revoke execute on function sqlembed._follow_keys() from public;

create or replace function sqlembed._leave_epoch(worker integer, next integer) returns void
language sql
volatile
set search_path = pg_catalog, pg_temp
as $function$
    select pg_advisory_unlock(
        sqlembed._lock('epoch'),
        sqlembed._epoch_key(_leave_epoch.worker, (_leave_epoch.next + 65535) % 65536)
    )
$function$;

comment on function sqlembed._leave_epoch(integer, integer) is
    'Let go of the lock that callers wait for, once the answers are committed.';

revoke execute on function sqlembed._leave_epoch(integer, integer) from public;

create or replace function sqlembed._next_epoch(worker integer) returns integer
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    upcoming integer;
begin
    select (w.epoch + 1) % 65536 into upcoming from sqlembed.worker_process as w where w.id = _next_epoch.worker;
    -- Taken before the answers are visible: whoever sees the new epoch finds its lock held. Never
    -- waited for: advisory locks are everybody's, and one that a stranger holds would stop the worker.
    if not pg_try_advisory_lock(sqlembed._lock('epoch'), sqlembed._epoch_key(_next_epoch.worker, upcoming)) then
        return null;
    end if;
    update sqlembed.worker_process as w set epoch = upcoming where w.id = _next_epoch.worker;
    return upcoming;
end
$function$;

comment on function sqlembed._next_epoch(integer) is
    'Open a worker''s next epoch, in the transaction that stores answers. After its commit the worker calls _leave_epoch. NULL when it could not: then callers find their answer at their next look.';

revoke execute on function sqlembed._next_epoch(integer) from public;

create or replace function sqlembed._read_cache(fingerprint text, kind text, hashes bytea[])
returns table (input_hash bytea, embedding public.vector)
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    select c.input_hash, c.embedding
    from sqlembed.cache as c
    where c.fingerprint = _read_cache.fingerprint
        and c.kind = _read_cache.kind
        and c.input_hash = any (_read_cache.hashes)
$function$;

comment on function sqlembed._read_cache(text, text, bytea[]) is 'Vectors already computed, by the sha256 of their texts.';

revoke execute on function sqlembed._read_cache(text, text, bytea[]) from public;

create or replace function sqlembed._release_jobs(
    worker integer,
    embedding integer,
    keys jsonb[],
    delay interval,
    error text default null
)
returns void
language sql
volatile
set search_path = pg_catalog, pg_temp
-- Rows are found one by one through the primary key: the queue's size changes too fast for the
-- planner's statistics, and the wrong join takes seconds.
set enable_seqscan = off
set enable_bitmapscan = off
as $function$
    update sqlembed.job as j
    set
        locked_until = null,
        worker = null,
        not_before = clock_timestamp() + _release_jobs.delay,
        error = coalesce(_release_jobs.error, j.error)
    where j.ctid = any (
        array(
            select h.ctid
            from unnest(_release_jobs.keys) as k (key)
            cross join lateral (
                select j.ctid
                from sqlembed.job as j
                where j.embedding = _release_jobs.embedding and j.key = k.key and j.worker = _release_jobs.worker
                for update skip locked
            ) as h
        )
    )
$function$;

comment on function sqlembed._release_jobs(integer, integer, jsonb[], interval, text) is
    'Give jobs back, to be tried again after a delay: no row is charged.';

revoke execute on function sqlembed._release_jobs(integer, integer, jsonb[], interval, text) from public;

create or replace function sqlembed._renew_leases(worker integer, embedding integer, keys jsonb[], lease interval)
returns void
language sql
volatile
set search_path = pg_catalog, pg_temp
-- Rows are found one by one through the primary key: the queue's size changes too fast for the
-- planner's statistics, and the wrong join takes seconds.
set enable_seqscan = off
set enable_bitmapscan = off
as $function$
    update sqlembed.job as j
    set locked_until = clock_timestamp() + _renew_leases.lease
    where j.ctid = any (
        array(
            select h.ctid
            from unnest(_renew_leases.keys) as k (key)
            cross join lateral (
                select j.ctid
                from sqlembed.job as j
                where j.embedding = _renew_leases.embedding and j.key = k.key and j.worker = _renew_leases.worker
                for update skip locked
            ) as h
        )
    )
$function$;

comment on function sqlembed._renew_leases(integer, integer, jsonb[], interval) is
    'Keep the jobs that a worker has in hand from being leased to another.';

revoke execute on function sqlembed._renew_leases(integer, integer, jsonb[], interval) from public;

create or replace function sqlembed._start_worker(name text, embedders text[]) returns integer
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    worker integer;
begin
    delete from sqlembed.worker_process as w where not sqlembed._is_alive(w.id);
    loop
        insert into sqlembed.worker_process (name, embedders)
        values (_start_worker.name, _start_worker.embedders)
        returning worker_process.id into worker;
        -- Held by the session, so that the death of the process ends it. Never waited for: a lock
        -- that a stranger holds already belongs to a number that is left out.
        exit when pg_try_advisory_lock(sqlembed._lock('presence'), worker);
        delete from sqlembed.worker_process as w where w.id = worker;
    end loop;
    perform pg_try_advisory_lock(sqlembed._lock('epoch'), sqlembed._epoch_key(worker, 0));
    return worker;
end
$function$;

comment on function sqlembed._start_worker(text, text[]) is
    'Sign a worker in: its row, its presence lock and the lock of its first epoch. Rows of dead workers go.';

revoke execute on function sqlembed._start_worker(text, text[]) from public;

create or replace function sqlembed._stop_worker(worker integer) returns void
language sql
volatile
set search_path = pg_catalog, pg_temp
as $function$
    with held as materialized (
        select j.embedding, j.key
        from sqlembed.job as j
        where j.worker = _stop_worker.worker
        for update skip locked
    )
    update sqlembed.job as j
    set locked_until = null, worker = null
    from held as h
    where j.embedding = h.embedding and j.key = h.key;
    delete from sqlembed.worker_process as w where w.id = _stop_worker.worker;
$function$;

comment on function sqlembed._stop_worker(integer) is
    'Sign a worker out and give back the jobs it has in hand.';

revoke execute on function sqlembed._stop_worker(integer) from public;

create or replace function sqlembed._sweep(cache_rows bigint) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
begin
    delete from sqlembed.request as r where r.asked_at < clock_timestamp() - interval '30 s';
    delete from sqlembed.cache as c
    where c.used_at <= (select d.used_at from sqlembed.cache as d order by d.used_at desc offset _sweep.cache_rows limit 1);

    -- A lease ends with its worker, and with its time.
    with living as materialized (
        select w.id from sqlembed.worker_process as w where sqlembed._is_alive(w.id)
    ),
    left_behind as materialized (
        select j.embedding, j.key
        from sqlembed.job as j
        where j.worker <> all (array(select l.id from living as l)) or j.locked_until < clock_timestamp()
        for update skip locked
    )
    update sqlembed.job as j
    set locked_until = null, worker = null
    from left_behind as b
    where j.embedding = b.embedding and j.key = b.key;

    -- PostgreSQL tells only superusers that a table or a column was dropped: look for them.
    delete from sqlembed.embedding as e
    where not exists (
        select
        from pg_attribute as a
        where a.attrelid = e.relation and a.attname = e.name and not a.attisdropped
    );
    perform sqlembed._follow_keys();
    perform sqlembed._drop_note_function(substr(p.proname, length('_note_') + 1)::integer)
    from pg_proc as p
    where p.pronamespace = 'sqlembed'::regnamespace
        and p.proname ~ '^_note_[0-9]+$'
        and not exists (select from sqlembed.embedding as e where p.proname = '_note_' || e.id);
    with orphans as materialized (
        select j.embedding, j.key
        from sqlembed.job as j
        where j.embedding not in (select e.id from sqlembed.embedding as e)
        for update skip locked
    )
    delete from sqlembed.job as j
    using orphans as o
    where j.embedding = o.embedding and j.key = o.key;
    delete from sqlembed.failed_job as f
    where f.embedding not in (select e.id from sqlembed.embedding as e);
end
$function$;

comment on function sqlembed._sweep(bigint) is
    'Housekeeping: old requests, the oldest of the cache beyond a number of rows, leases of workers that are dead or stuck, embeddings whose table or column was dropped, and what belongs to embeddings that are no more.';

revoke execute on function sqlembed._sweep(bigint) from public;

create or replace function sqlembed._take_requests(worker integer, most integer)
returns table (id bigint, embedder text, kind text, inputs text[])
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
begin
    -- Callers ask again every 100 ms; one that has not for a second is gone.
    delete from sqlembed.request as r
    where r.worker = _take_requests.worker
        and not r.done
        and r.asked_at < clock_timestamp() - interval '1 s';
    return query
    select r.id, r.embedder, r.kind, r.inputs
    from sqlembed.request as r
    where r.worker = _take_requests.worker and not r.done
    order by r.id
    limit _take_requests.most;
end
$function$;

comment on function sqlembed._take_requests(integer, integer) is
    'Requests that wait for a worker; those nobody asks for any more are dropped.';

revoke execute on function sqlembed._take_requests(integer, integer) from public;

create or replace function sqlembed._write_cache(fingerprint text, kind text, hashes bytea[], vectors public.vector[])
returns void
language sql
volatile
set search_path = pg_catalog, pg_temp
as $function$
    insert into sqlembed.cache (fingerprint, kind, input_hash, embedding)
    select distinct on (u.hash) _write_cache.fingerprint, _write_cache.kind, u.hash, u.vector
    from unnest(_write_cache.hashes, _write_cache.vectors) as u (hash, vector)
    order by u.hash
    on conflict (fingerprint, kind, input_hash) do update
    set used_at = clock_timestamp()
$function$;

comment on function sqlembed._write_cache(text, text, bytea[], public.vector[]) is
    'Keep vectors for the next time the same texts are asked for.';

revoke execute on function sqlembed._write_cache(text, text, bytea[], public.vector[]) from public;

create or replace function sqlembed._after_key(relation regclass, row_name text, key jsonb) returns text
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    part record;
    before text := '';
    condition text;
begin
    perform sqlembed._check_key(_after_key.relation, 'after_key', _after_key.key);
    -- By the operators of the key's own index, which is what "order by" goes by.
    for part in
        select
            format('%s.%I', _after_key.row_name, a.attname) as expression,
            format(
                case
                    -- A key names a moment in UTC without saying so; a client's own jsonb says it.
                    when a.atttypid = 'timestamptz'::regtype
                    then '(case when $4 operator(pg_catalog.->>) %1$s operator(pg_catalog.~) '':\d\d(\.\d+)?(Z|[+-]\d\d(:?\d\d)?)$'' '
                        'then ($4 operator(pg_catalog.->>) %1$s)::pg_catalog.timestamptz '
                        'else pg_catalog.timezone(''UTC'', ($4 operator(pg_catalog.->>) %1$s)::pg_catalog.timestamp) end)'
                    else '($4 operator(pg_catalog.->>) %1$s)::%2$s'
                end,
                k.position - 1,
                format_type(a.atttypid, -1)
            ) as value,
            (
                select format('operator(%I.%s)', n.nspname, p.oprname)
                from pg_operator as p
                join pg_namespace as n on n.oid = p.oprnamespace
                where p.oid = (
                    select m.amopopr
                    from pg_amop as m
                    where m.amopfamily = c.opcfamily
                        and m.amopstrategy = 3
                        and m.amoplefttype = c.opcintype
                        and m.amoprighttype = c.opcintype
                )
            ) as equal,
            (
                select format('operator(%I.%s)', n.nspname, p.oprname)
                from pg_operator as p
                join pg_namespace as n on n.oid = p.oprnamespace
                where p.oid = (
                    select m.amopopr
                    from pg_amop as m
                    where m.amopfamily = c.opcfamily
                        and m.amopstrategy = 5
                        and m.amoplefttype = c.opcintype
                        and m.amoprighttype = c.opcintype
                )
            ) as greater
        from pg_index as i
        cross join unnest(i.indkey, i.indclass) with ordinality as k (attnum, operator_class, position)
        join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = k.attnum
        join pg_opclass as c on c.oid = k.operator_class
        where i.indrelid = _after_key.relation and i.indisprimary and k.position <= i.indnkeyatts
        order by k.position
    loop
        condition := concat_ws(' or ', condition, format('%s%s %s %s', before, part.expression, part.greater, part.value));
        before := format('%s%s %s %s and ', before, part.expression, part.equal, part.value);
    end loop;
    return condition;
end
$function$;

comment on function sqlembed._after_key(regclass, text, jsonb) is
    'The condition that the key of a row comes after the key $4, in the order of the primary key.';

create or replace function sqlembed._attempt(
    function_name text,
    source anyelement,
    query public.vector,
    k integer,
    name name,
    filter text,
    mode text,
    metric text,
    diversity double precision,
    after_distance double precision,
    after_key jsonb,
    excluded tid,
    excluded_table oid,
    with_vectors boolean
)
returns table (
    base anyelement,
    distance double precision,
    attempt integer,
    embedding public.vector
)
language plpgsql
stable
rows 10
as $function$
declare
    checked boolean := sqlembed._check_search(
        _attempt.k, _attempt.filter, _attempt.mode, _attempt.diversity, _attempt.after_distance, _attempt.after_key
    );
    target sqlembed.search_target;
    path sqlembed.search_path;
    conditions text;
    found_rows bigint := 0;
    settings text[];
    ignored text;
    problem text;
    pg_hint text;
begin
    target := sqlembed._search_target(_attempt.function_name, _attempt.source, _attempt.name, _attempt.metric);
    -- Besides, a function of pgvector has to run before its settings are there.
    if public.vector_dims(_attempt.query) is null then
        return;
    end if;
    if _attempt.diversity is not null then
        return query
        select d.base, d.distance, 1, null::public.vector
        from sqlembed._diverse(
            _attempt.function_name, _attempt.source, _attempt.query, _attempt.k, _attempt.name, _attempt.filter,
            _attempt.mode, target.metric, _attempt.diversity, _attempt.excluded, _attempt.excluded_table
        ) as d;
        return;
    end if;

    conditions := sqlembed._search_conditions(
        target, _attempt.filter, _attempt.after_distance, _attempt.after_key, _attempt.excluded
    );
    path := sqlembed._search_path(
        target, _attempt.query, _attempt.k, _attempt.mode, conditions, _attempt.after_distance, _attempt.after_key,
        _attempt.excluded, _attempt.excluded_table
    );

    if not path.is_exact then
        settings := sqlembed._enter_search(path);
        return query execute sqlembed._search_statement(target, conditions, 1, path.visits, _attempt.with_vectors)
        using _attempt.query, _attempt.k, _attempt.after_distance, _attempt.after_key, _attempt.excluded,
            _attempt.excluded_table;
        get diagnostics found_rows = row_count;
        ignored := sqlembed._leave_search(settings);
    end if;
    -- An index may give up before it has found k of the rows that pass the filter.
    if found_rows operator(pg_catalog.<) _attempt.k then
        return query execute sqlembed._search_statement(target, conditions, 2, null, _attempt.with_vectors)
        using _attempt.query, _attempt.k, _attempt.after_distance, _attempt.after_key, _attempt.excluded,
            _attempt.excluded_table;
    end if;
exception
    when others then
        get stacked diagnostics problem = message_text, pg_hint = pg_exception_hint;
        perform sqlembed._explain_failure(
            sqlstate, problem, pg_hint, target.relation, _attempt.filter, public.vector_dims(_attempt.query)
        );
        raise;
end
$function$;

comment on function sqlembed._attempt(
    text, anyelement, public.vector, integer, name, text, text, text, double precision, double precision, jsonb, tid,
    oid, boolean
) is
    'Rows that a vector index finds as attempt 1, and where those are fewer than k, the rows found without it as attempt 2. The filter runs with the rights and the search_path of the caller.';

create or replace function sqlembed._check_key(relation regclass, argument text, key jsonb) returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    columns name[] := (select k.columns from sqlembed._key_sql(_check_key.relation) as k);
begin
    if columns is null then
        raise exception 'sqlembed: % has no primary key, so no row of it has a key', _check_key.relation
            using errcode = 'SE010', hint = 'Give the table that it reads from, or add a primary key.';
    end if;
    if jsonb_typeof(_check_key.key) is distinct from 'array'
        or jsonb_array_length(_check_key.key) <> cardinality(columns)
        or _check_key.key @> '[null]'
    then
        raise exception 'sqlembed: % is no key of %: %',
            _check_key.argument, _check_key.relation, coalesce(_check_key.key::text, 'NULL')
            using errcode = 'SE014',
                hint = format(
                    'A key is a jsonb array of the primary key''s values: jsonb_build_array(%s).',
                    (select string_agg(quote_ident(c), ', ') from unnest(columns) as c)
                );
    end if;
end
$function$;

comment on function sqlembed._check_key(regclass, text, jsonb) is
    'An error when a jsonb value has not the form of a key of the table.';

create or replace function sqlembed._check_search(
    k integer,
    filter text,
    mode text,
    diversity double precision,
    after_distance double precision,
    after_key jsonb
)
returns boolean
language plpgsql
immutable
as $function$
begin
    if _check_search.mode in ('vector', 'exact')
        and _check_search.k operator(pg_catalog.>=) 1
        and (_check_search.k operator(pg_catalog.<=) 1000 or _check_search.mode operator(pg_catalog.=) 'exact')
        and (_check_search.filter is null or not sqlembed._blank(_check_search.filter))
        and _check_search.diversity is null
        and _check_search.after_distance is null
        and _check_search.after_key is null
    then
        return true;
    end if;

    perform sqlembed._check_choice('mode', _check_search.mode, '{vector,exact}', '{hybrid}');
    if (_check_search.k operator(pg_catalog.>=) 1) is not true then
        raise exception 'sqlembed: k must be 1 or more, not %', coalesce(_check_search.k::text, 'NULL')
            using errcode = 'SE014', hint = 'k is the number of rows to find.';
    end if;
    if _check_search.k operator(pg_catalog.>) 1000 and _check_search.mode operator(pg_catalog.<>) 'exact' then
        raise exception 'sqlembed: k must be 1000 or less, not %', _check_search.k
            using errcode = 'SE014', hint = 'With mode => ''exact'' it may be larger.';
    end if;
    if sqlembed._blank(_check_search.filter) and _check_search.filter is not null then
        raise exception 'sqlembed: the filter is empty'
            using errcode = 'SE015', hint = 'To search all rows, leave it out or give NULL.';
    end if;
    if _check_search.diversity is not null then
        if (_check_search.diversity between 0 and 1) is not true then
            raise exception 'sqlembed: diversity must be between 0 and 1, not %', _check_search.diversity
                using errcode = 'SE014', hint = '0 is the nearest rows, 1 the most unlike each other; 0.5 is a fair start.';
        end if;
        if _check_search.k operator(pg_catalog.>) 1000 then
            raise exception 'sqlembed: with diversity k must be 1000 or less, not %', _check_search.k
                using errcode = 'SE014', hint = 'Leave diversity out.';
        end if;
        if _check_search.after_distance is not null or _check_search.after_key is not null then
            raise exception 'sqlembed: rows chosen for diversity have no next page'
                using errcode = 'SE014', hint = 'Ask for a larger k, or leave diversity out.';
        end if;
    end if;
    if (_check_search.after_distance is null) operator(pg_catalog.<>) (_check_search.after_key is null) then
        raise exception 'sqlembed: after_distance and after_key belong together'
            using errcode = 'SE014',
                hint = 'Give those of the last row seen: after_distance => distance, after_key => jsonb_build_array((base).id).';
    end if;
    return true;
end
$function$;

comment on function sqlembed._check_search(integer, text, text, double precision, double precision, jsonb) is
    'True, or the error for arguments that no search can have.';

create or replace function sqlembed._choose_diverse(
    distances double precision[],
    vectors public.vector[],
    k integer,
    diversity double precision,
    metric text
)
returns integer[]
language plpgsql
immutable
as $function$
declare
    chosen integer[] := '{}';
    -- How far each candidate is from the nearest of those that were chosen.
    apart double precision[];
    next integer;
begin
    -- Maximal marginal relevance (Carbonell and Goldstein 1998), with minus the distance for a similarity.
    for round in 1..least(_choose_diverse.k, coalesce(pg_catalog.cardinality(_choose_diverse.distances), 0)) loop
        select c.number
        into next
        from rows from (
            pg_catalog.unnest(_choose_diverse.distances), pg_catalog.unnest(apart)
        ) with ordinality as c (distance, apart, number)
        where c.number operator(pg_catalog.<>) all (chosen)
        order by
            (1 operator(pg_catalog.-) _choose_diverse.diversity) operator(pg_catalog.*) c.distance
                operator(pg_catalog.-) (_choose_diverse.diversity operator(pg_catalog.*) coalesce(c.apart, 0)),
            -- Where relevance counts for nothing the nearest still comes first.
            c.number
        limit 1;
        chosen := chosen operator(pg_catalog.||) next;
        apart := array(
            select least(
                c.apart, sqlembed.distance(c.vector, _choose_diverse.vectors[next], _choose_diverse.metric)
            )
            from rows from (
                pg_catalog.unnest(_choose_diverse.vectors), pg_catalog.unnest(apart)
            ) with ordinality as c (vector, apart, number)
            order by c.number
        );
    end loop;
    return chosen;
end
$function$;

comment on function sqlembed._choose_diverse(double precision[], public.vector[], integer, double precision, text) is
    'Numbers of k candidates, each of them near to the query and far from those chosen before it; diversity 0 counts nearness alone, 1 distance from each other alone.';

create or replace function sqlembed._diverse(
    function_name text,
    source anyelement,
    query public.vector,
    k integer,
    name name,
    filter text,
    mode text,
    metric text,
    diversity double precision,
    excluded tid,
    excluded_table oid
)
returns table (base anyelement, distance double precision)
language plpgsql
stable
rows 10
as $function$
declare
    near record;
    chosen integer[];
begin
    select
        pg_catalog.array_agg(a.base order by a.number) as bases,
        pg_catalog.array_agg(a.distance order by a.number) as distances,
        pg_catalog.array_agg(a.embedding order by a.number) as vectors
    into near
    from (
        select t.*, pg_catalog.max(t.attempt) over () as last_attempt
        from sqlembed._attempt(
            _diverse.function_name, _diverse.source, _diverse.query,
            -- To choose from.
            least(1000, greatest(50, 5 operator(pg_catalog.*) _diverse.k)), _diverse.name, _diverse.filter,
            _diverse.mode, _diverse.metric, null, null, null, _diverse.excluded, _diverse.excluded_table, true
        ) with ordinality as t (base, distance, attempt, embedding, number)
    ) as a
    where a.attempt operator(pg_catalog.=) a.last_attempt and a.distance operator(pg_catalog.<>) 'NaN';
    chosen := sqlembed._choose_diverse(
        near.distances, near.vectors, _diverse.k, _diverse.diversity, _diverse.metric
    );
    return query
    select near.bases[c.number], near.distances[c.number]
    from pg_catalog.unnest(chosen) with ordinality as c (number, place)
    order by c.place;
end
$function$;

comment on function sqlembed._diverse(
    text, anyelement, public.vector, integer, name, text, text, text, double precision, tid, oid
) is
    'k rows out of the 5 k nearest, near to the query and unlike each other, in the order in which they were chosen.';

create or replace function sqlembed._enter_search(path sqlembed.search_path, out before text[])
language plpgsql
stable
as $function$
declare
    -- Assigned to, because PERFORM takes several times as long.
    ignored text;
begin
    -- Those of iterative scans are there since pgvector 0.8.
    before := array[
        pg_catalog.current_setting('hnsw.ef_search'),
        pg_catalog.current_setting('hnsw.iterative_scan', true),
        pg_catalog.current_setting('ivfflat.iterative_scan', true),
        pg_catalog.current_setting('hnsw.max_scan_tuples', true)
    ];
    if before[1]::integer operator(pg_catalog.<) (_enter_search.path).ef_search then
        ignored := pg_catalog.set_config('hnsw.ef_search', (_enter_search.path).ef_search::text, true);
    end if;
    -- So that a scan goes on until k rows pass the filter; relaxed_order finds more of the nearest
    -- than strict_order.
    if before[2] operator(pg_catalog.=) 'off' then
        ignored := pg_catalog.set_config('hnsw.iterative_scan', 'relaxed_order', true);
    end if;
    if before[3] operator(pg_catalog.=) 'off' then
        ignored := pg_catalog.set_config('ivfflat.iterative_scan', 'relaxed_order', true);
    end if;
    -- A limit of the caller's own stands; pgvector's was made for no table in particular.
    if before[4] operator(pg_catalog.=) '20000' and (_enter_search.path).max_scan_tuples is not null then
        ignored := pg_catalog.set_config('hnsw.max_scan_tuples', (_enter_search.path).max_scan_tuples::text, true);
    end if;
end
$function$;

comment on function sqlembed._enter_search(sqlembed.search_path) is
    'Make the settings with which a search goes through an index; gives those from before, for _leave_search.';

create or replace function sqlembed._estimate(
    statement text,
    query public.vector,
    after_distance double precision,
    after_key jsonb,
    excluded tid,
    excluded_table oid,
    out rows double precision,
    out cost double precision
)
language plpgsql
-- PostgreSQL refuses EXPLAIN in functions that are not.
volatile
as $function$
declare
    plan jsonb;
begin
    execute 'explain (format json) ' || _estimate.statement
    into plan
    using _estimate.query, null::integer, _estimate.after_distance, _estimate.after_key, _estimate.excluded,
        _estimate.excluded_table;
    _estimate.rows := plan operator(pg_catalog.#>) '{0,Plan,Plan Rows}';
    _estimate.cost := plan operator(pg_catalog.#>) '{0,Plan,Total Cost}';
end
$function$;

comment on function sqlembed._estimate(text, public.vector, double precision, jsonb, tid, oid) is
    'How many rows a statement gives and what it costs, as PostgreSQL''s planner sees it.';

create or replace function sqlembed._estimated_rows(relation regclass) returns double precision
language sql
stable
as $function$
    select coalesce(pg_catalog.sum(c.reltuples), 0)
    from (
        select _estimated_rows.relation::pg_catalog.oid as oid
        union
        select p.relid from pg_catalog.pg_partition_tree(_estimated_rows.relation) as p where p.isleaf
        union
        select i.inhrelid from pg_catalog.pg_inherits as i where i.inhparent operator(pg_catalog.=) _estimated_rows.relation
    ) as part
    join pg_catalog.pg_class as c on c.oid operator(pg_catalog.=) part.oid
    -- A partitioned table counts its rows a second time, and one that was never analyzed none.
    where c.relkind operator(pg_catalog.<>) 'p' and c.reltuples operator(pg_catalog.>) 0
$function$;

comment on function sqlembed._estimated_rows(regclass) is
    'How many rows a table had when it was last analyzed, its partitions and children included; 0 for a view.';

create or replace function sqlembed._explain_failure(
    state text,
    problem text,
    pg_hint text,
    relation regclass,
    filter text,
    dimensions integer
)
returns void
language plpgsql
stable
as $function$
declare
    gone name;
begin
    -- pgvector has one code for all it refuses. The filter may compare vectors too.
    if _explain_failure.state operator(pg_catalog.=) '22000'
        and _explain_failure.problem operator(pg_catalog.~) '^different [a-z]+ dimensions'
        and (
            _explain_failure.filter is null
            or not exists (
                select
                from pg_catalog.pg_attribute as a
                where a.attrelid operator(pg_catalog.=) _explain_failure.relation
                    and a.atttypid in ('public.vector'::pg_catalog.regtype, 'public.halfvec'::pg_catalog.regtype)
                    and a.atttypmod operator(pg_catalog.=) _explain_failure.dimensions
            )
        )
    then
        raise exception 'sqlembed: the query has % dimensions, unlike vectors of %',
            _explain_failure.dimensions, _explain_failure.relation
            using errcode = 'SE014',
                detail = _explain_failure.problem,
                hint = 'Only vectors of one embedder are comparable. A filter can leave out others: vector_dims(column) = 3.';
    end if;
    -- The column was dropped or renamed, which the catalogue of embeddings does not notice.
    if _explain_failure.state operator(pg_catalog.=) '42703' then
        select e.name
        into gone
        from sqlembed.embedding as e
        where e.relation operator(pg_catalog.=) _explain_failure.relation
            and not exists (
                select
                from pg_catalog.pg_attribute as a
                where a.attrelid operator(pg_catalog.=) e.relation
                    and a.attname operator(pg_catalog.=) e.name
                    and not a.attisdropped
            );
        if found then
            raise exception 'sqlembed: column % of % is not there any more',
                pg_catalog.quote_ident(gone), _explain_failure.relation
                using errcode = 'SE013',
                    hint = pg_catalog.format(
                        'select sqlembed.drop_embedding(%L, %L), and declare it anew.', _explain_failure.relation, gone
                    );
        end if;
    end if;
    -- Syntax, names, types, values, and what functions raise; but not rights, cancelling, locks, space or our own.
    if _explain_failure.filter is not null
        and _explain_failure.state operator(pg_catalog.~) '^(0A|21|22|42|P0)'
        and _explain_failure.state operator(pg_catalog.<>) '42501'
    then
        raise exception 'sqlembed: the filter is not valid: %', _explain_failure.problem
            using errcode = 'SE015',
                hint = pg_catalog.concat_ws(
                    ' ',
                    nullif(_explain_failure.pg_hint, ''),
                    pg_catalog.format('A filter is a condition on one row of %s, such as: id > 10.', _explain_failure.relation)
                );
    end if;
end
$function$;

comment on function sqlembed._explain_failure(text, text, text, regclass, text, integer) is
    'Raise the error of a search again, in words, where the vectors or the filter are to blame for it; otherwise nothing.';

create or replace function sqlembed._leave_search(before text[]) returns void
language plpgsql
stable
as $function$
declare
    ignored text;
begin
    -- An error undoes settings by itself, the end of a function only those that it was created with.
    ignored := pg_catalog.set_config('hnsw.ef_search', _leave_search.before[1], true);
    if _leave_search.before[2] operator(pg_catalog.=) 'off' then
        ignored := pg_catalog.set_config('hnsw.iterative_scan', 'off', true);
    end if;
    if _leave_search.before[3] operator(pg_catalog.=) 'off' then
        ignored := pg_catalog.set_config('ivfflat.iterative_scan', 'off', true);
    end if;
    if _leave_search.before[4] operator(pg_catalog.=) '20000' then
        ignored := pg_catalog.set_config('hnsw.max_scan_tuples', '20000', true);
    end if;
end
$function$;

comment on function sqlembed._leave_search(text[]) is 'Bring back the settings from before _enter_search.';

create or replace function sqlembed._nearest(
    function_name text,
    source anyelement,
    query public.vector,
    k integer,
    name name,
    filter text,
    mode text,
    metric text default null,
    diversity double precision default null,
    after_distance double precision default null,
    after_key jsonb default null,
    excluded tid default null,
    excluded_table oid default null
)
returns table (base anyelement, distance double precision, score double precision, chunk text)
language sql
stable
rows 10
as $function$
    -- Inlined into the searches. An attempt that found too few rows is void, and where there is no
    -- distance (cosine of a zero vector) there is no neighbour.
    select a.base, a.distance, null::pg_catalog.float8, null::pg_catalog.text
    from (
        select t.*, pg_catalog.max(t.attempt) over () as last_attempt
        from sqlembed._attempt(
            _nearest.function_name, _nearest.source, _nearest.query, _nearest.k, _nearest.name, _nearest.filter,
            _nearest.mode, _nearest.metric, _nearest.diversity, _nearest.after_distance, _nearest.after_key,
            _nearest.excluded, _nearest.excluded_table, false
        ) with ordinality as t (base, distance, attempt, embedding, number)
    ) as a
    where a.attempt operator(pg_catalog.=) a.last_attempt and a.distance operator(pg_catalog.<>) 'NaN'
    order by a.number
$function$;

comment on function sqlembed._nearest(
    text, anyelement, public.vector, integer, name, text, text, text, double precision, double precision, jsonb, tid, oid
) is
    'The k rows nearest to a vector, nearest first, equal distances in the order of their keys.';

create or replace function sqlembed._refuse_relation(function_name text, given text) returns void
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $function$
begin
    raise exception 'sqlembed: % takes a table as a NULL of its row type', _refuse_relation.function_name
        using errcode = 'SE014',
            hint = format(
                'Write: select (base).*, distance from sqlembed.%s(null::%s, %s).',
                _refuse_relation.function_name,
                case
                    when _refuse_relation.given ~ '^[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?$' then _refuse_relation.given
                    -- What regclass gives is quoted already.
                    when starts_with(_refuse_relation.given, '"') then _refuse_relation.given
                    else coalesce(quote_ident(nullif(_refuse_relation.given, '')), 'article')
                end,
                case _refuse_relation.function_name
                    when 'search' then '''food'''
                    when 'similar' then '''[42]'''
                    else '''[1, 2, 3]'''
                end
            );
end
$function$;

comment on function sqlembed._refuse_relation(text, text) is
    'An error that shows how a table is given to a search.';

create or replace function sqlembed._refuse_undeclared(relation regclass, name name) returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
begin
    if (select c.relkind not in ('r', 'p') from pg_class as c where c.oid = _refuse_undeclared.relation) then
        raise exception 'sqlembed: % is not a table, so it has no embedding', _refuse_undeclared.relation
            using errcode = 'SE013',
                hint = format(
                    'Search the table that it reads from, or: sqlembed.vector_search(null::%s, (select sqlembed.embed(...))).',
                    _refuse_undeclared.relation
                );
    end if;
    -- Always an error, which names those that are declared.
    perform sqlembed._embedding_of(_refuse_undeclared.relation, _refuse_undeclared.name);
end
$function$;

comment on function sqlembed._refuse_undeclared(regclass, name) is
    'The error for a text search in something without the one embedding that was meant.';

create or replace function sqlembed._search_conditions(
    target sqlembed.search_target,
    filter text,
    after_distance double precision,
    after_key jsonb,
    excluded tid
)
returns text
language sql
stable
as $function$
    -- The line break ends a comment at the end of the filter.
    select pg_catalog.concat(
        ' and (' || _search_conditions.filter || E'\n)',
        case
            when _search_conditions.after_distance is not null
            then pg_catalog.format(
                ' and (%1$s operator(pg_catalog.>) $3 or %1$s operator(pg_catalog.=) $3 and (%2$s))',
                (_search_conditions.target).distance,
                sqlembed._after_key(
                    (_search_conditions.target).relation, (_search_conditions.target).row_name, _search_conditions.after_key
                )
            )
        end,
        case
            when _search_conditions.excluded is not null
            then pg_catalog.format(
                ' and not (%1$s.ctid operator(pg_catalog.=) $5 and %1$s.tableoid operator(pg_catalog.=) $6)',
                (_search_conditions.target).row_name
            )
        end
    )
$function$;

comment on function sqlembed._search_conditions(sqlembed.search_target, text, double precision, jsonb, tid) is
    'What rows have to fulfil, to follow "where ... ": the filter, to come after distance $3 and key $4, and not to be the row at place $5 of table $6.';

create or replace function sqlembed._search_path(
    target sqlembed.search_target,
    query public.vector,
    k integer,
    mode text,
    conditions text,
    after_distance double precision,
    after_key jsonb,
    excluded tid,
    excluded_table oid
)
returns sqlembed.search_path
language plpgsql
stable
as $function$
declare
    -- What a row that a graph leads to costs, in the planner's units: measured as 5 at 64 dimensions and
    -- 13 at 384, because such a row is compared with some 30 neighbours of it.
    cost_of_visit double precision;
    path sqlembed.search_path;
    passing record;
    candidates double precision;
begin
    -- On random vectors, the hardest case, 40 candidates had 0.90 of the nearest 10, 100 had 0.99.
    candidates := 60 operator(pg_catalog.+) (4 operator(pg_catalog.*) _search_path.k::pg_catalog.float8);
    path.ef_search := least(1000, candidates);
    if _search_path.mode operator(pg_catalog.=) 'exact' then
        path.is_exact := true;
        path.reason := 'mode => ''exact''';
        return path;
    end if;
    path.is_exact := false;
    if _search_path.conditions operator(pg_catalog.=) '' and not (_search_path.target).is_guarded then
        path.reason := 'every row may be found';
        return path;
    end if;

    cost_of_visit := 4 operator(pg_catalog.+) (public.vector_dims(_search_path.query) operator(pg_catalog./) 50.0);
    path.total_rows := sqlembed._estimated_rows((_search_path.target).relation);
    select e.*
    into passing
    from sqlembed._estimate(
        pg_catalog.format(
            'select from %s where %s is not null%s',
            (_search_path.target).from_clause, (_search_path.target).vector, _search_path.conditions
        ),
        _search_path.query, _search_path.after_distance, _search_path.after_key, _search_path.excluded,
        _search_path.excluded_table
    ) as e;
    path.matching_rows := passing.rows;
    path.total_rows := greatest(path.total_rows, path.matching_rows, 1);
    path.exact_cost := passing.cost;
    -- Longer vectors stand outside of their rows, in several pieces.
    if public.vector_dims(_search_path.query) operator(pg_catalog.>) 500 then
        path.exact_cost := path.exact_cost operator(pg_catalog.+) (2 operator(pg_catalog.*) passing.rows);
    end if;
    -- So many have to be visited before k of them have passed, and as many again for bad luck.
    path.visits := greatest(
        candidates,
        2 operator(pg_catalog.*) _search_path.k operator(pg_catalog.*) path.total_rows
            operator(pg_catalog./) greatest(passing.rows, 1)
    );
    path.is_exact := path.exact_cost operator(pg_catalog.<) (cost_of_visit operator(pg_catalog.*) path.visits);
    path.reason := pg_catalog.format(
        '%s of about %s rows pass: comparing them costs %s, looking for them through an index %s',
        path.matching_rows, path.total_rows, pg_catalog.round(path.exact_cost),
        pg_catalog.round(cost_of_visit operator(pg_catalog.*) path.visits)
    );
    path.ef_search := least(1000, path.visits);
    -- Else an index stops there.
    path.max_scan_tuples := least(2000000000, greatest(20000, 2 operator(pg_catalog.*) path.visits));
    if _search_path.conditions operator(pg_catalog.=) '' then
        -- What a policy or a view hides, PostgreSQL leaves out before anything is counted.
        path.visits := null;
    end if;
    return path;
end
$function$;

comment on function sqlembed._search_path(
    sqlembed.search_target, public.vector, integer, text, text, double precision, jsonb, tid, oid
) is
    'Whether a search goes through an index or compares every row that passes, and the settings with which it goes through an index: from k, the table''s size and how many rows pass as PostgreSQL''s planner sees it.';

create or replace function sqlembed._search_remarks(target sqlembed.search_target) returns text[]
language plpgsql
stable
as $function$
declare
    remarks text[] := '{}';
    counted record;
begin
    if not exists (
        select
        from pg_catalog.pg_index as i
        join pg_catalog.pg_class as c on c.oid operator(pg_catalog.=) i.indexrelid
        join pg_catalog.pg_am as m on m.oid operator(pg_catalog.=) c.relam
        join pg_catalog.pg_opclass as o on o.oid operator(pg_catalog.=) i.indclass[0]
        join pg_catalog.pg_attribute as a
            on a.attrelid operator(pg_catalog.=) i.indrelid and a.attnum operator(pg_catalog.=) i.indkey[0]
        where i.indrelid operator(pg_catalog.=) (_search_remarks.target).relation
            and i.indisvalid
            and m.amname in ('hnsw', 'ivfflat')
            and a.attname operator(pg_catalog.=) (_search_remarks.target).embedding
            and o.opcname::text operator(pg_catalog.~~) case (_search_remarks.target).metric
                when 'cosine' then '%\_cosine\_ops'
                when 'euclidean' then '%\_l2\_ops'
                when 'inner_product' then '%\_ip\_ops'
                else '%\_l1\_ops'
            end
    ) then
        remarks := remarks operator(pg_catalog.||) pg_catalog.format(
            'no index serves the metric %s on %s: every row is compared',
            (_search_remarks.target).metric, (_search_remarks.target).vector
        );
    end if;
    execute pg_catalog.format(
        'select pg_catalog.count(*) as total, pg_catalog.count(*) operator(pg_catalog.-) pg_catalog.count(%s) as missing from %s',
        (_search_remarks.target).vector, (_search_remarks.target).from_clause
    )
    into counted;
    if counted.missing operator(pg_catalog.>) 0 then
        remarks := remarks operator(pg_catalog.||) pg_catalog.format(
            '%s of %s rows have no vector and are not found: view sqlembed.status says whether they wait or are blank',
            counted.missing, counted.total
        );
    end if;
    return remarks;
end
$function$;

comment on function sqlembed._search_remarks(sqlembed.search_target) is
    'What keeps searches of a table from being fast or complete: no index that serves the metric, rows without a vector.';

create or replace function sqlembed._search_statement(
    target sqlembed.search_target,
    conditions text,
    attempt integer,
    visits double precision,
    with_vectors boolean default false
)
returns text
language plpgsql
stable
as $function$
declare
    target sqlembed.search_target := _search_statement.target;
    vector text := case
        when _search_statement.with_vectors then pg_catalog.format('(%s)::public.vector', target.vector)
        else 'null::public.vector'
    end;
    -- The volatile clock makes PostgreSQL put a row together after it has sorted, which reads the
    -- row out of TOAST, and not before.
    late constant text := 'pg_catalog.clock_timestamp() is not null';
    keys text := '';
    order_by text := '';
begin
    if _search_statement.attempt operator(pg_catalog.=) 2 then
        return pg_catalog.format(
            -- Vector indexes answer to the bare operator alone.
            'select case when %1$s then row(%2$s.*)::%3$s end, %4$s, 2, %5$s from %6$s where %7$s is not null%8$s '
            'order by (%4$s) operator(pg_catalog.+) ''0''::pg_catalog.float8%9$s limit $2',
            late, target.row_name, target.row_type, target.distance, vector, target.from_clause, target.vector,
            _search_statement.conditions, ', ' || pg_catalog.array_to_string(target.key_columns, ', ')
        );
    end if;
    for n in 1..coalesce(pg_catalog.cardinality(target.key_columns), 0) loop
        keys := keys || pg_catalog.format(', %s as key_%s', target.key_columns[n], n);
        order_by := order_by || pg_catalog.format(', f.key_%s', n);
    end loop;
    if _search_statement.visits is null then
        return pg_catalog.format(
            'select f.base, f.distance, 1, f.vector from ('
            'select case when %1$s then row(%2$s.*)::%3$s end as base, %4$s as distance, %5$s as vector%6$s '
            'from %7$s where %8$s is not null%9$s order by %4$s limit $2'
            ') as f order by f.distance%10$s',
            late, target.row_name, target.row_type, target.distance, vector, keys, target.from_clause, target.vector,
            _search_statement.conditions, order_by
        );
    end if;
    -- The nearest are looked at one by one, but only so many: all rows that pass may be far away. An
    -- index that is left to go on until k have passed, up to a limit of its own, then gives whatever
    -- it has come across, the nearest or not. The array tells a row that did not pass from one of NULLs.
    return pg_catalog.format(
        'select f.bases[1], f.distance, 1, f.vector from ('
        'select case when %1$s%9$s then array[row(%2$s.*)::%3$s] end as bases, %4$s as distance, %5$s as vector%6$s '
        'from %7$s where %8$s is not null order by %4$s limit %11$s'
        ') as f where f.bases is not null order by f.distance%10$s limit $2',
        late, target.row_name, target.row_type, target.distance, vector, keys, target.from_clause, target.vector,
        _search_statement.conditions, order_by, pg_catalog.ceil(_search_statement.visits)
    );
end
$function$;

comment on function sqlembed._search_statement(sqlembed.search_target, text, integer, double precision, boolean) is
    'A statement that finds the $2 rows nearest to $1, nearest first, equal distances in the order of their keys: row, distance, number of the attempt, and the vector where it is wanted. The first attempt may use a vector index, and looks at no more rows than visits where that is given; the second compares every row.';

create or replace function sqlembed._search_target(
    function_name text,
    source anyelement,
    name name,
    metric text
)
returns sqlembed.search_target
language plpgsql
stable
as $function$
declare
    row_type pg_catalog.regtype := pg_catalog.pg_typeof(_search_target.source);
    seen record;
    target sqlembed.search_target;
    vector_column name;
begin
    select
        c.oid::pg_catalog.regclass as relation,
        c.relname,
        c.relkind,
        c.relrowsecurity or c.relkind operator(pg_catalog.=) 'v' as may_hide,
        i.indexrelid as key_index,
        i.indnkeyatts as key_length,
        d.*
    into seen
    from pg_catalog.pg_type as t
    join pg_catalog.pg_class as c on c.oid operator(pg_catalog.=) t.typrelid and c.relkind operator(pg_catalog.<>) 'c'
    left join pg_catalog.pg_index as i on i.indrelid operator(pg_catalog.=) c.oid and i.indisprimary
    cross join lateral (
        select
            pg_catalog.count(*) as declared,
            pg_catalog.min(e.name::text)::name as name,
            pg_catalog.min(e.metric) as metric,
            pg_catalog.min(e.embedder) as embedder
        from sqlembed.embedding as e
        where e.relation operator(pg_catalog.=) c.oid and e.name operator(pg_catalog.=) coalesce(_search_target.name, e.name)
    ) as d
    where t.oid operator(pg_catalog.=) row_type;
    if seen.relation is null then
        perform sqlembed._refuse_relation(
            _search_target.function_name,
            case when row_type operator(pg_catalog.=) 'regclass'::pg_catalog.regtype then _search_target.source::text end
        );
    end if;

    vector_column := seen.name;
    if seen.declared operator(pg_catalog.<>) 1 then
        if _search_target.function_name operator(pg_catalog.=) 'search' then
            perform sqlembed._refuse_undeclared(seen.relation, _search_target.name);
        end if;
        vector_column := sqlembed._vector_column(seen.relation, _search_target.name);
    end if;

    target.relation := seen.relation;
    target.embedding := vector_column;
    target.embedder := seen.embedder;
    target.metric := coalesce(
        _search_target.metric, case when seen.declared operator(pg_catalog.=) 1 then seen.metric end, 'cosine'
    );
    target.is_guarded := seen.may_hide;
    target.row_type := row_type::text;
    -- The table keeps its name, because a filter may use it.
    target.row_name := pg_catalog.quote_ident(seen.relname);
    target.from_clause := pg_catalog.format('%s as %s', seen.relation, target.row_name);
    target.vector := pg_catalog.format('%s.%I', target.row_name, vector_column);
    target.distance := pg_catalog.format(
        '%s %s $1', target.vector, sqlembed._metric_operator(target.metric)
    );
    for n in 1..coalesce(seen.key_length, 0) loop
        target.key_columns[n] := pg_catalog.format(
            '%s.%s', target.row_name, pg_catalog.pg_get_indexdef(seen.key_index, n, false)
        );
    end loop;
    if target.key_columns is null and seen.relkind in ('r', 'p', 'm') then
        target.key_columns := array[target.row_name || '.tableoid', target.row_name || '.ctid'];
    end if;
    return target;
end
$function$;

comment on function sqlembed._search_target(text, anyelement, name, text) is
    'What a search reads: the table of a row type with its vector column, as parts of SQL in which $1 is the query vector.';

create or replace function sqlembed._vector_column(relation regclass, name name) returns name
language plpgsql
stable
as $function$
declare
    names name[];
begin
    select pg_catalog.array_agg(a.attname order by a.attnum)
    into names
    from pg_catalog.pg_attribute as a
    where a.attrelid operator(pg_catalog.=) _vector_column.relation
        and a.attnum operator(pg_catalog.>) 0
        and not a.attisdropped
        and a.atttypid in ('public.vector'::pg_catalog.regtype, 'public.halfvec'::pg_catalog.regtype);
    if _vector_column.name operator(pg_catalog.=) any (names) then
        return _vector_column.name;
    end if;
    if _vector_column.name is null and pg_catalog.cardinality(names) operator(pg_catalog.=) 1 then
        return names[1];
    end if;
    raise exception 'sqlembed: % has %', _vector_column.relation,
        case
            when _vector_column.name is not null
            then pg_catalog.format('no vector column %I', _vector_column.name)
            when names is null then 'no vector column'
            else 'several vector columns'
        end
        using errcode = 'SE013',
            hint = case
                when names is null then 'A search needs a column of type vector or halfvec.'
                else pg_catalog.format(
                    'Say which, as embedding => ''...'': %s.',
                    (
                        select pg_catalog.string_agg(pg_catalog.quote_ident(n.name), ', ' order by n.ordinality)
                        from pg_catalog.unnest(names) with ordinality as n (name, ordinality)
                    )
                )
            end;
end
$function$;

comment on function sqlembed._vector_column(regclass, name) is
    'A vector column of a relation, by name or the only one.';

create or replace function sqlembed._vector_of_row(
    target sqlembed.search_target,
    key jsonb,
    out vector public.vector,
    out place tid,
    out place_table oid
)
language plpgsql
stable
as $function$
declare
    relation regclass := (_vector_of_row.target).relation;
begin
    perform sqlembed._check_key(relation, 'key', _vector_of_row.key);
    begin
        execute pg_catalog.format(
            'select r.ctid, r.tableoid from %s as r cross join (select $1 as key) as k where %s',
            relation, (select s.match from sqlembed._key_sql(relation) as s)
        )
        into _vector_of_row.place, _vector_of_row.place_table
        using _vector_of_row.key;
    exception
        when data_exception then
            raise exception 'sqlembed: key % does not fit %: %', _vector_of_row.key, relation, sqlerrm
                using errcode = 'SE014', hint = 'Give the values of the primary key, in its order.';
    end;
    if _vector_of_row.place is null then
        raise exception 'sqlembed: % has no row with the key %', relation, _vector_of_row.key
            using errcode = 'SE014', hint = 'It may be gone, or hidden by row level security.';
    end if;
    execute pg_catalog.format(
        'select (%1$s)::public.vector from %2$s '
        'where %3$s.ctid operator(pg_catalog.=) $1 and %3$s.tableoid operator(pg_catalog.=) $2',
        (_vector_of_row.target).vector, (_vector_of_row.target).from_clause, (_vector_of_row.target).row_name
    )
    into _vector_of_row.vector
    using _vector_of_row.place, _vector_of_row.place_table;
    if _vector_of_row.vector is null then
        raise exception 'sqlembed: the row with the key % of % has no vector', _vector_of_row.key, relation
            using errcode = 'SE013',
                hint = 'Either it waits for a worker (call sqlembed.wait_until_embedded), or there is no text in it.';
    end if;
end
$function$;

comment on function sqlembed._vector_of_row(sqlembed.search_target, jsonb) is
    'The vector of the row with a key, and where the row is; an error when there is no such row or no vector.';

create or replace function sqlembed.explain_search(
    relation anyelement,
    query public.vector,
    k integer default 10,
    embedding name default null,
    filter text default null,
    mode text default 'vector',
    metric text default null,
    out path text,
    out reason text,
    out index_name text,
    out rows_found bigint,
    out rows_visited bigint,
    out total_rows bigint,
    out matching_rows bigint,
    out selectivity double precision,
    out ef_search integer,
    out iterative_scan text,
    out max_scan_tuples integer,
    out milliseconds double precision,
    out remarks text[]
)
language plpgsql
-- PostgreSQL refuses EXPLAIN in functions that are not.
volatile
as $function$
declare
    checked boolean := sqlembed._check_search(
        explain_search.k, explain_search.filter, explain_search.mode, null, null, null
    );
    target sqlembed.search_target := sqlembed._search_target(
        'explain_search', explain_search.relation, explain_search.embedding, explain_search.metric
    );
    chosen sqlembed.search_path;
    conditions text;
    settings text[];
    plan jsonb;
    nodes jsonb;
begin
    perform public.vector_dims('[1]'::public.vector);
    conditions := sqlembed._search_conditions(target, explain_search.filter, null, null, null);
    chosen := sqlembed._search_path(
        target, explain_search.query, explain_search.k, explain_search.mode, conditions, null, null, null, null
    );
    explain_search.reason := chosen.reason;
    explain_search.milliseconds := 0;
    explain_search.rows_visited := 0;
    explain_search.rows_found := 0;
    for attempt in case when chosen.is_exact then 2 else 1 end..2 loop
        if attempt operator(pg_catalog.=) 1 then
            settings := sqlembed._enter_search(chosen);
            explain_search.ef_search := pg_catalog.current_setting('hnsw.ef_search');
            explain_search.iterative_scan := pg_catalog.current_setting('hnsw.iterative_scan', true);
            explain_search.max_scan_tuples := pg_catalog.current_setting('hnsw.max_scan_tuples', true);
        elsif explain_search.path is not null then
            explain_search.path := explain_search.path || ', then exact';
            explain_search.reason := explain_search.reason || '; the first attempt gave too few rows';
        else
            explain_search.path := 'exact';
        end if;
        execute 'explain (analyze, format json) '
            || sqlembed._search_statement(target, conditions, attempt, chosen.visits)
        into plan
        using explain_search.query, explain_search.k, null::pg_catalog.float8, null::jsonb, null::tid, null::oid;
        if attempt operator(pg_catalog.=) 1 then
            perform sqlembed._leave_search(settings);
        end if;
        nodes := pg_catalog.jsonb_path_query_array(plan, 'strict $[0].Plan.** ? (exists (@."Relation Name"))');
        explain_search.rows_found := (plan operator(pg_catalog.#>) '{0,Plan,Actual Rows}')::pg_catalog.float8;
        explain_search.milliseconds := explain_search.milliseconds
            operator(pg_catalog.+) (plan operator(pg_catalog.#>) '{0,Execution Time}')::pg_catalog.float8;
        explain_search.rows_visited := explain_search.rows_visited operator(pg_catalog.+) (
            select coalesce(
                pg_catalog.sum(
                    (
                        (n operator(pg_catalog.->>) 'Actual Rows')::pg_catalog.float8
                        operator(pg_catalog.+)
                        coalesce((n operator(pg_catalog.->>) 'Rows Removed by Filter')::pg_catalog.float8, 0)
                    )
                    operator(pg_catalog.*) (n operator(pg_catalog.->>) 'Actual Loops')::pg_catalog.float8
                ),
                0
            )
            from pg_catalog.jsonb_array_elements(nodes) as n
        );
        if explain_search.path is null then
            -- Only a scan in the order of distances goes through a vector index.
            explain_search.index_name := pg_catalog.jsonb_path_query_first(
                nodes, 'strict $[*] ? (exists (@."Order By"))."Index Name"'
            ) operator(pg_catalog.#>>) '{}';
            explain_search.path := case
                when explain_search.index_name is null then 'exact'
                when chosen.visits is null then 'index'
                else 'iterative'
            end;
            if explain_search.index_name is null and attempt operator(pg_catalog.=) 1 then
                explain_search.reason := 'PostgreSQL finds comparing every row cheaper, or no index serves the search';
            end if;
        end if;
        exit when explain_search.rows_found operator(pg_catalog.>=) explain_search.k
            -- Complete, because every row was compared.
            or explain_search.path operator(pg_catalog.=) 'exact';
    end loop;
    explain_search.total_rows := coalesce(chosen.total_rows, sqlembed._estimated_rows(target.relation));
    explain_search.matching_rows := coalesce(chosen.matching_rows, explain_search.total_rows);
    explain_search.selectivity := explain_search.matching_rows::pg_catalog.float8
        operator(pg_catalog./) nullif(explain_search.total_rows, 0);
    explain_search.remarks := sqlembed._search_remarks(target);
end
$function$;

comment on function sqlembed.explain_search(anyelement, public.vector, integer, name, text, text, text) is
    'Run a search and say which way it took and why: index, iterative (an index that goes on until k rows have passed the filter) or exact; its settings; how many rows there are, pass the filter (both estimated) and were visited; and in remarks what keeps the search from being fast or complete.';

create or replace function sqlembed.explain_search(
    relation anyelement,
    query text,
    k integer default 10,
    embedding name default null,
    filter text default null,
    mode text default 'vector',
    out path text,
    out reason text,
    out index_name text,
    out rows_found bigint,
    out rows_visited bigint,
    out total_rows bigint,
    out matching_rows bigint,
    out selectivity double precision,
    out ef_search integer,
    out iterative_scan text,
    out max_scan_tuples integer,
    out milliseconds double precision,
    out remarks text[]
)
language plpgsql
volatile
as $function$
declare
    target sqlembed.search_target := sqlembed._search_target(
        'search', explain_search.relation, explain_search.embedding, null
    );
    found record;
begin
    if sqlembed._blank(explain_search.query) then
        raise exception 'sqlembed: the query is empty' using errcode = 'SE014', hint = 'Give the text to search for.';
    end if;
    select e.*
    into found
    from sqlembed.explain_search(
        explain_search.relation, sqlembed.embed(target.embedder, explain_search.query), explain_search.k,
        explain_search.embedding, explain_search.filter, explain_search.mode
    ) as e;
    path := found.path;
    reason := found.reason;
    index_name := found.index_name;
    rows_found := found.rows_found;
    rows_visited := found.rows_visited;
    total_rows := found.total_rows;
    matching_rows := found.matching_rows;
    selectivity := found.selectivity;
    ef_search := found.ef_search;
    iterative_scan := found.iterative_scan;
    max_scan_tuples := found.max_scan_tuples;
    milliseconds := found.milliseconds;
    remarks := found.remarks;
end
$function$;

comment on function sqlembed.explain_search(anyelement, text, integer, name, text, text) is
    'As explain_search for a vector; the time of embedding the text is not in milliseconds.';

create or replace function sqlembed.recall(
    relation regclass,
    embedding name default null,
    k integer default 10,
    queries integer default 100
)
returns double precision
language plpgsql
-- Which rows are asked for is left to chance.
volatile
as $function$
declare
    row_type text;
    sampled record;
    found_right bigint := 0;
    right_ones bigint := 0;
    counted record;
begin
    if (recall.queries operator(pg_catalog.>=) 1) is not true then
        raise exception 'sqlembed: queries must be 1 or more, not %', coalesce(recall.queries::text, 'NULL')
            using errcode = 'SE014', hint = 'It is the number of rows to try as queries.';
    end if;
    perform sqlembed._check_search(recall.k, null, 'vector', null, null, null);
    row_type := (
        select c.reltype::pg_catalog.regtype::text
        from pg_catalog.pg_class as c
        where c.oid operator(pg_catalog.=) recall.relation
    );
    for sampled in execute pg_catalog.format(
        'select k.key from (select %s as key from %s as r where r.%I is not null order by pg_catalog.random() limit $1) as k',
        coalesce((select s.expression from sqlembed._key_sql(recall.relation) as s), 'null::pg_catalog.jsonb'),
        recall.relation,
        coalesce(
            recall.embedding,
            (
                select pg_catalog.min(e.name::text)::name
                from sqlembed.embedding as e
                where e.relation operator(pg_catalog.=) recall.relation
                having pg_catalog.count(*) operator(pg_catalog.=) 1
            ),
            sqlembed._vector_column(recall.relation, null)
        )
    )
    using recall.queries
    loop
        -- By distance, so that of rows at equal distances each is as right as the other.
        execute pg_catalog.format(
            'with exact as (select distance from sqlembed.similar(null::%1$s, $1, $2, $3, mode => ''exact'')) '
            'select (select pg_catalog.count(*) from exact) as nearest, '
            '(select pg_catalog.count(*) from sqlembed.similar(null::%1$s, $1, $2, $3) as s '
            'where s.distance operator(pg_catalog.<=) (select pg_catalog.max(distance) from exact)) as found',
            row_type
        )
        into counted
        using sampled.key, recall.k, recall.embedding;
        right_ones := right_ones operator(pg_catalog.+) counted.nearest;
        found_right := found_right operator(pg_catalog.+) counted.found;
    end loop;
    return found_right::pg_catalog.float8 operator(pg_catalog./) nullif(right_ones, 0);
end
$function$;

comment on function sqlembed.recall(regclass, name, integer, integer) is
    'Which part of the k nearest rows a search finds, at its default settings: rows of the table, picked at random, are the queries, each left out of its own result. Exact searches are the measure, so it takes as long as those. NULL where nothing is embedded.';

create or replace function sqlembed.search(
    relation anyelement,
    query text,
    k integer default 10,
    embedding name default null,
    filter text default null,
    mode text default 'vector',
    diversity double precision default null,
    after_distance double precision default null,
    after_key jsonb default null
)
returns table (base anyelement, distance double precision, score double precision, chunk text)
language plpgsql
stable
rows 10
as $function$
declare
    checked boolean := sqlembed._check_search(
        search.k, search.filter, search.mode, search.diversity, search.after_distance, search.after_key
    );
    target sqlembed.search_target := sqlembed._search_target('search', search.relation, search.embedding, null);
    query_vector public.vector;
begin
    if sqlembed._blank(search.query) then
        raise exception 'sqlembed: the query is empty' using errcode = 'SE014', hint = 'Give the text to search for.';
    end if;
    -- Once, and before anything with the filter runs: its errors are its own.
    query_vector := sqlembed.embed(target.embedder, search.query);
    return query
    select n.*
    from sqlembed._nearest(
        'search', search.relation, query_vector, search.k, search.embedding, search.filter, search.mode, null,
        search.diversity, search.after_distance, search.after_key
    ) as n;
end
$function$;

comment on function sqlembed.search(
    anyelement, text, integer, name, text, text, double precision, double precision, jsonb
) is
    'The k rows whose embedding is nearest to a text, nearest first: select (base).title, distance from sqlembed.search(null::article, ''food''). filter is a condition on one row of the table, applied before ranking; mode => ''exact'' compares every row; diversity from 0 to 1 prefers rows unlike each other; after_distance and after_key, those of the last row seen, give the next page.';

create or replace function sqlembed.search(
    relation text,
    query text,
    k integer default 10,
    embedding name default null,
    filter text default null,
    mode text default 'vector',
    diversity double precision default null,
    after_distance double precision default null,
    after_key jsonb default null
)
returns table (base text, distance double precision, score double precision, chunk text)
language plpgsql
immutable
as $function$
begin
    perform sqlembed._refuse_relation('search', search.relation);
end
$function$;

comment on function sqlembed.search(text, text, integer, name, text, text, double precision, double precision, jsonb) is
    'Always an error, which shows how a table is given: as a NULL of its row type.';

create or replace function sqlembed.similar(
    relation anyelement,
    key jsonb,
    k integer default 10,
    embedding name default null,
    filter text default null,
    mode text default 'vector',
    diversity double precision default null,
    after_distance double precision default null,
    after_key jsonb default null
)
returns table (base anyelement, distance double precision, score double precision, chunk text)
language plpgsql
stable
rows 10
as $function$
declare
    checked boolean := sqlembed._check_search(
        "similar".k, "similar".filter, "similar".mode, "similar".diversity, "similar".after_distance,
        "similar".after_key
    );
    target sqlembed.search_target := sqlembed._search_target('similar', "similar".relation, "similar".embedding, null);
    own record;
begin
    own := sqlembed._vector_of_row(target, "similar".key);
    return query
    select n.*
    from sqlembed._nearest(
        'similar', "similar".relation, own.vector, "similar".k, "similar".embedding, "similar".filter,
        "similar".mode, null, "similar".diversity, "similar".after_distance, "similar".after_key, own.place,
        own.place_table
    ) as n;
end
$function$;

comment on function sqlembed.similar(
    anyelement, jsonb, integer, name, text, text, double precision, double precision, jsonb
) is
    'The k rows nearest to a row of the same table, that row left out: select (base).title, distance from sqlembed.similar(null::article, ''[42]''). key is a jsonb array of the primary key''s values; the rest is as in search.';

create or replace function sqlembed.vector_search(
    relation anyelement,
    query public.vector,
    k integer default 10,
    embedding name default null,
    filter text default null,
    mode text default 'vector',
    metric text default null,
    diversity double precision default null,
    after_distance double precision default null,
    after_key jsonb default null
)
returns table (base anyelement, distance double precision, score double precision, chunk text)
language sql
stable
rows 10
as $function$
    -- Inlined into the caller's statement.
    select n.*
    from sqlembed._nearest(
        'vector_search', vector_search.relation, vector_search.query, vector_search.k, vector_search.embedding,
        vector_search.filter, vector_search.mode, vector_search.metric, vector_search.diversity,
        vector_search.after_distance, vector_search.after_key
    ) as n
$function$;

comment on function sqlembed.vector_search(
    anyelement, public.vector, integer, name, text, text, text, double precision, double precision, jsonb
) is
    'As search, for a vector that is at hand; NULL has no neighbours. Any vector column will do, declared as an embedding or not: embedding names it. metric NULL means the declared one, else cosine.';

create or replace function sqlembed.vector_search(
    relation text,
    query public.vector,
    k integer default 10,
    embedding name default null,
    filter text default null,
    mode text default 'vector',
    metric text default null,
    diversity double precision default null,
    after_distance double precision default null,
    after_key jsonb default null
)
returns table (base text, distance double precision, score double precision, chunk text)
language plpgsql
immutable
as $function$
begin
    perform sqlembed._refuse_relation('vector_search', vector_search.relation);
end
$function$;

comment on function sqlembed.vector_search(text, public.vector, integer, name, text, text, text, double precision, double precision, jsonb) is
    'Always an error, which shows how a table is given: as a NULL of its row type.';

create or replace function sqlembed._assigned_sql(name text, rows text, with_distances boolean) returns text
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    model sqlembed.cluster_model := sqlembed._cluster_model(_assigned_sql.name);
begin
    return sqlembed._nearest_sql(
        case when _assigned_sql.with_distances and model.metric = 'cosine' then
            format('select r.id, public.l2_normalize(r.embedding) as embedding from (%s) as r', _assigned_sql.rows)
        else
            _assigned_sql.rows
        end,
        model.metric,
        array(select c.centroid from sqlembed.cluster_centroid as c where c.model = model.name order by c.centroid_id)
    );
end
$function$;

comment on function sqlembed._assigned_sql(text, text, boolean) is
    'SQL that adds to rows (id, embedding) the number of the nearest centroid of a model and the distance to it, which under cosine is right only when asked for.';

create or replace function sqlembed._check_cluster_facts(
    num_rows bigint,
    num_vectors bigint,
    dimensions integer,
    most_dimensions integer,
    greatest_square double precision,
    num_directions bigint
)
returns void
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $function$
begin
    if _check_cluster_facts.num_rows = 0 then
        raise exception 'sqlembed: the query gives no rows to cluster'
            using errcode = 'SE022', hint = 'Run it by itself to see why.';
    elsif _check_cluster_facts.num_vectors = 0 then
        raise exception 'sqlembed: all vectors of the query are NULL'
            using errcode = 'SE022',
                hint = 'They may still have to be computed: select * from sqlembed.status.';
    elsif _check_cluster_facts.num_directions = 0 then
        raise exception 'sqlembed: all vectors of the query are zeros, which have no direction'
            using errcode = 'SE022', hint = 'Under the metric euclidean they have a place.';
    elsif _check_cluster_facts.dimensions <> _check_cluster_facts.most_dimensions then
        raise exception 'sqlembed: the vectors of the query have from % to % dimensions',
            _check_cluster_facts.dimensions, _check_cluster_facts.most_dimensions
            using errcode = 'SE022',
                hint = format(
                    'Take those of one embedder: where vector_dims(embedding) = %s.', _check_cluster_facts.most_dimensions
                );
    elsif _check_cluster_facts.num_directions is null and _check_cluster_facts.greatest_square > 1e37 then
        raise exception 'sqlembed: the vectors of the query are too long for euclidean distances in single precision'
            using errcode = 'SE022', hint = 'Scale them down, or use the metric cosine.';
    end if;
end
$function$;

comment on function sqlembed._check_cluster_facts(bigint, bigint, integer, integer, double precision, bigint) is
    'An error when the rows of a query cannot be clustered. num_directions, vectors that are not all zeros, is NULL where zeros do not matter.';

create or replace function sqlembed._check_dimensions(name text, dimensions integer) returns void
language plpgsql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
declare
    model sqlembed.cluster_model := sqlembed._cluster_model(_check_dimensions.name);
begin
    if model.dimensions <> _check_dimensions.dimensions then
        raise exception 'sqlembed: cluster model % is for vectors of % dimensions, not %',
            quote_literal(model.name), model.dimensions, _check_dimensions.dimensions
            using errcode = 'SE014', hint = 'Give it vectors of the embedder that made those it was fitted on.';
    end if;
end
$function$;

comment on function sqlembed._check_dimensions(text, integer) is
    'An error when there is no such cluster model, or when it is for vectors of other dimensions.';

create or replace function sqlembed._check_kmeans(
    name text,
    num_clusters integer,
    metric text,
    max_iterations integer,
    min_rel_progress double precision,
    seed integer
)
returns void
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $function$
declare
    problem text := case
        when coalesce(_check_kmeans.name, '') = '' then 'a model needs a name'
        when _check_kmeans.num_clusters not between 1 and 1000
            then format('num_clusters => %s is not between 1 and 1000', _check_kmeans.num_clusters)
        when coalesce(_check_kmeans.max_iterations, 0) < 1
            then format('max_iterations => %s is less than 1', coalesce(_check_kmeans.max_iterations::text, 'NULL'))
        -- NaN is greater than every number.
        when coalesce(_check_kmeans.min_rel_progress, -1) not between 0 and 1
            then format('min_rel_progress => %s is not between 0 and 1', coalesce(_check_kmeans.min_rel_progress::text, 'NULL'))
        when _check_kmeans.seed is null then 'seed => NULL is not a number'
    end;
begin
    perform sqlembed._check_choice('metric', _check_kmeans.metric, '{cosine,euclidean}');
    if problem is not null then
        raise exception 'sqlembed: %', problem
            using errcode = 'SE014',
hint = 'Only name and query must be given; the other arguments have defaults, and num_clusters is chosen by the number of rows.';
    end if;
end
$function$;

comment on function sqlembed._check_kmeans(text, integer, text, integer, double precision, integer) is
    'An error when an argument of create_kmeans is not possible.';

create or replace function sqlembed._cluster_facts(
    inout rows text,
    metric text,
    out num_rows bigint,
    out dimensions integer
)
language plpgsql
volatile
as $function$
declare
    found record;
begin
    execute pg_catalog.format(
        $sql$
        select
            pg_catalog.count(*) as num_rows,
            pg_catalog.count(r.embedding) as num_vectors,
            pg_catalog.count(r.embedding) filter (
                where r.square operator(pg_catalog.>) 0 or public.vector_norm(r.embedding) operator(pg_catalog.>) 0
            ) as num_directions,
            pg_catalog.min(r.dimensions) as dimensions,
            pg_catalog.max(r.dimensions) as most_dimensions,
            pg_catalog.min(r.square) as least_square,
            pg_catalog.max(r.square) as greatest_square
        from (
            select r.embedding, public.vector_dims(r.embedding) as dimensions,
                operator(pg_catalog.-) (r.embedding operator(public.<#>) r.embedding) as square
            from (%s) as r
            offset '0'
        ) as r
        $sql$,
        _cluster_facts.rows
    )
    into found;
    perform sqlembed._check_cluster_facts(
        found.num_rows, found.num_vectors, found.dimensions, found.most_dimensions, found.greatest_square,
        case when _cluster_facts.metric operator(pg_catalog.=) 'cosine' then found.num_directions end
    );
    dimensions := found.dimensions;
    num_rows := found.num_vectors;
    if _cluster_facts.metric operator(pg_catalog.<>) 'cosine' then
        rows := pg_catalog.format('select r.id, r.embedding from (%s) as r where r.embedding is not null', rows);
    elsif found.least_square operator(pg_catalog.<) 0.99999::double precision
        or found.greatest_square operator(pg_catalog.>) 1.00001::double precision
    then
        num_rows := found.num_directions;
        rows := pg_catalog.format(
            'select r.id, public.l2_normalize(r.embedding) as embedding from (%s) as r
            where public.vector_norm(r.embedding) operator(pg_catalog.>) 0',
            rows
        );
    else
        rows := pg_catalog.format('select r.id, r.embedding from (%s) as r where r.embedding is not null', rows);
    end if;
end
$function$;

comment on function sqlembed._cluster_facts(text, text) is
    'How many rows (id, embedding) can be clustered and the dimensions of their vectors, and SQL that gives these rows; under cosine as unit vectors, without those of zeros, which have no direction.';

create or replace function sqlembed._cluster_model(name text) returns sqlembed.cluster_model
language plpgsql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
declare
    model sqlembed.cluster_model;
    known text;
begin
    select m.* into model from sqlembed.cluster_model as m where m.name = _cluster_model.name;
    if model.name is null then
        select string_agg(quote_literal(m.name), ', ' order by m.name) into known from sqlembed.cluster_model as m;
        raise exception 'sqlembed: no cluster model %', coalesce(quote_literal(_cluster_model.name), 'NULL')
            using errcode = 'SE020',
                hint = coalesce(
                    'You may use: ' || known || '.',
                    'Make one: select * from sqlembed.create_kmeans(''topics'', ''select id, embedding from article'').'
                );
    end if;
    return model;
end
$function$;

comment on function sqlembed._cluster_model(text) is
    'The model of that name, or an error that names those the caller may use.';

create or replace function sqlembed._cluster_rows(query text) returns text
language plpgsql
stable
as $function$
declare
    body pg_catalog.text := _cluster_rows.query;
    -- A semicolon that ends the query, and what may follow it: blanks and comments.
    ending constant pg_catalog.text := ';(\s|;|--[^\n]*|/\*([^*]|\*+[^*/])*\*+/)*$';
    num_columns bigint;
    vector_type pg_catalog.regtype;
    state pg_catalog.text;
    problem pg_catalog.text;
    pg_hint pg_catalog.text;
begin
    if body is null then
        raise exception 'sqlembed: query => NULL is not a query'
            using errcode = 'SE014', hint = 'Such as: select id, embedding from article.';
    end if;
    for attempt in 1..2 loop
        begin
            -- Planned, but never run: the outer join needs no row of it, only its columns.
            execute pg_catalog.format(
                E'select (select pg_catalog.count(*) from pg_catalog.json_object_keys(pg_catalog.row_to_json(x))),
                    pg_catalog.pg_typeof(x.row_vector), x.row_id::pg_catalog.text
                from (
                    select q.* from (select 1) as one
                    left join (%s\n) as q(row_id, row_vector) on false
                ) as x',
                body
            )
            into num_columns, vector_type;
            state := null;
            exit;
        exception
            when others then
                get stacked diagnostics
                    state = returned_sqlstate, problem = message_text, pg_hint = pg_exception_hint;
                -- Syntax, names and types; but not rights, cancelling, locks or space.
                if state operator(pg_catalog.!~) '^(0A|21|22|42)' or state operator(pg_catalog.=) '42501' then
                    raise;
                end if;
                -- Only now: within quotes it could be part of a text.
                body := pg_catalog.regexp_replace(body, ending, '');
        end;
    end loop;
    if state is not null then
        raise exception 'sqlembed: the query is not valid: %', problem
            using errcode = 'SE014',
                hint = pg_catalog.ltrim(
                    pg_catalog.concat(
                        pg_hint, ' A query to cluster is a SELECT of an id and a vector, such as: select id, embedding from article.'
                    )
                );
    end if;
    if num_columns operator(pg_catalog.<>) 2 then
        raise exception 'sqlembed: the query has % columns instead of two', num_columns
            using errcode = 'SE014', hint = 'The first is an id, the second a vector, such as: select id, embedding from article.';
    end if;
    vector_type := coalesce(
        (
            select t.typbasetype
            from pg_catalog.pg_type as t
            where t.oid operator(pg_catalog.=) vector_type and t.typtype operator(pg_catalog.=) 'd'
        ),
        vector_type
    );
    if vector_type operator(pg_catalog.<>) all (
        array['public.vector'::pg_catalog.regtype, 'public.halfvec'::pg_catalog.regtype]
    ) then
        raise exception 'sqlembed: the second column of the query is of type %, not a vector', vector_type
            using errcode = 'SE014', hint = 'If it holds vectors in another form, cast it: column::vector.';
    end if;
    return pg_catalog.format(
        E'select q.row_id::pg_catalog.text as id, q.row_vector::public.vector as embedding
        from (%s\n) as q(row_id, row_vector)',
        body
    );
end
$function$;

comment on function sqlembed._cluster_rows(text) is
    'SQL that gives the rows of a query of an id and a vector as (id text, embedding vector), or an error that says what the query must be. It is planned, not run.';

create or replace function sqlembed._default_num_clusters(num_rows bigint) returns integer
language sql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
    select least(
        greatest(2, least(100, round(sqrt(_default_num_clusters.num_rows / 2.0)))),
        _default_num_clusters.num_rows
    )::integer
$function$;

comment on function sqlembed._default_num_clusters(bigint) is
    'A number of clusters that people can look through: the root of half the number of rows, from 2 to 100.';

create or replace function sqlembed._distinct_vectors(rows text, at_most integer) returns public.vector[]
language plpgsql
volatile
as $function$
declare
    vectors public.vector[];
begin
    execute pg_catalog.format(
        'select pg_catalog.array_agg(r.embedding order by r.embedding) from (
            select distinct r.embedding from (%s) as r order by r.embedding limit %s
        ) as r',
        _distinct_vectors.rows, _distinct_vectors.at_most
    )
    into vectors;
    return coalesce(vectors, '{}');
end
$function$;

comment on function sqlembed._distinct_vectors(text, integer) is
    'The different vectors of rows (id, embedding), in order.';

create or replace function sqlembed._explain_dimensions(name text, state text, problem text) returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    -- pgvector has one code for all it refuses. The vector of the row stands before the centroid.
    others text := substring(_explain_dimensions.problem from '^different \w+ dimensions (\d+) and \d+$');
begin
    if _explain_dimensions.state = '22000' and others is not null then
        perform sqlembed._check_dimensions(_explain_dimensions.name, others::integer);
    end if;
end
$function$;

comment on function sqlembed._explain_dimensions(text, text, text) is
    'An error in the words of a cluster model when pgvector refused to compare a row with its centroids; else nothing.';

create or replace function sqlembed._kmeans_fit(
    points public.vector[],
    num_clusters integer,
    metric text,
    max_iterations integer,
    min_rel_progress double precision,
    seed integer,
    out centroids public.vector[],
    out iterations integer
)
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    num_points constant integer := cardinality(_kmeans_fit.points);
    -- The points lie in random order. More of them hardly make better first centroids, and most of the
    -- way can be made on a quarter of them.
    first_points constant public.vector[] := _kmeans_fit.points[1:greatest(2000, 20 * _kmeans_fit.num_clusters)];
    quarter constant public.vector[] := _kmeans_fit.points[1:greatest(num_points / 4, 2000, 32 * _kmeans_fit.num_clusters)];
    -- One start in twenty is a percent worse than the others; with many clusters they differ less.
    num_attempts constant integer := case
        when _kmeans_fit.max_iterations > 1 then least(greatest(1, 200 / _kmeans_fit.num_clusters), 3, num_points)
        else 1
    end;
    first_centroids public.vector[];
    moved record;
    best record;
    best_loss double precision;
begin
    centroids := '{}';
    iterations := 0;
    if num_points = 0 then
        return;
    end if;
    for attempt in 1..num_attempts loop
        first_centroids := sqlembed._kmeans_seed(
            first_points, _kmeans_fit.num_clusters, _kmeans_fit.metric, _kmeans_fit.seed, attempt
        );
        if cardinality(first_centroids) < _kmeans_fit.num_clusters and cardinality(first_points) < num_points then
            first_centroids := sqlembed._kmeans_seed(
                _kmeans_fit.points, _kmeans_fit.num_clusters, _kmeans_fit.metric, _kmeans_fit.seed, attempt
            );
        end if;
        moved := sqlembed._kmeans_move(
            quarter, first_centroids, _kmeans_fit.metric, 0, _kmeans_fit.max_iterations / 2,
            5 * _kmeans_fit.min_rel_progress, _kmeans_fit.seed, 0
        );
        if attempt = 1 or moved.loss < best_loss then
            best := moved;
            best_loss := moved.loss;
        end if;
    end loop;
    best := sqlembed._kmeans_move(
        _kmeans_fit.points, best.centroids, _kmeans_fit.metric, best.iterations, _kmeans_fit.max_iterations,
        _kmeans_fit.min_rel_progress, _kmeans_fit.seed, best.gained
    );
    centroids := best.centroids;
    iterations := best.iterations;
end
$function$;

comment on function sqlembed._kmeans_fit(public.vector[], integer, text, integer, double precision, integer) is
    'Centroids of points in random order, and the iterations they took: from the best of several starts on a part of the points, moved on over all. Fewer than num_clusters when there are not so many different points. Under cosine the points are unit vectors.';

create or replace function sqlembed._kmeans_move(
    points public.vector[],
    inout centroids public.vector[],
    metric text,
    inout iterations integer,
    last_iteration integer,
    tolerance double precision,
    seed integer,
    inout gained double precision,
    out loss double precision
)
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    -- A centroid goes so much further than to the mean of its points, which saves a third of the
    -- iterations; from 1 on it swings.
    overshoot constant public.vector := array_fill(0.8::real, array[public.vector_dims(_kmeans_move.points[1])]);
    means public.vector[];
    sizes bigint[];
    previous_sizes bigint[];
    previous_loss double precision;
    gain double precision;
    previous_gain double precision;
    -- The sum of all gains to come, if each shrinks as the last one has, but to three quarters at least:
    -- at first they shrink much faster than later.
    to_come double precision;
begin
    while iterations < _kmeans_move.last_iteration loop
        iterations := iterations + 1;
        select array_agg(s.mean order by s.centroid_id), array_agg(s.cluster_size order by s.centroid_id),
            sum(
                sqlembed._loss_at_mean(
                    _kmeans_move.metric, s.cluster_size, s.sum_distance, s.sum_squared_distance,
                    centroids[s.centroid_id], s.mean
                )
            ) / cardinality(_kmeans_move.points)
        into means, sizes, loss
        from sqlembed._kmeans_step(null, _kmeans_move.points, centroids, _kmeans_move.metric) as s;

        if array_position(means, null) is not null then
            centroids := sqlembed._kmeans_refill(
                null, _kmeans_move.points, centroids, means, _kmeans_move.metric, _kmeans_move.seed + iterations
            );
            means := centroids;
            previous_loss := null;
            previous_gain := null;
            continue;
        end if;
        gain := previous_loss - loss;
        gained := gained + coalesce(gain, 0);
        to_come := case when gain < previous_gain then gain * greatest(gain / (previous_gain - gain), 3) end;
        exit when loss <= 0 or gain <= 0 or to_come < _kmeans_move.tolerance * gained;
        centroids := case
            -- The first move comes from mere points; and when no point has changed sides, the means are
            -- where to stay.
            when iterations = 1 or sizes = previous_sizes then means
            else array(
                select case _kmeans_move.metric when 'cosine' then public.l2_normalize(m.ahead) else m.ahead end
                from (
                    select m.place,
                        m.mean operator(public.+) (m.mean operator(public.-) m.old) operator(public.*) overshoot as ahead
                    from unnest(means, centroids) with ordinality as m(mean, old, place)
                ) as m
                order by m.place
            )
        end;
        previous_loss := loss;
        previous_gain := gain;
        previous_sizes := sizes;
    end loop;
    centroids := coalesce(means, centroids);
end
$function$;

comment on function sqlembed._kmeans_move(
    public.vector[], public.vector[], text, integer, integer, double precision, integer, double precision
) is
    'Moves centroids to the means of the points nearest to them, again and again up to an iteration, or until all further iterations together promise less than tolerance of what has been gained since the first. Under cosine the points are unit vectors. The loss is that of a point on average.';

create or replace function sqlembed._kmeans_refill(
    rows text,
    points public.vector[],
    centroids public.vector[],
    means public.vector[],
    metric text,
    seed integer
)
returns public.vector[]
language plpgsql
volatile
as $function$
declare
    far public.vector[];
    place integer := 0;
    filled public.vector[] := _kmeans_refill.means;
begin
    execute pg_catalog.format(
        $sql$
        select pg_catalog.array_agg(f.embedding order by f.race, f.id collate pg_catalog."C", f.embedding)
        from (
            select r.id, r.embedding,
                operator(pg_catalog.-) pg_catalog.ln(sqlembed._uniform(coalesce(r.id, ''), %s)) operator(pg_catalog./) %s as race
            from (%s) as r
            where r.distance operator(pg_catalog.>) %s
            order by race, r.id collate pg_catalog."C", r.embedding
            limit %s
        ) as f
        $sql$,
        _kmeans_refill.seed,
        case when _kmeans_refill.metric operator(pg_catalog.=) 'cosine' then
            'r.distance'
        else
            '(r.distance operator(pg_catalog.*) r.distance)'
        end,
        sqlembed._nearest_sql(
            coalesce(
                _kmeans_refill.rows,
                'select pg_catalog.generate_subscripts($1, 1)::pg_catalog.text as id, pg_catalog.unnest($1) as embedding'
            ),
            _kmeans_refill.metric,
            _kmeans_refill.centroids
        ),
        case when _kmeans_refill.metric operator(pg_catalog.=) 'cosine' then '5e-7' else '0' end,
        pg_catalog.cardinality(pg_catalog.array_positions(_kmeans_refill.means, null))
    )
    into far
    using _kmeans_refill.points;
    for centroid_id in 1..pg_catalog.cardinality(filled) loop
        if filled[centroid_id] is null then
            place := place operator(pg_catalog.+) 1;
            filled[centroid_id] := coalesce(far[place], _kmeans_refill.centroids[centroid_id]);
        end if;
    end loop;
    return filled;
end
$function$;

comment on function sqlembed._kmeans_refill(text, public.vector[], public.vector[], public.vector[], text, integer) is
    'The means with vectors of the rows (id, embedding), or of the points when rows is NULL, in place of those that are NULL; drawn as k-means++ draws: with the squared distance to the nearest centroid as weight.';

create or replace function sqlembed._kmeans_sample(
    rows text,
    num_rows bigint,
    dimensions integer,
    sample_size integer,
    seed integer
)
returns public.vector[]
language plpgsql
volatile
-- Else the sort goes to disk.
set work_mem = '64MB'
as $function$
declare
    -- Hashes lie evenly in the range of bigint.
    share double precision := _kmeans_sample.sample_size::double precision operator(pg_catalog./) _kmeans_sample.num_rows;
    highest double precision := share operator(pg_catalog.*) 18446744073709551616::double precision
        operator(pg_catalog.-) 9223372036854775808::double precision;
    sample public.vector[];
begin
    -- The vector takes part in the hash, for ids that are not unique.
    execute pg_catalog.format(
        $sql$
        select pg_catalog.array_agg(r.embedding order by r.hash, r.id collate pg_catalog."C", r.embedding)
        from (
            select r.*
            from (
                select r.id, r.embedding, pg_catalog.hashfloat8extended(
                    r.embedding operator(public.<->) %L::public.vector,
                    pg_catalog.hashtextextended(coalesce(r.id, ''), %s)
                ) as hash
                from (%s) as r
                offset '0'
            ) as r
            where r.hash operator(pg_catalog.<=) %L::double precision
            -- Never reached but by masses of rows that are the same, id and vector.
            limit %s
        ) as r
        $sql$,
        pg_catalog.array_fill(0.01::real, array[_kmeans_sample.dimensions])::public.vector,
        _kmeans_sample.seed, _kmeans_sample.rows, highest, 2 operator(pg_catalog.*) _kmeans_sample.sample_size
    )
    into sample;
    return coalesce(sample, '{}');
end
$function$;

comment on function sqlembed._kmeans_sample(text, bigint, integer, integer, integer) is
    'Vectors of a random choice of about sample_size of the rows (id, embedding), or of all if there are no more, in random order. Hashes of the rows and the seed decide both, so where the rows happen to lie does not matter.';

create or replace function sqlembed._kmeans_sample_size(num_clusters integer, dimensions integer) returns integer
language sql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
    -- 256 rows a cluster bring its mean so near to that of all its rows that the loss is 0.4 % higher, of
    -- which one move over all rows takes most back. The sample is an array: copies of more than 32 MB take
    -- ten times as long, for the allocator gives such blocks back each time; and 1 GB is the limit.
    select least(
        greatest(10000, 256 * _kmeans_sample_size.num_clusters),
        greatest(31000000 / size_of.vector, 128 * _kmeans_sample_size.num_clusters),
        256000000 / size_of.vector
    )
    from (select 4 * _kmeans_sample_size.dimensions + 8) as size_of(vector)
$function$;

comment on function sqlembed._kmeans_sample_size(integer, integer) is
    'How many rows a model is fitted on; where there are more, on a sample.';

create or replace function sqlembed._kmeans_seed(
    points public.vector[],
    num_clusters integer,
    metric text,
    seed integer,
    attempt integer
)
returns public.vector[]
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    random_seed constant bigint := (_kmeans_seed.seed * 16::bigint + _kmeans_seed.attempt) * 1024;
    chosen public.vector[] := _kmeans_seed.points[_kmeans_seed.attempt:_kmeans_seed.attempt];
    -- Squared distance of each point to the nearest one chosen so far; for unit vectors it grows as 1 - cos.
    gaps double precision[] := array(
        select (p.point operator(public.<->) chosen[1]) ^ 2 from unnest(_kmeans_seed.points) as p(point)
    );
    -- What single precision cannot tell apart by the inner product is one direction.
    smallest_gap constant double precision := case _kmeans_seed.metric when 'cosine' then 1e-6 else 0 end;
    num_candidates constant integer := 2 + floor(ln(_kmeans_seed.num_clusters));
    candidates integer[];
    candidate integer;
    candidate_point public.vector;
    candidate_gaps double precision[];
    candidate_loss double precision;
    best_point public.vector;
    best_gaps double precision[];
    best_loss double precision;
begin
    for number in 2.._kmeans_seed.num_clusters loop
        -- Of exponential variates with the gaps as rates the least ones are a draw weighted by the gaps.
        candidates := array(
            select g.place
            from unnest(gaps) with ordinality as g(gap, place)
            where g.gap > smallest_gap
            order by -ln(sqlembed._uniform(g.place::text, random_seed + number)) / g.gap, g.place
            limit num_candidates
        );
        exit when cardinality(candidates) = 0;
        best_loss := null;
        foreach candidate in array candidates loop
            candidate_point := _kmeans_seed.points[candidate];
            select array_agg(g.gap), sum(g.gap)
            into candidate_gaps, candidate_loss
            from (
                select least(p.gap, (p.point operator(public.<->) candidate_point) ^ 2) as gap
                from (select unnest(_kmeans_seed.points) as point, unnest(gaps) as gap) as p
            ) as g;
            if best_loss is null or candidate_loss < best_loss then
                best_point := candidate_point;
                best_gaps := candidate_gaps;
                best_loss := candidate_loss;
            end if;
        end loop;
        chosen := chosen || best_point;
        gaps := best_gaps;
    end loop;
    return chosen;
end
$function$;

comment on function sqlembed._kmeans_seed(public.vector[], integer, text, integer, integer) is
    'First centroids by greedy k-means++: each is the best of several points drawn with the squared distance to those chosen before as weight. Every attempt has another first point and other draws. Fewer than num_clusters when there are not so many different points. Under cosine the points are unit vectors.';

create or replace function sqlembed._kmeans_settle(
    rows text,
    points public.vector[],
    inout centroids public.vector[],
    metric text,
    seed integer,
    inout moves integer,
    out cluster_sizes bigint[],
    out cluster_radii double precision[],
    out loss double precision
)
language plpgsql
volatile
as $function$
declare
    moves_left integer := _kmeans_settle.moves;
    means public.vector[];
begin
    moves := 0;
    loop
        select pg_catalog.array_agg(s.mean order by s.centroid_id),
            pg_catalog.array_agg(s.cluster_size order by s.centroid_id),
            pg_catalog.array_agg(
                pg_catalog.sqrt(
                    s.sum_squared_distance operator(pg_catalog./)
                    case when s.cluster_size operator(pg_catalog.>) 0 then s.cluster_size end
                )
                order by s.centroid_id
            ),
            pg_catalog.sum(
                case when _kmeans_settle.metric operator(pg_catalog.=) 'cosine' then s.sum_distance
                    else s.sum_squared_distance
                end
            )
        into means, cluster_sizes, cluster_radii, loss
        from sqlembed._kmeans_step(_kmeans_settle.rows, _kmeans_settle.points, centroids, _kmeans_settle.metric) as s;
        -- A cluster that is still empty after three more moves stays so.
        exit when moves operator(pg_catalog.>=) moves_left
            and (
                0 operator(pg_catalog.<>) all (cluster_sizes)
                or moves operator(pg_catalog.>=) (moves_left operator(pg_catalog.+) 3)
            );
        moves := moves operator(pg_catalog.+) 1;
        if pg_catalog.array_position(means, null) is not null then
            means := sqlembed._kmeans_refill(
                _kmeans_settle.rows, _kmeans_settle.points, centroids, means, _kmeans_settle.metric,
                _kmeans_settle.seed operator(pg_catalog.-) moves
            );
        end if;
        centroids := means;
    end loop;
end
$function$;

comment on function sqlembed._kmeans_settle(text, public.vector[], public.vector[], text, integer, integer) is
    'Moves centroids to the means of their rows (id, embedding), or points when rows is NULL, so many times, and further while a cluster is empty; then measures the clusters: their rows, the root of their mean squared distance, and the loss.';

create or replace function sqlembed._kmeans_step(
    rows text,
    points public.vector[],
    centroids public.vector[],
    metric text
)
returns table (
    centroid_id integer,
    mean public.vector,
    cluster_size bigint,
    sum_distance double precision,
    sum_squared_distance double precision
)
language plpgsql
volatile
as $function$
begin
    -- sum() takes a fifth of the time of avg(), which makes a new array of double precision for every row.
    return query execute pg_catalog.format(
        $sql$
        select c.centroid_id, %s, coalesce(g.cluster_size, 0), coalesce(g.sum_distance, 0), coalesce(g.sum_squared_distance, 0)
        from pg_catalog.generate_series(1, %s) as c(centroid_id)
        left join (
            select r.centroid_id, public.sum(r.embedding) as total, pg_catalog.count(*) as cluster_size,
                pg_catalog.sum(r.distance) as sum_distance,
                pg_catalog.sum(r.distance operator(pg_catalog.*) r.distance) as sum_squared_distance
            from (%s) as r
            group by r.centroid_id
        ) as g on g.centroid_id operator(pg_catalog.=) c.centroid_id
        order by c.centroid_id
        $sql$,
        case when _kmeans_step.metric operator(pg_catalog.=) 'cosine' then
            'case when public.vector_norm(g.total) operator(pg_catalog.>) 0 then public.l2_normalize(g.total) end'
        else
            'case when g.cluster_size operator(pg_catalog.>) 0 then g.total operator(public.*) pg_catalog.array_fill(
                (1.0 operator(pg_catalog./) g.cluster_size)::real, array[public.vector_dims(g.total)]
            )::public.vector end'
        end,
        pg_catalog.cardinality(_kmeans_step.centroids),
        sqlembed._nearest_sql(
            coalesce(_kmeans_step.rows, 'select null::pg_catalog.text as id, pg_catalog.unnest($1) as embedding'),
            _kmeans_step.metric,
            _kmeans_step.centroids
        )
    )
    using _kmeans_step.points;
end
$function$;

comment on function sqlembed._kmeans_step(text, public.vector[], public.vector[], text) is
    'Gives each of the rows (id, embedding), or of the points when rows is NULL, to its nearest centroid and returns, for each centroid in order, the mean of its rows (a unit vector under cosine; NULL if there is none), their number, and sums of their distances to the centroid.';

create or replace function sqlembed._loss_at_mean(
    metric text,
    cluster_size bigint,
    sum_distance double precision,
    sum_squared_distance double precision,
    centroid public.vector,
    mean public.vector
)
returns double precision
language sql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
    select case
        when _loss_at_mean.metric <> 'cosine' then _loss_at_mean.sum_squared_distance
            - _loss_at_mean.cluster_size * (_loss_at_mean.mean operator(public.<->) _loss_at_mean.centroid) ^ 2
        -- The sum of n unit vectors has the direction of the mean, and the inner product n - sum_distance
        -- with the centroid.
        when _loss_at_mean.mean operator(public.<#>) _loss_at_mean.centroid < -0.001 then _loss_at_mean.cluster_size
            + (_loss_at_mean.cluster_size - _loss_at_mean.sum_distance)
            / (_loss_at_mean.mean operator(public.<#>) _loss_at_mean.centroid)
        else _loss_at_mean.sum_distance
    end
$function$;

comment on function sqlembed._loss_at_mean(text, bigint, double precision, double precision, public.vector, public.vector) is
    'Loss of a cluster once its centroid has moved to the mean of its rows, from their distances to where it was. It falls from one iteration to the next also where centroids go further than to the mean.';

create or replace function sqlembed._nearest_sql(rows text, metric text, centroids public.vector[]) returns text
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $function$
declare
    -- Of unit vectors the inner product says the same as the cosine, without computing their lengths.
    operator text := case _nearest_sql.metric when 'cosine' then 'operator(public.<#>)' else 'operator(public.<->)' end;
    distances text;
    names text;
    choices text;
begin
    select
        string_agg(
            format('r.embedding %s %L::public.vector as d%s', operator, c.centroid, c.centroid_id),
            ', ' order by c.centroid_id
        ),
        string_agg(format('r.d%s', c.centroid_id), ', ' order by c.centroid_id),
        string_agg(
            format('when r.d%s operator(pg_catalog.=) r.nearest then %s', c.centroid_id, c.centroid_id),
            ' ' order by c.centroid_id
        )
    into distances, names, choices
    from unnest(_nearest_sql.centroids) with ordinality as c(centroid, centroid_id);

    -- One expression a centroid takes a third of the time of a join with the centroids. The offsets keep
    -- the levels apart, so that each distance is computed once; written as a string, because a number
    -- there would need a cast and look to the planner like a limit, which forbids parallel plans.
    return format(
        $sql$
        select r.id, r.embedding, case %1$s %2$s end as centroid_id, %3$s as distance
        from (
            select r.id, r.embedding, %4$s, least(%4$s) as nearest
            from (
                select r.id, r.embedding, %5$s
                from (%6$s) as r
                offset '0'
            ) as r
            offset '0'
        ) as r
        $sql$,
        case when _nearest_sql.metric = 'cosine' then
            -- A vector of zeros has no direction. Its length is looked at only when it can be one.
            'when case
                when r.nearest operator(pg_catalog.=) 0 then public.vector_norm(r.embedding) operator(pg_catalog.=) 0
                else false
            end then null'
        end,
        choices,
        case when _nearest_sql.metric = 'cosine' then
            'greatest(1 operator(pg_catalog.+) r.nearest, 0)'
        else
            'r.nearest'
        end,
        names,
        distances,
        _nearest_sql.rows
    );
end
$function$;

comment on function sqlembed._nearest_sql(text, text, public.vector[]) is
    'SQL that adds to rows (id, embedding) the number of the nearest centroid and the distance to it; the distance under cosine is right for unit vectors. Both are NULL for NULL, the number also for a vector without direction.';

create or replace function sqlembed._raise_briefly(state text, problem text, detail text, hint text) returns void
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $function$
begin
    if _raise_briefly.detail <> '' and _raise_briefly.hint <> '' then
        raise exception using errcode = _raise_briefly.state, message = _raise_briefly.problem,
            detail = _raise_briefly.detail, hint = _raise_briefly.hint;
    elsif _raise_briefly.detail <> '' then
        raise exception using errcode = _raise_briefly.state, message = _raise_briefly.problem,
            detail = _raise_briefly.detail;
    elsif _raise_briefly.hint <> '' then
        raise exception using errcode = _raise_briefly.state, message = _raise_briefly.problem, hint = _raise_briefly.hint;
    else
        raise exception using errcode = _raise_briefly.state, message = _raise_briefly.problem;
    end if;
end
$function$;

comment on function sqlembed._raise_briefly(text, text, text, text) is
    'Raise an error anew without where it happened: statements that hold all centroids would fill clients and logs.';

create or replace function sqlembed._reserve_model(name text, query text, metric text, seed integer) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    is_mine boolean;
begin
    insert into sqlembed.cluster_model (name, query, metric, dimensions, num_clusters, iterations, loss, seed)
    values (_reserve_model.name, _reserve_model.query, _reserve_model.metric, 0, 0, 0, 0, _reserve_model.seed)
    on conflict do nothing;
    if found then
        return;
    end if;
    is_mine := exists (select from sqlembed.cluster_model as m where m.name = _reserve_model.name);
    raise exception 'sqlembed: a cluster model % exists already', quote_literal(_reserve_model.name)
        using errcode = 'SE021',
            hint = case
                when is_mine then format('To fit it anew, first: select sqlembed.drop_model(%L).', _reserve_model.name)
                else 'Another role made it: choose another name.'
            end;
end
$function$;

comment on function sqlembed._reserve_model(text, text, text, integer) is
    'Enter a model that is still to be fitted, or an error when its name is taken; waits for another session that is fitting one of this name.';

create or replace function sqlembed._uniform(key text, seed bigint) returns double precision
language sql
immutable
parallel safe
as $function$
    select (
        (pg_catalog.hashtextextended(_uniform.key, _uniform.seed) operator(pg_catalog.&) 4503599627370495)::double precision
            operator(pg_catalog.+) 0.5::double precision
    ) operator(pg_catalog./) 4503599627370496::double precision
$function$;

comment on function sqlembed._uniform(text, bigint) is
    'A number between 0 and 1, both excluded, that looks random and is the same for the same key and seed.';

create or replace function sqlembed.assign(name text, query text)
returns table (id text, centroid_id integer)
language plpgsql
stable
set jit = off
as $function$
declare
    state pg_catalog.text;
    problem pg_catalog.text;
    detail pg_catalog.text;
    hint pg_catalog.text;
begin
    return query execute pg_catalog.format(
        'select r.id, r.centroid_id from (%s) as r',
        sqlembed._assigned_sql(assign.name, sqlembed._cluster_rows(assign.query), false)
    );
exception
    when others or query_canceled then
        get stacked diagnostics
            state = returned_sqlstate, problem = message_text, detail = pg_exception_detail, hint = pg_exception_hint;
        perform sqlembed._explain_dimensions(assign.name, state, problem);
        perform sqlembed._raise_briefly(state, problem, detail, hint);
end
$function$;

comment on function sqlembed.assign(text, text) is
    'The cluster of each row of a query of an id and a vector, as predict says it, for many rows at once: many times as fast.';

create or replace function sqlembed.centroids(name text)
returns table (centroid_id integer, centroid public.vector, cluster_size bigint, cluster_radius double precision)
language plpgsql
stable
parallel safe
rows 20
set search_path = pg_catalog, pg_temp
as $function$
begin
    perform sqlembed._cluster_model(centroids.name);
    return query
        select c.centroid_id, c.centroid, c.cluster_size, c.cluster_radius
        from sqlembed.cluster_centroid as c
        where c.model = centroids.name
        order by c.centroid_id;
end
$function$;

comment on function sqlembed.centroids(text) is
    'The clusters of a model: number, centroid (the mean of its rows, under cosine their mean direction), rows when it was fitted, and the root of their mean squared distance to the centroid.';

create or replace function sqlembed.cluster_examples(name text, query text, examples integer default 3)
returns table (centroid_id integer, id text, distance double precision)
language plpgsql
stable
set jit = off
as $function$
declare
    state pg_catalog.text;
    problem pg_catalog.text;
    detail pg_catalog.text;
    hint pg_catalog.text;
begin
    return query execute pg_catalog.format(
        $sql$
        select r.centroid_id, r.id, r.distance
        from (
            select r.centroid_id, r.id, r.distance,
                pg_catalog.row_number() over (partition by r.centroid_id order by r.distance, r.id) as place
            from (%s) as r
            where r.centroid_id is not null
        ) as r
        where r.place operator(pg_catalog.<=) %L::bigint
        order by r.centroid_id, r.place
        $sql$,
        sqlembed._assigned_sql(cluster_examples.name, sqlembed._cluster_rows(cluster_examples.query), true),
        cluster_examples.examples
    );
exception
    when others or query_canceled then
        get stacked diagnostics
            state = returned_sqlstate, problem = message_text, detail = pg_exception_detail, hint = pg_exception_hint;
        perform sqlembed._explain_dimensions(cluster_examples.name, state, problem);
        perform sqlembed._raise_briefly(state, problem, detail, hint);
end
$function$;

comment on function sqlembed.cluster_examples(text, text, integer) is
    'Of the rows of a query of an id and a vector, those nearest to each centroid of a model: what the cluster is about. The id may be any expression, such as a title.';

create or replace function sqlembed.create_kmeans(
    name text,
    query text,
    num_clusters integer default null,
    metric text default 'cosine',
    max_iterations integer default 20,
    min_rel_progress double precision default 0.01,
    seed integer default 0
)
returns sqlembed.fitted_model
language plpgsql
volatile
-- Compiling an expression for each centroid takes longer than evaluating it.
set jit = off
as $function$
declare
    rows pg_catalog.text;
    facts record;
    wanted integer;
    sample_size integer;
    points public.vector[];
    fit record;
    settled record;
    fitted sqlembed.fitted_model;
    state pg_catalog.text;
    problem pg_catalog.text;
    detail pg_catalog.text;
    hint pg_catalog.text;
begin
    perform sqlembed._check_kmeans(
        create_kmeans.name, create_kmeans.num_clusters, create_kmeans.metric, create_kmeans.max_iterations,
        create_kmeans.min_rel_progress, create_kmeans.seed
    );
    rows := sqlembed._cluster_rows(create_kmeans.query);
    -- Ahead of the work: who comes second with a name waits here for the first, and then fails at once.
    perform sqlembed._reserve_model(create_kmeans.name, create_kmeans.query, create_kmeans.metric, create_kmeans.seed);

    facts := sqlembed._cluster_facts(rows, create_kmeans.metric);
    wanted := coalesce(create_kmeans.num_clusters, sqlembed._default_num_clusters(facts.num_rows));
    sample_size := sqlembed._kmeans_sample_size(wanted, facts.dimensions);
    points := sqlembed._kmeans_sample(facts.rows, facts.num_rows, facts.dimensions, sample_size, create_kmeans.seed);
    fit := sqlembed._kmeans_fit(
        points, wanted, create_kmeans.metric, create_kmeans.max_iterations, create_kmeans.min_rel_progress, create_kmeans.seed
    );
    if pg_catalog.cardinality(fit.centroids) operator(pg_catalog.<) wanted
        and pg_catalog.cardinality(points) operator(pg_catalog.<) facts.num_rows
    then
        -- Nearly all rows are the same, and the sample has missed those that are not.
        points := sqlembed._distinct_vectors(facts.rows, sample_size);
        fit := sqlembed._kmeans_fit(
            points, wanted, create_kmeans.metric, create_kmeans.max_iterations, create_kmeans.min_rel_progress, create_kmeans.seed
        );
    end if;
    if pg_catalog.cardinality(fit.centroids) operator(pg_catalog.=) 0 then
        raise exception 'sqlembed: the query gave rows at first, and then none'
            using errcode = 'SE022', hint = 'It is run several times and must give the same rows each time.';
    end if;
    if pg_catalog.cardinality(fit.centroids) operator(pg_catalog.<) create_kmeans.num_clusters then
        raise exception 'sqlembed: the query has only % different vectors for % clusters',
            pg_catalog.cardinality(fit.centroids), create_kmeans.num_clusters
            using errcode = 'SE022',
                hint = pg_catalog.format(
                    'Ask for num_clusters => %s at most, or leave it out.', pg_catalog.cardinality(fit.centroids)
                );
    end if;
    settled := case
        when pg_catalog.cardinality(points) operator(pg_catalog.<) facts.num_rows then
            -- Fitted on a sample: one more move, to the means of all rows.
            sqlembed._kmeans_settle(
                facts.rows, null, fit.centroids, create_kmeans.metric, create_kmeans.seed,
                least(1, create_kmeans.max_iterations operator(pg_catalog.-) fit.iterations)
            )
        else
            sqlembed._kmeans_settle(null, points, fit.centroids, create_kmeans.metric, create_kmeans.seed, 0)
    end;

    insert into sqlembed.cluster_centroid (model, centroid_id, centroid, cluster_size, cluster_radius)
    select create_kmeans.name, c.centroid_id, c.centroid, c.cluster_size, c.cluster_radius
    from rows from (
        pg_catalog.unnest(settled.centroids), pg_catalog.unnest(settled.cluster_sizes), pg_catalog.unnest(settled.cluster_radii)
    ) with ordinality as c(centroid, cluster_size, cluster_radius, centroid_id);
    fitted := row(
        create_kmeans.name,
        pg_catalog.cardinality(settled.centroids),
        fit.iterations operator(pg_catalog.+) settled.moves,
        settled.loss
    );
    update sqlembed.cluster_model as m
    set dimensions = facts.dimensions, num_clusters = fitted.num_clusters, iterations = fitted.iterations,
        loss = fitted.loss
    where m.name operator(pg_catalog.=) create_kmeans.name;
    return fitted;
exception
    when others or query_canceled then
        get stacked diagnostics
            state = returned_sqlstate, problem = message_text, detail = pg_exception_detail, hint = pg_exception_hint;
        perform sqlembed._raise_briefly(state, problem, detail, hint);
end
$function$;

comment on function sqlembed.create_kmeans(text, text, integer, text, integer, double precision, integer) is
    'Fit a k-means model to the rows of a query of an id and a vector, and keep it under a name. num_clusters is by default the root of half the number of rows, from 2 to 100. metric: cosine (loss: sum of 1 - cos) or euclidean (loss: sum of squared distances). It stops after max_iterations, or when further iterations promise less than min_rel_progress of what has been gained so far. Large tables are fitted on a sample of 256 rows a cluster, 10000 at least; sizes, radii and loss are those of all rows. The query is run several times and must give the same rows each time.';

create or replace function sqlembed.drop_model(name text) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
begin
    perform sqlembed._cluster_model(drop_model.name);
    delete from sqlembed.cluster_model as m where m.name = drop_model.name;
end
$function$;

comment on function sqlembed.drop_model(text) is
    'Forget a cluster model.';

create or replace function sqlembed.predict(name text, embedding public.vector) returns integer
language plpgsql
stable
strict
parallel safe
as $function$
declare
    nearest record;
begin
    select c.centroid_id, m.metric, d.distance
    into nearest
    from sqlembed.cluster_model as m
    join sqlembed.cluster_centroid as c on c.model operator(pg_catalog.=) m.name
    cross join lateral (
        select case when m.metric operator(pg_catalog.=) 'cosine' then c.centroid operator(public.<#>) predict.embedding
            else c.centroid operator(public.<->) predict.embedding
        end as distance
    ) as d
    where m.name operator(pg_catalog.=) predict.name
        and m.dimensions operator(pg_catalog.=) public.vector_dims(predict.embedding)
    order by d.distance, c.centroid_id
    limit 1;
    if nearest.centroid_id is null then
        perform sqlembed._check_dimensions(predict.name, public.vector_dims(predict.embedding));
    end if;
    -- A vector of zeros has no direction.
    if nearest.distance operator(pg_catalog.=) 0
        and nearest.metric operator(pg_catalog.=) 'cosine'
        and public.vector_norm(predict.embedding) operator(pg_catalog.=) 0
    then
        return null;
    end if;
    return nearest.centroid_id;
end
$function$;

comment on function sqlembed.predict(text, public.vector) is
    'Number of the cluster whose centroid is nearest; NULL for NULL, and under cosine for a vector of zeros, which has no direction. For many rows, assign is several times as fast.';

create or replace function sqlembed.predict(name text, embedding public.halfvec) returns integer
language sql
stable
strict
parallel safe
as $function$
    select sqlembed.predict(predict.name, predict.embedding::public.vector)
$function$;

comment on function sqlembed.predict(text, public.halfvec) is
    'Number of the cluster whose centroid is nearest; NULL for NULL, and under cosine for a vector of zeros, which has no direction. For many rows, assign is several times as fast.';

create or replace view sqlembed.failure as
select e.relation, e.name as embedding, f.key, f.attempts, f.error, f.failed_at
from sqlembed.failed_job as f
join sqlembed.embedding as e on e.id = f.embedding
where sqlembed._sees_all_rows(e.relation);

comment on view sqlembed.failure is 'Rows that were given up, with what the embedder said; retry_failed brings them back. Not for those from whom a policy keeps rows back.';
comment on column sqlembed.failure.relation is 'The table.';
comment on column sqlembed.failure.embedding is 'The vector column.';
comment on column sqlembed.failure.key is 'The row: its primary key''s values in order.';
comment on column sqlembed.failure.attempts is 'How often it was tried.';
comment on column sqlembed.failure.error is 'What the embedder said at the last attempt.';
comment on column sqlembed.failure.failed_at is 'When it was given up.';

grant select on sqlembed.failure to public;

create or replace view sqlembed.status as
select
    e.relation,
    e.name as embedding,
    e.embedder,
    e.timing,
    c.total,
    c.embedded,
    c.blank,
    q.pending,
    q.failed,
    q.oldest_pending,
    case
        when g.name is not null then 'column ' || quote_ident(g.name) || ' of its source is gone: drop this embedding and declare it anew'
        -- It may quote a row.
        when q.last_error is not null and sqlembed._sees_all_rows(e.relation) then q.last_error
        when m.fingerprint is null then 'unserved: no worker has registered embedder ' || quote_ident(e.embedder)
    end as last_error
from sqlembed.embedding as e
join sqlembed.embedder as m on m.name = e.embedder
cross join lateral sqlembed._count_rows(e.relation, e.name, e.source) as c
cross join lateral (
    select
        (
            select count(*)
            from (
                select j.key from sqlembed.job as j where j.embedding = e.id
                union
                select h.key from sqlembed.change as h where h.embedding = e.id
            ) as waiting
        ) as pending,
        (select count(*) from sqlembed.failed_job as f where f.embedding = e.id) as failed,
        (
            select min(changed_at)
            from (
                select j.changed_at from sqlembed.job as j where j.embedding = e.id
                union all
                select h.changed_at from sqlembed.change as h where h.embedding = e.id
            ) as waiting
        ) as oldest_pending,
        coalesce(
            (
                select j.error
                from sqlembed.job as j
                where j.embedding = e.id and j.error is not null
                order by j.not_before desc
                limit 1
            ),
            (
                select f.error
                from sqlembed.failed_job as f
                where f.embedding = e.id
                order by f.failed_at desc
                limit 1
            )
        ) as last_error
) as q
left join lateral (
    select s.name
    from unnest(e.source_columns) as s (name)
    where not exists (
        select
        from pg_catalog.pg_attribute as a
        where a.attrelid = e.relation and a.attname = s.name and not a.attisdropped
    )
    limit 1
) as g on true
where has_table_privilege(e.relation, 'select')
    and exists (
        select
        from pg_catalog.pg_attribute as a
        where a.attrelid = e.relation and a.attname = e.name and not a.attisdropped
    );

comment on view sqlembed.status is 'How far each embedding is. Counting reads the tables.';
comment on column sqlembed.status.relation is 'The table.';
comment on column sqlembed.status.embedding is 'The vector column.';
comment on column sqlembed.status.embedder is 'The embedder that makes the vectors.';
comment on column sqlembed.status.timing is 'async or sync.';
comment on column sqlembed.status.total is 'Rows that the caller can see.';
comment on column sqlembed.status.embedded is 'Rows with a vector.';
comment on column sqlembed.status.blank is 'Rows whose source is NULL, empty or blank: they get no vector.';
comment on column sqlembed.status.pending is 'Rows that wait for a worker.';
comment on column sqlembed.status.failed is 'Rows that were given up.';
comment on column sqlembed.status.oldest_pending is 'When the oldest change that waits was written.';
comment on column sqlembed.status.last_error is 'What went wrong last.';

grant select on sqlembed.status to public;

create or replace view sqlembed.worker as
select w.id, w.name, w.embedders, w.started_at
from sqlembed.worker_process as w
where exists (
    select
    from pg_catalog.pg_locks as l
    where l.locktype = 'advisory'
        and l.database = (select d.oid from pg_catalog.pg_database as d where d.datname = pg_catalog.current_database())
        and l.classid = sqlembed._lock('presence')::oid
        and l.objid = w.id::oid
        and l.objsubid = 2
        and l.mode = 'ExclusiveLock'
        and l.granted
);

comment on view sqlembed.worker is 'Workers that are alive, what they serve and since when.';
comment on column sqlembed.worker.id is 'Number of the worker.';
comment on column sqlembed.worker.name is 'Machine and process.';
comment on column sqlembed.worker.embedders is 'Embedders that it serves.';
comment on column sqlembed.worker.started_at is 'When it started.';

grant select on sqlembed.worker to public;

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
    members regclass[] := array[(_attach_triggers.declared).relation];
    present record;
    source text;
    wanted record;
    member regclass;
begin
    perform sqlembed._make_note_function((_attach_triggers.declared).id);
    perform sqlembed._make_row_functions((_attach_triggers.declared).id);
    -- Partitions get the triggers of their parent, children do not.
    if exists (
        select
        from pg_catalog.pg_class as c
        where c.oid operator(pg_catalog.=) (_attach_triggers.declared).relation and c.relkind operator(pg_catalog.=) 'r'
    ) then
        members := members operator(pg_catalog.||) sqlembed._members((_attach_triggers.declared).relation);
    end if;
    select p.* into present from sqlembed._present_columns(_attach_triggers.declared) as p;
    source := sqlembed._renamed_source(
        (_attach_triggers.declared).relation,
        (_attach_triggers.declared).source,
        (_attach_triggers.declared).source_columns,
        present.source
    );
    if source is null then
        raise exception 'sqlembed: a column of the source of % is gone', (_attach_triggers.declared).relation
            using errcode = 'SE012',
                hint = pg_catalog.format(
                    'Declare it anew, after: select sqlembed.drop_embedding(%L, %L).',
                    (_attach_triggers.declared).relation, (_attach_triggers.declared).name
                );
    end if;
    foreach member in array members
    loop
        for wanted in select w.* from sqlembed._wanted_triggers(_attach_triggers.declared) as w
        loop
            execute pg_catalog.format(
                'create or replace trigger %I %s %s execute function sqlembed.%I()',
                wanted.name,
                pg_catalog.format(wanted.definition, member),
                case
                    -- An ORM that writes the old vector back beside a new text gets NULL; a client's
                    -- new vector is kept.
                    when wanted.function operator(pg_catalog.~) '^_hide_' then pg_catalog.format(
                        'when ((%s) is distinct from (%s) and pg_catalog.record_image_eq(row(old.%3$I), row(new.%3$I)))',
                        sqlembed._row_source(member, source, 'old'),
                        sqlembed._row_source(member, source, 'new'),
                        present.vector
                    )
                    when wanted.name operator(pg_catalog.~) '^sqlembed_update_' and wanted.fires operator(pg_catalog.=) 'A'
                    then pg_catalog.format('when (new.%I is null)', present.vector)
                end,
                wanted.function
            );
            execute pg_catalog.format(
                'alter table %s enable %s trigger %I',
                member,
                case wanted.fires when 'A' then 'always' when 'R' then 'replica' end,
                wanted.name
            );
        end loop;
    end loop;
    perform sqlembed._drop_triggers(
        (_attach_triggers.declared).id,
        array(select w.name from sqlembed._wanted_triggers(_attach_triggers.declared) as w),
        members
    );
end
$function$;

comment on function sqlembed._attach_triggers(sqlembed.embedding) is
    'Put the triggers of an embedding on its table and the children of it, as they are wanted, and take off others of its own.';

create or replace function sqlembed._base_columns(relation regclass, columns name[]) returns name[]
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    select array(
        select a.attname
        from pg_attribute as a
        where a.attrelid = _base_columns.relation
            and a.attgenerated = ''
            and not a.attisdropped
            and (
                a.attname = any (_base_columns.columns)
                or exists (
                    select
                    from pg_attribute as g
                    join pg_attrdef as e on e.adrelid = g.attrelid and e.adnum = g.attnum
                    join pg_depend as d
                        on d.classid = 'pg_attrdef'::regclass
                        and d.objid = e.oid
                        and d.refclassid = 'pg_class'::regclass
                        and d.refobjid = g.attrelid
                    where g.attrelid = a.attrelid
                        and g.attgenerated <> ''
                        and g.attname = any (_base_columns.columns)
                        and d.refobjsubid = a.attnum
                )
            )
        order by a.attnum
    )
$function$;

comment on function sqlembed._base_columns(regclass, name[]) is
    'Columns of a table that decide what others hold: in place of a generated column, those that it is made from. Triggers do not see the generated one, or not yet.';

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
    new.numbered_in := new.relation::oid;
    new.vector_number := (sqlembed._column_numbers(new.relation, array[new.name]))[1];
    new.source_numbers := sqlembed._column_numbers(new.relation, new.source_columns);
    new.members := sqlembed._members(new.relation);
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

create or replace function sqlembed._check_family(relation regclass, embedding name) returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    other regclass;
begin
    if (select c.relispartition from pg_class as c where c.oid = _check_family.relation) then
        raise exception 'sqlembed: % is a partition', _check_family.relation
            using errcode = 'SE010',
                hint = format('Embed %s: its rows move from one partition to another.', pg_partition_root(_check_family.relation)::regclass);
    end if;
    select e.relation
    into other
    from sqlembed.embedding as e
    where e.name = _check_family.embedding
        and e.relation <> _check_family.relation
        and (
            e.relation = any (sqlembed._members(_check_family.relation))
            or _check_family.relation = any (sqlembed._members(e.relation))
        );
    if found then
        raise exception 'sqlembed: column % of % is an embedding of %, which is of the same family',
            quote_ident(_check_family.embedding), _check_family.relation, other
            using errcode = 'SE011', hint = format('One declaration does for parent and children: see %s.', other);
    end if;
end
$function$;

comment on function sqlembed._check_family(regclass, name) is
    'An error when a table is a partition, or a parent or child of it keeps the same column.';

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

create or replace function sqlembed._column_numbers(relation regclass, columns name[]) returns smallint[]
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    select array(
        select a.attnum
        from unnest(_column_numbers.columns) with ordinality as c (name, position)
        left join pg_attribute as a
            on a.attrelid = _column_numbers.relation and a.attname = c.name and not a.attisdropped
        order by c.position
    )
$function$;

comment on function sqlembed._column_numbers(regclass, name[]) is
    'Numbers of columns, which they keep whatever they are called; NULL for one that is missing.';

create or replace function sqlembed._drop_note_function(embedding integer) returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    made text;
begin
    if exists (select from sqlembed.embedding as e where e.id = _drop_note_function.embedding) then
        return;
    end if;
    foreach made in array array['_note_', '_note_row_', '_hide_']
    loop
        made := format('sqlembed.%I()', made || _drop_note_function.embedding);
        if not exists (select from pg_trigger as t where t.tgfoid = to_regprocedure(made)) then
            execute format('drop function if exists %s', made);
        end if;
    end loop;
end
$function$;

comment on function sqlembed._drop_note_function(integer) is
    'Remove the trigger functions of an embedding that is no more, once no trigger calls them. Harmless in anybody''s hands.';

create or replace function sqlembed._drop_triggers(embedding integer, kept name[], members regclass[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    found record;
begin
    for found in
        select t.tgname, t.tgrelid::regclass as relation
        from pg_trigger as t
        where t.tgfoid in (
                to_regprocedure(format('sqlembed.%I()', '_note_' || _drop_triggers.embedding)),
                to_regprocedure(format('sqlembed.%I()', '_note_row_' || _drop_triggers.embedding)),
                to_regprocedure(format('sqlembed.%I()', '_hide_' || _drop_triggers.embedding))
            )
            and t.tgparentid = 0
            and not (t.tgname = any (_drop_triggers.kept) and t.tgrelid = any (_drop_triggers.members))
        order by t.tgrelid, t.tgname
    loop
        execute format('drop trigger %I on %s', found.tgname, found.relation);
    end loop;
end
$function$;

comment on function sqlembed._drop_triggers(integer, name[], regclass[]) is
    'Take the triggers of an embedding off every table, but for those of some names on some tables.';

create or replace function sqlembed._generation(relation regclass, number smallint) returns text
language sql
stable
set search_path = pg_catalog
as $function$
    select format('(%s)::%s', pg_get_expr(d.adbin, d.adrelid), format_type(a.atttypid, a.atttypmod))
    from pg_attrdef as d
    join pg_attribute as a on a.attrelid = d.adrelid and a.attnum = d.adnum
    where d.adrelid = _generation.relation and d.adnum = _generation.number
$function$;

comment on function sqlembed._generation(regclass, smallint) is
    'What a generated column is made of, every name qualified that is not in pg_catalog.';

create or replace function sqlembed._is_family(relation regclass) returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    select exists (
        select from pg_class as c where c.oid = _is_family.relation and c.relkind = 'p'
    )
    or exists (
        select from pg_inherits as i where _is_family.relation in (i.inhrelid, i.inhparent)
    )
$function$;

comment on function sqlembed._is_family(regclass) is
    'Whether rows of a table may be written by statements on another one: its partitions, children or parents.';

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
    note record;
    made text := format('sqlembed.%I', '_note_' || _make_note_function.embedding);
begin
    select e.* into declared from sqlembed.embedding as e where e.id = _make_note_function.embedding;
    select n.* into note from sqlembed._note_sql(declared.id, declared.on_change) as n;
    if note.inserted is null then
        return;
    end if;

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
declare
    sqlembed_note text;
    sqlembed_noted bigint;
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
            perform * from (%2$s) as sqlembed_probe;
        else
            perform * from (%3$s) as sqlembed_probe;
        end if;
    exception when undefined_column or undefined_function then
        -- Until a worker has made this function anew, the statement is made here.
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
    end if;
    -- NOTIFY serializes commits, so a bell is rung only while a worker waits for one. The shared
    -- lock, held to the end of the transaction, keeps a worker from falling asleep meanwhile.
    if sqlembed_noted > 0 and not pg_try_advisory_xact_lock_shared(%6$s, 0) then
        perform pg_notify('sqlembed', '');
    end if;
    return null;
end
$sql$,
            declared.id,
            note.probe_inserted,
            note.probe_updated,
            note.inserted,
            note.updated,
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

create or replace function sqlembed._make_row_functions(embedding integer) returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    declared sqlembed.embedding;
    asked record;
    made name;
begin
    select e.* into declared from sqlembed.embedding as e where e.id = _make_row_functions.embedding;
    select s.* into asked from sqlembed._note_row_sql(declared.id, 'old.', 'new.', declared.on_change) as s;
    if asked.key is null then
        return;
    end if;

    -- As in the function for statements, nothing of the table's owner may run in it. Rows are noted
    -- outside of the block that catches errors: inside, each would cost a transaction id.
    execute format(
        $sql$
create or replace function sqlembed.%1$I() returns trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as %2$L
$sql$,
        '_note_row_' || declared.id,
        format(
            $sql$
declare
    sqlembed_key jsonb;
    sqlembed_changed boolean;
    sqlembed_asked record;
begin
    if current_setting('sqlembed.writing', true) = 'on' and pg_trigger_depth() = 1 then
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
        insert into sqlembed.change (embedding, key) values (%1$s, sqlembed_key);
        -- As in the function for statements.
        if not pg_try_advisory_xact_lock_shared(%5$s, 0) then
            perform pg_notify('sqlembed', '');
        end if;
    end if;
    return new;
end
$sql$,
            declared.id, asked.inserted, asked.updated, asked.key, sqlembed._lock('idle')
        )
    );
    execute format(
        'comment on function sqlembed.%I() is %L',
        '_note_row_' || declared.id,
        'Row trigger: append the key of a row that needs a vector to change. Made by create_embedding for tables whose rows come by several ways, and for rows that replication applies.'
    );

    -- It runs with the writer's rights and search_path.
    execute format(
        $sql$
create or replace function sqlembed.%1$I() returns trigger
language plpgsql
as %2$L
$sql$,
        '_hide_' || declared.id,
        format(
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
        )
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
    'Make the functions that the row triggers of an embedding call, out of the catalogue and the present names of the columns. Harmless in anybody''s hands: it makes the same functions again.';

create or replace function sqlembed._may_wait(embedding integer, key jsonb) returns boolean
language sql
volatile
set search_path = pg_catalog, pg_temp
as $function$
    -- The log of changes has no index. It is asked for every row whose key changes, so a long one
    -- counts as a yes: to embed a row once more is cheaper than to read it all again.
    select exists (
        select from sqlembed.job as j where j.embedding = _may_wait.embedding and j.key = _may_wait.key
    )
    or (
        select count(*) > 100 or coalesce(bool_or(c.key = _may_wait.key), false)
        from (
            select c.key from sqlembed.change as c where c.embedding = _may_wait.embedding limit 101
        ) as c
    )
$function$;

comment on function sqlembed._may_wait(integer, jsonb) is
    'Whether a row may wait for its vector.';

revoke execute on function sqlembed._may_wait(integer, jsonb) from public;

create or replace function sqlembed._members(relation regclass) returns regclass[]
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    with recursive family as (
        select _members.relation::oid as member
        union
        select i.inhrelid
        from family as f
        join pg_inherits as i on i.inhparent = f.member and not i.inhdetachpending
        join pg_class as c on c.oid = i.inhrelid
        where c.relkind in ('r', 'p') and c.relpersistence <> 't'
    )
    select coalesce(array_agg(f.member::regclass order by f.member), '{}')
    from family as f
    where f.member <> _members.relation
$function$;

comment on function sqlembed._members(regclass) is
    'Partitions or inheritance children of a table, and theirs, without itself.';

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

create or replace function sqlembed._note_sql(
    embedding integer,
    on_change text,
    out probe_inserted text,
    out probe_updated text,
    out inserted text,
    out updated text
)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    declared sqlembed.embedding;
    key text;
    vector text;
    source text;
begin
    select e.* into declared from sqlembed.embedding as e where e.id = _note_sql.embedding;
    -- Columns have no prefix: a name that has one and is no column any more means a function.
    key := (select k.expression from sqlembed._key_sql(declared.relation, '') as k);
    select
        quote_ident(p.vector),
        coalesce(
            (
                select string_agg(quote_ident(c), ', ')
                from unnest(sqlembed._base_columns(declared.relation, p.source)) as c
            ),
            'null'
        )
    into vector, source
    from sqlembed._present_columns(declared) as p;
    if key is null or vector is null then
        return;
    end if;

    _note_sql.probe_inserted := format(
        'select %1$s, %2$s from sqlembed_new where %3$s is null limit 1', key, source, vector
    );
    _note_sql.probe_updated := format(
        'select %1$s, %2$s, %3$s from sqlembed_new%4$s limit 1',
        key, source, vector, case _note_sql.on_change when 'hide' then format(' where %s is null', vector) else '' end
    );
    _note_sql.inserted := format(
        'insert into sqlembed.change (embedding, key) select %1$s, %2$s from sqlembed_new where %3$s is null',
        declared.id, key, vector
    );
    _note_sql.updated := case _note_sql.on_change
        -- The row trigger has set the vector to NULL where the source changed.
        when 'hide' then format(
            $sql$insert into sqlembed.change (embedding, key)
            select %1$s, n.key
            from (select %2$s as key, row(%4$s) as source from sqlembed_new where %3$s is null) as n
            left join (select %2$s as key, %3$s is null as was_null, row(%4$s) as source from sqlembed_old) as o
                on o.key = n.key
            where o.key is null or not o.was_null or o.source *<> n.source$sql$,
            declared.id, key, vector, source
        )
        -- A vector that came with the new text is the client's own and stays. One that goes with its
        -- row to another key may be out of date, if the old key was waiting or the text has changed
        -- as well: then text and vector have not stood together before. The type's own output
        -- compares what has no operator that can be hashed.
        else format(
            $sql$insert into sqlembed.change (embedding, key)
            select %1$s, n.key
            from (select %2$s as key, %3$s as vector, row(%4$s) as source from sqlembed_new) as n
            left join (select %2$s as key, %3$s as vector, row(%4$s) as source from sqlembed_old) as o on o.key = n.key
            where case
                when n.vector is null then o.key is null or o.vector is not null or o.source *<> n.source
                when o.key is not null and (o.source *= n.source or record_image_eq(row(o.vector), row(n.vector)))
                then o.source *<> n.source
                else row(n.vector)::text in (select row(%3$s)::text from sqlembed_old) and (
                    row(n.source, n.vector)::text not in (select row(row(%4$s), %3$s)::text from sqlembed_old)
                    or exists (
                        select
                        from (select %2$s as key from sqlembed_old) as p
                        join (
                            select j.key from sqlembed.job as j where j.embedding = %1$s
                            union all
                            select c.key from sqlembed.change as c where c.embedding = %1$s
                        ) as w on w.key = p.key
                    )
                )
            end$sql$,
            declared.id, key, vector, source
        )
    end;
end
$function$;

comment on function sqlembed._note_sql(integer, text) is
    'With what a statement trigger finds and notes the rows that need a vector, after the present names of their columns: two probes and two statements. NULL when there is no key or no vector column any more.';

revoke execute on function sqlembed._note_sql(integer, text) from public;

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

create or replace function sqlembed._prefixed_source(relation regclass, expression text, row_name text) returns text
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
        view_name, _prefixed_source.expression, _prefixed_source.relation, _prefixed_source.row_name
    );
    definition := sqlembed._view_definition(pg_catalog.to_regclass('pg_temp.' || view_name));
    execute pg_catalog.format('drop view pg_temp.%I', view_name);
    return pg_catalog.regexp_replace(
        pg_catalog.regexp_replace(definition, '^\s*SELECT\s+', ''), ' AS ' || view_name || '\s.*$', ''
    );
end
$function$;

comment on function sqlembed._prefixed_source(regclass, text, text) is
    'A canonical expression over a row with its columns prefixed by a name.';

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

create or replace function sqlembed._present_columns(
    declared sqlembed.embedding,
    out vector name,
    out source name[]
)
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    -- Numbers survive a change of name. Of a table that was restored from a dump they mean nothing.
    select
        (
            select a.attname
            from pg_attribute as a
            where a.attrelid = declared.relation
                and not a.attisdropped
                and case
                    when declared.numbered_in = declared.relation::oid then a.attnum = declared.vector_number
                    else a.attname = declared.name
                end
        ),
        array(
            select a.attname
            from unnest(declared.source_columns, declared.source_numbers) with ordinality as s (name, number, position)
            left join pg_attribute as a
                on a.attrelid = declared.relation
                and not a.attisdropped
                and case
                    when declared.numbered_in = declared.relation::oid then a.attnum = s.number
                    else a.attname = s.name
                end
            order by s.position
        )
$function$;

comment on function sqlembed._present_columns(sqlembed.embedding) is
    'What the vector column of an embedding and the columns of its source are called now; NULL for one that is gone.';

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

create or replace function sqlembed._renamed_source(
    relation regclass,
    source text,
    declared name[],
    present name[]
)
returns text
language plpgsql
volatile
as $function$
declare
    name text := 'sqlembed_source_' || pg_catalog.replace(pg_catalog.gen_random_uuid()::text, '-', '');
    columns text;
    renamed record;
    definition text;
begin
    if _renamed_source.declared operator(pg_catalog.=) _renamed_source.present then
        return _renamed_source.source;
    end if;
    if pg_catalog.array_position(_renamed_source.present, null) is not null then
        return null;
    end if;
    -- PostgreSQL reads the expression over a table that has the old names, and writes it down once
    -- that table has been given the new ones.
    execute pg_catalog.format(
        'create temporary table %I as select %s from %s as r with no data',
        name || '_t',
        (
            select pg_catalog.string_agg(pg_catalog.format('r.%I as %I', c.present, c.declared), ', ')
            from unnest(_renamed_source.present, _renamed_source.declared) as c (present, declared)
        ),
        _renamed_source.relation
    );
    execute pg_catalog.format(
        'create temporary view %1$I as select (%2$s) as %1$I from pg_temp.%3$I', name, _renamed_source.source, name || '_t'
    );
    -- In two steps: two columns may have changed their names with each other.
    for renamed in
        select c.declared, c.present, 'sqlembed_column_' || c.position as meanwhile
        from unnest(_renamed_source.declared, _renamed_source.present)
            with ordinality as c (declared, present, position)
    loop
        execute pg_catalog.format(
            'alter table pg_temp.%I rename column %I to %I', name || '_t', renamed.declared, renamed.meanwhile
        );
    end loop;
    for renamed in
        select c.present, 'sqlembed_column_' || c.position as meanwhile
        from pg_catalog.unnest(_renamed_source.present) with ordinality as c (present, position)
    loop
        execute pg_catalog.format(
            'alter table pg_temp.%I rename column %I to %I', name || '_t', renamed.meanwhile, renamed.present
        );
    end loop;
    definition := sqlembed._view_definition(pg_catalog.to_regclass('pg_temp.' || name));
    execute pg_catalog.format('drop table pg_temp.%I cascade', name || '_t');
    return pg_catalog.regexp_replace(
        pg_catalog.regexp_replace(definition, '^\s*SELECT\s+', ''), ' AS ' || name || '\s.*$', ''
    );
end
$function$;

comment on function sqlembed._renamed_source(regclass, text, name[], name[]) is
    'A canonical source expression after its columns have got other names; NULL when one is gone.';

create or replace function sqlembed._row_source(relation regclass, expression text, row_name text) returns text
language plpgsql
volatile
as $function$
declare
    -- A name that stands nowhere else.
    marker text := 'sqlembed_row_' || pg_catalog.replace(pg_catalog.gen_random_uuid()::text, '-', '');
    made text := sqlembed._prefixed_source(_row_source.relation, _row_source.expression, marker);
    pattern text;
    generated record;
begin
    for generated in
        select pg_catalog.quote_ident(a.attname) as name, sqlembed._generation(a.attrelid, a.attnum) as expression
        from pg_catalog.pg_attribute as a
        where a.attrelid operator(pg_catalog.=) _row_source.relation and a.attgenerated operator(pg_catalog.<>) ''
            and not a.attisdropped
    loop
        pattern := marker || '\.' || pg_catalog.regexp_replace(generated.name, '([^[:alnum:]_ ])', '\\\1', 'g')
            || '(?![a-z0-9_"])';
        if made operator(pg_catalog.~) pattern then
            made := pg_catalog.regexp_replace(
                made,
                pattern,
                pg_catalog.replace(
                    '(' || sqlembed._prefixed_source(_row_source.relation, generated.expression, marker) || ')', '\', '\\'
                ),
                'g'
            );
        end if;
    end loop;
    return pg_catalog.replace(made, marker || '.', _row_source.row_name || '.');
end
$function$;

comment on function sqlembed._row_source(regclass, text, text) is
    'A canonical source expression over new or old, with the expressions of generated columns in their place: before an update nobody else knows their new values.';

create or replace function sqlembed._unattached(
    declared sqlembed.embedding,
    out member regclass,
    out state text
)
returns setof record
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    select
        m.member,
        case
            when bool_or(t.oid is null) then 'missing'
            when bool_or(t.tgenabled = 'D') then 'disabled'
            else 'changed'
        end
    from unnest(declared.relation || sqlembed._members(declared.relation)) as m (member)
    cross join sqlembed._wanted_triggers(declared) as w
    left join pg_trigger as t
        on t.tgrelid = m.member
        and t.tgname = w.name
        and t.tgfoid = to_regprocedure(format('sqlembed.%I()', w.function))
    group by m.member
    having bool_or(t.tgenabled is distinct from w.fires)
    order by m.member
$function$;

comment on function sqlembed._unattached(sqlembed.embedding) is
    'Tables of an embedding whose triggers are missing, disabled or otherwise than they were made.';

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

create or replace function sqlembed._wanted_triggers(
    declared sqlembed.embedding,
    out name name,
    out definition text,
    out function name,
    out fires "char"
)
returns setof record
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    -- A statement fires the triggers of the table that it names, a row those of the table that it
    -- is in, and partitions get the row triggers of their parent whenever they are made or attached.
    -- A row that moves to another partition is updated before it moves and inserted afterwards.
    -- What replication applies fires row triggers alone, if they are made for it.
    select format(w.name, declared.id)::name, w.definition, format(w.function, declared.id)::name, w.fires::"char"
    from (select sqlembed._is_family(declared.relation) as is_family, declared.on_change = 'hide' as hides) as d
    cross join lateral (
        values
            (
                not d.is_family, 'sqlembed_insert_%s', '_note_%s', 'O',
                'after insert on %s referencing new table as sqlembed_new for each statement'
            ),
            (
                not d.is_family, 'sqlembed_update_%s', '_note_%s', 'O',
                'after update on %s referencing old table as sqlembed_old new table as sqlembed_new for each statement'
            ),
            (
                not d.is_family, 'sqlembed_applied_%s', '_note_row_%s', 'R',
                'after insert or update on %s for each row'
            ),
            (d.is_family, 'sqlembed_insert_%s', '_note_row_%s', 'A', 'after insert on %s for each row'),
            (d.is_family and d.hides, 'sqlembed_update_%s', '_note_row_%s', 'A', 'after update on %s for each row'),
            -- The names of the others sort last, so that they see the row as other triggers leave it.
            (
                d.is_family and not d.hides, 'zz_sqlembed_update_%s', '_note_row_%s', 'A',
                'before update on %s for each row'
            ),
            (d.hides, 'zz_sqlembed_hide_%s', '_hide_%s', 'A', 'before update on %s for each row')
    ) as w (is_wanted, name, function, fires, definition)
    where w.is_wanted
$function$;

comment on function sqlembed._wanted_triggers(sqlembed.embedding) is
    'The triggers that an embedding needs on its table, and on every child of it: of whole statements where nobody writes its rows through another table, otherwise of rows. fires is as in pg_trigger.tgenabled.';

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
    perform sqlembed._check_family(create_embedding.relation, create_embedding.embedding);
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
    index_schema name;
begin
    perform sqlembed._check_relation(drop_embedding.relation);
    delete from sqlembed.embedding as e where e.id operator(pg_catalog.=) declared.id;
    perform sqlembed._drop_triggers(declared.id, '{}', '{}');
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
    if exists (select from sqlembed._unattached(declared) as u) then
        perform sqlembed._attach_triggers(declared);
    end if;
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
    'Queue rows to be embedded anew, all of them or those that a SQL condition keeps. Returns how many. Their present vectors stay meanwhile. Triggers that are missing or disabled are put back.';

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
    present record;
    renamed text;
    has_children boolean;
    is_same text;
begin
    select e.* into declared from sqlembed.embedding as e where e.id = _describe_embedding.embedding;
    match := (select k.match from sqlembed._key_sql(declared.relation) as k);
    select p.* into present from sqlembed._present_columns(declared) as p;
    -- The source's own names for its columns. One that is gone is no column: PostgreSQL says so.
    renamed := (
        select string_agg(format('r.%I as %I', coalesce(c.present, c.declared), c.declared), ', ')
        from unnest(present.source, declared.source_columns) as c (present, declared)
    );
    -- The primary keys of a parent and its children know nothing of each other.
    has_children := cardinality(sqlembed._members(declared.relation)) > 0
        and (select c.relkind = 'r' from pg_class as c where c.oid = declared.relation);

    -- $1: keys, $2: budget in bytes. Beyond it rows are postponed: a worker's memory is not the
    -- table's size.
    _describe_embedding.read_sources := format(
        'select t.key, case when not t.postponed then t.input end, sqlembed._blank(t.input), t.postponed
        from (
            select
                k.key,
                %5$ss.input::text%6$s as input,
                coalesce(
                    sum(octet_length(s.input::text)) over (rows between unbounded preceding and 1 preceding) >= $2, false
                ) as postponed
            from unnest($1) as k (key)
            cross join lateral (
                select s.input
                from %1$s as r
                cross join lateral (select (%3$s) as input from (select %4$s) as r) as s
                where %2$s
            ) as s
        ) as t',
        declared.relation,
        match,
        declared.source,
        renamed,
        case when has_children then 'case when sqlembed._is_only_row(count(*) over (partition by k.key), k.key) then ' else '' end,
        case when has_children then ' end' else '' end
    );

    is_same := format(
        '(
            select case
                when k.hash is null then s.input is null
                else sha256(convert_to(s.input::text, ''UTF8'')) = k.hash
            end
            from (select (%s) as input from (select %s) as r) as s
        )',
        declared.source, renamed
    );

    -- $1: keys, $2: sha256 of their texts, $3: vectors. Of the last two there may be fewer than
    -- rows: the rest have no text, or one that is blank and gets no vector. The answer is the keys of
    -- the rows that are up to date; the others have changed, are locked or gone.
    -- The test of the text stands on the target row itself: when a writer commits while this waits,
    -- PostgreSQL evaluates it again on the new row and nothing stale is written. Rows that anybody
    -- has locked are left for later. The lock leaves foreign keys to the row alone.
    _describe_embedding.write_vectors := format(
        'with current as materialized (
            select k.key, k.hash, k.vector
            from rows from (unnest($1), unnest($2), unnest($3)) as k (key, hash, vector)
            cross join lateral (
                select
                from %1$s as r
                where %2$s and %6$s
                for no key update of r skip locked
            ) as locked
        ),
        written as (
            update %1$s as r
            set %4$I = k.vector::%5$s
            from current as k
            where %2$s and (k.vector is not null or r.%4$I is not null)%7$s
        )
        select c.key from current as c',
        declared.relation,
        match,
        declared.source,
        present.vector,
        case declared.storage when 'vector' then 'public.vector' else 'public.halfvec' end,
        is_same,
        -- A row of another table of the family may have got the same key since.
        case when has_children then ' and ' || is_same else '' end
    );
end
$function$;

comment on function sqlembed._describe_embedding(integer) is
    'The statements with which a worker serves an embedding: one reads texts, one writes vectors. It prepares them once.';

revoke execute on function sqlembed._describe_embedding(integer) from public;

create or replace function sqlembed._drop_leftovers() returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '200ms'
as $function$
declare
    made regprocedure;
begin
    for made in
        select p.oid::regprocedure
        from pg_proc as p
        where p.pronamespace = 'sqlembed'::regnamespace
            and p.proname ~ '^_(note|note_row|hide)_[0-9]+$'
            and not exists (
                select from sqlembed.embedding as e where e.id = substring(p.proname from '[0-9]+$')::integer
            )
        order by p.oid
    loop
        -- With the triggers that call it, on whatever table.
        begin
            execute format('drop function %s cascade', made);
        exception when lock_not_available then
            -- Next time, then: nobody's writing is to wait for it.
            null;
        end;
    end loop;
end
$function$;

comment on function sqlembed._drop_leftovers() is
    'Remove the trigger functions of embeddings whose column is gone, and their triggers.';

revoke execute on function sqlembed._drop_leftovers() from public;

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

create or replace function sqlembed._follow_columns() returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
set lock_timeout = '200ms'
as $function$
declare
    changed record;
    renamed integer[];
    mixed_up integer[];
begin
    with present as (
        select
            e,
            k.columns,
            k.expression,
            array(
                select a.atttypid::regtype
                from unnest(k.columns) with ordinality as c (name, position)
                join pg_attribute as a on a.attrelid = e.relation and a.attname = c.name and not a.attisdropped
                order by c.position
            ) as types,
            c.vector,
            -- A source that has lost a column stays as it was: status tells.
            case when array_position(c.source, null) is null then c.source else e.source_columns end as source
        from sqlembed.embedding as e
        cross join lateral sqlembed._key_sql(e.relation) as k
        cross join lateral sqlembed._present_columns(e) as c
        where k.columns is not null and c.vector is not null
    ),
    changed as (
        select
            p.*,
            -- Whether, until now, the triggers took another column for one of these.
            exists (
                select
                from unnest(
                    p.columns || p.vector || p.source, (p.e).key_columns || (p.e).name || (p.e).source_columns
                ) as c (present, declared)
                join pg_attribute as a
                    on a.attrelid = (p.e).relation and a.attname = c.declared and not a.attisdropped
                where c.present is distinct from c.declared
            ) as is_mixed_up
        from present as p
        where (p.columns, p.types, p.vector, p.source, (p.e).relation::oid)
            is distinct from
            ((p.e).key_columns, (p.e).key_types, (p.e).name, (p.e).source_columns, (p.e).numbered_in)
    ),
    -- All at once: two vector columns may have changed their names with each other.
    followed as (
        update sqlembed.embedding as e
        set
            key_columns = c.columns,
            key_types = c.types,
            key_expression = c.expression,
            name = c.vector,
            source = sqlembed._renamed_source(e.relation, e.source, e.source_columns, c.source),
            source_columns = c.source,
            source_numbers = sqlembed._column_numbers(e.relation, c.source),
            vector_number = (sqlembed._column_numbers(e.relation, array[c.vector]))[1],
            numbered_in = e.relation::oid
        from changed as c
        where e.id = (c.e).id
        returning e.id, c.is_mixed_up
    )
    select array_agg(f.id), array_agg(f.id) filter (where f.is_mixed_up)
    into renamed, mixed_up
    from followed as f;

    for changed in select e.* from sqlembed.embedding as e where e.id = any (renamed)
    loop
        perform sqlembed._make_note_function(changed.id);
        perform sqlembed._make_row_functions(changed.id);
        execute format(
            'insert into sqlembed.change (embedding, key) select %s, %s from %s as r where r.%I is null or %L',
            changed.id, changed.key_expression, changed.relation, changed.name,
            changed.id = any (coalesce(mixed_up, '{}'))
        );
    end loop;
exception when lock_not_available then
    -- Next time, then.
    null;
end
$function$;

comment on function sqlembed._follow_columns() is
    'Follow columns of keys, sources and vectors that have other names or types now.';

revoke execute on function sqlembed._follow_columns() from public;

create or replace function sqlembed._follow_families() returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
set lock_timeout = '200ms'
as $function$
declare
    declared sqlembed.embedding;
    known regclass[];
    is_partitioned boolean;
    newcomer regclass;
begin
    for declared in
        select e.*
        from sqlembed.embedding as e
        cross join lateral sqlembed._present_columns(e) as p
        where (
                sqlembed._members(e.relation) <> e.members
                or exists (select from sqlembed._unattached(e) as u where u.state <> 'disabled')
            )
            -- A source that has lost a column can only be declared anew.
            and array_position(p.source, null) is null
        order by e.id
    loop
        -- Where this role may not, status says who may.
        if pg_has_role((select c.relowner from pg_class as c where c.oid = declared.relation), 'usage') then
            begin
                if exists (select from sqlembed._unattached(declared) as u where u.state <> 'disabled') then
                    perform sqlembed._attach_triggers(declared);
                else
                    perform sqlembed._drop_triggers(
                        declared.id,
                        array(select w.name from sqlembed._wanted_triggers(declared) as w),
                        declared.relation || sqlembed._members(declared.relation)
                    );
                end if;
            exception when lock_not_available or insufficient_privilege then
                -- Next time, then, or by somebody else.
                null;
            end;
        end if;
        is_partitioned := (select c.relkind = 'p' from pg_class as c where c.oid = declared.relation);
        known := array(
            select m.member
            from unnest(sqlembed._members(declared.relation)) as m (member)
            where m.member = any (declared.members)
                or m.member not in (select u.member from sqlembed._unattached(declared) as u)
            order by m.member
        );
        -- A partition had triggers from its first day on, and the vectors that it brought along are
        -- its own. A child may have been written to unnoticed.
        foreach newcomer in array known
        loop
            continue when newcomer = any (declared.members);
            execute format(
                'insert into sqlembed.change (embedding, key) select %s, %s from only %s as r where r.%I is null or not %L',
                declared.id, declared.key_expression, newcomer, declared.name, is_partitioned
            );
        end loop;
        update sqlembed.embedding as e
        set members = known
        where e.id = declared.id and e.members <> known;
    end loop;
end
$function$;

comment on function sqlembed._follow_families() is
    'Put triggers on tables that have become children of an embedded one, take them off those that no longer are, and queue the rows that newcomers brought along.';

revoke execute on function sqlembed._follow_families() from public;

create or replace function sqlembed._forget_failures() returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    declared record;
begin
    delete from sqlembed.failed_job as f
    where f.embedding not in (select e.id from sqlembed.embedding as e);
    for declared in
        select e.id, e.relation, k.match
        from sqlembed.embedding as e
        cross join lateral sqlembed._key_sql(e.relation) as k
        where exists (select from sqlembed.failed_job as f where f.embedding = e.id)
    loop
        begin
            -- Some of them each time, so that it never takes long.
            execute format(
                'delete from sqlembed.failed_job as f
                where f.ctid = any (
                    array(
                        select l.ctid
                        from (
                            select f.key from sqlembed.failed_job as f where f.embedding = %1$s order by random() limit 1000
                        ) as k
                        join sqlembed.failed_job as l on l.embedding = %1$s and l.key = k.key
                        where not exists (select from %2$s as r where %3$s)
                        for update of l skip locked
                    )
                )',
                declared.id, declared.relation, declared.match
            );
        exception when undefined_table or insufficient_privilege or data_exception then
            -- Dropped a moment ago, not readable for this role, or a key of another type than it
            -- was: the worker says so when it serves the table.
            null;
        end;
    end loop;
end
$function$;

comment on function sqlembed._forget_failures() is
    'Forget failures of rows that are gone.';

revoke execute on function sqlembed._forget_failures() from public;

create or replace function sqlembed._is_only_row(rows bigint, key jsonb) returns boolean
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $function$
begin
    if _is_only_row.rows > 1 then
        raise exception 'sqlembed: % rows of the inheritance family have the key %', _is_only_row.rows, _is_only_row.key
            using errcode = 'SE010', hint = 'Give all but one of them another, then: sqlembed retry.';
    end if;
    return true;
end
$function$;

comment on function sqlembed._is_only_row(bigint, jsonb) is
    'An error when a key stands for several rows: the primary key of a parent does not bind its children.';

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
    where not exists (select from sqlembed._present_columns(e) as p where p.vector is not null);
    perform sqlembed._follow_columns();
    perform sqlembed._follow_families();
    perform sqlembed._drop_leftovers();
    with orphans as materialized (
        select j.embedding, j.key
        from sqlembed.job as j
        where j.embedding not in (select e.id from sqlembed.embedding as e)
        for update skip locked
    )
    delete from sqlembed.job as j
    using orphans as o
    where j.embedding = o.embedding and j.key = o.key;
    perform sqlembed._forget_failures();
end
$function$;

comment on function sqlembed._sweep(bigint) is
    'Housekeeping: old requests, the oldest of the cache beyond a number of rows, leases of workers that are dead or stuck, embeddings whose table or column was dropped or renamed, tables that have joined a family, failures of rows that are gone, and what belongs to embeddings that are no more.';

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

create or replace function sqlembed._attempt(
    source anyelement,
    query public.vector,
    k integer,
    relation regclass,
    filter text,
    statement text,
    exact_statement text
)
returns table (base anyelement, distance double precision, key jsonb, place tid, attempt integer)
language plpgsql
stable
rows 10
as $function$
declare
    found_rows bigint := 0;
    ef_search text;
    hnsw_scan text;
    ivfflat_scan text;
    problem text;
    pg_hint text;
begin
    -- Besides, a function of pgvector has to run before its settings are there.
    if public.vector_dims(_attempt.query) is null then
        return;
    end if;
    ef_search := pg_catalog.current_setting('hnsw.ef_search');
    -- pgvector has these since 0.8.
    hnsw_scan := pg_catalog.current_setting('hnsw.iterative_scan', true);
    ivfflat_scan := pg_catalog.current_setting('ivfflat.iterative_scan', true);

    -- On random vectors, the hardest case, 40 candidates had 0.90 of the nearest 10, 100 had 0.99.
    perform pg_catalog.set_config(
        'hnsw.ef_search',
        least(
            1000,
            greatest(60 operator(pg_catalog.+) (4 operator(pg_catalog.*) least(_attempt.k, 235)), ef_search::integer)
        )::text,
        true
    );
    -- So that a scan goes on until k rows pass the filter; relaxed_order finds more of the nearest
    -- than strict_order.
    if hnsw_scan operator(pg_catalog.=) 'off' then
        perform pg_catalog.set_config('hnsw.iterative_scan', 'relaxed_order', true);
    end if;
    if ivfflat_scan operator(pg_catalog.=) 'off' then
        perform pg_catalog.set_config('ivfflat.iterative_scan', 'relaxed_order', true);
    end if;

    if _attempt.statement is not null then
        return query execute _attempt.statement using _attempt.query, _attempt.k;
        get diagnostics found_rows = row_count;
    end if;
    -- An index may give up before it has found k of the rows that pass the filter.
    if found_rows operator(pg_catalog.<) _attempt.k then
        return query execute _attempt.exact_statement using _attempt.query, _attempt.k;
    end if;

    -- An error undoes settings by itself, the end of a function only those that it was created with.
    perform pg_catalog.set_config('hnsw.ef_search', ef_search, true);
    if hnsw_scan operator(pg_catalog.=) 'off' then
        perform pg_catalog.set_config('hnsw.iterative_scan', 'off', true);
    end if;
    if ivfflat_scan operator(pg_catalog.=) 'off' then
        perform pg_catalog.set_config('ivfflat.iterative_scan', 'off', true);
    end if;
exception
    when others then
        get stacked diagnostics problem = message_text, pg_hint = pg_exception_hint;
        perform sqlembed._explain_failure(
            sqlstate, problem, pg_hint, _attempt.relation, _attempt.filter, public.vector_dims(_attempt.query)
        );
        raise;
end
$function$;

comment on function sqlembed._attempt(anyelement, public.vector, integer, regclass, text, text, text) is
    'Rows that a vector index finds as attempt 1, and where those are fewer than k, the rows found without it as attempt 2. The filter runs with the rights and the search_path of the caller.';

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

create or replace function sqlembed._nearest(
    source anyelement,
    query public.vector,
    k integer,
    relation regclass,
    filter text,
    statement text,
    exact_statement text
)
returns table (base anyelement, distance double precision, key jsonb)
language sql
stable
rows 10
as $function$
    -- Inlined into the searches. An index in relaxed order leaves the order to us; an attempt
    -- that found too few rows is void; and where there is no distance (cosine of a zero vector)
    -- there is no neighbour.
    select a.base, a.distance, a.key
    from (
        select t.*, pg_catalog.max(t.attempt) over () as last_attempt
        from sqlembed._attempt(
            _nearest.source, _nearest.query, _nearest.k, _nearest.relation, _nearest.filter, _nearest.statement,
            _nearest.exact_statement
        ) as t
    ) as a
    where a.attempt operator(pg_catalog.=) a.last_attempt and a.distance operator(pg_catalog.<>) 'NaN'
    order by a.distance, a.key, a.place
$function$;

comment on function sqlembed._nearest(anyelement, public.vector, integer, regclass, text, text, text) is
    'The k rows nearest to a vector, nearest first, equal distances in the order of their keys.';

create or replace function sqlembed._plan_search(
    function_name text,
    source anyelement,
    k integer,
    name name,
    filter text,
    mode text,
    metric text,
    out relation regclass,
    out embedder text,
    out statement text,
    out exact_statement text
)
language plpgsql
stable
-- The look-up takes less time than planning it anew, as a session's first calls would.
set plan_cache_mode = force_generic_plan
as $function$
declare
    row_type pg_catalog.regtype := pg_catalog.pg_typeof(_plan_search.source);
    target record;
    vector_column name;
    key_columns text;
    distance text;
begin
    if (
        _plan_search.mode in ('vector', 'exact')
        and _plan_search.k operator(pg_catalog.>=) 1
        and (_plan_search.k operator(pg_catalog.<=) 1000 or _plan_search.mode operator(pg_catalog.=) 'exact')
        and (_plan_search.filter is null or not sqlembed._blank(_plan_search.filter))
    ) is not true then
        perform sqlembed._refuse_arguments(_plan_search.k, _plan_search.filter, _plan_search.mode);
    end if;
    select
        c.oid::pg_catalog.regclass as relation,
        c.relname,
        c.relkind,
        i.indexrelid as key_index,
        i.indnkeyatts as key_length,
        d.*
    into target
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
        where e.relation operator(pg_catalog.=) c.oid and e.name operator(pg_catalog.=) coalesce(_plan_search.name, e.name)
    ) as d
    where t.oid operator(pg_catalog.=) row_type;
    if target.relation is null then
        perform sqlembed._refuse_relation(
            _plan_search.function_name,
            case when row_type operator(pg_catalog.=) 'regclass'::pg_catalog.regtype then _plan_search.source::text end
        );
    end if;

    _plan_search.relation := target.relation;
    _plan_search.embedder := target.embedder;
    vector_column := target.name;
    if target.declared operator(pg_catalog.<>) 1 then
        if _plan_search.function_name operator(pg_catalog.=) 'search' then
            perform sqlembed._refuse_undeclared(target.relation, _plan_search.name);
        end if;
        vector_column := sqlembed._vector_column(target.relation, _plan_search.name);
        target.metric := 'cosine';
    end if;
    for n in 1..coalesce(target.key_length, 0) loop
        key_columns := pg_catalog.concat_ws(
            ', ',
            key_columns,
            pg_catalog.format('%I.%s', target.relname, pg_catalog.pg_get_indexdef(target.key_index, n, false))
        );
    end loop;
    distance := pg_catalog.format(
        '%I.%I %s $1',
        target.relname,
        vector_column,
        sqlembed._metric_operator(coalesce(_plan_search.metric, target.metric))
    );
    if _plan_search.mode operator(pg_catalog.=) 'vector' then
        _plan_search.statement := sqlembed._search_statement(
            target.relname, target.relation::text, row_type::text, target.relkind, vector_column, key_columns,
            distance, _plan_search.filter, 1
        );
    end if;
    _plan_search.exact_statement := sqlembed._search_statement(
        target.relname, target.relation::text, row_type::text, target.relkind, vector_column, key_columns,
        distance, _plan_search.filter, 2
    );
end
$function$;

comment on function sqlembed._plan_search(text, anyelement, integer, name, text, text, text) is
    'Check the arguments of a search, find its table and vector column, and make its statements for the query vector $1 and k $2: one that may use a vector index, unless it is to be exact, and one that does not.';

create or replace function sqlembed._refuse_arguments(k integer, filter text, mode text) returns void
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $function$
begin
    perform sqlembed._check_choice('mode', _refuse_arguments.mode, '{vector,exact}', '{hybrid}');
    if _refuse_arguments.k > 1000 then
        raise exception 'sqlembed: k must be 1000 or less, not %', _refuse_arguments.k
            using errcode = 'SE014', hint = 'With mode => ''exact'' it may be larger.';
    end if;
    if _refuse_arguments.k >= 1 then
        raise exception 'sqlembed: the filter is empty'
            using errcode = 'SE015', hint = 'To search all rows, leave it out or give NULL.';
    end if;
    raise exception 'sqlembed: k must be 1 or more, not %', coalesce(_refuse_arguments.k::text, 'NULL')
        using errcode = 'SE014', hint = 'k is the number of rows to find.';
end
$function$;

comment on function sqlembed._refuse_arguments(integer, text, text) is
    'The error for arguments that no search can have.';

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
                case _refuse_relation.function_name when 'search' then '''food''' else '''[1, 2, 3]''' end
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

create or replace function sqlembed._search_statement(
    relation_name name,
    relation text,
    row_type text,
    relation_kind "char",
    vector_column name,
    key_columns text,
    distance text,
    filter text,
    attempt integer
)
returns text
language sql
stable
as $function$
    -- The table keeps its name, because the filter may use it. The volatile clock makes PostgreSQL
    -- put a row together after it has sorted, which reads the row out of TOAST, and not before.
    select pg_catalog.format(
        'select
            case when pg_catalog.clock_timestamp() is not null then row(%1$I.*)::%2$s end,
            %3$s,
            case when pg_catalog.clock_timestamp() is not null then pg_catalog.jsonb_build_array(%4$s) end,
            %5$s,
            %6$s
        from %7$s as %1$I
        where %1$I.%8$I is not null and (%9$s
        )
        order by %3$s%10$s
        limit $2',
        relation_name,
        row_type,
        -- Vector indexes answer to the bare operator alone.
        case attempt
            when 1 then distance
            else pg_catalog.format('(%s) operator(pg_catalog.+) ''0''::pg_catalog.float8', distance)
        end,
        case
            when key_columns is not null then key_columns
            when relation_kind in ('r', 'p', 'm') then pg_catalog.format('%I.tableoid::pg_catalog.int8', relation_name)
        end,
        case
            when key_columns is null and relation_kind in ('r', 'p', 'm') then pg_catalog.format('%I.ctid', relation_name)
            else 'null::pg_catalog.tid'
        end,
        attempt,
        relation,
        vector_column,
        coalesce(filter, 'true'),
        case
            when attempt operator(pg_catalog.=) 1 then ''
            when key_columns is not null then ', ' || key_columns
            when relation_kind in ('r', 'p', 'm') then pg_catalog.format(', %1$I.tableoid, %1$I.ctid', relation_name)
        end
    )
$function$;

comment on function sqlembed._search_statement(name, text, text, "char", name, text, text, text, integer) is
    'A statement that finds the nearest rows: row, distance, key, place of rows without a primary key, and number of the attempt. The second attempt uses no vector index.';

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

create or replace function sqlembed.search(
    relation anyelement,
    query text,
    k integer default 10,
    embedding name default null,
    filter text default null,
    mode text default 'vector'
)
returns table (base anyelement, distance double precision, score double precision, chunk text)
language plpgsql
stable
rows 10
as $function$
declare
    plan record := sqlembed._plan_search(
        'search', search.relation, search.k, search.embedding, search.filter, search.mode, null
    );
    query_vector public.vector;
begin
    if sqlembed._blank(search.query) then
        raise exception 'sqlembed: the query is empty' using errcode = 'SE014', hint = 'Give the text to search for.';
    end if;
    -- Once, and before anything with the filter runs: its errors are its own.
    query_vector := sqlembed.embed(plan.embedder, search.query);
    return query
    select n.base, n.distance, null::pg_catalog.float8, null::pg_catalog.text
    from sqlembed._nearest(
        search.relation, query_vector, search.k, plan.relation, search.filter, plan.statement, plan.exact_statement
    ) as n;
end
$function$;

comment on function sqlembed.search(anyelement, text, integer, name, text, text) is
    'The k rows whose embedding is nearest to a text, nearest first: select (base).title, distance from sqlembed.search(null::article, ''food''). filter is a condition on one row of the table, applied before ranking; mode => ''exact'' compares every row.';

create or replace function sqlembed.search(
    relation text,
    query text,
    k integer default 10,
    embedding name default null,
    filter text default null,
    mode text default 'vector'
)
returns table (base text, distance double precision, score double precision, chunk text)
language plpgsql
immutable
as $function$
begin
    perform sqlembed._refuse_relation('search', search.relation);
end
$function$;

comment on function sqlembed.search(text, text, integer, name, text, text) is
    'Always an error, which shows how a table is given: as a NULL of its row type.';

create or replace function sqlembed.vector_search(
    relation anyelement,
    query public.vector,
    k integer default 10,
    embedding name default null,
    filter text default null,
    mode text default 'vector',
    metric text default null
)
returns table (base anyelement, distance double precision, score double precision, chunk text)
language plpgsql
stable
rows 10
as $function$
declare
    plan record := sqlembed._plan_search(
        'vector_search', vector_search.relation, vector_search.k, vector_search.embedding, vector_search.filter,
        vector_search.mode, vector_search.metric
    );
begin
    return query
    select n.base, n.distance, null::pg_catalog.float8, null::pg_catalog.text
    from sqlembed._nearest(
        vector_search.relation, vector_search.query, vector_search.k, plan.relation, vector_search.filter,
        plan.statement, plan.exact_statement
    ) as n;
end
$function$;

comment on function sqlembed.vector_search(anyelement, public.vector, integer, name, text, text, text) is
    'As search, for a vector that is at hand; NULL has no neighbours. Any vector column will do, declared as an embedding or not: embedding names it. metric NULL means the declared one, else cosine.';

create or replace function sqlembed.vector_search(
    relation text,
    query public.vector,
    k integer default 10,
    embedding name default null,
    filter text default null,
    mode text default 'vector',
    metric text default null
)
returns table (base text, distance double precision, score double precision, chunk text)
language plpgsql
immutable
as $function$
begin
    perform sqlembed._refuse_relation('vector_search', vector_search.relation);
end
$function$;

comment on function sqlembed.vector_search(text, public.vector, integer, name, text, text, text) is
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
    p.vector as embedding,
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
        when u.member is not null then format(
            'triggers of %s are %s, so that changes are not noticed: its owner can say select sqlembed.refresh_embedding(%L, %L)',
            u.member, u.state, e.relation, p.vector
        )
        -- It may quote a row.
        when q.last_error is not null and sqlembed._sees_all_rows(e.relation) then q.last_error
        when m.fingerprint is null then 'unserved: no worker has registered embedder ' || quote_ident(e.embedder)
    end as last_error
from sqlembed.embedding as e
join sqlembed.embedder as m on m.name = e.embedder
cross join lateral sqlembed._present_columns(e) as p
cross join lateral sqlembed._count_rows(e.relation, p.vector, e.source) as c
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
    from unnest(e.source_columns, p.source) as s (name, present)
    where s.present is null
    limit 1
) as g on true
left join lateral (
    select t.member, t.state
    from sqlembed._unattached(e) as t
    where t.state <> 'changed'
    limit 1
) as u on true
where has_table_privilege(e.relation, 'select') and p.vector is not null;

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

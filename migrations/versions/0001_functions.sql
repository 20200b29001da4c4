create or replace function sqlembed._blank(input text) returns boolean
language sql
immutable
parallel safe
as $function$
    select _blank.input is null or _blank.input operator(pg_catalog.!~) '\S'
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
begin
    -- The planner may call this for rows that a condition of the view leaves out.
    if not pg_catalog.has_table_privilege(_count_rows.relation, 'select') or not exists (
        select
        from pg_catalog.pg_attribute as a
        where a.attrelid operator(pg_catalog.=) _count_rows.relation
            and a.attname operator(pg_catalog.=) _count_rows.name
            and not a.attisdropped
    ) then
        return;
    end if;
    execute pg_catalog.format(
        'select
            pg_catalog.count(*),
            pg_catalog.count(r.%1$I),
            pg_catalog.count(*) filter (where r.%1$I is null and sqlembed._blank(%2$s))
        from (select * from %3$s) as r',
        _count_rows.name, _count_rows.source, _count_rows.relation
    )
    into _count_rows.total, _count_rows.embedded, _count_rows.blank;
end
$function$;

comment on function sqlembed._count_rows(regclass, name, text) is
    'Rows of an embedded table that the caller can see: all, those with a vector, and those with nothing to embed.';

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
    if setting ~ '^\s*\d+\s*$' then
        setting := setting || ' ms';
    end if;
    if setting !~ '^\s*\d+(\.\d+)?\s*(us|ms|s|min|h|d)\s*$' then
        raise exception 'sqlembed: sqlembed.request_timeout is not a time: %', quote_literal(setting)
            using errcode = 'SE014', hint = 'For instance: set sqlembed.request_timeout = ''30s''.';
    end if;
    return setting::interval;
end
$function$;

comment on function sqlembed._request_timeout() is
    'How long a statement waits for a worker: the setting sqlembed.request_timeout, else 10 s.';

create or replace function sqlembed._configure_loopback(password text default null) returns boolean
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    owner name := (
        select pg_get_userbyid(p.proowner)
        from pg_proc as p
        where p.oid = 'sqlembed._ask(text, bytea, text, text[])'::regprocedure
    );
    listening text := current_setting('listen_addresses');
    given text := _configure_loopback.password;
    host text;
    chosen text;
begin
    if not exists (select from pg_foreign_server as s where s.srvname = 'sqlembed_loopback') then
        create server sqlembed_loopback foreign data wrapper dblink_fdw options (
            host 'localhost', port '5432', dbname 'postgres', application_name 'sqlembed loopback',
            -- The loopback notices within half a second that its caller is gone.
            options '-c client_connection_check_interval=500 -c synchronous_commit=off'
        );
    end if;
    execute format(
        'alter server sqlembed_loopback options (set port %L, set dbname %L)',
        current_setting('port'), current_database()
    );

    if given is null and not exists (
        select
        from pg_user_mappings as m
        where m.srvname = 'sqlembed_loopback' and m.usename = owner
    ) then
        given := replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '');
        execute format('alter role sqlembed_loopback password %L', given);
    end if;
    if given is not null then
        execute format('drop user mapping if exists for %I server sqlembed_loopback', owner);
        execute format(
            'create user mapping for %I server sqlembed_loopback options (user ''sqlembed_loopback'', password %L)',
            owner, given
        );
    end if;

    -- The way in depends on pg_hba.conf, which SQL cannot read everywhere: try them in turn.
    for host in
        select h
        from (
            select 1 as rank, case when listening ~ '\*|localhost|127\.0\.0\.1|0\.0\.0\.0' then '127.0.0.1' else trim(a) end as h
            from unnest(string_to_array(nullif(listening, ''), ',')) as a
            union
            select 2, trim(d)
            from unnest(string_to_array(nullif(current_setting('unix_socket_directories', true), ''), ',')) as d
        ) as ways
        order by rank, h
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
    execute format('alter server sqlembed_loopback options (set host %L)', coalesce(chosen, 'localhost'));
    return false;
end
$function$;

comment on function sqlembed._configure_loopback(text) is
    'Lead the loopback to this database and find a way to log in; without a password it keeps the present one, or makes one. False when no way is open. Not inside the transaction that made the role.';

revoke execute on function sqlembed._configure_loopback(text) from public;

create or replace function sqlembed._probe_loopback() returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    perform sqlembed_dblink.dblink_connect('sqlembed_probe', 'sqlembed_loopback');
    perform sqlembed_dblink.dblink_disconnect('sqlembed_probe');
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
    update sqlembed.request as r
    set asked_at = clock_timestamp()
    where r.id = ask_again.id and r.ticket = ask_again.ticket
    returning r.* into asked;
    if not found then
        return false;
    end if;
    if not asked.done and not sqlembed._is_alive(asked.worker) then
        chosen := sqlembed._choose_worker(asked.embedder);
        update sqlembed.request as r set worker = chosen where r.id = ask_again.id and not r.done;
        perform pg_notify('sqlembed_' || chosen, '');
    end if;
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
    if submit.ticket is distinct from sqlembed._ticket(submit.embedder, submit.kind, submit.inputs) then
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
        perform sqlembed._open_loopback();
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
                'sqlembed',
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

create or replace function sqlembed._open_loopback() returns void
language plpgsql
volatile
parallel restricted
set search_path = pg_catalog, pg_temp
as $function$
declare
    target text;
begin
    select split_part(o, '=', 2)
    into target
    from pg_foreign_server as s, unnest(s.srvoptions) as o
    where s.srvname = 'sqlembed_loopback' and o like 'dbname=%';
    if target is null then
        raise exception 'sqlembed: the loopback is not set up'
            using errcode = 'SE006', hint = 'Run: sqlembed migrate. Then: sqlembed doctor.';
    end if;
    if target <> current_database() then
        raise exception 'sqlembed: this database is a copy of %: its loopback still leads there', quote_ident(target)
            using errcode = 'SE007', hint = 'Run sqlembed migrate on this database.';
    end if;

    if 'sqlembed' = any (sqlembed_dblink.dblink_get_connections()) then
        -- A connection whose other end has died stays in the session and fails for ever. With
        -- false this probe answers no row then; catching an error would need a subtransaction,
        -- which parallel plans forbid.
        if exists (select from sqlembed_dblink.dblink('sqlembed', 'select 1', false) as t (one integer)) then
            return;
        end if;
        perform sqlembed_dblink.dblink_disconnect('sqlembed');
    end if;
    perform sqlembed_dblink.dblink_connect('sqlembed', 'sqlembed_loopback');
end
$function$;

comment on function sqlembed._open_loopback() is
    'Make sure that this session has a living connection to its own database.';

revoke execute on function sqlembed._open_loopback() from public;

create or replace function sqlembed._ticket(embedder text, kind text, inputs text[]) returns bytea
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    -- The inner digest has a fixed length, so nobody can lengthen a ticket that was seen.
    select sha256(
        s.value || sha256(convert_to(row(_ticket.embedder, _ticket.kind, _ticket.inputs)::text, 'UTF8'))
    )
    from sqlembed.secret as s
$function$;

comment on function sqlembed._ticket(text, text, text[]) is
    'Proof, for these texts alone, that embed() has checked the caller''s right to embed.';

revoke execute on function sqlembed._ticket(text, text, text[]) from public;

create or replace function sqlembed.distance(a public.vector, b public.vector, metric text default 'cosine')
returns double precision
language plpgsql
immutable
parallel safe
as $function$
begin
    return case distance.metric
        when 'cosine' then distance.a operator(public.<=>) distance.b
        when 'euclidean' then distance.a operator(public.<->) distance.b
        when 'inner_product' then distance.a operator(public.<#>) distance.b
        when 'l1' then distance.a operator(public.<+>) distance.b
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
    return case distance.metric
        when 'cosine' then distance.a operator(public.<=>) distance.b
        when 'euclidean' then distance.a operator(public.<->) distance.b
        when 'inner_product' then distance.a operator(public.<#>) distance.b
        when 'l1' then distance.a operator(public.<+>) distance.b
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
    known text;
begin
    if embed_given.given is null then
        return sqlembed.embed(embed_given.embedder, embed_given.input);
    end if;
    select e.fingerprint
    into known
    from sqlembed.embedder as e
    where e.name operator(pg_catalog.=) embed_given.embedder;
    if known is distinct from embed_given.fingerprint then
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

    select e.* into known from sqlembed.embedder as e where e.name = register_embedder.name for update;
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
    return 1 - (both_vectors[1] operator(public.<=>) both_vectors[2]);
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
    execute pg_catalog.format(
        'create or replace trigger sqlembed_insert after insert on %s
        referencing new table as new_rows
        for each statement execute function sqlembed._note_changes()',
        relation
    );
    execute pg_catalog.format(
        'create or replace trigger sqlembed_update after update on %s
        referencing old table as old_rows new table as new_rows
        for each statement execute function sqlembed._note_changes()',
        relation
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
    relation_name text;
    tree text;
    definition text;
    type_name text;
    type_category "char";
    problem text;
begin
    select c.relname into relation_name from pg_catalog.pg_class as c where c.oid = _canonical_source.relation;
    begin
        execute pg_catalog.format(
            'create temporary view %I as select (%s%s) as sqlembed_source from %s as %I',
            view_name, _canonical_source.source, E'\n', _canonical_source.relation, relation_name
        );
    exception when others then
        raise exception 'sqlembed: the source expression is not valid: %', sqlerrm
            using errcode = 'SE012',
                hint = pg_catalog.format(
                    'It is a SQL expression over one row of %s, such as: title || '' '' || body.', _canonical_source.relation
                );
    end;

    view_oid := pg_catalog.to_regclass('pg_temp.' || view_name);
    select r.ev_action::text into tree from pg_catalog.pg_rewrite as r where r.ev_class = view_oid;
    select pg_catalog.format_type(a.atttypid, a.atttypmod), t.typcategory
    into type_name, type_category
    from pg_catalog.pg_attribute as a
    join pg_catalog.pg_type as t on t.oid = a.atttypid
    where a.attrelid = view_oid and a.attnum = 1;
    select pg_catalog.array_agg(a.attname order by a.attnum)
    into _canonical_source.columns
    from pg_catalog.pg_attribute as a
    where a.attrelid = _canonical_source.relation
        and exists (
            select
            from pg_catalog.pg_depend as d
            join pg_catalog.pg_rewrite as r on r.oid = d.objid and r.ev_class = view_oid
            where d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
                and d.refobjid = a.attrelid
                and d.refobjsubid = a.attnum
        );
    definition := sqlembed._view_definition(view_oid);
    execute pg_catalog.format('drop view pg_temp.%I', view_name);

    problem := case
        when tree ~ ':hasSubLinks true' then 'it reads another table or has a sub-select'
        when tree ~ ':hasAggs true|:hasWindowFuncs true|:hasTargetSRFs true'
            then 'it has an aggregate, a window function or returns several rows'
        when tree ~ '\{VAR :varno \d+ :varattno 0 ' then 'it uses the whole row'
        when _canonical_source.columns is null then 'it uses no column'
        when type_category <> 'S'
            then pg_catalog.format('it is of type %s; cast it: (%s)::text', type_name, _canonical_source.source)
        when definition !~ ' AS sqlembed_source\s+FROM [^\n]*;$' then 'it is more than an expression'
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
        pg_catalog.regexp_replace(definition, '^\s*SELECT\s+', ''), ' AS sqlembed_source\s+FROM [^\n]*;$', ''
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

create or replace function sqlembed._hide_vector() returns trigger
language plpgsql
as $function$
begin
    return pg_catalog.jsonb_populate_record(new, pg_catalog.jsonb_build_object(tg_argv[0], null));
end
$function$;

comment on function sqlembed._hide_vector() is
    'Row trigger of on_change => ''hide'': the source has changed, so the vector of the old one goes.';

create or replace function sqlembed._key_sql(
    relation regclass,
    out columns name[],
    out expression text,
    out match text
)
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    -- Types that users made are written by their output function and compared as text: a cast or an
    -- operator of theirs would run with the rights of whoever maintains the queue.
    select
        array_agg(a.attname order by k.ordinality),
        format(
            'jsonb_build_array(%s)',
            string_agg(
                format(
                    case
                        when b.oid in (1184) then '(r.%1$I at time zone ''UTC'')'
                        when b.oid < 16384 and b.typcategory <> 'A' then 'r.%1$I'
                        else 'format(''%%s'', r.%1$I)'
                    end,
                    a.attname
                ),
                ', '
                order by k.ordinality
            )
        ),
        string_agg(
            case
                when b.oid in (1184)
                then format('r.%I = ((k.key ->> %s)::timestamp at time zone ''UTC'')', a.attname, k.ordinality - 1)
                when b.oid < 16384 or b.typtype = 'e'
                then format('r.%I = (k.key ->> %s)::%s', a.attname, k.ordinality - 1, format_type(a.atttypid, a.atttypmod))
                else format('format(''%%s'', r.%I) = (k.key ->> %s)', a.attname, k.ordinality - 1)
            end,
            ' and '
            order by k.ordinality
        )
    from pg_index as i
    cross join unnest(i.indkey) with ordinality as k (attnum, ordinality)
    join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = k.attnum
    join lateral (
        with recursive base as (
            select t.oid, t.typtype, t.typbasetype, t.typcategory from pg_type as t where t.oid = a.atttypid
            union all
            select t.oid, t.typtype, t.typbasetype, t.typcategory
            from base
            join pg_type as t on base.typtype = 'd' and t.oid = base.typbasetype
        )
        select base.* from base where base.typtype <> 'd'
    ) as b on true
    where i.indrelid = _key_sql.relation and i.indisprimary
    having count(*) > 0
$function$;

comment on function sqlembed._key_sql(regclass) is
    'The primary key of a table: its columns, SQL that makes the jsonb key of row r, and the condition that row r has the key k.key. No row without a primary key.';

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

create or replace function sqlembed._pending(relation regclass, out rows bigint, out served boolean)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
    with waiting as (
        select e.embedder, j.key, j.embedding
        from sqlembed.embedding as e
        join sqlembed.job as j on j.embedding = e.id
        where e.relation = _pending.relation
        union
        select e.embedder, c.key, c.embedding
        from sqlembed.embedding as e
        join sqlembed.change as c on c.embedding = e.id
        where e.relation = _pending.relation
    )
    select
        count(*),
        coalesce(
            bool_and(
                exists (select from sqlembed.worker as w where waiting.embedder = any (w.embedders))
            ),
            true
        )
    from waiting
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
    select a.atttypmod, pg_catalog.format_type(a.atttypid, a.atttypmod) as type_name, t.typname, a.attgenerated
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

create or replace function sqlembed._register_name(name text, dimensions integer) returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
    select sqlembed.register_embedder(_register_name.name, _register_name.dimensions)
$function$;

comment on function sqlembed._register_name(text, integer) is
    'Make an embedder known before a worker serves it: whoever may own a table may name one, the first worker fills in the fingerprint.';

create or replace function sqlembed._requeue_failed(embedding integer) returns setof jsonb
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
    with given_up as (
        delete from sqlembed.failed_job as f where f.embedding = _requeue_failed.embedding returning f.key
    )
    insert into sqlembed.change (embedding, key)
    select _requeue_failed.embedding, g.key from given_up as g
    returning change.key
$function$;

comment on function sqlembed._requeue_failed(integer) is
    'Move rows that were given up back to change. Harmless in anybody''s hands: it only has them tried again.';

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
        'create temporary view %I as select (%s) as sqlembed_source from %s as %I, (values (1)) as sqlembed_one (sqlembed_one)',
        view_name, _row_source.expression, _row_source.relation, _row_source.row_name
    );
    definition := sqlembed._view_definition(pg_catalog.to_regclass('pg_temp.' || view_name));
    execute pg_catalog.format('drop view pg_temp.%I', view_name);
    return pg_catalog.regexp_replace(
        pg_catalog.regexp_replace(definition, '^\s*SELECT\s+', ''), ' AS sqlembed_source\s+FROM .*$', ''
    );
end
$function$;

comment on function sqlembed._row_source(regclass, text, text) is
    'A canonical source expression with its columns prefixed by the name of a row: new or old.';

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
    if create_embedding.embedding operator(pg_catalog.=) any (canonical.columns) then
        raise exception 'sqlembed: the source expression uses the vector column itself' using errcode = 'SE012';
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
        chunking, dimensions, key_columns, key_expression, key_match, source_columns
    )
    values (
        create_embedding.relation, create_embedding.embedding, create_embedding.embedder, canonical.expression,
        create_embedding.source, create_embedding.timing, create_embedding.on_change, create_embedding.metric,
        create_embedding.storage, create_embedding.index, create_embedding.place, create_embedding.chunking,
        dimensions, key.columns, key.expression, key.match, canonical.columns
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
    execute pg_catalog.format('drop trigger if exists %I on %s', 'zz_sqlembed_hide_' || declared.id, declared.relation);
    if not exists (select from sqlembed.embedding as e where e.relation operator(pg_catalog.=) declared.relation) then
        execute pg_catalog.format('drop trigger if exists sqlembed_insert on %s', declared.relation);
        execute pg_catalog.format('drop trigger if exists sqlembed_update on %s', declared.relation);
    end if;
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
            'insert into sqlembed.change (embedding, key) select %s, %s from %s as r where (%s%s)',
            declared.id, declared.key_expression, declared.relation, coalesce(refresh_embedding.filter, 'true'), E'\n'
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
    select pg_catalog.count(*)
    into queued
    from sqlembed.embedding as e
    cross join lateral sqlembed._requeue_failed(e.id) as f
    where e.relation operator(pg_catalog.=) retry_failed.relation
        and e.name operator(pg_catalog.=) coalesce(retry_failed.embedding, e.name);
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
    until timestamptz := clock_timestamp() + wait_until_embedded.timeout;
    open record;
begin
    if now() operator(pg_catalog.<>) statement_timestamp() then
        raise exception 'sqlembed: wait_until_embedded was called inside a transaction'
            using errcode = '25001',
                hint = 'No worker can see rows before they are committed: commit first, then call it in autocommit.';
    end if;
    perform sqlembed._embedding_of(wait_until_embedded.relation, e.name)
    from sqlembed.embedding as e
    where e.relation operator(pg_catalog.=) wait_until_embedded.relation;
    if not found then
        perform sqlembed._embedding_of(wait_until_embedded.relation);
    end if;
    loop
        select p.* into open from sqlembed._pending(wait_until_embedded.relation) as p;
        exit when open.rows operator(pg_catalog.=) 0;
        if not open.served then
            raise exception 'sqlembed: % rows of % wait, and no worker that serves them is alive',
                open.rows, wait_until_embedded.relation
                using errcode = 'SE003', hint = 'Start one: sqlembed worker --registry module:object.';
        end if;
        if clock_timestamp() operator(pg_catalog.>) until then
            raise exception 'sqlembed: % rows of % still wait after %',
                open.rows, wait_until_embedded.relation, wait_until_embedded.timeout
                using errcode = 'SE004', hint = 'Give a longer timeout, or look at: select * from sqlembed.status.';
        end if;
        commit;
        perform pg_catalog.pg_sleep(0.01);
    end loop;
end
$procedure$;

comment on procedure sqlembed.wait_until_embedded(regclass, interval) is
    'Return when every committed row of a table has been embedded or given up: read your writes. Not inside a transaction.';

create or replace function sqlembed._answer_request(id bigint, result public.vector[], error text) returns void
language sql
volatile
set search_path = pg_catalog, pg_temp
as $function$
    update sqlembed.request as r
    set result = _answer_request.result, error = _answer_request.error, done = true
    where r.id = _answer_request.id and not r.done
$function$;

comment on function sqlembed._answer_request(bigint, public.vector[], text) is
    'Store the answer to a request.';

revoke execute on function sqlembed._answer_request(bigint, public.vector[], text) from public;

create or replace function sqlembed._claim_jobs(
    worker integer,
    embedders text[],
    lease interval,
    most integer
)
returns table (embedding integer, key jsonb, version bigint, attempts integer)
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    chosen integer;
begin
    -- Every embedding in its turn: the one whose due job has waited longest.
    select e.id
    into chosen
    from sqlembed.embedding as e
    cross join lateral (
        select j.not_before
        from sqlembed.job as j
        where j.embedding = e.id
            and j.not_before <= clock_timestamp()
            and (j.locked_until is null or j.locked_until < clock_timestamp())
        order by j.not_before
        limit 1
    ) as due
    where e.embedder = any (_claim_jobs.embedders)
    order by due.not_before
    limit 1;

    return query
    with due as (
        select j.embedding, j.key
        from sqlembed.job as j
        where j.embedding = chosen
            and j.not_before <= clock_timestamp()
            and (j.locked_until is null or j.locked_until < clock_timestamp())
        order by j.not_before
        limit _claim_jobs.most
        for update skip locked
    )
    update sqlembed.job as j
    set locked_until = clock_timestamp() + _claim_jobs.lease, worker = _claim_jobs.worker
    from due as d
    where j.embedding = d.embedding and j.key = d.key
    returning j.embedding, j.key, j.version, j.attempts;
end
$function$;

comment on function sqlembed._claim_jobs(integer, text[], interval, integer) is
    'Lease due jobs of one embedding to a worker.';

revoke execute on function sqlembed._claim_jobs(integer, text[], interval, integer) from public;

create or replace function sqlembed._fail_job(
    worker integer,
    embedding integer,
    key jsonb,
    version bigint,
    error text,
    max_attempts integer
)
returns boolean
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    charged integer;
begin
    update sqlembed.job as j
    set
        attempts = j.attempts + 1,
        error = _fail_job.error,
        locked_until = null,
        worker = null,
        -- 1, 2, 4 … seconds, up to half as much again so that failures do not return together.
        not_before = clock_timestamp() + least(2 ^ j.attempts, 3600) * (1 + random() / 2) * interval '1 s'
    where j.embedding = _fail_job.embedding
        and j.key = _fail_job.key
        and j.version = _fail_job.version
        and j.worker = _fail_job.worker
    returning j.attempts into charged;
    if charged is null or charged < _fail_job.max_attempts then
        return false;
    end if;

    delete from sqlembed.job as j where j.embedding = _fail_job.embedding and j.key = _fail_job.key;
    insert into sqlembed.failed_job (embedding, key, attempts, error)
    values (_fail_job.embedding, _fail_job.key, charged, _fail_job.error)
    on conflict on constraint failed_job_pkey do update
    set attempts = excluded.attempts, error = excluded.error, failed_at = clock_timestamp();
    return true;
end
$function$;

comment on function sqlembed._fail_job(integer, integer, jsonb, bigint, text, integer) is
    'Charge a row with a failed attempt; after the last one it is given up, which is what is returned.';

revoke execute on function sqlembed._fail_job(integer, integer, jsonb, bigint, text, integer) from public;

create or replace function sqlembed._finish_jobs(worker integer, embedding integer, keys jsonb[], versions bigint[])
returns void
language sql
volatile
set search_path = pg_catalog, pg_temp
as $function$
    delete from sqlembed.job as j
    using unnest(_finish_jobs.keys, _finish_jobs.versions) as d (key, version)
    where j.embedding = _finish_jobs.embedding
        and j.key = d.key
        and j.version = d.version
        and j.worker = _finish_jobs.worker
$function$;

comment on function sqlembed._finish_jobs(integer, integer, jsonb[], bigint[]) is
    'Remove jobs that are done, but for those that a later change has raised.';

revoke execute on function sqlembed._finish_jobs(integer, integer, jsonb[], bigint[]) from public;

create or replace function sqlembed._fold_changes(most integer) returns bigint
language sql
volatile
set search_path = pg_catalog, pg_temp
as $function$
    with taken as (
        delete from sqlembed.change as c
        where c.id = any (
            array(
                select d.id
                from sqlembed.change as d
                order by d.id
                limit _fold_changes.most
                for update skip locked
            )
        )
        returning c.embedding, c.key, c.changed_at
    ),
    revived as (
        -- A changed row deserves new attempts.
        delete from sqlembed.failed_job as f
        using taken as t
        where f.embedding = t.embedding and f.key = t.key
    ),
    folded as (
        insert into sqlembed.job as j (embedding, key, changed_at)
        select t.embedding, t.key, min(t.changed_at)
        from taken as t
        join sqlembed.embedding as e on e.id = t.embedding
        group by t.embedding, t.key
        -- One order for all workers, so that two of them cannot deadlock.
        order by t.embedding, t.key
        on conflict (embedding, key) do update
        set
            version = j.version + 1,
            attempts = 0,
            not_before = least(j.not_before, clock_timestamp()),
            changed_at = least(j.changed_at, excluded.changed_at),
            error = null
    )
    select count(*) from taken
$function$;

comment on function sqlembed._fold_changes(integer) is
    'Turn the oldest changes into jobs, one a row and embedding. Returns how many changes it took.';

revoke execute on function sqlembed._fold_changes(integer) from public;

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
    -- Taken before the answers are visible: whoever sees the new epoch finds its lock held.
    perform pg_advisory_lock(sqlembed._lock('epoch'), sqlembed._epoch_key(_next_epoch.worker, upcoming));
    update sqlembed.worker_process as w set epoch = upcoming where w.id = _next_epoch.worker;
    return upcoming;
end
$function$;

comment on function sqlembed._next_epoch(integer) is
    'Open a worker''s next epoch, in the transaction that stores answers. After its commit the worker calls _leave_epoch.';

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

create or replace function sqlembed._read_sources(embedding integer, keys jsonb[], budget bigint)
returns table (key jsonb, input text, postponed boolean)
language plpgsql
stable
as $function$
declare
    declared sqlembed.embedding;
begin
    select e.* into declared from sqlembed.embedding as e where e.id operator(pg_catalog.=) _read_sources.embedding;
    return query execute pg_catalog.format(
        'select t.key, case when t.before operator(pg_catalog.<) $2 then t.input end, t.before operator(pg_catalog.>=) $2
        from (
            select
                k.key,
                s.input::pg_catalog.text as input,
                coalesce(
                    pg_catalog.sum(pg_catalog.octet_length(s.input::pg_catalog.text)) over (
                        rows between unbounded preceding and 1 preceding
                    ),
                    0
                ) as before
            from pg_catalog.unnest($1) as k (key)
            join %s as r on %s
            cross join lateral (select (%s) as input from (select r.*) as r) as s
        ) as t',
        declared.relation, declared.key_match, declared.source
    )
    using _read_sources.keys, _read_sources.budget;
end
$function$;

comment on function sqlembed._read_sources(integer, jsonb[], bigint) is
    'The text to embed of each row that is still there. Beyond a budget of bytes rows are postponed: a worker''s memory is not the table''s size.';

revoke execute on function sqlembed._read_sources(integer, jsonb[], bigint) from public;

create or replace function sqlembed._release_jobs(worker integer, embedding integer, delay interval, error text default null)
returns void
language sql
volatile
set search_path = pg_catalog, pg_temp
as $function$
    update sqlembed.job as j
    set
        locked_until = null,
        worker = null,
        not_before = clock_timestamp() + _release_jobs.delay,
        error = coalesce(_release_jobs.error, j.error)
    where j.embedding = _release_jobs.embedding and j.worker = _release_jobs.worker
$function$;

comment on function sqlembed._release_jobs(integer, integer, interval, text) is
    'Give back what is left of a batch, to be tried again after a delay: no row is charged.';

revoke execute on function sqlembed._release_jobs(integer, integer, interval, text) from public;

create or replace function sqlembed._renew_leases(worker integer, lease interval) returns void
language sql
volatile
set search_path = pg_catalog, pg_temp
as $function$
    update sqlembed.job as j
    set locked_until = clock_timestamp() + _renew_leases.lease
    where j.worker = _renew_leases.worker and j.locked_until is not null
$function$;

comment on function sqlembed._renew_leases(integer, interval) is
    'Keep the jobs that a worker has in hand from being leased to another.';

revoke execute on function sqlembed._renew_leases(integer, interval) from public;

create or replace function sqlembed._start_worker(name text, embedders text[]) returns integer
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    id integer;
begin
    delete from sqlembed.worker_process as w where not sqlembed._is_alive(w.id);
    insert into sqlembed.worker_process (name, embedders)
    values (_start_worker.name, _start_worker.embedders)
    returning worker_process.id into id;
    -- Held by the session, so that the death of the process ends it.
    perform pg_advisory_lock(sqlembed._lock('presence'), id);
    perform pg_advisory_lock(sqlembed._lock('epoch'), sqlembed._epoch_key(id, 0));
    return id;
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
    update sqlembed.job as j
    set locked_until = null, worker = null
    where j.worker = _stop_worker.worker;
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
    where (c.fingerprint, c.kind, c.input_hash) in (
        select d.fingerprint, d.kind, d.input_hash
        from sqlembed.cache as d
        order by d.used_at desc
        offset _sweep.cache_rows
    );

    -- A lease ends with its worker.
    update sqlembed.job as j
    set locked_until = null, worker = null
    where j.locked_until is not null
        and not exists (
            select from sqlembed.worker_process as w where w.id = j.worker and sqlembed._is_alive(w.id)
        );

    -- PostgreSQL tells only superusers that a table or a column was dropped: look for them.
    delete from sqlembed.embedding as e
    where not exists (
        select
        from pg_attribute as a
        where a.attrelid = e.relation and a.attname = e.name and not a.attisdropped
    );
end
$function$;

comment on function sqlembed._sweep(bigint) is
    'Housekeeping: old requests, the oldest of the cache beyond a number of rows, leases of dead workers, embeddings whose table or column was dropped.';

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
    select _write_cache.fingerprint, _write_cache.kind, u.hash, u.vector
    from unnest(_write_cache.hashes, _write_cache.vectors) as u (hash, vector)
    order by u.hash
    on conflict (fingerprint, kind, input_hash) do update
    set used_at = clock_timestamp()
$function$;

comment on function sqlembed._write_cache(text, text, bytea[], public.vector[]) is
    'Keep vectors for the next time the same texts are asked for.';

revoke execute on function sqlembed._write_cache(text, text, bytea[], public.vector[]) from public;

create or replace function sqlembed._write_vectors(
    embedding integer,
    keys jsonb[],
    hashes bytea[],
    vectors public.vector[]
)
returns setof jsonb
language plpgsql
volatile
as $function$
declare
    declared sqlembed.embedding;
begin
    select e.* into declared from sqlembed.embedding as e where e.id operator(pg_catalog.=) _write_vectors.embedding;
    perform pg_catalog.set_config('sqlembed.writing', 'on', true);
    -- The test of the text stands on the target row itself: when a writer commits while this waits,
    -- PostgreSQL evaluates it again on the new row and nothing stale is written. Rows that anybody
    -- has locked are left for later, so that no application ever waits for a worker.
    return query execute pg_catalog.format(
        'with current as materialized (
            select k.key, k.vector
            from rows from (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3)) as k (key, hash, vector)
            join %1$s as r on %2$s
            where (
                select case
                    when k.hash is null then s.input is null
                    else pg_catalog.sha256(pg_catalog.convert_to(s.input, ''UTF8'')) operator(pg_catalog.=) k.hash
                end
                from (select (%3$s) as input from (select r.*) as r) as s
            )
            for update of r skip locked
        ),
        written as (
            update %1$s as r
            set %4$I = k.vector::%5$s
            from current as k
            where %2$s and (k.vector is not null or r.%4$I is not null)
        )
        select c.key from current as c',
        declared.relation,
        declared.key_match,
        declared.source,
        declared.name,
        case declared.storage when 'vector' then 'public.vector' else 'public.halfvec' end
    )
    using _write_vectors.keys, _write_vectors.hashes, _write_vectors.vectors;
    perform pg_catalog.set_config('sqlembed.writing', 'off', true);
end
$function$;

comment on function sqlembed._write_vectors(integer, jsonb[], bytea[], public.vector[]) is
    'Write vectors to the rows whose text still has the given sha256 (NULL for no text). Returns the keys of these rows; the others have changed, are locked or gone.';

revoke execute on function sqlembed._write_vectors(integer, jsonb[], bytea[], public.vector[]) from public;

create or replace view sqlembed.failure as
select e.relation, e.name as embedding, f.key, f.attempts, f.error, f.failed_at
from sqlembed.failed_job as f
join sqlembed.embedding as e on e.id = f.embedding
where has_table_privilege(e.relation, 'select');

comment on view sqlembed.failure is 'Rows that were given up, with what the embedder said; retry_failed brings them back.';
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
        when q.last_error is not null then q.last_error
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

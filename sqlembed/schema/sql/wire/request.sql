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

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

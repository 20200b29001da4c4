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

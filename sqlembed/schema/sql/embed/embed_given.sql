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
    if (known operator(pg_catalog.=) embed_given.fingerprint) is not true and exists (
        select
        from sqlembed.embedder as e
        where e.fingerprint operator(pg_catalog.=) embed_given.fingerprint
            and e.name operator(pg_catalog.<>) embed_given.embedder
    ) then
        -- Made for the generation before, by a process that does not know yet that they were switched.
        return sqlembed.embed(embed_given.embedder, embed_given.input);
    end if;
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
    'A vector that the calling process computed, refused when it comes from another embedder than the database knows; without one, and where the vector is that of another embedder of the database, embed().';

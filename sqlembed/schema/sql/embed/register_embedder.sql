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
security definer
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
        if sqlembed._has_roles() then
            perform sqlembed.grant_embedder(register_embedder.name, 'sqlembed_reader');
        end if;
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

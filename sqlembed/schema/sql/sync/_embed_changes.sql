create or replace function sqlembed._embed_changes(embedding integer) returns boolean
language plpgsql
volatile
as $function$
declare
    declared sqlembed.embedding;
    keys jsonb[];
    found record;
begin
    select e.* into declared from sqlembed.embedding as e where e.id operator(pg_catalog.=) _embed_changes.embedding;
    perform sqlembed._check_writer(declared);
    -- Once, unless triggers change the texts when the vectors are written.
    for round in 1..10 loop
        keys := sqlembed._own_changes(declared.id);
        if keys is null then
            return sqlembed._has_own_changes();
        end if;
        select
            coalesce(pg_catalog.array_agg(t.key), '{}') as keys,
            coalesce(pg_catalog.array_agg(t.hash), '{}') as hashes,
            coalesce(pg_catalog.array_agg(t.input), '{}') as inputs
        into found
        from sqlembed._read_texts(declared, keys) as t;
        if not sqlembed._write_vectors(
            declared,
            found.keys,
            found.hashes,
            sqlembed._ask(
                declared.embedder,
                (select k.key from sqlembed.embedder_key as k where k.embedder operator(pg_catalog.=) declared.embedder),
                'document',
                found.inputs
            )
        ) then
            return false;
        end if;
    end loop;
    perform sqlembed._refuse_unsteady(declared);
end
$function$;

comment on function sqlembed._embed_changes(integer) is
    'Embed the rows that the present transaction has written, through one request to a worker, with the rights of the caller. True when rows of other embeddings are yet to be embedded.';

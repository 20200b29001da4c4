create or replace function sqlembed._write_vectors(
    declared sqlembed.embedding,
    keys jsonb[],
    hashes bytea[],
    vectors public.vector[]
)
returns boolean
language plpgsql
volatile
as $function$
declare
    clears boolean := (_write_vectors.declared).on_change operator(pg_catalog.=) 'keep';
    written bigint;
begin
    perform sqlembed._forget_own_changes((_write_vectors.declared).id);

    -- No SET on this function: triggers of the table fire in it, under the settings of their session.
    execute pg_catalog.format(
        'update %1$s as r
        set %2$I = k.vector::%3$s
        from rows from (pg_catalog.unnest($1), pg_catalog.unnest($2)) as k (key, vector)
        where %4$s and (k.vector is not null or $3)',
        (_write_vectors.declared).relation,
        (select p.vector from sqlembed._present_columns(_write_vectors.declared) as p),
        case (_write_vectors.declared).storage when 'vector' then 'public.vector' else 'public.halfvec' end,
        (select k.match from sqlembed._key_sql((_write_vectors.declared).relation) as k)
    )
    using _write_vectors.keys, _write_vectors.vectors, clears;
    get diagnostics written = row_count;
    if written operator(pg_catalog.<) (
        select pg_catalog.count(*)
        from rows from (pg_catalog.unnest(_write_vectors.keys), pg_catalog.unnest(_write_vectors.vectors)) as k (key, vector)
        where k.vector is not null or clears
    ) then
        perform sqlembed._refuse_hidden(_write_vectors.declared);
    end if;

    perform sqlembed._note_again(_write_vectors.declared, _write_vectors.keys, _write_vectors.hashes);
    return sqlembed._has_own_changes();
end
$function$;

comment on function sqlembed._write_vectors(sqlembed.embedding, jsonb[], bytea[], public.vector[]) is
    'Give rows that the present transaction has written their vectors, with the rights of the caller. True when triggers have changed texts upon it, which then are to be embedded as well.';

create or replace function sqlembed._make_hash_function(
    declared sqlembed.embedding,
    replaces boolean default false
)
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    schema name;
    owner regrole;
    made text;
begin
    select n.nspname, c.relowner
    into schema, owner
    from pg_class as c
    join pg_namespace as n on n.oid = c.relnamespace
    where c.oid = (_make_hash_function.declared).relation;
    made := format('%I.%I(%s)', schema, (_make_hash_function.declared).hash_function, (_make_hash_function.declared).relation);
    if to_regprocedure(made) is not null and not _make_hash_function.replaces then
        raise exception 'sqlembed: there is a function % already', to_regprocedure(made)
            using errcode = 'SE011', hint = 'Rename it, or give the embedding another name: embedding => ''...''.';
    end if;
    -- Its body is parsed now, so that whoever calls it finds what is meant, whatever their
    -- search_path, and what is renamed later; short enough to become part of the caller's query.
    execute format(
        'create or replace function %I.%I(r %s) returns bytea language sql stable return sha256(convert_to((%s)::text, ''UTF8''))',
        schema, (_make_hash_function.declared).hash_function, (_make_hash_function.declared).relation,
        sqlembed._row_source((_make_hash_function.declared).relation, (_make_hash_function.declared).source, 'r')
    );
    execute format('alter function %s owner to %s', made, owner);
    execute format(
        'comment on function %s is %L',
        made,
        'sha256 of the text of a row that is embedded: where it is the source_hash of the side table, the vector is up to date. Made by sqlembed.create_embedding.'
    );
end
$function$;

comment on function sqlembed._make_hash_function(sqlembed.embedding, boolean) is
    'Make the function by which a search tells whether a vector in the side table is that of the present row.';

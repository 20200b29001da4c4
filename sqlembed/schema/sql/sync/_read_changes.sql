create or replace function sqlembed._read_changes()
returns table (embedding integer, embedder text, fingerprint text, key text, input text, hash bytea)
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    declared sqlembed.embedding;
begin
    for declared in
        select e.*
        from sqlembed.embedding as e
        where e.id in (
            select c.embedding from sqlembed.change as c where c.transaction = pg_current_xact_id_if_assigned()
        )
        order by e.id
    loop
        return query
        select declared.id, declared.embedder, d.fingerprint, t.key::text, t.input, t.hash
        from sqlembed.embedder as d, sqlembed._read_texts(declared, sqlembed._own_changes(declared.id)) as t
        where d.name = declared.embedder;
    end loop;
end
$function$;

comment on function sqlembed._read_changes() is
    'Texts of the rows that the present transaction has written and not yet embedded, for a session that computes vectors itself.';

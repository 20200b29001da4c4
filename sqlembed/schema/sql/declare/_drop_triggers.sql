create or replace function sqlembed._drop_triggers(embedding integer, kept name[], members regclass[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    found record;
begin
    for found in
        select t.tgname, t.tgrelid::regclass as relation
        from pg_trigger as t
        where (
            t.tgfoid in (
                to_regprocedure(format('sqlembed.%I()', '_note_' || _drop_triggers.embedding)),
                to_regprocedure(format('sqlembed.%I()', '_note_row_' || _drop_triggers.embedding)),
                to_regprocedure(format('sqlembed.%I()', '_hide_' || _drop_triggers.embedding))
            )
            or t.tgfoid = 'sqlembed._embed_statement()'::regprocedure
            and t.tgname = 'sqlembed_vectors_' || _drop_triggers.embedding
        )
            and t.tgparentid = 0
            and not (t.tgname = any (_drop_triggers.kept) and t.tgrelid = any (_drop_triggers.members))
        order by t.tgrelid, t.tgname
    loop
        execute format('drop trigger %I on %s', found.tgname, found.relation);
    end loop;
end
$function$;

comment on function sqlembed._drop_triggers(integer, name[], regclass[]) is
    'Take the triggers of an embedding off every table, but for those of some names on some tables.';

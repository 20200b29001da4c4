create or replace function sqlembed._drop_note_function(embedding integer) returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    made text;
begin
    if exists (select from sqlembed.embedding as e where e.id = _drop_note_function.embedding) then
        return;
    end if;
    foreach made in array array['_note_', '_note_row_', '_hide_']
    loop
        made := format('sqlembed.%I()', made || _drop_note_function.embedding);
        if not exists (select from pg_trigger as t where t.tgfoid = to_regprocedure(made)) then
            execute format('drop function if exists %s', made);
        end if;
    end loop;
end
$function$;

comment on function sqlembed._drop_note_function(integer) is
    'Remove the trigger functions of an embedding that is no more, once no trigger calls them. Harmless in anybody''s hands.';

create or replace function sqlembed._drop_note_function(embedding integer) returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    if not exists (select from sqlembed.embedding as e where e.id = _drop_note_function.embedding)
        and not exists (
            select
            from pg_trigger as t
            where t.tgfoid = to_regprocedure(format('sqlembed.%I()', '_note_' || _drop_note_function.embedding))
        )
    then
        execute format('drop function if exists sqlembed.%I()', '_note_' || _drop_note_function.embedding);
    end if;
end
$function$;

comment on function sqlembed._drop_note_function(integer) is
    'Remove the trigger function of an embedding that is no more, once no trigger calls it. Harmless in anybody''s hands.';

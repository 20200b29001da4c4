create or replace function sqlembed._refused_commit() returns text
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
begin
    commit;
exception when invalid_transaction_termination then
    return sqlerrm;
end
$function$;

comment on function sqlembed._refused_commit() is
    'What PostgreSQL says to a COMMIT inside a transaction of the caller''s, in the language of the session: nothing else tells it from one inside an exception block.';

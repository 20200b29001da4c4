create or replace function sqlembed._hold(relation regclass) returns void
language plpgsql
stable
as $function$
begin
    -- It reads nothing and stays locked as every table that a transaction has read.
    execute pg_catalog.format('select from only %s where false', _hold.relation);
end
$function$;

comment on function sqlembed._hold(regclass) is
    'Keep the columns of a table from changing their names before the transaction ends: what is asked of them after this stays true.';

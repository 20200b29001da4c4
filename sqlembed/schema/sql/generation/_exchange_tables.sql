create or replace function sqlembed._exchange_tables(present regclass, beside regclass, other text) returns void
language plpgsql
volatile
as $function$
declare
    kept name := (select c.relname from pg_catalog.pg_class as c where c.oid operator(pg_catalog.=) _exchange_tables.present);
begin
    execute pg_catalog.format(
        'alter table %s rename to %I', _exchange_tables.present, sqlembed._side_name(kept::text || '_' || _exchange_tables.other)
    );
    execute pg_catalog.format('alter table %s rename to %I', _exchange_tables.beside, kept);
end
$function$;

comment on function sqlembed._exchange_tables(regclass, regclass, text) is
    'Let a side table have the name of another, which is called as its generation is.';

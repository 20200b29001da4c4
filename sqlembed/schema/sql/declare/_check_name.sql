create or replace function sqlembed._check_name() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $function$
begin
    if new.name <> sqlembed._vector_name(old) then
        raise exception 'sqlembed: the vectors of embedding % do not stand in %', old.id, quote_ident(new.name)
            using errcode = '42501', hint = 'A declaration follows its column: rename that.';
    end if;
    return new;
end
$function$;

comment on function sqlembed._check_name() is
    'Row trigger of embedding: what a declaration is called is what its column is called.';

create or replace trigger check_name
before update of name on sqlembed.embedding
for each row when (old.name <> new.name) execute function sqlembed._check_name();

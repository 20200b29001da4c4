create or replace function sqlembed._is_only_row(rows bigint, key jsonb) returns boolean
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $function$
begin
    if _is_only_row.rows > 1 then
        raise exception 'sqlembed: % rows of the inheritance family have the key %', _is_only_row.rows, _is_only_row.key
            using errcode = 'SE010', hint = 'Give all but one of them another, then: sqlembed retry.';
    end if;
    return true;
end
$function$;

comment on function sqlembed._is_only_row(bigint, jsonb) is
    'An error when a key stands for several rows: the primary key of a parent does not bind its children.';

revoke execute on function sqlembed._is_only_row(bigint, jsonb) from public;

create or replace function sqlembed._key_text(value anyelement) returns text
language plpgsql
stable
set search_path = pg_catalog, pg_temp
-- Whatever the session has set, one value has one text.
set timezone = 'UTC'
set datestyle = 'ISO'
set intervalstyle = 'postgres'
set bytea_output = 'hex'
set extra_float_digits = 1
as $function$
begin
    -- The type's own output: a cast to text might be the user's, and run with somebody else's rights.
    return format('%s', _key_text.value);
end
$function$;

comment on function sqlembed._key_text(anyelement) is
    'A value of a key as text, the same in every session.';

create or replace function sqlembed._check_choice(
    argument text,
    given text,
    choices text[],
    planned text[] default '{}'
)
returns void
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $function$
begin
    if _check_choice.given = any (_check_choice.choices) then
        return;
    end if;
    raise exception 'sqlembed: % => % is not %',
        _check_choice.argument,
        coalesce(quote_literal(_check_choice.given), 'NULL'),
        case when _check_choice.given = any (_check_choice.planned) then 'available in this version' else 'known' end
        using errcode = 'SE014',
            hint = format('Choose from: %s.', array_to_string(_check_choice.choices, ', '));
end
$function$;

comment on function sqlembed._check_choice(text, text, text[], text[]) is
    'An error that names the choices when an argument is none of them.';

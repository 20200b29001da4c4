create or replace function sqlembed._side_name(wanted text) returns name
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $function$
declare
    -- PostgreSQL would cut a longer one off without a word, and two of them might meet.
    most integer := 63;
    kept text := _side_name.wanted;
    mark text := '_' || left(md5(_side_name.wanted), 8);
begin
    if octet_length(kept) <= most then
        return kept;
    end if;
    while octet_length(kept || mark) > most loop
        kept := left(kept, -1);
    end loop;
    return kept || mark;
end
$function$;

comment on function sqlembed._side_name(text) is
    'A name of 63 bytes at most: a longer one is cut and marked with a part of its hash.';

create or replace function sqlembed._check_index(index text, options jsonb) returns jsonb
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $function$
declare
    known text[] := case _check_index.index
        when 'none' then '{}'::text[]
        when 'prefix' then '{dimensions,m,ef_construction}'
        else '{m,ef_construction}'
    end;
    option record;
    lowest integer;
    highest integer;
begin
    perform sqlembed._check_choice('index', _check_index.index, '{hnsw,binary,prefix,none}', '{ivfflat}');
    if jsonb_typeof(_check_index.options) <> 'object' then
        raise exception 'sqlembed: index_options => % is not an object', quote_literal(_check_index.options::text)
            using errcode = 'SE014', hint = 'For example: index_options => ''{"m": 24, "ef_construction": 128}''.';
    end if;
    for option in select o.key, o.value from jsonb_each(_check_index.options) as o loop
        if option.key <> all (known) then
            raise exception 'sqlembed: index => % has no option %', quote_literal(_check_index.index), quote_literal(option.key)
                using errcode = 'SE014',
                    hint = coalesce('Choose from: ' || nullif(array_to_string(known, ', '), '') || '.', 'Leave index_options out.');
        end if;
        select l.lowest, l.highest
        into lowest, highest
        from (values ('m', 2, 100), ('ef_construction', 4, 1000), ('dimensions', 1, 15999)) as l (key, lowest, highest)
        where l.key = option.key;
        if option.value::text !~ '^[0-9]{1,5}$' or option.value::text::integer not between lowest and highest then
            raise exception 'sqlembed: % in index_options must be a whole number from % to %, not %',
                option.key, lowest, highest, option.value
                using errcode = 'SE014',
                    hint = case option.key
                        when 'dimensions' then 'So many of the first dimensions are indexed; all of them rank what is found.'
                        when 'm' then 'It is how many neighbours a row is linked with; without it 16.'
                        else 'It is how many rows are looked at to find them; without it 64.'
                    end;
        end if;
    end loop;
    if _check_index.index = 'prefix' and (_check_index.options -> 'dimensions') is null then
        raise exception 'sqlembed: index => ''prefix'' needs the number of dimensions to index'
            using errcode = 'SE014', hint = 'For example: index_options => ''{"dimensions": 256}''.';
    end if;
    if coalesce((_check_index.options ->> 'ef_construction')::integer, 64)
        < 2 * coalesce((_check_index.options ->> 'm')::integer, 16)
    then
        raise exception 'sqlembed: ef_construction in index_options must be at least twice m'
            using errcode = 'SE014', hint = 'Without them, m is 16 and ef_construction 64.';
    end if;
    return nullif(_check_index.options, '{}');
end
$function$;

comment on function sqlembed._check_index(text, jsonb) is
    'An error when no index can be built like that. Returns the options, NULL where there are none.';

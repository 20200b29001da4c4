create or replace function sqlembed._checked_chunking(chunking jsonb) returns jsonb
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $function$
declare
    given jsonb := _checked_chunking.chunking;
    problem text;
    unit text;
begin
    if given is null then
        return null;
    end if;
    if jsonb_typeof(given) <> 'object' then
        problem := format('is an object, not %s', jsonb_typeof(given));
    elsif exists (
        select from jsonb_object_keys(given) as k (name) where k.name <> all ('{tokens,characters,overlap,format,headings}')
    ) then
        problem := format(
            'has no %s',
            (
                select string_agg(quote_literal(k.name), ', ')
                from jsonb_object_keys(given) as k (name)
                where k.name <> all ('{tokens,characters,overlap,format,headings}')
            )
        );
    elsif (given ? 'tokens') = (given ? 'characters') then
        problem := 'needs one of tokens and characters';
    end if;
    if problem is null then
        unit := case when given ? 'tokens' then 'tokens' else 'characters' end;
        given := '{"overlap": 0, "format": "plain", "headings": false}' || given;
        problem := case
            when (jsonb_typeof(given -> unit) = 'number' and given ->> unit ~ '^[0-9]+$' and given -> unit between '8' and '1000000')
                is not true
                then format('%s must be a whole number from 8 to 1000000, not %s', unit, given -> unit)
            when (jsonb_typeof(given -> 'overlap') = 'number' and given ->> 'overlap' ~ '^[0-9]+$') is not true
                then format('overlap must be a whole number of %s from 0 on, not %s', unit, given -> 'overlap')
            when given -> 'overlap' >= given -> unit
                then format('overlap (%s) must be less than %s (%s)', given -> 'overlap', unit, given -> unit)
            when given -> 'format' not in ('"plain"', '"markdown"')
                then format('format must be "plain" or "markdown", not %s', given -> 'format')
            when jsonb_typeof(given -> 'headings') <> 'boolean'
                then format('headings must be true or false, not %s', given -> 'headings')
            when given -> 'headings' = 'true' and given -> 'format' <> '"markdown"'
                then 'headings needs format "markdown", which says what a heading is'
        end;
    end if;
    if problem is not null then
        raise exception 'sqlembed: chunking %', problem
            using errcode = 'SE014',
                hint = 'Such as chunking => ''{"tokens": 256, "overlap": 32, "format": "markdown", "headings": true}''; {"characters": 1000} goes with embedders that count no tokens.';
    end if;
    return given;
end
$function$;

comment on function sqlembed._checked_chunking(jsonb) is
    'How long texts are cut, with everything that was left out; an error for what cannot be.';

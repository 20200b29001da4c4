create or replace function sqlembed._check_labels(labels text[], template text, temperature double precision)
returns void
language plpgsql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
begin
    perform sqlembed._check_use(
        cardinality(_check_labels.labels) > 0
            and not exists (select from unnest(_check_labels.labels) as l (label) where sqlembed._blank(l.label)),
        'labels are missing, or one of them is blank',
        'Give what the text may be about: array[''sport'', ''politics''].'
    );
    perform sqlembed._check_use(
        position('{}' in _check_labels.template) > 0,
        format('template => %s has no place for the label', coalesce(quote_literal(_check_labels.template), 'NULL')),
        'Write {} where the label goes: ''This text is about {}.''.'
    );
    perform sqlembed._check_use(
        _check_labels.temperature > 0 and _check_labels.temperature < 'infinity',
        format('temperature => %s is not above 0', coalesce(_check_labels.temperature::text, 'NULL')),
        'The smaller it is, the more the best label gets of the score.'
    );
end
$function$;

comment on function sqlembed._check_labels(text[], text, double precision) is
    'An error when an argument of classify is not possible.';

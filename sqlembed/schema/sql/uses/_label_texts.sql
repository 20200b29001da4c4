create or replace function sqlembed._label_texts(labels text[], template text) returns text[]
language sql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
    select array(
        select replace(_label_texts.template, '{}', l.label)
        from unnest(_label_texts.labels) with ordinality as l (label, number)
        order by l.number
    )
$function$;

comment on function sqlembed._label_texts(text[], text) is
    'Labels as texts to embed, in their order.';

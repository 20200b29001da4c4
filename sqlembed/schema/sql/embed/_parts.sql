create or replace function sqlembed._parts(inputs text[]) returns setof text[]
language sql
immutable
set search_path = pg_catalog, pg_temp
as $function$
    select array_agg(p.input)
    from (
        select
            i.input,
            (row_number() over by_length - 1) / 1000
                + (sum(octet_length(i.input)) over by_length - octet_length(i.input)) / 65536 as part
        from unnest(_parts.inputs) as i (input)
        window by_length as (order by octet_length(i.input), i.input rows unbounded preceding)
    ) as p
    group by p.part
    order by p.part
$function$;

comment on function sqlembed._parts(text[]) is
    'Texts as so many requests: each may take its time, and others are served in between. Those of one length stand together, because models pad to the longest.';

revoke execute on function sqlembed._parts(text[]) from public;

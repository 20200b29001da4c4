create or replace function sqlembed._pair_rows(
    from_clause text,
    vector text,
    key text,
    filter text,
    within text,
    is_every_pair boolean
)
returns text
language sql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
    select format(
        E'select r.key, r.block, r.raw, r.vector, %1$s as first_key, %2$s as is_first
        from (
            select r.*, public.l2_normalize(r.raw::public.vector) as vector
            from (
                select %3$s as key, %4$s as block, %5$s as raw
                from %6$s
                where %5$s is not null and (%7$s\n)
                offset ''0''
            ) as r
            -- What has no direction is like nothing.
            where public.vector_norm(r.raw::public.vector) operator(pg_catalog.>) ''0''::pg_catalog.float8 and r.block is not null
            offset ''0''
        ) as r',
        case
            when _pair_rows.is_every_pair then 'r.key'
            else 'pg_catalog.first_value(r.key) over (partition by r.block, r.vector order by r.key)'
        end,
        case
            when _pair_rows.is_every_pair then 'true'
            else 'pg_catalog.row_number() over (partition by r.block, r.vector order by r.key) operator(pg_catalog.=) 1::pg_catalog.int8'
        end,
        _pair_rows.key,
        -- Compared as text: whatever its type, it needs no operator of anybody.
        case
            when _pair_rows.within is null then '''''::pg_catalog.text'
            else format(E'((%s\n)::pg_catalog.text collate pg_catalog."C")', _pair_rows.within)
        end,
        _pair_rows.vector,
        _pair_rows.from_clause,
        coalesce(_pair_rows.filter, 'true')
    )
$function$;

comment on function sqlembed._pair_rows(text, text, text, text, text, boolean) is
    'SQL that gives the rows among which duplicates are looked for: key, block, vector as it is stored and as a unit vector, and the first row with the same.';

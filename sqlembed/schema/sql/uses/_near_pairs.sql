create or replace function sqlembed._near_pairs(
    rows text,
    from_clause text,
    vector text,
    key text,
    filter text,
    within text,
    threshold double precision,
    is_every_pair boolean
)
returns table (key_a jsonb, key_b jsonb, similarity double precision)
language plpgsql
stable
set jit = off
as $function$
declare
    -- Each row's nearest 10 first. Where the last of them is a duplicate too there may be more.
    k pg_catalog.int4 := 10;
    left_over pg_catalog.jsonb[];
    settings pg_catalog.text[];
    found record;
begin
    loop
        settings := sqlembed._enter_scan(k);
        execute pg_catalog.format(
            E'select
                pg_catalog.array_agg(p.key_a) as keys_a,
                pg_catalog.array_agg(p.key_b) as keys_b,
                pg_catalog.array_agg(p.similarity) as similarities,
                pg_catalog.array_agg(distinct p.key_a) filter (where p.near operator(pg_catalog.=) $1) as full_keys
            from (
                select
                    sqlembed_one.key as key_a, b.key as key_b,
                    least(1, 1 operator(pg_catalog.-) b.distance) as similarity,
                    pg_catalog.count(*) over (partition by sqlembed_one.key) as near
                from (%1$s) as sqlembed_one
                cross join lateral (
                    select %2$s as key, %3$s operator(public.<=>) sqlembed_one.raw as distance
                    from %4$s
                    where %3$s is not null and (%5$s\n) and %6$s and %7$s
                    order by %3$s operator(public.<=>) sqlembed_one.raw
                    limit $1
                ) as b
                where sqlembed_one.is_first
                    and ($2 is null or sqlembed_one.key operator(pg_catalog.=) any (select pg_catalog.unnest($2)))
                    and b.distance operator(pg_catalog.<=) $3
            ) as p',
            _near_pairs.rows, _near_pairs.key, _near_pairs.vector, _near_pairs.from_clause,
            coalesce(_near_pairs.filter, 'true'),
            case
                when _near_pairs.within is null then 'true'
                else pg_catalog.format(
                    E'((%s\n)::pg_catalog.text collate pg_catalog."C") operator(pg_catalog.=) sqlembed_one.block',
                    _near_pairs.within
                )
            end,
            case
                when _near_pairs.is_every_pair then pg_catalog.format('%s operator(pg_catalog.<>) sqlembed_one.key', _near_pairs.key)
                -- Those with its own vector are known to belong to it, and would crowd out the others.
                else pg_catalog.format('%s operator(public.<>) sqlembed_one.raw', _near_pairs.vector)
            end
        )
        into found
        using k::pg_catalog.int8, left_over, 1.000001::pg_catalog.float8 operator(pg_catalog.-) _near_pairs.threshold;
        perform sqlembed._leave_search(settings);
        return query
        select p.key_a, p.key_b, p.similarity
        from rows from (
            pg_catalog.unnest(found.keys_a), pg_catalog.unnest(found.keys_b), pg_catalog.unnest(found.similarities)
        ) as p (key_a, key_b, similarity);
        left_over := found.full_keys;
        exit when left_over is null or k operator(pg_catalog.>=) 1000;
        k := k operator(pg_catalog.*) 10;
    end loop;
end
$function$;

comment on function sqlembed._near_pairs(text, text, text, text, text, text, double precision, boolean) is
    'Pairs of near rows that a vector index finds: of each row its nearest 10, and where those are all duplicates of it 100, then 1000.';

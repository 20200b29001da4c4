create or replace function sqlembed._describe_side(declared sqlembed.embedding) returns text
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    match text;
    keys record;
begin
    match := (select k.match from sqlembed._key_sql((_describe_side.declared).relation) as k);
    select k.*
    into keys
    from sqlembed._side_key_lists((_describe_side.declared).relation, (_describe_side.declared).side) as k;

    -- The parameters and the answer are those of a row's own vector. The row is locked and its text
    -- tested on it, but nothing is written there: its version stays. The lock lets foreign keys to the
    -- row pass and keeps a second worker from the same row of the side table. Two keys of one row,
    -- which a case-insensitive type has, make one vector.
    return format(
        'with current as materialized (
            select k.key, k.hash, k.vector, locked.*
            from rows from (unnest($1), unnest($2), unnest($3)) as k (key, hash, vector)
            cross join lateral (
                select %6$s
                from %1$s as r
                where %2$s and (
                    select case
                        when k.hash is null then s.input is null
                        else sha256(convert_to(s.input::text, ''UTF8'')) = k.hash
                    end
                    from (select (%3$s) as input from (select %11$s) as r) as s
                ) and %12$s
                for no key update of r skip locked
            ) as locked
            where %13$s
        ),
        written as (
            insert into %4$s as s (%7$s, %5$I, source_hash)
            select distinct on (%8$s) %8$s, c.vector::%10$s, c.hash
            from current as c
            where c.vector is not null
            on conflict (%7$s) do update set %5$I = excluded.%5$I, source_hash = excluded.source_hash
        ),
        blanked as (
            delete from %4$s as s using current as c where c.vector is null and %9$s
        )
        select c.key from current as c',
        (_describe_side.declared).relation,
        match,
        (_describe_side.declared).source,
        (_describe_side.declared).side,
        (select p.vector from sqlembed._present_columns(_describe_side.declared) as p),
        keys.locked,
        keys.written,
        keys.made,
        keys.match,
        case (_describe_side.declared).storage when 'vector' then 'public.vector' else 'public.halfvec' end,
        sqlembed._renamed_columns(_describe_side.declared),
        sqlembed._is_unaltered_sql(_describe_side.declared),
        sqlembed._is_described_sql(_describe_side.declared)
    );
end
$function$;

comment on function sqlembed._describe_side(sqlembed.embedding) is
    'The statement with which a worker writes vectors into a side table. For _describe_embedding.';

revoke execute on function sqlembed._describe_side(sqlembed.embedding) from public;

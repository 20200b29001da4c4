create or replace function sqlembed._describe_chunks(declared sqlembed.embedding) returns text
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    keys record;
begin
    select k.*
    into keys
    from sqlembed._side_key_lists((_describe_chunks.declared).relation, (_describe_chunks.declared).side) as k;

    -- $1: keys, $2: sha256 of their texts, fewer than rows where the rest is NULL. $3 to $9: the chunks, each
    -- with the place of its row in $1. All chunks of a row are written at once, or none: the lock on the row
    -- is held, and its text tested, as for a row's own vector. Those that the text has no more go.
    return format(
        'with current as materialized (
            select k.number, k.key, k.hash, locked.*
            from rows from (unnest($1), unnest($2)) with ordinality as k (key, hash, number)
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
        chosen as materialized (
            select distinct on (%8$s) c.* from current as c order by %8$s, c.number
        ),
        piece as materialized (
            select p.*
            from unnest($3::integer[], $4::integer[], $5::integer[], $6::integer[], $7::text[], $8, $9)
                as p (number, ordinal, first, last, chunk, hash, vector)
        ),
        written as (
            insert into %4$s as s (%7$s, ordinal, span, chunk, chunk_hash, source_hash, %5$I)
            select %8$s, p.ordinal, int4range(p.first, p.last), p.chunk, p.hash, c.hash, p.vector::%10$s
            from chosen as c
            join piece as p on p.number = c.number
            on conflict (%7$s, ordinal) do update
            set
                span = excluded.span,
                chunk = excluded.chunk,
                chunk_hash = excluded.chunk_hash,
                source_hash = excluded.source_hash,
                %5$I = excluded.%5$I
        ),
        removed as (
            delete from %4$s as s
            using (
                select c.*, (select count(*) from piece as p where p.number = c.number) as pieces from chosen as c
            ) as c
            where %9$s and s.ordinal > c.pieces
        )
        select c.key from current as c',
        (_describe_chunks.declared).relation,
        (select k.match from sqlembed._key_sql((_describe_chunks.declared).relation) as k),
        (_describe_chunks.declared).source,
        (_describe_chunks.declared).side,
        (select p.vector from sqlembed._present_columns(_describe_chunks.declared) as p),
        keys.locked,
        keys.written,
        keys.made,
        keys.match,
        case (_describe_chunks.declared).storage when 'vector' then 'public.vector' else 'public.halfvec' end,
        sqlembed._renamed_columns(_describe_chunks.declared),
        sqlembed._is_unaltered_sql(_describe_chunks.declared),
        sqlembed._is_described_sql(_describe_chunks.declared)
    );
end
$function$;

comment on function sqlembed._describe_chunks(sqlembed.embedding) is
    'The statement with which a worker writes the chunks of rows into a side table. For _describe_embedding.';

revoke execute on function sqlembed._describe_chunks(sqlembed.embedding) from public;

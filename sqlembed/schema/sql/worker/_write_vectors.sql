create or replace function sqlembed._write_vectors(
    embedding integer,
    keys jsonb[],
    hashes bytea[],
    vectors public.vector[]
)
returns setof jsonb
language plpgsql
volatile
-- A table that is being altered must not keep the worker from all the others.
set lock_timeout = '200ms'
-- The primary key is the way to some thousand rows, however large the table is or seems to be.
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
-- Thousands of vectors are handed from step to step.
set work_mem = '64MB'
as $function$
declare
    declared sqlembed.embedding;
begin
    select e.* into declared from sqlembed.embedding as e where e.id operator(pg_catalog.=) _write_vectors.embedding;
    perform pg_catalog.set_config('sqlembed.writing', 'on', true);
    -- The test of the text stands on the target row itself: when a writer commits while this waits,
    -- PostgreSQL evaluates it again on the new row and nothing stale is written. Rows that anybody
    -- has locked are left for later. The lock leaves foreign keys to the row alone.
    return query execute pg_catalog.format(
        'with current as materialized (
            select k.key, k.vector
            from rows from (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3)) as k (key, hash, vector)
            cross join lateral (
                select
                from %1$s as r
                where %2$s and (
                    select case
                        when k.hash is null then s.input is null
                        else pg_catalog.sha256(pg_catalog.convert_to(s.input::pg_catalog.text, ''UTF8'')) operator(pg_catalog.=) k.hash
                    end
                    from (select (%3$s) as input from (select r.*) as r) as s
                )
                for no key update of r skip locked
            ) as locked
        ),
        written as (
            update %1$s as r
            set %4$I = k.vector::%5$s
            from current as k
            where %2$s and (k.vector is not null or r.%4$I is not null)
        )
        select c.key from current as c',
        declared.relation,
        (select k.match from sqlembed._key_sql(declared.relation) as k),
        declared.source,
        declared.name,
        case declared.storage when 'vector' then 'public.vector' else 'public.halfvec' end
    )
    using _write_vectors.keys, _write_vectors.hashes, _write_vectors.vectors;
    perform pg_catalog.set_config('sqlembed.writing', 'off', true);
end
$function$;

comment on function sqlembed._write_vectors(integer, jsonb[], bytea[], public.vector[]) is
    'Write vectors to the rows whose text still has the given sha256 (NULL for no text). There may be fewer vectors than rows: the rest get none. Returns the keys of the rows that are up to date; the others have changed, are locked or gone.';

revoke execute on function sqlembed._write_vectors(integer, jsonb[], bytea[], public.vector[]) from public;

create or replace function sqlembed._describe_embedding(
    embedding integer,
    out relation regclass,
    out name name,
    out embedder text,
    out read_sources text,
    out write_vectors text,
    out chunking jsonb,
    out read_chunks text,
    out rows_per_second integer
)
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    declared sqlembed.embedding;
    match text;
    present record;
    renamed text;
    has_children boolean;
    is_same text;
    is_described text;
begin
    select e.* into declared from sqlembed.embedding as e where e.id = _describe_embedding.embedding;
    select p.* into present from sqlembed._present_columns(declared) as p;
    -- Of a column that was dropped a moment ago the row is still there.
    if declared.id is null or present.vector is null then
        return;
    end if;
    _describe_embedding.relation := declared.relation;
    _describe_embedding.name := declared.name;
    _describe_embedding.embedder := declared.embedder;
    _describe_embedding.rows_per_second := declared.rows_per_second;
    match := (select k.match from sqlembed._key_sql(declared.relation) as k);
    renamed := sqlembed._renamed_columns(declared);
    -- The primary keys of a parent and its children know nothing of each other.
    has_children := cardinality(sqlembed._members(declared.relation)) > 0
        and (select c.relkind = 'r' from pg_class as c where c.oid = declared.relation);

    is_described := sqlembed._is_described_sql(declared);

    -- $1: keys, $2: budget in bytes. Beyond it rows are postponed: a worker's memory is not the
    -- table's size.
    _describe_embedding.read_sources := format(
        'select t.key, case when not t.postponed then t.input end, sqlembed._blank(t.input), t.postponed
        from (
            select
                k.key,
                %5$ss.input::text%6$s as input,
                coalesce(
                    sum(octet_length(s.input::text)) over (rows between unbounded preceding and 1 preceding) >= $2, false
                ) as postponed
            from unnest($1) as k (key)
            cross join lateral (
                select s.input
                from %1$s as r
                cross join lateral (select (%3$s) as input from (select %4$s) as r) as s
                where %2$s
            ) as s
            where %7$s
        ) as t',
        declared.relation,
        match,
        declared.source,
        renamed,
        case when has_children then 'case when sqlembed._is_only_row(count(*) over (partition by k.key), k.key) then ' else '' end,
        case when has_children then ' end' else '' end,
        is_described
    );

    is_same := format(
        '(
            select case
                when k.hash is null then s.input is null
                else sha256(convert_to(s.input::text, ''UTF8'')) = k.hash
            end
            from (select (%s) as input from (select %s) as r) as s
        )',
        declared.source, renamed
    );

    if declared.chunking is not null then
        _describe_embedding.write_vectors := sqlembed._describe_chunks(declared);
        _describe_embedding.read_chunks := sqlembed._read_chunks_sql(declared);
        _describe_embedding.chunking := declared.chunking;
        return;
    end if;
    if declared.side is not null then
        _describe_embedding.write_vectors := sqlembed._describe_side(declared);
        return;
    end if;
    -- $1: keys, $2: sha256 of their texts, $3: vectors. Of the last two there may be fewer than
    -- rows: the rest have no text, or one that is blank and gets no vector. The answer is the keys of
    -- the rows that are up to date; the others have changed, are locked or gone.
    -- The test of the text stands on the target row itself: when a writer commits while this waits,
    -- PostgreSQL evaluates it again on the new row and nothing stale is written. Rows that anybody
    -- has locked are left for later. The lock leaves foreign keys to the row alone.
    _describe_embedding.write_vectors := format(
        'with current as materialized (
            select k.key, k.hash, k.vector
            from rows from (unnest($1), unnest($2), unnest($3)) as k (key, hash, vector)
            cross join lateral (
                select
                from %1$s as r
                where %2$s and %6$s and %8$s
                for no key update of r skip locked
            ) as locked
            where %9$s
        ),
        written as (
            update %1$s as r
            set %4$I = k.vector::%5$s
            from current as k
            where %2$s and (k.vector is not null or r.%4$I is not null)%7$s
        )
        select c.key from current as c',
        declared.relation,
        match,
        declared.source,
        present.vector,
        case declared.storage when 'vector' then 'public.vector' else 'public.halfvec' end,
        is_same,
        -- A row of another table of the family may have got the same key since.
        case when has_children then ' and ' || is_same else '' end,
        sqlembed._is_unaltered_sql(declared),
        is_described
    );
end
$function$;

comment on function sqlembed._describe_embedding(integer) is
    'What a worker needs to serve an embedding: its embedder, and two statements, which it prepares once: one reads texts, one writes vectors; for long texts also how they are cut, and a statement that reads what their chunks have already. NULL for an embedding that is gone.';

revoke execute on function sqlembed._describe_embedding(integer) from public;

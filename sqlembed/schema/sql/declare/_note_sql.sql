create or replace function sqlembed._note_sql(
    embedding integer,
    on_change text,
    out probe_inserted text,
    out probe_updated text,
    out inserted text,
    out updated text,
    out key text,
    out source text
)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    declared sqlembed.embedding;
    vector text;
    -- With timing sync, the writer embeds before the commit and finds its own changes by the stamp.
    stamp text;
begin
    select e.* into declared from sqlembed.embedding as e where e.id = _note_sql.embedding;
    -- Columns have no prefix: a name that has one and is no column any more means a function.
    stamp := case declared.timing when 'sync' then 'pg_current_xact_id()' else 'null' end;
    _note_sql.key := (select k.expression from sqlembed._key_sql(declared.relation, '') as k);
    select
        quote_ident(p.vector),
        coalesce(
            (
                select string_agg(quote_ident(c), ', ')
                from unnest(sqlembed._base_columns(declared.relation, p.source)) as c
            ),
            'null'
        )
    into vector, _note_sql.source
    from sqlembed._present_columns(declared) as p;
    if _note_sql.key is null or vector is null then
        _note_sql.key := null;
        return;
    end if;

    _note_sql.probe_inserted := format(
        'select %1$s, %2$s from sqlembed_new where %3$s is null limit 1', _note_sql.key, _note_sql.source, vector
    );
    _note_sql.probe_updated := format(
        'select %1$s, %2$s, %3$s from sqlembed_new%4$s limit 1',
        _note_sql.key, _note_sql.source, vector, case _note_sql.on_change when 'hide' then format(' where %s is null', vector) else '' end
    );
    _note_sql.inserted := format(
        'insert into sqlembed.change (embedding, key, transaction) select %1$s, %2$s, %4$s from sqlembed_new where %3$s is null',
        declared.id, _note_sql.key, vector, stamp
    );
    _note_sql.updated := case _note_sql.on_change
        -- The row trigger has set the vector to NULL where the source changed.
        when 'hide' then format(
            $sql$insert into sqlembed.change (embedding, key, transaction)
            select %1$s, n.key, %5$s
            from (select %2$s as key, row(%4$s) as source from sqlembed_new where %3$s is null) as n
            left join (select %2$s as key, %3$s is null as was_null, row(%4$s) as source from sqlembed_old) as o
                on o.key = n.key
            where o.key is null or not o.was_null or o.source *<> n.source$sql$,
            declared.id, _note_sql.key, vector, _note_sql.source, stamp
        )
        -- A vector that came with the new text is the client's own and stays. One that goes with its
        -- row to another key may be out of date, if the old key was waiting or the text has changed
        -- as well: then text and vector have not stood together before. The type's own output
        -- compares what has no operator that can be hashed.
        else format(
            $sql$insert into sqlembed.change (embedding, key, transaction)
            select %1$s, n.key, %5$s
            from (select %2$s as key, %3$s as vector, row(%4$s) as source from sqlembed_new) as n
            left join (select %2$s as key, %3$s as vector, row(%4$s) as source from sqlembed_old) as o on o.key = n.key
            where case
                when n.vector is null then o.key is null or o.vector is not null or o.source *<> n.source
                when o.key is not null and record_image_eq(row(o.vector), row(n.vector)) then o.source *<> n.source
                when o.key is not null and o.source *= n.source
                then %6$s and md5(row(n.vector)::text) in (select md5(row(%3$s)::text) from sqlembed_old)
                else md5(row(n.vector)::text) in (select md5(row(%3$s)::text) from sqlembed_old) and (
                    md5(row(n.source, n.vector)::text) not in (select md5(row(row(%4$s), %3$s)::text) from sqlembed_old)
                    or %6$s
                )
            end$sql$,
            declared.id, _note_sql.key, vector, _note_sql.source, stamp,
            format(
                'exists (
                        select
                        from (select %2$s as key from sqlembed_old) as p
                        join (
                            select q.key from sqlembed._queued as q where q.embedding = %1$s
                            union all
                            select f.key from sqlembed.failed_job as f where f.embedding = %1$s
                        ) as w on w.key = p.key
                    )',
                declared.id, _note_sql.key
            )
        )
    end;
end
$function$;

comment on function sqlembed._note_sql(integer, text) is
    'With what a statement trigger finds and notes the rows that need a vector, after the present names of their columns: two probes and two statements, and what they say for the key and the columns of the source. NULL when there is no key or no vector column any more.';

revoke execute on function sqlembed._note_sql(integer, text) from public;

create or replace function sqlembed._count_pending(embedders text[], without integer[]) returns bigint
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
    select count(*)
    from sqlembed._queued as q
    where q.embedding in (
        select e.id
        from sqlembed.embedding as e
        where e.embedder = any (_count_pending.embedders) and e.id <> all (_count_pending.without)
    )
$function$;

comment on function sqlembed._count_pending(text[], integer[]) is
    'How many changes and jobs wait for some embedders, at any worker, but for some embeddings.';

revoke execute on function sqlembed._count_pending(text[], integer[]) from public;

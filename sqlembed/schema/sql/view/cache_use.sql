create or replace view sqlembed.cache_use as
select
    m.name as embedder,
    u.fingerprint,
    u.kind,
    u.vectors,
    u.vectors * (one.bytes + octet_length(u.fingerprint) + 100) as bytes,
    u.oldest_use,
    u.newest_use
from (
    select c.fingerprint, c.kind, count(*) as vectors, min(c.used_at) as oldest_use, max(c.used_at) as newest_use
    from sqlembed.cache as c
    group by c.fingerprint, c.kind
) as u
cross join lateral (
    select 4 * public.vector_dims(c.embedding) + 8 as bytes
    from sqlembed.cache as c
    where c.fingerprint = u.fingerprint and c.kind = u.kind
    limit 1
) as one
left join lateral (
    select string_agg(e.name, ', ' order by e.name) as name
    from sqlembed.embedder as e
    where e.fingerprint = u.fingerprint
) as m on true;

comment on view sqlembed.cache_use is 'What the cache holds. For the owner of sqlembed, and whom it grants this view to.';
comment on column sqlembed.cache_use.embedder is 'The embedders of this fingerprint; null when none has it any more.';
comment on column sqlembed.cache_use.fingerprint is 'Fingerprint of the embedder that made the vectors.';
comment on column sqlembed.cache_use.kind is 'document or query.';
comment on column sqlembed.cache_use.vectors is 'How many there are.';
comment on column sqlembed.cache_use.bytes is 'About what they take.';
comment on column sqlembed.cache_use.oldest_use is 'When the one was used that has not been used for longest.';
comment on column sqlembed.cache_use.newest_use is 'When one was used last.';

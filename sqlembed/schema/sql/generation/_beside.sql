-- Generations.
--
-- To change the embedder, the dimensions or the source of an embedding that is in use, the next generation of
-- it is built beside the present one. It is an embedding like any other, a row of sqlembed.embedding, with a
-- column of its own (embedding_next) or a side table of its own, its own triggers and its own jobs: workers
-- fill it, status counts it, a crash loses nothing of it, new rows go to both. generation says which of the two
-- it is, and generation_of to which it belongs. At most one stands beside the current one.
--
--     current ── create_generation ──> current + next ── switch_generation ──> current + previous
--        ^              abandon_generation │    ^           rollback_generation      │
--        ├─────────────────────────────────┘    └────────────────────────────────────┤
--        └────────────────────────── drop_generation ────────────────────────────────┘
--
-- switch_generation exchanges the names of the two columns (or of the two side tables and their columns) and
-- their roles, in one transaction that holds the table for some milliseconds. Neither vectors nor indexes are
-- touched. What was the current generation is then the previous one: still maintained, so that to roll back is
-- the same exchange the other way round.
--
-- No search sees a mixture. It reads the declaration once, by its snapshot: embedder, metric and the number of
-- the column. Then it holds the table, and asks what that column is called now. Begun before the switch and run
-- after it, it embeds its query with the old embedder and compares it with the old vectors, under their new
-- name, in READ COMMITTED as in a transaction that lasts.
--
-- Workers serve current embeddings first. When they have caught up with what is written, they take a little of
-- what belongs to other generations in between, at most rows_per_second of it.

create or replace function sqlembed._beside(declared sqlembed.embedding) returns sqlembed.embedding
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    select e from sqlembed.embedding as e where e.generation_of = (_beside.declared).id
$function$;

comment on function sqlembed._beside(sqlembed.embedding) is
    'The generation that stands beside an embedding, the next or the previous one; NULL without one.';

create or replace view sqlembed.generation with (security_barrier) as
select
    e.relation,
    coalesce(c.name, e.name) as embedding,
    e.generation,
    case when e.side is null then format('%s.%I', e.relation, e.name) else e.side::text end as place,
    e.embedder,
    e.dimensions,
    e.declared_source as source,
    e.index,
    e.rows_per_second,
    e.created_at
from sqlembed.embedding as e
left join sqlembed.embedding as c on c.id = e.generation_of
where has_table_privilege(e.relation, 'select');

comment on view sqlembed.generation is 'Generations of embeddings. How far the next one is says status, under its own name.';
comment on column sqlembed.generation.relation is 'The table.';
comment on column sqlembed.generation.embedding is 'The embedding that it belongs to.';
comment on column sqlembed.generation.generation is 'current: searches use it; next: it is being built; previous: it was current before.';
comment on column sqlembed.generation.place is 'The column or the side table that holds its vectors.';
comment on column sqlembed.generation.embedder is 'The embedder that makes the vectors.';
comment on column sqlembed.generation.dimensions is 'Length of the vectors.';
comment on column sqlembed.generation.source is 'The expression that is embedded, as it was declared.';
comment on column sqlembed.generation.index is 'Kind of index: hnsw, binary, prefix or none.';
comment on column sqlembed.generation.rows_per_second is 'How many rows of it a worker embeds a second at most; null: as many as it can.';
comment on column sqlembed.generation.created_at is 'When it was declared.';

grant select on sqlembed.generation to public;

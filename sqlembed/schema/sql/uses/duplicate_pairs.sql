create or replace function sqlembed.duplicate_pairs(
    relation regclass,
    threshold double precision default 0.95,
    embedding name default null,
    filter text default null,
    within text default null,
    mode text default 'vector'
)
returns table (key_a jsonb, key_b jsonb, similarity double precision)
language plpgsql
stable
as $function$
begin
    return query
    select p.key_a, p.key_b, pg_catalog.max(p.similarity)
    from (
        select least(p.key_a, p.key_b) as key_a, greatest(p.key_a, p.key_b) as key_b, p.similarity
        from sqlembed._duplicate_pairs(
            duplicate_pairs.relation, duplicate_pairs.threshold, duplicate_pairs.embedding, duplicate_pairs.filter,
            duplicate_pairs.within, duplicate_pairs.mode, true
        ) as p
    ) as p
    group by p.key_a, p.key_b
    order by pg_catalog.max(p.similarity) desc, p.key_a, p.key_b;
end
$function$;

comment on function sqlembed.duplicate_pairs(regclass, double precision, name, text, text, text) is
    'Pairs of rows whose vectors have a cosine of threshold or more, most alike first; arguments as those of duplicates.';

create or replace function sqlembed._embedding_of(relation regclass, name name default null)
returns sqlembed.embedding
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    declared sqlembed.embedding;
    names text;
begin
    select string_agg(quote_ident(e.name), ', ' order by e.name)
    into names
    from sqlembed.embedding as e
    where e.relation = _embedding_of.relation and (_embedding_of.name is not null or e.generation = 'current');

    if names is null then
        raise exception 'sqlembed: table % has no embedding', _embedding_of.relation
            using errcode = 'SE013',
                hint = format(
                    'Declare one: select sqlembed.create_embedding(%L, embedder => ''minilm'', source => ''...'').',
                    _embedding_of.relation
                );
    end if;

    select e.*
    into declared
    from sqlembed.embedding as e
    where e.relation = _embedding_of.relation
        and e.name = coalesce(_embedding_of.name, e.name)
        and (_embedding_of.name is not null or e.generation = 'current');

    if _embedding_of.name is null and position(',' in names) > 0 then
        raise exception 'sqlembed: table % has several embeddings', _embedding_of.relation
            using errcode = 'SE013', hint = format('Say which, as embedding => ''...'': %s.', names);
    end if;
    if declared.id is null then
        raise exception 'sqlembed: table % has no embedding %', _embedding_of.relation, quote_ident(_embedding_of.name)
            using errcode = 'SE013', hint = format('It has: %s.', names);
    end if;
    return declared;
end
$function$;

comment on function sqlembed._embedding_of(regclass, name) is
    'The declared embedding of a table; without a name, its only one.';

create or replace function sqlembed._check_adopted(
    relation regclass,
    embedding name,
    embedder text,
    source text,
    metric text,
    place text,
    is_chunked boolean
)
returns void
language plpgsql
volatile
as $function$
declare
    side regclass;
begin
    if _check_adopted.is_chunked then
        raise exception 'sqlembed: adopt => ''check'' is not available for chunks'
            using errcode = 'SE014',
                hint = 'With adopt => ''keep'' those whose text is still the same stay, with ''recompute'' none.';
    end if;
    if _check_adopted.place operator(pg_catalog.=) 'side' then
        side := (
            select pg_catalog.to_regclass(
                pg_catalog.format(
                    '%I.%I', n.nspname,
                    sqlembed._side_name(pg_catalog.format('%s_%s', c.relname, _check_adopted.embedding))
                )
            )
            from pg_catalog.pg_class as c
            join pg_catalog.pg_namespace as n on n.oid operator(pg_catalog.=) c.relnamespace
            where c.oid operator(pg_catalog.=) _check_adopted.relation
        );
        if side is null then
            return;
        end if;
        perform sqlembed._refuse_side(_check_adopted.relation, side, _check_adopted.embedding, false);
    end if;
    if (select k.columns from sqlembed._key_sql(_check_adopted.relation) as k) is null then
        return;
    end if;
    perform sqlembed._check_vectors(
        _check_adopted.relation, _check_adopted.embedding, _check_adopted.embedder,
        (select c.expression from sqlembed._canonical_source(_check_adopted.relation, _check_adopted.source) as c),
        _check_adopted.metric, side
    );
end
$function$;

comment on function sqlembed._check_adopted(regclass, name, text, text, text, text, boolean) is
    'Compare what a column or a side table holds, where it is there already, with what the embedder makes of the texts. For create_embedding.';

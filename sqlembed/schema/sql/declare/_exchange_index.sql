create or replace function sqlembed._exchange_index(
    present sqlembed.embedding,
    wanted sqlembed.embedding,
    index_name name
)
returns void
language plpgsql
volatile
as $function$
declare
    holder regclass := coalesce((_exchange_index.wanted).side, (_exchange_index.wanted).relation);
    old_index regclass := sqlembed._own_index(holder, (_exchange_index.present).index_name);
    given regclass := sqlembed._own_index(holder, _exchange_index.index_name);
begin
    if _exchange_index.index_name is not null and not exists (
        select
        from pg_catalog.pg_index as i
        where i.indexrelid operator(pg_catalog.=) given and i.indisvalid
    ) then
        raise exception 'sqlembed: % has no valid index %', holder, pg_catalog.quote_ident(_exchange_index.index_name)
            using errcode = 'SE011', hint = 'Leave index_name out: the index is then built here.';
    end if;
    if old_index is not null and old_index is distinct from given then
        -- The new one may get its name.
        execute pg_catalog.format(
            'alter index %s rename to %I', old_index, 'sqlembed_old_' || old_index::pg_catalog.oid::text
        );
    end if;
    update sqlembed.embedding as e
    set index_name = null
    where e.id operator(pg_catalog.=) (_exchange_index.wanted).id;
    if (_exchange_index.wanted).index operator(pg_catalog.<>) 'none' then
        perform sqlembed._build_index(_exchange_index.wanted, nullif(old_index, given));
    end if;
    if given is not null then
        update sqlembed.embedding as e
        set index_name = _exchange_index.index_name
        where e.id operator(pg_catalog.=) (_exchange_index.wanted).id and e.index_name is null;
        if not found or (_exchange_index.wanted).index operator(pg_catalog.=) 'none' then
            raise exception 'sqlembed: index % is not the one that % wants, which is: %',
                pg_catalog.quote_ident(_exchange_index.index_name), holder,
                pg_catalog.concat_ws(
                    ' ', (_exchange_index.wanted).index, (_exchange_index.wanted).metric, (_exchange_index.wanted).index_options
                )
                using errcode = 'SE011', hint = 'Leave index_name out: the index is then built here.';
        end if;
    end if;
    if old_index is not null and old_index is distinct from given then
        execute pg_catalog.format('drop index %s', old_index);
    end if;
end
$function$;

comment on function sqlembed._exchange_index(sqlembed.embedding, sqlembed.embedding, name) is
    'Build the index that an embedding wants, or take over one that was built for it, and only then drop the present one.';

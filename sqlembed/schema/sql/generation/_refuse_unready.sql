create or replace function sqlembed._refuse_unready(
    present sqlembed.embedding,
    beside sqlembed.embedding,
    lag interval
)
returns void
language plpgsql
volatile
as $function$
declare
    waiting record;
    given_up bigint;
    holder regclass := coalesce((_refuse_unready.beside).side, (_refuse_unready.beside).relation);
    indexed record;
begin
    if not sqlembed._sees_all_rows((_refuse_unready.present).relation) then
        raise exception 'sqlembed: a policy keeps rows of % from you, so that what is missing cannot be counted',
            (_refuse_unready.present).relation
            using errcode = '42501', hint = 'Let a role do it that sees all rows.';
    end if;
    if (_refuse_unready.beside).queued_at is null then
        raise exception 'sqlembed: no worker has begun the % generation of % of % yet',
            (_refuse_unready.beside).generation, pg_catalog.quote_ident((_refuse_unready.present).name),
            (_refuse_unready.present).relation
            using errcode = 'SE018', hint = 'One does within seconds; if none is alive: sqlembed worker --registry module:object.';
    end if;
    select pg_catalog.count(*) as rows, pg_catalog.min(w.changed_at) as oldest
    into waiting
    from sqlembed._waiting as w
    where w.embedding operator(pg_catalog.=) (_refuse_unready.beside).id;
    -- What was written a moment ago is on its way in both generations; what was there before is not. And a
    -- row that is embedded in its own transaction is on its way in none.
    if waiting.oldest operator(pg_catalog.<)
            greatest(clock_timestamp() operator(pg_catalog.-) _refuse_unready.lag, (_refuse_unready.beside).queued_at)
        or waiting.rows operator(pg_catalog.>) 0 and (_refuse_unready.present).timing operator(pg_catalog.=) 'sync'
    then
        raise exception 'sqlembed: % rows of % still wait for the % generation of %',
            waiting.rows, (_refuse_unready.present).relation, (_refuse_unready.beside).generation,
            pg_catalog.quote_ident((_refuse_unready.present).name)
            using errcode = 'SE018',
                hint = case
                    when (_refuse_unready.beside).timing operator(pg_catalog.<>) (_refuse_unready.present).timing
                    then pg_catalog.format(
                        'Writers go on meanwhile. So that none is missing: select sqlembed.alter_embedding(%L, %L, timing => ''sync''), and then try again.',
                        (_refuse_unready.present).relation, (_refuse_unready.beside).name
                    )
                    else 'Workers are at it: sqlembed.status says how far they are.'
                end;
    end if;
    select pg_catalog.count(*)
    into given_up
    from sqlembed.failure as f
    where f.relation operator(pg_catalog.=) (_refuse_unready.present).relation
        and f.embedding operator(pg_catalog.=) (_refuse_unready.beside).name
        and not exists (
            select
            from sqlembed.failure as o
            where o.relation operator(pg_catalog.=) f.relation
                and o.embedding operator(pg_catalog.=) (_refuse_unready.present).name
                and o.key operator(pg_catalog.=) f.key
        );
    if given_up operator(pg_catalog.>) 0 then
        raise exception 'sqlembed: % rows of % were given up in the % generation of % alone, and would be lost to searches',
            given_up, (_refuse_unready.present).relation, (_refuse_unready.beside).generation,
            pg_catalog.quote_ident((_refuse_unready.present).name)
            using errcode = 'SE018',
                hint = pg_catalog.format(
                    'sqlembed.failure says why; then: select sqlembed.retry_failed(%L, %L).',
                    (_refuse_unready.present).relation, (_refuse_unready.beside).name
                );
    end if;
    if (_refuse_unready.beside).index operator(pg_catalog.=) 'none' then
        return;
    end if;
    indexed := sqlembed._indexed(
        (_refuse_unready.beside).index, (_refuse_unready.beside).index_options, (_refuse_unready.beside).storage,
        (_refuse_unready.beside).dimensions, (_refuse_unready.beside).metric, pg_catalog.quote_ident((_refuse_unready.beside).name)
    );
    if not sqlembed._has_index(
        holder, indexed.expression, indexed.operator_class, sqlembed._index_parameters((_refuse_unready.beside).index_options)
    ) then
        raise exception 'sqlembed: the % generation of % of % has no index',
            (_refuse_unready.beside).generation, pg_catalog.quote_ident((_refuse_unready.present).name), (_refuse_unready.present).relation
            using errcode = 'SE018',
                hint = case (_refuse_unready.beside).generation
                    when 'next' then pg_catalog.format(
                        'Build it: %s.', sqlembed.generation_index((_refuse_unready.present).relation, (_refuse_unready.present).name)
                    )
                    else 'It was there when generations were switched: build it again.'
                end;
    end if;
end
$function$;

comment on function sqlembed._refuse_unready(sqlembed.embedding, sqlembed.embedding, interval) is
    'An error that says what a generation lacks to become the current one.';

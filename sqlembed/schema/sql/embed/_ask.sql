create or replace function sqlembed._ask(embedder text, key bytea, kind text, inputs text[])
returns public.vector[]
language plpgsql
stable
security definer
parallel restricted
set search_path = pg_catalog, pg_temp
as $function$
declare
    known sqlembed.embedder;
    asked_kind text;
    wanted text[];
    cached public.vector[];
    missing text[];
    answers public.vector[];
    ticket bytea;
    connection text;
    id bigint;
    done boolean := false;
    until timestamptz;
begin
    select e.* into known from sqlembed.embedder as e where e.name = _ask.embedder;
    if known.name is null then
        raise exception 'sqlembed: unknown embedder %', coalesce(quote_literal(_ask.embedder), 'NULL')
            using errcode = 'SE001',
                hint = coalesce(
                    'Known: ' || (select string_agg(quote_ident(e.name), ', ' order by e.name) from sqlembed.embedder as e) || '.',
                    'None is registered yet; a worker registers those of its registry when it starts.'
                );
    end if;
    if not exists (
        select from sqlembed.embedder_key as k where k.embedder = _ask.embedder and k.key = _ask.key
    ) then
        raise exception 'sqlembed: permission denied for embedder %', quote_ident(_ask.embedder)
            using errcode = '42501',
                hint = format('Its owner can say: select sqlembed.grant_embedder(%L, ''role'').', _ask.embedder);
    end if;

    asked_kind := case when known.is_asymmetric then _ask.kind else 'document' end;
    select array_agg(distinct i) into wanted from unnest(_ask.inputs) as i where not sqlembed._blank(i);
    if wanted is null then
        return array_fill(null::public.vector, array[cardinality(_ask.inputs)]);
    end if;

    cached := sqlembed._cached(_ask.embedder, asked_kind, wanted);
    select array_agg(w.input order by w.ordinality)
    into missing
    from unnest(wanted) with ordinality as w (input, ordinality)
    where cached[w.ordinality] is null;

    if missing is not null then
        connection := sqlembed._open_loopback();
        ticket := sqlembed._ticket(_ask.embedder, asked_kind, missing);
        until := clock_timestamp() + sqlembed._request_timeout();
        while not done loop
            if clock_timestamp() > until then
                raise exception 'sqlembed: no answer within %', sqlembed._request_timeout()
                    using errcode = 'SE004',
                        hint = 'The workers are busy: start more of them, or raise sqlembed.request_timeout.';
            end if;
            select t.id, t.done, t.result
            into id, done, answers
            from sqlembed_dblink.dblink(
                connection,
                format(
                    'call sqlembed_wire.request(%L, %L, %L, %L, %s, %L)',
                    _ask.embedder, asked_kind, case when id is null then missing end, ticket, 100, id
                )
            ) as t (id bigint, done boolean, result public.vector[]);
        end loop;
    end if;

    return array(
        select coalesce(c.vector, a.vector)
        from unnest(_ask.inputs) with ordinality as i (input, ordinality)
        left join unnest(wanted, cached) as c (input, vector) on c.input = i.input
        left join unnest(missing, answers) as a (input, vector) on a.input = i.input
        order by i.ordinality
    );
end
$function$;

comment on function sqlembed._ask(text, bytea, text, text[]) is
    'Vectors from the cache, and for what is not there from a worker, through a second connection to this database. The key is proof that the caller may use the embedder.';

create or replace function sqlembed._ask(embedder text, key bytea, kind text, inputs text[])
returns public.vector[]
language plpgsql
stable
security definer
parallel restricted
set search_path = pg_catalog, pg_temp
set jit = off
as $function$
declare
    known sqlembed.embedder;
    asked_kind text;
    wanted text[];
    cached public.vector[];
    part text[];
    answered text[] := '{}';
    answers public.vector[] := '{}';
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
    for part in
        select p.inputs
        from sqlembed._parts(
            array(select c.input from unnest(wanted, cached) as c (input, vector) where c.vector is null)
        ) as p (inputs)
    loop
        answered := array_cat(answered, part);
        answers := array_cat(answers, sqlembed._ask_worker(_ask.embedder, asked_kind, part));
    end loop;
    return sqlembed._spread(_ask.inputs, array_cat(wanted, answered), array_cat(cached, answers));
end
$function$;

comment on function sqlembed._ask(text, bytea, text, text[]) is
    'Vectors from the cache, and for what is not there from a worker, through a second connection to this database. The key is proof that the caller may use the embedder.';

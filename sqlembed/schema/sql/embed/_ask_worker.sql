create or replace function sqlembed._ask_worker(embedder text, kind text, inputs text[]) returns public.vector[]
language plpgsql
stable
parallel restricted
set search_path = pg_catalog, pg_temp
as $function$
declare
    connection text := sqlembed._open_loopback();
    ticket bytea := sqlembed._ticket(_ask_worker.embedder, _ask_worker.kind, _ask_worker.inputs);
    until timestamptz := clock_timestamp() + sqlembed._request_timeout();
    id bigint;
    done boolean := false;
    answers public.vector[];
begin
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
                _ask_worker.embedder, _ask_worker.kind, case when id is null then _ask_worker.inputs end, ticket, 100, id
            )
        ) as t (id bigint, done boolean, result public.vector[]);
    end loop;
    return answers;
end
$function$;

comment on function sqlembed._ask_worker(text, text, text[]) is
    'Vectors from a worker, through a second connection to this database: one request.';

revoke execute on function sqlembed._ask_worker(text, text, text[]) from public;

create or replace function sqlembed._refuse_unfilled(
    present sqlembed.embedding,
    beside sqlembed.embedding,
    lag interval
)
returns void
language plpgsql
volatile
as $function$
declare
    present sqlembed.embedding := _refuse_unfilled.present;
    beside sqlembed.embedding := _refuse_unfilled.beside;
    waiting record;
    given_up bigint;
    problem text;
    advice text;
begin
    if not sqlembed._sees_all_rows(present.relation) then
        raise exception 'sqlembed: a policy keeps rows of % from you, so that what is missing cannot be counted', present.relation
            using errcode = '42501', hint = 'Let a role do it that sees all rows.';
    end if;
    select pg_catalog.count(*) as rows, pg_catalog.min(w.changed_at) as oldest
    into waiting
    from sqlembed._waiting as w
    where w.embedding operator(pg_catalog.=) beside.id;
    select pg_catalog.count(*)
    into given_up
    from sqlembed.failure as f
    where f.relation operator(pg_catalog.=) present.relation
        and f.embedding operator(pg_catalog.=) beside.name
        and not exists (
            select
            from sqlembed.failure as o
            where o.relation operator(pg_catalog.=) f.relation
                and o.embedding operator(pg_catalog.=) present.name
                and o.key operator(pg_catalog.=) f.key
        );
    if beside.queued_at is null then
        problem := pg_catalog.format(
            'no worker has begun the %s generation of %I of %s yet', beside.generation, present.name, present.relation
        );
        advice := 'One does within seconds; if none is alive: sqlembed worker --registry module:object.';
    -- What was written a moment ago is on its way in both generations; what was there before is not. And a
    -- row that is embedded in its own transaction is on its way in none.
    elsif waiting.oldest operator(pg_catalog.<)
            greatest(clock_timestamp() operator(pg_catalog.-) _refuse_unfilled.lag, beside.queued_at)
        or waiting.rows operator(pg_catalog.>) 0 and present.timing operator(pg_catalog.=) 'sync'
    then
        problem := pg_catalog.format(
            '%s rows of %s still wait for the %s generation of %I', waiting.rows, present.relation, beside.generation, present.name
        );
        advice := case
            when beside.timing operator(pg_catalog.<>) present.timing
            then pg_catalog.format(
                'Writers go on meanwhile. So that none is missing: select sqlembed.alter_embedding(%L, %L, timing => ''sync''), and then try again.',
                present.relation, beside.name
            )
            else 'Workers are at it: sqlembed.status says how far they are.'
        end;
    elsif given_up operator(pg_catalog.>) 0 then
        problem := pg_catalog.format(
            '%s rows of %s were given up in the %s generation of %I alone, and would be lost to searches',
            given_up, present.relation, beside.generation, present.name
        );
        advice := pg_catalog.format(
            'sqlembed.failure says why; then: select sqlembed.retry_failed(%L, %L).', present.relation, beside.name
        );
    end if;
    -- Where there is no vector yet, as in a database that was made a moment ago, there is none to be lost.
    if problem is not null and sqlembed._has_vectors(present) then
        raise exception 'sqlembed: %', problem using errcode = 'SE018', hint = advice;
    end if;
end
$function$;

comment on function sqlembed._refuse_unfilled(sqlembed.embedding, sqlembed.embedding, interval) is
    'An error that says which rows a generation lacks to become the current one, where there are vectors to be lost.';

create or replace function sqlembed._unattached(
    declared sqlembed.embedding,
    out member regclass,
    out state text
)
returns setof record
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    select
        m.member,
        case
            when bool_or(t.oid is null) then 'missing'
            when bool_or(t.tgenabled = 'D') then 'disabled'
            else 'changed'
        end
    from unnest(declared.relation || sqlembed._members(declared.relation)) as m (member)
    cross join sqlembed._wanted_triggers(declared) as w
    left join pg_trigger as t
        on t.tgrelid = m.member
        and t.tgname = w.name
        and t.tgfoid = to_regprocedure(format('sqlembed.%I()', w.function))
    group by m.member
    having bool_or(t.tgenabled is distinct from w.fires)
    order by m.member
$function$;

comment on function sqlembed._unattached(sqlembed.embedding) is
    'Tables of an embedding whose triggers are missing, disabled or otherwise than they were made.';

create or replace function sqlembed._unsteady_part(tree text) returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    -- A text that differs every time it is looked at would be embedded for ever.
    select coalesce(
        (
            select format('the result of %s changes by itself', p.oid::regprocedure)
            from regexp_matches(_unsteady_part.tree, ':(?:funcid|opfuncid) ([0-9]+)', 'g') as found (ids)
            join pg_proc as p on p.oid = found.ids[1]::oid
            where p.provolatile = 'v'
                or p.provolatile = 's'
                and p.pronamespace = 'pg_catalog'::regnamespace
                and p.proname = any ('{now,transaction_timestamp,statement_timestamp,age,current_setting,pg_backend_pid,txid_current,pg_current_xact_id}')
            limit 1
        ),
        case
            when _unsteady_part.tree ~ '[{]SQLVALUEFUNCTION ' then 'the current time and user are not the row''s'
        end
    )
$function$;

comment on function sqlembed._unsteady_part(text) is
    'What, in the parsed tree of an expression, gives another result the next time; NULL when there is no such thing.';

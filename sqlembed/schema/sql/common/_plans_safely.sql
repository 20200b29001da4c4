create or replace function sqlembed._plans_safely(relation regclass) returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    with recursive family as (
        select _plans_safely.relation::oid as member
        union
        select i.inhrelid from family as f join pg_inherits as i on i.inhparent = f.member
    ),
    -- Whatever is constant in their expressions is computed with every plan, by whoever plans.
    planned as (
        select 'pg_class'::regclass as class, f.member as id from family as f
        union all
        select 'pg_class'::regclass, i.indexrelid from family as f join pg_index as i on i.indrelid = f.member
        union all
        select 'pg_statistic_ext'::regclass, s.oid from family as f join pg_statistic_ext as s on s.stxrelid = f.member
    )
    select not exists (
        select from family as f join pg_class as c on c.oid = f.member where c.relkind = 'f'
    )
    and not exists (
        -- What came with PostgreSQL itself is not recorded there.
        select
        from planned as p
        join pg_depend as d on d.classid = p.class and d.objid = p.id
        left join pg_operator as o on d.refclassid = 'pg_operator'::regclass and o.oid = d.refobjid
        join pg_proc as f
            on f.oid = case when d.refclassid = 'pg_proc'::regclass then d.refobjid else o.oprcode end
        join pg_roles as r on r.oid = f.proowner
        where not r.rolsuper and r.rolname <> current_user
    )
$function$;

comment on function sqlembed._plans_safely(regclass) is
    'Whether a query of a table and its children can be planned without running a function of a role that is neither a superuser nor the caller, and asks no foreign server.';

create or replace function sqlembed._clustering_facts(
    known sqlembed.clustering,
    out embedding name,
    out cluster_column name,
    out total bigint,
    out embedded bigint,
    out assigned bigint,
    out size_shift double precision,
    out distance_growth double precision
)
language plpgsql
stable
set jit = off
as $function$
declare
    is_own boolean;
    model sqlembed.cluster_model := sqlembed._cluster_model((_clustering_facts.known).name);
begin
    select c.vector_column, c.cluster_column
    into _clustering_facts.embedding, _clustering_facts.cluster_column
    from sqlembed._clustering_columns(_clustering_facts.known) as c;
    -- Looking must not run what a table's owner wrote, neither a view nor a policy, a cast or what the
    -- planner computes: it would run with the rights of whoever looks.
    select r.rolname operator(pg_catalog.=) current_user
    into is_own
    from pg_catalog.pg_class as c
    join pg_catalog.pg_roles as r on r.oid operator(pg_catalog.=) c.relowner
    join pg_catalog.pg_attribute as v
        on v.attrelid operator(pg_catalog.=) c.oid
        and v.attname operator(pg_catalog.=) embedding
        and v.atttypid operator(pg_catalog.=) any (array['public.vector'::pg_catalog.regtype, 'public.halfvec'::pg_catalog.regtype]::pg_catalog.oid[])
    join pg_catalog.pg_attribute as n
        on n.attrelid operator(pg_catalog.=) c.oid
        and n.attname operator(pg_catalog.=) cluster_column
        and n.atttypid operator(pg_catalog.=) 'pg_catalog.int4'::pg_catalog.regtype
    where c.oid operator(pg_catalog.=) (_clustering_facts.known).relation and c.relkind in ('r', 'p');
    if is_own is null
        or not pg_catalog.has_table_privilege((_clustering_facts.known).relation, 'select')
        or not is_own and (
            pg_catalog.row_security_active((_clustering_facts.known).relation)
            or not sqlembed._plans_safely((_clustering_facts.known).relation)
        )
    then
        return;
    end if;
    execute pg_catalog.format(
        $sql$
        with present as (
            select r.%1$I as centroid_id, pg_catalog.count(*) as size, pg_catalog.count(r.%2$I) as embedded,
                pg_catalog.sum(d.distance operator(pg_catalog.*) d.distance) as squares
            from %3$s as r
            left join sqlembed.cluster_centroid as c
                on c.model operator(pg_catalog.=) %4$L and c.centroid_id operator(pg_catalog.=) r.%1$I
            cross join lateral (select r.%2$I::public.vector operator(%5$s) c.centroid as distance) as d
            group by r.%1$I
        ),
        fitted as (
            select c.centroid_id, c.cluster_size::pg_catalog.float8 as size,
                c.cluster_size operator(pg_catalog.*) c.cluster_radius operator(pg_catalog.*) c.cluster_radius as squares
            from sqlembed.cluster_centroid as c
            where c.model operator(pg_catalog.=) %4$L
        ),
        whole as (
            select pg_catalog.sum(p.size) as total, pg_catalog.sum(p.embedded) as embedded,
                pg_catalog.sum(p.size) filter (where p.centroid_id is not null) as assigned,
                pg_catalog.sum(p.squares) as squares,
                (select pg_catalog.sum(f.size) from fitted as f) as fitted,
                (select pg_catalog.sum(f.squares) from fitted as f) as fitted_squares
            from present as p
        )
        select coalesce(w.total, 0), coalesce(w.embedded, 0), coalesce(w.assigned, 0),
            (
                select pg_catalog.sum(
                    pg_catalog.abs(
                        (coalesce(p.size, 0) operator(pg_catalog./) w.assigned::pg_catalog.float8)
                        operator(pg_catalog.-) (coalesce(f.size, 0) operator(pg_catalog./) w.fitted)
                    )
                ) operator(pg_catalog./) 2
                from (select p.* from present as p where p.centroid_id is not null) as p
                full join fitted as f on f.centroid_id operator(pg_catalog.=) p.centroid_id
            ),
            pg_catalog.sqrt(
                (w.squares operator(pg_catalog./) w.assigned::pg_catalog.float8)
                operator(pg_catalog./) case when w.fitted_squares operator(pg_catalog.>) 0 then w.fitted_squares operator(pg_catalog./) w.fitted end
            )
        from whole as w
        $sql$,
        _clustering_facts.cluster_column, _clustering_facts.embedding, (_clustering_facts.known).relation,
        (_clustering_facts.known).name,
        case when model.metric operator(pg_catalog.=) 'cosine' then 'public.<=>' else 'public.<->' end
    )
    into total, embedded, assigned, size_shift, distance_growth;
end
$function$;

comment on function sqlembed._clustering_facts(sqlembed.clustering) is
    'The rows of a clustering''s table as they are now, against those that it was fitted on. Without numbers where counting would run code of another role: under row level security, or where an index or statistics call a function of such a role.';

create or replace function sqlembed._nearest_in_cells_sql(rows text, metric text, index text) returns text
language sql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
    -- No limit, no subquery that needs nothing of the row: either forbids parallel plans. Sets come from
    -- select lists, which copy no vectors.
    select format(
        $sql$
        select r.id, r.embedding,
            case when r.nearest[1] is null %1$s then null
                else ((%2$s).cells[r.nearest[2]::integer]).centroid_ids[
                    pg_catalog.array_position(
                        array(
                            select r.embedding %3$s c.centroid
                            from (
                                select pg_catalog.unnest(((%2$s).cells[r.nearest[2]::integer]).centroids) as centroid
                            ) as c
                        ),
                        r.nearest[1]
                    )
                ]
            end as centroid_id,
            %4$s as distance
        from (
            select r.id, r.embedding,
                (
                    select pg_catalog.min(
                        array[
                            (
                                select pg_catalog.min(r.embedding %3$s c.centroid)
                                from (select pg_catalog.unnest(((%2$s).cells[n.cell]).centroids) as centroid) as c
                            ),
                            n.cell
                        ]
                    )
                    from (
                        select pg_catalog.unnest(
                            (array(
                                select c.cell
                                from (
                                    select pg_catalog.unnest((%2$s).centers) as center,
                                        pg_catalog.generate_subscripts((%2$s).centers, 1) as cell
                                ) as c
                                order by r.embedding %3$s c.center, c.cell
                            ))[1:8]
                        ) as cell
                    ) as n
                ) as nearest
            from (%5$s) as r
            offset '0'
        ) as r
        $sql$,
        case _nearest_in_cells_sql.metric when 'cosine' then
            -- A vector of zeros has no direction.
            'or r.nearest[1] operator(pg_catalog.=) 0 and public.vector_norm(r.embedding) operator(pg_catalog.=) 0'
        end,
        _nearest_in_cells_sql.index,
        case _nearest_in_cells_sql.metric when 'cosine' then 'operator(public.<#>)' else 'operator(public.<->)' end,
        case _nearest_in_cells_sql.metric when 'cosine' then 'greatest(1 operator(pg_catalog.+) r.nearest[1], 0)'
            else 'r.nearest[1]'
        end,
        _nearest_in_cells_sql.rows
    )
$function$;

comment on function sqlembed._nearest_in_cells_sql(text, text, text) is
    'SQL that does what that of _nearest_sql does, with the parameter of that name as an index of the centroids: only those in the eight cells whose centres are nearest are looked at.';

create or replace function sqlembed.project(
    relation regclass,
    dimensions integer default 2,
    embedding name default null,
    filter text default null,
    sample_size integer default 1000,
    seed integer default 0
)
returns table (key jsonb, coordinates double precision[])
language plpgsql
stable
as $function$
declare
    source record;
    wanted pg_catalog.text;
    unit pg_catalog.text;
    vectors public.vector[];
    plane record;
    state pg_catalog.text;
    problem pg_catalog.text;
    pg_hint pg_catalog.text;
begin
    perform sqlembed._check_use(
        project.dimensions operator(pg_catalog.>=) 1 and project.dimensions operator(pg_catalog.<=) 100,
        pg_catalog.format('dimensions => %s is not from 1 to 100', coalesce(project.dimensions::pg_catalog.text, 'NULL')),
        'It is the number of coordinates of each row; a picture has 2.'
    );
    perform sqlembed._check_use(
        project.sample_size operator(pg_catalog.>=) 2 and project.sample_size operator(pg_catalog.<=) 4000,
        pg_catalog.format('sample_size => %s is not from 2 to 4000', coalesce(project.sample_size::pg_catalog.text, 'NULL')),
        'It is the number of rows that decide the directions, all pairs of them.'
    );
    perform sqlembed._check_use(project.seed is not null, 'seed => NULL is not a number', 'The same seed gives the same result.');
    perform sqlembed._check_filter(project.filter);
    source := sqlembed._vector_source(project.relation, project.embedding, null, null);
    wanted := project.filter;
    unit := 'r.sqlembed_vector::public.vector';
    if source.metric operator(pg_catalog.=) 'cosine' then
        unit := 'public.l2_normalize(r.sqlembed_vector::public.vector)';
        -- What has no direction is nowhere.
        wanted := pg_catalog.format(
            E'(%s\n) and public.vector_norm(%s::public.vector) operator(pg_catalog.>) 0::pg_catalog.float8',
            coalesce(project.filter, 'true'), source.vector
        );
    end if;
    vectors := sqlembed._vector_sample(
        sqlembed._vector_rows(source.from_clause, source.vector, source.key, wanted),
        source.metric, project.sample_size, project.seed
    );
    if pg_catalog.cardinality(vectors) operator(pg_catalog.<) 2 then
        raise exception 'sqlembed: % has % rows with a vector to project',
            project.relation, pg_catalog.cardinality(vectors)
            using errcode = 'SE022', hint = 'It takes two at least. See select * from sqlembed.status.';
    end if;
    plane := sqlembed._principal_components(vectors, project.dimensions);
    return query execute pg_catalog.format(
        'select
            r.sqlembed_key,
            array(
                select (%1$s operator(public.<#>) c.component) operator(pg_catalog.*) (-1)::pg_catalog.float8
                    operator(pg_catalog.-) c.middle
                from rows from (pg_catalog.unnest($1), pg_catalog.unnest($2)) with ordinality as c (component, middle, number)
                order by c.number
            )
        from (%2$s) as r',
        unit,
        sqlembed._vector_rows(source.from_clause, source.vector, source.key, wanted)
    )
    using
        plane.components,
        array(
            select (plane.centre operator(public.<#>) c.component) operator(pg_catalog.*) (-1)::pg_catalog.float8
            from pg_catalog.unnest(plane.components) with ordinality as c (component, number)
            order by c.number
        );
exception
    when others then
        get stacked diagnostics state = returned_sqlstate, problem = message_text, pg_hint = pg_exception_hint;
        perform sqlembed._explain_use(state, problem, pg_hint, project.relation, project.filter);
        raise;
end
$function$;

comment on function sqlembed.project(regclass, integer, name, text, integer, integer) is
    'Coordinates of each row along the directions in which the vectors of a table differ most (principal components; of unit vectors under cosine), the most telling first. The directions are those of a sample of sample_size rows, exact where there are no more. The same seed gives the same result.';

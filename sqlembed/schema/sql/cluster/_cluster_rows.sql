create or replace function sqlembed._cluster_rows(query text, out rows text, out num_numbers integer)
language plpgsql
stable
as $function$
declare
    body pg_catalog.text := _cluster_rows.query;
    -- A semicolon that ends the query, and what may follow it: blanks and comments.
    ending constant pg_catalog.text := E';([[:space:]]|;|--[^\n]*|/[*]([^*]|[*]+[^*/])*[*]+/)*$';
    num_columns bigint;
    vector_type pg_catalog.regtype;
    number_types pg_catalog.regtype[];
    columns pg_catalog.text;
    state pg_catalog.text;
    problem pg_catalog.text;
    pg_hint pg_catalog.text;
begin
    if body is null then
        raise exception 'sqlembed: query => NULL is not a query'
            using errcode = 'SE014', hint = 'Such as: select id, embedding from article.';
    end if;
    for attempt in 1..2 loop
        begin
            -- Planned, but never run: the outer join needs no row of it, only its columns.
            execute pg_catalog.format(
                E'select (select pg_catalog.count(*) from pg_catalog.json_object_keys(pg_catalog.row_to_json(x))),
                    pg_catalog.pg_typeof(x.row_vector), x.row_id::pg_catalog.text
                from (
                    select q.* from (select 1) as one
                    left join (%s\n) as q(row_id, row_vector) on false
                ) as x',
                body
            )
            into num_columns, vector_type;
            state := null;
            exit;
        exception
            when others then
                get stacked diagnostics
                    state = returned_sqlstate, problem = message_text, pg_hint = pg_exception_hint;
                -- Syntax, names and types; but not rights, cancelling, locks or space.
                if state operator(pg_catalog.!~) '^(0A|21|22|42)' or state operator(pg_catalog.=) '42501' then
                    raise;
                end if;
                -- Only now: within quotes it could be part of a text.
                body := pg_catalog.regexp_replace(body, ending, '');
        end;
    end loop;
    if state is not null then
        raise exception 'sqlembed: the query is not valid: %', problem
            using errcode = 'SE014',
                hint = pg_catalog.ltrim(
                    pg_catalog.concat(
                        pg_hint, ' A query to cluster is a SELECT of an id and a vector, such as: select id, embedding from article.'
                    )
                );
    end if;
    vector_type := coalesce(
        (
            select t.typbasetype
            from pg_catalog.pg_type as t
            where t.oid operator(pg_catalog.=) vector_type and t.typtype operator(pg_catalog.=) 'd'
        ),
        vector_type
    );
    if vector_type operator(pg_catalog.<>) all (
        array['public.vector'::pg_catalog.regtype, 'public.halfvec'::pg_catalog.regtype]
    ) then
        raise exception 'sqlembed: the second column of the query is of type %, not a vector', vector_type
            using errcode = 'SE014', hint = 'If it holds vectors in another form, cast it: column::vector.';
    end if;
    num_numbers := num_columns operator(pg_catalog.-) 2;
    columns := coalesce(
        (
            select pg_catalog.string_agg(pg_catalog.format(', row_number_%s', i), '' order by i)
            from pg_catalog.generate_series(1, num_numbers) as i
        ),
        ''
    );
    if num_numbers operator(pg_catalog.>) 0 then
        execute pg_catalog.format(
            E'select array[%s]
            from (select q.* from (select 1) as one left join (%s\n) as q(row_id, row_vector%s) on false) as x',
            (
                select pg_catalog.string_agg(pg_catalog.format('pg_catalog.pg_typeof(x.row_number_%s)', i), ', ' order by i)
                from pg_catalog.generate_series(1, num_numbers) as i
            ),
            body, columns
        )
        into number_types;
        for place in 1..num_numbers loop
            if number_types[place] operator(pg_catalog.<>) all (
                '{smallint,integer,bigint,real,double precision,numeric}'::pg_catalog.regtype[]
            ) then
                raise exception 'sqlembed: column % of the query is of type %, not a number',
                    place operator(pg_catalog.+) 2, number_types[place]
                    using errcode = 'SE014',
                        hint = 'The first is an id, the second a vector, and further ones are numbers, such as: extract(doy from time).';
            end if;
        end loop;
    end if;
    rows := pg_catalog.format(
        E'select q.row_id::pg_catalog.text as id, q.row_vector::public.vector as embedding%3$s
        from (%1$s\n) as q(row_id, row_vector%2$s)',
        body, columns,
        (
            select pg_catalog.format(
                ', array[%s] as numbers',
                pg_catalog.string_agg(pg_catalog.format('q.row_number_%s::pg_catalog.float8', i), ', ' order by i)
            )
            from pg_catalog.generate_series(1, num_numbers) as i
            having pg_catalog.count(*) operator(pg_catalog.>) 0
        )
    );
end
$function$;

comment on function sqlembed._cluster_rows(text) is
    'SQL that gives the rows of a query of an id, a vector and perhaps numbers as (id text, embedding vector, and numbers double precision[] if there are any), or an error that says what the query must be. It is planned, not run.';

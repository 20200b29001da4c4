create or replace function sqlembed._canonical_source(
    relation regclass,
    source text,
    out expression text,
    out columns name[]
)
language plpgsql
volatile
as $function$
declare
    view_name text := 'sqlembed_source_' || pg_catalog.replace(pg_catalog.gen_random_uuid()::text, '-', '');
    view_oid pg_catalog.oid;
    statement text;
    tree text;
    definition text;
    type_name text;
    type_category "char";
    problem text;
begin
    statement := pg_catalog.format(
        'select (%s%s) as %I from %s as %I',
        _canonical_source.source,
        E'\n',
        view_name,
        _canonical_source.relation,
        (select c.relname from pg_catalog.pg_class as c where c.oid operator(pg_catalog.=) _canonical_source.relation)
    );
    begin
        -- A cursor takes a single statement, whatever the source is made of, and EXPLAIN runs none.
        for problem in execute 'explain ' || statement
        loop
            exit;
        end loop;
        execute pg_catalog.format('create temporary view %I as %s', view_name, statement);
        view_oid := pg_catalog.to_regclass('pg_temp.' || view_name);
        definition := sqlembed._view_definition(view_oid);
        select
            (select r.ev_action::text from pg_catalog.pg_rewrite as r where r.ev_class operator(pg_catalog.=) view_oid),
            pg_catalog.format_type(a.atttypid, a.atttypmod),
            t.typcategory
        into tree, type_name, type_category
        from pg_catalog.pg_attribute as a
        join pg_catalog.pg_type as t on t.oid operator(pg_catalog.=) a.atttypid
        where a.attrelid operator(pg_catalog.=) view_oid and a.attnum operator(pg_catalog.=) 1;
        select pg_catalog.array_agg(a.attname order by a.attnum)
        into _canonical_source.columns
        from pg_catalog.pg_attribute as a
        where a.attrelid operator(pg_catalog.=) _canonical_source.relation
            and exists (
                select
                from pg_catalog.pg_depend as d
                join pg_catalog.pg_rewrite as r
                    on r.oid operator(pg_catalog.=) d.objid and r.ev_class operator(pg_catalog.=) view_oid
                where d.classid operator(pg_catalog.=) 'pg_catalog.pg_rewrite'::pg_catalog.regclass
                    and d.refobjid operator(pg_catalog.=) a.attrelid
                    and d.refobjsubid operator(pg_catalog.=) a.attnum
            );
        problem := case
            when tree operator(pg_catalog.~) ':hasSubLinks true' then 'it reads another table or has a sub-select'
            when tree operator(pg_catalog.~) ':hasAggs true|:hasWindowFuncs true|:hasTargetSRFs true'
                then 'it has an aggregate, a window function or returns several rows'
            when tree operator(pg_catalog.~) '[{]VAR :varno [0-9]+ :varattno 0 ' then 'it uses the whole row'
            when tree operator(pg_catalog.~) '[{]VAR :varno [0-9]+ :varattno -' then 'it uses a system column'
            when definition operator(pg_catalog.!~) pg_catalog.format(E' AS %s[[:space:]]+FROM [^\n]*;$', view_name)
                or exists (
                    select
                    from pg_catalog.pg_attribute as a
                    where a.attrelid operator(pg_catalog.=) view_oid and a.attnum operator(pg_catalog.>) 1
                )
                then 'it is more than an expression'
            when _canonical_source.columns is null then 'it uses no column'
            when type_category operator(pg_catalog.<>) 'S'
                then pg_catalog.format('it is of type %s; cast it: (%s)::text', type_name, _canonical_source.source)
            else sqlembed._unsteady_part(tree)
        end;
        execute pg_catalog.format('drop view pg_temp.%I', view_name);
    exception when others then
        raise exception 'sqlembed: the source expression is not valid: %', sqlerrm
            using errcode = 'SE012',
                hint = pg_catalog.format(
                    'It is a SQL expression over one row of %s, such as: title || '' '' || body.', _canonical_source.relation
                );
    end;
    if problem is not null then
        raise exception 'sqlembed: the source expression is not suitable: %', problem
            using errcode = 'SE012',
                hint = pg_catalog.format(
                    'It is text made from the columns of one row of %s, such as: title || '' '' || body.',
                    _canonical_source.relation
                );
    end if;
    _canonical_source.expression := pg_catalog.regexp_replace(
        pg_catalog.regexp_replace(definition, '^[[:space:]]*SELECT[[:space:]]+', ''), ' AS ' || view_name || '[[:space:]].*$', ''
    );
    _canonical_source.expression := sqlembed._unqualified(
        _canonical_source.expression,
        (select c.relname from pg_catalog.pg_class as c where c.oid operator(pg_catalog.=) _canonical_source.relation),
        _canonical_source.columns
    );
end
$function$;

comment on function sqlembed._canonical_source(regclass, text) is
    'The source expression as PostgreSQL itself writes it, every name qualified, and the columns it uses. It runs with the rights and the search_path of the caller.';

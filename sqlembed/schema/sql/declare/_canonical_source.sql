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
    relation_name text;
    tree text;
    definition text;
    type_name text;
    type_category "char";
    problem text;
begin
    select c.relname into relation_name from pg_catalog.pg_class as c where c.oid = _canonical_source.relation;
    begin
        execute pg_catalog.format(
            'create temporary view %I as select (%s%s) as sqlembed_source from %s as %I',
            view_name, _canonical_source.source, E'\n', _canonical_source.relation, relation_name
        );
    exception when others then
        raise exception 'sqlembed: the source expression is not valid: %', sqlerrm
            using errcode = 'SE012',
                hint = pg_catalog.format(
                    'It is a SQL expression over one row of %s, such as: title || '' '' || body.', _canonical_source.relation
                );
    end;

    view_oid := pg_catalog.to_regclass('pg_temp.' || view_name);
    select r.ev_action::text into tree from pg_catalog.pg_rewrite as r where r.ev_class = view_oid;
    select pg_catalog.format_type(a.atttypid, a.atttypmod), t.typcategory
    into type_name, type_category
    from pg_catalog.pg_attribute as a
    join pg_catalog.pg_type as t on t.oid = a.atttypid
    where a.attrelid = view_oid and a.attnum = 1;
    select pg_catalog.array_agg(a.attname order by a.attnum)
    into _canonical_source.columns
    from pg_catalog.pg_attribute as a
    where a.attrelid = _canonical_source.relation
        and exists (
            select
            from pg_catalog.pg_depend as d
            join pg_catalog.pg_rewrite as r on r.oid = d.objid and r.ev_class = view_oid
            where d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
                and d.refobjid = a.attrelid
                and d.refobjsubid = a.attnum
        );
    definition := sqlembed._view_definition(view_oid);
    execute pg_catalog.format('drop view pg_temp.%I', view_name);

    problem := case
        when tree ~ ':hasSubLinks true' then 'it reads another table or has a sub-select'
        when tree ~ ':hasAggs true|:hasWindowFuncs true|:hasTargetSRFs true'
            then 'it has an aggregate, a window function or returns several rows'
        when tree ~ '\{VAR :varno \d+ :varattno 0 ' then 'it uses the whole row'
        when _canonical_source.columns is null then 'it uses no column'
        when type_category <> 'S'
            then pg_catalog.format('it is of type %s; cast it: (%s)::text', type_name, _canonical_source.source)
        when definition !~ ' AS sqlembed_source\s+FROM [^\n]*;$' then 'it is more than an expression'
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
        pg_catalog.regexp_replace(definition, '^\s*SELECT\s+', ''), ' AS sqlembed_source\s+FROM [^\n]*;$', ''
    );
end
$function$;

comment on function sqlembed._canonical_source(regclass, text) is
    'The source expression as PostgreSQL itself writes it, every name qualified, and the columns it uses. It runs with the rights and the search_path of the caller.';

create or replace function sqlembed._empty_column(present sqlembed.embedding, wanted sqlembed.embedding) returns void
language plpgsql
volatile
as $function$
declare
    holder regclass := coalesce((_empty_column.present).side, (_empty_column.present).relation);
    old_column record;
    granted record;
begin
    perform sqlembed._refuse_clustered(holder, (_empty_column.present).name);
    select a.attacl, pg_catalog.col_description(a.attrelid, a.attnum) as description
    into old_column
    from pg_catalog.pg_attribute as a
    where a.attrelid operator(pg_catalog.=) holder
        and a.attname operator(pg_catalog.=) (_empty_column.present).name
        and not a.attisdropped;
    if (_empty_column.present).side is not null then
        -- By its hash alone a row would pass for one that has its vector.
        execute pg_catalog.format('truncate %s', holder);
    end if;
    execute pg_catalog.format('alter table %s drop column %I', holder, (_empty_column.present).name);
    perform sqlembed._prepare_column(
        holder, (_empty_column.present).name, (_empty_column.wanted).embedder, (_empty_column.wanted).index,
        (_empty_column.wanted).index_options, (_empty_column.wanted).storage
    );
    for granted in
        select
            g.privilege_type,
            coalesce(nullif(g.grantee, 0::pg_catalog.oid)::pg_catalog.regrole::text, 'public') as grantee,
            case when g.is_grantable then ' with grant option' else '' end as option
        from pg_catalog.aclexplode(old_column.attacl) as g
    loop
        execute pg_catalog.format(
            'grant %s (%I) on %s to %s%s',
            granted.privilege_type, (_empty_column.present).name, holder, granted.grantee, granted.option
        );
    end loop;
    if old_column.description is not null then
        execute pg_catalog.format(
            'comment on column %s.%I is %L', holder, (_empty_column.present).name, old_column.description
        );
    end if;
end
$function$;

comment on function sqlembed._empty_column(sqlembed.embedding, sqlembed.embedding) is
    'Make the vector column of an embedding anew, empty and of another type, with the rights and the comment that it had.';

create or replace function sqlembed._check_writer(declared sqlembed.embedding) returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    relation regclass := (_check_writer.declared).relation;
    present record;
    vector name;
    unreadable text;
    wanted text;
begin
    select p.* into present from sqlembed._present_columns(_check_writer.declared) as p;
    vector := present.vector;
    select string_agg(quote_ident(c.name), ', ' order by c.name)
    into unreadable
    from (
        select distinct n.name
        from unnest((select k.columns from sqlembed._key_sql(relation) as k) || present.source) as n (name)
    ) as c
    join pg_attribute as a on a.attrelid = relation and a.attname = c.name and not a.attisdropped
    where not has_column_privilege(relation, a.attnum, 'select');
    wanted := nullif(
        concat_ws(
            ', ',
            'select (' || unreadable || ')',
            case when not has_column_privilege(relation, vector, 'update') then format('update (%I)', vector) end
        ),
        ''
    );
    if wanted is not null then
        raise exception 'sqlembed: permission denied to embed the rows of % as they are written', relation
            using errcode = '42501',
                detail = format('%s has timing sync: whoever writes a row gives it its vector.', quote_ident(vector)),
                hint = format('Its owner can say: grant %s on %s to %I.', wanted, relation, current_user);
    end if;
    if not exists (
        select from sqlembed.embedder_key as k where k.embedder = (_check_writer.declared).embedder
    ) then
        raise exception 'sqlembed: permission denied for embedder %', quote_ident((_check_writer.declared).embedder)
            using errcode = '42501',
                hint = format(
                    'Its owner can say: select sqlembed.grant_embedder(%L, %L).',
                    (_check_writer.declared).embedder, current_user
                );
    end if;
end
$function$;

comment on function sqlembed._check_writer(sqlembed.embedding) is
    'An error that says which right is missing, when the caller may not give the rows of a table their vectors.';

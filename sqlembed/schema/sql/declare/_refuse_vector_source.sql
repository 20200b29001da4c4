create or replace function sqlembed._refuse_vector_source(relation regclass, embedding name, columns name[]) returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
begin
    if _refuse_vector_source.embedding = any (_refuse_vector_source.columns) or exists (
        select
        from sqlembed.embedding as e
        where e.relation = _refuse_vector_source.relation and e.name = any (_refuse_vector_source.columns)
    ) then
        raise exception 'sqlembed: the source expression uses a vector column'
            using errcode = 'SE012', hint = 'A vector is made from text; leave the column out.';
    end if;
end
$function$;

comment on function sqlembed._refuse_vector_source(regclass, name, name[]) is
    'An error when a source uses the vector column itself or that of another embedding.';

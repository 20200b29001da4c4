create or replace function sqlembed._check_no_generated(relation regclass, columns name[]) returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    generated name;
begin
    select a.attname
    into generated
    from pg_attribute as a
    where a.attrelid = _check_no_generated.relation
        and a.attname = any (_check_no_generated.columns)
        and a.attgenerated <> ''
    limit 1;
    if found then
        raise exception 'sqlembed: column % is generated, and a trigger that hides vectors cannot see it', quote_ident(generated)
            using errcode = 'SE012',
                hint = format(
                    'Write its expression into the source, or say on_change => ''keep''. It is: %s.',
                    (
                        select pg_get_expr(d.adbin, d.adrelid)
                        from pg_attrdef as d
                        join pg_attribute as a on a.attrelid = d.adrelid and a.attnum = d.adnum
                        where d.adrelid = _check_no_generated.relation and a.attname = generated
                    )
                );
    end if;
end
$function$;

comment on function sqlembed._check_no_generated(regclass, name[]) is
    'An error when one of the columns is generated.';

create or replace function sqlembed._refuse_unsteady(declared sqlembed.embedding) returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
begin
    raise exception 'sqlembed: a trigger of % changes the text whenever its vector is written', (_refuse_unsteady.declared).relation
        using errcode = 'SE016',
            hint = format(
                'Restrict the trigger to updates of other columns than %I, or declare the embedding with timing => ''async''.',
                (_refuse_unsteady.declared).name
            );
end
$function$;

comment on function sqlembed._refuse_unsteady(sqlembed.embedding) is
    'The error when no vector stays the one of the present text.';

create or replace function sqlembed._refuse_hidden(declared sqlembed.embedding) returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
begin
    raise exception 'sqlembed: a row of % was written and cannot be given its vector', (_refuse_hidden.declared).relation
        using errcode = 'SE016',
            detail = format(
                '%s has timing sync: whoever writes a row gives it its vector. A policy hides the row from %I, or a trigger skips the update.',
                quote_ident((_refuse_hidden.declared).name), current_user
            ),
            hint = format(
                'Let policies for select and update show %I the rows that they may write, or declare the embedding with timing => ''async''.',
                current_user
            );
end
$function$;

comment on function sqlembed._refuse_hidden(sqlembed.embedding) is
    'The error when a row would be left without its vector.';

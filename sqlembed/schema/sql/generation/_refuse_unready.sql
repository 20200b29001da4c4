create or replace function sqlembed._refuse_unready(
    present sqlembed.embedding,
    beside sqlembed.embedding,
    lag interval
)
returns void
language plpgsql
volatile
as $function$
declare
    holder regclass := coalesce((_refuse_unready.beside).side, (_refuse_unready.beside).relation);
    indexed record;
begin
    perform sqlembed._refuse_unfilled(_refuse_unready.present, _refuse_unready.beside, _refuse_unready.lag);
    if (_refuse_unready.beside).index operator(pg_catalog.=) 'none' then
        return;
    end if;
    indexed := sqlembed._indexed(
        (_refuse_unready.beside).index, (_refuse_unready.beside).index_options, (_refuse_unready.beside).storage,
        (_refuse_unready.beside).dimensions, (_refuse_unready.beside).metric, pg_catalog.quote_ident((_refuse_unready.beside).name)
    );
    if not sqlembed._has_index(
        holder, indexed.expression, indexed.operator_class, sqlembed._index_parameters((_refuse_unready.beside).index_options)
    ) then
        raise exception 'sqlembed: the % generation of % of % has no index',
            (_refuse_unready.beside).generation, pg_catalog.quote_ident((_refuse_unready.present).name), (_refuse_unready.present).relation
            using errcode = 'SE018',
                hint = pg_catalog.format(
                    'Build it: %s.', sqlembed.generation_index((_refuse_unready.present).relation, (_refuse_unready.present).name)
                );
    end if;
end
$function$;

comment on function sqlembed._refuse_unready(sqlembed.embedding, sqlembed.embedding, interval) is
    'An error that says what a generation lacks to become the current one.';

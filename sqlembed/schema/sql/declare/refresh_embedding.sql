create or replace function sqlembed.refresh_embedding(
    relation regclass,
    embedding name default null,
    filter text default null
)
returns bigint
language plpgsql
volatile
as $function$
declare
    declared sqlembed.embedding := sqlembed._embedding_of(refresh_embedding.relation, refresh_embedding.embedding);
    queued bigint;
begin
    perform sqlembed._check_relation(refresh_embedding.relation);
    if exists (select from sqlembed._unattached(declared) as u) then
        perform sqlembed._attach_triggers(declared);
    end if;
    begin
        execute pg_catalog.format(
            'insert into sqlembed.change (embedding, key) select %s, k.key from (select %s as key from %s as r where (%s%s)) as k',
            declared.id,
            (select k.expression from sqlembed._key_sql(declared.relation) as k),
            declared.relation,
            coalesce(refresh_embedding.filter, 'true'),
            E'\n'
        );
    exception when syntax_error_or_access_rule_violation or data_exception then
        raise exception 'sqlembed: the filter is not valid: %', sqlerrm
            using errcode = 'SE015', hint = 'It is a SQL condition over a row, such as: year > 2020.';
    end;
    get diagnostics queued = row_count;
    perform pg_catalog.pg_notify('sqlembed', '');
    return queued;
end
$function$;

comment on function sqlembed.refresh_embedding(regclass, name, text) is
    'Queue rows to be embedded anew, all of them or those that a SQL condition keeps. Returns how many. Their present vectors stay meanwhile. Triggers that are missing or disabled are put back.';

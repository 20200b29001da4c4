create or replace function sqlembed._attach_triggers(declared sqlembed.embedding) returns void
language plpgsql
volatile
as $function$
declare
    relation text := (_attach_triggers.declared).relation::text;
begin
    perform sqlembed._make_note_function((_attach_triggers.declared).id);
    execute pg_catalog.format(
        'create or replace trigger %I after insert on %s
        referencing new table as sqlembed_new
        for each statement execute function sqlembed.%I()',
        'sqlembed_insert_' || (_attach_triggers.declared).id,
        relation,
        '_note_' || (_attach_triggers.declared).id
    );
    execute pg_catalog.format(
        'create or replace trigger %I after update on %s
        referencing old table as sqlembed_old new table as sqlembed_new
        for each statement execute function sqlembed.%I()',
        'sqlembed_update_' || (_attach_triggers.declared).id,
        relation,
        '_note_' || (_attach_triggers.declared).id
    );
    if (_attach_triggers.declared).timing operator(pg_catalog.=) 'sync' then
        -- Its name sorts after the two: it embeds what they have noted.
        execute pg_catalog.format(
            'create or replace trigger %I after insert or update on %s
            for each statement execute function sqlembed._embed_statement(%s)',
            'sqlembed_vectors_' || (_attach_triggers.declared).id,
            relation,
            (_attach_triggers.declared).id
        );
    end if;
    if (_attach_triggers.declared).place operator(pg_catalog.=) 'side' then
        execute pg_catalog.format(
            'create or replace trigger %I after delete on %s
            referencing old table as sqlembed_old
            for each statement execute function sqlembed.%I()',
            'sqlembed_delete_' || (_attach_triggers.declared).id,
            relation,
            '_note_' || (_attach_triggers.declared).id
        );
        execute pg_catalog.format(
            'create or replace trigger %I after truncate on %s
            for each statement execute function sqlembed.%I()',
            'sqlembed_truncate_' || (_attach_triggers.declared).id,
            relation,
            '_note_' || (_attach_triggers.declared).id
        );
    elsif (_attach_triggers.declared).on_change operator(pg_catalog.=) 'hide' then
        -- Its name sorts last, so that it sees the row as other triggers leave it. An ORM that writes
        -- the old vector back beside a new text gets NULL; a client's new vector is kept.
        execute pg_catalog.format(
            'create or replace trigger %I before update on %s
            for each row
            when ((%s) is distinct from (%s) and pg_catalog.record_image_eq(row(old.%5$I), row(new.%5$I)))
            execute function sqlembed._hide_vector(%5$L)',
            'zz_sqlembed_hide_' || (_attach_triggers.declared).id,
            relation,
            sqlembed._row_source(
                (_attach_triggers.declared).relation, (_attach_triggers.declared).source, 'old'
            ),
            sqlembed._row_source(
                (_attach_triggers.declared).relation, (_attach_triggers.declared).source, 'new'
            ),
            (_attach_triggers.declared).name
        );
    end if;
end
$function$;

comment on function sqlembed._attach_triggers(sqlembed.embedding) is
    'Put the triggers of an embedding on its table.';

create or replace function sqlembed._wanted_triggers(
    declared sqlembed.embedding,
    out name name,
    out definition text,
    out function name,
    out fires "char",
    out is_row boolean
)
returns setof record
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    -- A statement fires the triggers of the table that it names, a row those of the table that it
    -- is in, and partitions get the row triggers of their parent whenever they are made or attached.
    -- A row that moves to another partition is updated before it moves and inserted afterwards.
    -- What replication applies fires row triggers alone, if they are made for it.
    select
        format(w.name, declared.id)::name,
        w.definition,
        format(w.function, declared.id)::name,
        w.fires::"char",
        w.definition ~ 'for each row$'
    from (
        select
            declared.place = 'side' as is_side,
            declared.place = 'row' and sqlembed._is_family(declared.relation) as is_family,
            declared.place = 'row' and declared.on_change = 'hide' as hides
    ) as d
    cross join lateral (
        values
            (
                not d.is_family, 'sqlembed_insert_%s', '_note_%s', 'O',
                'after insert on %s referencing new table as sqlembed_new for each statement'
            ),
            (
                not d.is_family, 'sqlembed_update_%s', '_note_%s', 'O',
                'after update on %s referencing old table as sqlembed_old new table as sqlembed_new for each statement'
            ),
            (
                not d.is_family and not d.is_side, 'sqlembed_applied_%s', '_note_row_%s', 'R',
                'after insert or update on %s for each row'
            ),
            (d.is_family, 'sqlembed_insert_%s', '_note_row_%s', 'A', 'after insert on %s for each row'),
            (d.is_family and d.hides, 'sqlembed_update_%s', '_note_row_%s', 'A', 'after update on %s for each row'),
            -- The names of the others sort last, so that they see the row as other triggers leave it.
            (
                d.is_family and not d.hides, 'zz_sqlembed_update_%s', '_note_row_%s', 'A',
                'before update on %s for each row'
            ),
            (
                d.is_side, 'sqlembed_delete_%s', '_note_%s', 'O',
                'after delete on %s referencing old table as sqlembed_old for each statement'
            ),
            (d.is_side, 'sqlembed_truncate_%s', '_note_%s', 'O', 'after truncate on %s for each statement'),
            -- Its name sorts after those of the others: it embeds what they have noted.
            (
                declared.timing = 'sync', 'sqlembed_vectors_%s', '_embed_statement', 'O',
                'after insert or update on %s for each statement'
            ),
            (d.hides, 'zz_sqlembed_hide_%s', '_hide_%s', 'A', 'before update on %s for each row')
    ) as w (is_wanted, name, function, fires, definition)
    where w.is_wanted
$function$;

comment on function sqlembed._wanted_triggers(sqlembed.embedding) is
    'The triggers that an embedding needs on its table, and on every child of it: of whole statements where nobody writes its rows through another table, otherwise of rows. fires is as in pg_trigger.tgenabled.';

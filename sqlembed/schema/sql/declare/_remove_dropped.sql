create or replace function sqlembed._remove_dropped() returns trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    case tg_relid
        when 'sqlembed.embedding'::regclass then
            delete from sqlembed.embedding as e where e.is_dropped;
        when 'sqlembed.cluster_model'::regclass then
            delete from sqlembed.cluster_model as m where m.is_dropped;
        when 'sqlembed.clustering'::regclass then
            delete from sqlembed.clustering as c where c.is_dropped;
    end case;
    return null;
end
$function$;

comment on function sqlembed._remove_dropped() is
    'Statement trigger: remove the rows that their owner has marked. The right to delete would be the right to lock the whole table.';

revoke execute on function sqlembed._remove_dropped() from public;

create or replace trigger remove_dropped after update of is_dropped on sqlembed.embedding
for each statement execute function sqlembed._remove_dropped();

create or replace trigger remove_dropped after update of is_dropped on sqlembed.cluster_model
for each statement execute function sqlembed._remove_dropped();

create or replace trigger remove_dropped after update of is_dropped on sqlembed.clustering
for each statement execute function sqlembed._remove_dropped();

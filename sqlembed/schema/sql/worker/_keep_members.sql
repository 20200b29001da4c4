create or replace function sqlembed._keep_members(embedding integer, members regclass[]) returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
    update sqlembed.embedding as e
    set members = _keep_members.members
    where e.id = _keep_members.embedding and e.members <> _keep_members.members
$function$;

comment on function sqlembed._keep_members(integer, regclass[]) is
    'Write down of which partitions or children the rows have been queued.';

revoke execute on function sqlembed._keep_members(integer, regclass[]) from public;

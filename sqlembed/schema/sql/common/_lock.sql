create or replace function sqlembed._lock(what text) returns integer
language sql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
    select case _lock.what
        when 'presence' then 1936813057
        when 'idle' then 1936813058
        when 'epoch' then 1936813059
    end
$function$;

comment on function sqlembed._lock(text) is
    'First key of our advisory locks. presence: (this, worker) is held while the worker lives; idle: (this, 0) while one waits for its bell; epoch: (this, _epoch_key) until the next answers are there.';

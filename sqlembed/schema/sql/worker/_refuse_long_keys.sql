create or replace function sqlembed._refuse_long_keys(most integer) returns integer
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    noted record;
    refused integer := 0;
begin
    for noted in
        select c.id, c.embedding, c.key, pg_column_size(c.key || '[]') as bytes
        from (
            select d.id, d.embedding, d.key
            from sqlembed.change as d
            order by d.id
            limit _refuse_long_keys.most
            for update skip locked
        ) as c
        -- Less is never too long. Of more it depends on how well it is compressed.
        where pg_column_size(c.key || '[]') > 2000
    loop
        begin
            -- One that fits may stay: its change is folded into the job later.
            insert into sqlembed.job (embedding, key)
            values (noted.embedding, noted.key)
            on conflict on constraint one_job_a_row do nothing;
        exception when program_limit_exceeded then
            delete from sqlembed.change as c where c.id = noted.id;
            refused := refused + 1;
            raise warning 'sqlembed: a key of % bytes is longer than the queue takes: its row of % gets no vector',
                noted.bytes,
                (select e.relation from sqlembed.embedding as e where e.id = noted.embedding);
        end;
    end loop;
    return refused;
end
$function$;

comment on function sqlembed._refuse_long_keys(integer) is
    'Remove, from so many of the oldest changes, those whose keys no job can have. Returns how many. For _fold_changes.';

revoke execute on function sqlembed._refuse_long_keys(integer) from public;

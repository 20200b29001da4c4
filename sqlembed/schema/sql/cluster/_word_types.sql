create or replace function sqlembed._word_types(config regconfig) returns integer[]
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    -- The parts of a compound word come by themselves.
    select array(
        select t.tokid
        from pg_ts_config as c
        cross join ts_token_type(c.cfgparser) as t
        where c.oid = _word_types.config
            and t.alias <> all (
                '{blank,tag,entity,protocol,url,host,url_path,file,email,asciihword,hword,numhword,sfloat,float,int,uint,version}'
            )
    )
$function$;

comment on function sqlembed._word_types(regconfig) is
    'Which tokens of a text search configuration''s parser are words.';

create or replace function sqlembed._blank(input text) returns boolean
language sql
immutable
parallel safe
as $function$
    select _blank.input is null or _blank.input operator(pg_catalog.!~) '[^[:space:]]'
$function$;

comment on function sqlembed._blank(text) is
    'Whether a text is NULL, empty or only white space: such a text gets no vector.';

create or replace function sqlembed._column_types(relation regclass, columns name[]) returns regtype[]
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    select array_agg(a.atttypid::regtype order by c.position)
    from unnest(_column_types.columns) with ordinality as c (name, position)
    join pg_attribute as a on a.attrelid = _column_types.relation and a.attname = c.name and not a.attisdropped
$function$;

comment on function sqlembed._column_types(regclass, name[]) is
    'The types of columns of a table.';

create or replace function sqlembed._count_rows(
    declared sqlembed.embedding,
    out total bigint,
    out embedded bigint,
    out blank bigint
)
language plpgsql
stable
as $function$
declare
    relation regclass := (_count_rows.declared).relation;
    side regclass := (_count_rows.declared).side;
    is_own boolean;
    vector_test text;
begin
    -- The planner may call this for rows that a condition of the view leaves out.
    if not pg_catalog.has_table_privilege(relation, 'select')
        or side is not null and not pg_catalog.has_table_privilege(side, 'select')
    then
        return;
    end if;
    select r.rolname operator(pg_catalog.=) current_user
    into is_own
    from pg_catalog.pg_class as c
    join pg_catalog.pg_roles as r on r.oid operator(pg_catalog.=) c.relowner
    join pg_catalog.pg_attribute as a
        on a.attrelid operator(pg_catalog.=) coalesce(side, c.oid)
        and a.attnum operator(pg_catalog.=) (_count_rows.declared).vector_number
        and not a.attisdropped
    where c.oid operator(pg_catalog.=) relation and c.relkind in ('r', 'p');

    -- Looking must not run what a table's owner wrote, neither the source expression nor a policy nor
    -- what the planner computes: it would run with the rights of whoever looks.
    if is_own is null or not is_own and (
        pg_catalog.row_security_active(relation)
        or pg_catalog.row_security_active(side)
        or not sqlembed._plans_safely(relation)
        or not sqlembed._plans_safely(side)
    ) then
        return;
    end if;
    if side is null then
        execute pg_catalog.format(
            'select pg_catalog.count(*), pg_catalog.count(r.%1$I) from (select * from %2$s) as r',
            sqlembed._vector_name(_count_rows.declared), relation
        )
        into _count_rows.total, _count_rows.embedded;
    else
        -- Somebody else's may hold some that are out of date, or whose rows are gone.
        execute pg_catalog.format(
            'select (select pg_catalog.count(*) from %1$s), pg_catalog.count(*) from %2$s where %3$s',
            relation, side,
            case when (_count_rows.declared).chunking is null then 'true' else 'ordinal operator(pg_catalog.=) 1' end
        )
        into _count_rows.total, _count_rows.embedded;
    end if;
    if is_own then
        begin
            vector_test := sqlembed._vector_test(_count_rows.declared, 'r');
            if side is not null then
                execute pg_catalog.format('select pg_catalog.count(*) from %s as r where %s', relation, vector_test)
                into _count_rows.embedded;
            end if;
            execute pg_catalog.format(
                'select pg_catalog.count(*) from %2$s as r where not (%1$s) and sqlembed._blank(%3$s)',
                vector_test,
                case when side is null then pg_catalog.format('(select * from %s)', relation) else relation::text end,
                (_count_rows.declared).source
            )
            into _count_rows.blank;
        exception when others then
            -- A row, or a column that is gone, spoils the expression: the other counts still stand.
            null;
        end;
    end if;
end
$function$;

comment on function sqlembed._count_rows(sqlembed.embedding) is
    'Rows of an embedded table: all, those with a vector, and those with nothing to embed. NULL where counting would run code of another role: blank rows of somebody else''s table, and all of it under row level security, or where an index or statistics call a function of such a role. Blank rows are NULL too where the expression fails.';

create or replace function sqlembed._embedding_of(relation regclass, name name default null)
returns sqlembed.embedding
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    declared sqlembed.embedding;
    names text;
begin
    select string_agg(quote_ident(e.name), ', ' order by e.name)
    into names
    from sqlembed.embedding as e
    where e.relation = _embedding_of.relation and (_embedding_of.name is not null or e.generation = 'current');

    if names is null then
        raise exception 'sqlembed: table % has no embedding', _embedding_of.relation
            using errcode = 'SE013',
                hint = format(
                    'Declare one: select sqlembed.create_embedding(%L, embedder => ''minilm'', source => ''...'').',
                    _embedding_of.relation
                );
    end if;

    select e.*
    into declared
    from sqlembed.embedding as e
    where e.relation = _embedding_of.relation
        and e.name = coalesce(_embedding_of.name, e.name)
        and (_embedding_of.name is not null or e.generation = 'current');

    if _embedding_of.name is null and position(',' in names) > 0 then
        raise exception 'sqlembed: table % has several embeddings', _embedding_of.relation
            using errcode = 'SE013', hint = format('Say which, as embedding => ''...'': %s.', names);
    end if;
    if declared.id is null then
        raise exception 'sqlembed: table % has no embedding %', _embedding_of.relation, quote_ident(_embedding_of.name)
            using errcode = 'SE013', hint = format('It has: %s.', names);
    end if;
    return declared;
end
$function$;

comment on function sqlembed._embedding_of(regclass, name) is
    'The declared embedding of a table; without a name, its only one.';

create or replace function sqlembed._epoch_key(worker integer, epoch integer) returns integer
language sql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
    select (_epoch_key.worker % 32768) * 65536 + _epoch_key.epoch % 65536
$function$;

comment on function sqlembed._epoch_key(integer, integer) is
    'Second key of the lock that a worker holds until its next answers are there. Two workers that share one wake each other''s callers too early, which costs them another look.';

create or replace function sqlembed._equal_operator(operator_class oid) returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    select coalesce(
        (
            select format('operator(%I.%s)', n.nspname, p.oprname)
            from pg_opclass as c
            join pg_amop as m
                on m.amopfamily = c.opcfamily
                and m.amopstrategy = 3
                and m.amoplefttype = c.opcintype
                and m.amoprighttype = c.opcintype
            join pg_am as method on method.oid = m.amopmethod and method.amname = 'btree'
            join pg_operator as p on p.oid = m.amopopr
            join pg_namespace as n on n.oid = p.oprnamespace
            where c.oid = _equal_operator.operator_class
        ),
        'operator(pg_catalog.=)'
    )
$function$;

comment on function sqlembed._equal_operator(oid) is
    'The operator by which an index tells equal keys, qualified, as SQL text.';

create or replace function sqlembed._full_text_sql(config text, source text) returns text
language sql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
    -- A tsvector holds a megabyte at most, and one that would be larger is an error for whoever
    -- writes the row. So many characters fit, whatever words they make.
    select format(
        'pg_catalog.to_tsvector(%L::pg_catalog.regconfig, pg_catalog.left((%s)::pg_catalog.text, 100000))',
        _full_text_sql.config,
        _full_text_sql.source
    )
$function$;

comment on function sqlembed._full_text_sql(text, text) is
    'SQL for the full text of a source expression: its words in a language, as a tsvector.';

create or replace function sqlembed._has_index(
    holder regclass,
    expression text,
    operator_class text,
    parameters text[] default '{}',
    other_than regclass default null
)
returns boolean
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
begin
    return exists (
        select
        from pg_index as i
        join pg_class as c on c.oid = i.indexrelid
        join pg_am as m on m.oid = c.relam
        join pg_opclass as o on o.oid = i.indclass[0]
        where i.indrelid = _has_index.holder
            and i.indexrelid is distinct from _has_index.other_than
            and i.indisvalid
            and i.indpred is null
            and m.amname = 'hnsw'
            and o.opcname = _has_index.operator_class
            and coalesce(c.reloptions, '{}') @> _has_index.parameters
            and pg_get_indexdef(i.indexrelid, 1, false) = _has_index.expression
    );
end
$function$;

comment on function sqlembed._has_index(regclass, text, text, text[], regclass) is
    'Whether a table has an HNSW index over all rows of an expression, as _indexed writes it, with these storage parameters at least.';

create or replace function sqlembed._hash_call(declared sqlembed.embedding, row_name text) returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    -- One of the table's owner, whatever others have put beside it.
    select format('%I.%I(%s.*)', n.nspname, p.proname, _hash_call.row_name)
    from pg_class as c
    join pg_proc as p
        on p.proname = (_hash_call.declared).hash_function
        and p.proowner = c.relowner
        and p.pronargs = 1
        and p.proargtypes[0] = c.reltype
    join pg_namespace as n on n.oid = p.pronamespace
    where c.oid = (_hash_call.declared).relation
    order by p.oid
    limit 1
$function$;

comment on function sqlembed._hash_call(sqlembed.embedding, text) is
    'SQL that gives the sha256 of a row''s present source, for an embedding with a side table. NULL when its function is gone.';

create or replace function sqlembed._hold(relation regclass) returns void
language plpgsql
stable
as $function$
begin
    -- It reads nothing and stays locked as every table that a transaction has read.
    execute pg_catalog.format('select from only %s where false', _hold.relation);
end
$function$;

comment on function sqlembed._hold(regclass) is
    'Keep the columns of a table from changing their names before the transaction ends: what is asked of them after this stays true.';

create or replace function sqlembed._indexed(
    index text,
    options jsonb,
    storage text,
    dimensions integer,
    metric text,
    vector text,
    out expression text,
    out operator_class text,
    out ordering text
)
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $function$
declare
    length integer;
begin
    -- Written as pg_get_indexdef() does without a search_path, so that an index can be told by it.
    case _indexed.index
        when 'binary' then
            _indexed.expression := format('((public.binary_quantize(%s))::bit(%s))', _indexed.vector, _indexed.dimensions);
            _indexed.operator_class := 'bit_hamming_ops';
            _indexed.ordering := format(
                '%s operator(public.<~>) public.binary_quantize($1)::bit(%s)', _indexed.expression, _indexed.dimensions
            );
            return;
        when 'prefix' then
            length := (_indexed.options ->> 'dimensions')::integer;
            _indexed.expression := format(
                '((public.subvector(%s, 1, %s))::%s(%s))',
                _indexed.vector,
                length,
                case _indexed.storage when 'vector' then 'public.vector' else 'public.halfvec' end,
                length
            );
            _indexed.ordering := format(
                '%s %s public.subvector($1, 1, %s)',
                _indexed.expression, sqlembed._metric_operator(_indexed.metric), length
            );
        else
            _indexed.expression := _indexed.vector;
            _indexed.ordering := format('%s %s $1', _indexed.vector, sqlembed._metric_operator(_indexed.metric));
    end case;
    _indexed.operator_class := _indexed.storage || case _indexed.metric
        when 'cosine' then '_cosine_ops'
        when 'euclidean' then '_l2_ops'
        when 'inner_product' then '_ip_ops'
        when 'l1' then '_l1_ops'
    end;
end
$function$;

comment on function sqlembed._indexed(text, jsonb, text, integer, text, text) is
    'What an index of a kind is over, given the vector as SQL, with which operator class, and the order in which it gives the rows nearest to $1. Of binary and prefix that order is a rough one.';

create or replace function sqlembed._is_alive(worker integer) returns boolean
language sql
volatile
set search_path = pg_catalog, pg_temp
as $function$
    select exists (select from sqlembed.worker as w where w.id = _is_alive.worker)
$function$;

comment on function sqlembed._is_alive(integer) is
    'Whether a worker still holds its presence lock: it, and nobody who took the lock after its death.';

create or replace function sqlembed._key_names(relation regclass) returns name[]
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
begin
    -- In PL/pgSQL, which keeps the plan: it takes many times as long as the look-up.
    return array(
        select a.attname
        from pg_index as i
        cross join generate_series(1, i.indnkeyatts) as n (position)
        join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = i.indkey[n.position - 1]
        where i.indrelid = _key_names.relation and i.indisprimary
        order by n.position
    );
end
$function$;

comment on function sqlembed._key_names(regclass) is
    'The columns of a table''s primary key, in its order; none without one.';

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

create or replace function sqlembed._metric_operator(metric text) returns text
language plpgsql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
declare
    operator text := case _metric_operator.metric
        when 'cosine' then 'operator(public.<=>)'
        when 'euclidean' then 'operator(public.<->)'
        when 'inner_product' then 'operator(public.<#>)'
        when 'l1' then 'operator(public.<+>)'
    end;
begin
    if operator is null then
        raise exception 'sqlembed: unknown metric %', coalesce(quote_literal(_metric_operator.metric), 'NULL')
            using errcode = 'SE014', hint = 'Metrics are cosine, euclidean, inner_product and l1.';
    end if;
    return operator;
end
$function$;

comment on function sqlembed._metric_operator(text) is
    'The operator of a metric, qualified, as SQL text.';

create or replace function sqlembed._plans_safely(relation regclass) returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    with recursive family as (
        select _plans_safely.relation::oid as member
        union
        select i.inhrelid from family as f join pg_inherits as i on i.inhparent = f.member
    ),
    -- Whatever is constant in their expressions is computed with every plan, by whoever plans.
    planned as (
        select 'pg_class'::regclass as class, f.member as id from family as f
        union all
        select 'pg_class'::regclass, i.indexrelid from family as f join pg_index as i on i.indrelid = f.member
        union all
        select 'pg_statistic_ext'::regclass, s.oid from family as f join pg_statistic_ext as s on s.stxrelid = f.member
    )
    select not exists (
        select from family as f join pg_class as c on c.oid = f.member where c.relkind = 'f'
    )
    and not exists (
        -- What came with PostgreSQL itself is not recorded there.
        select
        from planned as p
        join pg_depend as d on d.classid = p.class and d.objid = p.id
        left join pg_operator as o on d.refclassid = 'pg_operator'::regclass and o.oid = d.refobjid
        join pg_proc as f
            on f.oid = case when d.refclassid = 'pg_proc'::regclass then d.refobjid else o.oprcode end
        join pg_roles as r on r.oid = f.proowner
        where not r.rolsuper and r.rolname <> current_user
    )
$function$;

comment on function sqlembed._plans_safely(regclass) is
    'Whether a query of a table and its children can be planned without running a function of a role that is neither a superuser nor the caller, and asks no foreign server.';

create or replace view sqlembed._queued as
select c.embedding, c.key, c.changed_at from sqlembed.change as c
union all
select j.embedding, j.key, j.changed_at from sqlembed.job as j
union all
select l.embedding, k.key, k.changed_at
from sqlembed.lease as l
cross join lateral unnest(l.keys, l.changed_at) as k (key, changed_at);

comment on view sqlembed._queued is 'All that waits for a worker, or that one has in hand.';
comment on column sqlembed._queued.embedding is 'The embedding that is out of date.';
comment on column sqlembed._queued.key is 'The row; one that has changed and is being embedded occurs several times.';
comment on column sqlembed._queued.changed_at is 'When it was written.';

create or replace function sqlembed._renamed_columns(declared sqlembed.embedding) returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    -- Of one that is gone PostgreSQL itself says that there is no such column.
    select string_agg(format('r.%I as %I', coalesce(c.present, c.declared), c.declared), ', ')
    from unnest((select p.source from sqlembed._present_columns(_renamed_columns.declared) as p), (_renamed_columns.declared).source_columns)
        as c (present, declared)
$function$;

comment on function sqlembed._renamed_columns(sqlembed.embedding) is
    'The columns of row r that the source uses, under the names that it uses for them.';

create or replace function sqlembed._request_timeout() returns interval
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    setting text := coalesce(nullif(current_setting('sqlembed.request_timeout', true), ''), '10s');
begin
    -- As in other settings of PostgreSQL, a bare number is in milliseconds.
    if setting ~ '^[[:space:]]*[0-9]+[[:space:]]*$' then
        setting := setting || ' ms';
    end if;
    if setting !~ '^[[:space:]]*[0-9]+([.][0-9]+)?[[:space:]]*(us|ms|s|min|h|d)[[:space:]]*$' then
        raise exception 'sqlembed: sqlembed.request_timeout is not a time: %', quote_literal(setting)
            using errcode = 'SE014', hint = 'For instance: set sqlembed.request_timeout = ''30s''.';
    end if;
    return setting::interval;
end
$function$;

comment on function sqlembed._request_timeout() is
    'How long a statement waits for a worker: the setting sqlembed.request_timeout, else 10 s.';

create or replace function sqlembed._row_key(relation regclass, key jsonb) returns jsonb
language plpgsql
stable
as $function$
declare
    known record;
    found jsonb;
    is_key boolean;
begin
    select k.columns, k.expression, k.match into known from sqlembed._key_sql(_row_key.relation) as k;
    is_key := coalesce(
        pg_catalog.jsonb_typeof(_row_key.key) operator(pg_catalog.=) 'array'
            and pg_catalog.jsonb_array_length(_row_key.key) operator(pg_catalog.=) pg_catalog.cardinality(known.columns)
            and not exists (
                select
                from pg_catalog.jsonb_array_elements(_row_key.key) as v (value)
                where pg_catalog.jsonb_typeof(v.value) in ('null', 'object', 'array')
            ),
        false
    );
    if is_key then
        begin
            execute pg_catalog.format(
                'select %s from (select $1) as k (key) cross join %s as r where %s',
                known.expression, _row_key.relation, known.match
            )
            into found
            using _row_key.key;
        exception when data_exception then
            is_key := false;
        end;
    end if;
    if not is_key then
        raise exception 'sqlembed: % is not a key of table %', coalesce(_row_key.key::text, 'NULL'), _row_key.relation
            using errcode = 'SE014',
                hint = pg_catalog.format(
                    'A key is a jsonb array of the primary key''s values in order, here of (%s).',
                    (
                        select pg_catalog.string_agg(
                            pg_catalog.quote_ident(a.attname) || ' ' || pg_catalog.format_type(a.atttypid, a.atttypmod),
                            ', '
                            order by c.position
                        )
                        from pg_catalog.unnest(known.columns) with ordinality as c (name, position)
                        join pg_catalog.pg_attribute as a
                            on a.attrelid operator(pg_catalog.=) _row_key.relation
                            and a.attname operator(pg_catalog.=) c.name
                    )
                );
    end if;
    return found;
end
$function$;

comment on function sqlembed._row_key(regclass, jsonb) is
    'The key as jobs write it, if there is such a row and the caller may see it.';

create or replace function sqlembed._sees_all_rows(relation regclass) returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    select
        has_table_privilege(_sees_all_rows.relation, 'select')
        and (
            not row_security_active(_sees_all_rows.relation)
            or exists (
                select from pg_class as c
                where c.oid = _sees_all_rows.relation and pg_has_role(c.relowner, 'usage')
            )
        )
$function$;

comment on function sqlembed._sees_all_rows(regclass) is
    'Whether the caller may see every row of a table: no policy keeps any back.';

create or replace function sqlembed._side_key_lists(
    relation regclass,
    side regclass,
    out locked text,
    out made text,
    out written text,
    out match text
)
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    select
        string_agg(format('r.%I as key_%s', k.column_name, k.position), ', ' order by k.position),
        string_agg(format('c.key_%s', k.position), ', ' order by k.position),
        string_agg(quote_ident(k.side_name), ', ' order by k.position),
        string_agg(format('s.%I %s c.key_%s', k.side_name, k.operator, k.position), ' and ' order by k.position)
    from sqlembed._side_keys(_side_key_lists.relation, _side_key_lists.side) as k
$function$;

comment on function sqlembed._side_key_lists(regclass, regclass) is
    'How a worker''s statement says the key of a side table: of the row that it locks, as it is made of that, as it is written and as it is found again.';

revoke execute on function sqlembed._side_key_lists(regclass, regclass) from public;

create or replace function sqlembed._side_keys(relation regclass, side regclass)
returns table ("position" integer, column_name name, side_name name, operator text)
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    -- By position: a column of the table that is renamed is still the same.
    select k.position::integer, a.attname, b.attname, sqlembed._equal_operator(k.operator_class)
    from pg_index as i
    join pg_index as j on j.indrelid = _side_keys.side and j.indisprimary
    cross join unnest(i.indkey, i.indclass) with ordinality as k (attnum, operator_class, position)
    join unnest(j.indkey) with ordinality as l (attnum, position) on l.position = k.position
    join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = k.attnum
    join pg_attribute as b on b.attrelid = j.indrelid and b.attnum = l.attnum
    where i.indrelid = _side_keys.relation and i.indisprimary and k.position <= i.indnkeyatts
    order by k.position
$function$;

comment on function sqlembed._side_keys(regclass, regclass) is
    'How the columns of a table''s primary key meet those of its side table.';

create or replace function sqlembed._side_match(relation regclass, side regclass, row_name text, side_name text)
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    select string_agg(
        format('%s.%I %s %s.%I', _side_match.row_name, k.column_name, k.operator, _side_match.side_name, k.side_name),
        ' and '
        order by k.position
    )
    from sqlembed._side_keys(_side_match.relation, _side_match.side) as k
$function$;

comment on function sqlembed._side_match(regclass, regclass, text, text) is
    'The condition that a row and a row of the side table have the same key.';

create or replace function sqlembed._vector_name(declared sqlembed.embedding) returns name
language sql
stable
as $function$
    -- Asked of the server's own cache, which knows what was committed a moment ago, and not of a table,
    -- where a statement that began before goes on to see the old name. Without a search_path of its own,
    -- so that it becomes part of the query.
    select coalesce(
        case
            when (_vector_name.declared).numbered_in operator(pg_catalog.=) (_vector_name.declared).relation::pg_catalog.oid
            then (
                pg_catalog.pg_identify_object_as_address(
                    'pg_catalog.pg_class'::pg_catalog.regclass,
                    coalesce((_vector_name.declared).side, (_vector_name.declared).relation),
                    (_vector_name.declared).vector_number
                )
            ).object_names[3]::pg_catalog.name
        end,
        (_vector_name.declared).name
    )
$function$;

comment on function sqlembed._vector_name(sqlembed.embedding) is
    'What the vector column of an embedding is called at this moment, whatever the snapshot says. A search that has seen a declaration reads the vectors of that declaration, though another generation has got the name meanwhile.';

create or replace function sqlembed._vector_test(declared sqlembed.embedding, row_name text) returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    select case (_vector_test.declared).place
        when 'row' then format('%s.%I is not null', _vector_test.row_name, p.vector)
        else format(
            'exists (select from %s as sqlembed_side where %s and %ssqlembed_side.source_hash operator(pg_catalog.=) %s)',
            (_vector_test.declared).side,
            sqlembed._side_match((_vector_test.declared).relation, (_vector_test.declared).side, _vector_test.row_name, 'sqlembed_side'),
            -- All chunks of a row are written at once.
            case when (_vector_test.declared).chunking is not null then 'sqlembed_side.ordinal operator(pg_catalog.=) 1 and ' end,
            sqlembed._hash_call(_vector_test.declared, _vector_test.row_name)
        )
    end
    -- A column that was renamed a moment ago has its old name in the catalogue.
    from sqlembed._present_columns(_vector_test.declared) as p
$function$;

comment on function sqlembed._vector_test(sqlembed.embedding, text) is
    'The condition that a row has a vector; in a side table, one of its present source.';

create or replace function sqlembed._configure_loopback(password text default null, way_in text default null)
returns boolean
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
set standard_conforming_strings = on
as $function$
declare
    owner oid := (
        select p.proowner from pg_proc as p where p.oid = 'sqlembed._ask(text, bytea, text, text[])'::regprocedure
    );
    given text := _configure_loopback.password;
    is_new boolean := false;
    sockets text;
    host text;
    chosen text;
    option text[];
begin
    if exists (
        select from pg_foreign_server as s where s.srvname = 'sqlembed_loopback' and s.srvowner <> owner
    ) or pg_get_userbyid(owner) <> current_user then
        -- Whoever owns the server decides where the texts and the password go.
        raise exception 'sqlembed: the loopback must be set up by % and belong to it', owner::regrole
            using errcode = '42501',
                hint = format('Run: sqlembed migrate, as %s. A server sqlembed_loopback of another role has to go.', owner::regrole);
    end if;
    if not exists (select from pg_foreign_server as s where s.srvname = 'sqlembed_loopback') then
        create server sqlembed_loopback foreign data wrapper dblink_fdw options (
            host '', port '', dbname '', options '', application_name 'sqlembed loopback'
        );
    end if;
    foreach option slice 1 in array array[
        array['port', current_setting('port')],
        array['dbname', current_database()],
        -- It notices within half a second that its caller is gone, and what the database or the role
        -- set for others does not reach it.
        array[
            'options',
            '-c client_connection_check_interval=500 -c synchronous_commit=off -c statement_timeout=0'
            ' -c lock_timeout=1000 -c jit=off -c default_transaction_isolation=read\ committed -c search_path=pg_catalog'
        ]
    ]
    loop
        execute format('alter server sqlembed_loopback options (set %I %L)', option[1], option[2]);
    end loop;

    if given is null and not exists (
        select from pg_user_mappings as m where m.srvname = 'sqlembed_loopback' and m.umuser = owner
    ) then
        -- The role is the cluster's: a new password would lock the other databases out.
        if sqlembed._is_loopback_shared() then
            raise exception 'sqlembed: the password of role sqlembed_loopback is not known here, and other databases use it'
                using errcode = 'SE006',
                    hint = 'Run: sqlembed migrate, as a role that owns sqlembed there too, or with --loopback-password.';
        end if;
        is_new := true;
        given := replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '');
        begin
            execute format('alter role sqlembed_loopback password %L', given);
        exception when insufficient_privilege then
            raise exception 'sqlembed: the password of role sqlembed_loopback is not known'
                using errcode = 'SE006', hint = 'Ask whoever made the role, and run: sqlembed migrate --loopback-password ...';
        end;
    end if;
    if given is not null then
        if exists (
            select from pg_user_mappings as m where m.srvname = 'sqlembed_loopback' and m.umuser = owner
        ) then
            execute format('drop user mapping for %s server sqlembed_loopback', owner::regrole);
        end if;
        execute format(
            'create user mapping for %s server sqlembed_loopback options (user ''sqlembed_loopback'', password %L)',
            owner::regrole, given
        );
    end if;

    if is_new then
        -- Before the commit nobody can log in with it.
        return false;
    end if;

    begin
        sockets := current_setting('unix_socket_directories');
    exception when insufficient_privilege then
        null;
    end;
    -- The way in depends on pg_hba.conf, which SQL cannot read everywhere: try them in turn.
    for host in
        select w.host
        from (
            select
                1 as rank,
                case when trim(a) in ('*', '0.0.0.0', 'localhost') then '127.0.0.1' else trim(a) end as host
            from string_to_table(current_setting('listen_addresses'), ',') as a
            union all
            select 2, trim(d) from string_to_table(sockets, ',') as d
            union all
            select 3, _configure_loopback.way_in
        ) as w
        where w.host <> ''
        group by w.host
        order by min(w.rank), w.host
    loop
        chosen := coalesce(chosen, host);
        execute format('alter server sqlembed_loopback options (set host %L)', host);
        begin
            perform sqlembed._probe_loopback();
            return true;
        exception when others then
            raise notice 'sqlembed: no loopback by way of %: %', host, sqlerrm;
        end;
    end loop;
    execute format('alter server sqlembed_loopback options (set host %L)', coalesce(chosen, '127.0.0.1'));
    return false;
end
$function$;

comment on function sqlembed._configure_loopback(text, text) is
    'Lead the loopback to this database and find a way to log in; without a password it keeps the present one, or makes one. False when no way is open, or when the password is new: call it again after the commit. way_in: a host to try where the server''s sockets may not be known.';

revoke execute on function sqlembed._configure_loopback(text, text) from public;

create or replace function sqlembed._is_loopback_shared() returns boolean
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
begin
    if not exists (
        select
        from pg_shdepend as s
        where s.refclassid = 'pg_authid'::regclass
            and s.refobjid = 'sqlembed_loopback'::regrole
            and s.dbid not in (0, (select d.oid from pg_database as d where d.datname = current_database()))
    ) then
        return false;
    end if;
    if not has_table_privilege('pg_authid', 'select') then
        return true;
    end if;
    -- Installed elsewhere, but perhaps never set up.
    return exists (select from pg_authid as r where r.rolname = 'sqlembed_loopback' and r.rolpassword is not null);
end
$function$;

comment on function sqlembed._is_loopback_shared() is
    'Whether other databases of the cluster may know the present password of the loopback''s role.';

revoke execute on function sqlembed._is_loopback_shared() from public;

create or replace function sqlembed._probe_loopback() returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    is_here boolean;
begin
    if 'sqlembed_loopback' = any (sqlembed_dblink.dblink_get_connections()) then
        perform sqlembed_dblink.dblink_disconnect('sqlembed_loopback');
    end if;
    select t.database = current_database() and t.started_at = pg_postmaster_start_time()
    into is_here
    from sqlembed_dblink.dblink(
        'sqlembed_loopback', 'select pg_catalog.current_database(), pg_catalog.pg_postmaster_start_time()'
    ) as t (database name, started_at timestamptz);
    if not is_here then
        raise exception 'sqlembed: the loopback leads to another server' using errcode = 'SE006';
    end if;
end
$function$;

comment on function sqlembed._probe_loopback() is
    'Log in through the loopback once, as embed() does; the error says why it cannot.';

revoke execute on function sqlembed._probe_loopback() from public;

create or replace function sqlembed_wire.ask_again(id bigint, ticket bytea) returns boolean
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    asked sqlembed.request;
    chosen integer;
begin
    select r.* into asked from sqlembed.request as r where r.id = ask_again.id and r.ticket = ask_again.ticket;
    if not found then
        return false;
    end if;
    -- Nothing is waited for here, where no cancel arrives: a row that is locked is being answered.
    perform from sqlembed.request as r where r.id = ask_again.id and not r.done for update skip locked;
    if not found then
        return true;
    end if;
    chosen := asked.worker;
    if not sqlembed._is_alive(chosen) then
        delete from sqlembed.worker_process as w where w.id = chosen;
        chosen := sqlembed._choose_worker(asked.embedder);
        perform pg_notify('sqlembed_' || chosen, '');
    end if;
    update sqlembed.request as r
    set asked_at = clock_timestamp(), worker = chosen
    where r.id = ask_again.id;
    return true;
end
$function$;

comment on function sqlembed_wire.ask_again(bigint, bytea) is
    'Say that somebody still waits, and move the request when its worker has died. False when the request is gone.';

revoke execute on function sqlembed_wire.ask_again(bigint, bytea) from public;
grant execute on function sqlembed_wire.ask_again(bigint, bytea) to sqlembed_loopback;

create or replace function sqlembed_wire.peek(
    id bigint,
    ticket bytea,
    out done boolean,
    out result public.vector[],
    out error text,
    out epoch_key integer
)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
    -- Epoch and answer are read in one snapshot: whoever sees no answer waits for the right lock.
    select r.done, r.result, r.error, sqlembed._epoch_key(r.worker, w.epoch)
    from sqlembed.request as r
    left join sqlembed.worker_process as w on w.id = r.worker
    where r.id = peek.id and r.ticket = peek.ticket
$function$;

comment on function sqlembed_wire.peek(bigint, bytea) is
    'The answer to a request if it is there, and the lock to wait for if it is not.';

revoke execute on function sqlembed_wire.peek(bigint, bytea) from public;
grant execute on function sqlembed_wire.peek(bigint, bytea) to sqlembed_loopback;

create or replace procedure sqlembed_wire.request(
    embedder text,
    kind text,
    inputs text[],
    ticket bytea,
    slice_ms integer,
    inout id bigint default null,
    inout done boolean default false,
    inout result public.vector[] default null
)
language plpgsql
as $procedure$
declare
    answer record;
    looks integer := 0;
    until timestamptz := clock_timestamp() + request.slice_ms * interval '1 ms';
    seen integer;
begin
    if request.id is null then
        select s.id, s.result
        into request.id, request.result
        from sqlembed_wire.submit(request.embedder, request.kind, request.inputs, request.ticket) as s;
        request.done := request.result is not null;
        commit;
    elsif not sqlembed_wire.ask_again(request.id, request.ticket) then
        -- Swept, or lost in a crash: the caller's next slice submits it anew.
        request.id := null;
        return;
    else
        commit;
    end if;

    while not request.done and clock_timestamp() < until loop
        select p.* into answer from sqlembed_wire.peek(request.id, request.ticket) as p;
        if answer.error is not null then
            raise exception 'sqlembed: embedder % failed: %', quote_ident(request.embedder), answer.error
                using errcode = 'SE005', hint = 'The log of the worker has the traceback.';
        end if;
        request.done := coalesce(answer.done, false);
        request.result := answer.result;
        -- The lock was free and the answer is not there: its worker is dead or between two epochs.
        exit when request.done or answer.epoch_key is null or answer.epoch_key = seen;

        looks := looks + 1;
        if looks <= 3 then
            perform pg_sleep(0.0005);
        else
            begin
                perform set_config(
                    'lock_timeout',
                    greatest(1, extract(milliseconds from until - clock_timestamp()))::integer::text,
                    true
                );
                perform pg_advisory_xact_lock_shared(1936813059, answer.epoch_key);
                seen := answer.epoch_key;
            exception when lock_not_available then
                null;
            end;
        end if;
        commit;
    end loop;
end
$procedure$;

comment on procedure sqlembed_wire.request(text, text, text[], bytea, integer, bigint, boolean, public.vector[]) is
    'Submit texts, or ask again, and wait one slice for the vectors: three short sleeps, then the lock that the worker lets go of when it has answered. Short slices let the caller notice a cancel.';

revoke execute on procedure sqlembed_wire.request(text, text, text[], bytea, integer, bigint, boolean, public.vector[])
    from public;
grant execute on procedure sqlembed_wire.request(text, text, text[], bytea, integer, bigint, boolean, public.vector[])
    to sqlembed_loopback;

create or replace function sqlembed_wire.submit(
    embedder text,
    kind text,
    inputs text[],
    ticket bytea,
    out id bigint,
    out result public.vector[]
)
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    chosen integer;
begin
    if (submit.ticket = sqlembed._ticket(submit.embedder, submit.kind, submit.inputs)) is not true then
        raise exception 'sqlembed: not a ticket' using errcode = '42501';
    end if;

    -- The caller's snapshot may be older than an answer that its own statement fetched a row ago.
    submit.result := sqlembed._cached(submit.embedder, submit.kind, submit.inputs);
    if not exists (select from unnest(submit.result) as v where v is null) then
        return;
    end if;
    submit.result := null;

    chosen := sqlembed._choose_worker(submit.embedder);
    insert into sqlembed.request (worker, embedder, kind, inputs, ticket)
    values (chosen, submit.embedder, submit.kind, submit.inputs, submit.ticket)
    returning request.id into submit.id;
    perform pg_notify('sqlembed_' || chosen, '');
end
$function$;

comment on function sqlembed_wire.submit(text, text, text[], bytea) is
    'Hand texts to a worker, or answer at once from the cache. The ticket proves that embed() asks.';

revoke execute on function sqlembed_wire.submit(text, text, text[], bytea) from public;
grant execute on function sqlembed_wire.submit(text, text, text[], bytea) to sqlembed_loopback;

create or replace function sqlembed._ask(embedder text, key bytea, kind text, inputs text[])
returns public.vector[]
language plpgsql
stable
security definer
parallel restricted
set search_path = pg_catalog, pg_temp
set jit = off
as $function$
declare
    known sqlembed.embedder;
    asked_kind text;
    wanted text[];
    cached public.vector[];
    part text[];
    answered text[] := '{}';
    answers public.vector[] := '{}';
begin
    select e.* into known from sqlembed.embedder as e where e.name = _ask.embedder;
    if known.name is null then
        raise exception 'sqlembed: unknown embedder %', coalesce(quote_literal(_ask.embedder), 'NULL')
            using errcode = 'SE001',
                hint = coalesce(
                    'Known: ' || (select string_agg(quote_ident(e.name), ', ' order by e.name) from sqlembed.embedder as e) || '.',
                    'None is registered yet; a worker registers those of its registry when it starts.'
                );
    end if;
    if not exists (
        select from sqlembed.embedder_key as k where k.embedder = _ask.embedder and k.key = _ask.key
    ) then
        raise exception 'sqlembed: permission denied for embedder %', quote_ident(_ask.embedder)
            using errcode = '42501',
                hint = format('Its owner can say: select sqlembed.grant_embedder(%L, ''role'').', _ask.embedder);
    end if;

    asked_kind := case when known.is_asymmetric then _ask.kind else 'document' end;
    select array_agg(distinct i) into wanted from unnest(_ask.inputs) as i where not sqlembed._blank(i);
    if wanted is null then
        return array_fill(null::public.vector, array[cardinality(_ask.inputs)]);
    end if;

    cached := sqlembed._cached(_ask.embedder, asked_kind, wanted);
    for part in
        select p.inputs
        from sqlembed._parts(
            array(select c.input from unnest(wanted, cached) as c (input, vector) where c.vector is null)
        ) as p (inputs)
    loop
        answered := array_cat(answered, part);
        answers := array_cat(answers, sqlembed._ask_worker(_ask.embedder, asked_kind, part));
    end loop;
    return sqlembed._spread(_ask.inputs, array_cat(wanted, answered), array_cat(cached, answers));
end
$function$;

comment on function sqlembed._ask(text, bytea, text, text[]) is
    'Vectors from the cache, and for what is not there from a worker, through a second connection to this database. The key is proof that the caller may use the embedder.';

create or replace function sqlembed._ask_worker(embedder text, kind text, inputs text[]) returns public.vector[]
language plpgsql
stable
parallel restricted
set search_path = pg_catalog, pg_temp
as $function$
declare
    connection text := sqlembed._open_loopback();
    ticket bytea := sqlembed._ticket(_ask_worker.embedder, _ask_worker.kind, _ask_worker.inputs);
    until timestamptz := clock_timestamp() + sqlembed._request_timeout();
    id bigint;
    done boolean := false;
    answers public.vector[];
begin
    while not done loop
        if clock_timestamp() > until then
            raise exception 'sqlembed: no answer within %', sqlembed._request_timeout()
                using errcode = 'SE004',
                    hint = 'The workers are busy: start more of them, or raise sqlembed.request_timeout.';
        end if;
        select t.id, t.done, t.result
        into id, done, answers
        from sqlembed_dblink.dblink(
            connection,
            format(
                'call sqlembed_wire.request(%L, %L, %L, %L, %s, %L)',
                _ask_worker.embedder, _ask_worker.kind, case when id is null then _ask_worker.inputs end, ticket, 100, id
            )
        ) as t (id bigint, done boolean, result public.vector[]);
    end loop;
    return answers;
end
$function$;

comment on function sqlembed._ask_worker(text, text, text[]) is
    'Vectors from a worker, through a second connection to this database: one request.';

revoke execute on function sqlembed._ask_worker(text, text, text[]) from public;

create or replace function sqlembed._cached(embedder text, kind text, inputs text[])
returns public.vector[]
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    select array_agg(c.embedding order by i.ordinality)
    from unnest(_cached.inputs) with ordinality as i (input, ordinality)
    join sqlembed.embedder as e on e.name = _cached.embedder
    left join sqlembed.cache as c
        on c.fingerprint = e.fingerprint
        and c.kind = _cached.kind
        and c.input_hash = sha256(convert_to(i.input, 'UTF8'))
$function$;

comment on function sqlembed._cached(text, text, text[]) is
    'Vectors that were computed before, in the order of the texts; NULL where there is none.';

revoke execute on function sqlembed._cached(text, text, text[]) from public;

create or replace function sqlembed._choose_worker(embedder text) returns integer
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    candidate record;
    others boolean := false;
begin
    for candidate in
        select w.id, _choose_worker.embedder = any (w.embedders) as serves
        from sqlembed.worker_process as w
        order by random()
    loop
        -- One probe, cheaper than reading pg_locks; the shared lock goes with the transaction. Should
        -- a stranger hold the lock of a dead worker, ask_again finds it out.
        if not pg_try_advisory_xact_lock_shared(sqlembed._lock('presence'), candidate.id) then
            if candidate.serves then
                return candidate.id;
            end if;
            others := true;
        end if;
    end loop;
    raise exception 'sqlembed: no worker that serves embedder % is alive', quote_ident(_choose_worker.embedder)
        using errcode = 'SE003',
            hint = case
                when others
                then 'The workers that are alive serve others; start one whose registry has it: sqlembed worker --registry module:object.'
                else 'Start one: sqlembed worker --registry module:object.'
            end;
end
$function$;

comment on function sqlembed._choose_worker(text) is
    'A living worker that serves the embedder, any of them; an error that says how to start one where there is none.';

revoke execute on function sqlembed._choose_worker(text) from public;

create or replace function sqlembed._grantee(name text) returns regrole
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    role oid;
begin
    if lower(_grantee.name) = 'public' then
        return 0::oid::regrole;
    end if;
    select r.oid into role from pg_roles as r where r.rolname = _grantee.name;
    if role is null then
        raise exception 'sqlembed: role % does not exist', coalesce(quote_literal(_grantee.name), 'NULL')
            using errcode = '42704', hint = 'Give the name of a role, unquoted, or public.';
    end if;
    return role::regrole;
end
$function$;

comment on function sqlembed._grantee(text) is 'The role of that name; 0 for public.';

create or replace function sqlembed._has_roles() returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    select exists (
        select
        from pg_class as c
        cross join aclexplode(c.relacl) as a
        join pg_roles as r on r.oid = a.grantee
        where c.oid = to_regclass('sqlembed.alembic_version') and r.rolname = 'sqlembed_reader'
    )
$function$;

comment on function sqlembed._has_roles() is
    'Whether this database asked for the roles sqlembed_reader, sqlembed_writer and sqlembed_worker: they are the cluster''s, and may have been made for another.';

create or replace function sqlembed._is_dblink_shared() returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    select exists (
        select
        from pg_extension as e
        join pg_namespace as n on n.oid = e.extnamespace
        cross join aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) as a
        left join pg_roles as r on r.oid = a.grantee
        where e.extname = 'dblink'
            and a.privilege_type = 'USAGE'
            and r.rolname is distinct from current_user
            and r.rolsuper is not true
    )
$function$;

comment on function sqlembed._is_dblink_shared() is
    'Whether others than the current role and superusers can reach dblink, and with it every connection of their session.';

revoke execute on function sqlembed._is_dblink_shared() from public;

create or replace function sqlembed._open_loopback() returns text
language plpgsql
volatile
parallel restricted
set search_path = pg_catalog, pg_temp
as $function$
declare
    target text;
    port text;
begin
    select
        max(substr(o, length('dbname=') + 1)) filter (where starts_with(o, 'dbname=')),
        max(substr(o, length('port=') + 1)) filter (where starts_with(o, 'port='))
    into target, port
    from pg_foreign_server as s, unnest(s.srvoptions) as o
    where s.srvname = 'sqlembed_loopback';
    if target is null then
        raise exception 'sqlembed: the loopback is not set up'
            using errcode = 'SE006', hint = 'Run: sqlembed migrate. Then: sqlembed doctor.';
    end if;
    if target <> current_database() then
        raise exception 'sqlembed: this database is a copy of %: its loopback still leads there', quote_ident(target)
            using errcode = 'SE007', hint = 'Run sqlembed migrate on this database.';
    end if;
    if port <> current_setting('port') then
        raise exception 'sqlembed: this server is a copy of another or has moved: its loopback still leads to port %', port
            using errcode = 'SE007', hint = 'Run sqlembed migrate on this database.';
    end if;

    if sqlembed._is_dblink_shared() then
        -- Whoever can call dblink can speak through a connection that stays open, or put one of
        -- theirs in its place and read what others' functions send. So none stays: given the name
        -- of a server dblink opens one for the call, unless a connection has that name.
        if 'sqlembed_loopback' = any (sqlembed_dblink.dblink_get_connections()) then
            perform sqlembed_dblink.dblink_disconnect('sqlembed_loopback');
        end if;
        return 'sqlembed_loopback';
    end if;

    if 'sqlembed' = any (sqlembed_dblink.dblink_get_connections()) then
        -- A connection whose other end has died stays in the session and fails for ever. With
        -- false this probe answers no row then; catching an error would need a subtransaction,
        -- which parallel plans forbid. One that died while it was waited for takes no probe any more.
        if sqlembed_dblink.dblink_error_message('sqlembed') = 'OK' then
            if exists (select from sqlembed_dblink.dblink('sqlembed', 'select 1', false) as t (one integer)) then
                return 'sqlembed';
            end if;
        end if;
        perform sqlembed_dblink.dblink_disconnect('sqlembed');
    end if;
    perform sqlembed_dblink.dblink_connect('sqlembed', 'sqlembed_loopback');
    if not exists (
        select
        from sqlembed_dblink.dblink('sqlembed', 'select pg_catalog.pg_postmaster_start_time()') as t (started_at timestamptz)
        where t.started_at = pg_postmaster_start_time()
    ) then
        -- A copy of the data on another machine may find the original under the same name and port.
        perform sqlembed_dblink.dblink_disconnect('sqlembed');
        raise exception 'sqlembed: the loopback leads to another server'
            using errcode = 'SE007', hint = 'Run sqlembed migrate on this database.';
    end if;
    return 'sqlembed';
end
$function$;

comment on function sqlembed._open_loopback() is
    'What to give dblink to reach this session''s own database: the name of a living connection, or of the server where a connection that stays is not safe.';

revoke execute on function sqlembed._open_loopback() from public;

create or replace function sqlembed._parts(inputs text[]) returns setof text[]
language sql
immutable
set search_path = pg_catalog, pg_temp
as $function$
    select array_agg(p.input)
    from (
        select
            i.input,
            (row_number() over by_length - 1) / 1000
                + (sum(octet_length(i.input)) over by_length - octet_length(i.input)) / 65536 as part
        from unnest(_parts.inputs) as i (input)
        window by_length as (order by octet_length(i.input), i.input rows unbounded preceding)
    ) as p
    group by p.part
    order by p.part
$function$;

comment on function sqlembed._parts(text[]) is
    'Texts as so many requests: each may take its time, and others are served in between. Those of one length stand together, because models pad to the longest.';

revoke execute on function sqlembed._parts(text[]) from public;

create or replace function sqlembed._spread(inputs text[], known text[], vectors public.vector[]) returns public.vector[]
language sql
immutable
set search_path = pg_catalog, pg_temp
set jit = off
-- The planner takes every array for a short one.
set enable_nestloop = off
as $function$
    select array_agg(k.vector order by i.position)
    from unnest(_spread.inputs) with ordinality as i (input, position)
    left join unnest(_spread.known, _spread.vectors) as k (input, vector)
        on k.input = i.input and k.vector is not null
$function$;

comment on function sqlembed._spread(text[], text[], public.vector[]) is
    'Vectors of known texts in the order of others that may repeat; NULL for one that has none.';

create or replace function sqlembed._ticket(embedder text, kind text, inputs text[]) returns bytea
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    -- The inner digest has a fixed length, so nobody can lengthen a ticket that was seen. With the
    -- key in it, no ticket outlives the right that it proves.
    select sha256(
        s.value || k.key || sha256(convert_to(row(_ticket.embedder, _ticket.kind, _ticket.inputs)::text, 'UTF8'))
    )
    from sqlembed.secret as s
    join sqlembed.embedder_key as k on k.embedder = _ticket.embedder
$function$;

comment on function sqlembed._ticket(text, text, text[]) is
    'Proof, for these texts alone, that embed() has checked the caller''s right to embed; NULL for an unknown embedder.';

revoke execute on function sqlembed._ticket(text, text, text[]) from public;

create or replace function sqlembed.clear_cache(embedder text default null) returns bigint
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    known sqlembed.embedder;
    gone bigint;
begin
    if clear_cache.embedder is not null then
        select e.* into known from sqlembed.embedder as e where e.name = clear_cache.embedder;
        if known.name is null then
            raise exception 'sqlembed: unknown embedder %', quote_literal(clear_cache.embedder)
                using errcode = 'SE001', hint = 'See: select embedder, fingerprint from sqlembed.cache_use.';
        end if;
    end if;
    delete from sqlembed.cache as c
    where clear_cache.embedder is null or c.fingerprint = known.fingerprint;
    get diagnostics gone = row_count;
    return gone;
end
$function$;

comment on function sqlembed.clear_cache(text) is
    'Forget the vectors in the cache, those of one embedder or all; returns how many. The vectors of rows stay. For the owner of sqlembed.';

revoke execute on function sqlembed.clear_cache(text) from public;

create or replace function sqlembed.distance(a public.vector, b public.vector, metric text default 'cosine')
returns double precision
language plpgsql
immutable
parallel safe
as $function$
begin
    return case
        when distance.metric operator(pg_catalog.=) 'cosine' then distance.a operator(public.<=>) distance.b
        when distance.metric operator(pg_catalog.=) 'euclidean' then distance.a operator(public.<->) distance.b
        when distance.metric operator(pg_catalog.=) 'inner_product' then distance.a operator(public.<#>) distance.b
        when distance.metric operator(pg_catalog.=) 'l1' then distance.a operator(public.<+>) distance.b
        -- Always an error, which names the metrics.
        else sqlembed._metric_operator(distance.metric)::double precision
    end;
end
$function$;

comment on function sqlembed.distance(public.vector, public.vector, text) is
    'Distance of two vectors as the operator of the metric gives it: cosine (1 - cos), euclidean, inner_product (negative) or l1.';

create or replace function sqlembed.distance(a public.halfvec, b public.halfvec, metric text default 'cosine')
returns double precision
language plpgsql
immutable
parallel safe
as $function$
begin
    return case
        when distance.metric operator(pg_catalog.=) 'cosine' then distance.a operator(public.<=>) distance.b
        when distance.metric operator(pg_catalog.=) 'euclidean' then distance.a operator(public.<->) distance.b
        when distance.metric operator(pg_catalog.=) 'inner_product' then distance.a operator(public.<#>) distance.b
        when distance.metric operator(pg_catalog.=) 'l1' then distance.a operator(public.<+>) distance.b
        -- Always an error, which names the metrics.
        else sqlembed._metric_operator(distance.metric)::double precision
    end;
end
$function$;

comment on function sqlembed.distance(public.halfvec, public.halfvec, text) is
    'Distance of two vectors as the operator of the metric gives it: cosine (1 - cos), euclidean, inner_product (negative) or l1.';

create or replace function sqlembed.embed(embedder text, input text) returns public.vector
language sql
stable
parallel restricted
as $function$
    select case
        when not sqlembed._blank(embed.input) then (
            sqlembed._ask(
                embed.embedder,
                (select k.key from sqlembed.embedder_key as k where k.embedder operator(pg_catalog.=) embed.embedder),
                'query',
                array[embed.input]
            )
        )[1]
    end
$function$;

comment on function sqlembed.embed(text, text) is
    'The vector of a text; NULL for NULL, empty and blank text. Write it as a scalar sub-select, (select sqlembed.embed(...)), so that it runs once a statement.';

create or replace function sqlembed.embed_given(embedder text, input text, given public.vector, fingerprint text)
returns public.vector
language plpgsql
stable
parallel restricted
as $function$
declare
    known pg_catalog.text;
begin
    if embed_given.given is null then
        return sqlembed.embed(embed_given.embedder, embed_given.input);
    end if;
    select e.fingerprint
    into known
    from sqlembed.embedder as e
    where e.name operator(pg_catalog.=) embed_given.embedder;
    if (known operator(pg_catalog.=) embed_given.fingerprint) is not true and exists (
        select
        from sqlembed.embedder as e
        where e.fingerprint operator(pg_catalog.=) embed_given.fingerprint
            and e.name operator(pg_catalog.<>) embed_given.embedder
    ) then
        -- Made for the generation before, by a process that does not know yet that they were switched.
        return sqlembed.embed(embed_given.embedder, embed_given.input);
    end if;
    if (known operator(pg_catalog.=) embed_given.fingerprint) is not true then
        raise exception 'sqlembed: the application''s embedder % is not the one this database knows',
            pg_catalog.quote_ident(embed_given.embedder)
            using errcode = 'SE002',
                detail = pg_catalog.format(
                    'Application: %s. Database: %s.', embed_given.fingerprint, coalesce(known, 'none yet')
                ),
                hint = 'Vectors of two embedders cannot be compared. Use the same model on both sides, or let a worker register it: sqlembed worker.';
    end if;
    return embed_given.given;
end
$function$;

comment on function sqlembed.embed_given(text, text, public.vector, text) is
    'A vector that the calling process computed, refused when it comes from another embedder than the database knows; without one, and where the vector is that of another embedder of the database, embed().';

create or replace function sqlembed.embed(embedder text, inputs text[]) returns public.vector[]
language sql
stable
parallel restricted
as $function$
    select case
        when embed.inputs is not null then sqlembed._ask(
            embed.embedder,
            (select k.key from sqlembed.embedder_key as k where k.embedder operator(pg_catalog.=) embed.embedder),
            'query',
            embed.inputs
        )
    end
$function$;

comment on function sqlembed.embed(text, text[]) is
    'The vectors of several texts in one batch, in their order; NULL where a text is NULL, empty or blank.';

create or replace function sqlembed.grant_embedder(embedder text, grantee text) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    role regrole := sqlembed._grantee(grant_embedder.grantee);
begin
    update sqlembed.embedder_key as k
    set grantees = array_append(array_remove(k.grantees, role), role)
    where k.embedder = grant_embedder.embedder;
    if not found then
        raise exception 'sqlembed: unknown embedder %', coalesce(quote_literal(grant_embedder.embedder), 'NULL')
            using errcode = 'SE001', hint = 'See: select name from sqlembed.embedder.';
    end if;
end
$function$;

comment on function sqlembed.grant_embedder(text, text) is
    'Let a role, or public, embed with an embedder.';

revoke execute on function sqlembed.grant_embedder(text, text) from public;

create or replace function sqlembed.register_embedder(
    name text,
    dimensions integer,
    fingerprint text default null,
    runtime text default 'python',
    is_asymmetric boolean default false
)
returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    known sqlembed.embedder;
begin
    if register_embedder.name is null or register_embedder.name = '' or length(register_embedder.name) > 200 then
        raise exception 'sqlembed: an embedder needs a name of 1 to 200 characters' using errcode = 'SE014';
    end if;
    if register_embedder.dimensions is null or register_embedder.dimensions not between 1 and 16000 then
        raise exception 'sqlembed: dimensions must be between 1 and 16000, not %',
            coalesce(register_embedder.dimensions::text, 'NULL')
            using errcode = 'SE014';
    end if;
    if register_embedder.runtime is distinct from 'python' then
        raise exception 'sqlembed: unknown runtime %', coalesce(quote_literal(register_embedder.runtime), 'NULL')
            using errcode = 'SE014', hint = 'The runtime is ''python'': a worker computes the vectors.';
    end if;

    insert into sqlembed.embedder (name, dimensions, fingerprint, runtime, is_asymmetric)
    values (
        register_embedder.name, register_embedder.dimensions, register_embedder.fingerprint,
        register_embedder.runtime, register_embedder.is_asymmetric
    )
    on conflict on constraint embedder_pkey do nothing;
    if found then
        insert into sqlembed.embedder_key (embedder, key)
        values (
            register_embedder.name,
            sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8'))
        );
        if sqlembed._has_roles() then
            perform sqlembed.grant_embedder(register_embedder.name, 'sqlembed_reader');
        end if;
        return;
    end if;

    select e.* into known from sqlembed.embedder as e where e.name = register_embedder.name for no key update;
    if known.dimensions <> register_embedder.dimensions then
        raise exception 'sqlembed: embedder % is registered with % dimensions, not %',
            quote_ident(known.name), known.dimensions, register_embedder.dimensions
            using errcode = 'SE002',
                hint = 'Vectors of two embedders cannot be mixed: give the new one a name of its own.';
    end if;
    if known.fingerprint <> register_embedder.fingerprint then
        raise exception 'sqlembed: embedder % is registered with another fingerprint', quote_ident(known.name)
            using errcode = 'SE002',
                detail = format('Registered: %s. Given: %s.', known.fingerprint, register_embedder.fingerprint),
                hint = 'Its vectors would not be comparable with those already stored: give the new one a name of its own.';
    end if;
    if known.fingerprint is null and register_embedder.fingerprint is not null then
        update sqlembed.embedder as e
        set fingerprint = register_embedder.fingerprint, is_asymmetric = register_embedder.is_asymmetric
        where e.name = register_embedder.name;
    end if;
end
$function$;

comment on function sqlembed.register_embedder(text, integer, text, text, boolean) is
    'Make an embedder known. Registering it again is no error; with other dimensions or another fingerprint it is refused.';

revoke execute on function sqlembed.register_embedder(text, integer, text, text, boolean) from public;

create or replace function sqlembed.revoke_embedder(embedder text, grantee text) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    role regrole := sqlembed._grantee(revoke_embedder.grantee);
begin
    -- A new key: whoever noted the old one down has lost the right as well.
    update sqlembed.embedder_key as k
    set
        grantees = array_remove(k.grantees, role),
        key = sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8'))
    where k.embedder = revoke_embedder.embedder;
    if not found then
        raise exception 'sqlembed: unknown embedder %', coalesce(quote_literal(revoke_embedder.embedder), 'NULL')
            using errcode = 'SE001', hint = 'See: select name from sqlembed.embedder.';
    end if;
end
$function$;

comment on function sqlembed.revoke_embedder(text, text) is
    'Take the right to embed with an embedder back from a role, or from public.';

revoke execute on function sqlembed.revoke_embedder(text, text) from public;

create or replace function sqlembed.similarity(embedder text, a text, b text) returns double precision
language plpgsql
stable
parallel restricted
as $function$
declare
    both_vectors public.vector[];
begin
    both_vectors := sqlembed._ask(
        similarity.embedder,
        (select k.key from sqlembed.embedder_key as k where k.embedder operator(pg_catalog.=) similarity.embedder),
        'document',
        array[similarity.a, similarity.b]
    );
    return 1 operator(pg_catalog.-) (both_vectors[1] operator(public.<=>) both_vectors[2]);
end
$function$;

comment on function sqlembed.similarity(text, text, text) is
    'Cosine of the vectors of two texts, -1 to 1; NULL when one of them is NULL, empty or blank.';

create or replace function sqlembed._acts_for_owner(relation regclass) returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    -- Asked where current_user is the owner of sqlembed.
    select
        coalesce(
            (select pg_has_role(session_user, c.relowner, 'member') from pg_class as c where c.oid = _acts_for_owner.relation),
            false
        )
        or has_function_privilege(session_user, 'sqlembed._stop_worker(integer)', 'execute')
$function$;

comment on function sqlembed._acts_for_owner(regclass) is
    'Whether the session is a worker''s, or may act as the owner of a table.';

revoke execute on function sqlembed._acts_for_owner(regclass) from public;

create or replace function sqlembed._attach_triggers(declared sqlembed.embedding) returns void
language plpgsql
volatile
-- A canonical expression means what it says there, whatever the caller's search_path.
set search_path = pg_catalog, pg_temp
as $function$
declare
    members regclass[] := (_attach_triggers.declared).relation
        operator(pg_catalog.||) sqlembed._members((_attach_triggers.declared).relation);
    is_partitioned boolean;
    present record;
    source text;
    wanted record;
    member regclass;
begin
    perform sqlembed._make_note_function((_attach_triggers.declared).id);
    perform sqlembed._make_row_functions((_attach_triggers.declared).id);
    select c.relkind operator(pg_catalog.=) 'p'
    into is_partitioned
    from pg_catalog.pg_class as c
    where c.oid operator(pg_catalog.=) (_attach_triggers.declared).relation;
    select p.* into present from sqlembed._present_columns(_attach_triggers.declared) as p;
    source := sqlembed._renamed_source(
        (_attach_triggers.declared).relation,
        (_attach_triggers.declared).source,
        (_attach_triggers.declared).source_columns,
        present.source
    );
    if source is null then
        raise exception 'sqlembed: a column of the source of % is gone', (_attach_triggers.declared).relation
            using errcode = 'SE012',
                hint = pg_catalog.format(
                    'Declare it anew, after: select sqlembed.drop_embedding(%L, %L).',
                    (_attach_triggers.declared).relation, (_attach_triggers.declared).name
                );
    end if;
    foreach member in array members
    loop
        for wanted in select w.* from sqlembed._wanted_triggers(_attach_triggers.declared) as w
        loop
            -- Partitions get the row triggers of their parent.
            continue when wanted.is_row and is_partitioned
                and member operator(pg_catalog.<>) (_attach_triggers.declared).relation;
            execute pg_catalog.format(
                'create or replace trigger %I %s %s execute function sqlembed.%I(%s)',
                wanted.name,
                pg_catalog.format(wanted.definition, member),
                case
                    -- An ORM that writes the old vector back beside a new text gets NULL; a client's
                    -- new vector is kept.
                    when wanted.function operator(pg_catalog.~) '^_hide_' then pg_catalog.format(
                        'when ((%s) is distinct from (%s) and pg_catalog.record_image_eq(row(old.%3$I), row(new.%3$I)))',
                        sqlembed._row_source(member, source, 'old'),
                        sqlembed._row_source(member, source, 'new'),
                        present.vector
                    )
                    when wanted.name operator(pg_catalog.~) '^sqlembed_update_' and wanted.fires operator(pg_catalog.=) 'A'
                    then pg_catalog.format('when (new.%I is null)', present.vector)
                end,
                wanted.function,
                case when wanted.function operator(pg_catalog.=) '_embed_statement' then (_attach_triggers.declared).id end
            );
            execute pg_catalog.format(
                'alter table %s enable %s trigger %I',
                member,
                case wanted.fires when 'A' then 'always' when 'R' then 'replica' end,
                wanted.name
            );
        end loop;
    end loop;
    perform sqlembed._drop_triggers(
        (_attach_triggers.declared).id,
        array(select w.name from sqlembed._wanted_triggers(_attach_triggers.declared) as w),
        members
    );
end
$function$;

comment on function sqlembed._attach_triggers(sqlembed.embedding) is
    'Put the triggers of an embedding on its table and the children of it, as they are wanted, and take off others of its own.';

create or replace function sqlembed._base_columns(relation regclass, columns name[]) returns name[]
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    select array(
        select a.attname
        from pg_attribute as a
        where a.attrelid = _base_columns.relation
            and a.attgenerated = ''
            and not a.attisdropped
            and (
                a.attname = any (_base_columns.columns)
                or exists (
                    select
                    from pg_attribute as g
                    join pg_attrdef as e on e.adrelid = g.attrelid and e.adnum = g.attnum
                    join pg_depend as d
                        on d.classid = 'pg_attrdef'::regclass
                        and d.objid = e.oid
                        and d.refclassid = 'pg_class'::regclass
                        and d.refobjid = g.attrelid
                    where g.attrelid = a.attrelid
                        and g.attgenerated <> ''
                        and g.attname = any (_base_columns.columns)
                        and d.refobjsubid = a.attnum
                )
            )
        order by a.attnum
    )
$function$;

comment on function sqlembed._base_columns(regclass, name[]) is
    'Columns of a table that decide what others hold: in place of a generated column, those that it is made from. Triggers do not see the generated one, or not yet.';

create or replace function sqlembed._build_index(
    declared sqlembed.embedding,
    replaced regclass default null
)
returns void
language plpgsql
volatile
as $function$
declare
    declared sqlembed.embedding := _build_index.declared;
    -- What holds the vectors.
    holder regclass := coalesce(declared.side, declared.relation);
    indexed record := sqlembed._indexed(
        declared.index, declared.index_options, declared.storage, declared.dimensions, declared.metric,
        pg_catalog.quote_ident(declared.name)
    );
    made name;
begin
    if sqlembed._has_index(
        holder, indexed.expression, indexed.operator_class, sqlembed._index_parameters(declared.index_options),
        _build_index.replaced
    ) then
        return;
    end if;
    made := pg_catalog.left(
        pg_catalog.format(
            '%s_%s_%s',
            (select c.relname from pg_catalog.pg_class as c where c.oid operator(pg_catalog.=) declared.relation),
            declared.name,
            declared.index
        ),
        50
    ) || '_' || declared.id;
    execute sqlembed._index_sql(
        made, holder, declared.name, declared.index, declared.index_options, declared.storage, declared.dimensions,
        declared.metric
    );
    update sqlembed.embedding as e
    set index_name = made
    where e.id operator(pg_catalog.=) declared.id;
end
$function$;

comment on function sqlembed._build_index(sqlembed.embedding, regclass) is
    'Build the index of an embedding, unless an equal one is there that is not to be replaced.';

create or replace function sqlembed._canonical_source(
    relation regclass,
    source text,
    out expression text,
    out columns name[]
)
language plpgsql
volatile
as $function$
declare
    view_name text := 'sqlembed_source_' || pg_catalog.replace(pg_catalog.gen_random_uuid()::text, '-', '');
    view_oid pg_catalog.oid;
    statement text;
    tree text;
    definition text;
    type_name text;
    type_category "char";
    problem text;
begin
    statement := pg_catalog.format(
        'select (%s%s) as %I from %s as %I',
        _canonical_source.source,
        E'\n',
        view_name,
        _canonical_source.relation,
        (select c.relname from pg_catalog.pg_class as c where c.oid operator(pg_catalog.=) _canonical_source.relation)
    );
    begin
        -- A cursor takes a single statement, whatever the source is made of, and EXPLAIN runs none.
        for problem in execute 'explain ' || statement
        loop
            exit;
        end loop;
        execute pg_catalog.format('create temporary view %I as %s', view_name, statement);
        view_oid := pg_catalog.to_regclass('pg_temp.' || view_name);
        definition := sqlembed._view_definition(view_oid);
        select
            (select r.ev_action::text from pg_catalog.pg_rewrite as r where r.ev_class operator(pg_catalog.=) view_oid),
            pg_catalog.format_type(a.atttypid, a.atttypmod),
            t.typcategory
        into tree, type_name, type_category
        from pg_catalog.pg_attribute as a
        join pg_catalog.pg_type as t on t.oid operator(pg_catalog.=) a.atttypid
        where a.attrelid operator(pg_catalog.=) view_oid and a.attnum operator(pg_catalog.=) 1;
        select pg_catalog.array_agg(a.attname order by a.attnum)
        into _canonical_source.columns
        from pg_catalog.pg_attribute as a
        where a.attrelid operator(pg_catalog.=) _canonical_source.relation
            and exists (
                select
                from pg_catalog.pg_depend as d
                join pg_catalog.pg_rewrite as r
                    on r.oid operator(pg_catalog.=) d.objid and r.ev_class operator(pg_catalog.=) view_oid
                where d.classid operator(pg_catalog.=) 'pg_catalog.pg_rewrite'::pg_catalog.regclass
                    and d.refobjid operator(pg_catalog.=) a.attrelid
                    and d.refobjsubid operator(pg_catalog.=) a.attnum
            );
        problem := case
            when tree operator(pg_catalog.~) ':hasSubLinks true' then 'it reads another table or has a sub-select'
            when tree operator(pg_catalog.~) ':hasAggs true|:hasWindowFuncs true|:hasTargetSRFs true'
                then 'it has an aggregate, a window function or returns several rows'
            when tree operator(pg_catalog.~) '[{]VAR :varno [0-9]+ :varattno 0 ' then 'it uses the whole row'
            when tree operator(pg_catalog.~) '[{]VAR :varno [0-9]+ :varattno -' then 'it uses a system column'
            when definition operator(pg_catalog.!~) pg_catalog.format(E' AS %s[[:space:]]+FROM [^\n]*;$', view_name)
                or exists (
                    select
                    from pg_catalog.pg_attribute as a
                    where a.attrelid operator(pg_catalog.=) view_oid and a.attnum operator(pg_catalog.>) 1
                )
                then 'it is more than an expression'
            when _canonical_source.columns is null then 'it uses no column'
            when type_category operator(pg_catalog.<>) 'S'
                then pg_catalog.format('it is of type %s; cast it: (%s)::text', type_name, _canonical_source.source)
            else sqlembed._unsteady_part(tree)
        end;
        execute pg_catalog.format('drop view pg_temp.%I', view_name);
    exception when others then
        raise exception 'sqlembed: the source expression is not valid: %', sqlerrm
            using errcode = 'SE012',
                hint = pg_catalog.format(
                    'It is a SQL expression over one row of %s, such as: title || '' '' || body.', _canonical_source.relation
                );
    end;
    if problem is not null then
        raise exception 'sqlembed: the source expression is not suitable: %', problem
            using errcode = 'SE012',
                hint = pg_catalog.format(
                    'It is text made from the columns of one row of %s, such as: title || '' '' || body.',
                    _canonical_source.relation
                );
    end if;
    _canonical_source.expression := pg_catalog.regexp_replace(
        pg_catalog.regexp_replace(definition, '^[[:space:]]*SELECT[[:space:]]+', ''), ' AS ' || view_name || '[[:space:]].*$', ''
    );
    _canonical_source.expression := sqlembed._unqualified(
        _canonical_source.expression,
        (select c.relname from pg_catalog.pg_class as c where c.oid operator(pg_catalog.=) _canonical_source.relation),
        _canonical_source.columns
    );
end
$function$;

comment on function sqlembed._canonical_source(regclass, text) is
    'The source expression as PostgreSQL itself writes it, every name qualified, and the columns it uses. It runs with the rights and the search_path of the caller.';

create or replace function sqlembed._check_adopted(
    relation regclass,
    embedding name,
    embedder text,
    source text,
    metric text,
    place text,
    is_chunked boolean
)
returns void
language plpgsql
volatile
as $function$
declare
    side regclass;
begin
    if _check_adopted.is_chunked then
        raise exception 'sqlembed: adopt => ''check'' is not available for chunks'
            using errcode = 'SE014',
                hint = 'With adopt => ''keep'' those whose text is still the same stay, with ''recompute'' none.';
    end if;
    if _check_adopted.place operator(pg_catalog.=) 'side' then
        side := (
            select pg_catalog.to_regclass(
                pg_catalog.format(
                    '%I.%I', n.nspname,
                    sqlembed._side_name(pg_catalog.format('%s_%s', c.relname, _check_adopted.embedding))
                )
            )
            from pg_catalog.pg_class as c
            join pg_catalog.pg_namespace as n on n.oid operator(pg_catalog.=) c.relnamespace
            where c.oid operator(pg_catalog.=) _check_adopted.relation
        );
        if side is null then
            return;
        end if;
        perform sqlembed._refuse_side(_check_adopted.relation, side, _check_adopted.embedding, false);
    end if;
    if (select k.columns from sqlembed._key_sql(_check_adopted.relation) as k) is null then
        return;
    end if;
    perform sqlembed._check_vectors(
        _check_adopted.relation, _check_adopted.embedding, _check_adopted.embedder,
        (select c.expression from sqlembed._canonical_source(_check_adopted.relation, _check_adopted.source) as c),
        _check_adopted.metric, side
    );
end
$function$;

comment on function sqlembed._check_adopted(regclass, name, text, text, text, text, boolean) is
    'Compare what a column or a side table holds, where it is there already, with what the embedder makes of the texts. For create_embedding.';

create or replace function sqlembed._check_choice(
    argument text,
    given text,
    choices text[],
    planned text[] default '{}'
)
returns void
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $function$
begin
    if _check_choice.given = any (_check_choice.choices) then
        return;
    end if;
    raise exception 'sqlembed: % => % is not %',
        _check_choice.argument,
        coalesce(quote_literal(_check_choice.given), 'NULL'),
        case when _check_choice.given = any (_check_choice.planned) then 'available in this version' else 'known' end
        using errcode = 'SE014',
            hint = format('Choose from: %s.', array_to_string(_check_choice.choices, ', '));
end
$function$;

comment on function sqlembed._check_choice(text, text, text[], text[]) is
    'An error that names the choices when an argument is none of them.';

create or replace function sqlembed._check_declaration() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $function$
begin
    -- What numbers mean is looked up here, of what was declared and of what it was altered to.
    new.vector_number := (sqlembed._column_numbers(coalesce(new.side, new.relation), array[new.name]))[1];
    new.source_numbers := sqlembed._column_numbers(new.relation, new.source_columns);
    new.numbered_in := new.relation::oid;
    if not exists (select from sqlembed.embedder_key as k where k.embedder = new.embedder) then
        raise exception 'sqlembed: permission denied for embedder %', quote_ident(new.embedder)
            using errcode = '42501',
                hint = format('Its owner can say: select sqlembed.grant_embedder(%L, %L).', new.embedder, current_user);
    end if;
    new.chunking := sqlembed._checked_chunking(new.chunking);
    -- They become part of a statement, which an administrator may run.
    new.index_options := sqlembed._check_index(new.index, new.index_options);
    if new.generation_of is not null and not exists (
        select from sqlembed.embedding as e where e.id = new.generation_of and e.relation = new.relation and e.place = new.place
    ) then
        raise exception 'sqlembed: a generation stands beside an embedding of the same table'
            using errcode = 'SE014', hint = 'select sqlembed.create_generation(...) declares one.';
    end if;
    if tg_op = 'UPDATE' then
        return new;
    end if;
    -- Owners of tables may insert here, and what they write about the key becomes SQL that runs with
    -- the rights of the owner of sqlembed.
    perform sqlembed._check_relation(new.relation);
    if new.side is not null then
        -- Workers write to it with their own rights.
        perform sqlembed._check_relation(new.side);
        perform sqlembed._refuse_side(new.relation, new.side, new.name, new.chunking is not null);
    end if;
    select
        k.columns,
        sqlembed._column_types(new.relation, k.columns),
        k.expression
    into new.key_columns, new.key_types, new.key_expression
    from sqlembed._key_sql(new.relation) as k;
    new.members := sqlembed._members(new.relation);
    return new;
end
$function$;

comment on function sqlembed._check_declaration() is
    'Row trigger of embedding: whoever declares or alters one must own the table and may use the embedder, and what belongs to the key is never taken from the user.';

create or replace trigger check_declaration
before insert or update of
    embedder, dimensions, declared_source, timing, on_change, metric, storage, index, index_options, chunking,
    generation_of
on sqlembed.embedding
for each row execute function sqlembed._check_declaration();

create or replace function sqlembed._check_family(relation regclass, embedding name) returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    other regclass;
begin
    if (select c.relispartition from pg_class as c where c.oid = _check_family.relation) then
        raise exception 'sqlembed: % is a partition', _check_family.relation
            using errcode = 'SE010',
                hint = format('Embed %s: its rows move from one partition to another.', pg_partition_root(_check_family.relation)::regclass);
    end if;
    select e.relation
    into other
    from sqlembed.embedding as e
    where e.name = _check_family.embedding
        and e.relation <> _check_family.relation
        and (
            e.relation = any (sqlembed._members(_check_family.relation))
            or _check_family.relation = any (sqlembed._members(e.relation))
        );
    if found then
        raise exception 'sqlembed: column % of % is an embedding of %, which is of the same family',
            quote_ident(_check_family.embedding), _check_family.relation, other
            using errcode = 'SE011', hint = format('One declaration does for parent and children: see %s.', other);
    end if;
end
$function$;

comment on function sqlembed._check_family(regclass, name) is
    'An error when a table is a partition, or a parent or child of it keeps the same column.';

create or replace function sqlembed._check_index(index text, options jsonb) returns jsonb
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $function$
declare
    known text[] := case _check_index.index
        when 'none' then '{}'::text[]
        when 'prefix' then '{dimensions,m,ef_construction}'
        else '{m,ef_construction}'
    end;
    option record;
    lowest integer;
    highest integer;
begin
    perform sqlembed._check_choice('index', _check_index.index, '{hnsw,binary,prefix,none}', '{ivfflat}');
    if jsonb_typeof(_check_index.options) <> 'object' then
        raise exception 'sqlembed: index_options => % is not an object', quote_literal(_check_index.options::text)
            using errcode = 'SE014', hint = 'For example: index_options => ''{"m": 24, "ef_construction": 128}''.';
    end if;
    for option in select o.key, o.value from jsonb_each(_check_index.options) as o loop
        if option.key <> all (known) then
            raise exception 'sqlembed: index => % has no option %', quote_literal(_check_index.index), quote_literal(option.key)
                using errcode = 'SE014',
                    hint = coalesce('Choose from: ' || nullif(array_to_string(known, ', '), '') || '.', 'Leave index_options out.');
        end if;
        select l.lowest, l.highest
        into lowest, highest
        from (values ('m', 2, 100), ('ef_construction', 4, 1000), ('dimensions', 1, 15999)) as l (key, lowest, highest)
        where l.key = option.key;
        if option.value::text !~ '^[0-9]{1,5}$' or option.value::text::integer not between lowest and highest then
            raise exception 'sqlembed: % in index_options must be a whole number from % to %, not %',
                option.key, lowest, highest, option.value
                using errcode = 'SE014',
                    hint = case option.key
                        when 'dimensions' then 'So many of the first dimensions are indexed; all of them rank what is found.'
                        when 'm' then 'It is how many neighbours a row is linked with; without it 16.'
                        else 'It is how many rows are looked at to find them; without it 64.'
                    end;
        end if;
    end loop;
    if _check_index.index = 'prefix' and (_check_index.options -> 'dimensions') is null then
        raise exception 'sqlembed: index => ''prefix'' needs the number of dimensions to index'
            using errcode = 'SE014', hint = 'For example: index_options => ''{"dimensions": 256}''.';
    end if;
    if coalesce((_check_index.options ->> 'ef_construction')::integer, 64)
        < 2 * coalesce((_check_index.options ->> 'm')::integer, 16)
    then
        raise exception 'sqlembed: ef_construction in index_options must be at least twice m'
            using errcode = 'SE014', hint = 'Without them, m is 16 and ef_construction 64.';
    end if;
    return nullif(_check_index.options, '{}');
end
$function$;

comment on function sqlembed._check_index(text, jsonb) is
    'An error when no index can be built like that. Returns the options, NULL where there are none.';

create or replace function sqlembed._check_name() returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $function$
begin
    if new.name <> sqlembed._vector_name(old) then
        raise exception 'sqlembed: the vectors of embedding % do not stand in %', old.id, quote_ident(new.name)
            using errcode = '42501', hint = 'A declaration follows its column: rename that.';
    end if;
    return new;
end
$function$;

comment on function sqlembed._check_name() is
    'Row trigger of embedding: what a declaration is called is what its column is called.';

create or replace trigger check_name
before update of name on sqlembed.embedding
for each row when (old.name <> new.name) execute function sqlembed._check_name();

create or replace function sqlembed._check_options(
    timing text,
    on_change text,
    metric text,
    storage text,
    place text
)
returns void
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $function$
begin
    perform sqlembed._check_choice('timing', _check_options.timing, '{async,sync}');
    perform sqlembed._check_choice('on_change', _check_options.on_change, '{hide,keep}');
    perform sqlembed._check_choice('metric', _check_options.metric, '{cosine,euclidean,inner_product,l1}');
    if _check_options.storage is not null then
        perform sqlembed._check_choice('storage', _check_options.storage, '{vector,halfvec}');
    end if;
    perform sqlembed._check_choice('place', _check_options.place, '{row,side}');
    if _check_options.timing = 'sync' and _check_options.place = 'side' then
        raise exception 'sqlembed: timing ''sync'' with place ''side'' is not available in this version'
            using errcode = 'SE014', hint = 'Say place => ''row'', or timing => ''async''.';
    end if;
end
$function$;

comment on function sqlembed._check_options(text, text, text, text, text) is
    'An error when an option of a declaration is none of its choices, or does not go with another one.';

create or replace function sqlembed._check_relation(relation regclass) returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    found record;
begin
    select c.relkind, c.relowner, c.relpersistence into found from pg_class as c where c.oid = _check_relation.relation;
    if found is null then
        raise exception 'sqlembed: no such table' using errcode = 'SE010', hint = 'Give the name of a table.';
    end if;
    if found.relkind not in ('r', 'p') then
        raise exception 'sqlembed: % is not a table', _check_relation.relation
            using errcode = 'SE010', hint = 'Embed the table that it reads from.';
    end if;
    if found.relpersistence = 't' then
        raise exception 'sqlembed: % is a temporary table, which no worker can see', _check_relation.relation
            using errcode = 'SE010', hint = 'Use an ordinary or an unlogged table.';
    end if;
    if not pg_has_role(found.relowner, 'usage') then
        raise exception 'sqlembed: must be owner of table %', _check_relation.relation
            using errcode = '42501', hint = format('Its owner is %s.', found.relowner::regrole);
    end if;
end
$function$;

comment on function sqlembed._check_relation(regclass) is
    'An error when a relation cannot have embeddings, or is not the caller''s.';

create or replace function sqlembed._check_vectors(
    relation regclass,
    embedding name,
    embedder text,
    source text,
    metric text,
    side regclass
)
returns void
language plpgsql
volatile
as $function$
declare
    sample_size constant integer := 100;
    -- Other batches and other machines change the last digits, halfvec and quantised models more of them;
    -- another model, prompt or text is far beyond it.
    tolerance constant double precision := 0.01;
    vector_sql text := pg_catalog.format('%s.%I::public.vector', case when side is null then 'r' else 's' end, _check_vectors.embedding);
    known integer;
    sample record;
    compared record;
begin
    -- Of a column that does not fit the embedder, which may be no vector at all, others tell.
    select e.dimensions
    into known
    from sqlembed.embedder as e
    where e.name operator(pg_catalog.=) _check_vectors.embedder;
    if not exists (
        select
        from pg_catalog.pg_attribute as a
        join pg_catalog.pg_type as t on t.oid operator(pg_catalog.=) a.atttypid
        where a.attrelid operator(pg_catalog.=) coalesce(_check_vectors.side, _check_vectors.relation)
            and a.attname operator(pg_catalog.=) _check_vectors.embedding
            and not a.attisdropped
            and t.typname in ('vector', 'halfvec')
            and a.atttypmod in (-1, coalesce(known, a.atttypmod))
    ) then
        return;
    end if;
    execute pg_catalog.format(
        'select pg_catalog.array_agg(c.key) as keys, pg_catalog.array_agg(c.input) as inputs, '
        'pg_catalog.array_agg(c.vector) as vectors '
        'from ('
        'select %s as key, (select (%s)::pg_catalog.text from (select r.*) as r) as input, %s as vector from %s'
        ') as c where not sqlembed._blank(c.input)',
        (select k.expression from sqlembed._key_sql(_check_vectors.relation) as k),
        _check_vectors.source,
        vector_sql,
        case
            when _check_vectors.side is null
            then pg_catalog.format(
                '(select * from %s as r where r.%I is not null order by pg_catalog.random() limit %s) as r',
                _check_vectors.relation, _check_vectors.embedding, sample_size
            )
            else pg_catalog.format(
                -- Of an older text the vector is made anew in any case.
                '(select * from %s order by pg_catalog.random() limit %s) as s join %s as r on %s '
                'and s.source_hash operator(pg_catalog.=) pg_catalog.sha256(pg_catalog.convert_to('
                '(select (%s)::pg_catalog.text from (select r.*) as r), ''UTF8''))',
                _check_vectors.side, sample_size, _check_vectors.relation,
                sqlembed._side_match(_check_vectors.relation, _check_vectors.side, 'r', 's'), _check_vectors.source
            )
        end
    )
    into sample;
    if sample.keys is null then
        raise notice 'sqlembed: % of % holds no vectors that could be compared',
            pg_catalog.quote_ident(_check_vectors.embedding), _check_vectors.relation;
        return;
    end if;

    select
        pg_catalog.count(*) as size,
        pg_catalog.percentile_cont(0.5) within group (order by d.distance) as median,
        pg_catalog.max(d.distance) as largest,
        pg_catalog.count(*) filter (where d.distance operator(pg_catalog.>) tolerance) as wrong,
        pg_catalog.max(d.stretch) as stretch,
        (pg_catalog.array_agg(d.key order by d.distance desc))[1] as worst
    into compared
    from (
        select
            v.key,
            -- Vectors of nothing but zeros have no direction.
            case
                when public.vector_dims(v.present) operator(pg_catalog.<>) public.vector_dims(v.made) then 2
                else coalesce(
                    nullif(greatest(v.present operator(public.<=>) v.made, 0), 'NaN'),
                    case when v.present operator(public.=) v.made then 0 else 1 end
                )
            end as distance,
            pg_catalog.abs(
                public.vector_norm(v.present) operator(pg_catalog./) nullif(public.vector_norm(v.made), 0) operator(pg_catalog.-) 1
            ) as stretch
        from rows from (
            pg_catalog.unnest(sample.keys),
            pg_catalog.unnest(sample.vectors),
            pg_catalog.unnest(
                sqlembed._ask(
                    _check_vectors.embedder,
                    (select k.key from sqlembed.embedder_key as k where k.embedder operator(pg_catalog.=) _check_vectors.embedder),
                    'document',
                    sample.inputs
                )
            )
        ) as v (key, present, made)
    ) as d;
    raise notice 'sqlembed: % vectors of % were computed again by %: cosine distance median %, largest %',
        compared.size, pg_catalog.quote_ident(_check_vectors.embedding), pg_catalog.quote_ident(_check_vectors.embedder),
        pg_catalog.round(compared.median::numeric, 6), pg_catalog.round(compared.largest::numeric, 6);
    if compared.wrong operator(pg_catalog.>) 0 then
        raise exception 'sqlembed: of % vectors of %, % are not those that % makes of their texts: cosine distance median %, largest %',
            compared.size, pg_catalog.quote_ident(_check_vectors.embedding), compared.wrong,
            pg_catalog.quote_ident(_check_vectors.embedder), pg_catalog.round(compared.median::numeric, 6),
            pg_catalog.round(compared.largest::numeric, 6)
            using errcode = 'SE011',
                detail = pg_catalog.format('The row furthest off has the key %s; up to %s is taken for the same.', compared.worst, tolerance),
                hint = case
                    when compared.median operator(pg_catalog.<=) tolerance
                    then 'Probably these texts have changed since. Set the vectors of such rows to NULL first, or embed all with adopt => ''recompute''.'
                    else 'They were made by another embedder, or of another text. Name that embedder and source, or embed all with adopt => ''recompute''.'
                end;
    end if;
    -- An angle does not see it.
    if _check_vectors.metric operator(pg_catalog.<>) 'cosine' and compared.stretch operator(pg_catalog.>) tolerance then
        raise exception 'sqlembed: vectors of % are not as long as those that % makes of their texts',
            pg_catalog.quote_ident(_check_vectors.embedding), pg_catalog.quote_ident(_check_vectors.embedder)
            using errcode = 'SE011',
                hint = 'Lengths count for every metric but cosine: say metric => ''cosine'', or embed all with adopt => ''recompute''.';
    end if;
end
$function$;

comment on function sqlembed._check_vectors(regclass, name, text, text, text, regclass) is
    'An error when the vectors that a column holds are not those that an embedder makes of the texts beside them: up to 100 rows, picked at random, are computed again and compared. It runs with the rights of the caller.';

create or replace function sqlembed._checked_chunking(chunking jsonb) returns jsonb
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $function$
declare
    given jsonb := _checked_chunking.chunking;
    problem text;
    unit text;
begin
    if given is null then
        return null;
    end if;
    if jsonb_typeof(given) <> 'object' then
        problem := format('is an object, not %s', jsonb_typeof(given));
    elsif exists (
        select from jsonb_object_keys(given) as k (name) where k.name <> all ('{tokens,characters,overlap,format,headings}')
    ) then
        problem := format(
            'has no %s',
            (
                select string_agg(quote_literal(k.name), ', ')
                from jsonb_object_keys(given) as k (name)
                where k.name <> all ('{tokens,characters,overlap,format,headings}')
            )
        );
    elsif (given ? 'tokens') = (given ? 'characters') then
        problem := 'needs one of tokens and characters';
    end if;
    if problem is null then
        unit := case when given ? 'tokens' then 'tokens' else 'characters' end;
        given := '{"overlap": 0, "format": "plain", "headings": false}' || given;
        problem := case
            when (jsonb_typeof(given -> unit) = 'number' and given ->> unit ~ '^[0-9]+$' and given -> unit between '8' and '1000000')
                is not true
                then format('%s must be a whole number from 8 to 1000000, not %s', unit, given -> unit)
            when (jsonb_typeof(given -> 'overlap') = 'number' and given ->> 'overlap' ~ '^[0-9]+$') is not true
                then format('overlap must be a whole number of %s from 0 on, not %s', unit, given -> 'overlap')
            when given -> 'overlap' >= given -> unit
                then format('overlap (%s) must be less than %s (%s)', given -> 'overlap', unit, given -> unit)
            when given -> 'format' not in ('"plain"', '"markdown"')
                then format('format must be "plain" or "markdown", not %s', given -> 'format')
            when jsonb_typeof(given -> 'headings') <> 'boolean'
                then format('headings must be true or false, not %s', given -> 'headings')
            when given -> 'headings' = 'true' and given -> 'format' <> '"markdown"'
                then 'headings needs format "markdown", which says what a heading is'
        end;
    end if;
    if problem is not null then
        raise exception 'sqlembed: chunking %', problem
            using errcode = 'SE014',
                hint = 'Such as chunking => ''{"tokens": 256, "overlap": 32, "format": "markdown", "headings": true}''; {"characters": 1000} goes with embedders that count no tokens.';
    end if;
    return given;
end
$function$;

comment on function sqlembed._checked_chunking(jsonb) is
    'How long texts are cut, with everything that was left out; an error for what cannot be.';

create or replace function sqlembed._column_numbers(relation regclass, columns name[]) returns smallint[]
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    select array(
        select a.attnum
        from unnest(_column_numbers.columns) with ordinality as c (name, position)
        left join pg_attribute as a
            on a.attrelid = _column_numbers.relation and a.attname = c.name and a.attnum > 0 and not a.attisdropped
        order by c.position
    )
$function$;

comment on function sqlembed._column_numbers(regclass, name[]) is
    'Numbers of columns, which they keep whatever they are called; NULL for one that is missing.';

create or replace function sqlembed._drop_note_function(embedding integer) returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    made text;
begin
    if exists (select from sqlembed.embedding as e where e.id = _drop_note_function.embedding) then
        return;
    end if;
    foreach made in array array['_note_', '_note_row_', '_hide_']
    loop
        made := format('sqlembed.%I()', made || _drop_note_function.embedding);
        if not exists (select from pg_trigger as t where t.tgfoid = to_regprocedure(made)) then
            execute format('drop function if exists %s', made);
        end if;
    end loop;
end
$function$;

comment on function sqlembed._drop_note_function(integer) is
    'Remove the trigger functions of an embedding that is no more, once no trigger calls them. Harmless in anybody''s hands.';

create or replace function sqlembed._drop_triggers(embedding integer, kept name[], members regclass[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    found record;
begin
    for found in
        select t.tgname, t.tgrelid::regclass as relation
        from pg_trigger as t
        where (
            t.tgfoid in (
                to_regprocedure(format('sqlembed.%I()', '_note_' || _drop_triggers.embedding)),
                to_regprocedure(format('sqlembed.%I()', '_note_row_' || _drop_triggers.embedding)),
                to_regprocedure(format('sqlembed.%I()', '_hide_' || _drop_triggers.embedding))
            )
            or t.tgfoid = 'sqlembed._embed_statement()'::regprocedure
            and t.tgname = 'sqlembed_vectors_' || _drop_triggers.embedding
        )
            and t.tgparentid = 0
            and not (t.tgname = any (_drop_triggers.kept) and t.tgrelid = any (_drop_triggers.members))
        order by t.tgrelid, t.tgname
    loop
        execute format('drop trigger %I on %s', found.tgname, found.relation);
    end loop;
end
$function$;

comment on function sqlembed._drop_triggers(integer, name[], regclass[]) is
    'Take the triggers of an embedding off every table, but for those of some names on some tables.';

create or replace function sqlembed._empty_column(present sqlembed.embedding, wanted sqlembed.embedding) returns void
language plpgsql
volatile
as $function$
declare
    holder regclass := coalesce((_empty_column.present).side, (_empty_column.present).relation);
    old_column record;
    granted record;
begin
    perform sqlembed._refuse_clustered(holder, (_empty_column.present).name);
    select a.attacl, pg_catalog.col_description(a.attrelid, a.attnum) as description
    into old_column
    from pg_catalog.pg_attribute as a
    where a.attrelid operator(pg_catalog.=) holder
        and a.attname operator(pg_catalog.=) (_empty_column.present).name
        and not a.attisdropped;
    if (_empty_column.present).side is not null then
        -- By its hash alone a row would pass for one that has its vector.
        execute pg_catalog.format('truncate %s', holder);
    end if;
    execute pg_catalog.format('alter table %s drop column %I', holder, (_empty_column.present).name);
    perform sqlembed._prepare_column(
        holder, (_empty_column.present).name, (_empty_column.wanted).embedder, (_empty_column.wanted).index,
        (_empty_column.wanted).index_options, (_empty_column.wanted).storage
    );
    for granted in
        select
            g.privilege_type,
            coalesce(nullif(g.grantee, 0::pg_catalog.oid)::pg_catalog.regrole::text, 'public') as grantee,
            case when g.is_grantable then ' with grant option' else '' end as option
        from pg_catalog.aclexplode(old_column.attacl) as g
    loop
        execute pg_catalog.format(
            'grant %s (%I) on %s to %s%s',
            granted.privilege_type, (_empty_column.present).name, holder, granted.grantee, granted.option
        );
    end loop;
    if old_column.description is not null then
        execute pg_catalog.format(
            'comment on column %s.%I is %L', holder, (_empty_column.present).name, old_column.description
        );
    end if;
end
$function$;

comment on function sqlembed._empty_column(sqlembed.embedding, sqlembed.embedding) is
    'Make the vector column of an embedding anew, empty and of another type, with the rights and the comment that it had.';

create or replace function sqlembed._exchange_index(
    present sqlembed.embedding,
    wanted sqlembed.embedding,
    index_name name
)
returns void
language plpgsql
volatile
as $function$
declare
    holder regclass := coalesce((_exchange_index.wanted).side, (_exchange_index.wanted).relation);
    old_index regclass := sqlembed._own_index(holder, (_exchange_index.present).index_name);
    given regclass := sqlembed._own_index(holder, _exchange_index.index_name);
begin
    if _exchange_index.index_name is not null and not exists (
        select
        from pg_catalog.pg_index as i
        where i.indexrelid operator(pg_catalog.=) given and i.indisvalid
    ) then
        raise exception 'sqlembed: % has no valid index %', holder, pg_catalog.quote_ident(_exchange_index.index_name)
            using errcode = 'SE011', hint = 'Leave index_name out: the index is then built here.';
    end if;
    if old_index is not null and old_index is distinct from given then
        -- The new one may get its name.
        execute pg_catalog.format(
            'alter index %s rename to %I', old_index, 'sqlembed_old_' || old_index::pg_catalog.oid::text
        );
    end if;
    update sqlembed.embedding as e
    set index_name = null
    where e.id operator(pg_catalog.=) (_exchange_index.wanted).id;
    if (_exchange_index.wanted).index operator(pg_catalog.<>) 'none' then
        perform sqlembed._build_index(_exchange_index.wanted, nullif(old_index, given));
    end if;
    if given is not null then
        update sqlembed.embedding as e
        set index_name = _exchange_index.index_name
        where e.id operator(pg_catalog.=) (_exchange_index.wanted).id and e.index_name is null;
        if not found or (_exchange_index.wanted).index operator(pg_catalog.=) 'none' then
            raise exception 'sqlembed: index % is not the one that % wants, which is: %',
                pg_catalog.quote_ident(_exchange_index.index_name), holder,
                pg_catalog.concat_ws(
                    ' ', (_exchange_index.wanted).index, (_exchange_index.wanted).metric, (_exchange_index.wanted).index_options
                )
                using errcode = 'SE011', hint = 'Leave index_name out: the index is then built here.';
        end if;
    end if;
    if old_index is not null and old_index is distinct from given then
        execute pg_catalog.format('drop index %s', old_index);
    end if;
end
$function$;

comment on function sqlembed._exchange_index(sqlembed.embedding, sqlembed.embedding, name) is
    'Build the index that an embedding wants, or take over one that was built for it, and only then drop the present one.';

create or replace function sqlembed._generation(relation regclass, number smallint) returns text
language sql
stable
set search_path = pg_catalog
as $function$
    select format('(%s)::%s', pg_get_expr(d.adbin, d.adrelid), format_type(a.atttypid, a.atttypmod))
    from pg_catalog.pg_attrdef as d
    join pg_catalog.pg_attribute as a on a.attrelid = d.adrelid and a.attnum = d.adnum
    where d.adrelid = _generation.relation and d.adnum = _generation.number
$function$;

comment on function sqlembed._generation(regclass, smallint) is
    'What a generated column is made of, every name qualified that is not in pg_catalog.';

create or replace function sqlembed._index_parameters(options jsonb) returns text[]
language sql
immutable
set search_path = pg_catalog, pg_temp
as $function$
    select array(
        select format('%s=%s', o.key, o.value)
        from jsonb_each_text(_index_parameters.options) as o
        where o.key in ('m', 'ef_construction')
        order by o.key
    )
$function$;

comment on function sqlembed._index_parameters(jsonb) is
    'Storage parameters of an HNSW index, as its options say them.';

create or replace function sqlembed._index_sql(
    name name,
    holder regclass,
    vector_column name,
    index text,
    options jsonb,
    storage text,
    dimensions integer,
    metric text
)
returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    select format(
        'create index %son %s using hnsw (%s public.%s)%s',
        quote_ident(_index_sql.name) || ' ',
        _index_sql.holder,
        i.expression,
        i.operator_class,
        ' with (' || array_to_string(nullif(sqlembed._index_parameters(_index_sql.options), '{}'), ', ') || ')'
    )
    from sqlembed._indexed(
        _index_sql.index, _index_sql.options, _index_sql.storage, _index_sql.dimensions, _index_sql.metric,
        quote_ident(_index_sql.vector_column)
    ) as i
$function$;

comment on function sqlembed._index_sql(name, regclass, name, text, jsonb, text, integer, text) is
    'The statement that builds an index of vectors; name NULL leaves its name to PostgreSQL.';

create or replace function sqlembed._is_family(relation regclass) returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    select exists (
        select from pg_class as c where c.oid = _is_family.relation and c.relkind = 'p'
    )
    or exists (
        select from pg_inherits as i where _is_family.relation in (i.inhrelid, i.inhparent)
    )
$function$;

comment on function sqlembed._is_family(regclass) is
    'Whether rows of a table may be written by statements on another one: its partitions, children or parents.';

create or replace function sqlembed._is_to_be_made(made name, body text, relation regclass) returns boolean
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    present record;
    owner regrole := (select c.relowner from pg_class as c where c.oid = _is_to_be_made.relation);
begin
    select p.oid, p.prosrc
    into present
    from pg_proc as p
    where p.oid = to_regprocedure(format('sqlembed.%I()', _is_to_be_made.made));
    if present.oid is null then
        return true;
    end if;
    -- Whoever replaces a function keeps everybody else from it to the end of their transaction.
    if present.prosrc = _is_to_be_made.body and has_function_privilege(owner, present.oid, 'execute') then
        return false;
    end if;
    if not sqlembed._acts_for_owner(_is_to_be_made.relation) then
        raise exception 'sqlembed: must be owner of table %', _is_to_be_made.relation
            using errcode = '42501', hint = format('Its owner is %s, and the session is that of %I.', owner, session_user);
    end if;
    return true;
end
$function$;

comment on function sqlembed._is_to_be_made(name, text, regclass) is
    'Whether a trigger function of an embedding is missing, or is to be another; then an error when the session is neither a worker''s nor of the owner of the table.';

revoke execute on function sqlembed._is_to_be_made(name, text, regclass) from public;

create or replace function sqlembed._is_waiting(relation regclass, since timestamptz) returns boolean
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    select exists (
        select
        from sqlembed._waiting as w
        where w.relation = _is_waiting.relation and w.generation = 'current' and w.changed_at <= _is_waiting.since
    )
$function$;

comment on function sqlembed._is_waiting(regclass, timestamptz) is
    'Whether a row of a table waits that was written by then: cheaper than to count them.';

create or replace function sqlembed._key_sql(
    relation regclass,
    prefix text default 'r.',
    length integer default null,
    out columns name[],
    out expression text,
    out match text
)
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    -- The expression may run with the rights of the owner of sqlembed, on rows whose types have
    -- changed since: only PostgreSQL's own types become jsonb directly, because the cast of another
    -- could be its owner's. The condition does use casts and operators of the key's type, as its
    -- index does; whoever evaluates it evaluates the table's source expression as well.
    select
        array_agg(a.attname order by k.position),
        format(
            'pg_catalog.jsonb_build_array(%s)',
            string_agg(
                format(
                    case
                        when t.oid = any ('{bool,int2,int4,int8,numeric,text,varchar,bpchar,name,uuid,date,timestamp}'::regtype[])
                        then 'case when pg_catalog.pg_typeof(%1$s) operator(pg_catalog.=) ''pg_catalog.%2$s''::pg_catalog.regtype '
                            'then pg_catalog.to_jsonb(%1$s) else pg_catalog.to_jsonb(sqlembed._key_text(%1$s)) end'
                        when t.oid = 'timestamptz'::regtype
                        then 'case when pg_catalog.pg_typeof(%1$s) operator(pg_catalog.=) ''pg_catalog.%2$s''::pg_catalog.regtype '
                            'then pg_catalog.to_jsonb(pg_catalog.timezone(''UTC'', %1$s)) '
                            'else pg_catalog.to_jsonb(sqlembed._key_text(%1$s)) end'
                        else 'pg_catalog.to_jsonb(sqlembed._key_text(%1$s))'
                    end,
                    _key_sql.prefix || quote_ident(a.attname),
                    t.typname
                ),
                ', '
                order by k.position
            )
        ),
        string_agg(
            format(
                case
                    when t.oid = 'timestamptz'::regtype
                    then 'r.%1$I %2$s pg_catalog.timezone(''UTC'', (k.key operator(pg_catalog.->>) %3$s)::pg_catalog.timestamp)'
                    else 'r.%1$I %2$s (k.key operator(pg_catalog.->>) %3$s)::%4$s'
                end,
                a.attname,
                sqlembed._equal_operator(k.operator_class),
                k.position - 1,
                -- Without the length of a char or a varchar; nothing has to be cut off.
                format_type(base.oid, -1)
            ),
            ' and '
            order by k.position
        )
    from pg_index as i
    cross join unnest(i.indkey, i.indclass) with ordinality as k (attnum, operator_class, position)
    join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = k.attnum
    join pg_type as t on t.oid = a.atttypid
    cross join lateral (
        with recursive base as (
            select t.oid, t.typtype, t.typbasetype
            union all
            select b.oid, b.typtype, b.typbasetype
            from base
            join pg_type as b on base.typtype = 'd' and b.oid = base.typbasetype
        )
        select base.oid from base where base.typtype <> 'd'
    ) as base
    where i.indrelid = _key_sql.relation and i.indisprimary and k.position <= coalesce(_key_sql.length, i.indnkeyatts)
    having count(*) > 0
$function$;

comment on function sqlembed._key_sql(regclass, text, integer) is
    'The primary key of a table: its columns, SQL that makes the jsonb key of row r (or of columns with another prefix), and the condition that row r has the key k.key. Of the first so many of its columns, if length is given. No row without a primary key.';

create or replace function sqlembed._key_text(value anyelement) returns text
language plpgsql
stable
set search_path = pg_catalog, pg_temp
-- Whatever the session has set, one value has one text.
set timezone = 'UTC'
set datestyle = 'ISO'
set intervalstyle = 'postgres'
set bytea_output = 'hex'
set extra_float_digits = 1
as $function$
begin
    -- The type's own output: a cast to text might be the user's, and run with somebody else's rights.
    return format('%s', _key_text.value);
end
$function$;

comment on function sqlembed._key_text(anyelement) is
    'A value of a key as text, the same in every session.';

create or replace function sqlembed._make_hash_function(
    declared sqlembed.embedding,
    replaces boolean default false
)
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    schema name;
    owner regrole;
    made text;
begin
    select n.nspname, c.relowner
    into schema, owner
    from pg_class as c
    join pg_namespace as n on n.oid = c.relnamespace
    where c.oid = (_make_hash_function.declared).relation;
    made := format('%I.%I(%s)', schema, (_make_hash_function.declared).hash_function, (_make_hash_function.declared).relation);
    if to_regprocedure(made) is not null and not _make_hash_function.replaces then
        raise exception 'sqlembed: there is a function % already', to_regprocedure(made)
            using errcode = 'SE011', hint = 'Rename it, or give the embedding another name: embedding => ''...''.';
    end if;
    -- Its body is parsed now, so that whoever calls it finds what is meant, whatever their
    -- search_path, and what is renamed later; short enough to become part of the caller's query.
    execute format(
        'create or replace function %I.%I(r %s) returns bytea language sql stable return sha256(convert_to((%s)::text, ''UTF8''))',
        schema, (_make_hash_function.declared).hash_function, (_make_hash_function.declared).relation,
        sqlembed._row_source((_make_hash_function.declared).relation, (_make_hash_function.declared).source, 'r')
    );
    execute format('alter function %s owner to %s', made, owner);
    execute format(
        'comment on function %s is %L',
        made,
        'sha256 of the text of a row that is embedded: where it is the source_hash of the side table, the vector is up to date. Made by sqlembed.create_embedding.'
    );
end
$function$;

comment on function sqlembed._make_hash_function(sqlembed.embedding, boolean) is
    'Make the function by which a search tells whether a vector in the side table is that of the present row.';

create or replace function sqlembed._make_note_function(embedding integer) returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    declared sqlembed.embedding;
    note record;
    bell text;
    lost text;
    body text;
    made text := format('sqlembed.%I', '_note_' || _make_note_function.embedding);
begin
    select e.* into declared from sqlembed.embedding as e where e.id = _make_note_function.embedding;
    -- In turns: PostgreSQL refuses to replace a function that another session replaces. A stranger
    -- must not lock the row.
    if sqlembed._acts_for_owner(declared.relation) then
        select e.*
        into declared
        from sqlembed.embedding as e
        where e.id = _make_note_function.embedding
        for no key update;
    end if;
    select n.* into note from sqlembed._note_sql(declared.id, declared.on_change) as n;
    if note.key is null then
        return;
    end if;
    bell := case declared.timing
        when 'async' then format(
            $sql$
    -- NOTIFY serializes commits, so a bell is rung only while a worker waits for one. The shared
    -- lock, held to the end of the transaction, keeps a worker from falling asleep meanwhile. A
    -- transaction that has rung cannot be prepared: where that may happen, workers look often instead.
    if sqlembed_noted > 0 and current_setting('max_prepared_transactions') = '0'
        and not pg_try_advisory_xact_lock_shared(%s, 0) then
        perform pg_notify('sqlembed', '');
    end if;$sql$,
            sqlembed._lock('idle')
        )
        else ''
    end;
    -- A column that was dropped must not fail the application's statement, unless it was to embed.
    lost := case declared.timing
        when 'sync' then format(
            $sql$
        select string_agg(quote_ident(c.name), ', ')
        into sqlembed_lost
        from sqlembed.embedding as e
        cross join lateral sqlembed._present_columns(e) as p
        cross join lateral unnest(e.source_columns, p.source) as c (name, present)
        where e.id = %s and p.vector is not null and c.present is null;
        if sqlembed_lost is not null then
            raise exception 'sqlembed: rows of %% cannot be embedded: they have lost %%', tg_relid::regclass, sqlembed_lost
                using errcode = 'SE012', hint = 'Declare the embedding anew: drop_embedding, then create_embedding.';
        end if;$sql$,
            declared.id
        )
        else ''
    end;

    -- Nothing of the table's owner may run in it: rows are compared by their bytes (*<>), and the
    -- source expression is left to others.
    body := case declared.place when 'side' then sqlembed._side_note_body(declared.id, note.key, note.source) else format(
            $sql$
#variable_conflict use_column
declare
    sqlembed_note text;
    sqlembed_noted bigint;
    sqlembed_lost text;
begin
    -- Attached without these names for its rows, they would lead to views of the caller's in pg_temp.
    if to_regclass('sqlembed_new') is not null or to_regclass('sqlembed_old') is not null then
        raise exception 'sqlembed: trigger %% of %% was not made by create_embedding', quote_ident(tg_name), tg_relid::regclass
            using errcode = '42501', hint = 'Declare the embedding with sqlembed.create_embedding.';
    end if;
    -- The worker's own write of a vector is no change; what other triggers do upon it may be. Anybody
    -- can make the setting, so it counts only for those who may work; whose rights must not be looked up
    -- for every writer, as they would be after a NULL.
    if coalesce(current_setting('sqlembed.writing', true), '') = 'on' and pg_trigger_depth() = 1
        and has_function_privilege(session_user, 'sqlembed._stop_worker(integer)', 'execute')
    then
        return null;
    end if;
    begin
        if tg_op = 'INSERT' then
            perform * from (%2$s) as sqlembed_probe;
        else
            perform * from (%3$s) as sqlembed_probe;
        end if;
    exception when undefined_column or undefined_function then
        -- A column has another name now: until a worker has made this function anew, the statement is
        -- made here.%7$s
        select case tg_op when 'INSERT' then s.inserted else s.updated end
        into sqlembed_note
        from sqlembed._note_sql(%1$s, 'keep') as s;
        if sqlembed_note is null then
            return null;
        end if;
    end;
    if sqlembed_note is not null then
        execute sqlembed_note;
        get diagnostics sqlembed_noted = row_count;
    elsif not found then
        return null;
    elsif tg_op = 'INSERT' then
        %4$s;
        get diagnostics sqlembed_noted = row_count;
    else
        %5$s;
        get diagnostics sqlembed_noted = row_count;
    end if;%6$s
    return null;
end
$sql$,
            declared.id,
            note.probe_inserted,
            note.probe_updated,
            note.inserted,
            note.updated,
            bell,
            lost
        ) end;
    if not sqlembed._is_to_be_made('_note_' || declared.id, body, declared.relation) then
        return;
    end if;
    execute format(
        $sql$
create or replace function %1$s() returns trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
set jit = off
-- Plans are made once: one that suits a single row must do for a million.
set enable_nestloop = off
as %2$L
$sql$,
        made,
        body
    );
    execute format(
        'comment on function %s() is %L',
        made,
        'Statement trigger: append the keys of rows that need a vector to change. Made by create_embedding for one embedding, so that its plans are kept.'
    );
    execute format('revoke execute on function %s() from public', made);
    execute format(
        'grant execute on function %s() to %s',
        made,
        (select c.relowner::regrole from pg_class as c where c.oid = declared.relation)
    );
end
$function$;

comment on function sqlembed._make_note_function(integer) is
    'Make the function that the statement triggers of an embedding call, out of the catalogue and the present primary key. Harmless in anybody''s hands: it makes no other function than its owner would, and leaves alone one that is as it should be.';

create or replace function sqlembed._make_row_functions(embedding integer) returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    declared sqlembed.embedding;
    asked record;
    note text;
    hide text;
    made name;
begin
    select e.* into declared from sqlembed.embedding as e where e.id = _make_row_functions.embedding;
    select s.* into asked from sqlembed._note_row_sql(declared.id, 'old.', 'new.', declared.on_change) as s;
    if asked.key is null or declared.place = 'side' then
        return;
    end if;

    -- As in the function for statements, nothing of the table's owner may run in it. Rows are noted
    -- outside of the block that catches errors: inside, each would cost a transaction id.
    note := format(
        $sql$
declare
    sqlembed_key jsonb;
    sqlembed_changed boolean;
    sqlembed_asked record;
begin
    if coalesce(current_setting('sqlembed.writing', true), '') = 'on' and pg_trigger_depth() = 1
        and has_function_privilege(session_user, 'sqlembed._stop_worker(integer)', 'execute')
    then
        return new;
    end if;
    begin
        if tg_op = 'INSERT' then
            sqlembed_changed := %2$s;
        else
            sqlembed_changed := %3$s;
        end if;
        if sqlembed_changed then
            sqlembed_key := %4$s;
        end if;
    exception when undefined_column or undefined_function then
        -- A column was renamed or dropped, and no worker has made this function anew yet.
        select s.* into sqlembed_asked from sqlembed._note_row_sql(%1$s, '($2).', '($1).', 'keep') as s;
        if sqlembed_asked.key is null then
            return new;
        end if;
        if tg_op = 'INSERT' then
            execute 'select ' || sqlembed_asked.inserted into sqlembed_changed using new;
        else
            execute 'select ' || sqlembed_asked.updated into sqlembed_changed using new, old;
        end if;
        if sqlembed_changed then
            execute 'select ' || sqlembed_asked.key into sqlembed_key using new;
        end if;
    end;
    if sqlembed_changed then
        insert into sqlembed.change (embedding, key, transaction) values (%1$s, sqlembed_key, %6$s);
        -- As in the function for statements.
        if current_setting('max_prepared_transactions') = '0' and not pg_try_advisory_xact_lock_shared(%5$s, 0) then
            perform pg_notify('sqlembed', '');
        end if;
    end if;
    return new;
end
$sql$,
        declared.id, asked.inserted, asked.updated, asked.key, sqlembed._lock('idle'),
        case declared.timing when 'sync' then 'pg_current_xact_id()' else 'null' end
    );
    -- It runs with the writer's rights and search_path.
    hide := format(
        $sql$
begin
    begin
        new.%2$I := null;
    exception when undefined_column then
        return coalesce(
            (
                select pg_catalog.jsonb_populate_record(new, pg_catalog.jsonb_build_object(p.vector, null))
                from sqlembed.embedding as e
                cross join lateral sqlembed._present_columns(e) as p
                where e.id operator(pg_catalog.=) %1$s and p.vector is not null
            ),
            new
        );
    end;
    return new;
end
$sql$,
        declared.id,
        (select p.vector from sqlembed._present_columns(declared) as p)
    );
    if not sqlembed._is_to_be_made('_note_row_' || declared.id, note, declared.relation)
        and not sqlembed._is_to_be_made('_hide_' || declared.id, hide, declared.relation)
    then
        return;
    end if;

    execute format(
        $sql$
create or replace function sqlembed.%1$I() returns trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as %2$L
$sql$,
        '_note_row_' || declared.id,
        note
    );
    execute format(
        'comment on function sqlembed.%I() is %L',
        '_note_row_' || declared.id,
        'Row trigger: append the key of a row that needs a vector to change. Made by create_embedding for tables whose rows come by several ways, and for rows that replication applies.'
    );
    execute format(
        $sql$
create or replace function sqlembed.%1$I() returns trigger
language plpgsql
as %2$L
$sql$,
        '_hide_' || declared.id,
        hide
    );
    execute format(
        'comment on function sqlembed.%I() is %L',
        '_hide_' || declared.id,
        'Row trigger of on_change => ''hide'': the source has changed, so the vector of the old one goes. Made by create_embedding for one embedding.'
    );
    foreach made in array array['_note_row_', '_hide_']
    loop
        execute format('revoke execute on function sqlembed.%I() from public', made || declared.id);
        execute format(
            'grant execute on function sqlembed.%I() to %s',
            made || declared.id,
            (select c.relowner::regrole from pg_class as c where c.oid = declared.relation)
        );
    end loop;
end
$function$;

comment on function sqlembed._make_row_functions(integer) is
    'Make the functions that the row triggers of an embedding call, out of the catalogue and the present names of the columns. Harmless in anybody''s hands: it makes no others than their owner would, and leaves alone those that are as they should be.';

create or replace function sqlembed._may_wait(embedding integer, key jsonb) returns boolean
language sql
volatile
set search_path = pg_catalog, pg_temp
as $function$
    -- The log of changes and the batches in hand have no index. They are asked for every row whose key
    -- changes, so a long log and any batch count as a yes: to embed a row once more is cheaper than to
    -- read it all again.
    select exists (
        select from sqlembed.job as j where j.embedding = _may_wait.embedding and j.key = _may_wait.key
    )
    or exists (select from sqlembed.lease as l where l.embedding = _may_wait.embedding)
    or exists (
        select
        from sqlembed.failed_job as f
        where f.embedding = _may_wait.embedding and md5(f.key::text) = md5(_may_wait.key::text)
    )
    or (
        select count(*) > 100 or coalesce(bool_or(c.key = _may_wait.key), false)
        from (
            select c.key from sqlembed.change as c where c.embedding = _may_wait.embedding limit 101
        ) as c
    )
$function$;

comment on function sqlembed._may_wait(integer, jsonb) is
    'Whether a row may wait for its vector.';

revoke execute on function sqlembed._may_wait(integer, jsonb) from public;

create or replace function sqlembed._members(relation regclass) returns regclass[]
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    with recursive family as (
        select _members.relation::oid as member
        union
        select i.inhrelid
        from family as f
        join pg_inherits as i on i.inhparent = f.member and not i.inhdetachpending
        join pg_class as c on c.oid = i.inhrelid
        where c.relkind in ('r', 'p') and c.relpersistence <> 't'
    )
    select coalesce(array_agg(f.member::regclass order by f.member), '{}')
    from family as f
    where f.member <> _members.relation
$function$;

comment on function sqlembed._members(regclass) is
    'Partitions or inheritance children of a table, and theirs, without itself.';

create or replace function sqlembed._note_row_sql(
    embedding integer,
    old text,
    new text,
    on_change text,
    out key text,
    out inserted text,
    out updated text
)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    declared sqlembed.embedding;
    old_key text;
    vector name;
    sources text;
begin
    select e.* into declared from sqlembed.embedding as e where e.id = _note_row_sql.embedding;
    _note_row_sql.key := (select k.expression from sqlembed._key_sql(declared.relation, _note_row_sql.new) as k);
    old_key := (select k.expression from sqlembed._key_sql(declared.relation, _note_row_sql.old) as k);
    select
        p.vector,
        (
            select format(
                'record_image_ne(row(%s), row(%s))',
                coalesce(string_agg(_note_row_sql.old || quote_ident(c), ', '), 'null'),
                coalesce(string_agg(_note_row_sql.new || quote_ident(c), ', '), 'null')
            )
            from unnest(sqlembed._base_columns(declared.relation, p.source)) as c
        )
    into vector, sources
    from sqlembed._present_columns(declared) as p;
    if vector is null then
        _note_row_sql.key := null;
    end if;
    if _note_row_sql.key is null then
        return;
    end if;
    _note_row_sql.inserted := format('%s%I is null', _note_row_sql.new, vector);
    -- The same conditions as those of whole statements.
    _note_row_sql.updated := format(
        case _note_row_sql.on_change
            when 'hide' then '%2$s%3$I is null and (%1$s%3$I is not null or %4$s <> %5$s or %6$s)'
            else
                'case '
                'when %4$s <> %5$s then %2$s%3$I is null '
                'or record_image_eq(row(%1$s%3$I), row(%2$s%3$I)) and (%6$s or sqlembed._may_wait(%7$s, %4$s)) '
                'when %2$s%3$I is null then %1$s%3$I is not null or %6$s '
                'else %6$s and record_image_eq(row(%1$s%3$I), row(%2$s%3$I)) end'
        end,
        _note_row_sql.old, _note_row_sql.new, vector, old_key, _note_row_sql.key, sources, declared.id
    );
end
$function$;

comment on function sqlembed._note_row_sql(integer, text, text, text) is
    'What a row trigger asks of a row, after the present names of its columns: its key, and whether it needs a vector when it is inserted and when it is updated. NULL when there is no key or no vector column any more.';

revoke execute on function sqlembed._note_row_sql(integer, text, text, text) from public;

create or replace function sqlembed._note_sql(
    embedding integer,
    on_change text,
    out probe_inserted text,
    out probe_updated text,
    out inserted text,
    out updated text,
    out key text,
    out source text
)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    declared sqlembed.embedding;
    vector text;
    -- With timing sync, the writer embeds before the commit and finds its own changes by the stamp.
    stamp text;
begin
    select e.* into declared from sqlembed.embedding as e where e.id = _note_sql.embedding;
    -- Columns have no prefix: a name that has one and is no column any more means a function.
    stamp := case declared.timing when 'sync' then 'pg_current_xact_id()' else 'null' end;
    _note_sql.key := (select k.expression from sqlembed._key_sql(declared.relation, '') as k);
    select
        quote_ident(p.vector),
        coalesce(
            (
                select string_agg(quote_ident(c), ', ')
                from unnest(sqlembed._base_columns(declared.relation, p.source)) as c
            ),
            'null'
        )
    into vector, _note_sql.source
    from sqlembed._present_columns(declared) as p;
    if _note_sql.key is null or vector is null then
        _note_sql.key := null;
        return;
    end if;

    _note_sql.probe_inserted := format(
        'select %1$s, %2$s from sqlembed_new where %3$s is null limit 1', _note_sql.key, _note_sql.source, vector
    );
    _note_sql.probe_updated := format(
        'select %1$s, %2$s, %3$s from sqlembed_new%4$s limit 1',
        _note_sql.key, _note_sql.source, vector, case _note_sql.on_change when 'hide' then format(' where %s is null', vector) else '' end
    );
    _note_sql.inserted := format(
        'insert into sqlembed.change (embedding, key, transaction) select %1$s, %2$s, %4$s from sqlembed_new where %3$s is null',
        declared.id, _note_sql.key, vector, stamp
    );
    _note_sql.updated := case _note_sql.on_change
        -- The row trigger has set the vector to NULL where the source changed.
        when 'hide' then format(
            $sql$insert into sqlembed.change (embedding, key, transaction)
            select %1$s, n.key, %5$s
            from (select %2$s as key, row(%4$s) as source from sqlembed_new where %3$s is null) as n
            left join (select %2$s as key, %3$s is null as was_null, row(%4$s) as source from sqlembed_old) as o
                on o.key = n.key
            where o.key is null or not o.was_null or o.source *<> n.source$sql$,
            declared.id, _note_sql.key, vector, _note_sql.source, stamp
        )
        -- A vector that came with the new text is the client's own and stays. One that goes with its
        -- row to another key may be out of date, if the old key was waiting or the text has changed
        -- as well: then text and vector have not stood together before. The type's own output
        -- compares what has no operator that can be hashed.
        else format(
            $sql$insert into sqlembed.change (embedding, key, transaction)
            select %1$s, n.key, %5$s
            from (select %2$s as key, %3$s as vector, row(%4$s) as source from sqlembed_new) as n
            left join (select %2$s as key, %3$s as vector, row(%4$s) as source from sqlembed_old) as o on o.key = n.key
            where case
                when n.vector is null then o.key is null or o.vector is not null or o.source *<> n.source
                when o.key is not null and record_image_eq(row(o.vector), row(n.vector)) then o.source *<> n.source
                when o.key is not null and o.source *= n.source
                then %6$s and md5(row(n.vector)::text) in (select md5(row(%3$s)::text) from sqlembed_old)
                else md5(row(n.vector)::text) in (select md5(row(%3$s)::text) from sqlembed_old) and (
                    md5(row(n.source, n.vector)::text) not in (select md5(row(row(%4$s), %3$s)::text) from sqlembed_old)
                    or %6$s
                )
            end$sql$,
            declared.id, _note_sql.key, vector, _note_sql.source, stamp,
            format(
                'exists (
                        select
                        from (select %2$s as key from sqlembed_old) as p
                        join (
                            select q.key from sqlembed._queued as q where q.embedding = %1$s
                            union all
                            select f.key from sqlembed.failed_job as f where f.embedding = %1$s
                        ) as w on w.key = p.key
                    )',
                declared.id, _note_sql.key
            )
        )
    end;
end
$function$;

comment on function sqlembed._note_sql(integer, text) is
    'With what a statement trigger finds and notes the rows that need a vector, after the present names of their columns: two probes and two statements, and what they say for the key and the columns of the source. NULL when there is no key or no vector column any more.';

revoke execute on function sqlembed._note_sql(integer, text) from public;

create or replace function sqlembed._own_index(holder regclass, index_name name) returns regclass
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    select i.indexrelid::regclass
    from pg_index as i
    join pg_class as c on c.oid = i.indexrelid
    where i.indrelid = _own_index.holder and c.relname = _own_index.index_name
$function$;

comment on function sqlembed._own_index(regclass, name) is
    'The index of that name, if it is one of this table: the name may have been noted by anybody''s hand.';

create or replace function sqlembed._pending(relation regclass, out rows bigint, out served boolean)
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    with waiting as materialized (
        select w.embedder, nullif(count(distinct w.key), 0) as rows
        from sqlembed._waiting as w
        where w.relation = _pending.relation and w.generation = 'current'
        group by w.embedding, w.embedder
    )
    select
        case when count(*) = count(w.rows) then coalesce(sum(w.rows), 0)::bigint end,
        coalesce(bool_and(exists (select from sqlembed.worker as l where w.embedder = any (l.embedders))), true)
    from waiting as w
$function$;

comment on function sqlembed._pending(regclass) is
    'How many rows of a table wait, NULL for those from whom a policy keeps rows back, and whether living workers serve all of them.';

create or replace function sqlembed._prefixed_source(relation regclass, expression text, row_name text) returns text
language plpgsql
volatile
-- A canonical expression means what it says there, whatever the caller's search_path.
set search_path = pg_catalog, pg_temp
as $function$
declare
    view_name text := 'sqlembed_source_' || pg_catalog.replace(pg_catalog.gen_random_uuid()::text, '-', '');
    definition text;
begin
    -- With a second item in FROM, PostgreSQL puts the first one's alias before its columns.
    execute pg_catalog.format(
        'create temporary view %1$I as select (%2$s) as %1$I from %3$s as %4$I, (values (1)) as sqlembed_one (sqlembed_one)',
        view_name, _prefixed_source.expression, _prefixed_source.relation, _prefixed_source.row_name
    );
    definition := sqlembed._view_definition(pg_catalog.to_regclass('pg_temp.' || view_name));
    execute pg_catalog.format('drop view pg_temp.%I', view_name);
    return pg_catalog.regexp_replace(
        pg_catalog.regexp_replace(definition, '^[[:space:]]*SELECT[[:space:]]+', ''), ' AS ' || view_name || '[[:space:]].*$', ''
    );
end
$function$;

comment on function sqlembed._prefixed_source(regclass, text, text) is
    'A canonical expression over a row with its columns prefixed by a name.';

create or replace function sqlembed._prepare_column(
    relation regclass,
    name name,
    embedder text,
    index text,
    index_options jsonb,
    inout storage text,
    out dimensions integer
)
language plpgsql
volatile
as $function$
declare
    present record;
    wanted_type text;
begin
    select a.atttypmod, pg_catalog.format_type(a.atttypid, a.atttypmod) as type_name, t.typname, a.attgenerated, a.attnotnull
    into present
    from pg_catalog.pg_attribute as a
    join pg_catalog.pg_type as t on t.oid operator(pg_catalog.=) a.atttypid
    where a.attrelid operator(pg_catalog.=) _prepare_column.relation
        and a.attname operator(pg_catalog.=) _prepare_column.name
        and a.attnum operator(pg_catalog.>) 0
        and not a.attisdropped;

    select e.dimensions
    into _prepare_column.dimensions
    from sqlembed.embedder as e
    where e.name operator(pg_catalog.=) _prepare_column.embedder;
    if not found then
        if (present.typname in (coalesce(_prepare_column.storage, 'vector'), coalesce(_prepare_column.storage, 'halfvec')))
                is not true
            or present.atttypmod operator(pg_catalog.<=) 0
            or not pg_catalog.has_function_privilege('sqlembed._register_name(text, integer)', 'execute')
        then
            raise exception 'sqlembed: unknown embedder %', pg_catalog.quote_nullable(_prepare_column.embedder)
                using errcode = 'SE001',
                    hint = coalesce(
                        'Known: ' || (select pg_catalog.string_agg(e.name, ', ' order by e.name) from sqlembed.embedder as e) || '.',
                        'None is registered yet: start a worker once (sqlembed worker), or give the column first, with its dimensions.'
                    );
        end if;
        _prepare_column.dimensions := present.atttypmod;
        perform sqlembed._register_name(_prepare_column.embedder, _prepare_column.dimensions);
    end if;
    if not exists (
        select from sqlembed.embedder_key as k where k.embedder operator(pg_catalog.=) _prepare_column.embedder
    ) then
        raise exception 'sqlembed: permission denied for embedder %', pg_catalog.quote_ident(_prepare_column.embedder)
            using errcode = '42501',
                hint = pg_catalog.format(
                    'Its owner can say: select sqlembed.grant_embedder(%L, %L).', _prepare_column.embedder, current_user
                );
    end if;
    _prepare_column.storage := coalesce(
        _prepare_column.storage,
        case when present.typname in ('vector', 'halfvec') then present.typname end,
        -- The most that an index on vector takes.
        case when _prepare_column.dimensions operator(pg_catalog.>) 2000 then 'halfvec' else 'vector' end
    );
    perform sqlembed._refuse_index(
        _prepare_column.relation, _prepare_column.name, _prepare_column.embedder, _prepare_column.dimensions,
        _prepare_column.storage, present is not null, _prepare_column.index, _prepare_column.index_options
    );

    wanted_type := pg_catalog.format(
        '%s(%s)', case _prepare_column.storage when 'vector' then 'public.vector' else 'public.halfvec' end,
        _prepare_column.dimensions
    );
    if present is null then
        execute pg_catalog.format(
            'alter table %s add column %I %s', _prepare_column.relation, _prepare_column.name, wanted_type
        );
    elsif present.typname operator(pg_catalog.<>) _prepare_column.storage
        or present.atttypmod not in (_prepare_column.dimensions, -1)
        or present.attgenerated operator(pg_catalog.<>) ''
    then
        raise exception 'sqlembed: column % of % is of type %, and embedder % needs %',
            pg_catalog.quote_ident(_prepare_column.name), _prepare_column.relation, present.type_name,
            pg_catalog.quote_ident(_prepare_column.embedder), pg_catalog.format('%s(%s)', _prepare_column.storage, _prepare_column.dimensions)
            using errcode = 'SE011', hint = 'Name another column, as embedding => ''...'': it is added if it is missing.';
    elsif present.attnotnull then
        raise exception 'sqlembed: column % of % is not null, and a row has no vector until it is embedded',
            pg_catalog.quote_ident(_prepare_column.name), _prepare_column.relation
            using errcode = 'SE011',
                hint = pg_catalog.format(
                    'alter table %s alter column %I drop not null.', _prepare_column.relation, _prepare_column.name
                );
    elsif present.atttypmod operator(pg_catalog.=) -1 and _prepare_column.index operator(pg_catalog.<>) 'none' then
        raise exception 'sqlembed: column % of % has no fixed dimensions, which an index needs',
            pg_catalog.quote_ident(_prepare_column.name), _prepare_column.relation
            using errcode = 'SE011',
                hint = pg_catalog.format(
                    'alter table %s alter column %I type %s(%s), or say index => ''none''.',
                    _prepare_column.relation, _prepare_column.name, _prepare_column.storage,
                    _prepare_column.dimensions
                );
    end if;
end
$function$;

comment on function sqlembed._prepare_column(regclass, name, text, text, jsonb, text) is
    'Add the vector column, or check that the present one fits the embedder and the index. Returns its type, chosen where none is said, and the dimensions.';

create or replace function sqlembed._prepare_full_text(
    relation regclass,
    embedding name,
    config text,
    source text
)
returns name
language plpgsql
volatile
-- A canonical expression means what it says there, whatever the caller's search_path.
set search_path = pg_catalog, pg_temp
as $function$
declare
    added name := _prepare_full_text.embedding || '_full_text';
begin
    if exists (
        select
        from pg_catalog.pg_attribute as a
        where a.attrelid operator(pg_catalog.=) _prepare_full_text.relation
            and a.attname operator(pg_catalog.=) added
            and not a.attisdropped
    ) then
        raise exception 'sqlembed: % has a column % already, which full_text would add',
            _prepare_full_text.relation, pg_catalog.quote_ident(added)
            using errcode = 'SE011', hint = 'Rename it, or leave full_text out: words are then looked up row by row.';
    end if;
    begin
        execute pg_catalog.format(
            'alter table %s add column %I pg_catalog.tsvector generated always as (%s) stored',
            _prepare_full_text.relation, added,
            sqlembed._full_text_sql(_prepare_full_text.config, _prepare_full_text.source)
        );
    exception when invalid_object_definition then
        raise notice 'sqlembed: no full text is stored for %, whose searches make it row by row: %',
            _prepare_full_text.relation, sqlerrm
            using hint = 'A stored one needs a source without generated columns, whose functions are all immutable.';
        return null;
    end;
    execute pg_catalog.format('create index on %s using gin (%I)', _prepare_full_text.relation, added);
    return added;
end
$function$;

comment on function sqlembed._prepare_full_text(regclass, name, text, text) is
    'Add the column that holds the full text of a source, and its index. Returns the column, NULL where PostgreSQL cannot keep one.';

create or replace function sqlembed._prepare_side(
    relation regclass,
    embedding name,
    is_chunked boolean,
    out side regclass,
    out hash_function name,
    out is_new boolean
)
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    source record;
    full_name text;
    columns text;
    key text;
begin
    select c.relname, n.nspname, c.relpersistence, c.relowner::regrole as owner
    into source
    from pg_class as c
    join pg_namespace as n on n.oid = c.relnamespace
    where c.oid = _prepare_side.relation;
    _prepare_side.hash_function := sqlembed._side_name(source.relname || '_' || _prepare_side.embedding || '_hash');
    full_name := format(
        '%I.%I', source.nspname, sqlembed._side_name(source.relname || '_' || _prepare_side.embedding)
    );
    _prepare_side.side := to_regclass(full_name);
    _prepare_side.is_new := _prepare_side.side is null;
    if not _prepare_side.is_new then
        perform sqlembed._refuse_side(_prepare_side.relation, _prepare_side.side, _prepare_side.embedding, _prepare_side.is_chunked);
        return;
    end if;

    select
        string_agg(
            format(
                '%I %s%s',
                a.attname,
                format_type(a.atttypid, a.atttypmod),
                case when a.attcollation <> 0 then format(' collate %s', a.attcollation::regcollation) else '' end
            ),
            ', '
            order by k.position
        ),
        string_agg(quote_ident(a.attname), ', ' order by k.position)
    into columns, key
    from pg_index as i
    cross join unnest(i.indkey) with ordinality as k (attnum, position)
    join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = k.attnum
    where i.indrelid = _prepare_side.relation and i.indisprimary and k.position <= i.indnkeyatts;
    begin
        execute format(
            'create %stable %s (%s, %ssource_hash bytea not null, primary key (%s%s))%s',
            case source.relpersistence when 'u' then 'unlogged ' else '' end,
            full_name,
            columns,
            case
                when _prepare_side.is_chunked
                then 'ordinal integer, span int4range not null, chunk text not null, chunk_hash bytea not null, '
                else ''
            end,
            key,
            case when _prepare_side.is_chunked then ', ordinal' else '' end,
            -- A text and a vector of up to some 1,500 dimensions stay together, and the vector is not fetched apart.
            case when _prepare_side.is_chunked then ' with (toast_tuple_target = 8160)' else '' end
        );
    exception
        when duplicate_column then
            raise exception 'sqlembed: a column of the primary key of % has the name of one that a side table has as well: %',
                _prepare_side.relation,
                case
                    when _prepare_side.is_chunked then 'ordinal, span, chunk, chunk_hash or source_hash' else 'source_hash'
                end
                using errcode = 'SE010',
                    hint = case
                        when _prepare_side.is_chunked then 'Rename the column.' else 'Say place => ''row'', or rename the column.'
                    end;
        when duplicate_object then
            raise exception 'sqlembed: there is a type %, and the vectors of % would stand in a table of that name',
                full_name, _prepare_side.relation
                using errcode = 'SE011', hint = 'Rename it, or give the embedding another name: embedding => ''...''.';
    end;
    _prepare_side.side := to_regclass(full_name);
    execute format('alter table %s owner to %s', _prepare_side.side, source.owner);
    execute format(
        'comment on table %s is %L',
        _prepare_side.side,
        format(
            '%s of %s. Made by sqlembed.create_embedding; written by workers.',
            case when _prepare_side.is_chunked then 'Chunks' else 'Vectors' end,
            _prepare_side.relation
        )
    );
    execute format(
        'comment on column %s.source_hash is %L',
        _prepare_side.side,
        case
            when _prepare_side.is_chunked then 'sha256 of the text that the chunk is cut from, in UTF-8.'
            else 'sha256 of the text that the vector was made from, in UTF-8.'
        end
    );
    if _prepare_side.is_chunked then
        execute format(
            'comment on column %1$s.ordinal is ''Its place among the chunks of a row, from 1 on.'';
            comment on column %1$s.span is ''Its characters in the text of the row, from 1 on.'';
            comment on column %1$s.chunk is ''The text itself.'';
            comment on column %1$s.chunk_hash is ''sha256 of what is embedded, headings above it included, in UTF-8.''',
            _prepare_side.side
        );
    end if;
end
$function$;

comment on function sqlembed._prepare_side(regclass, name, boolean) is
    'The table beside a table that holds the vectors of an embedding, or those of its chunks: made with the columns of the primary key, or taken over.';

create or replace function sqlembed._present_columns(
    declared sqlembed.embedding,
    out vector name,
    out source name[]
)
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    -- Numbers survive a change of name. Of a table that was restored from a dump they mean nothing.
    select
        (
            select a.attname
            from pg_attribute as a
            where a.attrelid = coalesce(declared.side, declared.relation)
                and a.attnum > 0
                and not a.attisdropped
                and case
                    when declared.numbered_in = declared.relation::oid then a.attnum = declared.vector_number
                    else a.attname = declared.name
                end
        ),
        array(
            select a.attname
            from unnest(declared.source_columns, declared.source_numbers) with ordinality as s (name, number, position)
            left join pg_attribute as a
                on a.attrelid = declared.relation
                and a.attnum > 0
                and not a.attisdropped
                and case
                    when declared.numbered_in = declared.relation::oid then a.attnum = s.number
                    else a.attname = s.name
                end
            order by s.position
        )
$function$;

comment on function sqlembed._present_columns(sqlembed.embedding) is
    'What the vector column of an embedding and the columns of its source are called now; NULL for one that is gone.';

create or replace function sqlembed._refuse_index(
    relation regclass,
    name name,
    embedder text,
    dimensions integer,
    storage text,
    is_present boolean,
    index text,
    options jsonb
)
returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    most integer := case _refuse_index.storage when 'vector' then 2000 else 4000 end;
    length integer := case _refuse_index.index
        when 'hnsw' then _refuse_index.dimensions
        when 'prefix' then (_refuse_index.options ->> 'dimensions')::integer
        -- Of bits, HNSW takes more than a vector has dimensions.
        else 0
    end;
begin
    if _refuse_index.index = 'prefix' and length >= _refuse_index.dimensions then
        raise exception 'sqlembed: the first % dimensions cannot be indexed: % makes %',
            length, quote_ident(_refuse_index.embedder), _refuse_index.dimensions
            using errcode = 'SE014', hint = 'Give fewer, or say index => ''hnsw''.';
    end if;
    if length <= most then
        return;
    end if;
    raise exception 'sqlembed: an index on % takes % dimensions at most, and % %',
        _refuse_index.storage, most, quote_ident(_refuse_index.embedder),
        case _refuse_index.index
            when 'prefix' then format('should have %s of its %s indexed', length, _refuse_index.dimensions)
            else format('makes %s', _refuse_index.dimensions)
        end
        using errcode = 'SE011',
            hint = concat_ws(
                ' ',
                case
                    when length > 4000 then null
                    when _refuse_index.is_present
                    then format(
                        'alter table %s alter column %I type halfvec(%s).',
                        _refuse_index.relation, _refuse_index.name, _refuse_index.dimensions
                    )
                    else 'Leave storage out, or say storage => ''halfvec''.'
                end,
                case _refuse_index.index
                    when 'prefix' then 'Index fewer of the first dimensions.'
                    else
                        'Or index less of each vector and rank by all of it: index => ''binary'', or, if the model is '
                        'made for it, index => ''prefix'', index_options => ''{"dimensions": 1024}''. Or say index => ''none''.'
                end
            );
end
$function$;

comment on function sqlembed._refuse_index(regclass, name, text, integer, text, boolean, text, jsonb) is
    'The error for vectors that are too long for a kind of index; otherwise nothing.';

create or replace function sqlembed._refuse_renamed(declared sqlembed.embedding) returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    renamed text;
begin
    if (_refuse_renamed.declared).numbered_in <> (_refuse_renamed.declared).relation::oid then
        raise exception 'sqlembed: % was restored from a dump, and no worker has looked at it yet', (_refuse_renamed.declared).relation
            using errcode = 'SE013',
                hint = 'Workers do within seconds; if none is alive, run: sqlembed worker --burst. Then say it again.';
    end if;
    select string_agg(format('%I to %I', c.was, c.present), ', ')
    into renamed
    from sqlembed._present_columns(_refuse_renamed.declared) as p
    cross join lateral unnest(
        (_refuse_renamed.declared).source_columns || (_refuse_renamed.declared).name, p.source || p.vector
    ) as c (was, present)
    where c.present <> c.was;
    if renamed is not null then
        raise exception 'sqlembed: columns of % were renamed, and no worker has followed yet: %', (_refuse_renamed.declared).relation, renamed
            using errcode = 'SE013',
                hint = 'Workers do within seconds; if none is alive, run: sqlembed worker --burst. Then say it again.';
    end if;
end
$function$;

comment on function sqlembed._refuse_renamed(sqlembed.embedding) is
    'An error when a column of an embedding was renamed, or its table restored, and no worker has followed yet: a declaration is altered by the names and numbers that it has.';

create or replace function sqlembed._refuse_side(relation regclass, side regclass, embedding name, is_chunked boolean) returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    problem text;
begin
    select case
        when c.relkind <> 'r' or c.relispartition then 'is not a table'
        when c.relpersistence = 't' then 'is a temporary table'
        when c.relowner <> o.relowner then format('belongs to %s', c.relowner::regrole)
        when exists (select from sqlembed.embedding as e where e.side = c.oid) then 'belongs to another embedding'
        when exists (select from sqlembed.embedding as e where e.relation = c.oid) then 'has an embedding itself'
        when (
            select array_agg((a.atttypid, a.atttypmod, a.attcollation) order by k.position)
            from pg_index as i
            cross join unnest(i.indkey) with ordinality as k (attnum, position)
            join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = k.attnum
            where i.indrelid = o.oid and i.indisprimary and k.position <= i.indnkeyatts
        ) is distinct from (
            select array_agg((a.atttypid, a.atttypmod, a.attcollation) order by k.position)
            from pg_index as i
            cross join unnest(i.indkey) with ordinality as k (attnum, position)
            join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = k.attnum
            where i.indrelid = c.oid and i.indisprimary
                and k.position <= i.indnkeyatts - case when _refuse_side.is_chunked then 1 else 0 end
        ) then 'has another primary key'
        when not exists (
            select
            from pg_attribute as a
            where a.attrelid = c.oid and a.attname = 'source_hash' and a.atttypid = 'bytea'::regtype
        ) or not exists (
            select from pg_attribute as a where a.attrelid = c.oid and a.attname = _refuse_side.embedding
        ) or _refuse_side.is_chunked <> (
            select count(*) = 4
            from pg_attribute as a
            where a.attrelid = c.oid
                and (a.attname, a.atttypid) in (
                    ('ordinal', 'integer'::regtype), ('span', 'int4range'::regtype), ('chunk', 'text'::regtype),
                    ('chunk_hash', 'bytea'::regtype)
                )
        ) then case when _refuse_side.is_chunked then 'is no table of chunks' else 'is no side table' end
    end
    into problem
    from pg_class as c
    join pg_class as o on o.oid = _refuse_side.relation
    where c.oid = _refuse_side.side;
    if problem is not null then
        raise exception 'sqlembed: % %, and the vectors of % would stand there', _refuse_side.side, problem, _refuse_side.relation
            using errcode = 'SE011', hint = 'Rename it, or give the embedding another name: embedding => ''...''.';
    end if;
end
$function$;

comment on function sqlembed._refuse_side(regclass, regclass, name, boolean) is
    'An error when what has the name of a side table cannot be the one of an embedding.';

create or replace function sqlembed._refuse_vector_source(relation regclass, embedding name, columns name[]) returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
begin
    if _refuse_vector_source.embedding = any (_refuse_vector_source.columns) or exists (
        select
        from sqlembed.embedding as e
        where e.relation = _refuse_vector_source.relation and e.name = any (_refuse_vector_source.columns)
    ) then
        raise exception 'sqlembed: the source expression uses a vector column'
            using errcode = 'SE012', hint = 'A vector is made from text; leave the column out.';
    end if;
end
$function$;

comment on function sqlembed._refuse_vector_source(regclass, name, name[]) is
    'An error when a source uses the vector column itself or that of another embedding.';

create or replace function sqlembed._refused_commit() returns text
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
begin
    commit;
exception when invalid_transaction_termination then
    return sqlerrm;
end
$function$;

comment on function sqlembed._refused_commit() is
    'What PostgreSQL says to a COMMIT inside a transaction of the caller''s, in the language of the session: nothing else tells it from one inside an exception block.';

create or replace function sqlembed._register_name(name text, dimensions integer) returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
    select sqlembed.register_embedder(_register_name.name, _register_name.dimensions)
$function$;

comment on function sqlembed._register_name(text, integer) is
    'Make an embedder known before a worker serves it: the first worker fills in the fingerprint. Not for everybody: a name taken with other dimensions keeps its worker from starting.';

revoke execute on function sqlembed._register_name(text, integer) from public;

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

create or replace function sqlembed._renamed_source(
    relation regclass,
    source text,
    declared name[],
    present name[]
)
returns text
language plpgsql
volatile
-- A canonical expression means what it says there, whatever the caller's search_path.
set search_path = pg_catalog, pg_temp
as $function$
declare
    name text := 'sqlembed_source_' || pg_catalog.replace(pg_catalog.gen_random_uuid()::text, '-', '');
    columns text;
    renamed record;
    definition text;
begin
    if _renamed_source.declared operator(pg_catalog.=) _renamed_source.present then
        return _renamed_source.source;
    end if;
    if pg_catalog.array_position(_renamed_source.present, null) is not null then
        return null;
    end if;
    -- PostgreSQL reads the expression over a table that has the old names, and writes it down once
    -- that table has been given the new ones.
    execute pg_catalog.format(
        'create temporary table %I as select %s from %s as r with no data',
        name || '_t',
        (
            select pg_catalog.string_agg(pg_catalog.format('r.%I as %I', c.present, c.declared), ', ')
            from unnest(_renamed_source.present, _renamed_source.declared) as c (present, declared)
        ),
        _renamed_source.relation
    );
    execute pg_catalog.format(
        'create temporary view %1$I as select (%2$s) as %1$I from pg_temp.%3$I', name, _renamed_source.source, name || '_t'
    );
    -- In two steps: two columns may have changed their names with each other.
    for renamed in
        select c.declared, c.present, 'sqlembed_column_' || c.position as meanwhile
        from unnest(_renamed_source.declared, _renamed_source.present)
            with ordinality as c (declared, present, position)
    loop
        execute pg_catalog.format(
            'alter table pg_temp.%I rename column %I to %I', name || '_t', renamed.declared, renamed.meanwhile
        );
    end loop;
    for renamed in
        select c.present, 'sqlembed_column_' || c.position as meanwhile
        from pg_catalog.unnest(_renamed_source.present) with ordinality as c (present, position)
    loop
        execute pg_catalog.format(
            'alter table pg_temp.%I rename column %I to %I', name || '_t', renamed.meanwhile, renamed.present
        );
    end loop;
    definition := sqlembed._view_definition(pg_catalog.to_regclass('pg_temp.' || name));
    execute pg_catalog.format('drop table pg_temp.%I cascade', name || '_t');
    return sqlembed._unqualified(
        pg_catalog.regexp_replace(
            pg_catalog.regexp_replace(definition, '^[[:space:]]*SELECT[[:space:]]+', ''), ' AS ' || name || '[[:space:]].*$', ''
        ),
        name || '_t',
        _renamed_source.present
    );
end
$function$;

comment on function sqlembed._renamed_source(regclass, text, name[], name[]) is
    'A canonical source expression after its columns have got other names; NULL when one is gone.';

create or replace function sqlembed._row_source(relation regclass, expression text, row_name text) returns text
language plpgsql
volatile
as $function$
declare
    -- A name that stands nowhere else.
    marker text := 'sqlembed_row_' || pg_catalog.replace(pg_catalog.gen_random_uuid()::text, '-', '');
    made text := sqlembed._prefixed_source(_row_source.relation, _row_source.expression, marker);
    pattern text;
    generated record;
begin
    for generated in
        select pg_catalog.quote_ident(a.attname) as name, sqlembed._generation(a.attrelid, a.attnum) as expression
        from pg_catalog.pg_attribute as a
        where a.attrelid operator(pg_catalog.=) _row_source.relation and a.attgenerated operator(pg_catalog.<>) ''
            and not a.attisdropped
    loop
        pattern := marker || E'\\.' || pg_catalog.regexp_replace(generated.name, '([^[:alnum:]_ ])', E'\\\\\\1', 'g')
            || '(?![a-z0-9_"])';
        if made operator(pg_catalog.~) pattern then
            made := pg_catalog.regexp_replace(
                made,
                pattern,
                pg_catalog.replace(
                    '(' || sqlembed._prefixed_source(_row_source.relation, generated.expression, marker) || ')', E'\\', E'\\\\'
                ),
                'g'
            );
        end if;
    end loop;
    return pg_catalog.replace(made, marker || '.', _row_source.row_name || '.');
end
$function$;

comment on function sqlembed._row_source(regclass, text, text) is
    'A canonical source expression over new or old, with the expressions of generated columns in their place: before an update nobody else knows their new values.';

create or replace function sqlembed._share_side(relation regclass, side regclass) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    reader text;
begin
    execute format('alter table %s enable row level security', _share_side.side);
    if (select c.relforcerowsecurity from pg_class as c where c.oid = _share_side.relation) then
        execute format('alter table %s force row level security', _share_side.side);
    end if;
    execute format('drop policy if exists sqlembed_follow on %s', _share_side.side);
    -- A scalar sub-select, which PostgreSQL looks up row by row: for EXISTS it may read the whole
    -- table first, however few rows a search looks at.
    execute format(
        'create policy sqlembed_follow on %s for select using ((select true from %s as r where %s limit 1))',
        _share_side.side,
        _share_side.relation,
        sqlembed._side_match(_share_side.relation, _share_side.side, 'r', _share_side.side::text)
    );
    for reader in select * from sqlembed._side_readers(_share_side.relation, _share_side.side)
    loop
        execute format('grant select on %s to %s', _share_side.side, reader);
    end loop;
end
$function$;

comment on function sqlembed._share_side(regclass, regclass) is
    'Let those who see rows of a table see their vectors in its side table, and nobody else: a policy asks the table as the reader.';

create or replace function sqlembed._side_name(wanted text) returns name
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $function$
declare
    -- PostgreSQL would cut a longer one off without a word, and two of them might meet.
    most integer := 63;
    kept text := _side_name.wanted;
    mark text := '_' || left(md5(_side_name.wanted), 8);
begin
    if octet_length(kept) <= most then
        return kept;
    end if;
    while octet_length(kept || mark) > most loop
        kept := left(kept, -1);
    end loop;
    return kept || mark;
end
$function$;

comment on function sqlembed._side_name(text) is
    'A name of 63 bytes at most: a longer one is cut and marked with a part of its hash.';

create or replace function sqlembed._side_note_body(embedding integer, key text, source text) returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    -- For every column and row of what the statement wrote: the side table is not looked at.
    select format(
        $sql$
#variable_conflict use_column
begin
    -- Attached without these names for its rows, they would lead to views of the caller's in pg_temp.
    if to_regclass('sqlembed_new') is not null or to_regclass('sqlembed_old') is not null then
        raise exception 'sqlembed: trigger %% of %% was not made by create_embedding', quote_ident(tg_name), tg_relid::regclass
            using errcode = '42501', hint = 'Declare the embedding with sqlembed.create_embedding.';
    end if;
    -- A column that was dropped or renamed under us must not fail the application's statement.
    begin
        case tg_op
            when 'DELETE' then
                perform %2$s from sqlembed_old limit 1;
            when 'TRUNCATE' then
                perform true;
            else
                perform %2$s, %3$s from sqlembed_new limit 1;
        end case;
    exception when undefined_column or undefined_function then
        return null;
    end;
    if not found then
        return null;
    end if;

    case tg_op
        when 'INSERT' then
            insert into sqlembed.change (embedding, key) select %1$s, %2$s from sqlembed_new;
        when 'UPDATE' then
            -- A key that is no more is noted as well: its vector goes.
            insert into sqlembed.change (embedding, key)
            select %1$s, coalesce(n.key, o.key)
            from (select %2$s as key, row(%3$s) as source from sqlembed_new) as n
            full join (select %2$s as key, row(%3$s) as source from sqlembed_old) as o on o.key = n.key
            where n.key is null or o.key is null or o.source *<> n.source;
        when 'DELETE' then
            insert into sqlembed.change (embedding, key) select %1$s, %2$s from sqlembed_old;
        else
            -- All rows at once have no keys: the empty one stands for whatever is gone.
            insert into sqlembed.change (embedding, key) values (%1$s, '[]');
    end case;
    -- NOTIFY serializes commits, so a bell is rung only while a worker waits for one. The shared
    -- lock, held to the end of the transaction, keeps a worker from falling asleep meanwhile.
    -- As in the function for rows' own vectors, not where transactions may be prepared.
    if found and current_setting('max_prepared_transactions') = '0'
        and not pg_try_advisory_xact_lock_shared(%4$s, 0) then
        perform pg_notify('sqlembed', '');
    end if;
    return null;
end
$sql$,
        _side_note_body.embedding,
        _side_note_body.key,
        _side_note_body.source,
        sqlembed._lock('idle')
    )
$function$;

comment on function sqlembed._side_note_body(integer, text, text) is
    'What the statement triggers of an embedding with a side table do: append new rows, changed sources, keys that are new and keys that are gone to change. For _make_note_function.';

create or replace function sqlembed._side_readers(relation regclass, side regclass) returns setof text
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    select case g.grantee when 0 then 'public' else g.grantee::regrole::text end
    from (
        select a.grantee
        from pg_class as c
        cross join aclexplode(c.relacl) as a
        where c.oid = _side_readers.relation and a.privilege_type = 'SELECT' and a.grantee <> c.relowner
        except
        select a.grantee
        from pg_class as c
        cross join aclexplode(c.relacl) as a
        where c.oid = _side_readers.side and a.privilege_type = 'SELECT'
    ) as g
$function$;

comment on function sqlembed._side_readers(regclass, regclass) is
    'Roles, as SQL text, that were granted SELECT on a table and not yet on its side table.';

create or replace function sqlembed._text_search_config(config regconfig) returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    -- As text: pg_upgrade refuses tables with a regconfig.
    select format('%I.%I', n.nspname, c.cfgname)
    from pg_ts_config as c
    join pg_namespace as n on n.oid = c.cfgnamespace
    where c.oid = _text_search_config.config
$function$;

comment on function sqlembed._text_search_config(regconfig) is
    'The name of a text search configuration, with its schema.';

create or replace function sqlembed._unattached(
    declared sqlembed.embedding,
    out member regclass,
    out state text
)
returns setof record
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    select
        m.member,
        case
            when bool_or(t.oid is null) then 'missing'
            when bool_or(t.tgenabled = 'D') then 'disabled'
            else 'changed'
        end
    from unnest(declared.relation || sqlembed._members(declared.relation)) as m (member)
    cross join sqlembed._wanted_triggers(declared) as w
    left join pg_trigger as t
        on t.tgrelid = m.member
        and t.tgname = w.name
        and t.tgfoid = to_regprocedure(format('sqlembed.%I()', w.function))
    group by m.member
    having bool_or(t.tgenabled is distinct from w.fires)
    order by m.member
$function$;

comment on function sqlembed._unattached(sqlembed.embedding) is
    'Tables of an embedding whose triggers are missing, disabled or otherwise than they were made.';

create or replace function sqlembed._unqualified(expression text, relation name, columns name[]) returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    with part as (
        select p.found[1] as token, p.position
        from regexp_matches(
            _unqualified.expression,
            $re$('(?:[^']|'')*'|"(?:[^"]|"")*"|[[:alnum:]_$]+|::|[[:space:]]+|.)$re$,
            'g'
        ) with ordinality as p (found, position)
    ),
    seen as (
        select
            p.token,
            p.position,
            -- A function, a type or a collation may be in a schema of the table's name.
            p.token = quote_ident(_unqualified.relation)
                and lead(p.token) over ordered = '.'
                and lead(p.token, 2) over ordered = any (array(select quote_ident(c) from unnest(_unqualified.columns) as c))
                and lead(p.token, 3, '') over ordered <> '('
                and lag(p.token, 1, '') over ordered not in ('.', '::')
                and lag(p.token, 2, '') over ordered <> 'COLLATE' as is_qualifier
        from part as p
        window ordered as (order by p.position)
    )
    -- Of a view over one table, PostgreSQL 15 writes every column with the name of the table; later
    -- ones do not.
    select case
        when current_setting('server_version_num')::integer < 160000
            then string_agg(s.token, '' order by s.position) filter (where not s.is_qualifier and not s.is_dot)
        else _unqualified.expression
    end
    from (select s.*, lag(s.is_qualifier, 1, false) over (order by s.position) as is_dot from seen as s) as s
$function$;

comment on function sqlembed._unqualified(text, name, name[]) is
    'An expression as PostgreSQL writes it, without the table''s name before its columns.';

create or replace function sqlembed._unsteady_part(tree text) returns text
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    -- A text that differs every time it is looked at would be embedded for ever.
    select coalesce(
        (
            select format('the result of %s changes by itself', p.oid::regprocedure)
            from regexp_matches(_unsteady_part.tree, ':(?:funcid|opfuncid) ([0-9]+)', 'g') as found (ids)
            join pg_proc as p on p.oid = found.ids[1]::oid
            where p.provolatile = 'v'
                or p.provolatile = 's'
                and p.pronamespace = 'pg_catalog'::regnamespace
                and p.proname = any ('{now,transaction_timestamp,statement_timestamp,age,current_setting,pg_backend_pid,txid_current,pg_current_xact_id}')
            limit 1
        ),
        case
            when _unsteady_part.tree ~ '[{]SQLVALUEFUNCTION ' then 'the current time and user are not the row''s'
        end
    )
$function$;

comment on function sqlembed._unsteady_part(text) is
    'What, in the parsed tree of an expression, gives another result the next time; NULL when there is no such thing.';

create or replace function sqlembed._view_definition(view oid) returns text
language sql
stable
set search_path = pg_catalog
as $function$
    select pg_get_viewdef(_view_definition.view)
$function$;

comment on function sqlembed._view_definition(oid) is
    'A view''s query with every name qualified that is not in pg_catalog.';

create or replace function sqlembed._wanted_dimensions(embedder text, dimensions integer) returns integer
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    registered integer := (select e.dimensions from sqlembed.embedder as e where e.name = _wanted_dimensions.embedder);
begin
    if registered is null then
        if _wanted_dimensions.dimensions is null
            or not has_function_privilege('sqlembed._register_name(text, integer)', 'execute')
        then
            raise exception 'sqlembed: unknown embedder %', quote_nullable(_wanted_dimensions.embedder)
                using errcode = 'SE001',
                    hint = coalesce(
                        'Known: ' || (select string_agg(e.name, ', ' order by e.name) from sqlembed.embedder as e) || '.',
                        'None is registered yet.'
                    ) || ' Start a worker that serves it once, or say its dimensions too.';
        end if;
        perform sqlembed._register_name(_wanted_dimensions.embedder, _wanted_dimensions.dimensions);
        return _wanted_dimensions.dimensions;
    end if;
    if _wanted_dimensions.dimensions <> registered then
        raise exception 'sqlembed: embedder % makes % dimensions, not %',
            quote_ident(_wanted_dimensions.embedder), registered, _wanted_dimensions.dimensions
            using errcode = 'SE011', hint = 'Name an embedder that makes as many, or leave the dimensions out.';
    end if;
    return registered;
end
$function$;

comment on function sqlembed._wanted_dimensions(text, integer) is
    'The dimensions of an embedder; one that nobody has registered is made known with those that are said.';

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

create or replace function sqlembed.alter_embedding(
    relation regclass,
    embedding name default 'embedding',
    embedder text default null,
    dimensions integer default null,
    source text default null,
    timing text default null,
    on_change text default null,
    metric text default null,
    storage text default null,
    index text default null,
    index_options jsonb default null,
    index_name name default null,
    full_text text default null,
    chunking jsonb default null
)
returns bigint
language plpgsql
volatile
as $function$
declare
    present sqlembed.embedding := sqlembed._embedding_of(alter_embedding.relation, alter_embedding.embedding);
    wanted sqlembed.embedding;
    canonical record;
    is_resourced boolean;
    is_recut boolean;
    is_emptied boolean;
    queued bigint := 0;
begin
    perform sqlembed._check_relation(alter_embedding.relation);
    -- As when it was declared; and whoever has waited here sees what the other has made of it.
    execute pg_catalog.format('lock table %s in share row exclusive mode', alter_embedding.relation);
    present := sqlembed._embedding_of(alter_embedding.relation, alter_embedding.embedding);
    perform sqlembed._refuse_renamed(present);
    if (sqlembed._beside(present)).generation operator(pg_catalog.=) 'next' then
        raise exception 'sqlembed: the next generation of % of % is being built as the present one was declared',
            pg_catalog.quote_ident(present.name), present.relation
            using errcode = 'SE014',
                hint = pg_catalog.format(
                    'First: select sqlembed.switch_generation(%1$L, %2$L), or sqlembed.abandon_generation(%1$L, %2$L).',
                    present.relation, present.name
                );
    end if;
    wanted := present;
    wanted.embedder := coalesce(alter_embedding.embedder, present.embedder);
    wanted.timing := coalesce(alter_embedding.timing, present.timing);
    wanted.on_change := coalesce(alter_embedding.on_change, present.on_change);
    wanted.metric := coalesce(alter_embedding.metric, present.metric);
    wanted.storage := coalesce(alter_embedding.storage, present.storage);
    wanted.index := coalesce(alter_embedding.index, present.index);
    wanted.index_options := sqlembed._check_index(
        wanted.index,
        -- Another kind has other options.
        coalesce(
            alter_embedding.index_options, case when wanted.index operator(pg_catalog.=) present.index then present.index_options end
        )
    );
    wanted.chunking := coalesce(sqlembed._checked_chunking(alter_embedding.chunking), present.chunking);
    if (wanted.chunking is null) operator(pg_catalog.<>) (present.chunking is null) then
        raise exception 'sqlembed: % of % is not cut into chunks, and to do so takes another side table',
            pg_catalog.quote_ident(present.name), present.relation
            using errcode = 'SE014', hint = 'Declare it anew: drop_embedding, then create_embedding.';
    end if;
    wanted.full_text := case
        when alter_embedding.full_text is null then present.full_text
        when alter_embedding.full_text operator(pg_catalog.<>) ''
        then sqlembed._text_search_config(alter_embedding.full_text::pg_catalog.regconfig)
    end;
    if alter_embedding.source is not null then
        select c.* into canonical
        from sqlembed._canonical_source(alter_embedding.relation, alter_embedding.source) as c;
        perform sqlembed._refuse_vector_source(alter_embedding.relation, present.name, canonical.columns);
        wanted.source := canonical.expression;
        wanted.declared_source := alter_embedding.source;
        wanted.source_columns := canonical.columns;
    end if;
    perform sqlembed._check_options(wanted.timing, wanted.on_change, wanted.metric, wanted.storage, wanted.place);
    wanted.dimensions := sqlembed._wanted_dimensions(wanted.embedder, alter_embedding.dimensions);

    is_resourced := wanted.source operator(pg_catalog.<>) present.source;
    is_recut := coalesce(wanted.chunking operator(pg_catalog.<>) present.chunking, false);
    -- Vectors of two embedders cannot be compared, and a change of type would rewrite the table behind
    -- an exclusive lock: the column is made anew, in an instant, and filled by workers.
    is_emptied := (wanted.embedder, wanted.dimensions, wanted.storage)
        operator(pg_catalog.<>) (present.embedder, present.dimensions, present.storage);

    perform sqlembed._refuse_index(
        present.relation, present.name, wanted.embedder, wanted.dimensions, wanted.storage, not is_emptied, wanted.index,
        wanted.index_options
    );
    if is_emptied then
        perform sqlembed._drop_triggers(present.id, '{}', '{}');
        perform sqlembed._empty_column(present, wanted);
    end if;
    if (is_resourced and wanted.full_text is not null) or wanted.full_text is distinct from present.full_text then
        if present.full_text_column is not null then
            execute pg_catalog.format('alter table %s drop column if exists %I', present.relation, present.full_text_column);
        end if;
        wanted.full_text_column := case
            when wanted.full_text is not null
            then sqlembed._prepare_full_text(present.relation, present.name, wanted.full_text, wanted.source)
        end;
    end if;
    update sqlembed.embedding as e
    set
        embedder = wanted.embedder,
        dimensions = wanted.dimensions,
        source = wanted.source,
        declared_source = wanted.declared_source,
        source_columns = wanted.source_columns,
        timing = wanted.timing,
        on_change = wanted.on_change,
        metric = wanted.metric,
        storage = wanted.storage,
        index = wanted.index,
        index_options = wanted.index_options,
        chunking = wanted.chunking,
        full_text = wanted.full_text,
        full_text_column = wanted.full_text_column
    where e.id operator(pg_catalog.=) present.id
    returning * into wanted;
    if is_resourced and wanted.side is not null then
        perform sqlembed._make_hash_function(wanted, replaces => true);
    end if;
    if is_emptied or is_resourced
        or (wanted.timing, wanted.on_change) operator(pg_catalog.<>) (present.timing, present.on_change)
    then
        perform sqlembed._attach_triggers(wanted);
    end if;
    if is_emptied or alter_embedding.index_name is not null
        or (wanted.metric, wanted.index, coalesce(wanted.index_options, '{}'))
            operator(pg_catalog.<>) (present.metric, present.index, coalesce(present.index_options, '{}'))
    then
        perform sqlembed._exchange_index(present, wanted, alter_embedding.index_name);
    end if;
    if is_emptied or is_resourced or is_recut then
        execute pg_catalog.format(
            'insert into sqlembed.change (embedding, key) select %s, %s from %s as r',
            wanted.id, (select k.expression from sqlembed._key_sql(wanted.relation) as k), wanted.relation
        );
        get diagnostics queued = row_count;
        perform pg_catalog.pg_notify('sqlembed', '');
    end if;
    return queued;
end
$function$;

comment on function sqlembed.alter_embedding(
    regclass, name, text, integer, text, text, text, text, text, text, jsonb, name, text, jsonb
) is
    'Change how a vector column is kept; what is null stays. Another source queues all rows, whose present vectors stay meanwhile. Another timing or on_change makes the triggers anew. Another metric or index, or other index_options ({} for none), builds the new index and then drops the old one, or takes over index_name, built before. Another embedder or storage makes the column anew, empty, and queues all rows. Other chunking cuts all texts again. full_text '''' takes the full text off. Returns how many rows it queued.';

create or replace function sqlembed.create_embedding(
    relation regclass,
    embedder text,
    source text,
    embedding name default 'embedding',
    timing text default 'async',
    on_change text default 'hide',
    metric text default 'cosine',
    storage text default null,
    index text default 'hnsw',
    place text default 'row',
    chunking jsonb default null,
    adopt text default 'keep',
    if_not_exists boolean default false,
    full_text regconfig default null,
    index_options jsonb default null,
    dimensions integer default null
)
returns bigint
language plpgsql
volatile
as $function$
declare
    key record;
    canonical record;
    prepared record;
    options jsonb := sqlembed._check_index(create_embedding.index, create_embedding.index_options);
    beside record;
    chunking jsonb := sqlembed._checked_chunking(create_embedding.chunking);
    place text := create_embedding.place;
    config text := sqlembed._text_search_config(create_embedding.full_text);
    declared sqlembed.embedding;
    queued bigint;
begin
    perform sqlembed._check_options(
        create_embedding.timing, create_embedding.on_change, create_embedding.metric, create_embedding.storage, place
    );
    perform sqlembed._check_choice('adopt', create_embedding.adopt, '{keep,check,recompute}');
    if create_embedding.timing operator(pg_catalog.=) 'sync' and chunking is not null then
        raise exception 'sqlembed: timing ''sync'' with chunking is not available in this version'
            using errcode = 'SE014',
                hint = 'Only a worker cuts texts: say timing => ''async'', and call sqlembed.wait_until_embedded where the chunks are needed at once.';
    end if;
    if chunking is not null then
        -- A row has several.
        place := 'side';
    end if;

    perform sqlembed._check_relation(create_embedding.relation);
    perform sqlembed._check_family(create_embedding.relation, create_embedding.embedding);
    if create_embedding.adopt operator(pg_catalog.=) 'check' and not exists (
        select
        from sqlembed.embedding as e
        where e.relation operator(pg_catalog.=) create_embedding.relation
            and e.name operator(pg_catalog.=) create_embedding.embedding
    ) then
        -- A worker computes meanwhile, so nothing is locked yet.
        perform sqlembed._check_adopted(
            create_embedding.relation, create_embedding.embedding, create_embedding.embedder, create_embedding.source,
            create_embedding.metric, place, chunking is not null
        );
    end if;
    -- Two sessions that declare on one table take turns, and no row slips in between queue and trigger.
    execute pg_catalog.format('lock table %s in share row exclusive mode', create_embedding.relation);
    select k.* into key from sqlembed._key_sql(create_embedding.relation) as k;
    if key.columns is null then
        raise exception 'sqlembed: table % has no primary key', create_embedding.relation
            using errcode = 'SE010',
                hint = pg_catalog.format(
                    'Workers find rows by it: alter table %s add column id bigint generated always as identity primary key.',
                    create_embedding.relation
                );
    end if;
    select c.* into canonical
    from sqlembed._canonical_source(create_embedding.relation, create_embedding.source) as c;

    select e.*
    into declared
    from sqlembed.embedding as e
    where e.relation operator(pg_catalog.=) create_embedding.relation
        and e.name operator(pg_catalog.=) create_embedding.embedding;
    if declared.id is not null then
        if create_embedding.if_not_exists
            and (
                declared.embedder, declared.source, declared.timing, declared.on_change, declared.metric, declared.storage,
                declared.index, declared.place, coalesce(declared.full_text, ''), coalesce(declared.index_options, '{}'),
                coalesce(declared.chunking, 'null')
            )
                operator(pg_catalog.=)
                (
                    create_embedding.embedder, canonical.expression, create_embedding.timing, create_embedding.on_change,
                    create_embedding.metric, coalesce(create_embedding.storage, declared.storage), create_embedding.index,
                    place, coalesce(config, ''), coalesce(options, '{}'), coalesce(chunking, 'null')
                )
        then
            return 0;
        end if;
        raise exception 'sqlembed: column % of % is an embedding already',
            pg_catalog.quote_ident(create_embedding.embedding), create_embedding.relation
            using errcode = 'SE011',
                hint = pg_catalog.format(
                    'To declare it otherwise, first: select sqlembed.drop_embedding(%L, %L).',
                    create_embedding.relation, create_embedding.embedding
                );
    end if;
    perform sqlembed._refuse_vector_source(create_embedding.relation, create_embedding.embedding, canonical.columns);
    if place operator(pg_catalog.=) 'side' then
        select s.*
        into beside
        from sqlembed._prepare_side(create_embedding.relation, create_embedding.embedding, chunking is not null) as s;
    else
        select null::pg_catalog.regclass as side, null::name as hash_function, true as is_new into beside;
    end if;

    if create_embedding.dimensions is not null then
        perform sqlembed._wanted_dimensions(create_embedding.embedder, create_embedding.dimensions);
    end if;
    prepared := sqlembed._prepare_column(
        coalesce(beside.side, create_embedding.relation), create_embedding.embedding, create_embedding.embedder,
        create_embedding.index, options, create_embedding.storage
    );
    insert into sqlembed.embedding (
        relation, name, embedder, source, declared_source, timing, on_change, metric, storage, index, index_options, place,
        side, hash_function, chunking, dimensions, key_columns, key_expression, source_columns, full_text, full_text_column
    )
    values (
        create_embedding.relation, create_embedding.embedding, create_embedding.embedder, canonical.expression,
        create_embedding.source, create_embedding.timing, create_embedding.on_change, create_embedding.metric,
        prepared.storage, create_embedding.index, options, place, beside.side,
        beside.hash_function, chunking, prepared.dimensions, key.columns, key.expression, canonical.columns,
        config,
        case
            when config is not null
            then sqlembed._prepare_full_text(
                create_embedding.relation, create_embedding.embedding, config, canonical.expression
            )
        end
    )
    returning * into declared;

    if declared.side is not null then
        perform sqlembed._make_hash_function(declared);
        perform sqlembed._share_side(declared.relation, declared.side);
    end if;
    perform sqlembed._attach_triggers(declared);
    if create_embedding.index operator(pg_catalog.<>) 'none' then
        perform sqlembed._build_index(declared);
    end if;

    if chunking is not null and not beside.is_new and create_embedding.adopt operator(pg_catalog.=) 'recompute' then
        -- No vector is taken for that of an unchanged chunk.
        execute pg_catalog.format('update %s set chunk_hash = %L', declared.side, '');
    end if;
    execute pg_catalog.format(
        'insert into sqlembed.change (embedding, key) select %s, %s from %s as r where not (%s) or %L',
        declared.id, declared.key_expression, declared.relation, sqlembed._vector_test(declared, 'r'),
        create_embedding.adopt operator(pg_catalog.=) 'recompute'
    );
    get diagnostics queued = row_count;
    if not beside.is_new then
        -- What was deleted while nobody looked.
        insert into sqlembed.change (embedding, key) values (declared.id, '[]');
    end if;
    perform pg_catalog.pg_notify('sqlembed', '');
    return queued;
end
$function$;

comment on function sqlembed.create_embedding(
    regclass, text, text, name, text, text, text, text, text, text, jsonb, text, boolean, regconfig,
    jsonb, integer
) is
    'Keep a vector column up to date with a source expression over its row: adds the column if it is missing, or takes over the one that is there (adopt: keep its vectors, check a sample of them by computing it again, or recompute all), attaches triggers, builds the index and queues the rows that have no vector. With full_text, a language such as english, it also keeps the words of the source in a column of their own, with an index. With chunking, such as {"tokens": 256, "overlap": 32}, long texts are cut, and the chunks with their vectors stand in a side table. index is hnsw, binary (one bit a dimension), prefix (the first dimensions alone) or none. dimensions makes an embedder known that nobody has registered yet. Returns how many it queued.';

create or replace function sqlembed.drop_embedding(
    relation regclass,
    embedding name default 'embedding',
    keep_column boolean default true
)
returns void
language plpgsql
volatile
as $function$
declare
    declared sqlembed.embedding := sqlembed._embedding_of(drop_embedding.relation, drop_embedding.embedding);
    present name := (select p.vector from sqlembed._present_columns(declared) as p);
    own_index regclass;
    hash_call text := sqlembed._hash_call(declared, 'r');
    beside sqlembed.embedding := sqlembed._beside(declared);
begin
    perform sqlembed._check_relation(drop_embedding.relation);
    if not drop_embedding.keep_column then
        perform sqlembed._refuse_clustered(coalesce(declared.side, declared.relation), present);
    end if;
    if beside.id is not null then
        perform sqlembed.drop_embedding(beside.relation, beside.name, keep_column => false);
    end if;
    -- It may have been dropped by hand.
    declared.side := (select c.oid from pg_catalog.pg_class as c where c.oid operator(pg_catalog.=) declared.side);
    update sqlembed.embedding as e set is_dropped = true where e.id operator(pg_catalog.=) declared.id;
    perform sqlembed._drop_triggers(declared.id, '{}', '{}');
    perform sqlembed._drop_note_function(declared.id);
    if declared.full_text_column is not null then
        execute pg_catalog.format('alter table %s drop column if exists %I', declared.relation, declared.full_text_column);
    end if;
    if hash_call is not null then
        execute pg_catalog.format(
            'drop function %s(%s)', pg_catalog.left(hash_call, -pg_catalog.length('(r.*)')), declared.relation
        );
    end if;
    if declared.side is not null then
        -- Kept, it is its owner's alone: without the policy there is nobody else to see a row.
        execute pg_catalog.format('drop policy if exists sqlembed_follow on %s', declared.side);
    end if;
    if not drop_embedding.keep_column and declared.side is not null then
        execute pg_catalog.format('drop table %s', declared.side);
    elsif not drop_embedding.keep_column then
        if present is not null then
            execute pg_catalog.format('alter table %s drop column %I', declared.relation, present);
        end if;
    elsif declared.index_name is not null then
        own_index := sqlembed._own_index(coalesce(declared.side, declared.relation), declared.index_name);
        if own_index is not null then
            execute pg_catalog.format('drop index %s', own_index);
        end if;
    end if;
end
$function$;

comment on function sqlembed.drop_embedding(regclass, name, boolean) is
    'Stop keeping a vector column up to date: takes off the triggers, the index and the full text that were made for it. The column, or the side table, and its vectors stay unless keep_column is false; another generation beside it goes.';

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

create or replace function sqlembed.retry_failed(relation regclass, embedding name default null) returns bigint
language plpgsql
volatile
as $function$
declare
    queued bigint;
begin
    perform sqlembed._check_relation(retry_failed.relation);
    perform sqlembed._embedding_of(retry_failed.relation, coalesce(retry_failed.embedding, e.name))
    from sqlembed.embedding as e
    where e.relation operator(pg_catalog.=) retry_failed.relation;
    -- A change takes its row off the list of failures, as soon as a worker folds it.
    insert into sqlembed.change (embedding, key)
    select e.id, f.key
    from sqlembed.embedding as e
    join sqlembed.failure as f
        on f.relation operator(pg_catalog.=) e.relation and f.embedding operator(pg_catalog.=) e.name
    where e.relation operator(pg_catalog.=) retry_failed.relation
        and e.name operator(pg_catalog.=) coalesce(retry_failed.embedding, e.name);
    get diagnostics queued = row_count;
    perform pg_catalog.pg_notify('sqlembed', '');
    return queued;
end
$function$;

comment on function sqlembed.retry_failed(regclass, name) is
    'Queue again the rows that were given up. Returns how many.';

create or replace procedure sqlembed.wait_until_embedded(relation regclass, timeout interval default '60 s')
language plpgsql
as $procedure$
declare
    began timestamptz := clock_timestamp();
    pause double precision := 0.005;
    looked_at timestamptz := '-infinity';
    open record;
begin
    begin
        commit;
    exception when invalid_transaction_termination then
        if sqlerrm operator(pg_catalog.=) sqlembed._refused_commit() then
            raise exception 'sqlembed: wait_until_embedded was called inside a transaction'
                using errcode = '25001',
                    hint = 'No worker can see rows before they are committed: commit first, then call it in autocommit.';
        end if;
    end;
    if not exists (
        select from sqlembed.embedding as e where e.relation operator(pg_catalog.=) wait_until_embedded.relation
    ) then
        perform sqlembed._embedding_of(wait_until_embedded.relation);
    end if;
    if not pg_catalog.has_table_privilege(wait_until_embedded.relation, 'select') then
        raise exception 'sqlembed: permission denied for table %', wait_until_embedded.relation
            using errcode = '42501', hint = 'Whoever may read a table may wait for its rows.';
    end if;
    while sqlembed._is_waiting(wait_until_embedded.relation, began) loop
        -- Counting takes longer: now and then will do, and first of all.
        if clock_timestamp() operator(pg_catalog.>) (looked_at operator(pg_catalog.+) interval '1 s') then
            select p.* into open from sqlembed._pending(wait_until_embedded.relation) as p;
            looked_at := clock_timestamp();
            if not open.served then
                raise exception 'sqlembed: % rows of % wait, and no worker that serves them is alive',
                    coalesce(open.rows::text, 'some'), wait_until_embedded.relation
                    using errcode = 'SE003', hint = 'Start one: sqlembed worker --registry module:object.';
            end if;
        end if;
        if clock_timestamp() operator(pg_catalog.>) (began operator(pg_catalog.+) wait_until_embedded.timeout) then
            raise exception 'sqlembed: % rows of % still wait after %',
                (select coalesce(p.rows::text, 'some') from sqlembed._pending(wait_until_embedded.relation) as p),
                wait_until_embedded.relation,
                wait_until_embedded.timeout
                using errcode = 'SE004', hint = 'Give a longer timeout, or look at: select * from sqlembed.status.';
        end if;
        commit;
        perform pg_catalog.pg_sleep(pause);
        pause := least(pause operator(pg_catalog.*) 1.5, 0.1);
    end loop;
end
$procedure$;

comment on procedure sqlembed.wait_until_embedded(regclass, interval) is
    'Return when every row of a table that was committed before has been embedded or given up: read your writes. Not inside a transaction.';

-- Generations.
--
-- To change the embedder, the dimensions or the source of an embedding that is in use, the next generation of
-- it is built beside the present one. It is an embedding like any other, a row of sqlembed.embedding, with a
-- column of its own (embedding_next) or a side table of its own, its own triggers and its own jobs: workers
-- fill it, status counts it, a crash loses nothing of it, new rows go to both. generation says which of the two
-- it is, and generation_of to which it belongs. At most one stands beside the current one.
--
--     current ── create_generation ──> current + next ── switch_generation ──> current + previous
--        ^              abandon_generation │    ^           rollback_generation      │
--        ├─────────────────────────────────┘    └────────────────────────────────────┤
--        └────────────────────────── drop_generation ────────────────────────────────┘
--
-- switch_generation exchanges the names of the two columns (or of the two side tables and their columns) and
-- their roles, in one transaction that holds the table for some milliseconds. Neither vectors nor indexes are
-- touched. What was the current generation is then the previous one: still maintained, so that to roll back is
-- the same exchange the other way round.
--
-- No search sees a mixture. It reads the declaration once, by its snapshot: embedder, metric and the number of
-- the column. Then it holds the table, and asks what that column is called now. Begun before the switch and run
-- after it, it embeds its query with the old embedder and compares it with the old vectors, under their new
-- name, in READ COMMITTED as in a transaction that lasts.
--
-- Workers serve current embeddings first. When they have caught up with what is written, they take a little of
-- what belongs to other generations in between, at most rows_per_second of it.

create or replace function sqlembed._beside(declared sqlembed.embedding) returns sqlembed.embedding
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    select e from sqlembed.embedding as e where e.generation_of = (_beside.declared).id
$function$;

comment on function sqlembed._beside(sqlembed.embedding) is
    'The generation that stands beside an embedding, the next or the previous one; NULL without one.';

create or replace function sqlembed._copy_rights(present sqlembed.embedding, other sqlembed.embedding) returns void
language plpgsql
volatile
as $function$
declare
    statement text;
begin
    for statement in
        select pg_catalog.format(
            case
                -- What was taken back meanwhile does not return with the name.
                when a.attnum operator(pg_catalog.<>) (_copy_rights.present).vector_number or a.attrelid operator(pg_catalog.<>) h.present
                then 'revoke %1$s (%2$I) on %3$s from %4$s cascade'
                when g.is_grantable then 'grant %1$s (%2$I) on %3$s to %4$s with grant option'
                else 'grant %1$s (%2$I) on %3$s to %4$s'
            end,
            g.privilege_type, sqlembed._vector_name(_copy_rights.other), h.other,
            case when g.grantee operator(pg_catalog.=) 0::pg_catalog.oid then 'public' else g.grantee::pg_catalog.regrole::text end
        ) as statement
        from (
            select
                coalesce((_copy_rights.present).side, (_copy_rights.present).relation) as present,
                coalesce((_copy_rights.other).side, (_copy_rights.other).relation) as other
        ) as h
        join pg_catalog.pg_attribute as a
            on a.attrelid operator(pg_catalog.=) h.present and a.attnum operator(pg_catalog.=) (_copy_rights.present).vector_number
            or a.attrelid operator(pg_catalog.=) h.other and a.attnum operator(pg_catalog.=) (_copy_rights.other).vector_number
        cross join lateral pg_catalog.aclexplode(a.attacl) as g
        order by statement desc
    loop
        execute statement;
    end loop;
end
$function$;

comment on function sqlembed._copy_rights(sqlembed.embedding, sqlembed.embedding) is
    'Grant on the vector column of a generation what was granted on that of another, and that alone.';

create or replace function sqlembed._current(relation regclass, name name, generation text, out present sqlembed.embedding, out beside sqlembed.embedding)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
begin
    present := sqlembed._embedding_of(_current.relation, _current.name);
    if present.generation <> 'current' then
        raise exception 'sqlembed: % of % is the % generation of another embedding',
            quote_ident(present.name), present.relation, present.generation
            using errcode = 'SE014',
                hint = format(
                    'Name the embedding itself: %I.', (select e.name from sqlembed.embedding as e where e.id = present.generation_of)
                );
    end if;
    beside := sqlembed._beside(present);
    if beside.id is null or beside.generation <> _current.generation then
        raise exception 'sqlembed: % of % has no % generation',
            quote_ident(present.name), present.relation, coalesce(_current.generation, 'other')
            using errcode = 'SE013',
                hint = case
                    when coalesce(_current.generation, 'next') = 'next'
                    then format('Build it: select sqlembed.create_generation(%L, ''another embedder'').', present.relation)
                    else 'select * from sqlembed.generation tells what there is.'
                end;
    end if;
end
$function$;

comment on function sqlembed._current(regclass, name, text) is
    'An embedding and the generation beside it; an error where it is not the one that is meant, NULL for either.';

create or replace function sqlembed._drop_beside(
    relation regclass,
    embedding name,
    generation text,
    timeout interval
)
returns void
language plpgsql
volatile
as $function$
declare
    pair record;
begin
    perform sqlembed._check_relation(_drop_beside.relation);
    perform sqlembed._lock_briefly(array[_drop_beside.relation], _drop_beside.timeout);
    select c.present, c.beside
    into pair
    from sqlembed._current(_drop_beside.relation, _drop_beside.embedding, _drop_beside.generation) as c;
    perform sqlembed.drop_embedding((pair.beside).relation, (pair.beside).name, keep_column => false);
end
$function$;

comment on function sqlembed._drop_beside(regclass, name, text, interval) is
    'Drop the generation beside an embedding, next or previous, with its column or side table.';

create or replace function sqlembed._exchange_generations(present sqlembed.embedding, beside sqlembed.embedding) returns void
language plpgsql
volatile
as $function$
declare
    present sqlembed.embedding := _exchange_generations.present;
    beside sqlembed.embedding := _exchange_generations.beside;
    other text := case beside.generation when 'next' then 'previous' else 'next' end;
    aside name := sqlembed._side_name(present.name::text || '_' || other);
    described text := pg_catalog.col_description(coalesce(present.side, present.relation), present.vector_number);
    made sqlembed.embedding;
begin
    perform sqlembed._refuse_renamed(present);
    perform sqlembed._refuse_renamed(beside);
    perform sqlembed._copy_rights(present, beside);
    execute pg_catalog.format(
        'alter table %s rename column %I to %I', coalesce(present.side, present.relation), present.name, aside
    );
    execute pg_catalog.format(
        'alter table %s rename column %I to %I', coalesce(beside.side, beside.relation), beside.name, present.name
    );
    if present.side is not null then
        perform sqlembed._exchange_tables(present.side, beside.side, other);
    end if;
    execute pg_catalog.format(
        'comment on column %s.%I is %L', coalesce(beside.side, beside.relation), present.name, described
    );
    execute pg_catalog.format(
        'comment on column %s.%I is %L', coalesce(present.side, present.relation), aside,
        pg_catalog.format('The %s generation of %I. Made by sqlembed; written by workers.', other, present.name)
    );
    -- At once: the one gets the name of the other.
    update sqlembed.embedding as e
    set
        name = case e.id when present.id then aside else present.name end,
        generation = case e.id when present.id then other else 'current' end,
        generation_of = case e.id when present.id then beside.id end,
        timing = case e.id when present.id then 'async' else present.timing end,
        on_change = present.on_change,
        full_text = case e.id when present.id then null else present.full_text end,
        full_text_column = case e.id when present.id then null else present.full_text_column end,
        rows_per_second = null
    where e.id in (present.id, beside.id);
    for made in
        select e.* from sqlembed.embedding as e where e.id in (present.id, beside.id) order by e.id
    loop
        perform sqlembed._attach_triggers(made);
    end loop;
    perform pg_catalog.pg_notify('sqlembed', '');
end
$function$;

comment on function sqlembed._exchange_generations(sqlembed.embedding, sqlembed.embedding) is
    'Let the generation beside an embedding take its place, name, timing, on_change and words, and the other way round. The caller has locked the tables.';

create or replace function sqlembed._exchange_tables(present regclass, beside regclass, other text) returns void
language plpgsql
volatile
as $function$
declare
    kept name := (select c.relname from pg_catalog.pg_class as c where c.oid operator(pg_catalog.=) _exchange_tables.present);
begin
    execute pg_catalog.format(
        'alter table %s rename to %I', _exchange_tables.present, sqlembed._side_name(kept::text || '_' || _exchange_tables.other)
    );
    execute pg_catalog.format('alter table %s rename to %I', _exchange_tables.beside, kept);
end
$function$;

comment on function sqlembed._exchange_tables(regclass, regclass, text) is
    'Let a side table have the name of another, which is called as its generation is.';

create or replace function sqlembed._has_vectors(declared sqlembed.embedding) returns boolean
language plpgsql
volatile
as $function$
declare
    holder regclass := coalesce((_has_vectors.declared).side, (_has_vectors.declared).relation);
    found_one boolean;
begin
    -- Rows may be there that a policy hides.
    if pg_catalog.row_security_active(holder) then
        return true;
    end if;
    execute pg_catalog.format(
        'select exists (select from %s where %I is not null)', holder, sqlembed._vector_name(_has_vectors.declared)
    )
    into found_one;
    return found_one;
end
$function$;

comment on function sqlembed._has_vectors(sqlembed.embedding) is
    'Whether an embedding has a vector for any row, so that searches would lose it.';

create or replace function sqlembed._hash_name(present sqlembed.embedding) returns name
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    -- Of its own for good: a search that runs while generations are switched calls it by this name.
    select n.name
    from pg_class as c
    cross join lateral (
        select sqlembed._side_name(format('%s_%s_hash_%s', c.relname, (_hash_name.present).name, number)) as name, number
        from generate_series(2, 1000) as number
    ) as n
    where c.oid = (_hash_name.present).relation
        and not exists (
            select from pg_proc as p where p.pronamespace = c.relnamespace and p.proname = n.name
        )
    order by n.number
    limit 1
$function$;

comment on function sqlembed._hash_name(sqlembed.embedding) is
    'A name for the hash function of the next generation that no function has.';

create or replace function sqlembed._index_name(present sqlembed.embedding, wanted sqlembed.embedding) returns name
language sql
stable
set search_path = pg_catalog, pg_temp
as $function$
    select format(
        '%s_%s',
        left(format('%s_%s_%s', c.relname, (_index_name.present).name, (_index_name.wanted).index), 50),
        (_index_name.wanted).id
    )::name
    from pg_class as c
    where c.oid = (_index_name.wanted).relation
$function$;

comment on function sqlembed._index_name(sqlembed.embedding, sqlembed.embedding) is
    'The name of the index of a generation, which it keeps when generations are switched.';

create or replace function sqlembed._lock_briefly(holders regclass[], timeout interval) returns void
language plpgsql
volatile
as $function$
declare
    until timestamptz := clock_timestamp() operator(pg_catalog.+) _lock_briefly.timeout;
    before text := pg_catalog.current_setting('lock_timeout');
begin
    loop
        begin
            perform pg_catalog.set_config('lock_timeout', '100ms', true);
            execute pg_catalog.format(
                'lock table %s in access exclusive mode',
                (select pg_catalog.string_agg(h::text, ', ' order by n) from pg_catalog.unnest(_lock_briefly.holders) with ordinality as u (h, n))
            );
            perform pg_catalog.set_config('lock_timeout', before, true);
            return;
        exception when lock_not_available or deadlock_detected then
            if clock_timestamp() operator(pg_catalog.>) until then
                raise exception 'sqlembed: % is in use, and did not become free for a moment within %',
                    _lock_briefly.holders[1], _lock_briefly.timeout
                    using errcode = '55P03',
                        hint = 'A transaction that lasts holds it (pg_stat_activity tells which): try again later, or give a longer timeout.';
            end if;
        end;
        -- Who waits behind this goes first.
        perform pg_catalog.pg_sleep(0.1 operator(pg_catalog.+) 0.3 operator(pg_catalog.*) pg_catalog.random());
    end loop;
end
$function$;

comment on function sqlembed._lock_briefly(regclass[], interval) is
    'Lock tables for nobody else to use: for 100 ms at a time, again and again until it succeeds, so that a busy table is not stalled behind it.';

create or replace function sqlembed._refuse_leftover(found text) returns void
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $function$
begin
    raise exception 'sqlembed: there is % already, and the next generation would stand there', _refuse_leftover.found
        using errcode = 'SE011', hint = 'Rename it, or drop it.';
end
$function$;

comment on function sqlembed._refuse_leftover(text) is
    'The error for a column or table whose name the next generation is to have.';

create or replace function sqlembed._refuse_unfilled(
    present sqlembed.embedding,
    beside sqlembed.embedding,
    lag interval
)
returns void
language plpgsql
volatile
as $function$
declare
    present sqlembed.embedding := _refuse_unfilled.present;
    beside sqlembed.embedding := _refuse_unfilled.beside;
    waiting record;
    given_up bigint;
    problem text;
    advice text;
begin
    if not sqlembed._sees_all_rows(present.relation) then
        raise exception 'sqlembed: a policy keeps rows of % from you, so that what is missing cannot be counted', present.relation
            using errcode = '42501', hint = 'Let a role do it that sees all rows.';
    end if;
    select pg_catalog.count(*) as rows, pg_catalog.min(w.changed_at) as oldest
    into waiting
    from sqlembed._waiting as w
    where w.embedding operator(pg_catalog.=) beside.id;
    select pg_catalog.count(*)
    into given_up
    from sqlembed.failure as f
    where f.relation operator(pg_catalog.=) present.relation
        and f.embedding operator(pg_catalog.=) beside.name
        and not exists (
            select
            from sqlembed.failure as o
            where o.relation operator(pg_catalog.=) f.relation
                and o.embedding operator(pg_catalog.=) present.name
                and o.key operator(pg_catalog.=) f.key
        );
    if beside.queued_at is null then
        problem := pg_catalog.format(
            'no worker has begun the %s generation of %I of %s yet', beside.generation, present.name, present.relation
        );
        advice := 'One does within seconds; if none is alive: sqlembed worker --registry module:object.';
    -- What was written a moment ago is on its way in both generations; what was there before is not. And a
    -- row that is embedded in its own transaction is on its way in none.
    elsif waiting.oldest operator(pg_catalog.<)
            greatest(clock_timestamp() operator(pg_catalog.-) _refuse_unfilled.lag, beside.queued_at)
        or waiting.rows operator(pg_catalog.>) 0 and present.timing operator(pg_catalog.=) 'sync'
    then
        problem := pg_catalog.format(
            '%s rows of %s still wait for the %s generation of %I', waiting.rows, present.relation, beside.generation, present.name
        );
        advice := case
            when beside.timing operator(pg_catalog.<>) present.timing
            then pg_catalog.format(
                'Writers go on meanwhile. So that none is missing: select sqlembed.alter_embedding(%L, %L, timing => ''sync''), and then try again.',
                present.relation, beside.name
            )
            else 'Workers are at it: sqlembed.status says how far they are.'
        end;
    elsif given_up operator(pg_catalog.>) 0 then
        problem := pg_catalog.format(
            '%s rows of %s were given up in the %s generation of %I alone, and would be lost to searches',
            given_up, present.relation, beside.generation, present.name
        );
        advice := pg_catalog.format(
            'sqlembed.failure says why; then: select sqlembed.retry_failed(%L, %L).', present.relation, beside.name
        );
    end if;
    -- Where there is no vector yet, as in a database that was made a moment ago, there is none to be lost.
    if problem is not null and sqlembed._has_vectors(present) then
        raise exception 'sqlembed: %', problem using errcode = 'SE018', hint = advice;
    end if;
end
$function$;

comment on function sqlembed._refuse_unfilled(sqlembed.embedding, sqlembed.embedding, interval) is
    'An error that says which rows a generation lacks to become the current one, where there are vectors to be lost.';

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

create or replace function sqlembed._take_place(
    relation regclass,
    embedding name,
    generation text,
    lag interval,
    timeout interval
)
returns void
language plpgsql
volatile
as $function$
declare
    pair record;
begin
    perform sqlembed._check_relation(_take_place.relation);
    select c.present, c.beside
    into pair
    from sqlembed._current(_take_place.relation, _take_place.embedding, _take_place.generation) as c;
    perform sqlembed._refuse_unready(pair.present, pair.beside, _take_place.lag);
    perform sqlembed._lock_briefly(
        pg_catalog.array_remove(array[(pair.present).relation, (pair.present).side, (pair.beside).side], null),
        _take_place.timeout
    );
    -- Whoever has waited here sees what the other has made of it, and nobody writes any more.
    select c.present, c.beside
    into pair
    from sqlembed._current(_take_place.relation, _take_place.embedding, _take_place.generation) as c;
    perform sqlembed._refuse_unready(pair.present, pair.beside, _take_place.lag);
    perform sqlembed._exchange_generations(pair.present, pair.beside);
end
$function$;

comment on function sqlembed._take_place(regclass, name, text, interval, interval) is
    'Let the generation beside an embedding, next or previous, become the current one.';

create or replace function sqlembed._wanted_generation(
    present sqlembed.embedding,
    embedder text,
    source text,
    metric text,
    index text,
    index_options jsonb,
    chunking jsonb,
    generation text
)
returns sqlembed.embedding
language plpgsql
volatile
as $function$
declare
    present sqlembed.embedding := _wanted_generation.present;
    wanted sqlembed.embedding := present;
    other sqlembed.embedding := sqlembed._beside(present);
    canonical record;
begin
    if _wanted_generation.generation operator(pg_catalog.<>) all ('{next,previous}'::pg_catalog.text[]) then
        raise exception 'sqlembed: generation must be next or previous, not %', pg_catalog.quote_literal(_wanted_generation.generation)
            using errcode = 'SE014', hint = 'next is what switch_generation takes, previous what rollback_generation takes.';
    end if;
    if present.generation operator(pg_catalog.<>) 'current' then
        raise exception 'sqlembed: % of % is the % generation of another embedding',
            pg_catalog.quote_ident(present.name), present.relation, present.generation
            using errcode = 'SE014', hint = 'Name the embedding itself.';
    end if;
    if other.id is not null then
        raise exception 'sqlembed: % of % has a % generation already',
            pg_catalog.quote_ident(present.name), present.relation, other.generation
            using errcode = 'SE011',
                hint = pg_catalog.format(
                    case other.generation
                        when 'next' then 'First: select sqlembed.switch_generation(%1$L, %2$L), or sqlembed.abandon_generation(%1$L, %2$L).'
                        else 'First: select sqlembed.drop_generation(%1$L, %2$L).'
                    end,
                    present.relation, present.name
                );
    end if;
    wanted.embedder := coalesce(_wanted_generation.embedder, present.embedder);
    wanted.metric := coalesce(_wanted_generation.metric, present.metric);
    wanted.index := coalesce(_wanted_generation.index, present.index);
    wanted.index_options := sqlembed._check_index(
        wanted.index,
        -- Another kind has other options.
        coalesce(
            _wanted_generation.index_options, case when wanted.index operator(pg_catalog.=) present.index then present.index_options end
        )
    );
    wanted.chunking := coalesce(sqlembed._checked_chunking(_wanted_generation.chunking), present.chunking);
    if (wanted.chunking is null) operator(pg_catalog.<>) (present.chunking is null) then
        raise exception 'sqlembed: % of % is not cut into chunks, and searches would find others than rows',
            pg_catalog.quote_ident(present.name), present.relation
            using errcode = 'SE014', hint = 'Declare a second embedding with chunking, and drop this one.';
    end if;
    if _wanted_generation.source is not null then
        select c.* into canonical
        from sqlembed._canonical_source(present.relation, _wanted_generation.source) as c;
        perform sqlembed._refuse_vector_source(present.relation, present.name, canonical.columns);
        if present.full_text is not null and canonical.expression operator(pg_catalog.<>) present.source then
            raise exception 'sqlembed: the words of % of % are kept in a column of their own, which is made of its source',
                pg_catalog.quote_ident(present.name), present.relation
                using errcode = 'SE014',
                    hint = pg_catalog.format(
                        'Another source rewrites it. Take it off: select sqlembed.alter_embedding(%L, %L, full_text => '''').',
                        present.relation, present.name
                    );
        end if;
        wanted.source := canonical.expression;
        wanted.declared_source := _wanted_generation.source;
        wanted.source_columns := canonical.columns;
    end if;
    wanted.name := sqlembed._side_name(present.name::text || '_' || _wanted_generation.generation);
    -- Writers do not wait for two models.
    wanted.timing := 'async';
    wanted.generation := _wanted_generation.generation;
    wanted.generation_of := present.id;
    if wanted.place operator(pg_catalog.=) 'row' and exists (
        select
        from pg_catalog.pg_attribute as a
        where a.attrelid operator(pg_catalog.=) present.relation
            and a.attname operator(pg_catalog.=) wanted.name
            and not a.attisdropped
    ) then
        perform sqlembed._refuse_leftover(pg_catalog.format('%s.%I', present.relation, wanted.name));
    end if;
    return wanted;
end
$function$;

comment on function sqlembed._wanted_generation(sqlembed.embedding, text, text, text, text, jsonb, jsonb, text) is
    'The declaration of a generation beside an embedding, checked, without what its column or side table decides.';

create or replace function sqlembed.abandon_generation(
    relation regclass,
    embedding name default null,
    timeout interval default '30 s'
)
returns void
language sql
volatile
as $function$
    select sqlembed._drop_beside(
        abandon_generation.relation, abandon_generation.embedding, 'next', abandon_generation.timeout
    )
$function$;

comment on function sqlembed.abandon_generation(regclass, name, interval) is
    'Give up the next generation of an embedding: its column or side table goes, and what waits for it. The current one is not touched.';

create or replace function sqlembed.create_generation(
    relation regclass,
    embedder text default null,
    embedding name default null,
    source text default null,
    dimensions integer default null,
    metric text default null,
    storage text default null,
    index text default null,
    index_options jsonb default null,
    chunking jsonb default null,
    rows_per_second integer default null,
    generation text default 'next',
    timeout interval default '30 s'
)
returns void
language plpgsql
volatile
as $function$
declare
    present sqlembed.embedding := sqlembed._embedding_of(create_generation.relation, create_generation.embedding);
    wanted sqlembed.embedding;
    side record;
begin
    perform sqlembed._check_relation(create_generation.relation);
    if (create_generation.rows_per_second operator(pg_catalog.>=) 1) is false then
        raise exception 'sqlembed: rows_per_second must be 1 or more, not %', create_generation.rows_per_second
            using errcode = 'SE014', hint = 'It is how many rows a worker embeds a second; without it, as many as it can.';
    end if;
    perform sqlembed._lock_briefly(array[create_generation.relation], create_generation.timeout);
    present := sqlembed._embedding_of(create_generation.relation, create_generation.embedding);
    perform sqlembed._refuse_renamed(present);
    wanted := sqlembed._wanted_generation(
        present, create_generation.embedder, create_generation.source, create_generation.metric, create_generation.index,
        create_generation.index_options, create_generation.chunking, create_generation.generation
    );
    wanted.rows_per_second := create_generation.rows_per_second;
    wanted.dimensions := sqlembed._wanted_dimensions(wanted.embedder, create_generation.dimensions);
    perform sqlembed._check_options(
        wanted.timing, wanted.on_change, wanted.metric, create_generation.storage, wanted.place
    );
    if wanted.place operator(pg_catalog.=) 'side' then
        select s.*
        into side
        from sqlembed._prepare_side(create_generation.relation, wanted.name, wanted.chunking is not null) as s;
        if not side.is_new then
            perform sqlembed._refuse_leftover(side.side::text);
        end if;
        wanted.side := side.side;
        wanted.hash_function := sqlembed._hash_name(present);
    end if;
    select p.storage
    into wanted.storage
    from sqlembed._prepare_column(
        coalesce(wanted.side, wanted.relation), wanted.name, wanted.embedder, wanted.index, wanted.index_options,
        -- Without one, by the dimensions.
        coalesce(create_generation.storage, case present.storage when 'halfvec' then 'halfvec' end)
    ) as p;
    insert into sqlembed.embedding (
        relation, name, embedder, source, declared_source, timing, on_change, metric, storage, index, index_options, place,
        side, hash_function, chunking, dimensions, key_columns, key_expression, source_columns, generation, generation_of,
        rows_per_second, queued_at
    )
    select
        wanted.relation, wanted.name, wanted.embedder, wanted.source, wanted.declared_source, wanted.timing, wanted.on_change,
        wanted.metric, wanted.storage, wanted.index, wanted.index_options, wanted.place, wanted.side, wanted.hash_function,
        wanted.chunking, wanted.dimensions, wanted.key_columns, wanted.key_expression, wanted.source_columns,
        wanted.generation, wanted.generation_of, wanted.rows_per_second, null
    returning * into wanted;
    update sqlembed.embedding as e
    set index_name = sqlembed._index_name(present, wanted)
    where e.id operator(pg_catalog.=) wanted.id and wanted.index operator(pg_catalog.<>) 'none';

    if wanted.side is not null then
        perform sqlembed._make_hash_function(wanted);
        perform sqlembed._share_side(wanted.relation, wanted.side);
    end if;
    perform sqlembed._copy_rights(present, wanted);
    perform sqlembed._attach_triggers(wanted);
    -- A worker queues the rows, in a transaction that does not keep others from the table.
    perform pg_catalog.pg_notify('sqlembed', '');
end
$function$;

comment on function sqlembed.create_generation(
    regclass, text, name, text, integer, text, text, text, jsonb, jsonb, integer, text, interval
) is
    'Begin the next generation of an embedding beside the present one: another embedder, source, metric, index or chunking, in a column or side table of its own, named ..._next. What is null stays as it is. Workers fill it when they have caught up with what is written, at most rows_per_second each; new rows go to both; searches use the present one until switch_generation. Its index is left to the end: generation_index says how to build it. A worker queues its rows within seconds. With generation => ''previous'' it is built as the one that rollback_generation goes back to, so that drop_generation can be undone.';

create or replace function sqlembed.drop_generation(
    relation regclass,
    embedding name default null,
    timeout interval default '30 s'
)
returns void
language sql
volatile
as $function$
    select sqlembed._drop_beside(
        drop_generation.relation, drop_generation.embedding, 'previous', drop_generation.timeout
    )
$function$;

comment on function sqlembed.drop_generation(regclass, name, interval) is
    'Drop the previous generation of an embedding, after which there is no way back: its column or side table goes.';

create or replace function sqlembed.generation_index(relation regclass, embedding name default null) returns text
language plpgsql
stable
as $function$
declare
    pair record;
    holder regclass;
    indexed record;
begin
    select c.present, c.beside
    into pair
    from sqlembed._current(generation_index.relation, generation_index.embedding, null) as c;
    holder := coalesce((pair.beside).side, (pair.beside).relation);
    if (pair.beside).index operator(pg_catalog.=) 'none' then
        return null;
    end if;
    indexed := sqlembed._indexed(
        (pair.beside).index, (pair.beside).index_options, (pair.beside).storage, (pair.beside).dimensions,
        (pair.beside).metric, pg_catalog.quote_ident((pair.beside).name)
    );
    if sqlembed._has_index(
        holder, indexed.expression, indexed.operator_class, sqlembed._index_parameters((pair.beside).index_options)
    ) then
        return null;
    end if;
    return pg_catalog.regexp_replace(
        sqlembed._index_sql(
            (pair.beside).index_name, holder, (pair.beside).name, (pair.beside).index, (pair.beside).index_options,
            (pair.beside).storage, (pair.beside).dimensions, (pair.beside).metric
        ),
        '^create index',
        -- Not of a partitioned table.
        case
            when (select c.relkind operator(pg_catalog.=) 'r' from pg_catalog.pg_class as c where c.oid operator(pg_catalog.=) holder)
            then 'create index concurrently'
            else 'create index'
        end
    );
end
$function$;

comment on function sqlembed.generation_index(regclass, name) is
    'The statement that builds the index of the generation beside an embedding without keeping writers waiting, to be run outside of a transaction when its rows are embedded. NULL when it is there, or none is wanted. sqlembed generation switch runs it.';

create or replace function sqlembed.rollback_generation(
    relation regclass,
    embedding name default null,
    lag interval default '10 s',
    timeout interval default '30 s'
)
returns void
language sql
volatile
as $function$
    select sqlembed._take_place(
        rollback_generation.relation, rollback_generation.embedding, 'previous', rollback_generation.lag, rollback_generation.timeout
    )
$function$;

comment on function sqlembed.rollback_generation(regclass, name, interval, interval) is
    'Make the previous generation of an embedding the current one again; what was current is the next one once more. As switch_generation, the other way round.';

create or replace function sqlembed.switch_generation(
    relation regclass,
    embedding name default null,
    lag interval default '10 s',
    timeout interval default '30 s'
)
returns void
language sql
volatile
as $function$
    select sqlembed._take_place(
        switch_generation.relation, switch_generation.embedding, 'next', switch_generation.lag, switch_generation.timeout
    )
$function$;

comment on function sqlembed.switch_generation(regclass, name, interval, interval) is
    'Make the next generation of an embedding the current one, under its name: a short transaction that exchanges names and moves no vector. Searches see either the one or the other, each with its own embedder. Rows that were written within lag may still wait for their vector, as after any change; an error where older ones do, where rows were given up, or where the index is missing. What was current is the previous generation, kept up to date for rollback_generation until drop_generation.';

create or replace function sqlembed._check_writer(declared sqlembed.embedding) returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    relation regclass := (_check_writer.declared).relation;
    present record;
    vector name;
    unreadable text;
    wanted text;
begin
    select p.* into present from sqlembed._present_columns(_check_writer.declared) as p;
    vector := present.vector;
    select string_agg(quote_ident(c.name), ', ' order by c.name)
    into unreadable
    from (
        select distinct n.name
        from unnest((select k.columns from sqlembed._key_sql(relation) as k) || present.source) as n (name)
    ) as c
    join pg_attribute as a on a.attrelid = relation and a.attname = c.name and not a.attisdropped
    where not has_column_privilege(relation, a.attnum, 'select');
    wanted := nullif(
        concat_ws(
            ', ',
            'select (' || unreadable || ')',
            case when not has_column_privilege(relation, vector, 'update') then format('update (%I)', vector) end
        ),
        ''
    );
    if wanted is not null then
        raise exception 'sqlembed: permission denied to embed the rows of % as they are written', relation
            using errcode = '42501',
                detail = format('%s has timing sync: whoever writes a row gives it its vector.', quote_ident(vector)),
                hint = format('Its owner can say: grant %s on %s to %I.', wanted, relation, current_user);
    end if;
    if not exists (
        select from sqlembed.embedder_key as k where k.embedder = (_check_writer.declared).embedder
    ) then
        raise exception 'sqlembed: permission denied for embedder %', quote_ident((_check_writer.declared).embedder)
            using errcode = '42501',
                hint = format(
                    'Its owner can say: select sqlembed.grant_embedder(%L, %L).',
                    (_check_writer.declared).embedder, current_user
                );
    end if;
end
$function$;

comment on function sqlembed._check_writer(sqlembed.embedding) is
    'An error that says which right is missing, when the caller may not give the rows of a table their vectors.';

create or replace function sqlembed._embed_changes(embedding integer) returns boolean
language plpgsql
volatile
as $function$
declare
    declared sqlembed.embedding;
    keys jsonb[];
    found record;
begin
    select e.* into declared from sqlembed.embedding as e where e.id operator(pg_catalog.=) _embed_changes.embedding;
    perform sqlembed._check_writer(declared);
    -- Once, unless triggers change the texts when the vectors are written.
    for round in 1..10 loop
        keys := sqlembed._own_changes(declared.id);
        if keys is null then
            return sqlembed._has_own_changes();
        end if;
        select
            coalesce(pg_catalog.array_agg(t.key), '{}') as keys,
            coalesce(pg_catalog.array_agg(t.hash), '{}') as hashes,
            coalesce(pg_catalog.array_agg(t.input), '{}') as inputs
        into found
        from sqlembed._read_texts(declared, keys) as t;
        if not sqlembed._write_vectors(
            declared,
            found.keys,
            found.hashes,
            sqlembed._ask(
                declared.embedder,
                (select k.key from sqlembed.embedder_key as k where k.embedder operator(pg_catalog.=) declared.embedder),
                'document',
                found.inputs
            )
        ) then
            return false;
        end if;
    end loop;
    perform sqlembed._refuse_unsteady(declared);
end
$function$;

comment on function sqlembed._embed_changes(integer) is
    'Embed the rows that the present transaction has written, through one request to a worker, with the rights of the caller. True when rows of other embeddings are yet to be embedded.';

create or replace function sqlembed._embed_statement() returns trigger
language plpgsql
volatile
as $function$
begin
    if not sqlembed._has_own_changes(tg_argv[0]::integer)
        -- A worker must not wait for itself: what triggers change upon its writes it finds later.
        -- Anybody can make the setting, so it counts only for those who may work.
        or pg_catalog.current_setting('sqlembed.writing', true) operator(pg_catalog.=) 'on'
        and pg_catalog.has_function_privilege(session_user, 'sqlembed._stop_worker(integer)', 'execute')
    then
        return null;
    end if;
    -- A session that computes vectors itself has promised to do it before it commits. The promise
    -- holds for its own role, whose rights are known now, and not for that of a function it calls,
    -- whatever name it gives.
    if pg_catalog.current_setting('sqlembed.inline', true) operator(pg_catalog.=) current_user::text
        and current_user::text operator(pg_catalog.=) (
            case
                when pg_catalog.current_setting('role') operator(pg_catalog.=) 'none' then session_user::text
                else pg_catalog.current_setting('role')
            end
        )
    then
        perform sqlembed._check_writer(e)
        from sqlembed.embedding as e
        where e.id operator(pg_catalog.=) tg_argv[0]::integer;
        return null;
    end if;
    perform sqlembed._embed_changes(tg_argv[0]::integer);
    return null;
end
$function$;

comment on function sqlembed._embed_statement() is
    'Statement trigger of timing => ''sync'': embed the rows that the statement has written. It runs with the rights of whoever writes them.';

create or replace function sqlembed._forget_own_changes(embedding integer) returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
    -- Not by a right to delete from the table: whoever has that may lock it.
    delete from sqlembed.change as c
    where c.transaction = pg_current_xact_id_if_assigned() and c.embedding = _forget_own_changes.embedding
$function$;

comment on function sqlembed._forget_own_changes(integer) is
    'Take back the notes of rows that the present transaction has written, for it gives them their vectors itself. Nobody else''s notes can be seen or touched by it.';

create or replace function sqlembed._has_own_changes(embedding integer default null) returns boolean
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
    select exists (
        select
        from sqlembed.change as c
        where c.transaction = pg_current_xact_id_if_assigned()
            and c.embedding = coalesce(_has_own_changes.embedding, c.embedding)
    )
$function$;

comment on function sqlembed._has_own_changes(integer) is
    'Whether the present transaction has written rows that are yet to be embedded, by any embedding or by one, also to a caller who may not embed them and is told so. It says nothing else to anybody.';

create or replace function sqlembed._note_again(declared sqlembed.embedding, keys jsonb[], hashes bytea[]) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
set jit = off
-- Few or many keys, their plan is the same.
set enable_nestloop = off
as $function$
begin
    insert into sqlembed.change (embedding, key, transaction)
    select (_note_again.declared).id, t.key, pg_current_xact_id()
    from sqlembed._read_texts(_note_again.declared, _note_again.keys) as t
    join unnest(_note_again.keys, _note_again.hashes) as k (key, hash) on k.key = t.key
    where t.hash is distinct from k.hash;
end
$function$;

comment on function sqlembed._note_again(sqlembed.embedding, jsonb[], bytea[]) is
    'Note rows whose text is no longer the one that was embedded: a trigger has changed it when the vector was written.';

create or replace function sqlembed._own_changes(embedding integer) returns jsonb[]
language sql
volatile
set search_path = pg_catalog, pg_temp
as $function$
    -- The policy of the table says the same of the transaction, except to those whom none binds.
    select array_agg(distinct c.key)
    from sqlembed.change as c
    where c.transaction = pg_current_xact_id_if_assigned() and c.embedding = _own_changes.embedding
$function$;

comment on function sqlembed._own_changes(integer) is
    'Keys of the rows that the present transaction has written and not yet embedded, in order; NULL when there are none.';

create or replace function sqlembed._read_changes()
returns table (embedding integer, embedder text, fingerprint text, key text, input text, hash bytea)
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    declared sqlembed.embedding;
begin
    for declared in
        select e.*
        from sqlembed.embedding as e
        where e.id in (
            select c.embedding from sqlembed.change as c where c.transaction = pg_current_xact_id_if_assigned()
        )
        order by e.id
    loop
        return query
        select declared.id, declared.embedder, d.fingerprint, t.key::text, t.input, t.hash
        from sqlembed.embedder as d, sqlembed._read_texts(declared, sqlembed._own_changes(declared.id)) as t
        where d.name = declared.embedder;
    end loop;
end
$function$;

comment on function sqlembed._read_changes() is
    'Texts of the rows that the present transaction has written and not yet embedded, for a session that computes vectors itself.';

create or replace function sqlembed._read_texts(declared sqlembed.embedding, keys jsonb[])
returns table (key jsonb, input text, hash bytea)
language plpgsql
volatile
-- The source expression and its operators are the declared ones, whatever the caller's search_path.
set search_path = pg_catalog, pg_temp
set jit = off
-- Rows are found one by one through the primary key.
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
as $function$
declare
    found_rows bigint;
begin
    return query execute format(
        'select k.key, case when not sqlembed._blank(t.input) then t.input end, sha256(convert_to(t.input, ''UTF8''))
        from unnest($1) with ordinality as k (key, position)
        cross join lateral (
            select (select (%3$s)::text from (select %4$s) as r) as input
            from %1$s as r
            where %2$s
            offset 0
        ) as t
        order by k.position',
        (_read_texts.declared).relation,
        (select k.match from sqlembed._key_sql((_read_texts.declared).relation) as k),
        (_read_texts.declared).source,
        sqlembed._renamed_columns(_read_texts.declared)
    )
    using _read_texts.keys;
    get diagnostics found_rows = row_count;

    -- A row that a trigger has deleted since needs no vector; one that is hidden does.
    if found_rows < cardinality(_read_texts.keys) and row_security_active((_read_texts.declared).relation) then
        perform sqlembed._refuse_hidden(_read_texts.declared);
    end if;
end
$function$;

comment on function sqlembed._read_texts(sqlembed.embedding, jsonb[]) is
    'The present texts of rows, read with the rights of the caller, in the order of the keys, with their sha256. Blank ones are NULL, but have a hash.';

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

create or replace function sqlembed._refuse_unsteady(declared sqlembed.embedding) returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
begin
    raise exception 'sqlembed: a trigger of % changes the text whenever its vector is written', (_refuse_unsteady.declared).relation
        using errcode = 'SE016',
            hint = format(
                'Restrict the trigger to updates of other columns than %I, or declare the embedding with timing => ''async''.',
                (_refuse_unsteady.declared).name
            );
end
$function$;

comment on function sqlembed._refuse_unsteady(sqlembed.embedding) is
    'The error when no vector stays the one of the present text.';

create or replace function sqlembed._write_numbers(embedding integer, keys text[], hashes bytea[], numbers real[])
returns boolean
language plpgsql
volatile
as $function$
declare
    declared sqlembed.embedding;
begin
    select e.* into declared from sqlembed.embedding as e where e.id operator(pg_catalog.=) _write_numbers.embedding;
    return sqlembed._write_vectors(
        declared,
        _write_numbers.keys::jsonb[],
        _write_numbers.hashes,
        array(
            select (
                _write_numbers.numbers[
                    (i operator(pg_catalog.-) 1) operator(pg_catalog.*) declared.dimensions operator(pg_catalog.+) 1
                    :i operator(pg_catalog.*) declared.dimensions
                ]
            )::public.vector
            from pg_catalog.generate_series(
                1, pg_catalog.cardinality(_write_numbers.numbers) operator(pg_catalog./) declared.dimensions
            ) as i
        )
    );
end
$function$;

comment on function sqlembed._write_numbers(integer, text[], bytea[], real[]) is
    'The same as _write_vectors, with the numbers of all vectors one after the other, which every driver sends in binary. Rows without a text come last and have no numbers.';

create or replace function sqlembed._write_vectors(
    declared sqlembed.embedding,
    keys jsonb[],
    hashes bytea[],
    vectors public.vector[]
)
returns boolean
language plpgsql
volatile
as $function$
declare
    clears boolean := (_write_vectors.declared).on_change operator(pg_catalog.=) 'keep';
    written bigint;
begin
    perform sqlembed._forget_own_changes((_write_vectors.declared).id);

    -- No SET on this function: triggers of the table fire in it, under the settings of their session.
    execute pg_catalog.format(
        'update %1$s as r
        set %2$I = k.vector::%3$s
        from rows from (pg_catalog.unnest($1), pg_catalog.unnest($2)) as k (key, vector)
        where %4$s and (k.vector is not null or $3)',
        (_write_vectors.declared).relation,
        (select p.vector from sqlembed._present_columns(_write_vectors.declared) as p),
        case (_write_vectors.declared).storage when 'vector' then 'public.vector' else 'public.halfvec' end,
        (select k.match from sqlembed._key_sql((_write_vectors.declared).relation) as k)
    )
    using _write_vectors.keys, _write_vectors.vectors, clears;
    get diagnostics written = row_count;
    if written operator(pg_catalog.<) (
        select pg_catalog.count(*)
        from rows from (pg_catalog.unnest(_write_vectors.keys), pg_catalog.unnest(_write_vectors.vectors)) as k (key, vector)
        where k.vector is not null or clears
    ) then
        perform sqlembed._refuse_hidden(_write_vectors.declared);
    end if;

    perform sqlembed._note_again(_write_vectors.declared, _write_vectors.keys, _write_vectors.hashes);
    return sqlembed._has_own_changes();
end
$function$;

comment on function sqlembed._write_vectors(sqlembed.embedding, jsonb[], bytea[], public.vector[]) is
    'Give rows that the present transaction has written their vectors, with the rights of the caller. True when triggers have changed texts upon it, which then are to be embedded as well.';

create or replace function sqlembed._answer_requests(
    worker integer,
    ids bigint[],
    counts integer[],
    errors text[],
    fingerprint text,
    kind text,
    hashes bytea[],
    vectors public.vector[]
)
returns integer
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    update sqlembed.request as r
    set
        result = case when a.error is null then _answer_requests.vectors[a.upto - a.count + 1:a.upto] end,
        error = a.error,
        done = true
    from (
        select u.id, u.count, u.error, (sum(u.count) over (order by u.ordinality))::integer as upto
        from rows from (
            unnest(_answer_requests.ids), unnest(_answer_requests.counts), unnest(_answer_requests.errors)
        ) with ordinality as u (id, count, error, ordinality)
    ) as a
    where r.id = a.id and not r.done;

    perform sqlembed._write_cache(
        _answer_requests.fingerprint, _answer_requests.kind, _answer_requests.hashes, _answer_requests.vectors
    );
    return sqlembed._next_epoch(_answer_requests.worker);
end
$function$;

comment on function sqlembed._answer_requests(integer, bigint[], integer[], text[], text, text, bytea[], public.vector[]) is
    'Store the answers to requests: for each so many of the vectors, one after the other, or an error. The vectors go into the cache too. Returns the epoch that begins; after the commit the worker calls _leave_epoch.';

revoke execute on function sqlembed._answer_requests(
    integer, bigint[], integer[], text[], text, text, bytea[], public.vector[]
) from public;

create or replace function sqlembed._attach_families() returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
set lock_timeout = '200ms'
as $function$
declare
    declared sqlembed.embedding;
begin
    for declared in
        select f.* from sqlembed._changed_families() as f
    loop
        -- Where this role may not, status says who may.
        continue when not pg_has_role((select c.relowner from pg_class as c where c.oid = declared.relation), 'usage');
        begin
            continue when not sqlembed._lock_embedding(declared.id);
            if exists (select from sqlembed._unattached(declared) as u where u.state <> 'disabled') then
                perform sqlembed._attach_triggers(declared);
            else
                perform sqlembed._drop_triggers(
                    declared.id,
                    array(select w.name from sqlembed._wanted_triggers(declared) as w),
                    declared.relation || sqlembed._members(declared.relation)
                );
            end if;
        exception
            when lock_not_available or insufficient_privilege then
                -- Next time, then, or by somebody else.
                null;
            when others then
                -- What is wrong with one table keeps no other from being followed.
                raise warning 'sqlembed: cannot follow the children of %: %', declared.relation, sqlerrm;
        end;
    end loop;
end
$function$;

comment on function sqlembed._attach_families() is
    'Give new partitions and children their triggers, and take them from those that are none any more. Writers wait for it, so that it does nothing else.';

revoke execute on function sqlembed._attach_families() from public;

create or replace function sqlembed._changed_families() returns setof sqlembed.embedding
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
    select e.*
    from sqlembed.embedding as e
    cross join lateral sqlembed._present_columns(e) as p
    where (
            sqlembed._members(e.relation) <> e.members
            or exists (select from sqlembed._unattached(e) as u where u.state <> 'disabled')
        )
        and exists (select from pg_class as c where c.oid = e.relation)
        -- A source that has lost a column can only be declared anew.
        and array_position(p.source, null) is null
    order by e.id
$function$;

comment on function sqlembed._changed_families() is
    'Embeddings of tables that have other partitions or children than they had, or lack a trigger.';

revoke execute on function sqlembed._changed_families() from public;

create or replace function sqlembed._check_described(
    relation oid,
    name text,
    numbers smallint[],
    columns name[]
)
returns boolean
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
begin
    -- A name may mean another table or column by now: those of one that is to take its place.
    if to_regclass(_check_described.name) is distinct from _check_described.relation::regclass
        or _check_described.columns <> array(
            select a.attname
            from unnest(_check_described.numbers) with ordinality as n (number, position)
            join pg_attribute as a
                on a.attrelid = _check_described.relation and a.attnum = n.number and not a.attisdropped
            order by n.position
        )
    then
        raise exception 'sqlembed: % or a column of it has another name now', _check_described.name
            using errcode = 'SE017', hint = 'A worker finds out by itself; nothing has to be done.';
    end if;
    return true;
end
$function$;

comment on function sqlembed._check_described(oid, text, smallint[], name[]) is
    'An error when the names in a worker''s statements do not mean any more what they meant when it was told them.';

revoke execute on function sqlembed._check_described(oid, text, smallint[], name[]) from public;

create or replace function sqlembed._claim_clustering(
    worker integer,
    methods text[],
    out id bigint,
    out title text,
    out method text,
    out parameters jsonb,
    out metric text,
    out read_vectors text,
    out write_labels text
)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    job sqlembed.cluster_job;
    source record;
begin
    select c.* into job
    from sqlembed.cluster_job as c
    where c.finished_at is null
        and c.method = any (_claim_clustering.methods)
        and (c.worker is null or c.worker = _claim_clustering.worker or not sqlembed._is_alive(c.worker))
        and not exists (
            select from sqlembed.cluster_job as n
            where n.relation = c.relation and n.label_column = c.label_column and n.id > c.id
        )
    order by c.id
    limit 1
    for update of c skip locked;
    if job.id is null then
        return;
    end if;
    if job.attempts >= 3 then
        perform sqlembed._finish_clustering(job.id, job.worker, 'its worker died three times', null, null);
        return;
    end if;
    update sqlembed.cluster_job as c
    set worker = _claim_clustering.worker, attempts = c.attempts + 1
    where c.id = job.id;
    begin
        source := sqlembed._clusters_source(job.relation, job.embedding);
    exception
        -- Dropped or declared otherwise since.
        when others then
            perform sqlembed._finish_clustering(job.id, _claim_clustering.worker, sqlerrm, null, null);
            return;
    end;
    _claim_clustering.id := job.id;
    _claim_clustering.title := format('%s.%I', job.relation, job.label_column);
    _claim_clustering.method := job.method;
    _claim_clustering.parameters := job.parameters;
    _claim_clustering.metric := source.metric;
    -- A row that has lost its vector loses its label.
    _claim_clustering.read_vectors := format(
        'select distinct on (1) k.key, k.vector
        from (
            select (%1$s)::text, (%2$s)::public.vector from %3$s where %2$s is not null
            union all
            select (%1$s)::text, null from %4$s as r where r.%5$I is not null
        ) as k (key, vector)
        order by 1, 2 nulls last',
        source.key, source.vector, source.from_clause, job.relation, job.label_column
    );
    _claim_clustering.write_labels := format(
        'update %1$s as r set %2$I = k.label
        from rows from (unnest($1::text[]::jsonb[]), unnest($2::int4[])) as k (key, label)
        where %3$s and r.%2$I is distinct from k.label',
        job.relation, job.label_column, (select k.match from sqlembed._key_sql(job.relation) as k)
    );
end
$function$;

comment on function sqlembed._claim_clustering(integer, text[]) is
    'Take a table that is to be clustered by one of the methods: what to call the function with, and the statements that read keys with vectors and write labels. NULL when there is none.';

revoke execute on function sqlembed._claim_clustering(integer, text[]) from public;

create or replace function sqlembed._claim_jobs(
    worker integer,
    embedders text[],
    most integer[],
    without integer[],
    lease interval,
    of_generations boolean default false
)
returns table (embedding integer, revision text, key jsonb)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set jit = off
-- Through the index in any case: the queue's size changes too fast for the planner's statistics.
set enable_seqscan = off
set enable_bitmapscan = off
set enable_sort = off
as $function$
declare
    chosen record;
begin
    -- Every embedding in its turn: the one whose due job has waited longest.
    select e.id, e.xmin::text as revision, least(s.most, e.rows_per_second) as most
    into chosen
    from unnest(_claim_jobs.embedders, _claim_jobs.most) as s (name, most)
    join sqlembed.embedding as e on e.embedder = s.name
    cross join lateral (
        select j.not_before
        from sqlembed.job as j
        where j.embedding = e.id and j.worker is null and j.not_before <= clock_timestamp()
        order by j.not_before
        limit 1
    ) as due
    where e.id <> all (_claim_jobs.without) and (e.generation <> 'current') = _claim_jobs.of_generations
    order by due.not_before
    limit 1;

    return query
    update sqlembed.job as j
    set locked_until = clock_timestamp() + _claim_jobs.lease, worker = _claim_jobs.worker
    where j.ctid = any (
        array(
            select d.ctid
            from sqlembed.job as d
            where d.embedding = chosen.id and d.worker is null and d.not_before <= clock_timestamp()
            order by d.not_before
            limit chosen.most
            for update skip locked
        )
    )
    returning j.embedding, chosen.revision, j.key;
end
$function$;

comment on function sqlembed._claim_jobs(integer, text[], integer[], integer[], interval, boolean) is
    'Lease due jobs of one embedding to a worker, at most as many as it takes of its embedder, and not of those it leaves alone; of current embeddings, or of the generations beside them. The revision changes with the row of the embedding.';

revoke execute on function sqlembed._claim_jobs(integer, text[], integer[], integer[], interval, boolean) from public;

create or replace function sqlembed._count_pending(embedders text[], without integer[]) returns bigint
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
    select count(*)
    from sqlembed._queued as q
    where q.embedding in (
        select e.id
        from sqlembed.embedding as e
        where e.embedder = any (_count_pending.embedders) and e.id <> all (_count_pending.without)
    )
$function$;

comment on function sqlembed._count_pending(text[], integer[]) is
    'How many changes and jobs wait for some embedders, at any worker, but for some embeddings.';

revoke execute on function sqlembed._count_pending(text[], integer[]) from public;

create or replace function sqlembed._declared_embedding(embedding integer) returns sqlembed.embedding
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
    select e from sqlembed.embedding as e where e.id = _declared_embedding.embedding
$function$;

comment on function sqlembed._declared_embedding(integer) is
    'The declaration of an embedding, for workers: they read no table under a policy.';

revoke execute on function sqlembed._declared_embedding(integer) from public;

create or replace function sqlembed._describe_chunks(declared sqlembed.embedding) returns text
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    keys record;
begin
    select k.*
    into keys
    from sqlembed._side_key_lists((_describe_chunks.declared).relation, (_describe_chunks.declared).side) as k;

    -- $1: keys, $2: sha256 of their texts, fewer than rows where the rest is NULL. $3 to $9: the chunks, each
    -- with the place of its row in $1. All chunks of a row are written at once, or none: the lock on the row
    -- is held, and its text tested, as for a row's own vector. Those that the text has no more go.
    return format(
        'with current as materialized (
            select k.number, k.key, k.hash, locked.*
            from rows from (unnest($1), unnest($2)) with ordinality as k (key, hash, number)
            cross join lateral (
                select %6$s
                from %1$s as r
                where %2$s and (
                    select case
                        when k.hash is null then s.input is null
                        else sha256(convert_to(s.input::text, ''UTF8'')) = k.hash
                    end
                    from (select (%3$s) as input from (select %11$s) as r) as s
                ) and %12$s
                for no key update of r skip locked
            ) as locked
            where %13$s
        ),
        chosen as materialized (
            select distinct on (%8$s) c.* from current as c order by %8$s, c.number
        ),
        piece as materialized (
            select p.*
            from unnest($3::integer[], $4::integer[], $5::integer[], $6::integer[], $7::text[], $8, $9)
                as p (number, ordinal, first, last, chunk, hash, vector)
        ),
        written as (
            insert into %4$s as s (%7$s, ordinal, span, chunk, chunk_hash, source_hash, %5$I)
            select %8$s, p.ordinal, int4range(p.first, p.last), p.chunk, p.hash, c.hash, p.vector::%10$s
            from chosen as c
            join piece as p on p.number = c.number
            on conflict (%7$s, ordinal) do update
            set
                span = excluded.span,
                chunk = excluded.chunk,
                chunk_hash = excluded.chunk_hash,
                source_hash = excluded.source_hash,
                %5$I = excluded.%5$I
        ),
        removed as (
            delete from %4$s as s
            using (
                select c.*, (select count(*) from piece as p where p.number = c.number) as pieces from chosen as c
            ) as c
            where %9$s and s.ordinal > c.pieces
        )
        select c.key from current as c',
        (_describe_chunks.declared).relation,
        (select k.match from sqlembed._key_sql((_describe_chunks.declared).relation) as k),
        (_describe_chunks.declared).source,
        (_describe_chunks.declared).side,
        (select p.vector from sqlembed._present_columns(_describe_chunks.declared) as p),
        keys.locked,
        keys.written,
        keys.made,
        keys.match,
        case (_describe_chunks.declared).storage when 'vector' then 'public.vector' else 'public.halfvec' end,
        sqlembed._renamed_columns(_describe_chunks.declared),
        sqlembed._is_unaltered_sql(_describe_chunks.declared),
        sqlembed._is_described_sql(_describe_chunks.declared)
    );
end
$function$;

comment on function sqlembed._describe_chunks(sqlembed.embedding) is
    'The statement with which a worker writes the chunks of rows into a side table. For _describe_embedding.';

revoke execute on function sqlembed._describe_chunks(sqlembed.embedding) from public;

create or replace function sqlembed._describe_embedding(
    embedding integer,
    out relation regclass,
    out name name,
    out embedder text,
    out read_sources text,
    out write_vectors text,
    out chunking jsonb,
    out read_chunks text,
    out rows_per_second integer
)
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    declared sqlembed.embedding;
    match text;
    present record;
    renamed text;
    has_children boolean;
    is_same text;
    is_described text;
begin
    select e.* into declared from sqlembed.embedding as e where e.id = _describe_embedding.embedding;
    select p.* into present from sqlembed._present_columns(declared) as p;
    -- Of a column that was dropped a moment ago the row is still there.
    if declared.id is null or present.vector is null then
        return;
    end if;
    _describe_embedding.relation := declared.relation;
    _describe_embedding.name := declared.name;
    _describe_embedding.embedder := declared.embedder;
    _describe_embedding.rows_per_second := declared.rows_per_second;
    match := (select k.match from sqlembed._key_sql(declared.relation) as k);
    renamed := sqlembed._renamed_columns(declared);
    -- The primary keys of a parent and its children know nothing of each other.
    has_children := cardinality(sqlembed._members(declared.relation)) > 0
        and (select c.relkind = 'r' from pg_class as c where c.oid = declared.relation);

    is_described := sqlembed._is_described_sql(declared);

    -- $1: keys, $2: budget in bytes. Beyond it rows are postponed: a worker's memory is not the
    -- table's size.
    _describe_embedding.read_sources := format(
        'select t.key, case when not t.postponed then t.input end, sqlembed._blank(t.input), t.postponed
        from (
            select
                k.key,
                %5$ss.input::text%6$s as input,
                coalesce(
                    sum(octet_length(s.input::text)) over (rows between unbounded preceding and 1 preceding) >= $2, false
                ) as postponed
            from unnest($1) as k (key)
            cross join lateral (
                select s.input
                from %1$s as r
                cross join lateral (select (%3$s) as input from (select %4$s) as r) as s
                where %2$s
            ) as s
            where %7$s
        ) as t',
        declared.relation,
        match,
        declared.source,
        renamed,
        case when has_children then 'case when sqlembed._is_only_row(count(*) over (partition by k.key), k.key) then ' else '' end,
        case when has_children then ' end' else '' end,
        is_described
    );

    is_same := format(
        '(
            select case
                when k.hash is null then s.input is null
                else sha256(convert_to(s.input::text, ''UTF8'')) = k.hash
            end
            from (select (%s) as input from (select %s) as r) as s
        )',
        declared.source, renamed
    );

    if declared.chunking is not null then
        _describe_embedding.write_vectors := sqlembed._describe_chunks(declared);
        _describe_embedding.read_chunks := sqlembed._read_chunks_sql(declared);
        _describe_embedding.chunking := declared.chunking;
        return;
    end if;
    if declared.side is not null then
        _describe_embedding.write_vectors := sqlembed._describe_side(declared);
        return;
    end if;
    -- $1: keys, $2: sha256 of their texts, $3: vectors. Of the last two there may be fewer than
    -- rows: the rest have no text, or one that is blank and gets no vector. The answer is the keys of
    -- the rows that are up to date; the others have changed, are locked or gone.
    -- The test of the text stands on the target row itself: when a writer commits while this waits,
    -- PostgreSQL evaluates it again on the new row and nothing stale is written. Rows that anybody
    -- has locked are left for later. The lock leaves foreign keys to the row alone.
    _describe_embedding.write_vectors := format(
        'with current as materialized (
            select k.key, k.hash, k.vector
            from rows from (unnest($1), unnest($2), unnest($3)) as k (key, hash, vector)
            cross join lateral (
                select
                from %1$s as r
                where %2$s and %6$s and %8$s
                for no key update of r skip locked
            ) as locked
            where %9$s
        ),
        written as (
            update %1$s as r
            set %4$I = k.vector::%5$s
            from current as k
            where %2$s and (k.vector is not null or r.%4$I is not null)%7$s
        )
        select c.key from current as c',
        declared.relation,
        match,
        declared.source,
        present.vector,
        case declared.storage when 'vector' then 'public.vector' else 'public.halfvec' end,
        is_same,
        -- A row of another table of the family may have got the same key since.
        case when has_children then ' and ' || is_same else '' end,
        sqlembed._is_unaltered_sql(declared),
        is_described
    );
end
$function$;

comment on function sqlembed._describe_embedding(integer) is
    'What a worker needs to serve an embedding: its embedder, and two statements, which it prepares once: one reads texts, one writes vectors; for long texts also how they are cut, and a statement that reads what their chunks have already. NULL for an embedding that is gone.';

revoke execute on function sqlembed._describe_embedding(integer) from public;

create or replace function sqlembed._describe_side(declared sqlembed.embedding) returns text
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    match text;
    keys record;
begin
    match := (select k.match from sqlembed._key_sql((_describe_side.declared).relation) as k);
    select k.*
    into keys
    from sqlembed._side_key_lists((_describe_side.declared).relation, (_describe_side.declared).side) as k;

    -- The parameters and the answer are those of a row's own vector. The row is locked and its text
    -- tested on it, but nothing is written there: its version stays. The lock lets foreign keys to the
    -- row pass and keeps a second worker from the same row of the side table. Two keys of one row,
    -- which a case-insensitive type has, make one vector.
    return format(
        'with current as materialized (
            select k.key, k.hash, k.vector, locked.*
            from rows from (unnest($1), unnest($2), unnest($3)) as k (key, hash, vector)
            cross join lateral (
                select %6$s
                from %1$s as r
                where %2$s and (
                    select case
                        when k.hash is null then s.input is null
                        else sha256(convert_to(s.input::text, ''UTF8'')) = k.hash
                    end
                    from (select (%3$s) as input from (select %11$s) as r) as s
                ) and %12$s
                for no key update of r skip locked
            ) as locked
            where %13$s
        ),
        written as (
            insert into %4$s as s (%7$s, %5$I, source_hash)
            select distinct on (%8$s) %8$s, c.vector::%10$s, c.hash
            from current as c
            where c.vector is not null
            on conflict (%7$s) do update set %5$I = excluded.%5$I, source_hash = excluded.source_hash
        ),
        blanked as (
            delete from %4$s as s using current as c where c.vector is null and %9$s
        )
        select c.key from current as c',
        (_describe_side.declared).relation,
        match,
        (_describe_side.declared).source,
        (_describe_side.declared).side,
        (select p.vector from sqlembed._present_columns(_describe_side.declared) as p),
        keys.locked,
        keys.written,
        keys.made,
        keys.match,
        case (_describe_side.declared).storage when 'vector' then 'public.vector' else 'public.halfvec' end,
        sqlembed._renamed_columns(_describe_side.declared),
        sqlembed._is_unaltered_sql(_describe_side.declared),
        sqlembed._is_described_sql(_describe_side.declared)
    );
end
$function$;

comment on function sqlembed._describe_side(sqlembed.embedding) is
    'The statement with which a worker writes vectors into a side table. For _describe_embedding.';

revoke execute on function sqlembed._describe_side(sqlembed.embedding) from public;

create or replace function sqlembed._drop_leftovers() returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '200ms'
as $function$
declare
    made regprocedure;
begin
    for made in
        select p.oid::regprocedure
        from pg_proc as p
        where p.pronamespace = 'sqlembed'::regnamespace
            and p.proname ~ '^_(note|note_row|hide)_[0-9]+$'
            and not exists (
                select from sqlembed.embedding as e where e.id = substring(p.proname from '[0-9]+$')::integer
            )
        order by p.oid
    loop
        -- With the triggers that call it, on whatever table.
        begin
            execute format('drop function %s cascade', made);
        exception when lock_not_available or undefined_function then
            -- Next time, then: nobody's writing is to wait for it. Or another worker was faster.
            null;
        end;
    end loop;
end
$function$;

comment on function sqlembed._drop_leftovers() is
    'Remove the trigger functions of embeddings whose column is gone, and their triggers.';

revoke execute on function sqlembed._drop_leftovers() from public;

create or replace function sqlembed._empty_side(relation regclass, side regclass) returns boolean
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    has_rows boolean;
begin
    execute format('select exists (select from %s)', _empty_side.relation) into has_rows;
    if has_rows or not has_table_privilege(_empty_side.side, 'truncate') then
        return false;
    end if;
    -- An index of vectors takes long to forget rows one by one.
    execute format('lock table %s in access exclusive mode nowait', _empty_side.side);
    -- Again, now that no other worker can have written since for rows that came in between.
    execute format('select exists (select from %s)', _empty_side.relation) into has_rows;
    if has_rows then
        return false;
    end if;
    execute format('truncate %s', _empty_side.side);
    return true;
exception when lock_not_available then
    return false;
end
$function$;

comment on function sqlembed._empty_side(regclass, regclass) is
    'Truncate the side table of a table that is empty. False when it is not, or when the side table is in use: then its rows go one by one.';

revoke execute on function sqlembed._empty_side(regclass, regclass) from public;

create or replace function sqlembed._end_lease(lease_id bigint, undone jsonb[]) returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
set jit = off
-- Another worker may be folding a later change of what is undone: to give up would be to do again
-- all that is done.
set lock_timeout = 0
-- Most often nothing is undone, but it may be the whole of a large batch.
set enable_hashjoin = on
as $function$
    with ended as (
        delete from sqlembed.lease as l
        where l.id = any (
            array(select h.id from sqlembed.lease as h where h.id = _end_lease.lease_id for update skip locked)
        )
        returning l.worker, l.embedding, l.keys, l.changed_at, l.locked_until
    )
    insert into sqlembed.job as j (embedding, key, changed_at, worker, locked_until)
    select e.embedding, k.key, k.changed_at, e.worker, e.locked_until
    from ended as e
    cross join lateral unnest(e.keys, e.changed_at) as k (key, changed_at)
    where k.key in (select u.key from unnest(_end_lease.undone) as u (key))
    -- One order for all workers, so that two of them cannot deadlock.
    order by k.key
    -- A later change has made a job of it, which is whose it is; but it has waited for longer.
    on conflict on constraint one_job_a_row do update set changed_at = least(j.changed_at, excluded.changed_at)
$function$;

comment on function sqlembed._end_lease(bigint, jsonb[]) is
    'End a batch of new jobs; those that are not done become jobs like others, still in hand.';

revoke execute on function sqlembed._end_lease(bigint, jsonb[]) from public;

create or replace function sqlembed._fail_jobs(
    worker integer,
    embedding integer,
    keys jsonb[],
    errors text[],
    max_attempts integer
)
returns bigint
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
#variable_conflict use_column
declare
    failed record;
    charged integer;
    given_up bigint := 0;
begin
    for failed in select f.* from unnest(_fail_jobs.keys, _fail_jobs.errors) as f (key, error)
    loop
        select j.attempts + 1
        into charged
        from sqlembed.job as j
        where j.embedding = _fail_jobs.embedding and j.key = failed.key and j.worker = _fail_jobs.worker
        for update skip locked;
        continue when not found;
        if charged < _fail_jobs.max_attempts then
            update sqlembed.job as j
            set
                attempts = charged,
                error = failed.error,
                locked_until = null,
                worker = null,
                -- 1, 2, 4 … seconds, up to half as much again so that failures do not return together.
                not_before = clock_timestamp() + least(2 ^ (charged - 1), 3600) * (1 + random() / 2) * interval '1 s'
            where j.embedding = _fail_jobs.embedding and j.key = failed.key;
            continue;
        end if;
        delete from sqlembed.job as j where j.embedding = _fail_jobs.embedding and j.key = failed.key;
        insert into sqlembed.failed_job (embedding, key, attempts, error)
        values (_fail_jobs.embedding, failed.key, charged, failed.error)
        on conflict (embedding, md5(key::text)) do update
        set attempts = excluded.attempts, error = excluded.error, failed_at = clock_timestamp();
        given_up := given_up + 1;
    end loop;
    return given_up;
end
$function$;

comment on function sqlembed._fail_jobs(integer, integer, jsonb[], text[], integer) is
    'Charge rows with a failed attempt each; after the last one a row is given up. Returns how many were.';

revoke execute on function sqlembed._fail_jobs(integer, integer, jsonb[], text[], integer) from public;

create or replace function sqlembed._failed_keys(most integer)
returns table (embedding integer, relation regclass, keys jsonb[])
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
    select e.id, e.relation, f.keys
    from sqlembed.embedding as e
    cross join lateral (
        select array_agg(f.key) as keys
        from (
            select f.key
            from sqlembed.failed_job as f
            where f.embedding = e.id
            order by random()
            limit _failed_keys.most
        ) as f
    ) as f
    where f.keys is not null
$function$;

comment on function sqlembed._failed_keys(integer) is
    'Some of the rows that were given up.';

revoke execute on function sqlembed._failed_keys(integer) from public;

create or replace function sqlembed._finish_clustering(
    id bigint,
    worker integer,
    error text,
    labelled bigint,
    num_clusters integer
)
returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
    update sqlembed.cluster_job as c
    set finished_at = clock_timestamp(), worker = null, error = _finish_clustering.error,
        labelled = _finish_clustering.labelled, num_clusters = _finish_clustering.num_clusters
    where c.id = _finish_clustering.id and c.worker is not distinct from _finish_clustering.worker
$function$;

comment on function sqlembed._finish_clustering(bigint, integer, text, bigint, integer) is
    'Note what became of a clustering: how many rows it labelled, or why it was given up.';

revoke execute on function sqlembed._finish_clustering(bigint, integer, text, bigint, integer) from public;

create or replace function sqlembed._finish_jobs(worker integer, embedding integer, keys jsonb[]) returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
set jit = off
-- Rows are found one by one through the primary key: the queue's size changes too fast for the
-- planner's statistics, and the wrong join takes seconds.
set enable_seqscan = off
set enable_bitmapscan = off
as $function$
    delete from sqlembed.job as j
    where j.ctid = any (
        array(
            select h.ctid
            from unnest(_finish_jobs.keys) as k (key)
            cross join lateral (
                select j.ctid
                from sqlembed.job as j
                where j.embedding = _finish_jobs.embedding and j.key = k.key and j.worker = _finish_jobs.worker
                for update skip locked
            ) as h
        )
    )
$function$;

comment on function sqlembed._finish_jobs(integer, integer, jsonb[]) is
    'Remove jobs that are done, but for those that a later change has taken from the worker.';

revoke execute on function sqlembed._finish_jobs(integer, integer, jsonb[]) from public;

create or replace function sqlembed._fold_changes(
    worker integer,
    embedders text[],
    most integer[],
    without integer[],
    lease interval,
    out taken bigint,
    out embedding integer,
    out revision text,
    out keys jsonb[],
    out lease_id bigint
)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set jit = off
as $function$
#variable_conflict use_column
declare
    at_once integer;
    folded_embeddings integer[];
    folded_keys jsonb[];
begin
    -- New jobs of the embedding whose change is the oldest go straight to the worker.
    select e.id, e.xmin::text, s.most
    into _fold_changes.embedding, _fold_changes.revision, at_once
    from (select c.embedding from sqlembed.change as c order by c.id limit 1) as oldest
    join sqlembed.embedding as e on e.id = oldest.embedding
    join unnest(_fold_changes.embedders, _fold_changes.most) as s (name, most) on s.name = e.embedder
    where e.id <> all (_fold_changes.without) and e.generation = 'current';

    with taken as (
        delete from sqlembed.change as c
        where c.id = any (
            array(
                select d.id
                from sqlembed.change as d
                order by d.id
                limit greatest(1000, at_once)
                for update skip locked
            )
        )
        returning c.id, c.embedding, c.key, c.changed_at
    ),
    refused as (
        -- PostgreSQL's own limit is a little higher, and nobody else is to wait for such a row.
        insert into sqlembed.failed_job (embedding, key, attempts, error)
        select distinct on (t.embedding, md5(t.key::text))
            t.embedding,
            t.key,
            0,
            format('sqlembed: the key of the row takes %s bytes, and a job''s key no more than 2600', pg_column_size(t.key))
        from taken as t
        join sqlembed.embedding as e on e.id = t.embedding
        where pg_column_size(t.key) > 2600
        on conflict (embedding, md5(key::text)) do update set failed_at = clock_timestamp()
    ),
    changed as (
        select
            t.embedding,
            t.key,
            min(t.changed_at) as changed_at,
            t.embedding is not distinct from _fold_changes.embedding
                and row_number() over (partition by t.embedding order by min(t.id)) <= at_once as is_wanted
        from taken as t
        where pg_column_size(t.key) <= 2600
        group by t.embedding, t.key
    ),
    waiting as (
        select c.embedding, c.key, c.changed_at, c.is_wanted and k.is_known is null as is_mine
        from changed as c
        -- One by one, whatever the planner takes the queue's size for.
        left join lateral (
            select true as is_known
            from sqlembed.job as j
            where j.embedding = c.embedding and j.key = c.key
            limit 1
        ) as k on c.is_wanted
    ),
    leased as (
        insert into sqlembed.lease as l (worker, embedding, keys, changed_at, locked_until)
        select
            _fold_changes.worker,
            _fold_changes.embedding,
            array_agg(w.key),
            array_agg(w.changed_at),
            clock_timestamp() + _fold_changes.lease
        from waiting as w
        where w.is_mine
        having count(*) > 0
        returning l.id, l.keys
    ),
    folded as (
        insert into sqlembed.job as j (embedding, key, changed_at)
        select w.embedding, w.key, w.changed_at
        from waiting as w
        join sqlembed.embedding as e on e.id = w.embedding
        where not w.is_mine
        -- One order for all workers, so that two of them cannot deadlock.
        order by w.embedding, w.key
        on conflict on constraint one_job_a_row do update
        set
            attempts = 0,
            not_before = least(j.not_before, clock_timestamp()),
            changed_at = least(j.changed_at, excluded.changed_at),
            error = null,
            -- Whoever has it in hand works on an older text: it is no longer theirs to finish.
            locked_until = null,
            worker = null
        returning j.embedding, j.key
    )
    select
        (select count(*) from taken),
        (select l.id from leased as l),
        (select l.keys from leased as l),
        array_agg(f.embedding),
        array_agg(f.key)
    into _fold_changes.taken, _fold_changes.lease_id, _fold_changes.keys, folded_embeddings, folded_keys
    from folded as f;

    -- A changed row deserves new attempts. Not in the same statement: it would not see one that was
    -- given up while this waited for its job.
    if exists (select from sqlembed.failed_job) then
        delete from sqlembed.failed_job as f
        using (
            select u.embedding, u.key from unnest(folded_embeddings, folded_keys) as u (embedding, key)
            union all
            select _fold_changes.embedding, u.key from unnest(_fold_changes.keys) as u (key)
        ) as r
        where f.embedding = r.embedding and md5(f.key::text) = md5(r.key::text);
    end if;
end
$function$;

comment on function sqlembed._fold_changes(integer, text[], integer[], integer[], interval) is
    'Turn the oldest changes into jobs, one a row and embedding. Returns how many changes it took, and the keys of one embedding whose new jobs it leased to the worker, all of them in one row of lease.';

revoke execute on function sqlembed._fold_changes(integer, text[], integer[], integer[], interval) from public;

create or replace function sqlembed._follow_columns() returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
set lock_timeout = '200ms'
as $function$
declare
    renamed integer[];
    mixed_up integer[];
    sources text[];
    found regclass;
    declared sqlembed.embedding;
begin
    -- With the rights of the worker, which may read the tables: what stands in them, in their sources
    -- and in their policies may be anybody's code. What belongs to one table is followed at once, or
    -- not at all: until the rows are queued, nobody may believe that nothing has happened.
    for found in
        select distinct (r.declared).relation from sqlembed._renamed_embeddings() as r order by 1
    loop
        begin
            select
                array_agg((r.declared).id order by (r.declared).id),
                array_agg((r.declared).id) filter (where r.is_mixed_up),
                array_agg(
                    sqlembed._renamed_source(
                        (r.declared).relation, (r.declared).source, (r.declared).source_columns, r.source_columns
                    )
                    order by (r.declared).id
                )
            into renamed, mixed_up, sources
            from sqlembed._renamed_embeddings() as r
            where (r.declared).relation = found and sqlembed._lock_embedding((r.declared).id);

            for declared in select e.* from sqlembed._rename_embeddings(renamed, sources) as e
            loop
                -- What was written in between has not been noted, or with the wrong column in mind.
                perform sqlembed._note_missing(
                    declared, declared.relation::text, declared.id = any (coalesce(mixed_up, '{}'))
                );
                if declared.side is not null then
                    -- Nor what was deleted.
                    perform sqlembed._note_keys(declared.id, '{[]}');
                end if;
            end loop;
        exception
            when lock_not_available or insufficient_privilege then
                -- Next time, then, or by a worker that may read the table.
                null;
            when others then
                -- What is wrong with one table keeps no other from being followed.
                raise warning 'sqlembed: cannot follow the columns of %: %', found, sqlerrm;
        end;
    end loop;
end
$function$;

comment on function sqlembed._follow_columns() is
    'Follow columns of keys, sources and vectors that have other names or types now.';

revoke execute on function sqlembed._follow_columns() from public;

create or replace function sqlembed._follow_families() returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
set lock_timeout = '200ms'
as $function$
declare
    declared sqlembed.embedding;
    known regclass[];
    is_partitioned boolean;
    newcomer regclass;
begin
    for declared in
        select f.* from sqlembed._changed_families() as f
    loop
        begin
            continue when not sqlembed._lock_embedding(declared.id);
            -- Another worker may have been here a moment ago.
            declared := sqlembed._declared_embedding(declared.id);
            is_partitioned := (select c.relkind = 'p' from pg_class as c where c.oid = declared.relation);
            known := array(
                select m.member
                from unnest(sqlembed._members(declared.relation)) as m (member)
                where m.member = any (declared.members)
                    or m.member not in (select u.member from sqlembed._unattached(declared) as u)
                order by m.member
            );
            -- A partition had triggers from its first day on, and the vectors that it brought along
            -- are its own. A child may have been written to unnoticed.
            foreach newcomer in array known
            loop
                continue when newcomer = any (declared.members);
                perform sqlembed._note_missing(
                    declared, 'only ' || newcomer, not is_partitioned or declared.side is not null
                );
            end loop;
            perform sqlembed._keep_members(declared.id, known);
        exception
            when lock_not_available or insufficient_privilege then
                -- Next time, then, or by somebody else.
                null;
            when others then
                -- What is wrong with one table keeps no other from being followed.
                raise warning 'sqlembed: cannot follow the children of %: %', declared.relation, sqlerrm;
        end;
    end loop;
end
$function$;

comment on function sqlembed._follow_families() is
    'Queue the rows that new partitions and children, which have their triggers by now, have brought along.';

revoke execute on function sqlembed._follow_families() from public;

create or replace function sqlembed._follow_grants() returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
set lock_timeout = '200ms'
as $function$
declare
    lacking record;
begin
    -- A right that was taken back needs nothing: the policy asks the table itself.
    for lacking in
        select g.side, g.reader
        from sqlembed._lacking_grants() as g
        join pg_class as c on c.oid = g.side and pg_has_role(c.relowner, 'usage')
    loop
        begin
            execute format('grant select on %s to %s', lacking.side, lacking.reader);
        exception
            when lock_not_available then
                -- Next time, then.
                null;
            when others then
                raise warning 'sqlembed: cannot let % read %: %', lacking.reader, lacking.side, sqlerrm;
        end;
    end loop;
end
$function$;

comment on function sqlembed._follow_grants() is
    'Let those who were granted a table read its side tables too, where the worker may grant it.';

revoke execute on function sqlembed._follow_grants() from public;

create or replace function sqlembed._forget_failed(embedding integer, keys jsonb[]) returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
    delete from sqlembed.failed_job as f
    where f.ctid = any (
        array(
            select l.ctid
            from sqlembed.failed_job as l
            where l.embedding = _forget_failed.embedding
                and md5(l.key::text) = any (array(select md5(k.key::text) from unnest(_forget_failed.keys) as k (key)))
            for update skip locked
        )
    )
$function$;

comment on function sqlembed._forget_failed(integer, jsonb[]) is
    'Forget that rows were given up.';

revoke execute on function sqlembed._forget_failed(integer, jsonb[]) from public;

create or replace function sqlembed._forget_failures() returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    failed record;
begin
    -- Some of them each time, so that it never takes long. With the rights of the worker, which may
    -- read the tables.
    for failed in
        select f.embedding, f.relation, f.keys, k.match
        from sqlembed._failed_keys(1000) as f
        cross join lateral sqlembed._key_sql(f.relation) as k
    loop
        begin
            execute format(
                'select sqlembed._forget_failed(%s, array_agg(k.key))
                from unnest($1) as k (key)
                where not exists (select from %s as r where %s)',
                failed.embedding, failed.relation, failed.match
            )
            using failed.keys;
        exception
            when undefined_table or insufficient_privilege or data_exception then
                -- Dropped a moment ago, not readable for this role, or a key of another type than it
                -- was: the worker says so when it serves the table.
                null;
            when others then
                raise warning 'sqlembed: cannot look for failures of rows of % that are gone: %', failed.relation, sqlerrm;
        end;
    end loop;
end
$function$;

comment on function sqlembed._forget_failures() is
    'Forget failures of rows that are gone.';

revoke execute on function sqlembed._forget_failures() from public;

create or replace function sqlembed._holds_clustering(id bigint, worker integer) returns boolean
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
    select exists (
        select
        from sqlembed.cluster_job as c
        where c.id = _holds_clustering.id
            and c.worker = _holds_clustering.worker
            and not exists (
                select from sqlembed.cluster_job as n
                where n.relation = c.relation and n.label_column = c.label_column and n.id > c.id
            )
    )
$function$;

comment on function sqlembed._holds_clustering(bigint, integer) is
    'Whether a table is still a worker''s to label: no other has taken it, and nobody asked anew.';

revoke execute on function sqlembed._holds_clustering(bigint, integer) from public;

create or replace function sqlembed._is_described_sql(declared sqlembed.embedding) returns text
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
    -- A sub-select, so that it is evaluated once a statement: after it has locked the table, whose
    -- names cannot change until it ends.
    select format(
        '(select sqlembed._check_described(%s, %L, %L, %L))%s',
        (_is_described_sql.declared).relation::oid,
        (_is_described_sql.declared).relation::text,
        array_agg(a.attnum order by a.attnum)::text,
        array_agg(a.attname order by a.attnum)::text,
        -- Side tables of two generations exchange their names.
        case
            when (_is_described_sql.declared).place = 'side' then format(
                ' and (select sqlembed._check_described(%s, %L, %L, %L))',
                (_is_described_sql.declared).side::oid,
                (_is_described_sql.declared).side::text,
                array[(_is_described_sql.declared).vector_number]::text,
                array[min(p.vector)]::text
            )
        end
    )
    from sqlembed._present_columns(_is_described_sql.declared) as p
    join pg_attribute as a
        on a.attrelid = (_is_described_sql.declared).relation
        and not a.attisdropped
        and a.attname = any (
            p.source
            || (select k.columns from sqlembed._key_sql((_is_described_sql.declared).relation) as k)
            || case (_is_described_sql.declared).place when 'row' then array[p.vector] end
        )
$function$;

comment on function sqlembed._is_described_sql(sqlembed.embedding) is
    'The condition by which a worker''s statement notices that its names mean something else by now.';

revoke execute on function sqlembed._is_described_sql(sqlembed.embedding) from public;

create or replace function sqlembed._is_only_row(rows bigint, key jsonb) returns boolean
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $function$
begin
    if _is_only_row.rows > 1 then
        raise exception 'sqlembed: % rows of the inheritance family have the key %', _is_only_row.rows, _is_only_row.key
            using errcode = 'SE010', hint = 'Give all but one of them another, then: sqlembed retry.';
    end if;
    return true;
end
$function$;

comment on function sqlembed._is_only_row(bigint, jsonb) is
    'An error when a key stands for several rows: the primary key of a parent does not bind its children.';

revoke execute on function sqlembed._is_only_row(bigint, jsonb) from public;

create or replace function sqlembed._is_unaltered(
    embedding integer,
    embedder text,
    source text,
    storage text,
    chunking jsonb
)
returns boolean
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
    -- Workers may not look themselves: they have row security off, which makes it an error.
    select exists (
        select
        from sqlembed.embedding as e
        where e.id = _is_unaltered.embedding
            and e.embedder = _is_unaltered.embedder
            and e.source = _is_unaltered.source
            and e.storage = _is_unaltered.storage
            and e.chunking is not distinct from _is_unaltered.chunking
    )
$function$;

comment on function sqlembed._is_unaltered(integer, text, text, text, jsonb) is
    'Whether an embedding is still declared as a worker was told. For _is_unaltered_sql.';

revoke execute on function sqlembed._is_unaltered(integer, text, text, text, jsonb) from public;

create or replace function sqlembed._is_unaltered_sql(declared sqlembed.embedding) returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $function$
    -- Not correlated, so looked up once a statement. Its snapshot is younger than its locks, and altering
    -- takes a lock that excludes writers: what is current here stays so until the vectors are written.
    select format(
        '(select sqlembed._is_unaltered(%s, %L, %L, %L, %L))',
        (_is_unaltered_sql.declared).id,
        (_is_unaltered_sql.declared).embedder,
        (_is_unaltered_sql.declared).source,
        (_is_unaltered_sql.declared).storage,
        (_is_unaltered_sql.declared).chunking
    )
$function$;

comment on function sqlembed._is_unaltered_sql(sqlembed.embedding) is
    'The condition that an embedding is still declared as when a worker took its jobs: a vector computed for what it was before must not be written any more.';

revoke execute on function sqlembed._is_unaltered_sql(sqlembed.embedding) from public;

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

create or replace function sqlembed._keep_queued(embedding integer) returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
    update sqlembed.embedding as e set queued_at = clock_timestamp() where e.id = _keep_queued.embedding
$function$;

comment on function sqlembed._keep_queued(integer) is
    'Write down that the rows of a generation have been queued.';

revoke execute on function sqlembed._keep_queued(integer) from public;

create or replace function sqlembed._lacking_grants() returns table (side regclass, reader text)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
    select e.side, r.reader
    from sqlembed.embedding as e
    cross join lateral sqlembed._side_readers(e.relation, e.side) as r (reader)
    where e.side is not null
$function$;

comment on function sqlembed._lacking_grants() is
    'Roles, as SQL text, that were granted a table and not its side table.';

revoke execute on function sqlembed._lacking_grants() from public;

create or replace function sqlembed._leave_epoch(worker integer, next integer) returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
    select pg_advisory_unlock(
        sqlembed._lock('epoch'),
        sqlembed._epoch_key(_leave_epoch.worker, (_leave_epoch.next + 65535) % 65536)
    )
$function$;

comment on function sqlembed._leave_epoch(integer, integer) is
    'Let go of the lock that callers wait for, once the answers are committed.';

revoke execute on function sqlembed._leave_epoch(integer, integer) from public;

create or replace function sqlembed._lock_embedding(embedding integer) returns boolean
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    perform
    from sqlembed.embedding as e
    where e.id = _lock_embedding.embedding
    for no key update skip locked;
    return found;
end
$function$;

comment on function sqlembed._lock_embedding(integer) is
    'Whether nobody else is changing an embedding; then nobody does so before the transaction ends.';

revoke execute on function sqlembed._lock_embedding(integer) from public;

create or replace function sqlembed._new_generations() returns setof sqlembed.embedding
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
    select e.*
    from sqlembed.embedding as e
    where e.queued_at is null and exists (select from pg_class as c where c.oid = e.relation)
    order by e.id
$function$;

comment on function sqlembed._new_generations() is
    'Generations whose rows have not been queued yet.';

revoke execute on function sqlembed._new_generations() from public;

create or replace function sqlembed._next_epoch(worker integer) returns integer
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    upcoming integer;
begin
    select (w.epoch + 1) % 65536 into upcoming from sqlembed.worker_process as w where w.id = _next_epoch.worker;
    -- Taken before the answers are visible: whoever sees the new epoch finds its lock held. Never
    -- waited for: advisory locks are everybody's, and one that a stranger holds would stop the worker.
    if not pg_try_advisory_lock(sqlembed._lock('epoch'), sqlembed._epoch_key(_next_epoch.worker, upcoming)) then
        return null;
    end if;
    update sqlembed.worker_process as w set epoch = upcoming where w.id = _next_epoch.worker;
    return upcoming;
end
$function$;

comment on function sqlembed._next_epoch(integer) is
    'Open a worker''s next epoch, in the transaction that stores answers. After its commit the worker calls _leave_epoch. NULL when it could not: then callers find their answer at their next look.';

revoke execute on function sqlembed._next_epoch(integer) from public;

create or replace function sqlembed._note_keys(embedding integer, keys jsonb[]) returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
    insert into sqlembed.change (embedding, key)
    select _note_keys.embedding, k.key from unnest(_note_keys.keys) as k (key)
$function$;

comment on function sqlembed._note_keys(integer, jsonb[]) is
    'Queue rows that a worker has found.';

revoke execute on function sqlembed._note_keys(integer, jsonb[]) from public;

create or replace function sqlembed._note_missing(declared sqlembed.embedding, rows_of text, is_all boolean) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    -- In parts: a worker's memory is not the table's size. Neighbours are not written one after the other where
    -- no index is over the vector yet: then most of them find room for their new version in their own page, made
    -- by those written before, and no index of the table has to take them up anew.
    noting text := format(
        'select sqlembed._note_keys(%s, array_agg(s.key))
        from (select %s as key, (row_number() over (%s) - 1) / 10000 as part from %s as r where ',
        (_note_missing.declared).id,
        (select k.expression from sqlembed._key_sql((_note_missing.declared).relation) as k),
        case
            when (_note_missing.declared).generation <> 'current' and (_note_missing.declared).side is null
            then 'order by random()'
        end,
        _note_missing.rows_of
    );
    in_parts text := ') as s group by s.part';
begin
    if not _note_missing.is_all then
        begin
            execute noting || 'not (' || sqlembed._vector_test(_note_missing.declared, 'r') || ')' || in_parts;
            return;
        exception
            when lock_not_available or insufficient_privilege then
                raise;
            when others then
                -- A row whose source expression fails: which of the others are up to date, workers find out.
                null;
        end;
    end if;
    execute noting || 'true' || in_parts;
end
$function$;

comment on function sqlembed._note_missing(sqlembed.embedding, text, boolean) is
    'Queue the rows of a table, or of "only" one member of its family, that have no vector of their present text, or all. With the rights of the worker.';

revoke execute on function sqlembed._note_missing(sqlembed.embedding, text, boolean) from public;

create or replace function sqlembed._queue_generations() returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
set lock_timeout = '200ms'
as $function$
declare
    declared sqlembed.embedding;
begin
    for declared in
        select g.* from sqlembed._new_generations() as g
    loop
        begin
            continue when not sqlembed._lock_embedding(declared.id);
            -- Another worker may have been here a moment ago.
            declared := sqlembed._declared_embedding(declared.id);
            continue when declared.id is null or declared.queued_at is not null;
            perform sqlembed._note_missing(declared, declared.relation::text, true);
            perform sqlembed._keep_queued(declared.id);
        exception
            when lock_not_available or insufficient_privilege then
                -- Next time, then, or by a worker that may read the table.
                null;
            when others then
                -- What is wrong with one table keeps no other from being served.
                raise warning 'sqlembed: cannot queue the rows of %: %', declared.relation, sqlerrm;
        end;
    end loop;
end
$function$;

comment on function sqlembed._queue_generations() is
    'Queue the rows of generations that were created a moment ago.';

revoke execute on function sqlembed._queue_generations() from public;

create or replace function sqlembed._read_cache(fingerprint text, kind text, hashes bytea[])
returns table (input_hash bytea, embedding public.vector)
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
set jit = off
-- Rows are found one by one through the primary key, whatever the planner's statistics say.
set enable_seqscan = off
as $function$
    with found as materialized (
        select c.ctid as place, c.input_hash, c.embedding, c.used_at
        from sqlembed.cache as c
        where c.fingerprint = _read_cache.fingerprint
            and c.kind = _read_cache.kind
            and c.input_hash = any (_read_cache.hashes)
    ),
    -- To the hour: what is read all the time is not written all the time.
    touched as (
        update sqlembed.cache as c
        set used_at = clock_timestamp()
        where c.ctid = any (
            array(
                select d.ctid
                from sqlembed.cache as d
                where d.ctid = any (
                    array(select f.place from found as f where f.used_at < clock_timestamp() - interval '1 h')
                )
                for no key update skip locked
            )
        )
    )
    select f.input_hash, f.embedding from found as f
$function$;

comment on function sqlembed._read_cache(text, text, bytea[]) is
    'Vectors already computed, by the sha256 of their texts; notes that they are used.';

revoke execute on function sqlembed._read_cache(text, text, bytea[]) from public;

create or replace function sqlembed._read_chunks_sql(declared sqlembed.embedding) returns text
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
    -- $1: keys, $2: sha256 of their texts. A row whose text is still the one of its chunks is to be embedded
    -- anew: somebody has asked for it.
    select format(
        'select r.chunk_hash, r.%I::public.vector
        from rows from (unnest($1), unnest($2)) as k (key, hash)
        join %s as r on %s
        where r.source_hash <> k.hash and r.%1$I is not null',
        (select p.vector from sqlembed._present_columns(_read_chunks_sql.declared) as p),
        (_read_chunks_sql.declared).side,
        (
            select k.match
            from sqlembed._key_sql(
                (_read_chunks_sql.declared).side, length => cardinality((_read_chunks_sql.declared).key_columns)
            ) as k
        )
    )
$function$;

comment on function sqlembed._read_chunks_sql(sqlembed.embedding) is
    'The statement with which a worker reads the vectors that chunks of changed rows have already. For _describe_embedding.';

revoke execute on function sqlembed._read_chunks_sql(sqlembed.embedding) from public;

create or replace function sqlembed._release_jobs(
    worker integer,
    embedding integer,
    keys jsonb[],
    delay interval,
    error text default null
)
returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
set jit = off
-- Rows are found one by one through the primary key: the queue's size changes too fast for the
-- planner's statistics, and the wrong join takes seconds.
set enable_seqscan = off
set enable_bitmapscan = off
as $function$
    update sqlembed.job as j
    set
        locked_until = null,
        worker = null,
        not_before = clock_timestamp() + _release_jobs.delay,
        error = coalesce(_release_jobs.error, j.error)
    where j.ctid = any (
        array(
            select h.ctid
            from unnest(_release_jobs.keys) as k (key)
            cross join lateral (
                select j.ctid
                from sqlembed.job as j
                where j.embedding = _release_jobs.embedding and j.key = k.key and j.worker = _release_jobs.worker
                for update skip locked
            ) as h
        )
    )
$function$;

comment on function sqlembed._release_jobs(integer, integer, jsonb[], interval, text) is
    'Give jobs back, to be tried again after a delay: no row is charged.';

revoke execute on function sqlembed._release_jobs(integer, integer, jsonb[], interval, text) from public;

create or replace function sqlembed._remove_vectors(embedding integer, keys jsonb[], at_once integer default 10000)
returns setof jsonb
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    declared sqlembed.embedding := sqlembed._declared_embedding(_remove_vectors.embedding);
    match text;
    side_key record;
    removed jsonb[];
    is_all boolean;
begin
    if declared.side is null then
        return query select * from unnest(_remove_vectors.keys);
        return;
    end if;
    is_all := '[]' = any (_remove_vectors.keys);
    if is_all and sqlembed._empty_side(declared.relation, declared.side) then
        return query select * from unnest(_remove_vectors.keys);
        return;
    end if;
    match := sqlembed._side_match(declared.relation, declared.side, 't', 'r');
    -- Of a chunk, the key of its row.
    select k.match, k.expression
    into side_key
    from sqlembed._key_sql(declared.side, length => cardinality(declared.key_columns)) as k;
    execute format(
        'with gone as (
            delete from %1$s as r
            where r.ctid = any (
                array(
                    select r.ctid
                    from %2$s
                    where not exists (select from %3$s as t where %4$s)
                    limit %5$s
                    for update of r skip locked
                )
            )
            returning %6$s as key
        )
        select array_agg(distinct g.key) from gone as g',
        declared.side,
        case
            when is_all then declared.side || ' as r'
            else format('unnest($1) as k (key) join %s as r on %s', declared.side, side_key.match)
        end,
        declared.relation,
        match,
        case when is_all then _remove_vectors.at_once::text else 'all' end,
        side_key.expression
    )
    into removed
    using _remove_vectors.keys;
    -- A row that came back since may have lost the vector that another worker has made of it meanwhile.
    execute format(
        'select sqlembed._note_keys(%s, array_agg(k.key))
        from unnest($1) as k (key)
        where exists (select from %s as r where %s)',
        declared.id, declared.relation, (select k.match from sqlembed._key_sql(declared.relation) as k)
    )
    using removed;
    -- Rows that somebody has locked are left for later.
    return query execute format(
        'select k.key
        from unnest($1) as k (key)
        where case k.key
            when ''[]'' then not exists (select from %1$s as r where not exists (select from %2$s as t where %3$s))
            else not exists (select from %1$s as r where %4$s and not exists (select from %2$s as t where %3$s))
        end',
        declared.side, declared.relation, match, side_key.match
    )
    using _remove_vectors.keys;
end
$function$;

comment on function sqlembed._remove_vectors(integer, jsonb[], integer) is
    'Remove from a side table the vectors of rows that are gone: those with these keys, and by the empty key so many of all of them. Returns the keys of which none is left.';

revoke execute on function sqlembed._remove_vectors(integer, jsonb[], integer) from public;

create or replace function sqlembed._rename_embeddings(embeddings integer[], sources text[]) returns setof sqlembed.embedding
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    -- Their owner may have locked them, for as long as a transaction lasts.
    perform from sqlembed.embedding as e where e.id = any (_rename_embeddings.embeddings) for update nowait;
    -- All at once: two vector columns may have changed their names with each other.
    update sqlembed.embedding as e
    set
        name = r.vector,
        key_columns = r.key_columns,
        key_types = sqlembed._column_types(e.relation, r.key_columns),
        key_expression = r.key_expression,
        source = g.source,
        source_columns = r.source_columns,
        source_numbers = sqlembed._column_numbers(e.relation, r.source_columns),
        vector_number = (sqlembed._column_numbers(coalesce(e.side, e.relation), array[r.vector]))[1],
        numbered_in = e.relation::oid
    from sqlembed._renamed_embeddings() as r
    join unnest(_rename_embeddings.embeddings, _rename_embeddings.sources) as g (id, source) on g.id = (r.declared).id
    where e.id = g.id;
    perform sqlembed._make_note_function(g.id), sqlembed._make_row_functions(g.id)
    from unnest(_rename_embeddings.embeddings) as g (id);
    return query select e.* from sqlembed.embedding as e where e.id = any (_rename_embeddings.embeddings);
end
$function$;

comment on function sqlembed._rename_embeddings(integer[], text[]) is
    'Write down the present names of the columns of embeddings, with their sources in these names, and make their trigger functions anew. Returns what now stands there.';

revoke execute on function sqlembed._rename_embeddings(integer[], text[]) from public;

create or replace function sqlembed._renamed_embeddings()
returns table (
    declared sqlembed.embedding,
    vector name,
    source_columns name[],
    key_columns name[],
    key_expression text,
    is_mixed_up boolean
)
language sql
stable
security definer
set search_path = pg_catalog, pg_temp
as $function$
    with present as (
        select
            e as declared,
            k.columns,
            k.expression,
            c.vector,
            -- A source that has lost a column stays as it was: status tells.
            case when array_position(c.source, null) is null then c.source else e.source_columns end as source
        from sqlembed.embedding as e
        cross join lateral sqlembed._key_sql(e.relation) as k
        cross join lateral sqlembed._present_columns(e) as c
        where k.columns is not null and c.vector is not null
    )
    select
        p.declared,
        p.vector,
        p.source,
        p.columns,
        p.expression,
        -- Whether, until now, the triggers took another column for one of these.
        exists (
            select
            from unnest(p.columns || p.source, (p.declared).key_columns || (p.declared).source_columns)
                as c (present, declared)
            join pg_attribute as a
                on a.attrelid = (p.declared).relation and a.attname = c.declared and not a.attisdropped
            where c.present is distinct from c.declared
        )
    from present as p
    where (p.columns, sqlembed._column_types((p.declared).relation, p.columns), p.vector, p.source, (p.declared).relation::oid)
        is distinct from
        (
            (p.declared).key_columns, (p.declared).key_types, (p.declared).name, (p.declared).source_columns,
            (p.declared).numbered_in
        )
$function$;

comment on function sqlembed._renamed_embeddings() is
    'Embeddings whose columns have other names or types than they had, with those that they have now.';

revoke execute on function sqlembed._renamed_embeddings() from public;

create or replace function sqlembed._renew_lease(lease_id bigint, lease interval) returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
    update sqlembed.lease as l
    set locked_until = clock_timestamp() + _renew_lease.lease
    where l.id = any (
        array(select h.id from sqlembed.lease as h where h.id = _renew_lease.lease_id for update skip locked)
    )
$function$;

comment on function sqlembed._renew_lease(bigint, interval) is
    'Keep a batch of new jobs that a worker has in hand from being leased to another.';

revoke execute on function sqlembed._renew_lease(bigint, interval) from public;

create or replace function sqlembed._renew_leases(worker integer, embedding integer, keys jsonb[], lease interval)
returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
set jit = off
-- Rows are found one by one through the primary key: the queue's size changes too fast for the
-- planner's statistics, and the wrong join takes seconds.
set enable_seqscan = off
set enable_bitmapscan = off
as $function$
    update sqlembed.job as j
    set locked_until = clock_timestamp() + _renew_leases.lease
    where j.ctid = any (
        array(
            select h.ctid
            from unnest(_renew_leases.keys) as k (key)
            cross join lateral (
                select j.ctid
                from sqlembed.job as j
                where j.embedding = _renew_leases.embedding and j.key = k.key and j.worker = _renew_leases.worker
                for update skip locked
            ) as h
        )
    )
$function$;

comment on function sqlembed._renew_leases(integer, integer, jsonb[], interval) is
    'Keep the jobs that a worker has in hand from being leased to another.';

revoke execute on function sqlembed._renew_leases(integer, integer, jsonb[], interval) from public;

create or replace function sqlembed._rest_embedders(worker integer, embedders text[]) returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
    update sqlembed.worker_process as w set resting = _rest_embedders.embedders where w.id = _rest_embedders.worker
$function$;

comment on function sqlembed._rest_embedders(integer, text[]) is
    'Say which embedders a worker leaves alone for now, because they are down.';

revoke execute on function sqlembed._rest_embedders(integer, text[]) from public;

create or replace function sqlembed._start_worker(name text, embedders text[], clusterings text[] default '{}') returns integer
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    worker integer;
begin
    delete from sqlembed.worker_process as w where w.id not in (select l.id from sqlembed.worker as l);
    loop
        insert into sqlembed.worker_process (name, embedders, clusterings)
        values (_start_worker.name, _start_worker.embedders, _start_worker.clusterings)
        returning worker_process.id into worker;
        -- Held by the session, so that the death of the process ends it. Never waited for: a lock
        -- that a stranger holds already belongs to a number that is left out.
        exit when pg_try_advisory_lock(sqlembed._lock('presence'), worker);
        delete from sqlembed.worker_process as w where w.id = worker;
    end loop;
    perform pg_try_advisory_lock(sqlembed._lock('epoch'), sqlembed._epoch_key(worker, 0));
    return worker;
end
$function$;

comment on function sqlembed._start_worker(text, text[], text[]) is
    'Sign a worker in: its row, its presence lock and the lock of its first epoch. Rows of dead workers go.';

revoke execute on function sqlembed._start_worker(text, text[], text[]) from public;

create or replace function sqlembed._stop_worker(worker integer) returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
    select sqlembed._end_lease(l.id, l.keys) from sqlembed.lease as l where l.worker = _stop_worker.worker;
    with held as materialized (
        select j.embedding, j.key
        from sqlembed.job as j
        where j.worker = _stop_worker.worker
        for update skip locked
    )
    update sqlembed.job as j
    set locked_until = null, worker = null
    from held as h
    where j.embedding = h.embedding and j.key = h.key;
    -- No attempt failed.
    update sqlembed.cluster_job as c set worker = null, attempts = greatest(c.attempts - 1, 0) where c.worker = _stop_worker.worker;
    delete from sqlembed.worker_process as w where w.id = _stop_worker.worker;
$function$;

comment on function sqlembed._stop_worker(integer) is
    'Sign a worker out and give back the jobs it has in hand.';

revoke execute on function sqlembed._stop_worker(integer) from public;

create or replace function sqlembed._sweep(cache_bytes bigint) returns void
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set jit = off
as $function$
begin
    delete from sqlembed.request as r where r.asked_at < clock_timestamp() - interval '30 s';
    perform sqlembed._trim_cache(_sweep.cache_bytes);

    -- A lease ends with its worker, and with its time.
    perform sqlembed._end_lease(l.id, l.keys)
    from sqlembed.lease as l
    where l.worker <> all (array(select w.id from sqlembed.worker as w))
        or l.locked_until < clock_timestamp()
        or l.embedding not in (select e.id from sqlembed.embedding as e);
    with living as materialized (
        select w.id from sqlembed.worker as w
    ),
    left_behind as materialized (
        select j.embedding, j.key
        from sqlembed.job as j
        where j.worker <> all (array(select l.id from living as l)) or j.locked_until < clock_timestamp()
        for update skip locked
    )
    update sqlembed.job as j
    set locked_until = null, worker = null
    from left_behind as b
    where j.embedding = b.embedding and j.key = b.key;

    -- PostgreSQL tells only superusers that a table or a column was dropped: look for them. Their
    -- owner may have locked the row, for as long as a transaction lasts.
    delete from sqlembed.embedding as e
    where e.id = any (
        array(
            select g.id
            from sqlembed.embedding as g
            where not exists (select from sqlembed._present_columns(g) as p where p.vector is not null)
                or not exists (select from pg_class as c where c.oid = g.relation)
                or g.generation_of is not null
                and not exists (select from sqlembed.embedding as o where o.id = g.generation_of)
            for update of g skip locked
        )
    );
    update sqlembed.clustering as c
    set vector_column = p.vector_column,
        cluster_column = p.cluster_column,
        vector_number = (sqlembed._column_numbers(c.relation, array[p.vector_column]))[1],
        cluster_number = (sqlembed._column_numbers(c.relation, array[p.cluster_column]))[1],
        numbered_in = c.relation::oid
    from (
        select d.id, n.*
        from sqlembed.clustering as d
        cross join lateral sqlembed._clustering_columns(d) as n
        where (n.vector_column, n.cluster_column, d.relation::oid) <> (d.vector_column, d.cluster_column, d.numbered_in)
            -- Of two that were dropped there is nothing to follow.
            and n.vector_column is not null
            and n.cluster_column is not null
        for update of d skip locked
    ) as p
    where c.id = p.id;
    perform sqlembed._drop_leftovers();
    with orphans as materialized (
        select j.embedding, j.key
        from sqlembed.job as j
        where j.embedding not in (select e.id from sqlembed.embedding as e)
        for update skip locked
    )
    delete from sqlembed.job as j
    using orphans as o
    where j.embedding = o.embedding and j.key = o.key;
    delete from sqlembed.cluster_job as c
    where not exists (select from pg_class as t where t.oid = c.relation)
        or exists (
            select from sqlembed.cluster_job as n
            where n.relation = c.relation and n.label_column = c.label_column and n.id > c.id
        );
    delete from sqlembed.failed_job as f
    where f.embedding not in (select e.id from sqlembed.embedding as e);
end
$function$;

comment on function sqlembed._sweep(bigint) is
    'Housekeeping: old requests, what the cache holds beyond a number of bytes, leases of workers that are dead or stuck, embeddings whose table or column was dropped, and what belongs to embeddings that are no more. Clusterings follow their columns.';

revoke execute on function sqlembed._sweep(bigint) from public;

create or replace function sqlembed._take_requests(worker integer, most integer)
returns table (id bigint, embedder text, kind text, inputs text[])
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
begin
    -- Callers ask again every 100 ms; one that has not for a second is gone.
    delete from sqlembed.request as r
    where r.worker = _take_requests.worker
        and not r.done
        and r.asked_at < clock_timestamp() - interval '1 s';
    return query
    select r.id, r.embedder, r.kind, r.inputs
    from sqlembed.request as r
    where r.worker = _take_requests.worker and not r.done
    order by r.id
    limit _take_requests.most;
end
$function$;

comment on function sqlembed._take_requests(integer, integer) is
    'Requests that wait for a worker; those nobody asks for any more are dropped.';

revoke execute on function sqlembed._take_requests(integer, integer) from public;

create or replace function sqlembed._trim_cache(most bigint) returns bigint
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    held record;
    excess bigint;
    gone bigint;
begin
    -- The table is never smaller than what is in it: a look that costs nothing.
    if _trim_cache.most > 0 and pg_table_size('sqlembed.cache') <= _trim_cache.most then
        return 0;
    end if;
    select coalesce(sum(u.vectors), 0) as vectors, coalesce(sum(u.bytes), 0) as bytes
    into held
    from sqlembed.cache_use as u;
    if held.bytes <= _trim_cache.most then
        return 0;
    end if;
    -- A little more than has to be, so that not every look finds something; and not many at once,
    -- because a worker that wants to keep one of them waits for this.
    excess := ceil(held.vectors * (1 - 0.95 * _trim_cache.most / held.bytes));
    delete from sqlembed.cache as c
    where c.ctid = any (
        array(
            select d.ctid
            from sqlembed.cache as d
            order by d.used_at
            limit least(excess, 10000)
            for update skip locked
        )
    );
    get diagnostics gone = row_count;
    return gone;
end
$function$;

comment on function sqlembed._trim_cache(bigint) is
    'Let go of what has not been used for longest, when the cache holds more than so many bytes. Returns how many vectors went.';

revoke execute on function sqlembed._trim_cache(bigint) from public;

create or replace function sqlembed._write_cache(
    fingerprint text,
    kind text,
    hashes bytea[],
    vectors public.vector[],
    age interval default '0'
)
returns void
language sql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $function$
    insert into sqlembed.cache as c (fingerprint, kind, input_hash, embedding, used_at)
    select distinct on (u.hash)
        _write_cache.fingerprint, _write_cache.kind, u.hash, u.vector, clock_timestamp() - _write_cache.age
    from unnest(_write_cache.hashes, _write_cache.vectors) as u (hash, vector)
    order by u.hash
    on conflict (fingerprint, kind, input_hash) do update
    set used_at = excluded.used_at
    where c.used_at < excluded.used_at - interval '1 h'
$function$;

comment on function sqlembed._write_cache(text, text, bytea[], public.vector[], interval) is
    'Keep vectors for the next time the same texts are asked for; those of some age are the first to go.';

revoke execute on function sqlembed._write_cache(text, text, bytea[], public.vector[], interval) from public;

create or replace function sqlembed._after_key(relation regclass, row_name text, key jsonb) returns text
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    part record;
    before text := '';
    condition text;
begin
    perform sqlembed._check_key(_after_key.relation, 'after_key', _after_key.key);
    -- By the operators of the key's own index, which is what "order by" goes by.
    for part in
        select
            format('%s.%I', _after_key.row_name, a.attname) as expression,
            format(
                case
                    -- A key names a moment in UTC without saying so; a client's own jsonb says it.
                    when a.atttypid = 'timestamptz'::regtype
                    then '(case when $4 operator(pg_catalog.->>) %1$s operator(pg_catalog.~) '':[0-9]{2}([.][0-9]+)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)$'' '
                        'then ($4 operator(pg_catalog.->>) %1$s)::pg_catalog.timestamptz '
                        'else pg_catalog.timezone(''UTC'', ($4 operator(pg_catalog.->>) %1$s)::pg_catalog.timestamp) end)'
                    else '($4 operator(pg_catalog.->>) %1$s)::%2$s'
                end,
                k.position - 1,
                format_type(a.atttypid, -1)
            ) as value,
            o.equal,
            o.greater
        from pg_index as i
        cross join unnest(i.indkey, i.indclass) with ordinality as k (attnum, operator_class, position)
        join pg_attribute as a on a.attrelid = i.indrelid and a.attnum = k.attnum
        join pg_opclass as c on c.oid = k.operator_class
        cross join lateral (
            select
                max(format('operator(%I.%s)', n.nspname, p.oprname)) filter (where m.amopstrategy = 3) as equal,
                max(format('operator(%I.%s)', n.nspname, p.oprname)) filter (where m.amopstrategy = 5) as greater
            from pg_amop as m
            join pg_operator as p on p.oid = m.amopopr
            join pg_namespace as n on n.oid = p.oprnamespace
            where m.amopfamily = c.opcfamily and m.amoplefttype = c.opcintype and m.amoprighttype = c.opcintype
        ) as o
        where i.indrelid = _after_key.relation and i.indisprimary and k.position <= i.indnkeyatts
        order by k.position
    loop
        condition := concat_ws(' or ', condition, format('%s%s %s %s', before, part.expression, part.greater, part.value));
        before := format('%s%s %s %s and ', before, part.expression, part.equal, part.value);
    end loop;
    return condition;
end
$function$;

comment on function sqlembed._after_key(regclass, text, jsonb) is
    'The condition that the key of a row comes after the key $4, in the order of the primary key.';

create or replace function sqlembed._attempt(
    function_name text,
    source anyelement,
    query public.vector,
    k integer,
    name name,
    filter text,
    mode text,
    metric text,
    diversity double precision,
    after_distance double precision,
    after_key jsonb,
    excluded tid,
    excluded_table oid,
    with_vectors boolean
)
returns table (
    base anyelement,
    distance double precision,
    attempt integer,
    embedding public.vector,
    chunk text
)
language plpgsql
stable
rows 10
as $function$
declare
    checked boolean := sqlembed._check_search(
        _attempt.function_name, _attempt.k, _attempt.filter, _attempt.mode, _attempt.diversity, _attempt.after_distance,
        _attempt.after_key
    );
    target sqlembed.search_target;
    path sqlembed.search_path;
    conditions text;
    later text := '';
    found_rows bigint := 0;
    settings text[];
    ignored text;
    problem text;
    pg_hint text;
begin
    target := sqlembed._search_target(_attempt.function_name, _attempt.source, _attempt.name, _attempt.metric);
    -- Besides, a function of pgvector has to run before its settings are there.
    if public.vector_dims(_attempt.query) is null then
        return;
    end if;
    if _attempt.diversity is not null then
        return query
        select d.base, d.distance, 1, null::public.vector, d.chunk
        from sqlembed._diverse(
            _attempt.function_name, _attempt.source, _attempt.query, _attempt.k, _attempt.name, _attempt.filter,
            _attempt.mode, target.metric, _attempt.diversity, _attempt.excluded, _attempt.excluded_table
        ) as d;
        return;
    end if;

    conditions := sqlembed._search_conditions(
        target, _attempt.filter, _attempt.after_distance, _attempt.after_key, _attempt.excluded
    );
    if target.chunk is not null and _attempt.after_distance is not null then
        later := pg_catalog.format(
            ' and (f.distance operator(pg_catalog.>) $3 or f.distance operator(pg_catalog.=) $3 and (%s))',
            sqlembed._after_key(target.relation, 'sqlembed_base', _attempt.after_key)
        );
    end if;
    path := sqlembed._search_path(
        target, _attempt.query, _attempt.k, _attempt.mode, conditions, _attempt.after_distance, _attempt.after_key,
        _attempt.excluded, _attempt.excluded_table
    );

    if not path.is_exact then
        settings := sqlembed._enter_search(path);
        return query execute sqlembed._search_statement(target, conditions, 1, path, _attempt.with_vectors, later)
        using _attempt.query, _attempt.k, _attempt.after_distance, _attempt.after_key, _attempt.excluded,
            _attempt.excluded_table;
        get diagnostics found_rows = row_count;
        ignored := sqlembed._leave_search(settings);
    end if;
    -- An index may give up before it has found k of the rows that pass the filter.
    if found_rows operator(pg_catalog.<) _attempt.k then
        return query execute sqlembed._search_statement(target, conditions, 2, path, _attempt.with_vectors, later)
        using _attempt.query, _attempt.k, _attempt.after_distance, _attempt.after_key, _attempt.excluded,
            _attempt.excluded_table;
    end if;
exception
    when others then
        get stacked diagnostics problem = message_text, pg_hint = pg_exception_hint;
        perform sqlembed._explain_failure(
            sqlstate, problem, pg_hint, target.relation, _attempt.filter, public.vector_dims(_attempt.query)
        );
        raise;
end
$function$;

comment on function sqlembed._attempt(
    text, anyelement, public.vector, integer, name, text, text, text, double precision, double precision, jsonb, tid,
    oid, boolean
) is
    'Rows that a vector index finds as attempt 1, and where those are fewer than k, the rows found without it as attempt 2. The filter runs with the rights and the search_path of the caller.';

create or replace function sqlembed._check_key(relation regclass, argument text, key jsonb) returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    columns name[] := (select k.columns from sqlembed._key_sql(_check_key.relation) as k);
begin
    if columns is null then
        raise exception 'sqlembed: % has no primary key, so no row of it has a key', _check_key.relation
            using errcode = 'SE010', hint = 'Give the table that it reads from, or add a primary key.';
    end if;
    if jsonb_typeof(_check_key.key) is distinct from 'array'
        or jsonb_array_length(_check_key.key) <> cardinality(columns)
        or _check_key.key @> '[null]'
    then
        raise exception 'sqlembed: % is no key of %: %',
            _check_key.argument, _check_key.relation, coalesce(_check_key.key::text, 'NULL')
            using errcode = 'SE014',
                hint = format(
                    'A key is a jsonb array of the primary key''s values: jsonb_build_array(%s).',
                    (select string_agg(quote_ident(c), ', ') from unnest(columns) as c)
                );
    end if;
end
$function$;

comment on function sqlembed._check_key(regclass, text, jsonb) is
    'An error when a jsonb value has not the form of a key of the table.';

create or replace function sqlembed._check_search(
    function_name text,
    k integer,
    filter text,
    mode text,
    diversity double precision,
    after_distance double precision,
    after_key jsonb
)
returns boolean
language plpgsql
immutable
as $function$
declare
    by_words boolean := _check_search.mode in ('hybrid', 'text')
        and _check_search.function_name operator(pg_catalog.=) 'search';
begin
    if (_check_search.mode in ('vector', 'exact') or by_words)
        and _check_search.k operator(pg_catalog.>=) 1
        and (_check_search.k operator(pg_catalog.<=) 1000 or _check_search.mode operator(pg_catalog.=) 'exact')
        and (_check_search.filter is null or not sqlembed._blank(_check_search.filter))
        and _check_search.diversity is null
        and _check_search.after_distance is null
        and _check_search.after_key is null
    then
        return true;
    end if;

    perform sqlembed._check_choice('mode', _check_search.mode, '{vector,exact,hybrid,text}');
    if _check_search.mode in ('hybrid', 'text') and _check_search.function_name operator(pg_catalog.=) 'explain_search' then
        raise exception 'sqlembed: mode => % is not explained', pg_catalog.quote_literal(_check_search.mode)
            using errcode = 'SE014',
                hint = 'Of a hybrid search, the vectors'' half goes as mode => ''vector'' with twice its k, 100 at least.';
    end if;
    if _check_search.mode in ('hybrid', 'text') and not by_words then
        raise exception 'sqlembed: mode => % needs a text', pg_catalog.quote_literal(_check_search.mode)
            using errcode = 'SE014', hint = 'A vector has no words. Give the text to sqlembed.search.';
    end if;
    if (_check_search.k operator(pg_catalog.>=) 1) is not true then
        raise exception 'sqlembed: k must be 1 or more, not %', coalesce(_check_search.k::text, 'NULL')
            using errcode = 'SE014', hint = 'k is the number of rows to find.';
    end if;
    if _check_search.k operator(pg_catalog.>) 1000 and _check_search.mode operator(pg_catalog.<>) 'exact' then
        raise exception 'sqlembed: k must be 1000 or less, not %', _check_search.k
            using errcode = 'SE014', hint = 'With mode => ''exact'' it may be larger.';
    end if;
    if sqlembed._blank(_check_search.filter) and _check_search.filter is not null then
        raise exception 'sqlembed: the filter is empty'
            using errcode = 'SE015', hint = 'To search all rows, leave it out or give NULL.';
    end if;
    if by_words and (
        _check_search.diversity is not null or _check_search.after_distance is not null or _check_search.after_key is not null
    ) then
        raise exception 'sqlembed: mode => % takes neither diversity nor pages', pg_catalog.quote_literal(_check_search.mode)
            using errcode = 'SE014', hint = 'Ask for a larger k, or for mode => ''vector'' or ''exact''.';
    end if;
    if _check_search.diversity is not null then
        if (_check_search.diversity between 0 and 1) is not true then
            raise exception 'sqlembed: diversity must be between 0 and 1, not %', _check_search.diversity
                using errcode = 'SE014', hint = '0 is the nearest rows, 1 the most unlike each other; 0.5 is a fair start.';
        end if;
        if _check_search.k operator(pg_catalog.>) 1000 then
            raise exception 'sqlembed: with diversity k must be 1000 or less, not %', _check_search.k
                using errcode = 'SE014', hint = 'Leave diversity out.';
        end if;
        if _check_search.after_distance is not null or _check_search.after_key is not null then
            raise exception 'sqlembed: rows chosen for diversity have no next page'
                using errcode = 'SE014', hint = 'Ask for a larger k, or leave diversity out.';
        end if;
    end if;
    if (_check_search.after_distance is null) operator(pg_catalog.<>) (_check_search.after_key is null) then
        raise exception 'sqlembed: after_distance and after_key belong together'
            using errcode = 'SE014',
                hint = 'Give those of the last row seen: after_distance => distance, after_key => jsonb_build_array((base).id).';
    end if;
    return true;
end
$function$;

comment on function sqlembed._check_search(text, integer, text, text, double precision, double precision, jsonb) is
    'True, or the error for arguments that no search can have.';

create or replace function sqlembed._choose_diverse(
    distances double precision[],
    vectors public.vector[],
    k integer,
    diversity double precision,
    metric text
)
returns integer[]
language plpgsql
immutable
as $function$
declare
    chosen integer[] := '{}';
    -- How far each candidate is from the nearest of those that were chosen.
    apart double precision[];
    next integer;
begin
    -- Maximal marginal relevance (Carbonell and Goldstein 1998), with minus the distance for a similarity.
    for round in 1..least(_choose_diverse.k, coalesce(pg_catalog.cardinality(_choose_diverse.distances), 0)) loop
        select c.number
        into next
        from rows from (
            pg_catalog.unnest(_choose_diverse.distances), pg_catalog.unnest(apart)
        ) with ordinality as c (distance, apart, number)
        where c.number operator(pg_catalog.<>) all (chosen)
        order by
            (1 operator(pg_catalog.-) _choose_diverse.diversity) operator(pg_catalog.*) c.distance
                operator(pg_catalog.-) (_choose_diverse.diversity operator(pg_catalog.*) coalesce(c.apart, 0)),
            -- Where relevance counts for nothing the nearest still comes first.
            c.number
        limit 1;
        chosen := chosen operator(pg_catalog.||) next;
        apart := array(
            select least(
                c.apart, sqlembed.distance(c.vector, _choose_diverse.vectors[next], _choose_diverse.metric)
            )
            from rows from (
                pg_catalog.unnest(_choose_diverse.vectors), pg_catalog.unnest(apart)
            ) with ordinality as c (vector, apart, number)
            order by c.number
        );
    end loop;
    return chosen;
end
$function$;

comment on function sqlembed._choose_diverse(double precision[], public.vector[], integer, double precision, text) is
    'Numbers of k candidates, each of them near to the query and far from those chosen before it; diversity 0 counts nearness alone, 1 distance from each other alone.';

create or replace function sqlembed._chunk_statement(
    target sqlembed.search_target,
    conditions text,
    attempt integer,
    path sqlembed.search_path,
    later text,
    with_vectors boolean
)
returns text
language plpgsql
stable
as $function$
declare
    target sqlembed.search_target := _chunk_statement.target;
    path sqlembed.search_path := _chunk_statement.path;
    conditions text := _chunk_statement.conditions;
    -- Chunks that do not pass count for an index that may look only at so many.
    is_counting boolean := _chunk_statement.attempt operator(pg_catalog.=) 1 and path.visits is not null;
    keys text := '';
    order_by text := 'distance';
    -- The first attempt goes through an index, which answers to the bare distance alone, or to that over
    -- less than whole vectors, and looks at no more chunks than it may.
    first_ones text := case
        when _chunk_statement.attempt operator(pg_catalog.=) 1
        then pg_catalog.format(
            ' order by %s limit %s',
            coalesce(target.ordering, target.distance),
            pg_catalog.ceil(coalesce(path.visits, path.depth))
        )
        else ''
    end;
begin
    for n in 1..pg_catalog.cardinality(target.key_columns) loop
        keys := keys || pg_catalog.format(', %s as key_%s', target.key_columns[n], n);
        order_by := order_by || pg_catalog.format(', key_%s', n);
    end loop;
    -- Each row by its best chunk. Only then, row by row and nearest first, is the text hashed that tells
    -- whether its chunks are those of the present one: it may be long.
    return pg_catalog.format(
        'select b.base, f.distance, %1$s, f.vector, f.chunk '
        'from ('
        'select g.* from ('
        'select distinct on (relation, place) c.* from ('
        'select %2$s.tableoid as relation, %2$s.ctid as place, %3$s as distance, %4$s as vector, %5$s as chunk, '
        '%6$s as hash, %7$s as passes%8$s from %9$s where %10$s is not null%11$s%12$s'
        ') as c where c.passes order by relation, place, distance'
        ') as g order by %13$s'
        ') as f '
        'cross join lateral ('
        'select row(sqlembed_base.*)::%14$s as base from %15$s as sqlembed_base '
        'where sqlembed_base.tableoid operator(pg_catalog.=) f.relation '
        'and sqlembed_base.ctid operator(pg_catalog.=) f.place and %16$s%17$s offset 0'
        ') as b order by f.%18$s limit $2',
        _chunk_statement.attempt,
        target.row_name,
        -- In relaxed order an index knows distances only nearly, and PostgreSQL would take its word.
        case _chunk_statement.attempt
            when 1 then target.distance
            else pg_catalog.format('(%s) operator(pg_catalog.+) ''0''::pg_catalog.float8', target.distance)
        end,
        case
            when _chunk_statement.with_vectors then pg_catalog.format('(%s)::public.vector', target.vector)
            else 'null::public.vector'
        end,
        target.chunk,
        target.hash,
        case when is_counting then 'true' || conditions else 'true' end,
        keys,
        target.from_clause,
        target.vector,
        case when is_counting then '' else conditions end,
        first_ones,
        order_by,
        target.row_type,
        target.relation,
        sqlembed._is_current(target, 'f.hash', 'sqlembed_base'),
        _chunk_statement.later,
        pg_catalog.replace(order_by, ', ', ', f.')
    );
end
$function$;

comment on function sqlembed._chunk_statement(
    sqlembed.search_target, text, integer, sqlembed.search_path, text, boolean
) is
    'As _search_statement, where the vectors are those of chunks: each row once, with its best one. The conditions are those on a chunk and its row, later ones are on a row and its best chunk f.';

create or replace function sqlembed._diverse(
    function_name text,
    source anyelement,
    query public.vector,
    k integer,
    name name,
    filter text,
    mode text,
    metric text,
    diversity double precision,
    excluded tid,
    excluded_table oid
)
returns table (base anyelement, distance double precision, chunk text)
language plpgsql
stable
rows 10
as $function$
declare
    near record;
    chosen integer[];
begin
    select
        pg_catalog.array_agg(a.base order by a.number) as bases,
        pg_catalog.array_agg(a.distance order by a.number) as distances,
        pg_catalog.array_agg(a.embedding order by a.number) as vectors,
        pg_catalog.array_agg(a.chunk order by a.number) as chunks
    into near
    from (
        select t.*, pg_catalog.max(t.attempt) over () as last_attempt
        from sqlembed._attempt(
            _diverse.function_name, _diverse.source, _diverse.query,
            -- To choose from.
            least(1000, greatest(50, 5 operator(pg_catalog.*) _diverse.k)), _diverse.name, _diverse.filter,
            _diverse.mode, _diverse.metric, null, null, null, _diverse.excluded, _diverse.excluded_table, true
        ) with ordinality as t (base, distance, attempt, embedding, chunk, number)
    ) as a
    where a.attempt operator(pg_catalog.=) a.last_attempt and a.distance operator(pg_catalog.<>) 'NaN';
    chosen := sqlembed._choose_diverse(
        near.distances, near.vectors, _diverse.k, _diverse.diversity, _diverse.metric
    );
    return query
    select near.bases[c.number], near.distances[c.number], near.chunks[c.number]
    from pg_catalog.unnest(chosen) with ordinality as c (number, place)
    order by c.place;
end
$function$;

comment on function sqlembed._diverse(
    text, anyelement, public.vector, integer, name, text, text, text, double precision, tid, oid
) is
    'k rows out of the 5 k nearest, near to the query and unlike each other, in the order in which they were chosen.';

create or replace function sqlembed._enter_search(path sqlembed.search_path, out before text[])
language plpgsql
stable
as $function$
declare
    -- Assigned to, because PERFORM takes several times as long.
    ignored pg_catalog.text;
begin
    -- Those of iterative scans are there since pgvector 0.8.
    before := array[
        pg_catalog.current_setting('hnsw.ef_search'),
        pg_catalog.current_setting('hnsw.iterative_scan', true),
        pg_catalog.current_setting('ivfflat.iterative_scan', true),
        pg_catalog.current_setting('hnsw.max_scan_tuples', true)
    ];
    if before[1]::integer operator(pg_catalog.<) (_enter_search.path).ef_search then
        ignored := pg_catalog.set_config('hnsw.ef_search', (_enter_search.path).ef_search::text, true);
    end if;
    -- So that a scan goes on until k rows pass the filter; relaxed_order finds more of the nearest
    -- than strict_order.
    if before[2] operator(pg_catalog.<>) 'off' and not (_enter_search.path).is_iterative then
        ignored := pg_catalog.set_config('hnsw.iterative_scan', 'off', true);
    end if;
    if before[2] operator(pg_catalog.=) 'off' and (_enter_search.path).is_iterative then
        ignored := pg_catalog.set_config('hnsw.iterative_scan', 'relaxed_order', true);
    end if;
    if before[3] operator(pg_catalog.=) 'off' then
        ignored := pg_catalog.set_config('ivfflat.iterative_scan', 'relaxed_order', true);
    end if;
    -- A limit of the caller's own stands; pgvector's was made for no table in particular.
    if before[4] operator(pg_catalog.=) '20000' and (_enter_search.path).max_scan_tuples is not null then
        ignored := pg_catalog.set_config('hnsw.max_scan_tuples', (_enter_search.path).max_scan_tuples::text, true);
    end if;
end
$function$;

comment on function sqlembed._enter_search(sqlembed.search_path) is
    'Make the settings with which a search goes through an index; gives those from before, for _leave_search.';

create or replace function sqlembed._estimate(
    statement text,
    query public.vector,
    after_distance double precision,
    after_key jsonb,
    excluded tid,
    excluded_table oid,
    out rows double precision,
    out cost double precision
)
language plpgsql
-- PostgreSQL refuses EXPLAIN in functions that are not.
volatile
as $function$
declare
    plan jsonb;
begin
    execute 'explain (format json) ' || _estimate.statement
    into plan
    using _estimate.query, null::integer, _estimate.after_distance, _estimate.after_key, _estimate.excluded,
        _estimate.excluded_table;
    _estimate.rows := plan operator(pg_catalog.#>) '{0,Plan,Plan Rows}';
    _estimate.cost := plan operator(pg_catalog.#>) '{0,Plan,Total Cost}';
end
$function$;

comment on function sqlembed._estimate(text, public.vector, double precision, jsonb, tid, oid) is
    'How many rows a statement gives and what it costs, as PostgreSQL''s planner sees it.';

create or replace function sqlembed._estimated_rows(relation regclass) returns double precision
language sql
stable
as $function$
    select coalesce(pg_catalog.sum(c.reltuples), 0)
    from (
        select _estimated_rows.relation::pg_catalog.oid as oid
        union
        select p.relid from pg_catalog.pg_partition_tree(_estimated_rows.relation) as p where p.isleaf
        union
        select i.inhrelid from pg_catalog.pg_inherits as i where i.inhparent operator(pg_catalog.=) _estimated_rows.relation
    ) as part
    join pg_catalog.pg_class as c on c.oid operator(pg_catalog.=) part.oid
    -- A partitioned table counts its rows a second time, and one that was never analyzed none.
    where c.relkind operator(pg_catalog.<>) 'p' and c.reltuples operator(pg_catalog.>) 0
$function$;

comment on function sqlembed._estimated_rows(regclass) is
    'How many rows a table had when it was last analyzed, its partitions and children included; 0 for a view.';

create or replace function sqlembed._explain_failure(
    state text,
    problem text,
    pg_hint text,
    relation regclass,
    filter text,
    dimensions integer
)
returns void
language plpgsql
stable
as $function$
begin
    -- pgvector has one code for all it refuses. The filter may compare vectors too.
    if _explain_failure.state operator(pg_catalog.=) '22000'
        and _explain_failure.problem operator(pg_catalog.~) '^different [a-z]+ dimensions'
        and (
            _explain_failure.filter is null
            or not exists (
                select
                from pg_catalog.pg_attribute as a
                where a.attrelid operator(pg_catalog.=) _explain_failure.relation
                    and a.atttypid in ('public.vector'::pg_catalog.regtype, 'public.halfvec'::pg_catalog.regtype)
                    and a.atttypmod operator(pg_catalog.=) _explain_failure.dimensions
            )
        )
    then
        raise exception 'sqlembed: the query has % dimensions, unlike vectors of %',
            _explain_failure.dimensions, _explain_failure.relation
            using errcode = 'SE014',
                detail = _explain_failure.problem,
                hint = 'Only vectors of one embedder are comparable. A filter can leave out others: vector_dims(column) = 3.';
    end if;
    -- Syntax, names, types, values, and what functions raise; but not rights, cancelling, locks, space or our own.
    if _explain_failure.filter is not null
        and _explain_failure.state operator(pg_catalog.~) '^(0A|21|22|42|P0)'
        and _explain_failure.state operator(pg_catalog.<>) '42501'
    then
        raise exception 'sqlembed: the filter is not valid: %', _explain_failure.problem
            using errcode = 'SE015',
                hint = pg_catalog.concat_ws(
                    ' ',
                    nullif(_explain_failure.pg_hint, ''),
                    pg_catalog.format('A filter is a condition on one row of %s, such as: id > 10.', _explain_failure.relation)
                );
    end if;
end
$function$;

comment on function sqlembed._explain_failure(text, text, text, regclass, text, integer) is
    'Raise the error of a search again, in words, where the vectors or the filter are to blame for it; otherwise nothing.';

create or replace function sqlembed._fused_score(
    vector_place bigint,
    text_place bigint,
    text_weight double precision
)
returns double precision
language sql
immutable
parallel safe
return coalesce(1 / (60 + vector_place)::double precision, 0)
    + coalesce(text_weight / (60 + text_place), 0);

comment on function sqlembed._fused_score(bigint, bigint, double precision) is
    'Reciprocal rank fusion, k = 60: the score of a row by its places among the nearest and among those found by words; NULL where it is not.';

create or replace function sqlembed._hybrid_search(
    source anyelement,
    query text,
    query_vector public.vector,
    k integer,
    embedding name,
    filter text,
    text_weight double precision
)
returns table (base anyelement, distance double precision, score double precision, chunk text)
language plpgsql
stable
rows 10
as $function$
declare
    target sqlembed.search_target := sqlembed._search_target(
        'search', _hybrid_search.source, _hybrid_search.embedding, null
    );
    words record := sqlembed._plan_text(
        target, _hybrid_search.query, _hybrid_search.filter, true
    );
    -- What stands at place 62 of both lists equals the first of one that is not in the other.
    depth integer := least(1000, greatest(100, 2 operator(pg_catalog.*) _hybrid_search.k));
    vector_filter text := _hybrid_search.filter;
begin
    if (
        _hybrid_search.text_weight operator(pg_catalog.>=) 0 and _hybrid_search.text_weight operator(pg_catalog.<) 'Infinity'
    ) is not true then
        raise exception 'sqlembed: text_weight must be 0 or more, not %', coalesce(_hybrid_search.text_weight::text, 'NULL')
            using errcode = 'SE014',
                hint = 'It is what words count beside the vectors, which count 1. For one of them alone: mode => ''vector'', mode => ''text''.';
    end if;
    if words.requirement is not null then
        vector_filter := pg_catalog.format(E'(%s\n) and %s', coalesce(vector_filter, 'true'), words.requirement);
    end if;
    return query execute pg_catalog.format(
        'with near as (
            select n.base, n.distance, n.chunk, n.place, %1$s as key
            from sqlembed.vector_search($1, $2, $3, $4, $5) with ordinality as n (base, distance, score, chunk, place)
        ),
        worded as (
            select n.base, n.distance, n.chunk, n.place, %1$s as key
            from sqlembed._text_rows($1, $6, $7, $8, $3, $2, $9, $10) with ordinality as n (base, distance, chunk, score, place)
        )
        select f.base, case when f.distance operator(pg_catalog.<>) ''NaN'' then f.distance end, f.score, f.chunk
        from (
            select
                case when near.place is null then worded.base else near.base end as base,
                coalesce(near.distance, worded.distance) as distance,
                coalesce(near.chunk, worded.chunk) as chunk,
                sqlembed._fused_score(near.place, worded.place, $11) as score,
                coalesce(near.key, worded.key) as key
            from near
            full join worded on worded.key operator(pg_catalog.=) near.key
        ) as f
        order by f.score desc, f.distance, f.key
        limit $12',
        (
            select pg_catalog.format(
                'pg_catalog.jsonb_build_array(%s)', pg_catalog.string_agg(pg_catalog.format('(n.base).%I', c.name), ', ')
            )
            from pg_catalog.unnest(sqlembed._key_names(target.relation)) as c (name)
        )
    )
    using
        _hybrid_search.source, _hybrid_search.query_vector, depth, _hybrid_search.embedding, vector_filter,
        words.statement, words.wanted, words.words, target.relation, _hybrid_search.filter,
        _hybrid_search.text_weight, _hybrid_search.k;
end
$function$;

comment on function sqlembed._hybrid_search(anyelement, text, public.vector, integer, name, text, double precision) is
    'The k rows that rank best among the nearest to a vector and those found by words together. Phrases and exclusions of the text hold for both.';

create or replace function sqlembed._is_current(target sqlembed.search_target, hash text, row_name text)
returns text
language sql
immutable
as $function$
    -- A bare equality would be taken for one that few rows pass, and the index left aside.
    select case
        when (_is_current.target).hash_function is null then 'true'
        else pg_catalog.format(
            'coalesce(%s operator(pg_catalog.=) %s(%s.*), false)',
            _is_current.hash, (_is_current.target).hash_function, _is_current.row_name
        )
    end
$function$;

comment on function sqlembed._is_current(sqlembed.search_target, text, text) is
    'The condition that chunks are those of a row''s present text, by its hash; always true where older ones stay searchable meanwhile.';

create or replace function sqlembed._leave_search(before text[]) returns void
language plpgsql
stable
as $function$
declare
    ignored pg_catalog.text;
begin
    -- An error undoes settings by itself, the end of a function only those that it was created with.
    ignored := pg_catalog.set_config('hnsw.ef_search', _leave_search.before[1], true);
    if _leave_search.before[2] operator(pg_catalog.<>) pg_catalog.current_setting('hnsw.iterative_scan', true) then
        ignored := pg_catalog.set_config('hnsw.iterative_scan', _leave_search.before[2], true);
    end if;
    if _leave_search.before[3] operator(pg_catalog.=) 'off' then
        ignored := pg_catalog.set_config('ivfflat.iterative_scan', 'off', true);
    end if;
    if _leave_search.before[4] operator(pg_catalog.=) '20000' then
        ignored := pg_catalog.set_config('hnsw.max_scan_tuples', '20000', true);
    end if;
end
$function$;

comment on function sqlembed._leave_search(text[]) is 'Bring back the settings from before _enter_search.';

create or replace function sqlembed._nearest(
    function_name text,
    source anyelement,
    query public.vector,
    k integer,
    name name,
    filter text,
    mode text,
    metric text default null,
    diversity double precision default null,
    after_distance double precision default null,
    after_key jsonb default null,
    excluded tid default null,
    excluded_table oid default null
)
returns table (base anyelement, distance double precision, score double precision, chunk text)
language sql
stable
rows 10
as $function$
    -- Inlined into the searches. An attempt that found too few rows is void, and where there is no
    -- distance (cosine of a zero vector) there is no neighbour.
    select a.base, a.distance, null::pg_catalog.float8, a.chunk
    from (
        select t.*, pg_catalog.max(t.attempt) over () as last_attempt
        from sqlembed._attempt(
            _nearest.function_name, _nearest.source, _nearest.query, _nearest.k, _nearest.name, _nearest.filter,
            _nearest.mode, _nearest.metric, _nearest.diversity, _nearest.after_distance, _nearest.after_key,
            _nearest.excluded, _nearest.excluded_table, false
        ) with ordinality as t (base, distance, attempt, embedding, chunk, number)
    ) as a
    where a.attempt operator(pg_catalog.=) a.last_attempt and a.distance operator(pg_catalog.<>) 'NaN'
    order by a.number
$function$;

comment on function sqlembed._nearest(
    text, anyelement, public.vector, integer, name, text, text, text, double precision, double precision, jsonb, tid, oid
) is
    'The k rows nearest to a vector, nearest first, equal distances in the order of their keys.';

create or replace function sqlembed._plan_text(
    target sqlembed.search_target,
    query text,
    filter text,
    with_distance boolean,
    out statement text,
    out words tsquery[],
    out wanted tsquery,
    out requirement text
)
language plpgsql
stable
as $function$
declare
    declared sqlembed.embedding := sqlembed._embedding_of(
        (_plan_text.target).relation, (_plan_text.target).embedding
    );
    config text := coalesce(declared.full_text, sqlembed._text_search_config(pg_catalog.get_current_ts_config()));
    is_stored boolean;
    document text;
    required tsquery;
begin
    is_stored := exists (
        select
        from pg_catalog.pg_attribute as a
        where a.attrelid operator(pg_catalog.=) declared.relation
            and a.attname operator(pg_catalog.=) declared.full_text_column
            and a.atttypid operator(pg_catalog.=) 'pg_catalog.tsvector'::pg_catalog.regtype
            and not a.attisdropped
    );
    document := case
        when is_stored
        then pg_catalog.format('%s.%I', (_plan_text.target).row_name, declared.full_text_column)
        else sqlembed._full_text_sql(config, declared.source)
    end;
    select q.words, q.required, q.wanted
    into _plan_text.words, required, _plan_text.wanted
    from sqlembed._text_query(config::pg_catalog.regconfig, _plan_text.query) as q;
    if required is not null then
        _plan_text.requirement := pg_catalog.format('%s operator(pg_catalog.@@) %L::pg_catalog.tsquery', document, required);
    end if;
    if _plan_text.wanted is not null then
        _plan_text.statement := sqlembed._text_statement(
            _plan_text.target, document, is_stored, _plan_text.filter, pg_catalog.cardinality(_plan_text.words),
            _plan_text.with_distance
        );
    end if;
end
$function$;

comment on function sqlembed._plan_text(sqlembed.search_target, text, text, boolean) is
    'How to find rows by words: the statement (NULL: the query has no words), the words, the text query, and the condition that every row has to fulfil, as SQL (NULL: none).';

create or replace function sqlembed._refuse_dropped(declared sqlembed.embedding) returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    relation regclass := (_refuse_dropped.declared).relation;
    name name := (_refuse_dropped.declared).name;
    has_another boolean;
begin
    -- Asked of what the server knows now, and not of tables, where the snapshot goes on to see what is gone.
    begin
        has_another := case
            when (_refuse_dropped.declared).side is null then has_column_privilege(relation, name::text, 'select') is not null
            else (
                select to_regclass(format('%I.%I', n.nspname, sqlembed._side_name(c.relname || '_' || name)))
                    <> (_refuse_dropped.declared).side
                from pg_class as c
                join pg_namespace as n on n.oid = c.relnamespace
                where c.oid = relation
            )
        end;
    exception when undefined_column then
        has_another := false;
    end;
    if has_another then
        raise exception 'sqlembed: the generation of % that this search began with has been dropped meanwhile', relation
            using errcode = '40001', hint = 'Run it again: it then uses the one that took the place.';
    end if;
    raise exception 'sqlembed: % of % is not there any more',
        case
            when (_refuse_dropped.declared).side is null then format('column %I', name)
            else format(
                'the side table of embedding %I, or its function %I,', name, (_refuse_dropped.declared).hash_function
            )
        end,
        relation
        using errcode = 'SE013',
            hint = format('select sqlembed.drop_embedding(%L, %L), and declare it anew.', relation, name);
end
$function$;

comment on function sqlembed._refuse_dropped(sqlembed.embedding) is
    'Raise what a search says whose vectors are gone: it is to be run again where another generation took their place.';

create or replace function sqlembed._refuse_relation(function_name text, given text) returns void
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $function$
begin
    raise exception 'sqlembed: % takes a table as a NULL of its row type', _refuse_relation.function_name
        using errcode = 'SE014',
            hint = format(
                'Write: select (base).*, distance from sqlembed.%s(null::%s, %s).',
                _refuse_relation.function_name,
                case
                    when _refuse_relation.given ~ '^[a-z_][a-z0-9_]*([.][a-z_][a-z0-9_]*)?$' then _refuse_relation.given
                    -- What regclass gives is quoted already.
                    when starts_with(_refuse_relation.given, '"') then _refuse_relation.given
                    else coalesce(quote_ident(nullif(_refuse_relation.given, '')), 'article')
                end,
                case _refuse_relation.function_name
                    when 'search' then '''food'''
                    when 'similar' then '''[42]'''
                    else '''[1, 2, 3]'''
                end
            );
end
$function$;

comment on function sqlembed._refuse_relation(text, text) is
    'An error that shows how a table is given to a search.';

create or replace function sqlembed._refuse_undeclared(relation regclass, name name) returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
begin
    if (select c.relkind not in ('r', 'p') from pg_class as c where c.oid = _refuse_undeclared.relation) then
        raise exception 'sqlembed: % is not a table, so it has no embedding', _refuse_undeclared.relation
            using errcode = 'SE013',
                hint = format(
                    'Search the table that it reads from, or: sqlembed.vector_search(null::%s, (select sqlembed.embed(...))).',
                    _refuse_undeclared.relation
                );
    end if;
    -- Always an error, which names those that are declared.
    perform sqlembed._embedding_of(_refuse_undeclared.relation, _refuse_undeclared.name);
end
$function$;

comment on function sqlembed._refuse_undeclared(regclass, name) is
    'The error for a text search in something without the one embedding that was meant.';

create or replace function sqlembed._rough_index(
    holder regclass,
    name name,
    metric text,
    vector text,
    out kind text,
    out dimensions integer,
    out ordering text
)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    found_index record;
    indexed record;
begin
    for found_index in
        select
            case o.opcname when 'bit_hamming_ops' then 'binary' else 'prefix' end as kind,
            -- Bits, or the dimensions of the prefix.
            t.atttypmod as dimensions,
            y.typname as storage,
            o.opcname as operator_class
        from pg_index as i
        join pg_attribute as t on t.attrelid = i.indexrelid and t.attnum = 1
        join pg_opclass as o on o.oid = i.indclass[0]
        join pg_attribute as v on v.attrelid = i.indrelid and v.attname = _rough_index.name and not v.attisdropped
        join pg_type as y on y.oid = v.atttypid
        where i.indrelid = _rough_index.holder
            and i.indexprs is not null
            and t.atttypmod > 0
            and y.typname in ('vector', 'halfvec')
        order by kind desc, dimensions desc
    loop
        indexed := sqlembed._indexed(
            found_index.kind, jsonb_build_object('dimensions', found_index.dimensions), found_index.storage,
            found_index.dimensions, _rough_index.metric, quote_ident(_rough_index.name)
        );
        continue when indexed.operator_class <> found_index.operator_class
            or not sqlembed._has_index(_rough_index.holder, indexed.expression, indexed.operator_class);
        -- One over whole vectors is better, where there are both.
        exit when sqlembed._has_index(
            _rough_index.holder,
            quote_ident(_rough_index.name),
            (
                sqlembed._indexed('hnsw', null, found_index.storage, null, _rough_index.metric, _rough_index.vector)
            ).operator_class
        );
        _rough_index.kind := found_index.kind;
        _rough_index.dimensions := found_index.dimensions;
        _rough_index.ordering := (
            sqlembed._indexed(
                found_index.kind, jsonb_build_object('dimensions', found_index.dimensions), found_index.storage,
                found_index.dimensions, _rough_index.metric, _rough_index.vector
            )
        ).ordering;
        exit;
    end loop;
end
$function$;

comment on function sqlembed._rough_index(regclass, name, text, text) is
    'The kind of an index over less than the whole vectors of a column that serves a metric, over how many dimensions it is, and the order in which it finds rows, given the vector as SQL. NULL where there is none, or one over whole vectors.';

create or replace function sqlembed._search_conditions(
    target sqlembed.search_target,
    filter text,
    after_distance double precision,
    after_key jsonb,
    excluded tid
)
returns text
language sql
stable
as $function$
    -- The line break ends a comment at the end of the filter.
    select pg_catalog.concat(
        ' and (' || _search_conditions.filter || E'\n)',
        case
            -- Of a row that was shown, another chunk may come later.
            when _search_conditions.after_distance is not null and (_search_conditions.target).chunk is null
            then pg_catalog.format(
                ' and (%1$s operator(pg_catalog.>) $3 or %1$s operator(pg_catalog.=) $3 and (%2$s))',
                (_search_conditions.target).distance,
                sqlembed._after_key(
                    (_search_conditions.target).relation, (_search_conditions.target).row_name, _search_conditions.after_key
                )
            )
        end,
        case
            when _search_conditions.excluded is not null
            then pg_catalog.format(
                ' and not (%1$s.ctid operator(pg_catalog.=) $5 and %1$s.tableoid operator(pg_catalog.=) $6)',
                (_search_conditions.target).row_name
            )
        end
    )
$function$;

comment on function sqlembed._search_conditions(sqlembed.search_target, text, double precision, jsonb, tid) is
    'What rows have to fulfil, to follow "where ... ": the filter, to come after distance $3 and key $4, and not to be the row at place $5 of table $6.';

create or replace function sqlembed._search_path(
    target sqlembed.search_target,
    query public.vector,
    k integer,
    mode text,
    conditions text,
    after_distance double precision,
    after_key jsonb,
    excluded tid,
    excluded_table oid
)
returns sqlembed.search_path
language plpgsql
stable
as $function$
declare
    -- What a row that a graph leads to costs, in the planner's units: measured as 5 at 64 dimensions and
    -- 13 at 384, because such a row is compared with some 30 neighbours of it.
    cost_of_visit double precision;
    path sqlembed.search_path;
    passing record;
    chunked boolean := (_search_path.target).chunk is not null;
    candidates double precision;
    -- Whether the index gives rows in a rough order, over less than the whole vectors.
    is_rough boolean := (_search_path.target).index_kind is not null;
begin
    -- For k rows, so many: a row may have all its chunks among the nearest.
    path.depth := _search_path.k;
    if chunked then
        path.depth := path.depth operator(pg_catalog.*) (
            1 operator(pg_catalog.+) coalesce(
                sqlembed._estimated_rows((_search_path.target).vector_relation)
                    operator(pg_catalog./) nullif(sqlembed._estimated_rows((_search_path.target).relation), 0),
                8
            )
        );
    end if;
    -- On random vectors, the hardest case, 40 candidates had 0.90 of the nearest 10, 100 had 0.99.
    candidates := greatest(60 operator(pg_catalog.+) (4 operator(pg_catalog.*) _search_path.k::pg_catalog.float8), path.depth);
    if is_rough then
        -- Of MiniLM's vectors, 200 candidates by one bit a dimension have 0.99 of the nearest 10.
        candidates := 100 operator(pg_catalog.+) (10 operator(pg_catalog.*) path.depth);
        path.candidates := candidates;
    end if;
    path.ef_search := least(1000, candidates);
    if _search_path.mode operator(pg_catalog.=) 'exact' then
        path.is_exact := true;
        path.reason := 'mode => ''exact''';
        return path;
    end if;
    path.is_exact := false;
    -- What a policy or a view hides is left out before rows are counted. An index that goes on until enough
    -- are shown gives whatever it has come across by then, the nearest or not.
    path.is_iterative := not (_search_path.target).is_guarded;
    if is_rough and _search_path.after_distance is not null then
        path.is_exact := true;
        path.reason := pg_catalog.format(
            'where a page ends, an index of kind %s cannot tell', (_search_path.target).index_kind
        );
        return path;
    end if;
    if _search_path.conditions operator(pg_catalog.=) '' and not (_search_path.target).is_guarded and not is_rough then
        path.reason := 'every row may be found';
        return path;
    end if;

    cost_of_visit := 4 operator(pg_catalog.+) (public.vector_dims(_search_path.query) operator(pg_catalog./) 50.0);
    if is_rough then
        -- Neighbours are compared by less, measured as 1.2 by 384 bits and 1.4 by 128 dimensions.
        cost_of_visit := 2 operator(pg_catalog.+) (
            case (_search_path.target).index_kind when 'prefix' then (_search_path.target).index_dimensions else 0 end
                operator(pg_catalog./) 100.0
        );
    end if;
    path.total_rows := sqlembed._estimated_rows(
        case when chunked then (_search_path.target).vector_relation else (_search_path.target).relation end
    );
    select e.*
    into passing
    from sqlembed._estimate(
        pg_catalog.format(
            'select from %s where %s is not null%s',
            (_search_path.target).from_clause, (_search_path.target).vector, _search_path.conditions
        ),
        _search_path.query, _search_path.after_distance, _search_path.after_key, _search_path.excluded,
        _search_path.excluded_table
    ) as e;
    path.matching_rows := passing.rows;
    path.total_rows := greatest(path.total_rows, path.matching_rows, 1);
    path.exact_cost := passing.cost;
    -- Longer vectors stand outside of their rows, in several pieces.
    if public.vector_dims(_search_path.query) operator(pg_catalog.>) 500 then
        path.exact_cost := path.exact_cost operator(pg_catalog.+) (2 operator(pg_catalog.*) passing.rows);
    end if;
    -- A table beside it is joined, and the texts are hashed: of so many rows, because PostgreSQL takes half
    -- of them for stale.
    if (_search_path.target).vector_relation operator(pg_catalog.<>) (_search_path.target).relation then
        path.exact_cost := path.exact_cost operator(pg_catalog.+) (4 operator(pg_catalog.*) passing.rows);
    end if;
    -- So many have to be visited before k of them have passed, and as many again for bad luck; or before
    -- there are enough to rank.
    path.visits := greatest(
        candidates,
        case
            when not is_rough then 2 operator(pg_catalog.*) path.depth
            when _search_path.conditions operator(pg_catalog.<>) '' or (_search_path.target).is_guarded then candidates
            else 0
        end
            operator(pg_catalog.*) path.total_rows operator(pg_catalog./) greatest(passing.rows, 1)
    );
    if is_rough and path.visits operator(pg_catalog.>) 1000
        and pg_catalog.current_setting('hnsw.iterative_scan', true) is null
    then
        path.is_exact := true;
        path.reason := 'before version 0.8 of pgvector an index gives no more than 1000 rows, too few to rank';
        return path;
    end if;
    path.is_exact := path.exact_cost operator(pg_catalog.<) (cost_of_visit operator(pg_catalog.*) path.visits);
    path.reason := pg_catalog.format(
        '%s of about %s rows pass: comparing them costs %s, looking for them through an index %s',
        path.matching_rows, path.total_rows, pg_catalog.round(path.exact_cost),
        pg_catalog.round(cost_of_visit operator(pg_catalog.*) path.visits)
    );
    if is_rough and not path.is_exact then
        path.reason := pg_catalog.format(
            '%s; what an index of kind %s finds is ranked by the whole vectors, %s rows of it',
            path.reason, (_search_path.target).index_kind, pg_catalog.ceil(path.visits)
        );
    end if;
    if not path.is_iterative and not path.is_exact and path.visits operator(pg_catalog.>) 1000 then
        path.is_exact := true;
        path.reason := path.reason || '; but to look at more than 1000 rows it would have to go on by itself, past those that are hidden';
    end if;
    path.ef_search := least(1000, path.visits);
    -- Else an index stops there.
    path.max_scan_tuples := least(2000000000, greatest(20000, 2 operator(pg_catalog.*) path.visits));
    if _search_path.conditions operator(pg_catalog.=) '' then
        -- What a policy or a view hides, PostgreSQL leaves out before anything is counted.
        path.visits := path.candidates;
    end if;
    return path;
end
$function$;

comment on function sqlembed._search_path(
    sqlembed.search_target, public.vector, integer, text, text, double precision, jsonb, tid, oid
) is
    'Whether a search goes through an index or compares every row that passes, and the settings with which it goes through an index: from k, the table''s size and how many rows pass as PostgreSQL''s planner sees it. Where texts are cut, rows are chunks here.';

create or replace function sqlembed._search_remarks(target sqlembed.search_target) returns text[]
language plpgsql
stable
as $function$
declare
    remarks text[] := '{}';
    counted record;
begin
    if (_search_remarks.target).index_kind is null and not exists (
        select
        from pg_catalog.pg_index as i
        join pg_catalog.pg_class as c on c.oid operator(pg_catalog.=) i.indexrelid
        join pg_catalog.pg_am as m on m.oid operator(pg_catalog.=) c.relam
        join pg_catalog.pg_opclass as o on o.oid operator(pg_catalog.=) i.indclass[0]
        join pg_catalog.pg_attribute as a
            on a.attrelid operator(pg_catalog.=) i.indrelid and a.attnum operator(pg_catalog.=) i.indkey[0]
        where i.indrelid operator(pg_catalog.=) (_search_remarks.target).vector_relation
            and i.indisvalid
            and m.amname in ('hnsw', 'ivfflat')
            and a.attname operator(pg_catalog.=) (_search_remarks.target).embedding
            and o.opcname::text operator(pg_catalog.~~) case (_search_remarks.target).metric
                when 'cosine' then '%_cosine_ops'
                when 'euclidean' then '%_l2_ops'
                when 'inner_product' then '%_ip_ops'
                else '%_l1_ops'
            end
    ) then
        remarks := remarks operator(pg_catalog.||) pg_catalog.format(
            'no index serves the metric %s on %s.%I: every row is compared',
            (_search_remarks.target).metric, (_search_remarks.target).vector_relation, (_search_remarks.target).embedding
        );
    end if;
    execute pg_catalog.format(
        'select a.total, a.total operator(pg_catalog.-) e.embedded as missing '
        'from (select pg_catalog.count(*) as total from %s) as a, (select pg_catalog.count(%s) as embedded from %s%s) as e',
        (_search_remarks.target).relation,
        case
            when (_search_remarks.target).chunk is null then (_search_remarks.target).vector
            else pg_catalog.format(
                'distinct (%1$s.tableoid, %1$s.ctid)', (_search_remarks.target).row_name
            )
        end,
        (_search_remarks.target).from_clause,
        case
            when (_search_remarks.target).chunk is null then ''
            else ' where ' || sqlembed._is_current(
                _search_remarks.target, (_search_remarks.target).hash, (_search_remarks.target).row_name
            )
        end
    )
    into counted;
    if counted.missing operator(pg_catalog.>) 0 then
        remarks := remarks operator(pg_catalog.||) pg_catalog.format(
            '%s of %s rows have no vector and are not found: view sqlembed.status says whether they wait or are blank',
            counted.missing, counted.total
        );
    end if;
    return remarks;
end
$function$;

comment on function sqlembed._search_remarks(sqlembed.search_target) is
    'What keeps searches of a table from being fast or complete: no index that serves the metric, rows without a vector.';

create or replace function sqlembed._search_statement(
    target sqlembed.search_target,
    conditions text,
    attempt integer,
    path sqlembed.search_path,
    with_vectors boolean default false,
    later text default ''
)
returns text
language plpgsql
stable
as $function$
declare
    target sqlembed.search_target := _search_statement.target;
    visits double precision := (_search_statement.path).visits;
    vector text := case
        when _search_statement.with_vectors then pg_catalog.format('(%s)::public.vector', target.vector)
        else 'null::public.vector'
    end;
    -- The volatile clock makes PostgreSQL put a row together after it has sorted, which reads the
    -- row out of TOAST, and not before.
    late constant text := 'pg_catalog.clock_timestamp() is not null';
    keys text := '';
    -- Not the bare distance: PostgreSQL would take an index's word for its order, which in relaxed order is
    -- no more than nearly right.
    order_by text := 'f.distance operator(pg_catalog.+) ''0''::pg_catalog.float8';
begin
    if target.chunk is not null then
        return sqlembed._chunk_statement(
            target, _search_statement.conditions, _search_statement.attempt, _search_statement.path,
            _search_statement.later, _search_statement.with_vectors
        );
    end if;
    if _search_statement.attempt operator(pg_catalog.=) 2 then
        return pg_catalog.format(
            -- Vector indexes answer to the bare operator alone.
            'select case when %1$s then row(%2$s.*)::%3$s end, %4$s, 2, %5$s, null::pg_catalog.text from %6$s where %7$s is not null%8$s '
            'order by (%4$s) operator(pg_catalog.+) ''0''::pg_catalog.float8%9$s limit $2',
            late, target.row_name, target.row_type, target.distance, vector, target.from_clause, target.vector,
            _search_statement.conditions, ', ' || pg_catalog.array_to_string(target.key_columns, ', ')
        );
    end if;
    for n in 1..coalesce(pg_catalog.cardinality(target.key_columns), 0) loop
        keys := keys || pg_catalog.format(', %s as key_%s', target.key_columns[n], n);
        order_by := order_by || pg_catalog.format(', f.key_%s', n);
    end loop;
    if target.index_kind is not null then
        -- The index knows less than the whole vectors: what it finds is ranked by those. Columns pass as
        -- they stand, in TOAST or not, and the row is put together of the $2 that are left.
        return (
            select pg_catalog.format(
                'select case when %1$s then row(%2$s)::%3$s end, f.distance, 1, f.vector, null::pg_catalog.text from ('
                'select %4$s, %5$s as distance, %6$s as vector%7$s, (true%8$s) as passes '
                'from %9$s where %10$s is not null order by %11$s limit %12$s'
                ') as f where f.passes order by %13$s limit $2',
                late,
                pg_catalog.string_agg(pg_catalog.format('f.column_%s', a.attnum), ', ' order by a.attnum),
                target.row_type,
                pg_catalog.string_agg(
                    pg_catalog.format('%s.%I as column_%s', target.row_name, a.attname, a.attnum), ', ' order by a.attnum
                ),
                target.distance, vector, keys,
                _search_statement.conditions, target.from_clause, target.vector, target.ordering,
                pg_catalog.ceil(visits), order_by
            )
            from pg_catalog.pg_attribute as a
            where a.attrelid operator(pg_catalog.=) target.relation
                and a.attnum operator(pg_catalog.>) 0
                and not a.attisdropped
        );
    end if;
    if visits is null then
        return pg_catalog.format(
            'select f.base, f.distance, 1, f.vector, null::pg_catalog.text from ('
            'select case when %1$s then row(%2$s.*)::%3$s end as base, %4$s as distance, %5$s as vector%6$s '
            'from %7$s where %8$s is not null%9$s order by %4$s limit $2'
            ') as f order by %10$s',
            late, target.row_name, target.row_type, target.distance, vector, keys, target.from_clause, target.vector,
            _search_statement.conditions, order_by
        );
    end if;
    -- The nearest are looked at one by one, but only so many: all rows that pass may be far away. An
    -- index that is left to go on until k have passed, up to a limit of its own, then gives whatever
    -- it has come across, the nearest or not. The array tells a row that did not pass from one of NULLs.
    return pg_catalog.format(
        'select f.bases[1], f.distance, 1, f.vector, null::pg_catalog.text from ('
        'select case when %1$s%9$s then array[row(%2$s.*)::%3$s] end as bases, %4$s as distance, %5$s as vector%6$s '
        'from %7$s where %8$s is not null order by %4$s limit %11$s'
        ') as f where f.bases is not null order by %10$s limit $2',
        late, target.row_name, target.row_type, target.distance, vector, keys, target.from_clause, target.vector,
        _search_statement.conditions, order_by, pg_catalog.ceil(visits)
    );
end
$function$;

comment on function sqlembed._search_statement(
    sqlembed.search_target, text, integer, sqlembed.search_path, boolean, text
) is
    'A statement that finds the $2 rows nearest to $1, nearest first, equal distances in the order of their keys: row, distance, number of the attempt, the vector where it is wanted, and the best chunk of a text that is cut. The first attempt may use a vector index, and looks at no more rows than the path says; what an index finds by less than whole vectors it ranks by those; the second compares every row.';

create or replace function sqlembed._search_target(
    function_name text,
    source anyelement,
    name name,
    metric text,
    holds boolean default true
)
returns sqlembed.search_target
language plpgsql
stable
as $function$
declare
    row_type pg_catalog.regtype := pg_catalog.pg_typeof(_search_target.source);
    seen record;
    target sqlembed.search_target;
    vector_column name;
    -- Assigned to, because PERFORM takes several times as long.
    held pg_catalog.text;
begin
    select
        c.oid::pg_catalog.regclass as relation,
        c.relname,
        n.nspname,
        c.relkind,
        pg_catalog.row_security_active(c.oid) or c.relkind operator(pg_catalog.=) 'v' as may_hide,
        i.indexrelid as key_index,
        i.indnkeyatts as key_length,
        d.*
    into seen
    from pg_catalog.pg_type as t
    join pg_catalog.pg_class as c on c.oid operator(pg_catalog.=) t.typrelid and c.relkind operator(pg_catalog.<>) 'c'
    join pg_catalog.pg_namespace as n on n.oid operator(pg_catalog.=) c.relnamespace
    left join pg_catalog.pg_index as i on i.indrelid operator(pg_catalog.=) c.oid and i.indisprimary
    cross join lateral (
        select
            pg_catalog.count(*) as declared,
            pg_catalog.min(e.name::text)::name as name,
            pg_catalog.min(e.metric) as metric,
            pg_catalog.min(e.embedder) as embedder,
            pg_catalog.min(e.index) as index,
            pg_catalog.min(e.id) as id,
            pg_catalog.min(e.id) filter (where e.side is not null) as side_embedding
        from sqlembed.embedding as e
        where e.relation operator(pg_catalog.=) c.oid
            and e.name operator(pg_catalog.=) coalesce(_search_target.name, e.name)
            and (_search_target.name is not null or e.generation operator(pg_catalog.=) 'current')
    ) as d
    where t.oid operator(pg_catalog.=) row_type;
    if seen.relation is null then
        perform sqlembed._refuse_relation(
            _search_target.function_name,
            case when row_type operator(pg_catalog.=) 'regclass'::pg_catalog.regtype then _search_target.source::text end
        );
    end if;

    target.embedding := seen.name;
    if seen.declared operator(pg_catalog.<>) 1 then
        if _search_target.function_name operator(pg_catalog.=) 'search' then
            perform sqlembed._refuse_undeclared(seen.relation, _search_target.name);
        end if;
        vector_column := sqlembed._vector_column(seen.relation, _search_target.name);
        target.embedding := vector_column;
        seen.side_embedding := null;
    else
        -- Another generation may have got its name since the snapshot was taken; from here on none can.
        if _search_target.holds then
            held := sqlembed._hold(seen.relation);
        end if;
        select sqlembed._vector_name(e) into vector_column from sqlembed.embedding as e where e.id operator(pg_catalog.=) seen.id;
        -- As PostgreSQL calls what is dropped.
        if vector_column operator(pg_catalog.~) '^[.]{8}pg[.]dropped' then
            perform sqlembed._refuse_dropped(e) from sqlembed.embedding as e where e.id operator(pg_catalog.=) seen.id;
        end if;
    end if;

    target.relation := seen.relation;
    target.embedder := seen.embedder;
    target.metric := coalesce(
        _search_target.metric, case when seen.declared operator(pg_catalog.=) 1 then seen.metric end, 'cosine'
    );
    target.is_guarded := seen.may_hide;
    target.row_type := row_type::text;
    -- The table keeps its name, because a filter may use it.
    target.row_name := pg_catalog.quote_ident(seen.relname);
    if seen.side_embedding is null then
        target.vector_relation := seen.relation;
        -- With its schema, or a common table expression around might be taken for it.
        target.from_clause := pg_catalog.format('%I.%I as %s', seen.nspname, seen.relname, target.row_name);
        target.vector := pg_catalog.format('%s.%I', target.row_name, vector_column);
    else
        select e.side, s.*
        into target.vector_relation, target.from_clause, target.vector, target.chunk, target.hash, target.hash_function
        from sqlembed.embedding as e
        cross join lateral sqlembed._side_source(e, seen.relname) as s
        where e.id operator(pg_catalog.=) seen.side_embedding;
    end if;
    -- What create_embedding was told to build need not be looked for.
    if seen.declared operator(pg_catalog.<>) 1 or seen.index in ('binary', 'prefix') then
        select r.kind, r.dimensions, r.ordering
        into target.index_kind, target.index_dimensions, target.ordering
        from sqlembed._rough_index(target.vector_relation, vector_column, target.metric, target.vector) as r;
    end if;
    target.distance := pg_catalog.format(
        '%s %s $1', target.vector, sqlembed._metric_operator(target.metric)
    );
    for n in 1..coalesce(seen.key_length, 0) loop
        target.key_columns[n] := pg_catalog.format(
            '%s.%s', target.row_name, pg_catalog.pg_get_indexdef(seen.key_index, n, false)
        );
    end loop;
    if target.key_columns is null and seen.relkind in ('r', 'p', 'm') then
        target.key_columns := array[target.row_name || '.tableoid', target.row_name || '.ctid'];
    end if;
    return target;
end
$function$;

comment on function sqlembed._search_target(text, anyelement, name, text, boolean) is
    'What a search reads: the table of a row type with its vectors, in the rows or in a table beside it, as parts of SQL in which $1 is the query vector. Unless it is told not to hold the table, names stay what they are.';

create or replace function sqlembed._side_source(
    declared sqlembed.embedding,
    row_name name,
    out from_clause text,
    out vector text,
    out chunk text,
    out hash text,
    out hash_function text
)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    alias text := case _side_source.row_name when 'sqlembed_side' then 'sqlembed_beside' else 'sqlembed_side' end;
    hash_call text := sqlembed._hash_call(_side_source.declared, quote_ident(_side_source.row_name));
begin
    if (_side_source.declared).side is null then
        return;
    end if;
    -- What an older snapshot still shows, and is not there, has no name.
    if hash_call is null or (_side_source.declared).side::text ~ '^[0-9]+$' then
        perform sqlembed._refuse_dropped(_side_source.declared);
    end if;
    -- Its columns get names that no filter uses: a name without a prefix is the table's.
    select format(
        '%1$s as %2$I join (select %3$s, s.%4$I as sqlembed_vector, s.source_hash as sqlembed_hash%9$s from %5$s as s) as %6$s on %7$s%8$s',
        (_side_source.declared).relation,
        _side_source.row_name,
        string_agg(format('s.%I as sqlembed_key_%s', k.side_name, k.position), ', ' order by k.position),
        sqlembed._vector_name(_side_source.declared),
        (_side_source.declared).side,
        alias,
        string_agg(
            format('%I.%I %s %s.sqlembed_key_%s', _side_source.row_name, k.column_name, k.operator, alias, k.position),
            ' and '
            order by k.position
        ),
        case
            -- A bare equality would be taken for one that few rows pass, and the index left aside. Of chunks,
            -- several of one row may be looked at, and the hash is left to the end.
            when (_side_source.declared).on_change = 'hide' and (_side_source.declared).chunking is null then format(' and coalesce(%s.sqlembed_hash operator(pg_catalog.=) %s, false)', alias, hash_call)
            else ''
        end,
        case
            when (_side_source.declared).chunking is not null
            then ', s.chunk as sqlembed_chunk, s.ordinal as sqlembed_ordinal'
            else ''
        end
    )
    into _side_source.from_clause
    from sqlembed._side_keys((_side_source.declared).relation, (_side_source.declared).side) as k;
    _side_source.vector := alias || '.sqlembed_vector';
    if (_side_source.declared).chunking is not null then
        _side_source.chunk := alias || '.sqlembed_chunk';
        _side_source.hash := alias || '.sqlembed_hash';
        if (_side_source.declared).on_change = 'hide' then
            _side_source.hash_function := left(hash_call, -length(quote_ident(_side_source.row_name) || '(.*)'));
        end if;
    end if;
end
$function$;

comment on function sqlembed._side_source(sqlembed.embedding, name) is
    'What a search reads from when the vectors stand in a side table, and the vector''s expression: the table under the name of its rows, joined with the vectors that count. Of chunks, also their text, the hash of the whole text, and the function that gives that of the present one, if it counts. Null for vectors in the rows.';

create or replace function sqlembed._text_distance(
    target sqlembed.search_target,
    place_in text
)
returns text
language sql
stable
as $function$
    -- Of several chunks the best.
    select pg_catalog.format(
        case
            when (_text_distance.target).chunk is null then '(select %1$s from %2$s), null::pg_catalog.text'
            else '(select pg_catalog.min(%1$s) from %2$s), (select %3$s from %2$s order by %1$s limit 1)'
        end,
        d.distance, d.rest, (_text_distance.target).chunk
    )
    from (
        select
            pg_catalog.format(
                '%s %s $4', (_text_distance.target).vector,
                sqlembed._metric_operator((_text_distance.target).metric)
            ) as distance,
            pg_catalog.format(
                '%1$s where %2$s.tableoid operator(pg_catalog.=) %3$s.relation and %2$s.ctid operator(pg_catalog.=) %3$s.place%4$s',
                (_text_distance.target).from_clause, (_text_distance.target).row_name, _text_distance.place_in,
                case
                    when (_text_distance.target).chunk is null then ''
                    else ' and ' || sqlembed._is_current(
                        _text_distance.target, (_text_distance.target).hash, (_text_distance.target).row_name
                    )
                end
            ) as rest
    ) as d
$function$;

comment on function sqlembed._text_distance(sqlembed.search_target, text) is
    'SQL for the distance between the query vector $4 and a row that was found by words, whose relation and place are columns of what was found, and for its best chunk; NULL where it has no vector, or no chunks.';

create or replace function sqlembed._text_query(
    config regconfig,
    query text,
    out words tsquery[],
    out required tsquery,
    out wanted tsquery
)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    piece text[];
    is_phrase boolean;
    is_negated boolean;
    condition tsquery;
    -- Of the present alternative; "or" begins the next.
    conditions tsquery;
    pieces integer := 0;
    is_free boolean := false;
    plain text := '';
begin
    -- Nobody asks for more in words, and a text pasted by mistake should not take for ever.
    for piece in
        select m.found
        from regexp_matches(left(_text_query.query, 10000) || ' or', '(-?)"([^"]*)"|([^[:space:]"]+)', 'g') as m (found)
    loop
        if lower(piece[3]) = 'or' then
            is_free := is_free or pieces > 0 and conditions is null;
            required := coalesce(required || conditions, required, conditions);
            conditions := null;
            pieces := 0;
            continue;
        end if;
        pieces := pieces + 1;
        is_phrase := piece[3] is null;
        is_negated := coalesce(piece[1] = '-', piece[3] ~ '^-[^-]');
        piece[2] := coalesce(piece[2], ltrim(piece[3], '-'));
        if not is_negated then
            plain := plain || ' ' || piece[2];
        end if;
        -- Stop words alone make no condition.
        if (is_phrase or is_negated) and to_tsvector(_text_query.config, piece[2]) <> '' then
            condition := phraseto_tsquery(_text_query.config, piece[2]);
            if is_negated then
                condition := !! condition;
            end if;
            conditions := coalesce(conditions && condition, condition);
        end if;
    end loop;
    if is_free then
        required := null;
    end if;

    words := array(
        select format('''%s''', replace(replace(u.lexeme, E'\\', E'\\\\'), '''', ''''''))::tsquery
        from unnest(to_tsvector(_text_query.config, plain)) as u
        order by u.positions[1], u.lexeme
        -- The statement has a column for each.
        limit 64
    );
    select string_agg(w::text, ' | ')::tsquery into wanted from unnest(words) as w;
    wanted := coalesce(wanted && required, wanted);
end
$function$;

comment on function sqlembed._text_query(regconfig, text) is
    'What a query means as full text, in the syntax of websearch_to_tsquery: its words, any of which will do; what a row must fulfil, which are phrases in quotation marks and what has a minus before it (NULL: nothing); and both as one query (NULL: no words).';

create or replace function sqlembed._text_rows(
    source anyelement,
    statement text,
    wanted tsquery,
    words tsquery[],
    k integer,
    query_vector public.vector,
    relation regclass,
    filter text
)
returns table (base anyelement, distance double precision, chunk text, score double precision)
language plpgsql
stable
rows 10
-- Compiling one expression a word takes longer than computing it.
set jit = off
as $function$
declare
    problem text;
    pg_hint text;
begin
    if _text_rows.statement is not null then
        return query execute _text_rows.statement
        using _text_rows.wanted, _text_rows.words, _text_rows.k, _text_rows.query_vector;
    end if;
exception
    when others then
        get stacked diagnostics problem = message_text, pg_hint = pg_exception_hint;
        perform sqlembed._explain_failure(sqlstate, problem, pg_hint, _text_rows.relation, _text_rows.filter, null);
        raise;
end
$function$;

comment on function sqlembed._text_rows(anyelement, text, tsquery, tsquery[], integer, public.vector, regclass, text) is
    'The k rows that match a text query best, best first, with their distance to a vector unless that is NULL. The filter runs with the rights and the search_path of the caller.';

create or replace function sqlembed._text_search(
    source anyelement,
    query text,
    k integer,
    target sqlembed.search_target,
    filter text
)
returns table (base anyelement, score double precision)
language plpgsql
stable
rows 10
as $function$
declare
    words record := sqlembed._plan_text(
        _text_search.target, _text_search.query, _text_search.filter, false
    );
begin
    return query
    select t.base, t.score
    from sqlembed._text_rows(
        _text_search.source, words.statement, words.wanted, words.words, _text_search.k, null,
        (_text_search.target).relation, _text_search.filter
    ) as t;
end
$function$;

comment on function sqlembed._text_search(anyelement, text, integer, sqlembed.search_target, text) is
    'The k rows that match a text best by its words, best first.';

create or replace function sqlembed._text_statement(
    target sqlembed.search_target,
    document text,
    is_stored boolean,
    filter text,
    words integer,
    with_distance boolean
)
returns text
language plpgsql
stable
as $function$
declare
    relation pg_catalog.regclass := (_text_statement.target).relation;
    -- A common table expression of this statement must not be taken for the table, nor the table,
    -- which keeps its name where the filter may use it, for one of them.
    full_name text;
    alias text;
    key_columns text;
    keys text;
    frequencies text;
    weights text;
    scores text;
    distance text := 'null::pg_catalog.float8, null::pg_catalog.text';
begin
    select
        pg_catalog.format('%I.%I', n.nspname, c.relname),
        case c.relname when 'sqlembed_text' then 'sqlembed_words' else 'sqlembed_text' end
    into full_name, alias
    from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid operator(pg_catalog.=) c.relnamespace
    where c.oid operator(pg_catalog.=) relation;
    select
        pg_catalog.string_agg(pg_catalog.format('%s.%I as key%s', (_text_statement.target).row_name, k.name, k.place), ', ' order by k.place),
        pg_catalog.string_agg(pg_catalog.format('%s.key%s', alias, k.place), ', ' order by k.place)
    into key_columns, keys
    from pg_catalog.unnest(sqlembed._key_names(relation)) with ordinality as k (name, place);
    if keys is null then
        raise exception 'sqlembed: table % has no primary key', relation
            using errcode = 'SE010', hint = 'Rows are told apart by it: alter table … add primary key.';
    end if;
    select
        -- With weights of one, the cover density of a single word is how often it occurs.
        pg_catalog.string_agg(
            pg_catalog.format('pg_catalog.ts_rank_cd(''{1,1,1,1}'', document, $2[%1$s]) as frequency%1$s', n), ', '
        ),
        pg_catalog.string_agg(
            pg_catalog.format(
                'sqlembed._word_weight(pg_catalog.count(*), pg_catalog.count(*) filter '
                '(where frequency%1$s operator(pg_catalog.>) 0)) as weight%1$s', n
            ),
            ', '
        ),
        pg_catalog.string_agg(
            pg_catalog.format('sqlembed._word_score(weight%1$s, frequency%1$s, length operator(pg_catalog./) average)', n),
            ' operator(pg_catalog.+) '
        )
    into frequencies, weights, scores
    from pg_catalog.generate_series(1, _text_statement.words) as n;
    if _text_statement.with_distance then
        distance := sqlembed._text_distance(_text_statement.target, alias);
    end if;

    return pg_catalog.format(
        'with found as materialized (
            select relation, place, %1$s, pg_catalog.length(document)::pg_catalog.float8 as length, %2$s
            from (
                select %3$s.tableoid as relation, %3$s.ctid as place, %4$s, %5$s as document
                from %6$s as %3$s
                where %7$s and (%8$s
                )
                offset 0
            ) as %13$s
            where %9$s
        ),
        corpus as (select pg_catalog.avg(length) as average, %10$s from found),
        best as (
            select relation, place, %1$s, %11$s as score
            from found as %13$s
            cross join corpus
            order by score desc, %1$s
            limit $3
        )
        select row(base.*)::%12$s, %14$s, %13$s.score
        from best as %13$s
        join %6$s as base
            on base.tableoid operator(pg_catalog.=) %13$s.relation and base.ctid operator(pg_catalog.=) %13$s.place
        order by %13$s.score desc, %1$s',
        keys, frequencies, (_text_statement.target).row_name, key_columns,
        case
            -- A copy, so that one that is in TOAST is fetched once, and not once a word.
            when _text_statement.is_stored
            then pg_catalog.format('pg_catalog.ts_filter(%s, ''{a,b,c,d}'')', _text_statement.document)
            else _text_statement.document
        end,
        full_name,
        case when _text_statement.is_stored then _text_statement.document || ' operator(pg_catalog.@@) $1' else 'true' end,
        coalesce(_text_statement.filter, 'true'),
        case when _text_statement.is_stored then 'true' else 'document operator(pg_catalog.@@) $1' end,
        weights, scores, (_text_statement.target).row_type, alias, distance
    );
end
$function$;

comment on function sqlembed._text_statement(sqlembed.search_target, text, boolean, text, integer, boolean) is
    'A statement that ranks the rows which match the text query $1 by BM25 over its words $2, and gives the best $3 of them: row, distance to the query vector $4 and best chunk if those are wanted, and score. Where the full text is stored, its index finds them.';

create or replace function sqlembed._vector_column(relation regclass, name name) returns name
language plpgsql
stable
as $function$
declare
    names name[];
begin
    select pg_catalog.array_agg(a.attname order by a.attnum)
    into names
    from pg_catalog.pg_attribute as a
    where a.attrelid operator(pg_catalog.=) _vector_column.relation
        and a.attnum operator(pg_catalog.>) 0
        and not a.attisdropped
        and a.atttypid in ('public.vector'::pg_catalog.regtype, 'public.halfvec'::pg_catalog.regtype);
    if _vector_column.name operator(pg_catalog.=) any (names) then
        return _vector_column.name;
    end if;
    if _vector_column.name is null and pg_catalog.cardinality(names) operator(pg_catalog.=) 1 then
        return names[1];
    end if;
    raise exception 'sqlembed: % has %', _vector_column.relation,
        case
            when _vector_column.name is not null
            then pg_catalog.format('no vector column %I', _vector_column.name)
            when names is null then 'no vector column'
            else 'several vector columns'
        end
        using errcode = 'SE013',
            hint = case
                when names is null then 'A search needs a column of type vector or halfvec.'
                else pg_catalog.format(
                    'Say which, as embedding => ''...'': %s.',
                    (
                        select pg_catalog.string_agg(pg_catalog.quote_ident(n.name), ', ' order by n.ordinality)
                        from pg_catalog.unnest(names) with ordinality as n (name, ordinality)
                    )
                )
            end;
end
$function$;

comment on function sqlembed._vector_column(regclass, name) is
    'A vector column of a relation, by name or the only one.';

create or replace function sqlembed._vector_of_row(
    target sqlembed.search_target,
    key jsonb,
    out vector public.vector,
    out place tid,
    out place_table oid
)
language plpgsql
stable
as $function$
declare
    relation regclass := (_vector_of_row.target).relation;
begin
    perform sqlembed._check_key(relation, 'key', _vector_of_row.key);
    begin
        execute pg_catalog.format(
            'select r.ctid, r.tableoid from %s as r cross join (select $1 as key) as k where %s',
            relation, (select s.match from sqlembed._key_sql(relation) as s)
        )
        into _vector_of_row.place, _vector_of_row.place_table
        using _vector_of_row.key;
    exception
        when data_exception then
            raise exception 'sqlembed: key % does not fit %: %', _vector_of_row.key, relation, sqlerrm
                using errcode = 'SE014', hint = 'Give the values of the primary key, in its order.';
    end;
    if _vector_of_row.place is null then
        raise exception 'sqlembed: % has no row with the key %', relation, _vector_of_row.key
            using errcode = 'SE014', hint = 'It may be gone, or hidden by row level security.';
    end if;
    execute pg_catalog.format(
        'select %1$s from %2$s '
        'where %3$s.ctid operator(pg_catalog.=) $1 and %3$s.tableoid operator(pg_catalog.=) $2',
        case
            when (_vector_of_row.target).chunk is null
            then pg_catalog.format('(%s)::public.vector', (_vector_of_row.target).vector)
            -- What a whole text is about.
            else pg_catalog.format('public.avg((%s)::public.vector)', (_vector_of_row.target).vector)
        end,
        (_vector_of_row.target).from_clause, (_vector_of_row.target).row_name
    )
    into _vector_of_row.vector
    using _vector_of_row.place, _vector_of_row.place_table;
    if _vector_of_row.vector is null then
        raise exception 'sqlembed: the row with the key % of % has no vector', _vector_of_row.key, relation
            using errcode = 'SE013',
                hint = 'Either it waits for a worker (call sqlembed.wait_until_embedded), or there is no text in it.';
    end if;
end
$function$;

comment on function sqlembed._vector_of_row(sqlembed.search_target, jsonb) is
    'The vector of the row with a key, and where the row is; an error when there is no such row or no vector.';

create or replace function sqlembed._word_score(
    weight double precision,
    frequency real,
    relative_length double precision
)
returns double precision
language sql
immutable
parallel safe
-- BM25 with k1 = 1.2 and b = 0.75.
return weight * frequency * 2.2 / (frequency + 1.2 * (0.25 + 0.75 * relative_length));

comment on function sqlembed._word_score(double precision, real, double precision) is
    'Share of one word in the rank of a text, by how often it occurs there and the text''s length over the average.';

create or replace function sqlembed._word_weight(matching bigint, holding bigint) returns double precision
language sql
immutable
parallel safe
-- Inverse document frequency of BM25, in a corpus of twice the rows that match: so it depends on
-- them alone, not on statistics nor on rows that the caller may not see, and no word counts nothing.
return pg_catalog.ln(1 + (2 * matching - holding + 0.5::double precision) / (holding + 0.5));

comment on function sqlembed._word_weight(bigint, bigint) is
    'What a word counts that so many of the matching rows hold: the fewer, the more.';

create or replace function sqlembed.explain_search(
    relation anyelement,
    query public.vector,
    k integer default 10,
    embedding name default null,
    filter text default null,
    mode text default 'vector',
    metric text default null,
    out path text,
    out reason text,
    out index_name text,
    out rows_found bigint,
    out rows_visited bigint,
    out total_rows bigint,
    out matching_rows bigint,
    out selectivity double precision,
    out ef_search integer,
    out iterative_scan text,
    out max_scan_tuples integer,
    out milliseconds double precision,
    out remarks text[]
)
language plpgsql
-- PostgreSQL refuses EXPLAIN in functions that are not.
volatile
as $function$
declare
    checked boolean := sqlembed._check_search(
        'explain_search', explain_search.k, explain_search.filter, explain_search.mode, null, null, null
    );
    target sqlembed.search_target := sqlembed._search_target(
        'explain_search', explain_search.relation, explain_search.embedding, explain_search.metric
    );
    chosen sqlembed.search_path;
    conditions text;
    settings text[];
    plan jsonb;
    nodes jsonb;
begin
    perform public.vector_dims('[1]'::public.vector);
    conditions := sqlembed._search_conditions(target, explain_search.filter, null, null, null);
    chosen := sqlembed._search_path(
        target, explain_search.query, explain_search.k, explain_search.mode, conditions, null, null, null, null
    );
    explain_search.reason := chosen.reason;
    explain_search.milliseconds := 0;
    explain_search.rows_visited := 0;
    explain_search.rows_found := 0;
    for attempt in case when chosen.is_exact then 2 else 1 end..2 loop
        if attempt operator(pg_catalog.=) 1 then
            settings := sqlembed._enter_search(chosen);
            explain_search.ef_search := pg_catalog.current_setting('hnsw.ef_search');
            explain_search.iterative_scan := pg_catalog.current_setting('hnsw.iterative_scan', true);
            explain_search.max_scan_tuples := pg_catalog.current_setting('hnsw.max_scan_tuples', true);
        elsif explain_search.path is not null then
            explain_search.path := explain_search.path || ', then exact';
            explain_search.reason := explain_search.reason || '; the first attempt gave too few rows';
        else
            explain_search.path := 'exact';
        end if;
        execute 'explain (analyze, format json) '
            || sqlembed._search_statement(target, conditions, attempt, chosen)
        into plan
        using explain_search.query, explain_search.k, null::pg_catalog.float8, null::jsonb, null::tid, null::oid;
        if attempt operator(pg_catalog.=) 1 then
            perform sqlembed._leave_search(settings);
        end if;
        nodes := pg_catalog.jsonb_path_query_array(plan, 'strict $[0].Plan.** ? (exists (@."Relation Name"))');
        explain_search.rows_found := (plan operator(pg_catalog.#>) '{0,Plan,Actual Rows}')::pg_catalog.float8;
        explain_search.milliseconds := explain_search.milliseconds
            operator(pg_catalog.+) (plan operator(pg_catalog.#>) '{0,Execution Time}')::pg_catalog.float8;
        explain_search.rows_visited := explain_search.rows_visited operator(pg_catalog.+) (
            select coalesce(
                pg_catalog.sum(
                    (
                        (n operator(pg_catalog.->>) 'Actual Rows')::pg_catalog.float8
                        operator(pg_catalog.+)
                        coalesce((n operator(pg_catalog.->>) 'Rows Removed by Filter')::pg_catalog.float8, 0)
                    )
                    operator(pg_catalog.*) (n operator(pg_catalog.->>) 'Actual Loops')::pg_catalog.float8
                ),
                0
            )
            from pg_catalog.jsonb_array_elements(nodes) as n
        );
        if explain_search.path is null then
            -- Only a scan in the order of distances goes through a vector index.
            explain_search.index_name := pg_catalog.jsonb_path_query_first(
                nodes, 'strict $[*] ? (exists (@."Order By"))."Index Name"'
            ) operator(pg_catalog.#>>) '{}';
            explain_search.path := case
                when explain_search.index_name is null then 'exact'
                when chosen.visits is null or conditions operator(pg_catalog.=) '' then 'index'
                else 'iterative'
            end;
            if explain_search.index_name is null and attempt operator(pg_catalog.=) 1 then
                explain_search.reason := 'PostgreSQL finds comparing every row cheaper, or no index serves the search';
            end if;
        end if;
        exit when explain_search.rows_found operator(pg_catalog.>=) explain_search.k
            -- Complete, because every row was compared.
            or explain_search.path operator(pg_catalog.=) 'exact';
    end loop;
    explain_search.total_rows := coalesce(chosen.total_rows, sqlembed._estimated_rows(target.relation));
    explain_search.matching_rows := coalesce(chosen.matching_rows, explain_search.total_rows);
    explain_search.selectivity := explain_search.matching_rows::pg_catalog.float8
        operator(pg_catalog./) nullif(explain_search.total_rows, 0);
    explain_search.remarks := sqlembed._search_remarks(target);
end
$function$;

comment on function sqlembed.explain_search(anyelement, public.vector, integer, name, text, text, text) is
    'Run a search and say which way it took and why: index, iterative (an index that goes on until k rows have passed the filter) or exact; its settings; how many rows there are, pass the filter (both estimated) and were visited; and in remarks what keeps the search from being fast or complete.';

create or replace function sqlembed.explain_search(
    relation anyelement,
    query text,
    k integer default 10,
    embedding name default null,
    filter text default null,
    mode text default 'vector',
    out path text,
    out reason text,
    out index_name text,
    out rows_found bigint,
    out rows_visited bigint,
    out total_rows bigint,
    out matching_rows bigint,
    out selectivity double precision,
    out ef_search integer,
    out iterative_scan text,
    out max_scan_tuples integer,
    out milliseconds double precision,
    out remarks text[]
)
language plpgsql
volatile
as $function$
declare
    checked boolean := sqlembed._check_search(
        'explain_search', explain_search.k, explain_search.filter, explain_search.mode, null, null, null
    );
    target sqlembed.search_target := sqlembed._search_target(
        'search', explain_search.relation, explain_search.embedding, null
    );
    found record;
begin
    if sqlembed._blank(explain_search.query) then
        raise exception 'sqlembed: the query is empty' using errcode = 'SE014', hint = 'Give the text to search for.';
    end if;
    select e.*
    into found
    from sqlembed.explain_search(
        explain_search.relation, sqlembed.embed(target.embedder, explain_search.query), explain_search.k,
        explain_search.embedding, explain_search.filter, explain_search.mode
    ) as e;
    path := found.path;
    reason := found.reason;
    index_name := found.index_name;
    rows_found := found.rows_found;
    rows_visited := found.rows_visited;
    total_rows := found.total_rows;
    matching_rows := found.matching_rows;
    selectivity := found.selectivity;
    ef_search := found.ef_search;
    iterative_scan := found.iterative_scan;
    max_scan_tuples := found.max_scan_tuples;
    milliseconds := found.milliseconds;
    remarks := found.remarks;
end
$function$;

comment on function sqlembed.explain_search(anyelement, text, integer, name, text, text) is
    'As explain_search for a vector; the time of embedding the text is not in milliseconds.';

create or replace function sqlembed.recall(
    relation regclass,
    embedding name default null,
    k integer default 10,
    queries integer default 100
)
returns double precision
language plpgsql
-- Which rows are asked for is left to chance.
volatile
as $function$
declare
    row_type text;
    target sqlembed.search_target;
    sampled record;
    found_right bigint := 0;
    right_ones bigint := 0;
    counted record;
    remark text;
begin
    if (recall.queries operator(pg_catalog.>=) 1) is not true then
        raise exception 'sqlembed: queries must be 1 or more, not %', coalesce(recall.queries::text, 'NULL')
            using errcode = 'SE014', hint = 'It is the number of rows to try as queries.';
    end if;
    perform sqlembed._check_search('recall', recall.k, null, 'vector', null, null, null);
    row_type := (
        select c.reltype::pg_catalog.regtype::text
        from pg_catalog.pg_class as c
        where c.oid operator(pg_catalog.=) recall.relation
    );
    execute pg_catalog.format('select t.* from sqlembed._search_target(''recall'', null::%s, $1, null) as t', row_type)
    into target
    using recall.embedding;
    foreach remark in array sqlembed._search_remarks(target) loop
        raise warning 'sqlembed: %', remark;
    end loop;
    for sampled in execute pg_catalog.format(
        'select k.key from (select %s as key from %s where %s is not null order by pg_catalog.random() limit $1) as k',
        coalesce(
            (select s.expression from sqlembed._key_sql(recall.relation, target.row_name || '.') as s),
            'null::pg_catalog.jsonb'
        ),
        target.from_clause,
        target.vector
    )
    using recall.queries
    loop
        -- By distance, so that of rows at equal distances each is as right as the other.
        execute pg_catalog.format(
            'with exact as (select distance from sqlembed.similar(null::%1$s, $1, $2, $3, mode => ''exact'')) '
            'select (select pg_catalog.count(*) from exact) as nearest, '
            '(select pg_catalog.count(*) from sqlembed.similar(null::%1$s, $1, $2, $3) as s '
            'where s.distance operator(pg_catalog.<=) (select pg_catalog.max(distance) from exact)) as found',
            row_type
        )
        into counted
        using sampled.key, recall.k, recall.embedding;
        right_ones := right_ones operator(pg_catalog.+) counted.nearest;
        found_right := found_right operator(pg_catalog.+) counted.found;
    end loop;
    return found_right::pg_catalog.float8 operator(pg_catalog./) nullif(right_ones, 0);
end
$function$;

comment on function sqlembed.recall(regclass, name, integer, integer) is
    'Which part of the k nearest rows a search finds, at its default settings: rows of the table, picked at random, are the queries, each left out of its own result. Exact searches are the measure, so it takes as long as those. NULL where nothing is embedded. Warns of rows without a vector, and where no index serves the metric.';

create or replace function sqlembed.search(
    relation anyelement,
    query text,
    k integer default 10,
    embedding name default null,
    filter text default null,
    mode text default 'vector',
    text_weight double precision default 1,
    diversity double precision default null,
    after_distance double precision default null,
    after_key jsonb default null
)
returns table (base anyelement, distance double precision, score double precision, chunk text)
language plpgsql
stable
rows 10
as $function$
declare
    checked boolean := sqlembed._check_search(
        'search', search.k, search.filter, search.mode, search.diversity, search.after_distance, search.after_key
    );
    -- Nothing is held while a worker embeds the query.
    target sqlembed.search_target := sqlembed._search_target(
        'search', search.relation, search.embedding, null, search.mode operator(pg_catalog.=) 'text'
    );
    query_vector public.vector;
begin
    if sqlembed._blank(search.query) then
        raise exception 'sqlembed: the query is empty' using errcode = 'SE014', hint = 'Give the text to search for.';
    end if;
    if search.mode operator(pg_catalog.=) 'text' then
        return query
        select t.base, null::pg_catalog.float8, t.score, null::pg_catalog.text
        from sqlembed._text_search(search.relation, search.query, search.k, target, search.filter) as t;
        return;
    end if;
    -- Once, and before anything with the filter runs: its errors are its own.
    query_vector := sqlembed.embed(target.embedder, search.query);
    if search.mode operator(pg_catalog.=) 'hybrid' then
        return query
        select h.*
        from sqlembed._hybrid_search(
            search.relation, search.query, query_vector, search.k, search.embedding, search.filter, search.text_weight
        ) as h;
        return;
    end if;
    return query
    select n.*
    from sqlembed._nearest(
        'search', search.relation, query_vector, search.k, search.embedding, search.filter, search.mode, null,
        search.diversity, search.after_distance, search.after_key
    ) as n;
end
$function$;

comment on function sqlembed.search(
    anyelement, text, integer, name, text, text, double precision, double precision, double precision, jsonb
) is
    'The k rows whose embedding is nearest to a text, nearest first: select (base).title, distance from sqlembed.search(null::article, ''food''). filter is a condition on one row of the table, applied before ranking; mode => ''exact'' compares every row, ''text'' ranks by the words of the query alone (BM25, its score), ''hybrid'' by both: score is the reciprocal rank fusion, in which words count text_weight times what vectors do. diversity from 0 to 1 prefers rows unlike each other; after_distance and after_key, those of the last row seen, give the next page.';

create or replace function sqlembed.search(
    relation text,
    query text,
    k integer default 10,
    embedding name default null,
    filter text default null,
    mode text default 'vector',
    text_weight double precision default 1,
    diversity double precision default null,
    after_distance double precision default null,
    after_key jsonb default null
)
returns table (base text, distance double precision, score double precision, chunk text)
language plpgsql
immutable
as $function$
begin
    perform sqlembed._refuse_relation('search', search.relation);
end
$function$;

comment on function sqlembed.search(
    text, text, integer, name, text, text, double precision, double precision, double precision, jsonb
) is
    'Always an error, which shows how a table is given: as a NULL of its row type.';

create or replace function sqlembed.similar(
    relation anyelement,
    key jsonb,
    k integer default 10,
    embedding name default null,
    filter text default null,
    mode text default 'vector',
    diversity double precision default null,
    after_distance double precision default null,
    after_key jsonb default null
)
returns table (base anyelement, distance double precision, score double precision, chunk text)
language plpgsql
stable
rows 10
as $function$
declare
    checked boolean := sqlembed._check_search(
        'similar', "similar".k, "similar".filter, "similar".mode, "similar".diversity, "similar".after_distance,
        "similar".after_key
    );
    target sqlembed.search_target := sqlembed._search_target('similar', "similar".relation, "similar".embedding, null);
    own record;
begin
    own := sqlembed._vector_of_row(target, "similar".key);
    return query
    select n.*
    from sqlembed._nearest(
        'similar', "similar".relation, own.vector, "similar".k, "similar".embedding, "similar".filter,
        "similar".mode, null, "similar".diversity, "similar".after_distance, "similar".after_key, own.place,
        own.place_table
    ) as n;
end
$function$;

comment on function sqlembed.similar(
    anyelement, jsonb, integer, name, text, text, double precision, double precision, jsonb
) is
    'The k rows nearest to a row of the same table, that row left out: select (base).title, distance from sqlembed.similar(null::article, ''[42]''). key is a jsonb array of the primary key''s values; the rest is as in search.';

create or replace function sqlembed.vector_search(
    relation anyelement,
    query public.vector,
    k integer default 10,
    embedding name default null,
    filter text default null,
    mode text default 'vector',
    metric text default null,
    diversity double precision default null,
    after_distance double precision default null,
    after_key jsonb default null
)
returns table (base anyelement, distance double precision, score double precision, chunk text)
language sql
stable
rows 10
as $function$
    -- Inlined into the caller's statement.
    select n.*
    from sqlembed._nearest(
        'vector_search', vector_search.relation, vector_search.query, vector_search.k, vector_search.embedding,
        vector_search.filter, vector_search.mode, vector_search.metric, vector_search.diversity,
        vector_search.after_distance, vector_search.after_key
    ) as n
$function$;

comment on function sqlembed.vector_search(
    anyelement, public.vector, integer, name, text, text, text, double precision, double precision, jsonb
) is
    'As search, for a vector that is at hand; NULL has no neighbours. Any vector column will do, declared as an embedding or not: embedding names it. metric NULL means the declared one, else cosine.';

create or replace function sqlembed.vector_search(
    relation text,
    query public.vector,
    k integer default 10,
    embedding name default null,
    filter text default null,
    mode text default 'vector',
    metric text default null,
    diversity double precision default null,
    after_distance double precision default null,
    after_key jsonb default null
)
returns table (base text, distance double precision, score double precision, chunk text)
language plpgsql
immutable
as $function$
begin
    perform sqlembed._refuse_relation('vector_search', vector_search.relation);
end
$function$;

comment on function sqlembed.vector_search(text, public.vector, integer, name, text, text, text, double precision, double precision, jsonb) is
    'Always an error, which shows how a table is given: as a NULL of its row type.';

create or replace function sqlembed._assigned_sql(name text, query text, with_distances boolean, index text default '$1') returns text
language plpgsql
stable
as $function$
declare
    model sqlembed.cluster_model := sqlembed._cluster_model(_assigned_sql.name);
    rows pg_catalog.text := sqlembed._model_rows(_assigned_sql.name, _assigned_sql.query);
    found record;
begin
    select pg_catalog.array_agg(c.centroid order by c.centroid_id) as centroids,
        pg_catalog.array_agg(c.centroid_id order by c.centroid_id) as ids
    into found
    from sqlembed.cluster_centroid as c
    where c.model operator(pg_catalog.=) model.name;
    return sqlembed._nearest_sql(
        case when _assigned_sql.with_distances and model.metric operator(pg_catalog.=) 'cosine' then
            pg_catalog.format('select r.id, public.l2_normalize(r.embedding) as embedding from (%s) as r', rows)
        else
            rows
        end,
        model.metric, found.centroids, found.ids, _assigned_sql.index
    );
end
$function$;

comment on function sqlembed._assigned_sql(text, text, boolean, text) is
    'SQL that gives the rows of a query as (id, embedding) with the number of the nearest centroid of a model and the distance to it, which under cosine is right only when asked for. The parameter of the name index is to be the model''s _model_index.';

create or replace function sqlembed._check_cluster_facts(
    num_rows bigint,
    num_vectors bigint,
    dimensions integer,
    most_dimensions integer,
    greatest_square double precision,
    num_directions bigint
)
returns void
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $function$
begin
    if _check_cluster_facts.num_rows = 0 then
        raise exception 'sqlembed: the query gives no rows to cluster'
            using errcode = 'SE022', hint = 'Run it by itself to see why.';
    elsif _check_cluster_facts.num_vectors = 0 then
        raise exception 'sqlembed: all vectors of the query are NULL'
            using errcode = 'SE022',
                hint = 'They may still have to be computed: select * from sqlembed.status.';
    elsif _check_cluster_facts.num_directions = 0 then
        raise exception 'sqlembed: all vectors of the query are zeros, which have no direction'
            using errcode = 'SE022', hint = 'Under the metric euclidean they have a place.';
    elsif _check_cluster_facts.dimensions <> _check_cluster_facts.most_dimensions then
        raise exception 'sqlembed: the vectors of the query have from % to % dimensions',
            _check_cluster_facts.dimensions, _check_cluster_facts.most_dimensions
            using errcode = 'SE022',
                hint = format(
                    'Take those of one embedder: where vector_dims(embedding) = %s.', _check_cluster_facts.most_dimensions
                );
    elsif _check_cluster_facts.num_directions is null and _check_cluster_facts.greatest_square > 1e37 then
        raise exception 'sqlembed: the vectors of the query are too long for euclidean distances in single precision'
            using errcode = 'SE022', hint = 'Scale them down, or use the metric cosine.';
    end if;
end
$function$;

comment on function sqlembed._check_cluster_facts(bigint, bigint, integer, integer, double precision, bigint) is
    'An error when the rows of a query cannot be clustered. num_directions, vectors that are not all zeros, is NULL where zeros do not matter.';

create or replace function sqlembed._check_dimensions(name text, dimensions integer, num_numbers integer default null) returns void
language plpgsql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
declare
    model sqlembed.cluster_model := sqlembed._cluster_model(_check_dimensions.name);
    model_numbers integer := cardinality(model.number_means);
begin
    if model.dimensions - model_numbers <> _check_dimensions.dimensions then
        raise exception 'sqlembed: cluster model % is for vectors of % dimensions, not %',
            quote_literal(model.name), model.dimensions - model_numbers, _check_dimensions.dimensions
            using errcode = 'SE014', hint = 'Give it vectors of the embedder that made those it was fitted on.';
    end if;
    if model_numbers <> _check_dimensions.num_numbers then
        raise exception 'sqlembed: cluster model % is for a vector and % numbers, not %',
            quote_literal(model.name), model_numbers, _check_dimensions.num_numbers
            using errcode = 'SE014',
                hint = 'Give them in the order of the query it was fitted on: numbers => array[longitude, latitude].';
    end if;
end
$function$;

comment on function sqlembed._check_dimensions(text, integer, integer) is
    'An error when there is no such cluster model, or when it is for vectors of other dimensions, or for other numbers beside them.';

create or replace function sqlembed._check_kmeans(
    name text,
    num_clusters integer,
    metric text,
    max_iterations integer,
    min_rel_progress double precision,
    seed integer,
    weights double precision[],
    choose_by text,
    candidates integer[]
)
returns void
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $function$
declare
    problem text := case
        when coalesce(_check_kmeans.name, '') = '' then 'a model needs a name'
        when _check_kmeans.num_clusters not between 1 and 10000
            then format('num_clusters => %s is not between 1 and 10000', _check_kmeans.num_clusters)
        when coalesce(_check_kmeans.max_iterations, 0) < 1
            then format('max_iterations => %s is less than 1', coalesce(_check_kmeans.max_iterations::text, 'NULL'))
        -- NaN is greater than every number.
        when coalesce(_check_kmeans.min_rel_progress, -1) not between 0 and 1
            then format('min_rel_progress => %s is not between 0 and 1', coalesce(_check_kmeans.min_rel_progress::text, 'NULL'))
        when _check_kmeans.seed is null then 'seed => NULL is not a number'
        when not (
            select coalesce(min(coalesce(w, -1)), 0) >= 0 and coalesce(max(w), 1) between 1e-30 and 1e30
            from unnest(_check_kmeans.weights) as w
        )
            then format('weights => %s are not numbers from 0 on, of which one is greater', _check_kmeans.weights)
        when not (select coalesce(bool_and(coalesce(c, 0) between 1 and 1000), true) from unnest(_check_kmeans.candidates) as c)
            then format('candidates => %s are not numbers from 1 to 1000', _check_kmeans.candidates)
        when _check_kmeans.candidates = '{}' then 'candidates => {} leaves nothing to choose from'
    end;
begin
    perform sqlembed._check_choice('metric', _check_kmeans.metric, '{cosine,euclidean}');
    perform sqlembed._check_choice('choose_by', _check_kmeans.choose_by, '{silhouette,davies_bouldin,rows}');
    if problem is not null then
        raise exception 'sqlembed: %', problem
            using errcode = 'SE014',
                hint = 'Only name and query must be given; the other arguments have defaults, and num_clusters is found out.';
    end if;
end
$function$;

comment on function sqlembed._check_kmeans(text, integer, text, integer, double precision, integer, double precision[], text, integer[]) is
    'An error when an argument of create_kmeans is not possible.';

create or replace function sqlembed._choose_num_clusters(
    points public.vector[],
    metric text,
    choose_by text,
    candidates integer[],
    seed integer
)
returns integer
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    num_points constant integer := cardinality(_choose_num_clusters.points);
    to_try integer[] := array(select distinct c from unnest(_choose_num_clusters.candidates) as c where c <= num_points order by c);
    tried integer[] := '{}';
    candidate integer;
    centroids public.vector[];
    score double precision;
    best integer;
    best_score double precision;
begin
    -- A second time between the neighbours of the best.
    for turn in 1..2 loop
        foreach candidate in array to_try loop
            centroids := (
                sqlembed._kmeans_seed(
                    _choose_num_clusters.points, candidate, _choose_num_clusters.metric, _choose_num_clusters.seed, 1
                )
            ).chosen;
            exit when cardinality(centroids) < candidate;
            centroids := (
                sqlembed._kmeans_move(
                    _choose_num_clusters.points, centroids, _choose_num_clusters.metric, 0, 10, 0.02,
                    _choose_num_clusters.seed, 0
                )
            ).centroids;
            score := sqlembed._partition_score(
                _choose_num_clusters.points, centroids, _choose_num_clusters.metric, _choose_num_clusters.choose_by
            );
            if best is null or score > best_score then
                best := candidate;
                best_score := score;
            end if;
        end loop;
        exit when _choose_num_clusters.candidates <> sqlembed._num_clusters_range(num_points);
        tried := to_try;
        to_try := array(
            select c
            from generate_series(
                (select max(t) + 1 from unnest(tried) as t where t < best),
                (select min(t) - 1 from unnest(tried) as t where t > best)
            ) as c
            where c <> best
        );
    end loop;
    return best;
end
$function$;

comment on function sqlembed._choose_num_clusters(public.vector[], text, text, integer[], integer) is
    'The best of several numbers of clusters, by a fit of each to the points and its score.';

create or replace function sqlembed._cluster_facts(
    inout rows text,
    metric text,
    out num_rows bigint,
    out dimensions integer
)
language plpgsql
volatile
as $function$
declare
    found record;
begin
    execute pg_catalog.format(
        $sql$
        select
            pg_catalog.count(*) as num_rows,
            pg_catalog.count(r.embedding) as num_vectors,
            pg_catalog.count(r.embedding) filter (
                where r.square operator(pg_catalog.>) 0 or public.vector_norm(r.embedding) operator(pg_catalog.>) 0
            ) as num_directions,
            pg_catalog.min(r.dimensions) as dimensions,
            pg_catalog.max(r.dimensions) as most_dimensions,
            pg_catalog.min(r.square) as least_square,
            pg_catalog.max(r.square) as greatest_square
        from (
            select r.embedding, public.vector_dims(r.embedding) as dimensions,
                operator(pg_catalog.-) (r.embedding operator(public.<#>) r.embedding) as square
            from (%s) as r
            offset '0'
        ) as r
        $sql$,
        _cluster_facts.rows
    )
    into found;
    perform sqlembed._check_cluster_facts(
        found.num_rows, found.num_vectors, found.dimensions, found.most_dimensions, found.greatest_square,
        case when _cluster_facts.metric operator(pg_catalog.=) 'cosine' then found.num_directions end
    );
    dimensions := found.dimensions;
    num_rows := found.num_vectors;
    if _cluster_facts.metric operator(pg_catalog.<>) 'cosine' then
        rows := pg_catalog.format('select r.id, r.embedding from (%s) as r where r.embedding is not null', rows);
    elsif found.least_square operator(pg_catalog.<) 0.99999::double precision
        or found.greatest_square operator(pg_catalog.>) 1.00001::double precision
    then
        num_rows := found.num_directions;
        rows := pg_catalog.format(
            'select r.id, public.l2_normalize(r.embedding) as embedding from (%s) as r
            where public.vector_norm(r.embedding) operator(pg_catalog.>) 0',
            rows
        );
    else
        rows := pg_catalog.format('select r.id, r.embedding from (%s) as r where r.embedding is not null', rows);
    end if;
end
$function$;

comment on function sqlembed._cluster_facts(text, text) is
    'How many rows (id, embedding) can be clustered and the dimensions of their vectors, and SQL that gives these rows; under cosine as unit vectors, without those of zeros, which have no direction.';

create or replace function sqlembed._cluster_model(name text) returns sqlembed.cluster_model
language plpgsql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
declare
    model sqlembed.cluster_model;
    known text;
begin
    select m.* into model from sqlembed.cluster_model as m where m.name = _cluster_model.name;
    if model.name is null then
        select string_agg(quote_literal(m.name), ', ' order by m.name) into known from sqlembed.cluster_model as m;
        raise exception 'sqlembed: no cluster model %', coalesce(quote_literal(_cluster_model.name), 'NULL')
            using errcode = 'SE020',
                hint = coalesce(
                    'You may use: ' || known || '.',
                    'Make one: select * from sqlembed.create_kmeans(''topics'', ''select id, embedding from article'').'
                );
    end if;
    return model;
end
$function$;

comment on function sqlembed._cluster_model(text) is
    'The model of that name, or an error that names those the caller may use.';

create or replace function sqlembed._cluster_rows(query text, out rows text, out num_numbers integer)
language plpgsql
stable
as $function$
declare
    body pg_catalog.text := _cluster_rows.query;
    -- A semicolon that ends the query, and what may follow it: blanks and comments.
    ending constant pg_catalog.text := E';([[:space:]]|;|--[^\n]*|/[*]([^*]|[*]+[^*/])*[*]+/)*$';
    num_columns bigint;
    vector_type pg_catalog.regtype;
    number_types pg_catalog.regtype[];
    columns pg_catalog.text;
    state pg_catalog.text;
    problem pg_catalog.text;
    pg_hint pg_catalog.text;
begin
    if body is null then
        raise exception 'sqlembed: query => NULL is not a query'
            using errcode = 'SE014', hint = 'Such as: select id, embedding from article.';
    end if;
    for attempt in 1..2 loop
        begin
            -- Planned, but never run: the outer join needs no row of it, only its columns.
            execute pg_catalog.format(
                E'select (select pg_catalog.count(*) from pg_catalog.json_object_keys(pg_catalog.row_to_json(x))),
                    pg_catalog.pg_typeof(x.row_vector), x.row_id::pg_catalog.text
                from (
                    select q.* from (select 1) as one
                    left join (%s\n) as q(row_id, row_vector) on false
                ) as x',
                body
            )
            into num_columns, vector_type;
            state := null;
            exit;
        exception
            when others then
                get stacked diagnostics
                    state = returned_sqlstate, problem = message_text, pg_hint = pg_exception_hint;
                -- Syntax, names and types; but not rights, cancelling, locks or space.
                if state operator(pg_catalog.!~) '^(0A|21|22|42)' or state operator(pg_catalog.=) '42501' then
                    raise;
                end if;
                -- Only now: within quotes it could be part of a text.
                body := pg_catalog.regexp_replace(body, ending, '');
        end;
    end loop;
    if state is not null then
        raise exception 'sqlembed: the query is not valid: %', problem
            using errcode = 'SE014',
                hint = pg_catalog.ltrim(
                    pg_catalog.concat(
                        pg_hint, ' A query to cluster is a SELECT of an id and a vector, such as: select id, embedding from article.'
                    )
                );
    end if;
    vector_type := coalesce(
        (
            select t.typbasetype
            from pg_catalog.pg_type as t
            where t.oid operator(pg_catalog.=) vector_type and t.typtype operator(pg_catalog.=) 'd'
        ),
        vector_type
    );
    if vector_type operator(pg_catalog.<>) all (
        array['public.vector'::pg_catalog.regtype, 'public.halfvec'::pg_catalog.regtype]
    ) then
        raise exception 'sqlembed: the second column of the query is of type %, not a vector', vector_type
            using errcode = 'SE014', hint = 'If it holds vectors in another form, cast it: column::vector.';
    end if;
    num_numbers := num_columns operator(pg_catalog.-) 2;
    columns := coalesce(
        (
            select pg_catalog.string_agg(pg_catalog.format(', row_number_%s', i), '' order by i)
            from pg_catalog.generate_series(1, num_numbers) as i
        ),
        ''
    );
    if num_numbers operator(pg_catalog.>) 0 then
        execute pg_catalog.format(
            E'select array[%s]
            from (select q.* from (select 1) as one left join (%s\n) as q(row_id, row_vector%s) on false) as x',
            (
                select pg_catalog.string_agg(pg_catalog.format('pg_catalog.pg_typeof(x.row_number_%s)', i), ', ' order by i)
                from pg_catalog.generate_series(1, num_numbers) as i
            ),
            body, columns
        )
        into number_types;
        for place in 1..num_numbers loop
            if number_types[place] operator(pg_catalog.<>) all (
                '{smallint,integer,bigint,real,double precision,numeric}'::pg_catalog.regtype[]
            ) then
                raise exception 'sqlembed: column % of the query is of type %, not a number',
                    place operator(pg_catalog.+) 2, number_types[place]
                    using errcode = 'SE014',
                        hint = 'The first is an id, the second a vector, and further ones are numbers, such as: extract(doy from time).';
            end if;
        end loop;
    end if;
    rows := pg_catalog.format(
        E'select q.row_id::pg_catalog.text as id, q.row_vector::public.vector as embedding%3$s
        from (%1$s\n) as q(row_id, row_vector%2$s)',
        body, columns,
        (
            select pg_catalog.format(
                ', array[%s] as numbers',
                pg_catalog.string_agg(pg_catalog.format('q.row_number_%s::pg_catalog.float8', i), ', ' order by i)
            )
            from pg_catalog.generate_series(1, num_numbers) as i
            having pg_catalog.count(*) operator(pg_catalog.>) 0
        )
    );
end
$function$;

comment on function sqlembed._cluster_rows(text) is
    'SQL that gives the rows of a query of an id, a vector and perhaps numbers as (id text, embedding vector, and numbers double precision[] if there are any), or an error that says what the query must be. It is planned, not run.';

create or replace function sqlembed._clustering_columns(known sqlembed.clustering)
returns table (vector_column name, cluster_column name)
language sql
stable
rows 1
as $function$
    -- Numbers survive a change of name. Of a table that was restored from a dump they mean nothing.
    -- Without a search_path of its own, so that it becomes part of the query.
    select
        (
            select a.attname
            from pg_catalog.pg_attribute as a
            where a.attrelid operator(pg_catalog.=) (_clustering_columns.known).relation
                and a.attnum operator(pg_catalog.>) 0
                and not a.attisdropped
                and case
                    when (_clustering_columns.known).numbered_in operator(pg_catalog.=) (_clustering_columns.known).relation::pg_catalog.oid
                    then a.attnum operator(pg_catalog.=) (_clustering_columns.known).vector_number
                    else a.attname operator(pg_catalog.=) (_clustering_columns.known).vector_column
                end
        ),
        (
            select a.attname
            from pg_catalog.pg_attribute as a
            where a.attrelid operator(pg_catalog.=) (_clustering_columns.known).relation
                and a.attnum operator(pg_catalog.>) 0
                and not a.attisdropped
                and case
                    when (_clustering_columns.known).numbered_in operator(pg_catalog.=) (_clustering_columns.known).relation::pg_catalog.oid
                    then a.attnum operator(pg_catalog.=) (_clustering_columns.known).cluster_number
                    else a.attname operator(pg_catalog.=) (_clustering_columns.known).cluster_column
                end
        )
$function$;

comment on function sqlembed._clustering_columns(sqlembed.clustering) is
    'What the columns of a clustering are called now; NULL for one that is gone.';

create or replace function sqlembed._clustering_facts(
    known sqlembed.clustering,
    out embedding name,
    out cluster_column name,
    out total bigint,
    out embedded bigint,
    out assigned bigint,
    out size_shift double precision,
    out distance_growth double precision
)
language plpgsql
stable
set jit = off
as $function$
declare
    is_own boolean;
    model sqlembed.cluster_model := sqlembed._cluster_model((_clustering_facts.known).name);
begin
    select c.vector_column, c.cluster_column
    into _clustering_facts.embedding, _clustering_facts.cluster_column
    from sqlembed._clustering_columns(_clustering_facts.known) as c;
    -- Looking must not run what a table's owner wrote, neither a view nor a policy, a cast or what the
    -- planner computes: it would run with the rights of whoever looks.
    select r.rolname operator(pg_catalog.=) current_user
    into is_own
    from pg_catalog.pg_class as c
    join pg_catalog.pg_roles as r on r.oid operator(pg_catalog.=) c.relowner
    join pg_catalog.pg_attribute as v
        on v.attrelid operator(pg_catalog.=) c.oid
        and v.attname operator(pg_catalog.=) embedding
        and v.atttypid operator(pg_catalog.=) any (array['public.vector'::pg_catalog.regtype, 'public.halfvec'::pg_catalog.regtype]::pg_catalog.oid[])
    join pg_catalog.pg_attribute as n
        on n.attrelid operator(pg_catalog.=) c.oid
        and n.attname operator(pg_catalog.=) cluster_column
        and n.atttypid operator(pg_catalog.=) 'pg_catalog.int4'::pg_catalog.regtype
    where c.oid operator(pg_catalog.=) (_clustering_facts.known).relation and c.relkind in ('r', 'p');
    if is_own is null
        or not pg_catalog.has_table_privilege((_clustering_facts.known).relation, 'select')
        or not is_own and (
            pg_catalog.row_security_active((_clustering_facts.known).relation)
            or not sqlembed._plans_safely((_clustering_facts.known).relation)
        )
    then
        return;
    end if;
    execute pg_catalog.format(
        $sql$
        with present as (
            select r.%1$I as centroid_id, pg_catalog.count(*) as size, pg_catalog.count(r.%2$I) as embedded,
                pg_catalog.sum(d.distance operator(pg_catalog.*) d.distance) as squares
            from %3$s as r
            left join sqlembed.cluster_centroid as c
                on c.model operator(pg_catalog.=) %4$L and c.centroid_id operator(pg_catalog.=) r.%1$I
            cross join lateral (select r.%2$I::public.vector operator(%5$s) c.centroid as distance) as d
            group by r.%1$I
        ),
        fitted as (
            select c.centroid_id, c.cluster_size::pg_catalog.float8 as size,
                c.cluster_size operator(pg_catalog.*) c.cluster_radius operator(pg_catalog.*) c.cluster_radius as squares
            from sqlembed.cluster_centroid as c
            where c.model operator(pg_catalog.=) %4$L
        ),
        whole as (
            select pg_catalog.sum(p.size) as total, pg_catalog.sum(p.embedded) as embedded,
                pg_catalog.sum(p.size) filter (where p.centroid_id is not null) as assigned,
                pg_catalog.sum(p.squares) as squares,
                (select pg_catalog.sum(f.size) from fitted as f) as fitted,
                (select pg_catalog.sum(f.squares) from fitted as f) as fitted_squares
            from present as p
        )
        select coalesce(w.total, 0), coalesce(w.embedded, 0), coalesce(w.assigned, 0),
            (
                select pg_catalog.sum(
                    pg_catalog.abs(
                        (coalesce(p.size, 0) operator(pg_catalog./) w.assigned::pg_catalog.float8)
                        operator(pg_catalog.-) (coalesce(f.size, 0) operator(pg_catalog./) w.fitted)
                    )
                ) operator(pg_catalog./) 2
                from (select p.* from present as p where p.centroid_id is not null) as p
                full join fitted as f on f.centroid_id operator(pg_catalog.=) p.centroid_id
            ),
            pg_catalog.sqrt(
                (w.squares operator(pg_catalog./) w.assigned::pg_catalog.float8)
                operator(pg_catalog./) case when w.fitted_squares operator(pg_catalog.>) 0 then w.fitted_squares operator(pg_catalog./) w.fitted end
            )
        from whole as w
        $sql$,
        _clustering_facts.cluster_column, _clustering_facts.embedding, (_clustering_facts.known).relation,
        (_clustering_facts.known).name,
        case when model.metric operator(pg_catalog.=) 'cosine' then 'public.<=>' else 'public.<->' end
    )
    into total, embedded, assigned, size_shift, distance_growth;
end
$function$;

comment on function sqlembed._clustering_facts(sqlembed.clustering) is
    'The rows of a clustering''s table as they are now, against those that it was fitted on. Without numbers where counting would run code of another role: under row level security, or where an index or statistics call a function of such a role.';

create or replace function sqlembed._clustering_of(name text) returns sqlembed.clustering
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    known sqlembed.clustering;
begin
    select c.* into known from sqlembed.clustering as c where c.name = _clustering_of.name;
    if known.id is null then
        raise exception 'sqlembed: no clustering %', coalesce(quote_literal(_clustering_of.name), 'NULL')
            using errcode = 'SE020',
                hint = coalesce(
                    'You may use: ' || (select string_agg(quote_literal(c.name), ', ' order by c.name) from sqlembed.clustering as c) || '.',
                    'Make one: select * from sqlembed.create_clustering(''article'', ''topics'').'
                );
    end if;
    return known;
end
$function$;

comment on function sqlembed._clustering_of(text) is
    'The clustering of that name, or an error that names those the caller may use.';

create or replace function sqlembed._clustering_query(relation regclass, vector_column name) returns text
language sql
stable
as $function$
    select pg_catalog.format(
        'select %s, r.%I from %s as r',
        coalesce((select k.expression from sqlembed._key_sql(_clustering_query.relation, 'r.') as k), 'r.ctid'),
        _clustering_query.vector_column, _clustering_query.relation
    )
$function$;

comment on function sqlembed._clustering_query(regclass, name) is
    'The query whose rows a clustering is fitted on.';

create or replace function sqlembed._clusters_source(
    relation regclass,
    embedding name,
    out from_clause text,
    out vector text,
    out key text,
    out metric text
)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    -- Of what is declared alone: its owner was granted an embedder, and may have workers run their code.
    declared sqlembed.embedding := sqlembed._embedding_of(_clusters_source.relation, _clusters_source.embedding);
begin
    select k.expression into _clusters_source.key from sqlembed._key_sql(_clusters_source.relation) as k;
    if _clusters_source.key is null then
        raise exception 'sqlembed: % has no primary key', _clusters_source.relation
            using errcode = 'SE010', hint = 'Rows are told apart by it: alter table … add primary key.';
    end if;
    if declared.chunking is not null then
        raise exception 'sqlembed: embedding % of % has a vector for each chunk, not for each row',
            quote_ident(declared.name), _clusters_source.relation
            using errcode = 'SE013', hint = 'A label belongs to a row: declare a second embedding, without chunking.';
    end if;
    _clusters_source.metric := declared.metric;
    -- The table itself is not asked, not even by a plan: this may run with the rights of the owner of
    -- sqlembed, and what is constant in an index or a policy is computed by whoever plans.
    if declared.side is null then
        _clusters_source.from_clause := format('%s as r', declared.relation);
        _clusters_source.vector := format('r.%I', sqlembed._vector_name(declared));
    else
        select s.from_clause, s.vector
        into _clusters_source.from_clause, _clusters_source.vector
        from sqlembed._side_source(declared, 'r') as s;
    end if;
end
$function$;

comment on function sqlembed._clusters_source(regclass, name) is
    'Where the vectors of an embedding are that a worker is to cluster: what to select from, the vector and the key of row r there, and the metric, as SQL.';

create or replace function sqlembed._cosine_silhouette_sql(rows text, sample_size integer) returns text
language sql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
    -- Between unit vectors the mean distance to all rows of a cluster is that to their mean, as an inner
    -- product; of a row's own cluster all but itself count.
    select format(
        $sql$
        select pg_catalog.avg(
            case when s.size operator(pg_catalog.>) 1 and greatest(s.own, s.other) operator(pg_catalog.>) 0
                then (s.other operator(pg_catalog.-) s.own) operator(pg_catalog./) greatest(s.own, s.other)
                else 0
            end
        )
        from (
            select d.number, pg_catalog.max(d.size) filter (where d.is_own) as size,
                pg_catalog.max(
                    d.distance operator(pg_catalog.*) d.size operator(pg_catalog./)
                    case when d.size operator(pg_catalog.>) 1 then d.size operator(pg_catalog.-) 1 end
                ) filter (where d.is_own) as own,
                pg_catalog.min(d.distance) filter (where not d.is_own) as other
            from (
                select r.number, c.size, r.centroid_id operator(pg_catalog.=) c.centroid_id as is_own,
                    1 operator(pg_catalog.+) (r.embedding operator(public.<#>) c.mean) as distance
                from (
                    select r.embedding, r.centroid_id, pg_catalog.row_number() over () as number from (%s) as r
                ) as r
                cross join rows from (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3)) as c(centroid_id, mean, size)
            ) as d
            group by d.number
        ) as s
        $sql$,
        sqlembed._sampled_sql(_cosine_silhouette_sql.rows, _cosine_silhouette_sql.sample_size)
    )
$function$;

comment on function sqlembed._cosine_silhouette_sql(text, integer) is
    'SQL of the mean silhouette of a sample of rows (id, embedding, centroid_id, distance) against all; $1: the clusters, $2: the means of their rows, unit vectors, $3: their numbers of rows.';

create or replace function sqlembed._davies_bouldin_sql(rows text) returns text
language sql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
    select format(
        $sql$
        with cluster as materialized (
            select c.centroid_id, c.mean, s.distance
            from rows from (pg_catalog.unnest($1), pg_catalog.unnest($2)) as c(centroid_id, mean)
            join (
                select r.centroid_id, pg_catalog.avg(r.embedding operator(public.<->) m.mean) as distance
                from (%s) as r
                join rows from (pg_catalog.unnest($1), pg_catalog.unnest($2)) as m(centroid_id, mean) on m.centroid_id operator(pg_catalog.=) r.centroid_id
                group by r.centroid_id
            ) as s on s.centroid_id operator(pg_catalog.=) c.centroid_id
        )
        select pg_catalog.avg(w.worst)
        from (
            select coalesce(
                pg_catalog.max(
                    p.distance operator(pg_catalog./) case when p.gap operator(pg_catalog.>) 0::double precision then p.gap end
                ),
                0
            ) as worst
            from (
                select a.centroid_id, a.distance operator(pg_catalog.+) b.distance as distance,
                    a.mean operator(public.<->) b.mean as gap
                from cluster as a
                join cluster as b on b.centroid_id operator(pg_catalog.<>) a.centroid_id
                offset '0'
            ) as p
            group by p.centroid_id
        ) as w
        $sql$,
        _davies_bouldin_sql.rows
    )
$function$;

comment on function sqlembed._davies_bouldin_sql(text) is
    'SQL of the Davies-Bouldin index of rows (id, embedding, centroid_id); $1: the clusters, $2: the means of their rows.';

create or replace function sqlembed._default_num_clusters(num_rows bigint) returns integer
language sql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
    select least(
        greatest(2, least(100, round(sqrt(_default_num_clusters.num_rows / 2.0)))),
        _default_num_clusters.num_rows
    )::integer
$function$;

comment on function sqlembed._default_num_clusters(bigint) is
    'A number of clusters that people can look through: the root of half the number of rows, from 2 to 100.';

create or replace function sqlembed._distinct_vectors(rows text, at_most integer) returns public.vector[]
language plpgsql
volatile
as $function$
declare
    vectors public.vector[];
begin
    execute pg_catalog.format(
        'select pg_catalog.array_agg(r.embedding order by r.embedding) from (
            select distinct r.embedding from (%s) as r order by r.embedding limit %s
        ) as r',
        _distinct_vectors.rows, _distinct_vectors.at_most
    )
    into vectors;
    return coalesce(vectors, '{}');
end
$function$;

comment on function sqlembed._distinct_vectors(text, integer) is
    'The different vectors of rows (id, embedding), in order.';

create or replace function sqlembed._euclidean_silhouette_sql(rows text, sample_size integer) returns text
language sql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
    select format(
        $sql$
        with sample as materialized (
            select r.embedding, r.centroid_id, pg_catalog.row_number() over () as number from (%s) as r
        )
        select pg_catalog.avg(
            case when s.own is not null and greatest(s.own, s.other) operator(pg_catalog.>) 0
                then (s.other operator(pg_catalog.-) s.own) operator(pg_catalog./) greatest(s.own, s.other)
                else 0
            end
        )
        from (
            select d.number, pg_catalog.max(d.distance) filter (where d.is_own) as own,
                pg_catalog.min(d.distance) filter (where not d.is_own) as other
            from (
                select a.number, a.centroid_id operator(pg_catalog.=) b.centroid_id as is_own,
                    pg_catalog.avg(a.embedding operator(public.<->) b.embedding) as distance
                from sample as a
                join sample as b on b.number operator(pg_catalog.<>) a.number
                group by a.number, a.centroid_id, b.centroid_id
            ) as d
            group by d.number
        ) as s
        -- The sample may have missed all other clusters.
        where s.other is not null
        $sql$,
        sqlembed._sampled_sql(_euclidean_silhouette_sql.rows, _euclidean_silhouette_sql.sample_size)
    )
$function$;

comment on function sqlembed._euclidean_silhouette_sql(text, integer) is
    'SQL of the mean silhouette of a sample of rows (id, embedding, centroid_id, distance) among themselves.';

create or replace function sqlembed._explain_dimensions(name text, state text, problem text) returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    -- pgvector has one code for all it refuses. The vector of the row stands before the centroid.
    others text := substring(_explain_dimensions.problem from '^different [a-z]+ dimensions ([0-9]+) and [0-9]+$');
begin
    if _explain_dimensions.state = '22000' and others is not null then
        perform sqlembed._check_dimensions(_explain_dimensions.name, others::integer);
    end if;
end
$function$;

comment on function sqlembed._explain_dimensions(text, text, text) is
    'An error in the words of a cluster model when pgvector refused to compare a row with its centroids; else nothing.';

create or replace function sqlembed._features(name text, embedding public.vector, numbers double precision[])
returns public.vector
language plpgsql
stable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
declare
    model sqlembed.cluster_model;
begin
    if cardinality(_features.numbers) = 0 then
        return _features.embedding;
    end if;
    perform sqlembed._check_dimensions(
        _features.name, public.vector_dims(_features.embedding), cardinality(_features.numbers)
    );
    model := sqlembed._cluster_model(_features.name);
    return _features.embedding operator(public.*)
        array_fill(model.embedding_scale::real, array[public.vector_dims(_features.embedding)])::public.vector
        operator(public.||) array(
            select (coalesce(n.number, n.mean) - n.mean) * n.scale
            from unnest(_features.numbers, model.number_means, model.number_scales) with ordinality
                as n(number, mean, scale, place)
            order by n.place
        )::public.vector;
end
$function$;

comment on function sqlembed._features(text, public.vector, double precision[]) is
    'A vector and the numbers beside it as the one vector that a model compares with its centroids.';

create or replace function sqlembed._features_sql(
    rows text,
    dimensions integer,
    embedding_scale double precision,
    number_means double precision[],
    number_scales double precision[]
)
returns text
language sql
immutable
set search_path = pg_catalog, pg_temp
as $function$
    select case when cardinality(_features_sql.number_means) = 0 then _features_sql.rows else format(
        'select r.id, r.embedding operator(public.*) %L::public.vector operator(public.||) array[%s]::public.vector as embedding
        from (%s) as r',
        array_fill(_features_sql.embedding_scale::real, array[_features_sql.dimensions])::public.vector,
        (
            -- In double precision up to here: single would not tell one second of this year from the next.
            select string_agg(
                format(
                    '(coalesce(r.numbers[%1$s], %2$L) operator(pg_catalog.-) %2$L::pg_catalog.float8) operator(pg_catalog.*) %3$L::pg_catalog.float8',
                    n.place, n.mean, n.scale
                ),
                ', ' order by n.place
            )
            from unnest(_features_sql.number_means, _features_sql.number_scales) with ordinality as n(mean, scale, place)
        ),
        _features_sql.rows
    ) end
$function$;

comment on function sqlembed._features_sql(text, integer, double precision, double precision[], double precision[]) is
    'SQL that makes one vector of each vector and the numbers beside it: the vector scaled, then each number, less its mean, scaled.';

create or replace function sqlembed._has_cluster_column(relation regclass, cluster_column name, types regtype[]) returns boolean
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    problem text;
    keeper text;
begin
    if _has_cluster_column.cluster_column is null then
        raise exception 'sqlembed: NULL names no column for the clusters'
            using errcode = 'SE014', hint = 'It is added if it is missing.';
    end if;
    select case
        when a.attnum < 0 then 'is a system column'
        when a.atttypid <> all (_has_cluster_column.types::oid[]) then format('is of type %s', format_type(a.atttypid, a.atttypmod))
        when a.attgenerated <> '' or a.attidentity <> '' then 'is written by PostgreSQL itself'
        when a.attnotnull then 'may not be NULL, which stands for no cluster'
    end
    into problem
    from pg_attribute as a
    where a.attrelid = _has_cluster_column.relation and a.attname = _has_cluster_column.cluster_column and not a.attisdropped;
    if not found then
        return false;
    end if;
    keeper := (
        select min(c.name)
        from sqlembed.clustering as c
        cross join lateral sqlembed._clustering_columns(c) as p
        where c.relation = _has_cluster_column.relation and p.cluster_column = _has_cluster_column.cluster_column
    );
    if keeper is not null then
        problem := format('is kept by the clustering %L', keeper);
    end if;
    if problem is not null then
        raise exception 'sqlembed: column % of % cannot hold clusters: it %',
            quote_ident(_has_cluster_column.cluster_column), _has_cluster_column.relation, problem
            using errcode = 'SE011',
                hint = 'It must be a plain integer of its own that may be NULL. Name another: it is added if it is missing.';
    end if;
    return true;
end
$function$;

comment on function sqlembed._has_cluster_column(regclass, name, regtype[]) is
    'Whether a table has a column of a name, or an error when clusters cannot be written there.';

create or replace function sqlembed._index_centroids(
    centroids public.vector[],
    metric text,
    centroid_ids integer[] default null
)
returns sqlembed.centroid_index
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    shuffled public.vector[];
    index sqlembed.centroid_index;
begin
    if cardinality(_index_centroids.centroids) <= 1000 then
        return null;
    end if;
    select array_agg(c.centroid order by sqlembed._uniform(c.place::text, 0), c.place)
    into shuffled
    from unnest(_index_centroids.centroids) with ordinality as c(centroid, place);
    execute format(
        $sql$
        select array_agg(c.center order by c.cell), array_agg(row(c.ids, c.centroids)::sqlembed.centroid_cell order by c.cell)
        from (
            select r.centroid_id as cell, %s as center, array_agg(coalesce($2[r.id::integer], r.id::integer) order by r.id::integer) as ids,
                array_agg(r.embedding order by r.id::integer) as centroids
            from (%s) as r
            group by r.centroid_id
        ) as c
        $sql$,
        case _index_centroids.metric when 'cosine' then 'public.l2_normalize(public.avg(r.embedding))' else 'public.avg(r.embedding)' end,
        sqlembed._nearest_sql(
            'select c.place::text as id, c.embedding from unnest($1) with ordinality as c(embedding, place)',
            _index_centroids.metric,
            (
                sqlembed._kmeans_fit(
                    shuffled, round(sqrt(cardinality(shuffled)))::integer, _index_centroids.metric, 6, 0.01, 0, null
                )
            ).centroids
        )
    )
    into index
    using _index_centroids.centroids, _index_centroids.centroid_ids;
    return index;
end
$function$;

comment on function sqlembed._index_centroids(public.vector[], text, integer[]) is
    'An index of more than 1000 centroids, by their numbers, or their places if no numbers are given: about as many cells as there are centroids in each; NULL for fewer, which are all looked at.';

create or replace function sqlembed._keep_cluster() returns trigger
language plpgsql
security definer
set search_path = pg_catalog, pg_temp
as $function$
declare
    known record;
    present record;
    embedding public.vector;
begin
    select c.name, p.vector_column, p.cluster_column
    into known
    from sqlembed.clustering as c
    cross join lateral sqlembed._clustering_columns(c) as p
    where c.id = tg_argv[0]::integer
        -- Whoever hangs this function on a table of their own learns nothing.
        and (c.relation = tg_relid or c.relation = any (array(select a.relid from pg_partition_ancestors(tg_relid) as a)));
    -- What was dropped must not fail the application's statement.
    if known.vector_column is null or known.cluster_column is null then
        return new;
    end if;
    if current_setting('transaction_isolation') <> 'read committed' then
        -- A snapshot from before a refit shows the centroids of before: then this is the error that PostgreSQL
        -- gives a transaction that must be tried again.
        perform from sqlembed.clustering as c where c.id = tg_argv[0]::integer for share;
    end if;
    -- This runs with the rights of sqlembed's owner. What is of another type by now must not even be planned
    -- as a vector: a cast could be a function of the table's owner, which PostgreSQL runs ahead, whatever
    -- condition stands before it.
    execute format(
        'select pg_typeof(($1).%I) as vector_type, pg_typeof(($1).%I) as cluster_type',
        known.vector_column, known.cluster_column
    )
    into present
    using new;
    if present.cluster_type <> 'integer'::regtype then
        return new;
    end if;
    if present.vector_type = any (array['public.vector'::regtype, 'public.halfvec'::regtype]) then
        execute format('select ($1).%I::public.vector', known.vector_column) into embedding using new;
    end if;
    return jsonb_populate_record(
        new, jsonb_build_object(known.cluster_column, sqlembed._nearest_centroid(known.name, embedding))
    );
end
$function$;

comment on function sqlembed._keep_cluster() is
    'Row trigger of a clustering: the vector is another, so the cluster is that of the nearest centroid.';

create or replace function sqlembed._kmeans_fit(
    points public.vector[],
    num_clusters integer,
    metric text,
    max_iterations integer,
    min_rel_progress double precision,
    seed integer,
    previous public.vector[],
    out centroids public.vector[],
    out iterations integer,
    out training_loss double precision[],
    out training_rows bigint[]
)
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    num_points constant integer := cardinality(_kmeans_fit.points);
    -- The points lie in random order. Of 60 a cluster first centroids come out 2 percent better than of 20,
    -- which must do where there are many. Most of the way can be made on a quarter of the points.
    first_points constant public.vector[] := _kmeans_fit.points[
        1:greatest(2000, least(60 * _kmeans_fit.num_clusters, 20000), 20 * _kmeans_fit.num_clusters)
    ];
    quarter constant public.vector[] := _kmeans_fit.points[1:greatest(num_points / 4, 2000, 32 * _kmeans_fit.num_clusters)];
    -- One start in twenty is a percent worse than the others; with many clusters they differ less.
    num_attempts constant integer := case
        when _kmeans_fit.max_iterations = 1 and cardinality(_kmeans_fit.previous) > 0 then 0
        when _kmeans_fit.max_iterations > 1 then least(greatest(1, 150 / _kmeans_fit.num_clusters), 3, num_points)
        else 1
    end;
    first_centroids public.vector[];
    moved record;
    best record;
    best_loss double precision;
begin
    centroids := '{}';
    iterations := 0;
    training_loss := '{}';
    training_rows := '{}';
    if num_points = 0 then
        return;
    end if;
    if cardinality(_kmeans_fit.previous) > 0 then
        -- Where clusters have been they stay, unless a fresh start is better by more than chance.
        best := sqlembed._kmeans_move(
            quarter, _kmeans_fit.previous, _kmeans_fit.metric, 0, _kmeans_fit.max_iterations / 2,
            5 * _kmeans_fit.min_rel_progress, _kmeans_fit.seed, 0
        );
        best_loss := best.loss * 0.97;
    end if;
    for attempt in 1..num_attempts loop
        -- Above, choosing them one after the other among all points would take minutes.
        if cardinality(first_points) * _kmeans_fit.num_clusters::bigint > 40000000 then
            first_centroids := sqlembed._kmeans_seed_in_cells(
                _kmeans_fit.points, _kmeans_fit.num_clusters, _kmeans_fit.metric, _kmeans_fit.seed
            );
        else
            first_centroids := (
                sqlembed._kmeans_seed(
                    first_points, _kmeans_fit.num_clusters, _kmeans_fit.metric, _kmeans_fit.seed, attempt
                )
            ).chosen;
            if cardinality(first_centroids) < _kmeans_fit.num_clusters and cardinality(first_points) < num_points then
                first_centroids := (
                    sqlembed._kmeans_seed(
                        _kmeans_fit.points, _kmeans_fit.num_clusters, _kmeans_fit.metric, _kmeans_fit.seed, attempt
                    )
                ).chosen;
            end if;
        end if;
        moved := sqlembed._kmeans_move(
            quarter, first_centroids, _kmeans_fit.metric, 0, _kmeans_fit.max_iterations / 2,
            5 * _kmeans_fit.min_rel_progress, _kmeans_fit.seed, 0
        );
        if best_loss is null or moved.loss < best_loss then
            best := moved;
            best_loss := moved.loss;
        end if;
    end loop;
    training_loss := best.losses;
    training_rows := array_fill(cardinality(quarter)::bigint, array[cardinality(best.losses)]);
    best := sqlembed._kmeans_move(
        _kmeans_fit.points, best.centroids, _kmeans_fit.metric, best.iterations, _kmeans_fit.max_iterations,
        _kmeans_fit.min_rel_progress, _kmeans_fit.seed, best.gained
    );
    centroids := best.centroids;
    iterations := best.iterations;
    training_loss := training_loss || best.losses;
    training_rows := training_rows || array_fill(num_points::bigint, array[cardinality(best.losses)]);
end
$function$;

comment on function sqlembed._kmeans_fit(public.vector[], integer, text, integer, double precision, integer, public.vector[]) is
    'Centroids of points in random order, and the iterations they took, with the loss of a point on average and the number of points of each: from the best of several starts on a part of the points, moved on over all. One start is from previous centroids, if there are so many, and another must be better by 3 percent. Fewer than num_clusters when there are not so many different points. Under cosine the points are unit vectors.';

create or replace function sqlembed._kmeans_move(
    points public.vector[],
    inout centroids public.vector[],
    metric text,
    inout iterations integer,
    last_iteration integer,
    tolerance double precision,
    seed integer,
    inout gained double precision,
    out loss double precision,
    out losses double precision[]
)
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    -- A centroid goes so much further than to the mean of its points, which saves a third of the
    -- iterations; from 1 on it swings.
    overshoot constant public.vector := array_fill(0.8::real, array[public.vector_dims(_kmeans_move.points[1])]);
    means public.vector[];
    sizes bigint[];
    previous_sizes bigint[];
    previous_loss double precision;
    gain double precision;
    previous_gain double precision;
    -- The sum of all gains to come, if each shrinks as the last one has, but to three quarters at least:
    -- at first they shrink much faster than later.
    to_come double precision;
begin
    losses := '{}';
    while iterations < _kmeans_move.last_iteration loop
        iterations := iterations + 1;
        select array_agg(s.mean order by s.centroid_id), array_agg(s.cluster_size order by s.centroid_id),
            sum(
                sqlembed._loss_at_mean(
                    _kmeans_move.metric, s.cluster_size, s.sum_distance, s.sum_squared_distance,
                    centroids[s.centroid_id], s.mean
                )
            ) / cardinality(_kmeans_move.points)
        into means, sizes, loss
        from sqlembed._kmeans_step(null, _kmeans_move.points, centroids, _kmeans_move.metric) as s;
        losses := losses || loss;

        if array_position(means, null) is not null then
            centroids := sqlembed._kmeans_refill(
                null, _kmeans_move.points, centroids, means, _kmeans_move.metric, _kmeans_move.seed + iterations
            );
            means := centroids;
            previous_loss := null;
            previous_gain := null;
            continue;
        end if;
        gain := previous_loss - loss;
        gained := gained + coalesce(gain, 0);
        to_come := case when gain < previous_gain then gain * greatest(gain / (previous_gain - gain), 3) end;
        exit when loss <= 0 or gain <= 0 or to_come < _kmeans_move.tolerance * gained;
        centroids := case
            -- The first move comes from mere points; and when no point has changed sides, the means are
            -- where to stay.
            when iterations = 1 or sizes = previous_sizes then means
            else array(
                select case _kmeans_move.metric when 'cosine' then public.l2_normalize(m.ahead) else m.ahead end
                from (
                    select m.place,
                        m.mean operator(public.+) (m.mean operator(public.-) m.old) operator(public.*) overshoot as ahead
                    from unnest(means, centroids) with ordinality as m(mean, old, place)
                ) as m
                order by m.place
            )
        end;
        previous_loss := loss;
        previous_gain := gain;
        previous_sizes := sizes;
    end loop;
    centroids := coalesce(means, centroids);
end
$function$;

comment on function sqlembed._kmeans_move(
    public.vector[], public.vector[], text, integer, integer, double precision, integer, double precision
) is
    'Moves centroids to the means of the points nearest to them, again and again up to an iteration, or until all further iterations together promise less than tolerance of what has been gained since the first. Under cosine the points are unit vectors. The loss is that of a point on average; losses are those after each iteration.';

create or replace function sqlembed._kmeans_refill(
    rows text,
    points public.vector[],
    centroids public.vector[],
    means public.vector[],
    metric text,
    seed integer
)
returns public.vector[]
language plpgsql
volatile
as $function$
declare
    index sqlembed.centroid_index := sqlembed._index_centroids(_kmeans_refill.centroids, _kmeans_refill.metric);
    far public.vector[];
    place integer := 0;
    filled public.vector[] := _kmeans_refill.means;
begin
    execute pg_catalog.format(
        $sql$
        select pg_catalog.array_agg(f.embedding order by f.race, f.id collate pg_catalog."C", f.embedding)
        from (
            select r.id, r.embedding,
                operator(pg_catalog.-) pg_catalog.ln(sqlembed._uniform(coalesce(r.id, ''), %s)) operator(pg_catalog./) %s as race
            from (%s) as r
            where r.distance operator(pg_catalog.>) %s
            order by race, r.id collate pg_catalog."C", r.embedding
            limit %s
        ) as f
        $sql$,
        _kmeans_refill.seed,
        case when _kmeans_refill.metric operator(pg_catalog.=) 'cosine' then
            'r.distance'
        else
            '(r.distance operator(pg_catalog.*) r.distance)'
        end,
        sqlembed._nearest_sql(
            coalesce(
                _kmeans_refill.rows,
                'select pg_catalog.generate_subscripts($1, 1)::pg_catalog.text as id, pg_catalog.unnest($1) as embedding'
            ),
            _kmeans_refill.metric,
            _kmeans_refill.centroids,
            index => '$2'
        ),
        case when _kmeans_refill.metric operator(pg_catalog.=) 'cosine' then '5e-7' else '0' end,
        pg_catalog.cardinality(pg_catalog.array_positions(_kmeans_refill.means, null))
    )
    into far
    using _kmeans_refill.points, index;
    for centroid_id in 1..pg_catalog.cardinality(filled) loop
        if filled[centroid_id] is null then
            place := place operator(pg_catalog.+) 1;
            filled[centroid_id] := coalesce(far[place], _kmeans_refill.centroids[centroid_id]);
        end if;
    end loop;
    return filled;
end
$function$;

comment on function sqlembed._kmeans_refill(text, public.vector[], public.vector[], public.vector[], text, integer) is
    'The means with vectors of the rows (id, embedding), or of the points when rows is NULL, in place of those that are NULL; drawn as k-means++ draws: with the squared distance to the nearest centroid as weight.';

create or replace function sqlembed._kmeans_sample(
    rows text,
    num_rows bigint,
    dimensions integer,
    sample_size integer,
    seed integer
)
returns public.vector[]
language plpgsql
volatile
as $function$
declare
    -- Hashes lie evenly in the range of bigint.
    share double precision := _kmeans_sample.sample_size::double precision operator(pg_catalog./) _kmeans_sample.num_rows;
    highest double precision := share operator(pg_catalog.*) 18446744073709551616::double precision
        operator(pg_catalog.-) 9223372036854775808::double precision;
    sample public.vector[];
begin
    -- The vector takes part in the hash, for ids that are not unique.
    execute pg_catalog.format(
        $sql$
        select pg_catalog.array_agg(r.embedding order by r.hash, r.id collate pg_catalog."C", r.embedding)
        from (
            select r.*
            from (
                select r.id, r.embedding, pg_catalog.hashfloat8extended(
                    r.embedding operator(public.<->) %L::public.vector,
                    pg_catalog.hashtextextended(coalesce(r.id, ''), %s)
                ) as hash
                from (%s) as r
                offset '0'
            ) as r
            where r.hash operator(pg_catalog.<=) %L::double precision
            -- Never reached but by masses of rows that are the same, id and vector.
            limit %s
        ) as r
        $sql$,
        pg_catalog.array_fill(0.01::real, array[_kmeans_sample.dimensions])::public.vector,
        _kmeans_sample.seed, _kmeans_sample.rows, highest, 2 operator(pg_catalog.*) _kmeans_sample.sample_size
    )
    into sample;
    return coalesce(sample, '{}');
end
$function$;

comment on function sqlembed._kmeans_sample(text, bigint, integer, integer, integer) is
    'Vectors of a random choice of about sample_size of the rows (id, embedding), or of all if there are no more, in random order. Hashes of the rows and the seed decide both, so where the rows happen to lie does not matter.';

create or replace function sqlembed._kmeans_sample_size(num_clusters integer, dimensions integer) returns integer
language sql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
    -- 256 rows a cluster bring its mean so near to that of all its rows that the loss is 0.4 % higher, of
    -- which one move over all rows takes most back. The sample is an array: copies of more than 32 MB take
    -- ten times as long, for the allocator gives such blocks back each time; and 1 GB is the limit.
    select least(
        greatest(10000, 256 * _kmeans_sample_size.num_clusters),
        greatest(31000000 / size_of.vector, 128 * _kmeans_sample_size.num_clusters),
        256000000 / size_of.vector
    )
    from (select 4 * _kmeans_sample_size.dimensions + 8) as size_of(vector)
$function$;

comment on function sqlembed._kmeans_sample_size(integer, integer) is
    'How many rows a model is fitted on; where there are more, on a sample.';

create or replace function sqlembed._kmeans_seed(
    points public.vector[],
    num_clusters integer,
    metric text,
    seed integer,
    attempt integer,
    out chosen public.vector[],
    out losses double precision[]
)
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    random_seed constant bigint := (_kmeans_seed.seed * 16::bigint + _kmeans_seed.attempt) * 1024;
    -- Squared distance of each point to the nearest one chosen so far; for unit vectors it grows as 1 - cos.
    gaps double precision[] := array(
        select (p.point operator(public.<->) _kmeans_seed.points[_kmeans_seed.attempt]) ^ 2
        from unnest(_kmeans_seed.points) as p(point)
    );
    -- What single precision cannot tell apart by the inner product is one direction.
    smallest_gap constant double precision := case _kmeans_seed.metric when 'cosine' then 1e-6 else 0 end;
    num_candidates constant integer := 2 + floor(ln(_kmeans_seed.num_clusters));
    candidates integer[];
    candidate integer;
    candidate_point public.vector;
    candidate_gaps double precision[];
    candidate_loss double precision;
    best_point public.vector;
    best_gaps double precision[];
    best_loss double precision;
begin
    chosen := array[_kmeans_seed.points[_kmeans_seed.attempt]];
    losses := array[(select sum(g) from unnest(gaps) as g)];
    for number in 2.._kmeans_seed.num_clusters loop
        -- Of exponential variates with the gaps as rates the least ones are a draw weighted by the gaps.
        candidates := array(
            select g.place
            from unnest(gaps) with ordinality as g(gap, place)
            where g.gap > smallest_gap
            order by -ln(sqlembed._uniform(g.place::text, random_seed + number)) / g.gap, g.place
            limit num_candidates
        );
        exit when cardinality(candidates) = 0;
        best_loss := null;
        foreach candidate in array candidates loop
            candidate_point := _kmeans_seed.points[candidate];
            select array_agg(g.gap), sum(g.gap)
            into candidate_gaps, candidate_loss
            from (
                select least(p.gap, (p.point operator(public.<->) candidate_point) ^ 2) as gap
                from (select unnest(_kmeans_seed.points) as point, unnest(gaps) as gap) as p
            ) as g;
            if best_loss is null or candidate_loss < best_loss then
                best_point := candidate_point;
                best_gaps := candidate_gaps;
                best_loss := candidate_loss;
            end if;
        end loop;
        chosen := chosen || best_point;
        losses := losses || best_loss;
        gaps := best_gaps;
    end loop;
end
$function$;

comment on function sqlembed._kmeans_seed(public.vector[], integer, text, integer, integer) is
    'First centroids by greedy k-means++: each is the best of several points drawn with the squared distance to those chosen before as weight. Every attempt has another first point and other draws. Fewer than num_clusters when there are not so many different points. Under cosine the points are unit vectors. losses: the sum of squared distances to them after each.';

create or replace function sqlembed._kmeans_seed_in_cells(
    points public.vector[],
    num_clusters integer,
    metric text,
    seed integer
)
returns public.vector[]
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    centers public.vector[] := (
        sqlembed._kmeans_fit(
            _kmeans_seed_in_cells.points, round(sqrt(_kmeans_seed_in_cells.num_clusters))::integer,
            _kmeans_seed_in_cells.metric, 6, 0.01, _kmeans_seed_in_cells.seed, null
        )
    ).centroids;
    surplus double precision;
    cell record;
    found record;
    chosen public.vector[];
    gains double precision[];
begin
    -- Of half as many again as they would need, unless some cells are short of different points.
    foreach surplus in array '{1.5,infinity}'::double precision[] loop
        chosen := '{}';
        gains := '{}';
        for cell in execute format(
            $sql$
            select array_agg(r.embedding) as points, sum(%1$s) / (sum(sum(%1$s)) over () + 1e-30::float8) as share
            from (%2$s) as r
            group by r.centroid_id
            order by r.centroid_id
            $sql$,
            case _kmeans_seed_in_cells.metric when 'cosine' then 'r.distance' else 'r.distance ^ 2' end,
            sqlembed._nearest_sql(
                'select null::text as id, unnest($1) as embedding', _kmeans_seed_in_cells.metric, centers
            )
        )
        using _kmeans_seed_in_cells.points
        loop
            found := sqlembed._kmeans_seed(
                cell.points,
                least(
                    3 + ceil(surplus * cell.share * _kmeans_seed_in_cells.num_clusters), cardinality(cell.points)
                )::integer,
                _kmeans_seed_in_cells.metric, _kmeans_seed_in_cells.seed, 1
            );
            chosen := chosen || found.chosen;
            gains := gains || array(
                select min(g.gain) over (order by g.place)
                from (
                    select l.place, coalesce(lag(l.loss) over (order by l.place) - l.loss, 'infinity') as gain
                    from unnest(found.losses) with ordinality as l(loss, place)
                ) as g
                order by g.place
            );
        end loop;
        exit when cardinality(chosen) >= _kmeans_seed_in_cells.num_clusters;
    end loop;
    return array(
        select c.point
        from unnest(chosen, gains) with ordinality as c(point, gain, place)
        order by c.gain desc, c.place
        limit _kmeans_seed_in_cells.num_clusters
    );
end
$function$;

comment on function sqlembed._kmeans_seed_in_cells(public.vector[], integer, text, integer) is
    'First centroids where many are wanted: greedy k-means++ in each of some cells of the points, and of all these the ones that take most of the loss away. Fewer than num_clusters when there are not so many different points.';

create or replace function sqlembed._kmeans_settle(
    rows text,
    points public.vector[],
    inout centroids public.vector[],
    metric text,
    seed integer,
    inout moves integer,
    out cluster_sizes bigint[],
    out cluster_radii double precision[],
    out loss double precision,
    out training_loss double precision[]
)
language plpgsql
volatile
as $function$
declare
    moves_left integer := _kmeans_settle.moves;
    means public.vector[];
begin
    moves := 0;
    training_loss := '{}';
    loop
        select pg_catalog.array_agg(s.mean order by s.centroid_id),
            pg_catalog.array_agg(s.cluster_size order by s.centroid_id),
            pg_catalog.array_agg(
                pg_catalog.sqrt(
                    s.sum_squared_distance operator(pg_catalog./)
                    case when s.cluster_size operator(pg_catalog.>) 0 then s.cluster_size end
                )
                order by s.centroid_id
            ),
            pg_catalog.sum(
                case when _kmeans_settle.metric operator(pg_catalog.=) 'cosine' then s.sum_distance
                    else s.sum_squared_distance
                end
            )
        into means, cluster_sizes, cluster_radii, loss
        from sqlembed._kmeans_step(_kmeans_settle.rows, _kmeans_settle.points, centroids, _kmeans_settle.metric) as s;
        training_loss := training_loss operator(pg_catalog.||) loss;
        -- A cluster that is still empty after three more moves stays so.
        exit when moves operator(pg_catalog.>=) moves_left
            and (
                0 operator(pg_catalog.<>) all (cluster_sizes)
                or moves operator(pg_catalog.>=) (moves_left operator(pg_catalog.+) 3)
            );
        moves := moves operator(pg_catalog.+) 1;
        if pg_catalog.array_position(means, null) is not null then
            means := sqlembed._kmeans_refill(
                _kmeans_settle.rows, _kmeans_settle.points, centroids, means, _kmeans_settle.metric,
                _kmeans_settle.seed operator(pg_catalog.-) moves
            );
        end if;
        centroids := means;
    end loop;
end
$function$;

comment on function sqlembed._kmeans_settle(text, public.vector[], public.vector[], text, integer, integer) is
    'Moves centroids to the means of their rows (id, embedding), or points when rows is NULL, so many times, and further while a cluster is empty; then measures the clusters: their rows, the root of their mean squared distance, and the loss, also before each move.';

create or replace function sqlembed._kmeans_step(
    rows text,
    points public.vector[],
    centroids public.vector[],
    metric text
)
returns table (
    centroid_id integer,
    mean public.vector,
    cluster_size bigint,
    sum_distance double precision,
    sum_squared_distance double precision
)
language plpgsql
volatile
as $function$
declare
    index sqlembed.centroid_index := sqlembed._index_centroids(_kmeans_step.centroids, _kmeans_step.metric);
begin
    -- sum() takes a fifth of the time of avg(), which makes a new array of double precision for every row.
    return query execute pg_catalog.format(
        $sql$
        select c.centroid_id, %s, coalesce(g.cluster_size, 0), coalesce(g.sum_distance, 0), coalesce(g.sum_squared_distance, 0)
        from pg_catalog.generate_series(1, %s) as c(centroid_id)
        left join (
            select r.centroid_id, public.sum(r.embedding) as total, pg_catalog.count(*) as cluster_size,
                pg_catalog.sum(r.distance) as sum_distance,
                pg_catalog.sum(r.distance operator(pg_catalog.*) r.distance) as sum_squared_distance
            from (%s) as r
            group by r.centroid_id
        ) as g on g.centroid_id operator(pg_catalog.=) c.centroid_id
        order by c.centroid_id
        $sql$,
        case when _kmeans_step.metric operator(pg_catalog.=) 'cosine' then
            'case when public.vector_norm(g.total) operator(pg_catalog.>) 0 then public.l2_normalize(g.total) end'
        else
            'case when g.cluster_size operator(pg_catalog.>) 0 then g.total operator(public.*) pg_catalog.array_fill(
                (1.0 operator(pg_catalog./) g.cluster_size)::real, array[public.vector_dims(g.total)]
            )::public.vector end'
        end,
        pg_catalog.cardinality(_kmeans_step.centroids),
        sqlembed._nearest_sql(
            coalesce(_kmeans_step.rows, 'select null::pg_catalog.text as id, pg_catalog.unnest($1) as embedding'),
            _kmeans_step.metric,
            _kmeans_step.centroids,
            index => '$2'
        )
    )
    using _kmeans_step.points, index;
end
$function$;

comment on function sqlembed._kmeans_step(text, public.vector[], public.vector[], text) is
    'Gives each of the rows (id, embedding), or of the points when rows is NULL, to its nearest centroid and returns, for each centroid in order, the mean of its rows (a unit vector under cosine; NULL if there is none), their number, and sums of their distances to the centroid.';

create or replace function sqlembed._label_rows(known sqlembed.clustering) returns void
language plpgsql
volatile
set jit = off
as $function$
declare
    columns record;
begin
    select c.* into columns from sqlembed._clustering_columns(_label_rows.known) as c;
    -- By where rows lie: a table need not have a key.
    execute pg_catalog.format(
        $sql$
        update %1$s as r
        set %2$I = a.centroid_id
        from (%3$s) as a
        where a.id operator(pg_catalog.=) (r.tableoid::pg_catalog.text operator(pg_catalog.||) r.ctid::pg_catalog.text)
            and (r.%2$I operator(pg_catalog.=) a.centroid_id) is not true
            and (r.%2$I is not null or a.centroid_id is not null)
        $sql$,
        (_label_rows.known).relation, columns.cluster_column,
        sqlembed._assigned_sql(
            (_label_rows.known).name,
            pg_catalog.format(
                'select r.tableoid::pg_catalog.text operator(pg_catalog.||) r.ctid::pg_catalog.text, r.%I from %s as r',
                columns.vector_column, (_label_rows.known).relation
            ),
            false
        )
    )
    using sqlembed._model_index((_label_rows.known).name);
end
$function$;

comment on function sqlembed._label_rows(sqlembed.clustering) is
    'Write the cluster of every row of a clustering''s table, where it is another.';

create or replace function sqlembed._loss_at_mean(
    metric text,
    cluster_size bigint,
    sum_distance double precision,
    sum_squared_distance double precision,
    centroid public.vector,
    mean public.vector
)
returns double precision
language sql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
    select case
        when _loss_at_mean.metric <> 'cosine' then _loss_at_mean.sum_squared_distance
            - _loss_at_mean.cluster_size * (_loss_at_mean.mean operator(public.<->) _loss_at_mean.centroid) ^ 2
        -- The sum of n unit vectors has the direction of the mean, and the inner product n - sum_distance
        -- with the centroid.
        when _loss_at_mean.mean operator(public.<#>) _loss_at_mean.centroid < -0.001 then _loss_at_mean.cluster_size
            + (_loss_at_mean.cluster_size - _loss_at_mean.sum_distance)
            / (_loss_at_mean.mean operator(public.<#>) _loss_at_mean.centroid)
        else _loss_at_mean.sum_distance
    end
$function$;

comment on function sqlembed._loss_at_mean(text, bigint, double precision, double precision, public.vector, public.vector) is
    'Loss of a cluster once its centroid has moved to the mean of its rows, from their distances to where it was. It falls from one iteration to the next also where centroids go further than to the mean.';

create or replace function sqlembed._make_kmeans(
    name text,
    query text,
    num_clusters integer,
    metric text,
    max_iterations integer,
    min_rel_progress double precision,
    seed integer,
    standardize boolean,
    weights double precision[],
    choose_by text,
    candidates integer[],
    previous_ids integer[] default '{}',
    previous public.vector[] default '{}',
    owner regrole default null
)
returns sqlembed.fitted_model
language plpgsql
volatile
-- Compiling an expression for each centroid takes longer than evaluating it.
set jit = off
-- Else the sample is sorted on disk, and so are the sums of thousands of clusters.
set work_mem = '64MB'
as $function$
declare
    source record;
    facts record;
    scaling record;
    wanted integer;
    sample_size integer;
    points public.vector[];
    fit record;
    settled record;
    index sqlembed.centroid_index;
    fitted sqlembed.fitted_model;
    state pg_catalog.text;
    problem pg_catalog.text;
    detail pg_catalog.text;
    hint pg_catalog.text;
begin
    perform sqlembed._check_kmeans(
        _make_kmeans.name, _make_kmeans.num_clusters, _make_kmeans.metric, _make_kmeans.max_iterations,
        _make_kmeans.min_rel_progress, _make_kmeans.seed, _make_kmeans.weights, _make_kmeans.choose_by, _make_kmeans.candidates
    );
    source := sqlembed._cluster_rows(_make_kmeans.query);
    if source.num_numbers operator(pg_catalog.>) 0 and _make_kmeans.metric operator(pg_catalog.=) 'cosine' then
        raise exception 'sqlembed: numbers beside a vector have no angle to measure'
            using errcode = 'SE014', hint = 'Say metric => ''euclidean'', or let the query yield an id and a vector alone.';
    end if;
    -- Ahead of the work: who comes second with a name waits here for the first, and then fails at once.
    perform sqlembed._reserve_model(
        _make_kmeans.name, _make_kmeans.query, _make_kmeans.metric, _make_kmeans.seed, _make_kmeans.standardize,
        _make_kmeans.weights, _make_kmeans.owner
    );

    facts := sqlembed._cluster_facts(source.rows, _make_kmeans.metric);
    scaling := sqlembed._number_facts(source.rows, source.num_numbers, _make_kmeans.standardize, _make_kmeans.weights);
    if source.num_numbers operator(pg_catalog.>) 0 then
        facts.rows := sqlembed._features_sql(
            pg_catalog.format('select * from (%s) as r where r.embedding is not null', source.rows),
            facts.dimensions, scaling.embedding_scale, scaling.number_means, scaling.number_scales
        );
        facts.dimensions := facts.dimensions operator(pg_catalog.+) source.num_numbers;
    end if;
    if facts.num_rows operator(pg_catalog.<) _make_kmeans.num_clusters then
        raise exception 'sqlembed: the query has only % vectors for % clusters', facts.num_rows, _make_kmeans.num_clusters
            using errcode = 'SE022',
                hint = pg_catalog.format('Ask for num_clusters => %s at most, or leave it out.', facts.num_rows);
    end if;
    wanted := _make_kmeans.num_clusters;
    if wanted is null and _make_kmeans.choose_by operator(pg_catalog.<>) 'rows' then
        points := sqlembed._kmeans_sample(facts.rows, facts.num_rows, facts.dimensions, 2000, _make_kmeans.seed);
        wanted := sqlembed._choose_num_clusters(
            points, _make_kmeans.metric, _make_kmeans.choose_by,
            coalesce(_make_kmeans.candidates, sqlembed._num_clusters_range(facts.num_rows)), _make_kmeans.seed
        );
    end if;
    wanted := coalesce(wanted, sqlembed._default_num_clusters(facts.num_rows));
    sample_size := sqlembed._kmeans_sample_size(wanted, facts.dimensions);
    if sample_size operator(pg_catalog.<) wanted then
        raise exception 'sqlembed: % centroids of % dimensions are too large', wanted, facts.dimensions
            using errcode = 'SE014', hint = pg_catalog.format('Ask for num_clusters => %s at most.', sample_size);
    end if;
    points := sqlembed._kmeans_sample(facts.rows, facts.num_rows, facts.dimensions, sample_size, _make_kmeans.seed);
    fit := sqlembed._kmeans_fit(
        points, wanted, _make_kmeans.metric, _make_kmeans.max_iterations, _make_kmeans.min_rel_progress, _make_kmeans.seed,
        case
            when pg_catalog.cardinality(_make_kmeans.previous) operator(pg_catalog.=) wanted
                and public.vector_dims(_make_kmeans.previous[1]) operator(pg_catalog.=) facts.dimensions
                then _make_kmeans.previous
        end
    );
    if pg_catalog.cardinality(fit.centroids) operator(pg_catalog.<) wanted
        and pg_catalog.cardinality(points) operator(pg_catalog.<) facts.num_rows
    then
        -- Nearly all rows are the same, and the sample has missed those that are not.
        points := sqlembed._distinct_vectors(facts.rows, sample_size);
        fit := sqlembed._kmeans_fit(
            points, wanted, _make_kmeans.metric, _make_kmeans.max_iterations, _make_kmeans.min_rel_progress, _make_kmeans.seed,
            null
        );
    end if;
    if pg_catalog.cardinality(fit.centroids) operator(pg_catalog.=) 0 then
        raise exception 'sqlembed: the query gave rows at first, and then none'
            using errcode = 'SE022', hint = 'It is run several times and must give the same rows each time.';
    end if;
    if pg_catalog.cardinality(fit.centroids) operator(pg_catalog.<) _make_kmeans.num_clusters then
        raise exception 'sqlembed: the query has only % different vectors for % clusters',
            pg_catalog.cardinality(fit.centroids), _make_kmeans.num_clusters
            using errcode = 'SE022',
                hint = pg_catalog.format(
                    'Ask for num_clusters => %s at most, or leave it out.', pg_catalog.cardinality(fit.centroids)
                );
    end if;
    settled := case
        when pg_catalog.cardinality(points) operator(pg_catalog.<) facts.num_rows then
            -- Fitted on a sample: one more move, to the means of all rows.
            sqlembed._kmeans_settle(
                facts.rows, null, fit.centroids, _make_kmeans.metric, _make_kmeans.seed,
                least(1, _make_kmeans.max_iterations operator(pg_catalog.-) fit.iterations)
            )
        else
            sqlembed._kmeans_settle(null, points, fit.centroids, _make_kmeans.metric, _make_kmeans.seed, 0)
    end;

    index := sqlembed._index_centroids(settled.centroids, _make_kmeans.metric);
    insert into sqlembed.cluster_centroid (model, centroid_id, centroid, cluster_size, cluster_radius, cell)
    select _make_kmeans.name, c.centroid_id, c.centroid, c.cluster_size, c.cluster_radius, coalesce(i.cell, 1)
    from rows from (
        pg_catalog.unnest(
            sqlembed._stayed_ids(
                points, _make_kmeans.metric, settled.centroids, _make_kmeans.previous, _make_kmeans.previous_ids
            )
        ),
        pg_catalog.unnest(settled.centroids), pg_catalog.unnest(settled.cluster_sizes), pg_catalog.unnest(settled.cluster_radii)
    ) with ordinality as c(centroid_id, centroid, cluster_size, cluster_radius, place)
    left join (
        select p.place, l.cell
        from (select pg_catalog.generate_subscripts(index.cells, 1) as cell) as l
        cross join lateral pg_catalog.unnest((index.cells[l.cell]).centroid_ids) as p(place)
    ) as i on i.place operator(pg_catalog.=) c.place;
    fitted := row(
        _make_kmeans.name,
        pg_catalog.cardinality(settled.centroids),
        fit.iterations operator(pg_catalog.+) settled.moves,
        settled.loss
    );
    update sqlembed.cluster_model as m
    set dimensions = facts.dimensions, num_clusters = fitted.num_clusters, iterations = fitted.iterations,
        loss = fitted.loss, embedding_scale = scaling.embedding_scale, number_means = scaling.number_means,
        number_scales = scaling.number_scales, cell_centers = coalesce(index.centers, '{}'),
        -- What an iteration has left is what the next one, on all rows, finds.
        training_loss = fit.training_loss[1:fit.iterations operator(pg_catalog.-) 1]
            operator(pg_catalog.||) array(
                select l.loss operator(pg_catalog./) facts.num_rows
                from pg_catalog.unnest(settled.training_loss) as l(loss)
            ),
        training_rows = fit.training_rows[1:fit.iterations operator(pg_catalog.-) 1]
            operator(pg_catalog.||) pg_catalog.array_fill(
                facts.num_rows, array[pg_catalog.cardinality(settled.training_loss)]
            )
    where m.name operator(pg_catalog.=) _make_kmeans.name;
    return fitted;
exception
    when others or query_canceled then
        get stacked diagnostics
            state = returned_sqlstate, problem = message_text, detail = pg_exception_detail, hint = pg_exception_hint;
        perform sqlembed._raise_briefly(state, problem, detail, hint);
end
$function$;

comment on function sqlembed._make_kmeans(
    text, text, integer, text, integer, double precision, integer, boolean, double precision[], text, integer[], integer[],
    public.vector[], regrole
) is
    'What create_kmeans does. A model that follows another is given its centroids and their numbers, so that clusters that stayed keep theirs, and its owner.';

create or replace function sqlembed._model_index(name text) returns sqlembed.centroid_index
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    model sqlembed.cluster_model := sqlembed._cluster_model(_model_index.name);
begin
    if cardinality(model.cell_centers) = 0 then
        return null;
    end if;
    return row(
        model.cell_centers,
        array(
            select row(
                array_agg(c.centroid_id order by c.centroid_id), array_agg(c.centroid order by c.centroid_id)
            )::sqlembed.centroid_cell
            from sqlembed.cluster_centroid as c
            where c.model = model.name
            group by c.cell
            order by c.cell
        )
    );
end
$function$;

comment on function sqlembed._model_index(text) is
    'The index of a model''s centroids, where there are so many that it has one; else NULL.';

create or replace function sqlembed._model_query(model sqlembed.cluster_model) returns text
language plpgsql
stable
as $function$
declare
    known record;
begin
    select c.relation, p.vector_column
    into known
    from sqlembed.clustering as c
    cross join lateral sqlembed._clustering_columns(c) as p
    where c.name operator(pg_catalog.=) (_model_query.model).name;
    if known.relation is null then
        return (_model_query.model).query;
    end if;
    if known.vector_column is null then
        raise exception 'sqlembed: the vectors of clustering % are gone', pg_catalog.quote_literal((_model_query.model).name)
            using errcode = 'SE013',
                hint = pg_catalog.format('Drop it: select sqlembed.drop_clustering(%L).', (_model_query.model).name);
    end if;
    -- Its table and columns may have been renamed since, and another column may have got the name.
    return sqlembed._clustering_query(known.relation, known.vector_column);
end
$function$;

comment on function sqlembed._model_query(sqlembed.cluster_model) is
    'The query whose rows a model is fitted on; of a clustering in the present names.';

create or replace function sqlembed._model_rows(name text, query text) returns text
language plpgsql
stable
as $function$
declare
    model sqlembed.cluster_model := sqlembed._cluster_model(_model_rows.name);
    source record := sqlembed._cluster_rows(_model_rows.query);
    num_numbers integer := pg_catalog.cardinality(model.number_means);
begin
    if source.num_numbers operator(pg_catalog.<>) num_numbers then
        raise exception 'sqlembed: cluster model % is for a vector and % numbers, but the query has % columns',
            pg_catalog.quote_literal(model.name), num_numbers, source.num_numbers operator(pg_catalog.+) 2
            using errcode = 'SE014', hint = 'The columns must be those it was fitted on: id, vector, then the numbers in their order.';
    end if;
    return sqlembed._features_sql(
        source.rows, model.dimensions operator(pg_catalog.-) num_numbers, model.embedding_scale, model.number_means,
        model.number_scales
    );
end
$function$;

comment on function sqlembed._model_rows(text, text) is
    'SQL that gives the rows of a query as (id, embedding), the numbers beside the vectors made part of them as when the model was fitted.';

create or replace function sqlembed._nearest_centroid(name text, features public.vector, num_numbers integer default 0)
returns integer
language plpgsql
stable
parallel safe
as $function$
declare
    model record;
    -- Few centroids are all in the first cell.
    cells integer[] := '{1}';
    nearest record;
begin
    select m.name, m.metric, m.cell_centers
    into model
    from sqlembed.cluster_model as m
    where m.name operator(pg_catalog.=) _nearest_centroid.name
        and m.dimensions operator(pg_catalog.=) public.vector_dims(_nearest_centroid.features)
        and pg_catalog.cardinality(m.number_means) operator(pg_catalog.=) _nearest_centroid.num_numbers;
    if model.cell_centers operator(pg_catalog.<>) '{}' then
        cells := array(
            select c.cell
            from pg_catalog.unnest(model.cell_centers) with ordinality as c(center, cell)
            order by
                case when model.metric operator(pg_catalog.=) 'cosine' then _nearest_centroid.features operator(public.<#>) c.center
                    else _nearest_centroid.features operator(public.<->) c.center
                end,
                c.cell
            limit 8
        );
    end if;
    select c.centroid_id, d.distance
    into nearest
    from sqlembed.cluster_centroid as c
    cross join lateral (
        select case when model.metric operator(pg_catalog.=) 'cosine' then _nearest_centroid.features operator(public.<#>) c.centroid
            else _nearest_centroid.features operator(public.<->) c.centroid
        end as distance
    ) as d
    where c.model operator(pg_catalog.=) model.name
        and c.cell operator(pg_catalog.=) any (cells)
    order by d.distance, c.centroid_id
    limit 1;
    -- A vector of zeros has no direction.
    if nearest.distance operator(pg_catalog.=) 0
        and model.metric operator(pg_catalog.=) 'cosine'
        and public.vector_norm(_nearest_centroid.features) operator(pg_catalog.=) 0
    then
        return null;
    end if;
    return nearest.centroid_id;
end
$function$;

comment on function sqlembed._nearest_centroid(text, public.vector, integer) is
    'Number of the centroid of a model that is nearest, of many as _nearest_in_cells_sql finds it; NULL without a direction under cosine, and when there is no such model, or for other dimensions or numbers.';

create or replace function sqlembed._nearest_in_cells_sql(rows text, metric text, index text) returns text
language sql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
    -- No limit, no subquery that needs nothing of the row: either forbids parallel plans. Sets come from
    -- select lists, which copy no vectors.
    select format(
        $sql$
        select r.id, r.embedding,
            case when r.nearest[1] is null %1$s then null
                else ((%2$s).cells[r.nearest[2]::integer]).centroid_ids[
                    pg_catalog.array_position(
                        array(
                            select r.embedding %3$s c.centroid
                            from (
                                select pg_catalog.unnest(((%2$s).cells[r.nearest[2]::integer]).centroids) as centroid
                            ) as c
                        ),
                        r.nearest[1]
                    )
                ]
            end as centroid_id,
            %4$s as distance
        from (
            select r.id, r.embedding,
                (
                    select pg_catalog.min(
                        array[
                            (
                                select pg_catalog.min(r.embedding %3$s c.centroid)
                                from (select pg_catalog.unnest(((%2$s).cells[n.cell]).centroids) as centroid) as c
                            ),
                            n.cell
                        ]
                    )
                    from (
                        select pg_catalog.unnest(
                            (array(
                                select c.cell
                                from (
                                    select pg_catalog.unnest((%2$s).centers) as center,
                                        pg_catalog.generate_subscripts((%2$s).centers, 1) as cell
                                ) as c
                                order by r.embedding %3$s c.center, c.cell
                            ))[1:8]
                        ) as cell
                    ) as n
                ) as nearest
            from (%5$s) as r
            offset '0'
        ) as r
        $sql$,
        case _nearest_in_cells_sql.metric when 'cosine' then
            -- A vector of zeros has no direction.
            'or r.nearest[1] operator(pg_catalog.=) 0 and public.vector_norm(r.embedding) operator(pg_catalog.=) 0'
        end,
        _nearest_in_cells_sql.index,
        case _nearest_in_cells_sql.metric when 'cosine' then 'operator(public.<#>)' else 'operator(public.<->)' end,
        case _nearest_in_cells_sql.metric when 'cosine' then 'greatest(1 operator(pg_catalog.+) r.nearest[1], 0)'
            else 'r.nearest[1]'
        end,
        _nearest_in_cells_sql.rows
    )
$function$;

comment on function sqlembed._nearest_in_cells_sql(text, text, text) is
    'SQL that does what that of _nearest_sql does, with the parameter of that name as an index of the centroids: only those in the eight cells whose centres are nearest are looked at.';

create or replace function sqlembed._nearest_sql(
    rows text,
    metric text,
    centroids public.vector[],
    centroid_ids integer[] default null,
    index text default null
)
returns text
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $function$
declare
    -- Of unit vectors the inner product says the same as the cosine, without computing their lengths.
    operator text := case _nearest_sql.metric when 'cosine' then 'operator(public.<#>)' else 'operator(public.<->)' end;
    distances text;
    names text;
    choices text;
begin
    if cardinality(_nearest_sql.centroids) > 1000 then
        return sqlembed._nearest_in_cells_sql(_nearest_sql.rows, _nearest_sql.metric, _nearest_sql.index);
    end if;
    select
        string_agg(
            format('r.embedding %s %L::public.vector as d%s', operator, c.centroid, c.centroid_id),
            ', ' order by c.centroid_id
        ),
        string_agg(format('r.d%s', c.centroid_id), ', ' order by c.centroid_id),
        string_agg(
            format(
                'when r.d%s operator(pg_catalog.=) r.nearest then %s',
                c.centroid_id, coalesce(_nearest_sql.centroid_ids[c.centroid_id], c.centroid_id)
            ),
            ' ' order by c.centroid_id
        )
    into distances, names, choices
    from unnest(_nearest_sql.centroids) with ordinality as c(centroid, centroid_id);

    -- One expression a centroid takes a third of the time of a join with the centroids. The offsets keep
    -- the levels apart, so that each distance is computed once; written as a string, because a number
    -- there would need a cast and look to the planner like a limit, which forbids parallel plans.
    return format(
        $sql$
        select r.id, r.embedding, case %1$s %2$s end as centroid_id, %3$s as distance
        from (
            select r.id, r.embedding, %4$s, least(%4$s) as nearest
            from (
                select r.id, r.embedding, %5$s
                from (%6$s) as r
                offset '0'
            ) as r
            offset '0'
        ) as r
        $sql$,
        case when _nearest_sql.metric = 'cosine' then
            -- A vector of zeros has no direction. Its length is looked at only when it can be one.
            'when case
                when r.nearest operator(pg_catalog.=) 0 then public.vector_norm(r.embedding) operator(pg_catalog.=) 0
                else false
            end then null'
        end,
        choices,
        case when _nearest_sql.metric = 'cosine' then
            'greatest(1 operator(pg_catalog.+) r.nearest, 0)'
        else
            'r.nearest'
        end,
        names,
        distances,
        _nearest_sql.rows
    );
end
$function$;

comment on function sqlembed._nearest_sql(text, text, public.vector[], integer[], text) is
    'SQL that adds to rows (id, embedding) the number of the nearest centroid, its place if no numbers are given, and the distance to it; the distance under cosine is right for unit vectors. Both are NULL for NULL, the number also for a vector without direction. More than 1000 centroids are looked for in an index, the parameter of that name.';

create or replace function sqlembed._num_clusters_range(num_rows bigint) returns integer[]
language sql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
    select array(
        select c
        from unnest('{2,3,4,5,6,7,8,9,10,12,15,19,24,30,37,46,57,70,85,100}'::integer[]) as c
        where c <= greatest(2, 2 * sqlembed._default_num_clusters(_num_clusters_range.num_rows))
    )
$function$;

comment on function sqlembed._num_clusters_range(bigint) is
    'Numbers of clusters to try: each to 10, then in steps of a quarter, up to twice the root of half the number of rows and 100.';

create or replace function sqlembed._number_facts(
    rows text,
    num_numbers integer,
    standardize boolean,
    weights double precision[],
    out embedding_scale double precision,
    out number_means double precision[],
    out number_scales double precision[]
)
language plpgsql
volatile
as $function$
declare
    weights double precision[] := coalesce(
        _number_facts.weights,
        pg_catalog.array_fill(1::double precision, array[_number_facts.num_numbers operator(pg_catalog.+) 1])
    );
    embedding_variance double precision;
    variances double precision[];
begin
    if pg_catalog.cardinality(weights) operator(pg_catalog.<>) (_number_facts.num_numbers operator(pg_catalog.+) 1) then
        raise exception 'sqlembed: % weights for a vector and % numbers', pg_catalog.cardinality(weights), _number_facts.num_numbers
            using errcode = 'SE014', hint = 'Give one for the vector and one for each number, in the order of the columns.';
    end if;
    if _number_facts.num_numbers operator(pg_catalog.=) 0 then
        embedding_scale := 1;
        number_means := '{}';
        number_scales := '{}';
        return;
    end if;
    execute pg_catalog.format(
        'select
            pg_catalog.avg(operator(pg_catalog.-) (r.embedding operator(public.<#>) r.embedding))
                operator(pg_catalog.+) (public.avg(r.embedding) operator(public.<#>) public.avg(r.embedding)),
            array[%1$s], array[%2$s]
        from (%3$s) as r
        where r.embedding is not null',
        (
            select pg_catalog.string_agg(pg_catalog.format('coalesce(pg_catalog.avg(r.numbers[%s]), 0)', i), ', ' order by i)
            from pg_catalog.generate_series(1, _number_facts.num_numbers) as i
        ),
        (
            select pg_catalog.string_agg(pg_catalog.format('coalesce(pg_catalog.var_pop(r.numbers[%s]), 0)', i), ', ' order by i)
            from pg_catalog.generate_series(1, _number_facts.num_numbers) as i
        ),
        _number_facts.rows
    )
    into embedding_variance, number_means, variances;
    for place in 1.._number_facts.num_numbers loop
        -- Of infinity and NaN alike the variance is NaN.
        if variances[place] operator(pg_catalog.=) 'NaN'::double precision then
            raise exception 'sqlembed: column % of the query has infinity or NaN among its numbers', place operator(pg_catalog.+) 2
                using errcode = 'SE022', hint = 'Leave these rows out, or give NULL, which counts as the mean.';
        end if;
    end loop;
    -- What is the same in all rows has nothing to be scaled by.
    embedding_scale := pg_catalog.sqrt(
        weights[1] operator(pg_catalog./) case
            when _number_facts.standardize and embedding_variance operator(pg_catalog.>) 1e-12::double precision
                then embedding_variance
            else 1
        end
    );
    number_scales := array(
        select pg_catalog.sqrt(
            w.weight operator(pg_catalog./) case
                when _number_facts.standardize and v.variance operator(pg_catalog.>) 0::double precision then v.variance
                else 1
            end
        )
        from pg_catalog.unnest(variances) with ordinality as v(variance, place)
        join pg_catalog.unnest(weights) with ordinality as w(weight, place)
            on w.place operator(pg_catalog.=) (v.place operator(pg_catalog.+) 1)
        order by v.place
    );
end
$function$;

comment on function sqlembed._number_facts(text, integer, boolean, double precision[]) is
    'How to scale the vectors and numbers of rows (id, embedding, numbers): to a variance of 1, which for vectors is their mean squared distance to their mean, if so wanted, and then so that squared distances count by their weights.';

create or replace function sqlembed._partition_score(
    points public.vector[],
    centroids public.vector[],
    metric text,
    choose_by text
)
returns double precision
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    score double precision;
begin
    execute format(
        $sql$
        with point as materialized (%1$s),
        cluster as materialized (
            select p.centroid_id, public.avg(p.embedding) as mean, count(*)::float8 as size
            from point as p
            group by p.centroid_id
        ),
        spread as materialized (
            select c.centroid_id, c.mean, c.size, avg(p.embedding operator(public.<->) c.mean) as distance,
                avg((p.embedding operator(public.<->) c.mean) ^ 2) as variance
            from cluster as c
            join point as p on p.centroid_id = c.centroid_id
            group by c.centroid_id, c.mean, c.size
        )
        %2$s
        $sql$,
        sqlembed._nearest_sql(
            'select i::text as id, p as embedding from unnest($1) with ordinality as p(p, i)',
            _partition_score.metric, _partition_score.centroids
        ),
        case _partition_score.choose_by when 'davies_bouldin' then
            'select -avg(w.worst)
            from (
                select coalesce(max((a.distance + b.distance) / nullif(a.mean operator(public.<->) b.mean, 0)), 0) as worst
                from spread as a
                join spread as b on b.centroid_id <> a.centroid_id
                group by a.centroid_id
            ) as w'
        else
            -- The squared distances of a point to those of a cluster: on average that to the mean, and the
            -- variance around it. Its own cluster counts without itself.
            'select avg(case when s.is_alone then 0 else coalesce((s.other - s.own) / nullif(greatest(s.own, s.other), 0), 0) end)
            from (
                select min(d.distance) filter (where d.centroid_id <> p.centroid_id) as other,
                    min(d.distance * d.size / nullif(d.size - 1, 0)) filter (where d.centroid_id = p.centroid_id) as own,
                    bool_or(d.centroid_id = p.centroid_id and d.size = 1) as is_alone
                from point as p
                cross join lateral (
                    select c.centroid_id, c.size, (p.embedding operator(public.<->) c.mean) ^ 2 + c.variance as distance
                    from spread as c
                ) as d
                group by p.id
            ) as s'
        end
    )
    into score
    using _partition_score.points;
    return coalesce(score, '-infinity');
end
$function$;

comment on function sqlembed._partition_score(public.vector[], public.vector[], text, text) is
    'How well centroids divide points, the higher the better: the mean silhouette of squared distances, or the Davies-Bouldin index below zero. Under cosine the points are unit vectors.';

create or replace function sqlembed._raise_briefly(state text, problem text, detail text, hint text) returns void
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $function$
begin
    if _raise_briefly.detail <> '' and _raise_briefly.hint <> '' then
        raise exception using errcode = _raise_briefly.state, message = _raise_briefly.problem,
            detail = _raise_briefly.detail, hint = _raise_briefly.hint;
    elsif _raise_briefly.detail <> '' then
        raise exception using errcode = _raise_briefly.state, message = _raise_briefly.problem,
            detail = _raise_briefly.detail;
    elsif _raise_briefly.hint <> '' then
        raise exception using errcode = _raise_briefly.state, message = _raise_briefly.problem, hint = _raise_briefly.hint;
    else
        raise exception using errcode = _raise_briefly.state, message = _raise_briefly.problem;
    end if;
end
$function$;

comment on function sqlembed._raise_briefly(text, text, text, text) is
    'Raise an error anew without where it happened: statements that hold all centroids would fill clients and logs.';

create or replace function sqlembed._refit_model(
    name text,
    num_clusters integer,
    max_iterations integer,
    min_rel_progress double precision
)
returns sqlembed.fitted_model
language plpgsql
volatile
as $function$
declare
    model sqlembed.cluster_model := sqlembed._cluster_model(_refit_model.name);
    query pg_catalog.text := sqlembed._model_query(model);
    previous record;
begin
    select pg_catalog.array_agg(c.centroid_id order by c.centroid_id) as ids,
        pg_catalog.array_agg(c.centroid order by c.centroid_id) as centroids
    into previous
    from sqlembed.cluster_centroid as c
    where c.model operator(pg_catalog.=) model.name;
    update sqlembed.cluster_model as m set is_dropped = true where m.name operator(pg_catalog.=) model.name;
    return sqlembed._make_kmeans(
        model.name, query, coalesce(_refit_model.num_clusters, model.num_clusters), model.metric,
        _refit_model.max_iterations, _refit_model.min_rel_progress, model.seed, model.standardize, model.weights,
        'rows', null, previous.ids, previous.centroids, model.owner
    );
end
$function$;

comment on function sqlembed._refit_model(text, integer, integer, double precision) is
    'What refit_kmeans does.';

create or replace function sqlembed._refuse_clustered(relation regclass, vector_column name) returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    clustering text := (
        select min(c.name)
        from sqlembed.clustering as c
        cross join lateral sqlembed._clustering_columns(c) as p
        where c.relation = _refuse_clustered.relation and p.vector_column = _refuse_clustered.vector_column
    );
begin
    if clustering is not null then
        raise exception 'sqlembed: the clustering % is of the vectors in % of %',
            quote_literal(clustering), quote_ident(_refuse_clustered.vector_column), _refuse_clustered.relation
            using errcode = 'SE021',
                hint = format(
                    'First: select sqlembed.drop_clustering(%L). Then it can be made of other vectors.', clustering
                );
    end if;
end
$function$;

comment on function sqlembed._refuse_clustered(regclass, name) is
    'An error when a clustering would lose its vectors.';

create or replace function sqlembed._refuse_clustering(name text, instead text) returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
begin
    if exists (select from sqlembed.clustering as c where c.name = _refuse_clustering.name) then
        raise exception 'sqlembed: a cluster column of % is kept by the model %',
            (select c.relation from sqlembed.clustering as c where c.name = _refuse_clustering.name),
            quote_literal(_refuse_clustering.name)
            using errcode = 'SE021',
                hint = format('Instead: select sqlembed.%s(%L).', _refuse_clustering.instead, _refuse_clustering.name);
    end if;
end
$function$;

comment on function sqlembed._refuse_clustering(text, text) is
    'An error when a model belongs to a clustering, which would not notice what becomes of it.';

create or replace function sqlembed._reserve_model(
    name text,
    query text,
    metric text,
    seed integer,
    standardize boolean,
    weights double precision[],
    owner regrole
)
returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    is_mine boolean;
begin
    insert into sqlembed.cluster_model (
        name, query, metric, dimensions, num_clusters, iterations, loss, seed, standardize, weights, owner
    )
    values (
        _reserve_model.name, _reserve_model.query, _reserve_model.metric, 0, 0, 0, 0, _reserve_model.seed,
        _reserve_model.standardize, _reserve_model.weights, coalesce(_reserve_model.owner, current_user::regrole)
    )
    on conflict do nothing;
    if found then
        return;
    end if;
    is_mine := exists (select from sqlembed.cluster_model as m where m.name = _reserve_model.name);
    raise exception 'sqlembed: a cluster model % exists already', quote_literal(_reserve_model.name)
        using errcode = 'SE021',
            hint = case
                when is_mine then format(
                    'To fit it anew: select sqlembed.refit_kmeans(%1$L). To have another: select sqlembed.drop_model(%1$L).',
                    _reserve_model.name
                )
                else 'Another role made it: choose another name.'
            end;
end
$function$;

comment on function sqlembed._reserve_model(text, text, text, integer, boolean, double precision[], regrole) is
    'Enter a model that is still to be fitted, or an error when its name is taken; waits for another session that is fitting one of this name.';

create or replace function sqlembed._sampled_sql(rows text, sample_size integer) returns text
language sql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
    select format(
        'select r.* from (%s) as r
        order by pg_catalog.hashfloat8extended(r.distance, pg_catalog.hashtextextended(coalesce(r.id, ''''), 0)), r.embedding
        limit %s',
        _sampled_sql.rows, coalesce(_sampled_sql.sample_size::text, 'all')
    )
$function$;

comment on function sqlembed._sampled_sql(text, integer) is
    'SQL of a random choice of so many of the rows (id, embedding, centroid_id, distance), or of all: the same ones each time.';

create or replace function sqlembed._stayed_ids(
    points public.vector[],
    metric text,
    centroids public.vector[],
    previous public.vector[],
    previous_ids integer[]
)
returns integer[]
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
declare
    point_rows constant text := 'select i::text as id, p as embedding from unnest($1) with ordinality as p(p, i)';
    greatest_id constant integer := coalesce((select max(i) from unnest(_stayed_ids.previous_ids) as i), 0);
    ids integer[];
begin
    if cardinality(_stayed_ids.previous) = 0
        or public.vector_dims(_stayed_ids.previous[1]) <> public.vector_dims(_stayed_ids.centroids[1])
    then
        return array(select greatest_id + i from generate_subscripts(_stayed_ids.centroids, 1) as i order by i);
    end if;
    execute format(
        $sql$
        with shared as (
            select a.centroid_id as place, b.centroid_id as previous_id, count(*) as shared,
                sum(count(*)) over (partition by a.centroid_id) as size
            from (%1$s) as a
            join (%2$s) as b on b.id = a.id
            group by a.centroid_id, b.centroid_id
        ),
        stayed as (
            select distinct on (s.previous_id) s.place, s.previous_id
            from shared as s
            where s.shared > s.size / 2
            order by s.previous_id,
                $3[s.place] operator(public.<->) $4[array_position($5, s.previous_id)], s.place
        )
        select array_agg(coalesce(c.previous_id, $2 + c.rank) order by c.place)
        from (
            select c.place, s.previous_id, (row_number() over (partition by s.place is null order by c.place))::integer as rank
            from generate_series(1, %3$s) as c(place)
            left join stayed as s on s.place = c.place
        ) as c
        $sql$,
        sqlembed._nearest_sql(point_rows, _stayed_ids.metric, _stayed_ids.centroids, index => '$6'),
        sqlembed._nearest_sql(point_rows, _stayed_ids.metric, _stayed_ids.previous, _stayed_ids.previous_ids, '$7'),
        cardinality(_stayed_ids.centroids)
    )
    into ids
    using _stayed_ids.points, greatest_id, _stayed_ids.centroids, _stayed_ids.previous, _stayed_ids.previous_ids,
        sqlembed._index_centroids(_stayed_ids.centroids, _stayed_ids.metric),
        sqlembed._index_centroids(_stayed_ids.previous, _stayed_ids.metric, _stayed_ids.previous_ids);
    return ids;
end
$function$;

comment on function sqlembed._stayed_ids(public.vector[], text, public.vector[], public.vector[], integer[]) is
    'Numbers of centroids that follow others: that of the previous one to which more than half of the points of one would go; of several such, the nearest has it, and the others have new numbers, greater than all before.';

create or replace function sqlembed._uniform(key text, seed bigint) returns double precision
language sql
immutable
parallel safe
as $function$
    select (
        (pg_catalog.hashtextextended(_uniform.key, _uniform.seed) operator(pg_catalog.&) 4503599627370495)::double precision
            operator(pg_catalog.+) 0.5::double precision
    ) operator(pg_catalog./) 4503599627370496::double precision
$function$;

comment on function sqlembed._uniform(text, bigint) is
    'A number between 0 and 1, both excluded, that looks random and is the same for the same key and seed.';

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

create or replace function sqlembed.assign(name text, query text)
returns table (id text, centroid_id integer)
language plpgsql
stable
set jit = off
as $function$
declare
    state pg_catalog.text;
    problem pg_catalog.text;
    detail pg_catalog.text;
    hint pg_catalog.text;
begin
    return query execute pg_catalog.format(
        'select r.id, r.centroid_id from (%s) as r',
        sqlembed._assigned_sql(assign.name, assign.query, false)
    )
    using sqlembed._model_index(assign.name);
exception
    when others or query_canceled then
        get stacked diagnostics
            state = returned_sqlstate, problem = message_text, detail = pg_exception_detail, hint = pg_exception_hint;
        perform sqlembed._explain_dimensions(assign.name, state, problem);
        perform sqlembed._raise_briefly(state, problem, detail, hint);
end
$function$;

comment on function sqlembed.assign(text, text) is
    'The cluster of each row of a query of an id and a vector, as predict says it, for many rows at once: many times as fast.';

create or replace function sqlembed.centroids(name text)
returns table (
    centroid_id integer,
    centroid public.vector,
    cluster_size bigint,
    cluster_radius double precision,
    numbers double precision[]
)
language plpgsql
stable
parallel safe
rows 20
set search_path = pg_catalog, pg_temp
as $function$
declare
    model sqlembed.cluster_model := sqlembed._cluster_model(centroids.name);
    num_numbers constant integer := cardinality(model.number_means);
    width constant integer := model.dimensions - num_numbers;
begin
    if num_numbers = 0 then
        return query
            select c.centroid_id, c.centroid, c.cluster_size, c.cluster_radius, '{}'::double precision[]
            from sqlembed.cluster_centroid as c
            where c.model = centroids.name
            order by c.centroid_id;
        return;
    end if;
    return query
        select c.centroid_id,
            -- What a weight of 0 has taken away is nowhere.
            case when model.embedding_scale > 0 then
                public.subvector(c.centroid, 1, width)
                    operator(public.*) array_fill((1 / model.embedding_scale)::real, array[width])::public.vector
            end,
            c.cluster_size, c.cluster_radius,
            array(
                select n.mean + v.value / nullif(n.scale, 0)
                from unnest(model.number_means, model.number_scales) with ordinality as n(mean, scale, place)
                join unnest(public.subvector(c.centroid, width + 1, num_numbers)::real[]) with ordinality as v(value, place)
                    on v.place = n.place
                order by n.place
            )
        from sqlembed.cluster_centroid as c
        where c.model = centroids.name
        order by c.centroid_id;
end
$function$;

comment on function sqlembed.centroids(text) is
    'The clusters of a model: number, centroid (the mean of its rows, under cosine their mean direction), rows when it was fitted, and the root of their mean squared distance to the centroid; then the means of the numbers beside the vectors. Vectors and numbers are as the query gives them, unscaled; the radius is scaled.';

create or replace function sqlembed.cluster_examples(name text, query text, examples integer default 3)
returns table (centroid_id integer, id text, distance double precision)
language plpgsql
stable
set jit = off
as $function$
declare
    state pg_catalog.text;
    problem pg_catalog.text;
    detail pg_catalog.text;
    hint pg_catalog.text;
begin
    return query execute pg_catalog.format(
        $sql$
        select r.centroid_id, r.id, r.distance
        from (
            select r.centroid_id, r.id, r.distance,
                pg_catalog.row_number() over (partition by r.centroid_id order by r.distance, r.id) as place
            from (%s) as r
            where r.centroid_id is not null
        ) as r
        where r.place operator(pg_catalog.<=) %L::bigint
        order by r.centroid_id, r.place
        $sql$,
        sqlembed._assigned_sql(cluster_examples.name, cluster_examples.query, true),
        cluster_examples.examples
    )
    using sqlembed._model_index(cluster_examples.name);
exception
    when others or query_canceled then
        get stacked diagnostics
            state = returned_sqlstate, problem = message_text, detail = pg_exception_detail, hint = pg_exception_hint;
        perform sqlembed._explain_dimensions(cluster_examples.name, state, problem);
        perform sqlembed._raise_briefly(state, problem, detail, hint);
end
$function$;

comment on function sqlembed.cluster_examples(text, text, integer) is
    'Of the rows of a query of an id and a vector, those nearest to each centroid of a model: what the cluster is about. The id may be any expression, such as a title.';

create or replace function sqlembed.cluster_terms(
    name text,
    query text,
    terms integer default 5,
    config regconfig default null
)
returns table (centroid_id integer, term text, weight double precision)
language plpgsql
stable
set jit = off
as $function$
declare
    words pg_catalog.regconfig := coalesce(cluster_terms.config, pg_catalog.get_current_ts_config());
    state pg_catalog.text;
    problem pg_catalog.text;
    detail pg_catalog.text;
    hint pg_catalog.text;
begin
    return query execute pg_catalog.format(
        $sql$
        with found as materialized (
            select r.centroid_id, pg_catalog.lower(t.token) as word, pg_catalog.count(*)::pg_catalog.float8 as times
            from (%1$s) as r
            cross join lateral pg_catalog.ts_parse($1, coalesce(r.id, '')) as t (type, token)
            where r.centroid_id is not null
                and t.type operator(pg_catalog.=) any ($2)
            group by r.centroid_id, pg_catalog.lower(t.token)
        ),
        -- What a dictionary makes of a word: nothing of a stop word, the same of all its forms.
        stem as materialized (
            select w.word, l.lexeme
            from (select distinct f.word from found as f) as w
            cross join lateral pg_catalog.unnest(pg_catalog.tsvector_to_array(pg_catalog.to_tsvector($3, w.word))) as l (lexeme)
        ),
        counted as materialized (
            select
                f.centroid_id, s.lexeme, pg_catalog.sum(f.times) as times,
                -- Shown is the form that the cluster uses most.
                (pg_catalog.array_agg(f.word order by f.times desc, f.word))[1] as term
            from found as f
            join stem as s on s.word operator(pg_catalog.=) f.word
            group by f.centroid_id, s.lexeme
        ),
        cluster as (
            select c.centroid_id, pg_catalog.sum(c.times) as times from counted as c group by c.centroid_id
        ),
        corpus as (
            select c.lexeme, pg_catalog.sum(c.times) as times from counted as c group by c.lexeme
        ),
        weighed as (
            select
                c.centroid_id, c.lexeme, c.term,
                (c.times operator(pg_catalog./) cluster.times) operator(pg_catalog.*) pg_catalog.ln(
                    1::pg_catalog.float8 operator(pg_catalog.+) (average.times operator(pg_catalog./) corpus.times)
                ) as weight
            from counted as c
            join cluster on cluster.centroid_id operator(pg_catalog.=) c.centroid_id
            join corpus on corpus.lexeme operator(pg_catalog.=) c.lexeme
            cross join (select pg_catalog.avg(cluster.times) as times from cluster) as average
        ),
        ranked as (
            select w.*, pg_catalog.row_number() over (partition by w.centroid_id order by w.weight desc, w.lexeme) as place
            from weighed as w
        )
        select r.centroid_id, r.term, r.weight
        from ranked as r
        where r.place operator(pg_catalog.<=) $4
        order by r.centroid_id, r.place
        $sql$,
        sqlembed._assigned_sql(cluster_terms.name, cluster_terms.query, false, '$5')
    )
    using
        (select c.cfgparser from pg_catalog.pg_ts_config as c where c.oid operator(pg_catalog.=) words),
        sqlembed._word_types(words),
        words,
        cluster_terms.terms::pg_catalog.int8,
        sqlembed._model_index(cluster_terms.name);
exception
    when others or query_canceled then
        get stacked diagnostics
            state = returned_sqlstate, problem = message_text, detail = pg_exception_detail, hint = pg_exception_hint;
        perform sqlembed._explain_dimensions(cluster_terms.name, state, problem);
        perform sqlembed._raise_briefly(state, problem, detail, hint);
end
$function$;

comment on function sqlembed.cluster_terms(text, text, integer, regconfig) is
    'Of the texts of a query of a text and a vector, the words that tell each cluster of a model from the others (class-based tf-idf), most telling first. The text search configuration, by default the session''s, takes stop words out and all forms of a word as one.';

create or replace function sqlembed.create_clustering(
    relation regclass,
    name text,
    embedding name default null,
    cluster_column name default 'cluster',
    num_clusters integer default null,
    metric text default null,
    seed integer default 0,
    choose_by text default 'silhouette'
)
returns sqlembed.fitted_model
language plpgsql
volatile
as $function$
declare
    vector_column pg_catalog.name;
    declared_metric pg_catalog.text;
    is_there boolean;
    known sqlembed.clustering;
    fitted sqlembed.fitted_model;
begin
    perform sqlembed._check_relation(create_clustering.relation);
    perform sqlembed._refuse_clustering(create_clustering.name, 'refit_clustering');
    -- Partitions get the row triggers of their parent, inheritance children do not.
    if exists (
        select
        from pg_catalog.pg_inherits as i
        join pg_catalog.pg_class as c on c.oid operator(pg_catalog.=) i.inhparent and c.relkind operator(pg_catalog.=) 'r'
        where i.inhparent operator(pg_catalog.=) create_clustering.relation
    ) then
        raise exception 'sqlembed: % has inheritance children, whose rows would not keep their clusters', create_clustering.relation
            using errcode = 'SE010', hint = 'Fit a model to all of them with create_kmeans, and read clusters with assign.';
    end if;
    vector_column := sqlembed._vector_column(
        create_clustering.relation,
        -- Of several generations it is the current one.
        coalesce(
            create_clustering.embedding,
            (
                select pg_catalog.min(sqlembed._vector_name(e)::pg_catalog.text)::pg_catalog.name
                from sqlembed.embedding as e
                where coalesce(e.side, e.relation) operator(pg_catalog.=) create_clustering.relation
                    and e.generation operator(pg_catalog.=) 'current'
                having pg_catalog.count(*) operator(pg_catalog.=) 1
            )
        )
    );
    select case when e.metric operator(pg_catalog.=) any ('{euclidean,l1}') then 'euclidean' else 'cosine' end
    into declared_metric
    from sqlembed.embedding as e
    where coalesce(e.side, e.relation) operator(pg_catalog.=) create_clustering.relation
        and e.name operator(pg_catalog.=) vector_column;
    is_there := sqlembed._has_cluster_column(
        create_clustering.relation, create_clustering.cluster_column, array['pg_catalog.int4'::pg_catalog.regtype]
    );
    -- Fitted first: only what follows keeps others from the table.
    fitted := sqlembed.create_kmeans(
        create_clustering.name,
        sqlembed._clustering_query(create_clustering.relation, vector_column),
        create_clustering.num_clusters, coalesce(create_clustering.metric, declared_metric, 'cosine'),
        seed => create_clustering.seed, choose_by => create_clustering.choose_by
    );
    if not is_there then
        execute pg_catalog.format(
            'alter table %s add column %I integer', create_clustering.relation, create_clustering.cluster_column
        );
    end if;
    insert into sqlembed.clustering (
        name, relation, vector_column, cluster_column, vector_number, cluster_number, numbered_in
    )
    select create_clustering.name, create_clustering.relation, v.attname, n.attname, v.attnum, n.attnum, v.attrelid
    from pg_catalog.pg_attribute as v
    join pg_catalog.pg_attribute as n on n.attrelid operator(pg_catalog.=) v.attrelid
    where v.attrelid operator(pg_catalog.=) create_clustering.relation
        and v.attname operator(pg_catalog.=) vector_column
        and n.attname operator(pg_catalog.=) create_clustering.cluster_column;
    known := sqlembed._clustering_of(create_clustering.name);
    -- Their names sort last, so that they see the vector as other triggers leave it.
    execute pg_catalog.format(
        'create trigger %I before insert on %s for each row when (new.%I is not null)
        execute function sqlembed._keep_cluster(%s)',
        'zzz_sqlembed_cluster_insert_' operator(pg_catalog.||) known.id::pg_catalog.text, create_clustering.relation, vector_column, known.id
    );
    execute pg_catalog.format(
        'create trigger %I before update on %s for each row
        when (not pg_catalog.record_image_eq(row(old.%3$I), row(new.%3$I)))
        execute function sqlembed._keep_cluster(%4$s)',
        'zzz_sqlembed_cluster_update_' operator(pg_catalog.||) known.id::pg_catalog.text, create_clustering.relation, vector_column, known.id
    );
    perform sqlembed._label_rows(known);
    return fitted;
end
$function$;

comment on function sqlembed.create_clustering(regclass, text, name, name, integer, text, integer, text) is
    'Cluster a table by a vector column, and keep each row''s cluster in a column, which is added if it is missing: whenever the vector is written, by a worker or by anybody, the row gets the cluster whose centroid is nearest; without a vector it has none. Where the column is missing, nobody reads the table until it is added and filled: add it before, where that matters. The model has the name of the clustering and serves all functions of models. The other arguments are those of create_kmeans; the metric is by default the declared one, or what comes next to it.';

create or replace function sqlembed.create_clusters(
    relation regclass,
    method text default 'hdbscan',
    label_column name default 'cluster',
    embedding name default null,
    parameters jsonb default '{}'
)
returns void
language plpgsql
volatile
as $function$
declare
    declared sqlembed.embedding;
begin
    perform sqlembed._check_relation(create_clusters.relation);
    perform sqlembed._check_use(
        not sqlembed._blank(create_clusters.method)
            and pg_catalog.length(create_clusters.method) operator(pg_catalog.<=) 200,
        'the method has no name',
        'hdbscan comes with scikit-learn; others are registered with @registry.clustering(name).'
    );
    perform sqlembed._check_use(
        pg_catalog.jsonb_typeof(create_clusters.parameters) operator(pg_catalog.=) 'object',
        pg_catalog.format('parameters => %s is not an object', coalesce(create_clusters.parameters::pg_catalog.text, 'NULL')),
        'They are given to the function by name: {"min_cluster_size": 10}.'
    );
    declared := sqlembed._embedding_of(create_clusters.relation, create_clusters.embedding);
    perform sqlembed._clusters_source(create_clusters.relation, declared.name);
    if not sqlembed._has_cluster_column(
        create_clusters.relation, create_clusters.label_column,
        array['pg_catalog.int4'::pg_catalog.regtype, 'pg_catalog.int8'::pg_catalog.regtype]
    ) then
        execute pg_catalog.format(
            'alter table %s add column %I pg_catalog.int4', create_clusters.relation, create_clusters.label_column
        );
    end if;
    insert into sqlembed.cluster_job (relation, label_column, embedding, method, parameters)
    values (
        create_clusters.relation, create_clusters.label_column, declared.name, create_clusters.method, create_clusters.parameters
    );
    perform pg_catalog.pg_notify('sqlembed', '');
end
$function$;

comment on function sqlembed.create_clusters(regclass, text, name, name, jsonb) is
    'Have a worker cluster the rows of a table by a Python function and write their labels into a column, which is made where there is none: hdbscan, or what a registry registers. wait_until_clustered returns when they are there.';

create or replace function sqlembed.create_kmeans(
    name text,
    query text,
    num_clusters integer default null,
    metric text default 'cosine',
    max_iterations integer default 20,
    min_rel_progress double precision default 0.01,
    seed integer default 0,
    standardize boolean default true,
    weights double precision[] default null,
    choose_by text default 'silhouette',
    candidates integer[] default null
)
returns sqlembed.fitted_model
language sql
volatile
as $function$
    select sqlembed._make_kmeans(
        create_kmeans.name, create_kmeans.query, create_kmeans.num_clusters, create_kmeans.metric,
        create_kmeans.max_iterations, create_kmeans.min_rel_progress, create_kmeans.seed, create_kmeans.standardize,
        create_kmeans.weights, create_kmeans.choose_by, create_kmeans.candidates
    )
$function$;

comment on function sqlembed.create_kmeans(
    text, text, integer, text, integer, double precision, integer, boolean, double precision[], text, integer[]
) is
    'Fit a k-means model to the rows of a query of an id and a vector, and keep it under a name. metric: cosine (loss: sum of 1 - cos) or euclidean (loss: sum of squared distances). The query may yield numbers after the vector, under euclidean: the vector as a whole and each number are then scaled to a variance of 1 (standardize), and weights, one for the vector and one for each number, say how much their squared distances count; NULL counts as the mean. num_clusters NULL is chosen from candidates, by default from 2 up to 100, on 2000 rows: choose_by silhouette (of squared distances, the highest), davies_bouldin (the lowest), or rows (the root of half their number, no trials). Up to 10000 clusters; of more than 1000, rows go to the nearest that an index finds. It stops after max_iterations, or when further iterations promise less than min_rel_progress of what has been gained so far. Large tables are fitted on a sample of 256 rows a cluster, 10000 at least; sizes, radii and loss are those of all rows. The query is run several times and must give the same rows each time.';

create or replace function sqlembed.detect_anomalies(
    name text,
    query text default null,
    contamination double precision default 0.02
)
returns table (id text, is_anomaly boolean, normalized_distance double precision, centroid_id integer)
language plpgsql
stable
set jit = off
as $function$
declare
    model sqlembed.cluster_model := sqlembed._cluster_model(detect_anomalies.name);
    distances constant pg_catalog.text :=
        'select r.id, r.centroid_id,
            case when r.centroid_id is null then null when r.distance operator(pg_catalog.=) 0 then 0
                else coalesce(
                    r.distance operator(pg_catalog./) case when c.cluster_radius operator(pg_catalog.>) 0 then c.cluster_radius end,
                    ''infinity''
                )
            end as distance
        from (%s) as r
        left join sqlembed.cluster_centroid as c
            on c.model operator(pg_catalog.=) %L and c.centroid_id operator(pg_catalog.=) r.centroid_id';
    index sqlembed.centroid_index := sqlembed._model_index(model.name);
    usual pg_catalog.text;
    threshold double precision;
    state pg_catalog.text;
    problem pg_catalog.text;
    detail pg_catalog.text;
    hint pg_catalog.text;
begin
    if coalesce(detect_anomalies.contamination, -1) operator(pg_catalog.<) 0
        or detect_anomalies.contamination operator(pg_catalog.>) 0.5
    then
        raise exception 'sqlembed: contamination => % is not between 0 and 0.5',
            coalesce(detect_anomalies.contamination::pg_catalog.text, 'NULL')
            using errcode = 'SE014', hint = 'It is the share of anomalies among the rows that the model was fitted on.';
    end if;
    usual := pg_catalog.format(distances, sqlembed._assigned_sql(model.name, sqlembed._model_query(model), true), model.name);
    execute pg_catalog.format(
        'select pg_catalog.percentile_disc(%L) within group (order by r.distance) from (%s) as r',
        1 operator(pg_catalog.-) detect_anomalies.contamination, usual
    )
    into threshold
    using index;
    return query execute pg_catalog.format(
        'select r.id, r.distance operator(pg_catalog.>) %L::double precision, r.distance, r.centroid_id from (%s) as r',
        threshold,
        case when detect_anomalies.query is null then usual
            else pg_catalog.format(distances, sqlembed._assigned_sql(model.name, detect_anomalies.query, true), model.name)
        end
    )
    using index;
exception
    when others or query_canceled then
        get stacked diagnostics
            state = returned_sqlstate, problem = message_text, detail = pg_exception_detail, hint = pg_exception_hint;
        perform sqlembed._explain_dimensions(detect_anomalies.name, state, problem);
        perform sqlembed._raise_briefly(state, problem, detail, hint);
end
$function$;

comment on function sqlembed.detect_anomalies(text, text, double precision) is
    'Which rows of a query, by default the model''s own, lie farther from their centroid than the rows of the model''s own query but for a share of contamination (0 to 0.5). normalized_distance is the distance to the nearest centroid divided by the radius of its cluster. All is NULL of a row without vector.';

create or replace function sqlembed.drop_clustering(name text, keep_column boolean default true) returns void
language plpgsql
volatile
as $function$
declare
    known sqlembed.clustering := sqlembed._clustering_of(drop_clustering.name);
    cluster_column pg_catalog.name;
begin
    -- The table may be gone.
    if exists (select from pg_catalog.pg_class as c where c.oid operator(pg_catalog.=) known.relation) then
        perform sqlembed._check_relation(known.relation);
        execute pg_catalog.format(
            'drop trigger if exists %I on %s', 'zzz_sqlembed_cluster_insert_' operator(pg_catalog.||) known.id::pg_catalog.text, known.relation
        );
        execute pg_catalog.format(
            'drop trigger if exists %I on %s', 'zzz_sqlembed_cluster_update_' operator(pg_catalog.||) known.id::pg_catalog.text, known.relation
        );
        cluster_column := (select c.cluster_column from sqlembed._clustering_columns(known) as c);
        if not drop_clustering.keep_column and cluster_column is not null then
            execute pg_catalog.format('alter table %s drop column %I', known.relation, cluster_column);
        end if;
    end if;
    update sqlembed.clustering as c set is_dropped = true where c.id operator(pg_catalog.=) known.id;
    update sqlembed.cluster_model as m set is_dropped = true where m.name operator(pg_catalog.=) known.name;
end
$function$;

comment on function sqlembed.drop_clustering(text, boolean) is
    'Stop keeping a cluster column up to date, and forget the model. The column and its clusters stay unless keep_column is false.';

create or replace function sqlembed.drop_model(name text) returns void
language plpgsql
volatile
set search_path = pg_catalog, pg_temp
as $function$
begin
    perform sqlembed._cluster_model(drop_model.name);
    perform sqlembed._refuse_clustering(drop_model.name, 'drop_clustering');
    update sqlembed.cluster_model as m set is_dropped = true where m.name = drop_model.name;
end
$function$;

comment on function sqlembed.drop_model(text) is
    'Forget a cluster model.';

create or replace function sqlembed.evaluate(
    name text,
    query text default null,
    sample_size integer default 2000,
    out davies_bouldin_index double precision,
    out mean_squared_distance double precision,
    out silhouette double precision
)
language plpgsql
stable
set jit = off
-- Else thousands of centroids are read from disk again for each of them.
set work_mem = '64MB'
as $function$
declare
    model sqlembed.cluster_model := sqlembed._cluster_model(evaluate.name);
    index sqlembed.centroid_index := sqlembed._model_index(model.name);
    rows pg_catalog.text;
    ids integer[];
    means public.vector[];
    sizes double precision[];
    state pg_catalog.text;
    problem pg_catalog.text;
    detail pg_catalog.text;
    hint pg_catalog.text;
begin
    if evaluate.sample_size operator(pg_catalog.<) 1 then
        raise exception 'sqlembed: sample_size => % is less than 1', evaluate.sample_size
            using errcode = 'SE014', hint = 'It is the number of rows whose silhouettes are averaged; NULL takes all.';
    end if;
    rows := pg_catalog.format(
        'select r.* from (%s) as r where r.centroid_id is not null',
        sqlembed._assigned_sql(model.name, coalesce(evaluate.query, sqlembed._model_query(model)), true, '$4')
    );
    -- avg() adds in double precision, sum() does not.
    execute pg_catalog.format(
        $sql$
        select pg_catalog.array_agg(c.centroid_id order by c.centroid_id), pg_catalog.array_agg(c.mean order by c.centroid_id),
            pg_catalog.array_agg(c.size::double precision order by c.centroid_id),
            pg_catalog.sum(c.sum_squared_distance) operator(pg_catalog./) pg_catalog.sum(c.size)::double precision
        from (
            select r.centroid_id, public.avg(r.embedding) as mean, pg_catalog.count(*) as size,
                pg_catalog.sum(r.distance operator(pg_catalog.*) r.distance) as sum_squared_distance
            from (%s) as r
            group by r.centroid_id
        ) as c
        $sql$,
        rows
    )
    into ids, means, sizes, mean_squared_distance
    using ids, means, sizes, index;
    if pg_catalog.cardinality(ids) operator(pg_catalog.>) 1 then
        execute sqlembed._davies_bouldin_sql(rows) into davies_bouldin_index using ids, means, sizes, index;
        execute case
            when model.metric operator(pg_catalog.=) 'cosine' then sqlembed._cosine_silhouette_sql(rows, evaluate.sample_size)
            else sqlembed._euclidean_silhouette_sql(rows, evaluate.sample_size)
        end
        into silhouette
        using ids, means, sizes, index;
    end if;
exception
    when others or query_canceled then
        get stacked diagnostics
            state = returned_sqlstate, problem = message_text, detail = pg_exception_detail, hint = pg_exception_hint;
        perform sqlembed._explain_dimensions(evaluate.name, state, problem);
        perform sqlembed._raise_briefly(state, problem, detail, hint);
end
$function$;

comment on function sqlembed.evaluate(text, text, integer) is
    'How good the clusters of a model are, for the rows of its own query or of another: the Davies-Bouldin index (the lower the better), the mean squared distance to the nearest centroid, and the mean silhouette (-1 to 1) of so many rows, of all when NULL. Davies-Bouldin is measured by euclidean distances, under cosine between unit vectors; the others by the distance of the model''s metric. Silhouettes under euclidean are held against the rows of the sample alone. NULL for a single cluster.';

create or replace function sqlembed.nearest_centroids(
    name text,
    embedding public.vector,
    k integer default 5,
    numbers double precision[] default '{}'
)
returns table (centroid_id integer, distance double precision)
language plpgsql
stable
strict
parallel safe
rows 5
set search_path = pg_catalog, pg_temp
as $function$
declare
    model sqlembed.cluster_model := sqlembed._cluster_model(nearest_centroids.name);
    features public.vector := sqlembed._features(
        nearest_centroids.name, nearest_centroids.embedding, nearest_centroids.numbers
    );
begin
    perform sqlembed._check_dimensions(
        model.name, public.vector_dims(nearest_centroids.embedding), cardinality(nearest_centroids.numbers)
    );
    if nearest_centroids.k < 1 then
        raise exception 'sqlembed: k => % is less than 1', nearest_centroids.k
            using errcode = 'SE014', hint = 'k is the number of centroids to return.';
    end if;
    return query
        select c.centroid_id, d.distance
        from sqlembed.cluster_centroid as c
        cross join lateral (
            select case model.metric when 'cosine' then c.centroid operator(public.<=>) features
                else c.centroid operator(public.<->) features
            end as distance
        ) as d
        where c.model = model.name
            -- A vector of zeros has no direction.
            and d.distance <> 'nan'
        order by d.distance, c.centroid_id
        limit nearest_centroids.k;
end
$function$;

comment on function sqlembed.nearest_centroids(text, public.vector, integer, double precision[]) is
    'The k clusters whose centroids are nearest to a vector, and their distances; none for NULL, and under cosine for a vector of zeros, which has no direction. numbers: those beside the vector, where the model has them, in their order.';

create or replace function sqlembed.nearest_centroids(
    name text,
    embedding public.halfvec,
    k integer default 5,
    numbers double precision[] default '{}'
)
returns table (centroid_id integer, distance double precision)
language sql
stable
strict
parallel safe
rows 5
as $function$
    select c.centroid_id, c.distance
    from sqlembed.nearest_centroids(
        nearest_centroids.name, nearest_centroids.embedding::public.vector, nearest_centroids.k, nearest_centroids.numbers
    ) as c
$function$;

comment on function sqlembed.nearest_centroids(text, public.halfvec, integer, double precision[]) is
    'The k clusters whose centroids are nearest to a vector, and their distances; none for NULL, and under cosine for a vector of zeros, which has no direction. numbers: those beside the vector, where the model has them, in their order.';

create or replace function sqlembed.predict(
    name text,
    embedding public.vector,
    numbers double precision[] default '{}'
)
returns integer
language plpgsql
stable
strict
parallel safe
as $function$
declare
    features public.vector := case
        when pg_catalog.cardinality(predict.numbers) operator(pg_catalog.=) 0 then predict.embedding
        else sqlembed._features(predict.name, predict.embedding, predict.numbers)
    end;
    centroid_id integer := sqlembed._nearest_centroid(
        predict.name, features, pg_catalog.cardinality(predict.numbers)
    );
begin
    if centroid_id is null then
        perform sqlembed._check_dimensions(
            predict.name, public.vector_dims(predict.embedding), pg_catalog.cardinality(predict.numbers)
        );
    end if;
    return centroid_id;
end
$function$;

comment on function sqlembed.predict(text, public.vector, double precision[]) is
    'Number of the cluster whose centroid is nearest; NULL for NULL, and under cosine for a vector of zeros, which has no direction. numbers: those beside the vector, where the model has them, in their order. Of more than 1000 clusters only those in the nearest eight of their cells are looked at. For many rows, assign is several times as fast.';

create or replace function sqlembed.predict(
    name text,
    embedding public.halfvec,
    numbers double precision[] default '{}'
)
returns integer
language sql
stable
strict
parallel safe
as $function$
    select sqlembed.predict(predict.name, predict.embedding::public.vector, predict.numbers)
$function$;

comment on function sqlembed.predict(text, public.halfvec, double precision[]) is
    'Number of the cluster whose centroid is nearest; NULL for NULL, and under cosine for a vector of zeros, which has no direction. numbers: those beside the vector, where the model has them, in their order. Of more than 1000 clusters only those in the nearest eight of their cells are looked at. For many rows, assign is several times as fast.';

create or replace function sqlembed.refit_clustering(name text, num_clusters integer default null)
returns sqlembed.fitted_model
language plpgsql
volatile
as $function$
declare
    known sqlembed.clustering := sqlembed._clustering_of(refit_clustering.name);
    fitted sqlembed.fitted_model;
begin
    perform sqlembed._check_relation(known.relation);
    fitted := sqlembed._refit_model(known.name, refit_clustering.num_clusters, 20, 0.01);
    -- Nobody may write a vector between the new centroids and the labels; readers do not wait.
    execute pg_catalog.format('lock table %s in share row exclusive mode', known.relation);
    -- Whoever has an older snapshot and writes after this notices.
    update sqlembed.clustering as c set is_dropped = false where c.id operator(pg_catalog.=) known.id;
    perform sqlembed._label_rows(known);
    return fitted;
end
$function$;

comment on function sqlembed.refit_clustering(text, integer) is
    'Fit a clustering anew to the rows as they are now, and write their clusters. Clusters that stayed keep their numbers, as in refit_kmeans. Writers of the table wait while the clusters are written.';

create or replace function sqlembed.refit_kmeans(
    name text,
    num_clusters integer default null,
    max_iterations integer default 20,
    min_rel_progress double precision default 0.01
)
returns sqlembed.fitted_model
language plpgsql
volatile
as $function$
begin
    perform sqlembed._cluster_model(refit_kmeans.name);
    perform sqlembed._refuse_clustering(refit_kmeans.name, 'refit_clustering');
    return sqlembed._refit_model(
        refit_kmeans.name, refit_kmeans.num_clusters, refit_kmeans.max_iterations, refit_kmeans.min_rel_progress
    );
end
$function$;

comment on function sqlembed.refit_kmeans(text, integer, integer, double precision) is
    'Fit a model anew to the rows that its query gives now. It starts from where the centroids were, unless a fresh start is better by 3 percent. A cluster keeps the number of the one of before from which more than half of its rows come, the nearest if there are several; others get new numbers.';

create or replace function sqlembed.training_info(name text)
returns table (iteration integer, loss double precision, num_rows bigint)
language plpgsql
stable
parallel safe
rows 20
set search_path = pg_catalog, pg_temp
as $function$
declare
    model sqlembed.cluster_model := sqlembed._cluster_model(training_info.name);
begin
    return query
        select t.place::integer, t.mean * model.training_rows[cardinality(model.training_rows)], t.seen
        from unnest(model.training_loss, model.training_rows) with ordinality as t(mean, seen, place);
end
$function$;

comment on function sqlembed.training_info(text) is
    'Loss after each iteration of a model''s fit, and how many rows that iteration looked at: a part of a sample, the sample, or all rows, to which the loss is extrapolated. The last is the model''s loss.';

create or replace procedure sqlembed.wait_until_clustered(
    relation regclass,
    label_column name default 'cluster',
    timeout interval default '10 min'
)
language plpgsql
as $procedure$
declare
    began timestamptz := clock_timestamp();
    run record;
begin
    begin
        commit;
    exception when invalid_transaction_termination then
        if sqlerrm operator(pg_catalog.=) sqlembed._refused_commit() then
            raise exception 'sqlembed: wait_until_clustered was called inside a transaction'
                using errcode = '25001',
                    hint = 'No worker can see what is asked for before it is committed: commit first, then call it in autocommit.';
        end if;
    end;
    loop
        select r.* into run
        from sqlembed.cluster_run as r
        where r.relation operator(pg_catalog.=) wait_until_clustered.relation
            and r.label_column operator(pg_catalog.=) wait_until_clustered.label_column;
        if run.state is null then
            raise exception 'sqlembed: nobody asked for clusters in column % of %',
                pg_catalog.quote_ident(wait_until_clustered.label_column), wait_until_clustered.relation
                using errcode = 'SE014', hint = 'Ask for them: select sqlembed.create_clusters(…).';
        end if;
        exit when run.state operator(pg_catalog.=) 'done';
        if run.state operator(pg_catalog.=) 'failed' then
            raise exception 'sqlembed: % failed: %', run.method, run.error
                using errcode = 'SE023', hint = 'Call create_clusters again when that is mended.';
        end if;
        if run.state operator(pg_catalog.=) 'waiting' and not exists (
            select from sqlembed.worker as w where run.method operator(pg_catalog.=) any (w.clusterings)
        ) then
            raise exception 'sqlembed: no worker that is alive can cluster by %', run.method
                using errcode = 'SE003',
                    hint = 'Start one: sqlembed worker --registry module:object; hdbscan needs pip install ''sqlembed[cluster]''.';
        end if;
        if clock_timestamp() operator(pg_catalog.>) (began operator(pg_catalog.+) wait_until_clustered.timeout) then
            raise exception 'sqlembed: % is not clustered after %', wait_until_clustered.relation, wait_until_clustered.timeout
                using errcode = 'SE004', hint = 'Give a longer timeout, or look at: select * from sqlembed.cluster_run.';
        end if;
        commit;
        perform pg_catalog.pg_sleep(0.05);
    end loop;
end
$procedure$;

comment on procedure sqlembed.wait_until_clustered(regclass, name, interval) is
    'Return when the clusters that create_clusters was asked for are in the table. Not inside a transaction.';

create or replace function sqlembed._check_filter(filter text) returns void
language plpgsql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
begin
    if _check_filter.filter is not null and sqlembed._blank(_check_filter.filter) then
        raise exception 'sqlembed: the filter is empty'
            using errcode = 'SE015', hint = 'For all rows, leave it out or give NULL.';
    end if;
end
$function$;

comment on function sqlembed._check_filter(text) is
    'An error when a filter is empty.';

create or replace function sqlembed._check_label_column(relation regclass, label_column name) returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
begin
    if not exists (
        select from pg_attribute as a
        where a.attrelid = _check_label_column.relation
            and a.attname = _check_label_column.label_column
            and a.attnum > 0
            and not a.attisdropped
    ) then
        raise exception 'sqlembed: % has no column %',
            coalesce(_check_label_column.relation::text, 'NULL'), coalesce(quote_ident(_check_label_column.label_column), 'NULL')
            using errcode = 'SE014',
                hint = coalesce(
                    'label_column is the column that holds the labels; it has: '
                    || (
                        select string_agg(quote_ident(a.attname), ', ' order by a.attnum)
                        from pg_attribute as a
                        where a.attrelid = _check_label_column.relation and a.attnum > 0 and not a.attisdropped
                    ) || '.',
                    'Name the table, and its column that holds the labels.'
                );
    end if;
end
$function$;

comment on function sqlembed._check_label_column(regclass, name) is
    'An error when a table has no such column.';

create or replace function sqlembed._check_labels(labels text[], template text, temperature double precision)
returns void
language plpgsql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
begin
    perform sqlembed._check_use(
        cardinality(_check_labels.labels) > 0
            and not exists (select from unnest(_check_labels.labels) as l (label) where sqlembed._blank(l.label)),
        'labels are missing, or one of them is blank',
        'Give what the text may be about: array[''sport'', ''politics''].'
    );
    perform sqlembed._check_use(
        position('{}' in _check_labels.template) > 0,
        format('template => %s has no place for the label', coalesce(quote_literal(_check_labels.template), 'NULL')),
        'Write {} where the label goes: ''This text is about {}.''.'
    );
    perform sqlembed._check_use(
        _check_labels.temperature > 0 and _check_labels.temperature < 'infinity',
        format('temperature => %s is not above 0', coalesce(_check_labels.temperature::text, 'NULL')),
        'The smaller it is, the more the best label gets of the score.'
    );
end
$function$;

comment on function sqlembed._check_labels(text[], text, double precision) is
    'An error when an argument of classify is not possible.';

create or replace function sqlembed._check_use(is_possible boolean, problem text, hint text) returns void
language plpgsql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
begin
    if _check_use.is_possible is not true then
        raise exception 'sqlembed: %', _check_use.problem using errcode = 'SE014', hint = _check_use.hint;
    end if;
end
$function$;

comment on function sqlembed._check_use(boolean, text, text) is
    'An error about an argument, unless it is possible.';

create or replace function sqlembed._components(num_nodes integer, from_nodes integer[], to_nodes integer[])
returns integer[]
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $function$
declare
    -- The parent of each node on the way to the smallest of its component.
    parents integer[] := array(select generate_series(1, _components.num_nodes));
    a integer;
    b integer;
begin
    for edge in 1..coalesce(cardinality(_components.from_nodes), 0) loop
        a := _components.from_nodes[edge];
        b := _components.to_nodes[edge];
        while parents[a] <> a loop
            parents[a] := parents[parents[a]];
            a := parents[a];
        end loop;
        while parents[b] <> b loop
            parents[b] := parents[parents[b]];
            b := parents[b];
        end loop;
        if a < b then
            parents[b] := a;
        elsif b < a then
            parents[a] := b;
        end if;
    end loop;
    -- A parent is never greater than its node, so it is settled before.
    for node in 1.._components.num_nodes loop
        parents[node] := parents[parents[node]];
    end loop;
    return parents;
end
$function$;

comment on function sqlembed._components(integer, integer[], integer[]) is
    'Of each node of a graph, numbered from 1, the smallest node that is connected with it.';

create or replace function sqlembed._drift_source(
    relation regclass,
    embedding name,
    baseline_filter text,
    current_filter text,
    out metric text,
    out baseline_sql text,
    out current_sql text,
    out shift_sql text
)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    source record := sqlembed._vector_source(_drift_source.relation, _drift_source.embedding, null, null);
    unit text := case source.metric
        when 'cosine' then 'public.l2_normalize(r.sqlembed_vector::public.vector)'
        else 'r.sqlembed_vector::public.vector'
    end;
begin
    perform sqlembed._check_filter(coalesce(_drift_source.baseline_filter, ''));
    perform sqlembed._check_filter(coalesce(_drift_source.current_filter, ''));
    metric := source.metric;
    baseline_sql := sqlembed._vector_rows(source.from_clause, source.vector, source.key, _drift_source.baseline_filter);
    current_sql := sqlembed._vector_rows(source.from_clause, source.vector, source.key, _drift_source.current_filter);
    shift_sql := format(
        'select b.members as baseline_rows, c.members as current_rows, b.centroid, c.centroid operator(public.-) b.centroid as shift
        from (select pg_catalog.count(*) as members, public.avg(%1$s) as centroid from (%2$s) as r) as b
        cross join (select pg_catalog.count(*) as members, public.avg(%1$s) as centroid from (%3$s) as r) as c',
        unit, baseline_sql, current_sql
    );
end
$function$;

comment on function sqlembed._drift_source(regclass, name, text, text) is
    'SQL for the rows before and now, and for how many they are and how their means differ.';

create or replace function sqlembed._duplicate_pairs(
    relation regclass,
    threshold double precision,
    embedding name,
    filter text,
    within text,
    mode text,
    is_every_pair boolean
)
returns table (key_a jsonb, key_b jsonb, similarity double precision)
language plpgsql
stable
set jit = off
-- Else all rows are read from disk again for every one of them.
set work_mem = '64MB'
as $function$
declare
    source record;
    rows pg_catalog.text;
    num_pairs pg_catalog.float8;
    state pg_catalog.text;
    problem pg_catalog.text;
    pg_hint pg_catalog.text;
begin
    perform sqlembed._check_use(
        _duplicate_pairs.threshold operator(pg_catalog.>) 0::pg_catalog.float8
            and _duplicate_pairs.threshold operator(pg_catalog.<=) 1::pg_catalog.float8,
        pg_catalog.format(
            'threshold => %s is not above 0 and at most 1',
            coalesce(_duplicate_pairs.threshold::pg_catalog.text, 'NULL')
        ),
        'It is a similarity, the cosine of two vectors: 0.95 finds texts that say nearly the same, 1 equal ones.'
    );
    perform sqlembed._check_filter(_duplicate_pairs.filter);
    perform sqlembed._check_choice('mode', _duplicate_pairs.mode, '{vector,exact}');
    source := sqlembed._vector_source(_duplicate_pairs.relation, _duplicate_pairs.embedding, 'cosine', null);
    rows := sqlembed._pair_rows(
        source.from_clause, source.vector, source.key, _duplicate_pairs.filter, _duplicate_pairs.within,
        _duplicate_pairs.is_every_pair
    );
    if source.is_indexed and _duplicate_pairs.mode operator(pg_catalog.=) 'vector' then
        execute pg_catalog.format(
            'select pg_catalog.sum(r.members operator(pg_catalog.*) r.members)::pg_catalog.float8
            from (
                select pg_catalog.count(*)::pg_catalog.float8 as members from (%s) as r where r.is_first group by r.block
            ) as r',
            rows
        )
        into num_pairs;
    end if;
    -- A search in the index costs as much as a few thousand comparisons.
    if num_pairs operator(pg_catalog.>) 25000000::pg_catalog.float8 then
        return query
        select p.key_a, p.key_b, p.similarity
        from sqlembed._near_pairs(
            rows, source.from_clause, source.vector, source.key, _duplicate_pairs.filter, _duplicate_pairs.within,
            _duplicate_pairs.threshold, _duplicate_pairs.is_every_pair
        ) as p;
    else
        return query execute pg_catalog.format(
            'with sqlembed_row as materialized (
                select r.key, r.block, r.vector, pg_catalog.row_number() over (order by r.key) as number
                from (%s) as r
                where r.is_first
            )
            select a.key, b.key, least(1, operator(pg_catalog.-) (a.vector operator(public.<#>) b.vector))
            from sqlembed_row as a
            join sqlembed_row as b
                on a.block operator(pg_catalog.=) b.block and a.number operator(pg_catalog.<) b.number
            -- Rounding leaves equal vectors a little short of 1.
            where a.vector operator(public.<#>) b.vector operator(pg_catalog.<=) $1',
            rows
        )
        using 0.000001::pg_catalog.float8 operator(pg_catalog.-) _duplicate_pairs.threshold;
    end if;
    if not _duplicate_pairs.is_every_pair then
        return query execute pg_catalog.format(
            'select r.first_key, r.key, 1::pg_catalog.float8 from (%s) as r where not r.is_first', rows
        );
    end if;
exception
    when others then
        get stacked diagnostics state = returned_sqlstate, problem = message_text, pg_hint = pg_exception_hint;
        perform sqlembed._explain_use(
            state, problem, pg_hint, _duplicate_pairs.relation,
            coalesce(_duplicate_pairs.filter, _duplicate_pairs.within)
        );
        raise;
end
$function$;

comment on function sqlembed._duplicate_pairs(regclass, double precision, name, text, text, text, boolean) is
    'Pairs of rows whose vectors have a cosine of at least threshold, in no order, a pair perhaps twice. Unless every pair is wanted, of rows with the same vector only the first is paired with others, and they with it: that is enough to know who belongs together.';

create or replace function sqlembed._enter_scan(k integer) returns text[]
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    path sqlembed.search_path;
begin
    -- A function of pgvector has to run before its settings are there.
    if public.vector_dims('[1]'::public.vector) is null then
        return null;
    end if;
    path.ef_search := least(1000, 60 + 4 * least(_enter_scan.k, 235));
    return sqlembed._enter_search(path);
end
$function$;

comment on function sqlembed._enter_scan(integer) is
    'Make the settings with which many searches for k rows go through an index; gives those from before, for _leave_search.';

create or replace function sqlembed._explain_use(
    state text,
    problem text,
    pg_hint text,
    relation regclass,
    filter text
)
returns void
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
begin
    if _explain_use.state = '22000' and _explain_use.problem ~ '^different [a-z]+ dimensions' then
        raise exception 'sqlembed: the vectors of % are of different dimensions', _explain_use.relation
            using errcode = 'SE014',
                detail = _explain_use.problem,
                hint = 'Only vectors of one embedder are comparable. A filter can leave out others: vector_dims(column) = 3.';
    end if;
    perform sqlembed._explain_failure(
        _explain_use.state, _explain_use.problem, _explain_use.pg_hint, _explain_use.relation, _explain_use.filter, null
    );
end
$function$;

comment on function sqlembed._explain_use(text, text, text, regclass, text) is
    'Raise an error again, in words, where the vectors of a table or the filter are to blame for it; otherwise nothing.';

create or replace function sqlembed._label_scores(
    input public.vector,
    labels text[],
    label_vectors public.vector[],
    temperature double precision
)
returns table (label text, similarity double precision, score double precision)
language sql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
    select s.label, s.similarity, s.weight / sum(s.weight) over ()
    from (
        select s.*, exp((s.similarity - max(s.similarity) over ()) / _label_scores.temperature) as weight
        from (
            select l.label, 1 - (l.vector operator(public.<=>) _label_scores.input) as similarity, l.number
            from rows from (unnest(_label_scores.labels), unnest(_label_scores.label_vectors))
                with ordinality as l (label, vector, number)
        ) as s
    ) as s
    order by s.similarity desc, s.number
$function$;

comment on function sqlembed._label_scores(public.vector, text[], public.vector[], double precision) is
    'How near a vector is to those of labels, best first, and the softmax of that.';

create or replace function sqlembed._label_texts(labels text[], template text) returns text[]
language sql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
    select array(
        select replace(_label_texts.template, '{}', l.label)
        from unnest(_label_texts.labels) with ordinality as l (label, number)
        order by l.number
    )
$function$;

comment on function sqlembed._label_texts(text[], text) is
    'Labels as texts to embed, in their order.';

create or replace function sqlembed._mmd_test(
    baseline public.vector[],
    present public.vector[],
    permutations integer,
    seed integer,
    out mmd double precision,
    out p_value double precision
)
language plpgsql
stable
-- The kernel is one vector a row, and every permutation reads all of it.
set search_path = pg_catalog, pg_temp
set jit = off
as $function$
declare
    num_baseline double precision := cardinality(_mmd_test.baseline);
    num_present double precision := cardinality(_mmd_test.present);
    bandwidth double precision;
    kernel public.vector[];
    found record;
begin
    -- As Gretton et al. 2012 choose it: the median distance of all pairs.
    select percentile_cont(0.5) within group (order by a.vector operator(public.<->) b.vector)
    into bandwidth
    from unnest(_mmd_test.baseline || _mmd_test.present) with ordinality as a (vector, number)
    join unnest(_mmd_test.baseline || _mmd_test.present) with ordinality as b (vector, number) on a.number < b.number;
    -- More than half of the rows are the same.
    bandwidth := coalesce(nullif(bandwidth, 0), 1);
    kernel := array(
        select (
            select array_agg(
                case
                    when a.number = b.number then 0
                    else exp(-((a.vector operator(public.<->) b.vector) ^ 2) / (2 * bandwidth ^ 2))
                end::real
                order by b.number
            )::public.vector
            from unnest(_mmd_test.baseline || _mmd_test.present) with ordinality as b (vector, number)
        )
        from unnest(_mmd_test.baseline || _mmd_test.present) with ordinality as a (vector, number)
        order by a.number
    );
    with entry as materialized (
        select k.kernel_row, k.number, -(k.kernel_row operator(public.<#>) ones.vector) as row_sum
        from unnest(kernel) with ordinality as k (kernel_row, number)
        cross join (
            select array_fill(1::real, array[cardinality(kernel)])::public.vector as vector
        ) as ones
    ),
    shuffled as (
        -- 0 is how it is; every other permutation deals the rows out anew.
        select p.permutation, e.number,
            row_number() over (
                partition by p.permutation
                order by
                    case when p.permutation > 0 then hashint8extended(e.number, _mmd_test.seed::bigint * 1000003 + p.permutation) end,
                    e.number
            ) <= num_baseline as is_baseline
        from generate_series(0, _mmd_test.permutations) as p (permutation)
        cross join entry as e
    ),
    dealt as materialized (
        select s.permutation, array_agg(s.is_baseline::integer order by s.number)::public.vector as is_baseline
        from shuffled as s
        group by s.permutation
    ),
    summed as (
        select d.permutation,
            sum(t.to_baseline) filter (where t.is_baseline) as within_baseline,
            sum(t.to_baseline) filter (where not t.is_baseline) as across,
            sum(e.row_sum - t.to_baseline) filter (where not t.is_baseline) as within_present
        from dealt as d
        cross join lateral unnest(d.is_baseline::real[]) with ordinality as m (mark, number)
        join entry as e on e.number = m.number
        cross join lateral (
            select -(e.kernel_row operator(public.<#>) d.is_baseline) as to_baseline, m.mark = 1 as is_baseline
        ) as t
        group by d.permutation
    ),
    statistic as (
        -- The unbiased estimate, which can be a little below 0.
        select s.permutation,
            s.within_baseline / (num_baseline * (num_baseline - 1))
            + s.within_present / (num_present * (num_present - 1))
            - 2 * s.across / (num_baseline * num_present) as value
        from summed as s
    )
    select
        (select s.value from statistic as s where s.permutation = 0) as value,
        (1 + count(*) filter (where s.permutation > 0 and s.value >= o.value))::double precision
        / (1 + _mmd_test.permutations) as share
    into found
    from statistic as s
    cross join (select s.value from statistic as s where s.permutation = 0) as o;
    mmd := found.value;
    p_value := found.share;
end
$function$;

comment on function sqlembed._mmd_test(public.vector[], public.vector[], integer, integer) is
    'The squared maximum mean discrepancy of two samples (Gaussian kernel, unbiased) and how often a random division of all of them has as much.';

create or replace function sqlembed._near_pairs(
    rows text,
    from_clause text,
    vector text,
    key text,
    filter text,
    within text,
    threshold double precision,
    is_every_pair boolean
)
returns table (key_a jsonb, key_b jsonb, similarity double precision)
language plpgsql
stable
set jit = off
as $function$
declare
    -- Each row's nearest 10 first. Where the last of them is a duplicate too there may be more.
    k pg_catalog.int4 := 10;
    left_over pg_catalog.jsonb[];
    settings pg_catalog.text[];
    found record;
begin
    loop
        settings := sqlembed._enter_scan(k);
        execute pg_catalog.format(
            E'select
                pg_catalog.array_agg(p.key_a) as keys_a,
                pg_catalog.array_agg(p.key_b) as keys_b,
                pg_catalog.array_agg(p.similarity) as similarities,
                pg_catalog.array_agg(distinct p.key_a) filter (where p.near operator(pg_catalog.=) $1) as full_keys
            from (
                select
                    sqlembed_one.key as key_a, b.key as key_b,
                    least(1, 1 operator(pg_catalog.-) b.distance) as similarity,
                    pg_catalog.count(*) over (partition by sqlembed_one.key) as near
                from (%1$s) as sqlembed_one
                cross join lateral (
                    select %2$s as key, %3$s operator(public.<=>) sqlembed_one.raw as distance
                    from %4$s
                    where %3$s is not null and (%5$s\n) and %6$s and %7$s
                    order by %3$s operator(public.<=>) sqlembed_one.raw
                    limit $1
                ) as b
                where sqlembed_one.is_first
                    and ($2 is null or sqlembed_one.key operator(pg_catalog.=) any (select pg_catalog.unnest($2)))
                    and b.distance operator(pg_catalog.<=) $3
            ) as p',
            _near_pairs.rows, _near_pairs.key, _near_pairs.vector, _near_pairs.from_clause,
            coalesce(_near_pairs.filter, 'true'),
            case
                when _near_pairs.within is null then 'true'
                else pg_catalog.format(
                    E'((%s\n)::pg_catalog.text collate pg_catalog."C") operator(pg_catalog.=) sqlembed_one.block',
                    _near_pairs.within
                )
            end,
            case
                when _near_pairs.is_every_pair then pg_catalog.format('%s operator(pg_catalog.<>) sqlembed_one.key', _near_pairs.key)
                -- Those with its own vector are known to belong to it, and would crowd out the others.
                else pg_catalog.format('%s operator(public.<>) sqlembed_one.raw', _near_pairs.vector)
            end
        )
        into found
        using k::pg_catalog.int8, left_over, 1.000001::pg_catalog.float8 operator(pg_catalog.-) _near_pairs.threshold;
        perform sqlembed._leave_search(settings);
        return query
        select p.key_a, p.key_b, p.similarity
        from rows from (
            pg_catalog.unnest(found.keys_a), pg_catalog.unnest(found.keys_b), pg_catalog.unnest(found.similarities)
        ) as p (key_a, key_b, similarity);
        left_over := found.full_keys;
        exit when left_over is null or k operator(pg_catalog.>=) 1000;
        k := k operator(pg_catalog.*) 10;
    end loop;
end
$function$;

comment on function sqlembed._near_pairs(text, text, text, text, text, text, double precision, boolean) is
    'Pairs of near rows that a vector index finds: of each row its nearest 10, and where those are all duplicates of it 100, then 1000.';

create or replace function sqlembed._pair_rows(
    from_clause text,
    vector text,
    key text,
    filter text,
    within text,
    is_every_pair boolean
)
returns text
language sql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
    select format(
        E'select r.key, r.block, r.raw, r.vector, %1$s as first_key, %2$s as is_first
        from (
            select r.*, public.l2_normalize(r.raw::public.vector) as vector
            from (
                select %3$s as key, %4$s as block, %5$s as raw
                from %6$s
                where %5$s is not null and (%7$s\n)
                offset ''0''
            ) as r
            -- What has no direction is like nothing.
            where public.vector_norm(r.raw::public.vector) operator(pg_catalog.>) ''0''::pg_catalog.float8 and r.block is not null
            offset ''0''
        ) as r',
        case
            when _pair_rows.is_every_pair then 'r.key'
            else 'pg_catalog.first_value(r.key) over (partition by r.block, r.vector order by r.key)'
        end,
        case
            when _pair_rows.is_every_pair then 'true'
            else 'pg_catalog.row_number() over (partition by r.block, r.vector order by r.key) operator(pg_catalog.=) 1::pg_catalog.int8'
        end,
        _pair_rows.key,
        -- Compared as text: whatever its type, it needs no operator of anybody.
        case
            when _pair_rows.within is null then '''''::pg_catalog.text'
            else format(E'((%s\n)::pg_catalog.text collate pg_catalog."C")', _pair_rows.within)
        end,
        _pair_rows.vector,
        _pair_rows.from_clause,
        coalesce(_pair_rows.filter, 'true')
    )
$function$;

comment on function sqlembed._pair_rows(text, text, text, text, text, boolean) is
    'SQL that gives the rows among which duplicates are looked for: key, block, vector as it is stored and as a unit vector, and the first row with the same.';

create or replace function sqlembed._principal_components(
    vectors public.vector[],
    num_components integer,
    out centre public.vector,
    out components public.vector[]
)
language plpgsql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
set jit = off
as $function$
declare
    num_vectors integer := cardinality(_principal_components.vectors);
    centred public.vector[];
    -- Row by row the inner products of all vectors: what has to be solved is as large as the sample,
    -- however many dimensions the vectors have.
    gram public.vector[];
    found public.vector;
    before public.vector;
    component public.vector;
    variance double precision;
    largest_variance double precision;
begin
    select public.avg(v.vector) into _principal_components.centre from unnest(_principal_components.vectors) as v (vector);
    centred := array(
        select v.vector operator(public.-) _principal_components.centre
        from unnest(_principal_components.vectors) with ordinality as v (vector, number)
        order by v.number
    );
    gram := array(
        select array(
            select -(a.vector operator(public.<#>) b.vector)
            from unnest(centred) with ordinality as b (vector, number)
            order by b.number
        )::real[]::public.vector
        from unnest(centred) with ordinality as a (vector, number)
        order by a.number
    );
    _principal_components.components := '{}';
    for place in 1.._principal_components.num_components loop
        -- Any start will do that is not at right angles to the answer.
        found := public.l2_normalize(
            array(select sqlembed._uniform(n::text, place) - 0.5 from generate_series(1, num_vectors) as n)::real[]::public.vector
        );
        for iteration in 1..500 loop
            before := found;
            found := array(
                select -(g.row operator(public.<#>) before)
                from unnest(gram) with ordinality as g (row, number)
                order by g.number
            )::real[]::public.vector;
            variance := public.vector_norm(found);
            found := public.l2_normalize(found);
            exit when found operator(public.<->) before < 1e-6;
        end loop;
        largest_variance := coalesce(largest_variance, variance);
        -- Beyond the directions in which the vectors differ there is only rounding.
        if variance <= 1e-6 * largest_variance then
            component := array_fill(0::real, array[public.vector_dims(_principal_components.centre)])::public.vector;
        else
            select public.l2_normalize(
                public.sum(
                    array_fill(share, array[public.vector_dims(_principal_components.centre)])::public.vector
                        operator(public.*) v.vector
                )
            )
            into component
            from unnest(centred, found::real[]) as v (vector, share);
            -- Of the two directions, which are equally good, the one that most of its length points in.
            if (select abs(min(x)) > max(x) from unnest(component::real[]) as x) then
                component := array_fill(-1::real, array[public.vector_dims(component)])::public.vector operator(public.*) component;
            end if;
            gram := array(
                select g.row operator(public.-) (
                    array_fill((variance * share)::real, array[num_vectors])::public.vector operator(public.*) found
                )
                from unnest(gram, found::real[]) with ordinality as g (row, share, number)
                order by g.number
            );
        end if;
        _principal_components.components := _principal_components.components || component;
    end loop;
end
$function$;

comment on function sqlembed._principal_components(public.vector[], integer) is
    'The mean of vectors and the directions in which they differ most, as unit vectors, by power iteration; zeros where there are fewer.';

create or replace function sqlembed._refuse_recommend() returns void
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $function$
begin
    raise exception 'sqlembed: recommend takes a table as a NULL of its row type'
        using errcode = 'SE014',
            hint = 'Write: select (base).*, distance from sqlembed.recommend(null::article, array[''[1]'']::jsonb[]).';
end
$function$;

comment on function sqlembed._refuse_recommend() is
    'An error that shows how a table is given to recommend.';

create or replace function sqlembed._taste(
    liked public.vector[],
    disliked public.vector[],
    metric text,
    disliked_weight double precision
)
returns public.vector
language plpgsql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
declare
    likes public.vector;
    dislikes public.vector;
    weights public.vector;
begin
    -- Under cosine lengths do not count, so they are not to weigh in the mean either.
    select public.avg(case when _taste.metric = 'cosine' then public.l2_normalize(v.vector) else v.vector end)
    into likes
    from unnest(_taste.liked) as v (vector);
    select public.avg(case when _taste.metric = 'cosine' then public.l2_normalize(v.vector) else v.vector end)
    into dislikes
    from unnest(_taste.disliked) as v (vector);
    if dislikes is null or _taste.disliked_weight = 0 then
        return likes;
    end if;
    weights := array_fill(_taste.disliked_weight::real, array[public.vector_dims(likes)])::public.vector;
    return likes operator(public.+) (weights operator(public.*) (likes operator(public.-) dislikes));
end
$function$;

comment on function sqlembed._taste(public.vector[], public.vector[], text, double precision) is
    'What to look for: the mean of what is liked, moved away from the mean of what is not by a share of the way between them.';

create or replace function sqlembed._vector_rows(
    from_clause text,
    vector text,
    key text,
    filter text
)
returns text
language sql
immutable
parallel safe
set search_path = pg_catalog, pg_temp
as $function$
    -- Names that no filter uses: there a name without a prefix is the table's.
    select format(
        E'select %s as sqlembed_key, %s as sqlembed_vector from %s where %s is not null and (%s\n)',
        _vector_rows.key, _vector_rows.vector, _vector_rows.from_clause, _vector_rows.vector,
        coalesce(_vector_rows.filter, 'true')
    )
$function$;

comment on function sqlembed._vector_rows(text, text, text, text) is
    'SQL that gives the key and the vector of the rows of a table that have one and pass a filter.';

create or replace function sqlembed._vector_sample(rows text, metric text, num_rows integer, seed integer, out vectors public.vector[])
language plpgsql
stable
as $function$
begin
    execute pg_catalog.format(
        'select coalesce(pg_catalog.array_agg(r.vector), ''{}'')
        from (
            select %s as vector
            from (%s) as r
            order by pg_catalog.hashtextextended(r.sqlembed_key::pg_catalog.text, $1), r.sqlembed_key
            limit $2
        ) as r',
        case when _vector_sample.metric operator(pg_catalog.=) 'cosine' then 'public.l2_normalize(r.sqlembed_vector::public.vector)'
            else 'r.sqlembed_vector::public.vector'
        end,
        _vector_sample.rows
    )
    into vectors
    using _vector_sample.seed::pg_catalog.int8, _vector_sample.num_rows;
end
$function$;

comment on function sqlembed._vector_sample(text, text, integer, integer) is
    'Vectors of rows (key, vector) that are chosen at random, the same ones for the same seed; under cosine as unit vectors.';

create or replace function sqlembed._vector_source(
    relation regclass,
    embedding name,
    wanted_metric text,
    row_name name,
    out from_clause text,
    out vector text,
    out key text,
    out embedder text,
    out metric text,
    out is_indexed boolean
)
language plpgsql
stable
set search_path = pg_catalog, pg_temp
as $function$
declare
    target record;
    declared sqlembed.embedding;
    vector_column name;
begin
    select coalesce(_vector_source.row_name, c.relname) as row_name, c.relname, format('%I.%I', n.nspname, c.relname) as full_name
    into target
    from pg_class as c
    join pg_namespace as n on n.oid = c.relnamespace
    where c.oid = _vector_source.relation;
    if target.relname is null then
        raise exception 'sqlembed: there is no table %', coalesce(_vector_source.relation::text, 'NULL')
            using errcode = 'SE014', hint = 'Name the table whose vectors are meant.';
    end if;
    select k.expression
    into _vector_source.key
    from sqlembed._key_sql(_vector_source.relation, quote_ident(target.row_name) || '.') as k;
    if _vector_source.key is null then
        raise exception 'sqlembed: % has no primary key', _vector_source.relation
            using errcode = 'SE010', hint = 'Rows are told apart by it: alter table … add primary key.';
    end if;

    if (
        select count(*) from sqlembed.embedding as e
        where e.relation = _vector_source.relation
            and e.name = coalesce(_vector_source.embedding, e.name)
            and (_vector_source.embedding is not null or e.generation = 'current')
    ) = 1 then
        declared := sqlembed._embedding_of(_vector_source.relation, _vector_source.embedding);
        -- As a search does: what it is called now, and until the end.
        perform sqlembed._hold(_vector_source.relation);
        declared.name := sqlembed._vector_name(declared);
    end if;
    if declared.chunking is not null then
        raise exception 'sqlembed: embedding % of % has a vector for each chunk, not for each row',
            quote_ident(declared.name), _vector_source.relation
            using errcode = 'SE013',
                hint = format('Name the table of the chunks instead: %L.', declared.side);
    end if;
    vector_column := coalesce(declared.name, sqlembed._vector_column(_vector_source.relation, _vector_source.embedding));
    _vector_source.embedder := declared.embedder;
    _vector_source.metric := coalesce(_vector_source.wanted_metric, declared.metric, 'cosine');
    if declared.side is null then
        _vector_source.from_clause := format('%s as %I', target.full_name, target.row_name);
        _vector_source.vector := format('%I.%I', target.row_name, vector_column);
    else
        select s.from_clause, s.vector
        into _vector_source.from_clause, _vector_source.vector
        from sqlembed._side_source(declared, target.row_name) as s;
    end if;
    select sqlembed._has_index(
        a.attrelid,
        quote_ident(vector_column),
        (sqlembed._indexed('hnsw', null, t.typname, null, _vector_source.metric, vector_column)).operator_class
    )
    into _vector_source.is_indexed
    from pg_attribute as a
    join pg_type as t on t.oid = a.atttypid
    where a.attrelid = coalesce(declared.side, _vector_source.relation)
        and a.attname = vector_column;
end
$function$;

comment on function sqlembed._vector_source(regclass, name, text, name) is
    'Where the vectors of a table are, declared as an embedding or not: what to select from (the table under its own name, which filters use, unless another is given), the vector and the key there, as SQL, the embedder and the metric if declared, and whether an index knows the metric.';

create or replace function sqlembed._vectors_of(relation regclass, embedding name, keys jsonb[]) returns public.vector[]
language plpgsql
stable
as $function$
declare
    source record := sqlembed._vector_source(_vectors_of.relation, _vectors_of.embedding, null, 'r');
    vectors public.vector[];
begin
    execute pg_catalog.format(
        'select pg_catalog.array_agg(%1$s::public.vector order by k.number)
        from pg_catalog.unnest($1) with ordinality as k (key, number), %2$s
        where %1$s is not null and %3$s',
        source.vector, source.from_clause, (select s.match from sqlembed._key_sql(_vectors_of.relation) as s)
    )
    into vectors
    using _vectors_of.keys;
    return coalesce(vectors, '{}');
end
$function$;

comment on function sqlembed._vectors_of(regclass, name, jsonb[]) is
    'The vectors of rows, by their keys as jobs write them; of those that have one.';

create or replace function sqlembed.classify(
    embedder text,
    input text,
    labels text[],
    template text default '{}',
    temperature double precision default 0.05
)
returns table (label text, similarity double precision, score double precision)
language plpgsql
stable
parallel restricted
rows 10
as $function$
declare
    vectors public.vector[];
begin
    perform sqlembed._check_labels(classify.labels, classify.template, classify.temperature);
    if sqlembed._blank(classify.input) then
        return;
    end if;
    -- In one batch, and all as documents: a text is compared with texts of its kind.
    vectors := sqlembed._ask(
        classify.embedder,
        (select k.key from sqlembed.embedder_key as k where k.embedder operator(pg_catalog.=) classify.embedder),
        'document',
        array[classify.input] operator(pg_catalog.||) sqlembed._label_texts(classify.labels, classify.template)
    );
    return query
    select s.label, s.similarity, s.score
    from sqlembed._label_scores(vectors[1], classify.labels, vectors[2:], classify.temperature) as s;
end
$function$;

comment on function sqlembed.classify(text, text, text[], text, double precision) is
    'Which of some labels fits a text, nobody having given examples, best first: similarity is the cosine of text and label, score its share of them all (softmax of similarity / temperature). template puts labels into a sentence: ''This text is about {}.''. No rows for blank text.';

create or replace function sqlembed.classify(
    embedder text,
    input public.vector,
    labels text[],
    template text default '{}',
    temperature double precision default 0.05
)
returns table (label text, similarity double precision, score double precision)
language plpgsql
stable
parallel restricted
rows 10
as $function$
begin
    perform sqlembed._check_labels(classify.labels, classify.template, classify.temperature);
    if classify.input is null or public.vector_norm(classify.input) operator(pg_catalog.=) 0 then
        return;
    end if;
    return query
    select s.label, s.similarity, s.score
    from sqlembed._label_scores(
        classify.input,
        classify.labels,
        sqlembed._ask(
            classify.embedder,
            (select k.key from sqlembed.embedder_key as k where k.embedder operator(pg_catalog.=) classify.embedder),
            'document',
            sqlembed._label_texts(classify.labels, classify.template)
        ),
        classify.temperature
    ) as s;
end
$function$;

comment on function sqlembed.classify(text, public.vector, text[], text, double precision) is
    'As for a text, for a vector that the embedder has made already, such as a row''s: only the labels are embedded, and they are in the cache after the first row.';

create or replace function sqlembed.drift(
    relation regclass,
    baseline_filter text,
    current_filter text,
    embedding name default null,
    sample_size integer default 250,
    permutations integer default 500,
    seed integer default 0
)
returns table (
    baseline_rows bigint,
    current_rows bigint,
    centroid_shift double precision,
    mmd double precision,
    p_value double precision
)
language plpgsql
stable
rows 1
as $function$
declare
    source record;
    baseline_vectors public.vector[];
    current_vectors public.vector[];
    shift record;
    test record;
    state pg_catalog.text;
    problem pg_catalog.text;
    pg_hint pg_catalog.text;
begin
    perform sqlembed._check_use(
        drift.sample_size operator(pg_catalog.>=) 2 and drift.sample_size operator(pg_catalog.<=) 2000,
        pg_catalog.format('sample_size => %s is not from 2 to 2000', coalesce(drift.sample_size::pg_catalog.text, 'NULL')),
        'It is the number of rows of each side that the test compares, all pairs of them.'
    );
    perform sqlembed._check_use(
        drift.permutations operator(pg_catalog.>=) 1 and drift.permutations operator(pg_catalog.<=) 100000,
        pg_catalog.format('permutations => %s is not from 1 to 100000', coalesce(drift.permutations::pg_catalog.text, 'NULL')),
        'A p-value cannot be smaller than 1 / (permutations + 1).'
    );
    perform sqlembed._check_use(drift.seed is not null, 'seed => NULL is not a number', 'The same seed gives the same result.');
    source := sqlembed._drift_source(drift.relation, drift.embedding, drift.baseline_filter, drift.current_filter);
    execute source.shift_sql into shift;
    if least(shift.baseline_rows, shift.current_rows) operator(pg_catalog.<) 2::pg_catalog.int8 then
        raise exception 'sqlembed: there are % rows with a vector before and % now',
            shift.baseline_rows, shift.current_rows
            using errcode = 'SE022', hint = 'Drift needs two on each side at least. See select * from sqlembed.status.';
    end if;
    baseline_vectors := sqlembed._vector_sample(source.baseline_sql, source.metric, drift.sample_size, drift.seed);
    current_vectors := sqlembed._vector_sample(source.current_sql, source.metric, drift.sample_size, drift.seed);
    test := sqlembed._mmd_test(baseline_vectors, current_vectors, drift.permutations, drift.seed);
    return query select
        shift.baseline_rows, shift.current_rows, public.vector_norm(shift.shift), test.mmd, test.p_value;
exception
    when others then
        get stacked diagnostics state = returned_sqlstate, problem = message_text, pg_hint = pg_exception_hint;
        perform sqlembed._explain_use(state, problem, pg_hint, drift.relation, drift.baseline_filter);
        raise;
end
$function$;

comment on function sqlembed.drift(regclass, text, text, name, integer, integer, integer) is
    'Whether the rows that pass one filter mean something else than those that pass another: centroid_shift is the length of the difference of their means (of unit vectors under cosine), mmd the squared maximum mean discrepancy of a sample of sample_size rows each (Gaussian kernel, unbiased), p_value how often a random division of that sample differs as much. The same seed gives the same result.';

create or replace function sqlembed.drift_rows(
    relation regclass,
    baseline_filter text,
    current_filter text,
    k integer default 10,
    embedding name default null
)
returns table (key jsonb, shift double precision)
language plpgsql
stable
as $function$
declare
    source record;
    state pg_catalog.text;
    problem pg_catalog.text;
    pg_hint pg_catalog.text;
begin
    perform sqlembed._check_use(
        drift_rows.k operator(pg_catalog.>=) 1,
        pg_catalog.format('k must be 1 or more, not %s', coalesce(drift_rows.k::pg_catalog.text, 'NULL')),
        'k is the number of rows to find.'
    );
    source := sqlembed._drift_source(
        drift_rows.relation, drift_rows.embedding, drift_rows.baseline_filter, drift_rows.current_filter
    );
    return query execute pg_catalog.format(
        'select r.key, r.shift
        from (
            select
                r.sqlembed_key as key,
                operator(pg_catalog.-) (
                    (%1$s operator(public.-) d.centroid) operator(public.<#>) d.direction
                ) as shift
            from (%2$s) as r
            cross join (
                select s.centroid, public.l2_normalize(s.shift) as direction from (%3$s) as s
            ) as d
        ) as r
        order by r.shift desc, r.key
        limit $1',
        case when source.metric operator(pg_catalog.=) 'cosine' then 'public.l2_normalize(r.sqlembed_vector::public.vector)'
            else 'r.sqlembed_vector::public.vector'
        end,
        source.current_sql,
        source.shift_sql
    )
    using drift_rows.k;
exception
    when others then
        get stacked diagnostics state = returned_sqlstate, problem = message_text, pg_hint = pg_exception_hint;
        perform sqlembed._explain_use(state, problem, pg_hint, drift_rows.relation, drift_rows.current_filter);
        raise;
end
$function$;

comment on function sqlembed.drift_rows(regclass, text, text, integer, name) is
    'The k rows of now that have moved the mean most: shift is how far each lies from the mean before in the direction in which the mean has moved. The mean of it over all rows is the centroid_shift of drift.';

create or replace function sqlembed.duplicate_pairs(
    relation regclass,
    threshold double precision default 0.95,
    embedding name default null,
    filter text default null,
    within text default null,
    mode text default 'vector'
)
returns table (key_a jsonb, key_b jsonb, similarity double precision)
language plpgsql
stable
as $function$
begin
    return query
    select p.key_a, p.key_b, pg_catalog.max(p.similarity)
    from (
        select least(p.key_a, p.key_b) as key_a, greatest(p.key_a, p.key_b) as key_b, p.similarity
        from sqlembed._duplicate_pairs(
            duplicate_pairs.relation, duplicate_pairs.threshold, duplicate_pairs.embedding, duplicate_pairs.filter,
            duplicate_pairs.within, duplicate_pairs.mode, true
        ) as p
    ) as p
    group by p.key_a, p.key_b
    order by pg_catalog.max(p.similarity) desc, p.key_a, p.key_b;
end
$function$;

comment on function sqlembed.duplicate_pairs(regclass, double precision, name, text, text, text) is
    'Pairs of rows whose vectors have a cosine of threshold or more, most alike first; arguments as those of duplicates.';

create or replace function sqlembed.duplicates(
    relation regclass,
    threshold double precision default 0.95,
    embedding name default null,
    filter text default null,
    within text default null,
    mode text default 'vector'
)
returns table (
    group_id bigint,
    key jsonb,
    is_representative boolean,
    similarity double precision,
    group_size bigint
)
language plpgsql
stable
set jit = off
as $function$
declare
    source record;
    keys pg_catalog.jsonb[];
    from_nodes pg_catalog.int4[];
    to_nodes pg_catalog.int4[];
begin
    with pair as materialized (
        select p.key_a, p.key_b
        from sqlembed._duplicate_pairs(
            duplicates.relation, duplicates.threshold, duplicates.embedding, duplicates.filter, duplicates.within,
            duplicates.mode, false
        ) as p
    ),
    node as materialized (
        select n.key, pg_catalog.row_number() over (order by n.key)::pg_catalog.int4 as number
        from (select p.key_a as key from pair as p union select p.key_b from pair as p) as n
    )
    select
        array(select n.key from node as n order by n.number),
        (
            select array[pg_catalog.array_agg(a.number), pg_catalog.array_agg(b.number)]
            from pair as p
            join node as a on a.key operator(pg_catalog.=) p.key_a
            join node as b on b.key operator(pg_catalog.=) p.key_b
        )
    into keys, from_nodes;
    if pg_catalog.cardinality(keys) operator(pg_catalog.=) 0 then
        return;
    end if;
    to_nodes := array(select pg_catalog.unnest(from_nodes[2:2]));
    from_nodes := array(select pg_catalog.unnest(from_nodes[1:1]));
    source := sqlembed._vector_source(duplicates.relation, duplicates.embedding, 'cosine', null);
    return query execute pg_catalog.format(
        'with member as materialized (
            select m.component, r.sqlembed_key as key, public.l2_normalize(r.sqlembed_vector::public.vector) as vector
            from (%s) as r
            join rows from (pg_catalog.unnest($1), pg_catalog.unnest($2)) as m (key, component)
                on m.key operator(pg_catalog.=) r.sqlembed_key
        ),
        centre as (
            select m.component, public.avg(m.vector) as vector, pg_catalog.count(*) as members
            from member as m
            group by m.component
        ),
        ranked as (
            select
                m.*, c.members,
                -- Of two, both are equally near to the mean, but for rounding.
                pg_catalog.row_number() over (
                    partition by m.component
                    order by pg_catalog.round((m.vector operator(public.<#>) c.vector)::pg_catalog.numeric, 5), m.key
                ) as place
            from member as m
            join centre as c on c.component operator(pg_catalog.=) m.component
        )
        select
            pg_catalog.dense_rank() over (order by r.members desc, r.component),
            r.key,
            r.place operator(pg_catalog.=) 1::pg_catalog.int8,
            least(1, operator(pg_catalog.-) (r.vector operator(public.<#>) first.vector)),
            r.members
        from ranked as r
        join ranked as first
            on first.component operator(pg_catalog.=) r.component and first.place operator(pg_catalog.=) 1::pg_catalog.int8
        order by r.members desc, r.component, r.place',
        sqlembed._vector_rows(source.from_clause, source.vector, source.key, duplicates.filter)
    )
    using keys, sqlembed._components(pg_catalog.cardinality(keys), from_nodes, to_nodes);
end
$function$;

comment on function sqlembed.duplicates(regclass, double precision, name, text, text, text) is
    'Groups of rows that say nearly the same: their vectors have a cosine of threshold or more, directly or from one to the next. Each group, the largest first, has a representative, the row nearest to its mean, and each row its similarity with that. within is an expression: only rows that agree in it are compared. Large tables are searched by their vector index, which may miss some; mode => ''exact'' compares all pairs.';

create or replace function sqlembed.nearest_label(
    relation regclass,
    input text,
    label_column name,
    k integer default 10,
    embedding name default null,
    filter text default null,
    mode text default 'vector'
)
returns table (label text, confidence double precision, neighbours bigint, distance double precision)
language plpgsql
stable
parallel restricted
rows 1
as $function$
declare
    declared sqlembed.embedding := sqlembed._embedding_of(nearest_label.relation, nearest_label.embedding);
    vectors public.vector[];
begin
    perform sqlembed._check_label_column(nearest_label.relation, nearest_label.label_column);
    if sqlembed._blank(nearest_label.input) then
        return;
    end if;
    -- As a document: it is compared with rows as one of them, not as a question about them.
    vectors := sqlembed._ask(
        declared.embedder,
        (select k.key from sqlembed.embedder_key as k where k.embedder operator(pg_catalog.=) declared.embedder),
        'document',
        array[nearest_label.input]
    );
    return query
    select l.label, l.confidence, l.neighbours, l.distance
    from sqlembed.nearest_label(
        nearest_label.relation, vectors[1], nearest_label.label_column, nearest_label.k, declared.name,
        nearest_label.filter, nearest_label.mode
    ) as l;
end
$function$;

comment on function sqlembed.nearest_label(regclass, text, name, integer, name, text, text) is
    'The label that the k labelled rows nearest to a text have, the nearer the more: each counts from 1 for the nearest of them to 0 for the last (Dudani 1976). confidence is the label''s share of all k, neighbours how many of them have it, distance that of the nearest of these. No row for blank text, and where no row has a label.';

create or replace function sqlembed.nearest_label(
    relation regclass,
    input public.vector,
    label_column name,
    k integer default 10,
    embedding name default null,
    filter text default null,
    mode text default 'vector'
)
returns table (label text, confidence double precision, neighbours bigint, distance double precision)
language plpgsql
stable
rows 1
as $function$
begin
    perform sqlembed._check_label_column(nearest_label.relation, nearest_label.label_column);
    perform sqlembed._check_filter(nearest_label.filter);
    return query execute pg_catalog.format(
        'select v.label, v.weight operator(pg_catalog./) v.total, v.neighbours, v.distance
        from (
            select
                n.label, pg_catalog.sum(n.weight) as weight, pg_catalog.sum(pg_catalog.sum(n.weight)) over () as total,
                pg_catalog.count(*) as neighbours, pg_catalog.min(n.distance) as distance
            from (
                select
                    (h.base).%1$I::pg_catalog.text as label,
                    h.distance,
                    -- Dudani 1976: from 1 for the nearest down to 0 for the last, whatever the metric.
                    case
                        when pg_catalog.max(h.distance) over () operator(pg_catalog.>) pg_catalog.min(h.distance) over ()
                        then (pg_catalog.max(h.distance) over () operator(pg_catalog.-) h.distance)
                            operator(pg_catalog./) (
                                pg_catalog.max(h.distance) over ()
                                operator(pg_catalog.-) pg_catalog.min(h.distance) over ()
                            )
                        else 1
                    end as weight
                from sqlembed.vector_search(null::%2$s, $1, k => $2, embedding => $3, filter => $4, mode => $5) as h
            ) as n
            group by n.label
        ) as v
        order by v.weight desc, v.distance, v.label
        limit 1',
        nearest_label.label_column,
        (
            select c.reltype::pg_catalog.regtype
            from pg_catalog.pg_class as c
            where c.oid operator(pg_catalog.=) nearest_label.relation
        )
    )
    using
        nearest_label.input, nearest_label.k, nearest_label.embedding,
        pg_catalog.format(
            E'%I.%I is not null and (%s\n)',
            (
                select c.relname from pg_catalog.pg_class as c
                where c.oid operator(pg_catalog.=) nearest_label.relation
            ),
            nearest_label.label_column,
            coalesce(nearest_label.filter, 'true')
        ),
        nearest_label.mode;
end
$function$;

comment on function sqlembed.nearest_label(regclass, public.vector, name, integer, name, text, text) is
    'As for a text, for a vector that is at hand.';

create or replace function sqlembed.outliers(
    relation regclass,
    k integer default 10,
    embedding name default null,
    filter text default null,
    baseline text default null,
    mode text default 'vector'
)
returns table (
    key jsonb,
    score double precision,
    centroid_distance double precision,
    neighbour_distance double precision
)
language plpgsql
stable
set jit = off
-- Else all rows are read from disk again for every one of them.
set work_mem = '64MB'
as $function$
declare
    source record;
    operator pg_catalog.text;
    usual pg_catalog.text := coalesce(outliers.baseline, outliers.filter);
    num_comparisons pg_catalog.float8;
    neighbours pg_catalog.text;
    settings pg_catalog.text[];
    state pg_catalog.text;
    problem pg_catalog.text;
    pg_hint pg_catalog.text;
begin
    perform sqlembed._check_use(
        outliers.k operator(pg_catalog.>=) 1 and outliers.k operator(pg_catalog.<=) 1000,
        pg_catalog.format('k => %s is not from 1 to 1000', coalesce(outliers.k::pg_catalog.text, 'NULL')),
        'k is the number of neighbours to look at.'
    );
    perform sqlembed._check_filter(outliers.filter);
    perform sqlembed._check_filter(outliers.baseline);
    perform sqlembed._check_choice('mode', outliers.mode, '{vector,exact}');
    source := sqlembed._vector_source(outliers.relation, outliers.embedding, null, null);
    operator := sqlembed._metric_operator(source.metric);
    if source.is_indexed and outliers.mode operator(pg_catalog.=) 'vector' then
        execute pg_catalog.format(
            'select (select pg_catalog.count(*) from (%s) as r)::pg_catalog.float8
                operator(pg_catalog.*) (select pg_catalog.count(*) from (%s) as r)::pg_catalog.float8',
            sqlembed._vector_rows(source.from_clause, source.vector, source.key, outliers.filter),
            sqlembed._vector_rows(source.from_clause, source.vector, source.key, usual)
        )
        into num_comparisons;
    end if;
    neighbours := case
        -- A search in the index costs as much as a few thousand comparisons.
        when num_comparisons operator(pg_catalog.>) 25000000::pg_catalog.float8 then pg_catalog.format(
            E'select %1$s %2$s sqlembed_one.raw as distance
            from %3$s
            where %1$s is not null and (%4$s\n) and %5$s operator(pg_catalog.<>) sqlembed_one.key
            order by %1$s %2$s sqlembed_one.raw
            limit %6$s',
            source.vector, operator, source.from_clause, coalesce(usual, 'true'), source.key, outliers.k
        )
        else pg_catalog.format(
            'select u.vector %1$s sqlembed_one.vector as distance
            from sqlembed_usual as u
            where u.number operator(pg_catalog.<>) sqlembed_one.number
            order by u.vector %1$s sqlembed_one.vector
            limit %2$s',
            operator, outliers.k
        )
    end;
    settings := sqlembed._enter_scan(outliers.k);
    return query execute pg_catalog.format(
        'with sqlembed_usual as materialized (
            select u.*, pg_catalog.row_number() over (order by u.key) as number
            from (select r.sqlembed_key as key, %1$s as vector from (%2$s) as r) as u
            where %3$s
        ),
        sqlembed_row as materialized (
            select o.*, coalesce(u.number, 0::pg_catalog.int8) as number
            from (
                select r.sqlembed_key as key, %1$s as vector, r.sqlembed_vector as raw from (%4$s) as r
            ) as o
            left join sqlembed_usual as u on u.key operator(pg_catalog.=) o.key
            where %5$s
        ),
        centroid as (select public.avg(u.vector) as vector from sqlembed_usual as u),
        measured as (
            select
                sqlembed_one.key,
                sqlembed_one.vector %6$s centroid.vector as centroid_distance,
                (select pg_catalog.avg(n.distance) from (%7$s) as n) as neighbour_distance
            from sqlembed_row as sqlembed_one
            cross join centroid
        )
        select
            m.key,
            (pg_catalog.percent_rank() over (order by m.centroid_distance)
                operator(pg_catalog.+) pg_catalog.percent_rank() over (order by m.neighbour_distance)
            ) operator(pg_catalog./) 2::pg_catalog.float8 as score,
            m.centroid_distance,
            m.neighbour_distance
        from measured as m
        order by score desc, m.key',
        case when source.metric operator(pg_catalog.=) 'cosine' then 'public.l2_normalize(r.sqlembed_vector::public.vector)'
            else 'r.sqlembed_vector::public.vector'
        end,
        sqlembed._vector_rows(source.from_clause, source.vector, source.key, usual),
        -- What has no direction is nowhere.
        case when source.metric operator(pg_catalog.=) 'cosine' then 'public.vector_norm(u.vector) operator(pg_catalog.>) 0::pg_catalog.float8' else 'true' end,
        sqlembed._vector_rows(source.from_clause, source.vector, source.key, outliers.filter),
        case when source.metric operator(pg_catalog.=) 'cosine' then 'public.vector_norm(o.vector) operator(pg_catalog.>) 0::pg_catalog.float8' else 'true' end,
        operator,
        neighbours
    );
    perform sqlembed._leave_search(settings);
exception
    when others then
        get stacked diagnostics state = returned_sqlstate, problem = message_text, pg_hint = pg_exception_hint;
        perform sqlembed._explain_use(state, problem, pg_hint, outliers.relation, coalesce(outliers.filter, outliers.baseline));
        raise;
end
$function$;

comment on function sqlembed.outliers(regclass, integer, name, text, text, text) is
    'How unlike the others each row is, the strangest first: its distance to the centroid of the rows, the mean of its distances to the k nearest of them, and score, the mean of its ranks in both, from 0 to 1. baseline is a condition for the rows that are as usual, which the others are held against; by default all that pass the filter.';

create or replace function sqlembed.project(
    relation regclass,
    dimensions integer default 2,
    embedding name default null,
    filter text default null,
    sample_size integer default 1000,
    seed integer default 0
)
returns table (key jsonb, coordinates double precision[])
language plpgsql
stable
as $function$
declare
    source record;
    wanted pg_catalog.text;
    unit pg_catalog.text;
    vectors public.vector[];
    plane record;
    state pg_catalog.text;
    problem pg_catalog.text;
    pg_hint pg_catalog.text;
begin
    perform sqlembed._check_use(
        project.dimensions operator(pg_catalog.>=) 1 and project.dimensions operator(pg_catalog.<=) 100,
        pg_catalog.format('dimensions => %s is not from 1 to 100', coalesce(project.dimensions::pg_catalog.text, 'NULL')),
        'It is the number of coordinates of each row; a picture has 2.'
    );
    perform sqlembed._check_use(
        project.sample_size operator(pg_catalog.>=) 2 and project.sample_size operator(pg_catalog.<=) 4000,
        pg_catalog.format('sample_size => %s is not from 2 to 4000', coalesce(project.sample_size::pg_catalog.text, 'NULL')),
        'It is the number of rows that decide the directions, all pairs of them.'
    );
    perform sqlembed._check_use(project.seed is not null, 'seed => NULL is not a number', 'The same seed gives the same result.');
    perform sqlembed._check_filter(project.filter);
    source := sqlembed._vector_source(project.relation, project.embedding, null, null);
    wanted := project.filter;
    unit := 'r.sqlembed_vector::public.vector';
    if source.metric operator(pg_catalog.=) 'cosine' then
        unit := 'public.l2_normalize(r.sqlembed_vector::public.vector)';
        -- What has no direction is nowhere.
        wanted := pg_catalog.format(
            E'(%s\n) and public.vector_norm(%s::public.vector) operator(pg_catalog.>) 0::pg_catalog.float8',
            coalesce(project.filter, 'true'), source.vector
        );
    end if;
    vectors := sqlembed._vector_sample(
        sqlembed._vector_rows(source.from_clause, source.vector, source.key, wanted),
        source.metric, project.sample_size, project.seed
    );
    if pg_catalog.cardinality(vectors) operator(pg_catalog.<) 2 then
        raise exception 'sqlembed: % has % rows with a vector to project',
            project.relation, pg_catalog.cardinality(vectors)
            using errcode = 'SE022', hint = 'It takes two at least. See select * from sqlembed.status.';
    end if;
    plane := sqlembed._principal_components(vectors, project.dimensions);
    return query execute pg_catalog.format(
        'select
            r.sqlembed_key,
            array(
                select (%1$s operator(public.<#>) c.component) operator(pg_catalog.*) (-1)::pg_catalog.float8
                    operator(pg_catalog.-) c.middle
                from rows from (pg_catalog.unnest($1), pg_catalog.unnest($2)) with ordinality as c (component, middle, number)
                order by c.number
            )
        from (%2$s) as r',
        unit,
        sqlembed._vector_rows(source.from_clause, source.vector, source.key, wanted)
    )
    using
        plane.components,
        array(
            select (plane.centre operator(public.<#>) c.component) operator(pg_catalog.*) (-1)::pg_catalog.float8
            from pg_catalog.unnest(plane.components) with ordinality as c (component, number)
            order by c.number
        );
exception
    when others then
        get stacked diagnostics state = returned_sqlstate, problem = message_text, pg_hint = pg_exception_hint;
        perform sqlembed._explain_use(state, problem, pg_hint, project.relation, project.filter);
        raise;
end
$function$;

comment on function sqlembed.project(regclass, integer, name, text, integer, integer) is
    'Coordinates of each row along the directions in which the vectors of a table differ most (principal components; of unit vectors under cosine), the most telling first. The directions are those of a sample of sample_size rows, exact where there are no more. The same seed gives the same result.';

create or replace function sqlembed.recommend(
    relation anyelement,
    liked jsonb[],
    disliked jsonb[] default '{}',
    k integer default 10,
    embedding name default null,
    filter text default null,
    mode text default 'vector',
    disliked_weight double precision default 0.5
)
returns table (base anyelement, distance double precision)
language plpgsql
stable
rows 10
as $function$
declare
    row_type pg_catalog.regtype := pg_catalog.pg_typeof(recommend.relation);
    target pg_catalog.regclass := (select t.typrelid from pg_catalog.pg_type as t where t.oid operator(pg_catalog.=) row_type);
    source record;
    liked_keys pg_catalog.jsonb[];
    disliked_keys pg_catalog.jsonb[];
    key pg_catalog.text;
    taste public.vector;
begin
    if target is null or target operator(pg_catalog.=) 0::pg_catalog.oid then
        perform sqlembed._refuse_recommend();
    end if;
    perform sqlembed._check_use(
        recommend.k operator(pg_catalog.>=) 1,
        pg_catalog.format('k must be 1 or more, not %s', coalesce(recommend.k::pg_catalog.text, 'NULL')),
        'k is the number of rows to find.'
    );
    perform sqlembed._check_use(
        recommend.disliked_weight operator(pg_catalog.>=) 0::pg_catalog.float8
            and recommend.disliked_weight operator(pg_catalog.<=) 10::pg_catalog.float8,
        pg_catalog.format('disliked_weight => %s is not from 0 to 10', coalesce(recommend.disliked_weight::pg_catalog.text, 'NULL')),
        'How far to move away from what is disliked; 0 means not at all.'
    );
    perform sqlembed._check_use(
        pg_catalog.cardinality(recommend.liked) operator(pg_catalog.>) 0,
        'nothing is liked',
        'Give keys of rows, each a jsonb array of its primary key''s values: array[''[1]'', ''[2]'']::jsonb[].'
    );
    source := sqlembed._vector_source(target, recommend.embedding, null, null);
    liked_keys := array(
        select distinct k.found
        from (select sqlembed._row_key(target, l.key) as found from pg_catalog.unnest(recommend.liked) as l (key)) as k
        where k.found is not null
    );
    disliked_keys := array(
        select distinct k.found
        from (select sqlembed._row_key(target, d.key) as found from pg_catalog.unnest(recommend.disliked) as d (key)) as k
        where k.found is not null
    );
    taste := sqlembed._taste(
        sqlembed._vectors_of(target, recommend.embedding, liked_keys),
        sqlembed._vectors_of(target, recommend.embedding, disliked_keys),
        source.metric, recommend.disliked_weight
    );
    if taste is null then
        raise exception 'sqlembed: none of the liked rows is there with a vector'
            using errcode = 'SE014',
                hint = 'Vectors may still have to be computed: select * from sqlembed.status.';
    end if;
    select e.expression into key from sqlembed._key_sql(target, '(h.base).') as e;
    return query execute pg_catalog.format(
        'select h.base, h.distance
        from sqlembed.vector_search(null::%s, $1, k => $2, embedding => $3, filter => $4, mode => $5) with ordinality as h
        where %s operator(pg_catalog.<>) all ($6)
        order by h.ordinality
        limit $7',
        row_type, key
    )
    using
        taste,
        recommend.k operator(pg_catalog.+) pg_catalog.cardinality(liked_keys)
            operator(pg_catalog.+) pg_catalog.cardinality(disliked_keys),
        recommend.embedding, recommend.filter, recommend.mode, liked_keys operator(pg_catalog.||) disliked_keys, recommend.k;
end
$function$;

comment on function sqlembed.recommend(anyelement, jsonb[], jsonb[], integer, name, text, text, double precision) is
    'The k rows that are most like those liked and least like those disliked, nearest first, none of these among them: select (base).title, distance from sqlembed.recommend(null::movie, array[''[1]'', ''[2]'']::jsonb[]). Rows are named by their keys, jsonb arrays of the primary key''s values. It looks around the mean of the liked, moved away from the mean of the disliked by disliked_weight of the way between them.';

create or replace function sqlembed.recommend(
    relation text,
    liked jsonb[],
    disliked jsonb[] default '{}',
    k integer default 10,
    embedding name default null,
    filter text default null,
    mode text default 'vector',
    disliked_weight double precision default 0.5
)
returns table (base text, distance double precision)
language plpgsql
immutable
as $function$
begin
    perform sqlembed._refuse_recommend();
end
$function$;

comment on function sqlembed.recommend(text, jsonb[], jsonb[], integer, name, text, text, double precision) is
    'Always an error, which shows how a table is given: as a NULL of its row type.';

-- The row that row_status has noted in two settings, and none that the caller may not see. Settings,
-- because a condition on this view would be checked on every job there is: it has a barrier.
create or replace view sqlembed._row_work with (security_barrier) as
select
    w.is_waiting,
    f.embedding is not null as is_failed,
    coalesce(j.attempts, f.attempts, 0) as attempts,
    -- It may quote the text.
    case when t.is_readable then coalesce(j.error, case when not w.is_waiting then f.error end) end as error,
    w.changed_at,
    case when j.error is not null then j.not_before end as retry_at
from sqlembed.embedding as e
cross join lateral (
    select sqlembed._row_key(e.relation, nullif(current_setting('sqlembed.row_key', true), '')::jsonb) as key
) as k
left join sqlembed.job as j on j.embedding = e.id and j.key = k.key
left join sqlembed.failed_job as f on f.embedding = e.id and md5(f.key::text) = md5(k.key::text)
cross join lateral (
    select
        min(q.changed_at) as changed_at,
        count(*) > 0 as is_waiting
    from sqlembed._queued as q
    where q.embedding = e.id and q.key = k.key
) as w
cross join lateral (
    select coalesce(bool_and(has_column_privilege(e.relation, c.name, 'select')), false) as is_readable
    from sqlembed._present_columns(e) as p
    cross join lateral unnest(p.source) as c (name)
    where c.name is not null
) as t
where e.id = nullif(current_setting('sqlembed.row_embedding', true), '')::integer and k.key is not null;

comment on view sqlembed._row_work is 'What waits or has failed of one row; for row_status.';
comment on column sqlembed._row_work.is_waiting is 'Whether a worker has to embed it.';
comment on column sqlembed._row_work.is_failed is 'Whether it was given up.';
comment on column sqlembed._row_work.attempts is 'How often the embedder has failed on it.';
comment on column sqlembed._row_work.error is 'What the embedder said last; null for those who may not read the columns of the source.';
comment on column sqlembed._row_work.changed_at is 'When the oldest change that waits was written.';
comment on column sqlembed._row_work.retry_at is 'When it is tried again, after a failure.';

grant select on sqlembed._row_work to public;

create or replace view sqlembed._waiting with (security_barrier) as
select e.relation, e.id as embedding, e.embedder, e.generation, w.key, w.changed_at
from sqlembed.embedding as e
cross join lateral (select sqlembed._sees_all_rows(e.relation) as all_rows) as s
cross join lateral (
    select q.key, q.changed_at from sqlembed._queued as q where q.embedding = e.id and s.all_rows
    union all
    select null::jsonb, o.changed_at
    from (select min(q.changed_at) as changed_at from sqlembed._queued as q where q.embedding = e.id) as o
    where not s.all_rows and o.changed_at is not null
) as w
where has_table_privilege(e.relation, 'select');

comment on view sqlembed._waiting is 'What waits in tables that the caller may read. From whom a policy keeps rows back learns only since when something waits.';
comment on column sqlembed._waiting.relation is 'The table.';
comment on column sqlembed._waiting.embedding is 'Number of the embedding.';
comment on column sqlembed._waiting.embedder is 'The embedder that makes the vectors.';
comment on column sqlembed._waiting.generation is 'Which generation it is.';
comment on column sqlembed._waiting.key is 'The row; one that has changed and is being embedded occurs several times.';
comment on column sqlembed._waiting.changed_at is 'When it was written.';

grant select on sqlembed._waiting to public;

create or replace view sqlembed.cache_use as
select
    m.name as embedder,
    u.fingerprint,
    u.kind,
    u.vectors,
    u.vectors * (one.bytes + octet_length(u.fingerprint) + 100) as bytes,
    u.oldest_use,
    u.newest_use
from (
    select c.fingerprint, c.kind, count(*) as vectors, min(c.used_at) as oldest_use, max(c.used_at) as newest_use
    from sqlembed.cache as c
    group by c.fingerprint, c.kind
) as u
cross join lateral (
    select 4 * public.vector_dims(c.embedding) + 8 as bytes
    from sqlembed.cache as c
    where c.fingerprint = u.fingerprint and c.kind = u.kind
    limit 1
) as one
left join lateral (
    select string_agg(e.name, ', ' order by e.name) as name
    from sqlembed.embedder as e
    where e.fingerprint = u.fingerprint
) as m on true;

comment on view sqlembed.cache_use is 'What the cache holds. For the owner of sqlembed, and whom it grants this view to.';
comment on column sqlembed.cache_use.embedder is 'The embedders of this fingerprint; null when none has it any more.';
comment on column sqlembed.cache_use.fingerprint is 'Fingerprint of the embedder that made the vectors.';
comment on column sqlembed.cache_use.kind is 'document or query.';
comment on column sqlembed.cache_use.vectors is 'How many there are.';
comment on column sqlembed.cache_use.bytes is 'About what they take.';
comment on column sqlembed.cache_use.oldest_use is 'When the one was used that has not been used for longest.';
comment on column sqlembed.cache_use.newest_use is 'When one was used last.';

create or replace view sqlembed.cluster_run with (security_barrier) as
select
    c.relation, c.label_column, c.method, c.parameters,
    case
        when c.error is not null then 'failed'
        when c.finished_at is not null then 'done'
        when sqlembed._is_alive(c.worker) then 'running'
        else 'waiting'
    end as state,
    c.labelled, c.num_clusters, c.error, c.asked_at, c.finished_at
from sqlembed.cluster_job as c
where sqlembed._sees_all_rows(c.relation)
    and not exists (
        select from sqlembed.cluster_job as n
        where n.relation = c.relation and n.label_column = c.label_column and n.id > c.id
    );

comment on view sqlembed.cluster_run is 'What became of create_clusters, the last time for each column. Not for those from whom a policy keeps rows back.';
comment on column sqlembed.cluster_run.relation is 'The table.';
comment on column sqlembed.cluster_run.label_column is 'Where the labels are written.';
comment on column sqlembed.cluster_run.method is 'The clustering function.';
comment on column sqlembed.cluster_run.parameters is 'What it is given besides the vectors.';
comment on column sqlembed.cluster_run.state is 'waiting, running, done or failed.';
comment on column sqlembed.cluster_run.labelled is 'How many rows got a label.';
comment on column sqlembed.cluster_run.num_clusters is 'How many clusters there are, without what is in none.';
comment on column sqlembed.cluster_run.error is 'Why it failed.';
comment on column sqlembed.cluster_run.asked_at is 'When it was asked for.';
comment on column sqlembed.cluster_run.finished_at is 'When it was done, or given up.';

grant select on sqlembed.cluster_run to public;

create or replace view sqlembed.clustering_status with (security_barrier, security_invoker) as
select
    c.name,
    c.relation,
    f.embedding,
    f.cluster_column,
    m.num_clusters,
    m.created_at as fitted_at,
    m.training_rows[cardinality(m.training_rows)] as fitted_rows,
    f.total,
    f.embedded,
    f.assigned,
    f.size_shift,
    f.distance_growth
from sqlembed.clustering as c
join sqlembed.cluster_model as m on m.name = c.name
cross join lateral sqlembed._clustering_facts(c) as f
where exists (select from pg_class as r where r.oid = c.relation);

comment on view sqlembed.clustering_status is
    'Each clustering of yours, and how far its table has drifted from the fit. size_shift: the share of rows that would have to change clusters for these to be as large as they were, 0 to 1. distance_growth: how many times as far rows lie from their centroids, by the root of mean squares. Reads the tables; those of others not where their code would run, in a policy or an index on an expression.';
comment on column sqlembed.clustering_status.name is 'Name of the clustering and of its model.';
comment on column sqlembed.clustering_status.relation is 'The table.';
comment on column sqlembed.clustering_status.embedding is 'The vector column; NULL when it, or that of the clusters, was dropped.';
comment on column sqlembed.clustering_status.cluster_column is 'The column of the clusters.';
comment on column sqlembed.clustering_status.num_clusters is 'Number of clusters.';
comment on column sqlembed.clustering_status.fitted_at is 'When it was fitted.';
comment on column sqlembed.clustering_status.fitted_rows is 'Rows that it was fitted on.';
comment on column sqlembed.clustering_status.total is 'Rows now.';
comment on column sqlembed.clustering_status.embedded is 'Rows that have a vector.';
comment on column sqlembed.clustering_status.assigned is 'Rows that have a cluster.';
comment on column sqlembed.clustering_status.size_shift is 'Share of rows that would have to change clusters for these to be as large as they were.';
comment on column sqlembed.clustering_status.distance_growth is 'Root of the mean squared distance of rows to their centroids, divided by what it was.';

grant select on sqlembed.clustering_status to public;

-- The barrier: a cheap function in somebody's WHERE would see what the condition keeps back.
create or replace view sqlembed.failure with (security_barrier) as
select e.relation, e.name as embedding, f.key, f.attempts, f.error, f.failed_at
from sqlembed.failed_job as f
join sqlembed.embedding as e on e.id = f.embedding
where sqlembed._sees_all_rows(e.relation);

comment on view sqlembed.failure is 'Rows that were given up, with what the embedder said; retry_failed brings them back. Not for those from whom a policy keeps rows back.';
comment on column sqlembed.failure.relation is 'The table.';
comment on column sqlembed.failure.embedding is 'The vector column.';
comment on column sqlembed.failure.key is 'The row: its primary key''s values in order.';
comment on column sqlembed.failure.attempts is 'How often it was tried.';
comment on column sqlembed.failure.error is 'What the embedder said at the last attempt.';
comment on column sqlembed.failure.failed_at is 'When it was given up.';

grant select on sqlembed.failure to public;

create or replace view sqlembed.generation with (security_barrier) as
select
    e.relation,
    coalesce(c.name, e.name) as embedding,
    e.generation,
    case when e.side is null then format('%s.%I', e.relation, e.name) else e.side::text end as place,
    e.embedder,
    e.dimensions,
    e.declared_source as source,
    e.index,
    e.rows_per_second,
    e.created_at
from sqlembed.embedding as e
left join sqlembed.embedding as c on c.id = e.generation_of
where has_table_privilege(e.relation, 'select');

comment on view sqlembed.generation is 'Generations of embeddings. How far the next one is says status, under its own name.';
comment on column sqlembed.generation.relation is 'The table.';
comment on column sqlembed.generation.embedding is 'The embedding that it belongs to.';
comment on column sqlembed.generation.generation is 'current: searches use it; next: it is being built; previous: it was current before.';
comment on column sqlembed.generation.place is 'The column or the side table that holds its vectors.';
comment on column sqlembed.generation.embedder is 'The embedder that makes the vectors.';
comment on column sqlembed.generation.dimensions is 'Length of the vectors.';
comment on column sqlembed.generation.source is 'The expression that is embedded, as it was declared.';
comment on column sqlembed.generation.index is 'Kind of index: hnsw, binary, prefix or none.';
comment on column sqlembed.generation.rows_per_second is 'How many rows of it a worker embeds a second at most; null: as many as it can.';
comment on column sqlembed.generation.created_at is 'When it was declared.';

grant select on sqlembed.generation to public;

create or replace function sqlembed.row_status(relation regclass, key jsonb, embedding name default null)
returns setof sqlembed.row_state
language plpgsql
volatile
as $function$
declare
    declared sqlembed.embedding;
    found_key jsonb;
    has_vector boolean;
begin
    -- An error where there is no such embedding.
    perform sqlembed._embedding_of(
        row_status.relation,
        coalesce(
            row_status.embedding,
            (
                select e.name
                from sqlembed.embedding as e
                where e.relation operator(pg_catalog.=) row_status.relation
                limit 1
            )
        )
    );
    found_key := sqlembed._row_key(row_status.relation, row_status.key);
    if found_key is null then
        return;
    end if;
    for declared in
        select e.*
        from sqlembed.embedding as e
        where e.relation operator(pg_catalog.=) row_status.relation
            and e.name operator(pg_catalog.=) coalesce(row_status.embedding, e.name)
        order by e.name
    loop
        execute pg_catalog.format(
            'select %s from (select $1) as k (key) cross join %s as r where %s',
            sqlembed._vector_test(declared, 'r'), declared.relation, (select k.match from sqlembed._key_sql(declared.relation) as k)
        )
        into has_vector
        using found_key;
        perform pg_catalog.set_config('sqlembed.row_key', found_key::text, true);
        perform pg_catalog.set_config('sqlembed.row_embedding', declared.id::text, true);
        return query
        select
            declared.name,
            case
                when w.is_waiting then 'pending'
                when w.is_failed then 'failed'
                when has_vector then 'embedded'
                else 'blank'
            end,
            has_vector,
            w.attempts,
            w.error,
            w.changed_at,
            w.retry_at
        from sqlembed._row_work as w;
    end loop;
    perform pg_catalog.set_config('sqlembed.row_key', '', true);
    perform pg_catalog.set_config('sqlembed.row_embedding', '', true);
end
$function$;

comment on function sqlembed.row_status(regclass, jsonb, name) is
    'How far a row is: embedded, pending, failed (given up) or blank (nothing to embed), for one embedding or each. No row where there is none, or none that the caller may see.';

create or replace view sqlembed.status with (security_barrier) as
select
    e.relation,
    p.vector as embedding,
    e.embedder,
    e.timing,
    c.total,
    c.embedded,
    c.blank,
    case when s.all_rows then q.pending end as pending,
    case when s.all_rows then q.failed end as failed,
    case when s.all_rows then q.oldest_pending end as oldest_pending,
    case
        when g.name is not null then 'column ' || quote_ident(g.name) || ' of its source is gone: drop this embedding and declare it anew'
        when u.member is not null then format(
            'triggers of %s are %s, so that changes are not noticed: its owner can say select sqlembed.refresh_embedding(%L, %L)',
            u.member, u.state, e.relation, p.vector
        )
        -- It may quote a row.
        when s.all_rows and q.last_error is not null then q.last_error
        when m.fingerprint is null then 'unserved: no worker has registered embedder ' || quote_ident(e.embedder)
    end as last_error
from sqlembed.embedding as e
join sqlembed.embedder as m on m.name = e.embedder
cross join lateral sqlembed._present_columns(e) as p
cross join lateral (select sqlembed._sees_all_rows(e.relation) as all_rows) as s
cross join lateral sqlembed._count_rows(e) as c
cross join lateral (
    select
        (
            select count(*)
            from (select distinct w.key from sqlembed._queued as w where w.embedding = e.id) as waiting
        ) as pending,
        (select count(*) from sqlembed.failed_job as f where f.embedding = e.id) as failed,
        (select min(w.changed_at) from sqlembed._queued as w where w.embedding = e.id) as oldest_pending,
        coalesce(
            (
                select j.error
                from sqlembed.job as j
                where j.embedding = e.id and j.error is not null
                order by j.not_before desc
                limit 1
            ),
            (
                select f.error
                from sqlembed.failed_job as f
                where f.embedding = e.id
                order by f.failed_at desc
                limit 1
            )
        ) as last_error
) as q
left join lateral (
    select s.name
    from unnest(e.source_columns, p.source) as s (name, present)
    where s.present is null
    limit 1
) as g on true
left join lateral (
    select t.member, t.state
    from sqlembed._unattached(e) as t
    where t.state <> 'changed'
    limit 1
) as u on true
where has_table_privilege(e.relation, 'select') and p.vector is not null;

comment on view sqlembed.status is 'How far each embedding is. Counting reads the tables. NULL counts: a policy keeps rows back, or to count would run functions of the table''s owner.';
comment on column sqlembed.status.relation is 'The table.';
comment on column sqlembed.status.embedding is 'The vector column.';
comment on column sqlembed.status.embedder is 'The embedder that makes the vectors.';
comment on column sqlembed.status.timing is 'async or sync.';
comment on column sqlembed.status.total is 'Rows that the caller can see.';
comment on column sqlembed.status.embedded is 'Rows with a vector.';
comment on column sqlembed.status.blank is 'Rows whose source is NULL, empty or blank: they get no vector.';
comment on column sqlembed.status.pending is 'Rows that wait for a worker.';
comment on column sqlembed.status.failed is 'Rows that were given up.';
comment on column sqlembed.status.oldest_pending is 'When the oldest change that waits was written.';
comment on column sqlembed.status.last_error is 'What went wrong last.';

grant select on sqlembed.status to public;

create or replace view sqlembed.worker as
select w.id, w.name, w.embedders, w.resting, w.started_at, w.clusterings
from sqlembed.worker_process as w
where exists (
    select
    from pg_catalog.pg_locks as l
    where l.locktype = 'advisory'
        and l.database = (select d.oid from pg_catalog.pg_database as d where d.datname = pg_catalog.current_database())
        and l.classid = sqlembed._lock('presence')::oid
        and l.objid = w.id::oid
        and l.pid = w.pid
        and l.objsubid = 2
        and l.mode = 'ExclusiveLock'
        and l.granted
);

comment on view sqlembed.worker is 'Workers that are alive, what they serve and since when.';
comment on column sqlembed.worker.id is 'Number of the worker.';
comment on column sqlembed.worker.name is 'Machine and process.';
comment on column sqlembed.worker.embedders is 'Embedders that it serves.';
comment on column sqlembed.worker.resting is 'Those of them that are down: it leaves them alone for a while. Why stands in status.last_error.';
comment on column sqlembed.worker.started_at is 'When it started.';
comment on column sqlembed.worker.clusterings is 'Clustering functions that it can call.';

grant select on sqlembed.worker to public;

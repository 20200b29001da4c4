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

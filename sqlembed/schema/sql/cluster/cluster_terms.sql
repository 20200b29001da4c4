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

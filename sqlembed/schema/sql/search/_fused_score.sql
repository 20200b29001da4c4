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

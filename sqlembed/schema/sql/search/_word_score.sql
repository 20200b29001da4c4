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

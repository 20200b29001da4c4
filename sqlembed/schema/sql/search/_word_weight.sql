create or replace function sqlembed._word_weight(matching bigint, holding bigint) returns double precision
language sql
immutable
parallel safe
-- Inverse document frequency of BM25, in a corpus of twice the rows that match: so it depends on
-- them alone, not on statistics nor on rows that the caller may not see, and no word counts nothing.
return pg_catalog.ln(1 + (2 * matching - holding + 0.5::double precision) / (holding + 0.5));

comment on function sqlembed._word_weight(bigint, bigint) is
    'What a word counts that so many of the matching rows hold: the fewer, the more.';

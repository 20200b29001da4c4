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

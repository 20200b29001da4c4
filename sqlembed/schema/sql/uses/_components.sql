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

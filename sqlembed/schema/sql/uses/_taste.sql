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

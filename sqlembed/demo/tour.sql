-- The vector column, its index and its triggers: one call. The source is any SQL expression.
select sqlembed.create_embedding(
    'docstring', embedder => 'minilm', source => 'doc') as rows_queued;

-- A worker embeds the rows

-- Text search: the text goes in as text.
select (base).name, round(distance::numeric, 3) as distance, (base).doc
from sqlembed.search(
    null::docstring, 'convert a string to lowercase', k => 5);

-- Any SQL condition narrows it down before the ranking: there are 3 rows if 3 rows match.
select (base).name, round(distance::numeric, 3) as distance, (base).doc
from sqlembed.search(
    null::docstring, 'wait until another one has finished', k => 3,
    filter => $$module in ('threading', 'subprocess')$$);

-- The same by hand, in any statement: embed() is an ordinary function.
select name, doc
from docstring
order by embedding <=> (
    select sqlembed.embed('minilm', 'pick a random element of a list'))
limit 3;

-- How near two texts are: the cosine of their vectors.
select
    sqlembed.similarity('minilm', 'delete a file', 'remove a path') as near,
    sqlembed.similarity('minilm', 'delete a file', 'sine of an angle') as far;

-- Clusters, in SQL alone: k-means over the stored vectors.
select num_clusters, iterations, round(loss::numeric, 1) as loss
from sqlembed.create_kmeans(
    'docstring_topics', 'select id, embedding from docstring',
    num_clusters => 10);

-- What each cluster is about: the rows nearest to its centroid.
select c.centroid_id as cluster, c.cluster_size as size, nearest.names
from sqlembed.centroids('docstring_topics') as c
cross join lateral (
    select string_agg(name, ', ') as names
    from (
        select name from docstring order by embedding <=> c.centroid limit 5
    ) as n
) as nearest
order by c.cluster_size desc;

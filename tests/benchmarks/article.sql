select sqlembed.create_embedding('wind_report', 'minilm', $$regexp_replace(comments, '\([A-Z]{3}\)$', '')$$) as queued;

select sqlembed.create_embedding('storm_event', 'minilm', 'narrative') as queued;

call sqlembed.wait_until_embedded('storm_event', timeout => '2 hours');

select (base).comments, round(distance::numeric, 3) as distance
from sqlembed.search(null::wind_report, 'power line down on a home', k => 5);

select num_clusters, iterations, round(loss) as loss from sqlembed.create_kmeans(
    'storms',
    'select event_id, embedding, extract(doy from begin_date), lon, lat from storm_event',
    num_clusters => 10, metric => 'euclidean', weights => '{3, 1, 1, 1}');

select round(davies_bouldin_index::numeric, 2) as davies_bouldin,
    round(mean_squared_distance::numeric, 2) as mean_squared_distance, round(silhouette::numeric, 2) as silhouette
from sqlembed.evaluate('storms');

select centroid_id as cluster, cluster_size as rows, numbers::int[] as "day, lon, lat", terms
from sqlembed.centroids('storms')
join (
    select centroid_id, string_agg(term, ', ' order by weight desc) as terms
    from sqlembed.cluster_terms(
        'storms', 'select narrative, embedding, extract(doy from begin_date), lon, lat from storm_event',
        terms => 5, config => 'english')
    group by centroid_id
) as t using (centroid_id)
order by 1;

select place, day, text, sqlembed.predict(
    'storms', (select sqlembed.embed('minilm', text)), array[day, lon, lat]) as cluster
from (values
    ('Dallas', 120, -96.8, 32.8, 'Golf ball size hail broke windshields.'),
    ('Pittsburgh', 70, -80.0, 40.4, 'Trees were blown down across the road.'),
    ('Pittsburgh', 172, -80.0, 40.4, 'Trees were blown down across the road.'),
    ('Pittsburgh', 172, -80.0, 40.4, 'Water covered the road, which was closed.'),
    ('Dallas', 120, -96.8, 32.8, 'Water covered the road, which was closed.')
) as new (place, day, lon, lat, text);

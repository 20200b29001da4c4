"""Labels, duplicates, outliers, drift and projections from Python: the SQL surface, typed."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import sqlalchemy as sa

if TYPE_CHECKING:
    from collections.abc import Sequence

#: By the vector index where that pays, or over every row.
Mode: TypeAlias = Literal["vector", "exact"]

#: The values of a row's primary key, as JSON has them.
Key: TypeAlias = tuple[Any, ...]

CLASSIFY = sa.text("""
select label, similarity, score
from sqlembed.classify(
    :embedder, cast(:input as text), cast(:labels as text[]), template => :template,
    temperature => :temperature
)
""")
NEAREST_LABEL = sa.text("""
select label, confidence, neighbours, distance
from sqlembed.nearest_label(
    cast(:relation as regclass), cast(:input as text), :label_column, k => :k,
    embedding => :embedding, filter => :filter, mode => :mode
)
""")
DUPLICATES = sa.text("""
select group_id, key, similarity
from sqlembed.duplicates(
    cast(:relation as regclass), :threshold, embedding => :embedding, filter => :filter,
    within => :within, mode => :mode
)
order by group_id, is_representative desc, similarity desc, key
""")
OUTLIERS = sa.text("""
select key, score, centroid_distance, neighbour_distance
from sqlembed.outliers(
    cast(:relation as regclass), :k, embedding => :embedding, filter => :filter,
    baseline => :baseline, mode => :mode
)
order by score desc, key
""")
DRIFT = sa.text("""
select baseline_rows, current_rows, centroid_shift, mmd, p_value
from sqlembed.drift(
    cast(:relation as regclass), :baseline_filter, :current_filter, embedding => :embedding,
    sample_size => :sample_size, permutations => :permutations, seed => :seed
)
""")
PROJECT = sa.text("""
select key, coordinates
from sqlembed.project(
    cast(:relation as regclass), :dimensions, embedding => :embedding, filter => :filter,
    sample_size => :sample_size, seed => :seed
)
order by key
""")


@dataclass(frozen=True)
class LabelScore:
    """How well a label fits a text."""

    label: str
    #: Cosine of text and label.
    similarity: float
    #: The label's share of them all.
    score: float


@dataclass(frozen=True)
class NearestLabel:
    """The label that a text's neighbours have."""

    label: str
    #: The label's share of what all neighbours count.
    confidence: float
    #: How many of them have it.
    neighbours: int
    #: Of the nearest of these.
    distance: float


@dataclass(frozen=True)
class Duplicate:
    """A row of a group."""

    key: Key
    #: With the group's representative.
    similarity: float


@dataclass(frozen=True)
class DuplicateGroup:
    """Rows that say nearly the same."""

    #: The row nearest to the group's mean.
    representative: Key
    #: All rows, the representative first.
    rows: tuple[Duplicate, ...]


@dataclass(frozen=True)
class Outlier:
    """How unlike the others a row is."""

    key: Key
    #: Mean of its ranks by both distances, 0 to 1.
    score: float
    centroid_distance: float
    #: Mean distance to its nearest neighbours; ``None`` where it has none.
    neighbour_distance: float | None


@dataclass(frozen=True)
class Drift:
    """How two sets of rows differ."""

    baseline_rows: int
    current_rows: int
    #: Length of the difference of their means.
    centroid_shift: float
    #: Squared maximum mean discrepancy of the samples.
    mmd: float
    #: How often a random division of the samples differs as much.
    p_value: float


def classify(
    connection: sa.Connection,
    embedder: str,
    input: str,
    labels: Sequence[str],
    *,
    template: str = "{}",
    temperature: float = 0.05,
) -> list[LabelScore]:
    """Returns the labels, best first; none for a blank text.

    Args:
        connection: where a living worker serves the embedder.
        embedder: what embeds text and labels.
        input: the text.
        labels: what it may be about.
        template: a text with ``{}`` in the place of the label.
        temperature: the smaller, the more of the score the best label gets.
    """
    given = {
        "embedder": embedder,
        "input": input,
        "labels": list(labels),
        "template": template,
        "temperature": temperature,
    }
    return [LabelScore(*row) for row in connection.execute(CLASSIFY, given)]


def nearest_label(
    connection: sa.Connection,
    relation: str,
    input: str,
    label_column: str,
    *,
    k: int = 10,
    embedding: str | None = None,
    filter: str | None = None,
    mode: Mode = "vector",
) -> NearestLabel | None:
    """Returns the label of the rows nearest to a text; ``None`` for a blank one, or without labels.

    Args:
        connection: where a living worker serves the table's embedder.
        relation: the table, as SQL writes it.
        input: the text.
        label_column: which column holds the labels.
        k: how many of the labelled rows to ask.
        embedding: which vector column, where the table has several.
        filter: a condition on the rows to ask, as SQL.
        mode: ``exact`` compares every row.
    """
    given = {
        "relation": relation,
        "input": input,
        "label_column": label_column,
        "k": k,
        "embedding": embedding,
        "filter": filter,
        "mode": mode,
    }
    row = connection.execute(NEAREST_LABEL, given).one_or_none()
    return NearestLabel(*row) if row else None


def duplicates(
    connection: sa.Connection,
    relation: str,
    *,
    threshold: float = 0.95,
    embedding: str | None = None,
    filter: str | None = None,
    within: str | None = None,
    mode: Mode = "vector",
) -> list[DuplicateGroup]:
    """Returns groups of rows that say nearly the same, the largest first.

    Args:
        connection: where the table is.
        relation: the table, as SQL writes it.
        threshold: the cosine that two rows have at least.
        embedding: which vector column, where the table has several.
        filter: a condition on the rows to look at, as SQL.
        within: only rows that agree in this expression are compared.
        mode: ``exact`` compares all pairs; ``vector`` may miss some in a large table.
    """
    given = {
        "relation": relation,
        "threshold": threshold,
        "embedding": embedding,
        "filter": filter,
        "within": within,
        "mode": mode,
    }
    groups = []
    for _, rows in groupby(connection.execute(DUPLICATES, given), key=lambda row: row.group_id):
        members = tuple(Duplicate(tuple(row.key), row.similarity) for row in rows)
        groups.append(DuplicateGroup(members[0].key, members))
    return groups


def outliers(
    connection: sa.Connection,
    relation: str,
    *,
    k: int = 10,
    embedding: str | None = None,
    filter: str | None = None,
    baseline: str | None = None,
    mode: Mode = "vector",
) -> list[Outlier]:
    """Returns how unlike the others each row is, the strangest first.

    Args:
        connection: where the table is.
        relation: the table, as SQL writes it.
        k: how many neighbours to look at.
        embedding: which vector column, where the table has several.
        filter: a condition on the rows to score, as SQL.
        baseline: a condition for the rows that are as usual; by default those that are scored.
        mode: ``exact`` compares all pairs.
    """
    given = {
        "relation": relation,
        "k": k,
        "embedding": embedding,
        "filter": filter,
        "baseline": baseline,
        "mode": mode,
    }
    return [Outlier(tuple(key), *row) for key, *row in connection.execute(OUTLIERS, given)]


def drift(
    connection: sa.Connection,
    relation: str,
    baseline_filter: str,
    current_filter: str,
    *,
    embedding: str | None = None,
    sample_size: int = 250,
    permutations: int = 500,
    seed: int = 0,
) -> Drift:
    """Returns whether rows mean something else than others.

    Args:
        connection: where the table is.
        relation: the table, as SQL writes it.
        baseline_filter: which rows are those before, as SQL.
        current_filter: which are those now.
        embedding: which vector column, where the table has several.
        sample_size: how many rows of each side the test compares.
        permutations: how often it divides them at random.
        seed: the same rows and seed give the same result.
    """
    given = {
        "relation": relation,
        "baseline_filter": baseline_filter,
        "current_filter": current_filter,
        "embedding": embedding,
        "sample_size": sample_size,
        "permutations": permutations,
        "seed": seed,
    }
    return Drift(*connection.execute(DRIFT, given).one())


def project(
    connection: sa.Connection,
    relation: str,
    *,
    dimensions: int = 2,
    embedding: str | None = None,
    filter: str | None = None,
    sample_size: int = 1000,
    seed: int = 0,
) -> dict[Key, tuple[float, ...]]:
    """Returns where each row stands along the directions in which the vectors differ most.

    Args:
        connection: where the table is.
        relation: the table, as SQL writes it.
        dimensions: how many coordinates.
        embedding: which vector column, where the table has several.
        filter: a condition on the rows, as SQL.
        sample_size: how many rows, chosen at random, decide the directions.
        seed: the same rows and seed give the same result.
    """
    given = {
        "relation": relation,
        "dimensions": dimensions,
        "embedding": embedding,
        "filter": filter,
        "sample_size": sample_size,
        "seed": seed,
    }
    found = connection.execute(PROJECT, given)
    return {tuple(key): tuple(coordinates) for key, coordinates in found}

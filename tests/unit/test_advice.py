"""What ``sqlembed advise`` tries, and what it chooses."""

from __future__ import annotations

import pytest

from sqlembed.advice import Measured, Option, options_for, recommend
from sqlembed.types import Storage

NONE = Option("vector", "none")
HNSW = Option("vector", "hnsw")
HALF = Option("halfvec", "hnsw")
BINARY = Option("vector", "binary")


def measured(
    option: Option, recall: float, milliseconds: float, index_size: int = 0, column_size: int = 100
) -> Measured:
    return Measured(option, recall, milliseconds, column_size, index_size, 1.0)


@pytest.mark.parametrize(
    ("storage", "dimensions", "names"),
    [
        (
            "vector",
            384,
            [
                "vector, no index", "vector, hnsw", "vector, binary", "vector, prefix of 64",
                "vector, prefix of 128", "halfvec, hnsw", "halfvec, binary",
            ],
        ),
        ("halfvec", 64, ["halfvec, no index", "halfvec, hnsw", "halfvec, binary"]),
        (
            "vector",
            3072,
            [
                "vector, no index", "vector, binary", "vector, prefix of 512",
                "vector, prefix of 1024", "halfvec, hnsw", "halfvec, binary",
            ],
        ),
        (
            "halfvec",
            5000,
            [
                "halfvec, no index", "halfvec, binary", "halfvec, prefix of 512",
                "halfvec, prefix of 1024",
            ],
        ),
    ],
)  # fmt: skip
def test_what_is_tried(storage: Storage, dimensions: int, names: list[str]) -> None:
    assert [str(option) for option in options_for(storage, dimensions)] == names


def test_few_rows_need_no_index() -> None:
    options = [measured(NONE, 1, 0.5), measured(HNSW, 1, 0.1, 50)]

    small = recommend(options, 0.95, 10)
    assert small.option == NONE
    assert "no index is needed: comparing every row takes 5.0 ms" in small.reason
    assert recommend(options, 0.95, 11).option == HNSW


def test_the_smallest_that_finds_enough_and_is_not_slow() -> None:
    options = [
        measured(NONE, 1, 100),
        measured(HNSW, 0.99, 1.0, 200),
        measured(HALF, 0.98, 0.9, 100, 50),
        measured(BINARY, 0.96, 2.7, 20),
    ]

    assert recommend(options, 0.95, 1).option == BINARY
    # It finds too little; it is too slow.
    assert recommend(options, 0.97, 1).option == HALF
    assert recommend([*options[:3], measured(BINARY, 1, 2.8, 20)], 0.95, 1).option == HALF


def test_when_nothing_finds_enough() -> None:
    options = [measured(NONE, 1, 100), measured(HNSW, 0.9, 1), measured(BINARY, 0.8, 1)]

    choice = recommend(options, 0.95, 1)

    assert choice.option == HNSW
    assert "no index finds 0.95" in choice.reason


def test_an_index_that_is_slower_than_none() -> None:
    assert recommend([measured(NONE, 1, 10), measured(HNSW, 1, 20)], 0.9, 1).option == NONE

"""Runs of every kind of data frame are read as the same runs in a file."""

from __future__ import annotations

import math
import weakref
from pathlib import Path
from typing import Any

import isoflop
import numpy as np
import pandas
import polars
import pyarrow
import pytest

COLUMNS: dict[str, list[Any]] = {
    "run": [f"r{k}" for k in range(12)],
    "N": [10 ** (6 + k / 4) for k in range(12)],
    "tokens": [2 * 10**8 + 17 * k**5 * 10**4 for k in range(12)],
    "val_loss": [3.1 - 0.1 * k + 0.01 * math.sin(k) for k in range(12)],
    "note": ["a", None, "b"] * 4,
}

KINDS = {
    "dict": dict,
    "arrays": lambda c: {name: np.array(column) for name, column in c.items()},
    "rows": lambda c: [dict(zip(c, row, strict=True)) for row in zip(*c.values(), strict=True)],
    "pandas": pandas.DataFrame,
    "pandas categories": lambda c: pandas.DataFrame(c).astype({"run": "category"}),
    "polars": polars.DataFrame,
    "pyarrow": pyarrow.table,
    "batches": lambda c: pyarrow.table(c).to_reader(max_chunksize=5),
}


class OnlyColumns:
    """A pandas frame on a machine without pyarrow."""

    def __init__(self, frame: pandas.DataFrame) -> None:
        self.columns, self.frame = frame.columns, frame

    def __getitem__(self, name: str) -> Any:
        return self.frame[name]

    def to_dict(self) -> Any:
        return self.frame.to_dict()

    def __arrow_c_stream__(self) -> Any:
        raise ImportError("pyarrow is not installed")


KINDS["pandas without pyarrow"] = lambda c: OnlyColumns(pandas.DataFrame(c))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_frame_gives_the_fit_of_the_file(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    pandas.DataFrame(COLUMNS).to_csv(path, index=False)
    expected = isoflop.fit(path, "power-c", bootstraps=30)
    found = isoflop.fit(KINDS[kind](COLUMNS), "power-c", bootstraps=30)
    assert found.params == expected.params
    assert found.intervals == expected.intervals
    assert any("`val_loss` read as loss" in note for note in found.notes)


def test_missing_values_are_missing_and_a_nan_of_arrow_is_a_run_that_diverged() -> None:
    columns = {**COLUMNS, "val_loss": [*COLUMNS["val_loss"][:10], None, float("nan")]}
    in_pandas = isoflop.fit(pandas.DataFrame(columns), "power-c", bootstraps=0)
    assert (in_pandas.n_used, len(in_pandas.dropped)) == (10, 2)
    in_polars = isoflop.fit(polars.DataFrame(columns, strict=False), "power-c", bootstraps=0)
    assert in_polars.params == in_pandas.params
    assert in_polars.dropped[-1]["line"] == 12
    assert "NaN" in in_polars.dropped[-1]["reason"]


def test_numbers_of_single_precision_are_the_numbers_that_they_are() -> None:
    losses = np.array(COLUMNS["val_loss"], dtype=np.float32)
    single = polars.DataFrame(COLUMNS).with_columns(polars.Series("val_loss", losses))
    double = polars.DataFrame(COLUMNS).with_columns(
        polars.Series("val_loss", losses.astype(np.float64))
    )
    fits = [isoflop.fit(frame, "power-c", bootstraps=0) for frame in (single, double)]
    assert fits[0].params == fits[1].params


def test_columns_can_be_mapped() -> None:
    frame = pandas.DataFrame(COLUMNS).rename(columns={"val_loss": "valid_ce_x"})
    with pytest.raises(isoflop.IsoflopError, match="loss"):
        isoflop.fit(frame)
    fit = isoflop.fit(frame, "power-c", bootstraps=0, map=["valid_ce_x=loss"])
    assert fit.n_used == 12


def test_what_is_no_table_is_refused_in_a_sentence() -> None:
    for data, said in [
        (7, "got int"),
        ({"N": [1, 2], "D": [1]}, "`N` has 2, `D` has 1"),
        ({"N": "12", "D": [1, 2]}, "column `N` is one value"),
        (pyarrow.table({"N": [[1.0], [2.0]], "D": [1, 2], "loss": [2.0, 1.0]}), "of the type List"),
    ]:
        with pytest.raises(isoflop.IsoflopError, match=said):
            isoflop.fit(data)


def test_batches_of_arrow_are_read_where_they_lie_and_let_go_one_by_one() -> None:
    alive, most = set(), 0

    def batches():
        nonlocal most
        for batch in range(40):
            sizes = 1e6 * 1.001 ** (np.arange(250) + 250 * batch)
            alive.add(batch)
            weakref.finalize(sizes, alive.discard, batch)
            column = pyarrow.array(sizes)
            assert column.buffers()[1].address == sizes.ctypes.data, "pyarrow itself copies"
            losses = pyarrow.array(3 + 1e5 / sizes)
            yield pyarrow.record_batch({"N": column, "D": column, "loss": losses})
            del sizes, column, losses
            most = max(most, len(alive))

    schema = pyarrow.schema([(name, pyarrow.float64()) for name in ("N", "D", "loss")])
    frame = pyarrow.RecordBatchReader.from_batches(schema, batches())
    fit = isoflop.fit(frame, "power-c", bootstraps=0)
    assert fit.n_used == 10_000
    assert not alive
    # The batch that is read, and the next one: a frame that is gathered first would hold all 40.
    assert most <= 3


def test_a_stream_that_fails_half_way_is_an_error_and_no_shorter_table() -> None:
    def batches():
        yield pyarrow.record_batch(COLUMNS)
        raise OSError("the disk is gone")

    schema = pyarrow.record_batch(COLUMNS).schema
    reader = pyarrow.RecordBatchReader.from_batches(schema, batches())
    with pytest.raises(isoflop.IsoflopError, match="the disk is gone"):
        isoflop.fit(reader)

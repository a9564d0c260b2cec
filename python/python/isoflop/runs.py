"""Runs from files, folders, stores, servers and data frames."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any

import numpy as np

from . import _native
from ._html import table
from ._native import IsoflopError

if TYPE_CHECKING:
    import pandas


class Runs(Sequence[dict[str, Any]]):
    """Training runs under isoflop's column names, and how they were read.

    A sequence of dicts; made by :func:`read`, or by anything that takes runs.
    """

    def __init__(self, native: _native.Runs) -> None:
        self._native = native
        self._records: list[dict[str, Any]] | None = None

    @property
    def source(self) -> str:
        """The file, folder, store or address."""
        return self._native.source

    @property
    def columns(self) -> list[str]:
        """How each column or key of the source was understood, one sentence each."""
        return self._native.columns

    @property
    def notes(self) -> list[str]:
        """What was derived, left out or looks wrong."""
        return self._native.notes

    @property
    def dropped(self) -> list[dict[str, Any]]:
        """Rows that are no runs, with line and reason."""
        return json.loads(self._native.dropped())

    def records(self) -> list[dict[str, Any]]:
        """The runs as dicts, without what they do not say."""
        if self._records is None:
            rows = json.loads(self._native.records())
            self._records = [{k: v for k, v in run.items() if v is not None} for run in rows]
        return self._records

    def to_pandas(self) -> pandas.DataFrame:
        """The runs as a pandas DataFrame."""
        import pandas

        return pandas.DataFrame(self.records())

    def __len__(self) -> int:
        return len(self._native)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.records())

    def __getitem__(self, index: Any) -> Any:
        return self.records()[index]

    def __repr__(self) -> str:
        return f"<isoflop.Runs: {len(self)} runs of {self.source}, {len(self.dropped)} dropped>"

    def _repr_html_(self) -> str:
        shown = self.records()[:20]
        names = list({name: None for run in shown for name in run if not name.startswith("label_")})
        rows = [[run.get(name) for name in names] for run in shown]
        said = [f"{len(self)} runs of {self.source}"]
        said += [f"line {one['line']} is no run: {one['reason']}" for one in self.dropped[:20]]
        return table(names, rows, said + self.notes)


def read(
    source: str | PathLike[str],
    *,
    format: str | None = None,
    map: Iterable[str] = (),
    set: Iterable[str] = (),
    final_loss: str = "last",
    checkpoints: bool = False,
    bytes_per_token: float | None = None,
    pattern: str | None = None,
) -> Runs:
    """Read runs from a file, a folder, a store or an MLflow server.

    CSV, JSON, JSONL and Parquet; Hugging Face ``trainer_state.json``, TensorBoard, W&B offline
    runs, MLflow, and console logs. Arguments are those of ``isoflop import``: ``map`` says what
    columns mean where the guess is wrong (``["valid_ce=loss"]``), ``set`` gives values that the
    source does not (``["tokens=1.4B"]``).
    """
    arguments = read_arguments(
        map,
        format=format,
        set=list(set),
        final_loss=final_loss,
        checkpoints=checkpoints,
        bytes_per_token=bytes_per_token,
        pattern=pattern,
    )
    return Runs(_native.read(fspath(source), arguments))


def read_arguments(map: Iterable[str] = (), **given: Any) -> dict[str, Any]:
    """Arguments of reading; what is not given has the command line's default."""
    defaults: dict[str, Any] = {
        "format": None,
        "set": [],
        "final_loss": "last",
        "checkpoints": False,
        "bytes_per_token": None,
        "pattern": None,
    }
    return {**defaults, **given, "map": list(map)}


def runs_of(data: Any, map: Iterable[str] = ()) -> _native.Runs:
    """Runs from whatever a user has: a path, :class:`Runs`, or a data frame of any library."""
    if isinstance(data, Runs):
        return data._native
    if isinstance(data, (str, PathLike)):
        return read(data, map=map)._native
    stream = _arrow_stream(data)
    if stream is not None:
        return _native.from_stream(stream, read_arguments(map))
    columns = _columns(data)
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        said = ", ".join(f"`{name}` has {length}" for name, length in lengths.items())
        raise IsoflopError(f"the columns have different lengths: {said}")
    cells = [[_cell(value) for value in column] for column in columns.values()]
    return _native.from_columns(list(columns), cells, read_arguments(map))


def _arrow_stream(data: Any) -> Any:
    """The frame as an Arrow stream, read without a copy; None if it does not offer one."""
    if not hasattr(data, "__arrow_c_stream__"):
        return None
    try:
        return data.__arrow_c_stream__()
    except (ImportError, TypeError, ValueError):
        # pandas makes its stream through pyarrow, which may be absent, or refuse a column of
        # mixed types.
        if hasattr(data, "to_dict"):
            return None
        raise


def _columns(data: Any) -> dict[str, Sequence[Any]]:
    if isinstance(data, Mapping):
        return {str(name): _list(name, column) for name, column in data.items()}
    if hasattr(data, "columns") and hasattr(data, "to_dict"):  # pandas
        return {str(name): data[name].tolist() for name in data.columns}
    if isinstance(data, Sequence) and all(isinstance(row, Mapping) for row in data):
        names = {str(name): None for row in data for name in row}
        return {name: [row.get(name) for row in data] for name in names}
    kind = type(data).__name__
    raise IsoflopError(
        f"runs are a file, a data frame, a mapping of columns or a list of mappings: got {kind}"
    )


def _list(name: Any, column: Any) -> Sequence[Any]:
    if isinstance(column, str) or not hasattr(column, "__len__"):
        raise IsoflopError(f"column `{name}` is one value: expected a list, an array or a series")
    return column.tolist() if hasattr(column, "tolist") else list(column)


def _cell(value: Any) -> bool | int | float | str | None:
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, np.generic):
        return _cell(value.item())
    if isinstance(value, int):
        return value if abs(value) < 2**63 else str(value)
    if isinstance(value, float):
        # pandas writes a missing number as NaN.
        return None if math.isnan(value) else value
    # pandas.NA, NaT and the like are equal to nothing, themselves included.
    try:
        return str(value) if value == value else None
    except TypeError:
        return None

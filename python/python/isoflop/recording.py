"""Record a run while it trains: one file a run, written whole or not at all."""

from __future__ import annotations

import json
from os import PathLike
from pathlib import Path
from typing import Any

from . import _native


class Recorder:
    """Records a bare training loop in three lines.

    >>> record = Recorder("runs/d64.jsonl", params=19e6, batch_tokens=4096)  # doctest: +SKIP
    >>> record.log(step, loss)                                               # doctest: +SKIP
    >>> record.finish()                                                      # doctest: +SKIP

    A folder of such files is read by ``isoflop fit FOLDER`` and :func:`isoflop.read`. A run that
    has not ended says so, and no fit uses it. As a context manager it records an exception as the
    reason why the run failed.
    """

    def __init__(self, path: str | PathLike[str], run: str | None = None, **columns: Any) -> None:
        self.path = Path(path)
        self._record: dict[str, Any] = {
            "run": run or self.path.stem,
            "status": "running",
            **dict.fromkeys(("params", "tokens", "loss")),
            **columns,
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._write()

    def log(self, step: int, loss: float, *, tokens: float | None = None, **metrics: float) -> None:
        """The held-out loss at a step, nats per token; the last one logged is the final loss."""
        batch = self._record.get("batch_tokens")
        if tokens is None and batch is not None:
            tokens = step * batch
        self._record |= {"step": int(step), "loss": float(loss)}
        if tokens is not None:
            self._record["tokens"] = float(tokens)
        for name, value in metrics.items():
            self._record[f"metric_{name}"] = float(value)
        self._write()

    def finish(self, status: str = "finished", reason: str | None = None) -> None:
        """The run has ended."""
        self._record["status"] = status
        if reason is not None:
            self._record["reason"] = reason
        self._write()

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: Any, trace: Any) -> None:
        if kind is None:
            self.finish()
        else:
            self.finish("failed", f"{kind.__name__}: {error}")

    def _write(self) -> None:
        _native.write_record(str(self.path), json.dumps(self._record) + "\n")

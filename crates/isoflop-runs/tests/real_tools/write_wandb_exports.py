"""Writes the runs of `fixtures/wandb` as people export them from W&B.

    tools/bin/python crates/isoflop-runs/tests/real_tools/write_wandb_exports.py

Run after `write_ladders.py`, with the same packages. W&B's API needs its server, which is not part of
a test: the rows that it gives are read here from the offline runs that the real client wrote, through
its own messages, and saved by pandas as W&B's guides do.

- `history/RUN.csv`, `history/RUN.jsonl`: `run.history().to_csv(..)`, and `run.scan_history()` a row
  a line. One file a run, which does not say its configuration.
- `history.parquet`, `history.csv.gz`: histories one below the other with name and configuration.
- `project.csv`, `project.jsonl`, `project.parquet`: "Export a project's runs" of W&B's guide.
- `runs-table.csv`: the table of runs as the page downloads it. Its layout is as seen there, with the
  columns in the order of the page; no tool offline writes it.
"""

import json
import struct
from pathlib import Path

import pandas
from wandb.proto import wandb_internal_pb2

FIXTURES = Path(__file__).parent.parent / "fixtures"
OUT = FIXTURES / "wandb-export"


def records(path):
    """Messages of a `.wandb` file: LevelDB's log in blocks of 32 KiB after a header of 7 bytes."""
    data, at, message = path.read_bytes(), 7, b""
    while at + 7 <= len(data):
        left = 32768 - at % 32768
        if left < 7:
            at += left
            continue
        _, length, kind = struct.unpack("<IHB", data[at : at + 7])
        message += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):
            yield wandb_internal_pb2.Record.FromString(message)
            message = b""


def values(items):
    found = {}
    for item in items:
        *holders, key = item.nested_key or [item.key]
        inner = found
        for holder in holders:
            inner = inner.setdefault(holder, {})
        inner[key] = json.loads(item.value_json)
    return found


def read(path):
    """What `wandb.Api().run(..)` says of a run: name, config, summary and history."""
    run = {"config": {}, "summary": {}, "history": []}
    for record in records(path):
        kind = record.WhichOneof("record_type")
        if kind == "run":
            run["name"] = record.run.display_name
            run["config"] |= values(record.run.config.update)
        elif kind == "history":
            run["history"].append(values(record.history.item))
        elif kind == "summary":
            run["summary"] |= values(record.summary.update)
    # Keys that start with `_` are W&B's own: its guide leaves them out of the configuration.
    run["config"] = {key: value for key, value in run["config"].items() if key[0] != "_"}
    return run


def table_row(run):
    """A row of the page's table: fields of the run, then config and summary by key."""
    fields = {
        "Name": run["name"], "State": "finished", "Notes": "-", "User": "someone", "Tags": "",
        "Created": "2026-11-01T10:00:00.000Z", "Runtime": round(run["summary"]["_runtime"]),
        "Sweep": "",
    }
    config = {f"{k}.{kk}": vv for k, v in run["config"].items() if isinstance(v, dict) for kk, vv in v.items()}
    config |= {k: v for k, v in run["config"].items() if not isinstance(v, dict)}
    summary = {key: value for key, value in run["summary"].items() if key != "_wandb"}
    return fields | config | dict(sorted(summary.items()))


def main():
    (OUT / "history").mkdir(parents=True, exist_ok=True)
    runs = [read(path) for path in sorted((FIXTURES / "wandb").rglob("*.wandb"))]
    for run in runs[:2]:
        frame = pandas.DataFrame.from_records(run["history"])
        frame.to_csv(OUT / "history" / f"{run['name']}.csv")
        lines = (json.dumps(row) + "\n" for row in run["history"])
        (OUT / "history" / f"{run['name']}.jsonl").write_text("".join(lines))
    frames = [
        pandas.DataFrame.from_records(run["history"]).assign(
            run=run["name"], **{k: v for k, v in run["config"].items() if not isinstance(v, dict)}
        )
        for run in runs
    ]
    together = pandas.concat(frames)
    together.to_parquet(OUT / "history.parquet")
    together.to_csv(OUT / "history.csv.gz", index=False, compression={"method": "gzip", "mtime": 1})
    project = pandas.DataFrame(
        {
            "summary": [run["summary"] for run in runs],
            "config": [run["config"] for run in runs],
            "name": [run["name"] for run in runs],
        }
    )
    project.to_csv(OUT / "project.csv")
    project.to_json(OUT / "project.jsonl", orient="records", lines=True)
    project.to_parquet(OUT / "project.parquet")
    table = pandas.DataFrame([table_row(run) for run in runs])
    table.to_csv(OUT / "runs-table.csv", index=False, quoting=1)


main()

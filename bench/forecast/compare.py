"""Forecasts of the held-out runs of every set in data/, against what people run today.

    pip install numpy scipy pandas
    python bench/forecast/compare.py            # prints the table and writes table.md beside it

Fits the rows that say `fit` and forecasts those that say `test`; nothing is tuned to a set.
`--full-grid` starts approach 3 from its 4,500 starts (slow) instead of 243. `--within` looks at no
held-out run: it fits the smallest 45, 60 and 75 % of the rows that say `fit` and forecasts the others,
which is what the form of our model was chosen by. Ours knows which models of an accuracy are of one
family; the peers have no place for that.
"""

import argparse
import subprocess
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import peers

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
DATA = ROOT / "data"


def runs(name, table):
    """Runs of N, D and C."""
    params = table.params_total.where(table.params_total.notna(), table.params_non_embedding)
    columns = dict(params=params, tokens=table.tokens, flops=table.flops, loss=table.loss, split=table.split)
    if "unique_tokens" in table:
        columns["unique_tokens"] = table.unique_tokens
    return name, "runs", pd.DataFrame(columns)


def curve(name, x, value, split, of, family=None):
    return name, of, pd.DataFrame(dict(x=x, value=value, of=of, split=split, family=family))


def series():
    yield runs("chinchilla", pd.read_csv(DATA / "chinchilla_epoch.csv"))
    for name, table in pd.read_csv(DATA / "porian_refinedweb.csv").groupby("config"):
        yield runs(f"porian {name.removeprefix('rw_')}", table)
    yield runs("datablations", pd.read_csv(DATA / "datablations_c4.csv"))
    for name, table in pd.read_csv(DATA / "learning_curves_nmt.csv").groupby("model"):
        yield curve(f"nmt {name}", table.seen_examples, table.loss, table.split, "loss")
    table = pd.read_csv(DATA / "obsscaling_base_benchmarks.csv")
    for column in [c for c in table if c.startswith("acc_")]:
        # A score of 0 or 1 has no place on a scale of −ln p.
        kept = table[table[column].between(0, 1, inclusive="neither") & table.flops.notna()]
        yield curve(column, kept.flops, kept[column], kept.split, "pass-rate", kept.model)


def logs(table, of):
    if of == "runs":
        return {
            "n": np.log(table.params.values),
            "d": np.log(table.tokens.values),
            "c": np.log(table.flops.values),
            "y": np.log(table.loss.values),
        }
    # The peers see the error of an accuracy as a loss.
    value = table.value if of == "loss" else 1 - table.value
    return {"c": np.log(table.x.values), "y": np.log(value.values)}


def errors(said, table, of):
    if of == "pass-rate":
        return np.abs((1 - np.exp(said)) / table.value.values - 1)
    truth = table.loss.values if of == "runs" else table.value.values
    return np.abs(np.exp(said) / truth - 1)


def of_peers(table, of, full_grid):
    fitted, held_out = table[table.split == "fit"], table[table.split == "test"]
    methods = {"L(C)": peers.power_c, "BNSL": peers.bnsl}
    if of == "runs":
        methods = {
            "approach 3": lambda rows: peers.approach_3(rows, full_grid),
            "VPNLS": peers.vpnls,
        } | methods
    return {
        name: errors(method(logs(fitted, of))(logs(held_out, of)), held_out, of)
        for name, method in methods.items()
    }


def ours(folder, all_series):
    paths = []
    for index, (_, _, table) in enumerate(all_series):
        path = Path(folder) / f"{index}.csv"
        table[table.split.isin(["fit", "test"])].to_csv(path, index=False)
        paths.append(str(path))
    command = ["cargo", "run", "-q", "-p", "isoflop-fit", "--example", "forecast_split", "--", "auto"]
    done = subprocess.run(command + paths, cwd=ROOT, check=True, capture_output=True, text=True)
    (Path(folder) / "said.csv").write_text(done.stdout)
    said = pd.read_csv(Path(folder) / "said.csv")
    said["series"] = [int(Path(file).stem) for file in said.file]
    said["error"] = (said.forecast / said.loss - 1).abs()
    said["held"] = (said.lo <= said.loss) & (said.loss <= said.hi)
    said["width"] = (said.hi - said.lo) / said.forecast
    return said


def within(all_series, what):
    """Forecasts among the fitted rows: coverage, width and errors by the share that was fitted."""
    for share in (0.45, 0.6, 0.75):
        cut = []
        for name, of, table in all_series:
            by = "flops" if of == "runs" else "x"
            rows = table[table.split == "fit"].sort_values(by)
            # Budgets in files differ in rounding.
            edge = rows[by].values[int(share * len(rows)) - 1] * np.exp(0.02)
            cut.append((name, of, rows.assign(split=np.where(rows[by] <= edge, "fit", "test"))))
        with tempfile.TemporaryDirectory() as folder:
            said = ours(folder, cut)
        each = said.groupby("series")
        print(
            f"smallest {share:.0%} of {len(cut)} series of {what}: {each.held.mean().mean():.0%} held, "
            f"mean width {each.width.mean().mean():.1%}, median error {each.error.median().mean():.2%}, "
            f"90th percentile {each.error.quantile(0.9).mean():.2%} (means over series)"
        )


def cell(error):
    return f"{100 * np.median(error):.2f} / {100 * np.quantile(error, 0.9):.2f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full-grid", action="store_true")
    parser.add_argument("--within", action="store_true")
    arguments = parser.parse_args()
    full_grid = arguments.full_grid
    warnings.filterwarnings("ignore")
    all_series = list(series())
    if arguments.within:
        within([one for one in all_series if one[1] == "runs"], "runs")
        within([one for one in all_series if one[1] == "pass-rate"], "accuracies")
        return
    with tempfile.TemporaryDirectory() as folder:
        said = ours(folder, all_series)
    names = ["approach 3", "VPNLS", "L(C)", "BNSL"]
    lines = [
        "Relative error of held-out measurements in per cent, median / 90th percentile; coverage and",
        "mean width (per cent of the forecast) of isoflop's intervals at 90 %. Approach 3 from",
        f"{'4,500' if full_grid else '243'} starts. Made by `python bench/forecast/compare.py`.",
        "",
        "| series | held out | isoflop | " + " | ".join(names) + " | coverage | width |",
        "|---|---:|---:|" + "---:|" * (len(names) + 2),
    ]
    for index, (name, of, table) in enumerate(all_series):
        mine = said[said.series == index]
        theirs = of_peers(table, of, full_grid)
        cells = [cell(theirs[peer]) if peer in theirs else "" for peer in names]
        lines.append(
            f"| {name} | {len(mine)} | {cell(mine.error)} | "
            + " | ".join(cells)
            + f" | {100 * mine.held.mean():.0f} % | {100 * mine.width.mean():.1f} % |"
        )
        print(lines[-1], flush=True)
    kinds = {index: of for index, (_, of, _) in enumerate(all_series)}
    for of, title in (("runs", "losses of runs"), ("loss", "losses of curves"), ("pass-rate", "accuracies")):
        some = said[said.series.map(kinds) == of]
        by_series = some.groupby("series").width.mean().mean()
        lines += ["" if of == "runs" else None] + [
            f"- {title}: {100 * some.held.mean():.1f} % of {len(some)} intervals held; "
            f"mean width over series {100 * by_series:.1f} %."
        ]
    lines.append(f"- all: {100 * said.held.mean():.1f} % of {len(said)} intervals held.")
    text = "\n".join(line for line in lines if line is not None) + "\n"
    (HERE / "table.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()

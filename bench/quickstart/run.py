"""Whether `isoflop quickstart` forecasts what comes: every job of the table, one after the other.

    cargo build --release
    python bench/quickstart/run.py OUT [--long] > bench/quickstart/table.md

Half an hour on two quiet cores; as long again with `--long`, which adds a job of thirty minutes. Each job lies in its own folder of OUT; a job that has ended is
not made again, so that a stopped bench goes on. Needs nothing but Python."""

import json
import subprocess
import sys
from pathlib import Path

ISOFLOP = Path(__file__).resolve().parents[2] / "target/release/isoflop"
REGISTRY = [(f"registry-{seed}", ["--minutes", "5", "--seed", str(seed)]) for seed in (1, 2, 3)]
LONG = [("registry-long", ["--minutes", "30", "--ratio", "50", "--seed", "1"])]
LAWS = ("chinchilla", "kaplan-nd", "power-c")
SYNTHETIC = [
    (f"synthetic-{seed}", ["--minutes", "5", "--corpus", "synthetic", "--seed", str(seed)])
    for seed in (1, 2, 3)
]


def outcome(folder, name, options):
    answer = folder / f"{name}.json"
    if not answer.exists():
        command = [ISOFLOP, "quickstart", *options, "--out", folder / name, "--json"]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
        if done.returncode != 0:
            sys.exit(f"{name} failed with exit status {done.returncode}")
        answer.write_text(done.stdout)
    return json.loads(answer.read_text())


def row(name, options, said):
    minutes = float(options[options.index("--minutes") + 1])
    others = {other["law"]: other["relative_error"] for other in said["others"]}
    cells = [
        name,
        str(said["n_used"]),
        f"{said['extrapolation']:.0f}",
        f"{said['predicted']:.4f}",
        f"{said['lo']:.4f} to {said['hi']:.4f}",
        f"{said['actual']:.4f} ± {said['actual_std']:.4f}",
        f"{100 * said['relative_error']:+.2f} %",
        "yes" if said["inside"] else "**no**",
        *(f"{100 * others[law]:+.1f} %" if law in others else "" for law in LAWS),
        f"{said['seconds']:.0f} of {60 * minutes:.0f}",
    ]
    return "| " + " | ".join(cells) + " |"


def forecasts(folder, jobs):
    head = ["job", "runs", "leap in C", "sealed forecast", "90 % interval", "came", "error", "inside"]
    head += [*LAWS, "seconds"]
    print("| " + " | ".join(head) + " |")
    print("|" + "---|" * len(head))
    for name, options in jobs:
        print(row(name, options, outcome(folder, name, options)))


def floors(folder):
    print("| job | entropy rate | fitted E (`chinchilla`) | 90 % interval | difference |")
    print("|---|---|---|---|---|")
    for name, options in SYNTHETIC:
        floor = outcome(folder, name, options)["floor"]
        interval = "" if floor["lo"] is None else f"{floor['lo']:.3f} to {floor['hi']:.3f}"
        off = abs(floor["fitted"] - floor["known"])
        print(f"| {name} | {floor['known']:.4f} | {floor['fitted']:.4f} | {interval} | {off:.4f} |")


def main():
    arguments = [argument for argument in sys.argv[1:] if argument != "--long"]
    if len(arguments) != 1:
        sys.exit(__doc__)
    folder = Path(arguments[0])
    long = LONG if "--long" in sys.argv else []
    folder.mkdir(parents=True, exist_ok=True)
    print("# Forecasts of `isoflop quickstart`, sealed before their targets were trained\n")
    print("Loss in nats per token; made by `bench/quickstart/run.py`. Errors are forecast against")
    print("what came; the columns of other laws are what they said in the same sealed file.\n")
    forecasts(folder, REGISTRY + long + SYNTHETIC)
    print("\nThe synthetic source's entropy rate is known exactly: no model can go below it.\n")
    floors(folder)


main()

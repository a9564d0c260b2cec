"""Training speed of isoflop against PyTorch, interleaved in one run, as a Markdown table.

    cargo build --release -p isoflop-train --example train_speed
    python bench/train/compare.py > bench/train/speed.md

Needs torch from PyPI, in a virtual environment outside the repository. Each round runs every
contender once for a few seconds; medians over the rounds are compared."""

import platform
import statistics
import subprocess
import sys
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[2]
OURS = ROOT / "target/release/examples/train_speed"
SIZES = [(64, 3), (128, 4), (256, 6)]
ROUNDS, SECONDS = 5, "4"
MODES = sys.argv[1:] or ["eager", "compile", "bfloat16"]


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parent)
    if done.returncode != 0:
        sys.exit(f"{command} failed:\n{done.stderr}")
    return float(done.stdout.split()[-1])


def contenders(width, layers):
    size = (str(width), str(layers), SECONDS)
    yield "isoflop", [str(OURS), *size]
    yield "products", [str(OURS), *size, "--products"]
    for mode in MODES:
        yield f"torch {mode}", [sys.executable, "torch_speed.py", *size, mode]


def main():
    torch_names = [f"torch {mode}" for mode in MODES]
    names = ["isoflop", "products", *torch_names]
    print(f"Tokens a second of full training steps (batch 16 x 256, vocabulary 1024, float32 unless")
    print(f"named otherwise), median of {ROUNDS} interleaved rounds of {SECONDS} s; torch {torch.__version__},")
    print(f"{torch.get_num_threads()} threads, {platform.machine()}. `products` is the rate that the matrix products alone")
    print("allow, with the full attention square.\n")
    print("| model | " + " | ".join(names) + " | isoflop / best float32 torch | isoflop / bfloat16 | isoflop / products |")
    print("|---|" + "---|" * (len(names) + 3))
    for width, layers in SIZES:
        rates = {name: [] for name in names}
        for _ in range(ROUNDS):
            for name, command in contenders(width, layers):
                rates[name].append(run(*command))
        middle = {name: statistics.median(values) for name, values in rates.items()}
        best = max(middle[name] for name in torch_names if "bfloat16" not in name)
        low = middle.get("torch bfloat16")
        cells = [f"{middle[name]:,.0f}" for name in names]
        cells += [f"{middle['isoflop'] / best:.2f}", f"{middle['isoflop'] / low:.2f}" if low else "-"]
        cells += [f"{middle['isoflop'] / middle['products']:.2f}"]
        print(f"| d={width} L={layers} | " + " | ".join(cells) + " |", flush=True)


main()

"""Full training steps of PyTorch on a GPU in tokens per second:
`torch_gpu.py WIDTH LAYERS SECONDS MODE...` with MODE eager or compile, and -float32, -tf32 or
-bfloat16 (autocast), such as eager-tf32. Prints a line a mode."""

import sys
import time

import torch
from torch_model import Transformer, parameter_groups

BATCH, CONTEXT, VOCABULARY = 16, 256, 1024


def rate(width, layers, seconds, mode):
    execution, precision = mode.split("-")
    torch.manual_seed(0)
    torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")
    model = Transformer(layers, width, width // 32, VOCABULARY, CONTEXT).cuda()
    groups = parameter_groups(model, 1e-3, 0.1, width)
    optimiser = torch.optim.AdamW(groups, betas=(0.9, 0.95), eps=1e-8, fused=True)
    loss_of = torch.compile(model) if execution == "compile" else model
    index = torch.arange(100_000, dtype=torch.int64)
    text = (index * index // 7 + index * 31) % VOCABULARY
    at = 0

    def step():
        nonlocal at
        at = (at + 4999) % 90_000
        windows = torch.stack([text[at + i * 256 : at + i * 256 + CONTEXT + 1] for i in range(BATCH)])
        windows = windows.cuda(non_blocking=True)
        optimiser.zero_grad(set_to_none=True)
        with torch.autocast("cuda", dtype=torch.bfloat16, enabled=precision == "bfloat16"):
            loss = loss_of(windows[:, :-1], windows[:, 1:])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        loss.item()

    for _ in range(5):
        step()
    start, steps = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        step()
        steps += 1
    return steps * BATCH * CONTEXT / (time.perf_counter() - start)


def main():
    width, layers, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    for mode in sys.argv[4:]:
        print(f"torch-{mode}", round(rate(width, layers, seconds, mode)), flush=True)


main()

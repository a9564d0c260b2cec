"""A GPT with the interface of nanoGPT's train.py, small enough for a test.

`--key=value` overrides of the globals below, uint16 tokens in data/DATASET/train.bin and val.bin,
`step N: train loss X, val loss Y`, ckpt.pt in out_dir, --init_from=resume. The file `pause` beside
it, if there is one, says how many seconds a step takes longer.
"""

import math
import os
import sys
import time
from ast import literal_eval

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

out_dir = "out"
eval_interval = 100
log_interval = 10
eval_iters = 4
always_save_checkpoint = True
init_from = "scratch"
dataset = "text"
gradient_accumulation_steps = 1
batch_size = 8
block_size = 32
n_layer = 1
n_head = 1
n_embd = 16
learning_rate = 1e-3
max_iters = 100
warmup_iters = 5
lr_decay_iters = 100
min_lr = 1e-4
for argument in sys.argv[1:]:
    key, value = argument.removeprefix("--").split("=")
    if key not in globals():
        raise ValueError(f"Unknown config key: {key}")
    try:
        value = literal_eval(value)
    except (SyntaxError, ValueError):
        pass
    assert type(value) is type(globals()[key]), f"{key} = {value!r}"
    globals()[key] = value

torch.manual_seed(1337)
data = {
    split: np.memmap(os.path.join("data", dataset, f"{split}.bin"), dtype=np.uint16, mode="r")
    for split in ("train", "val")
}
pause = float(open("pause").read()) if os.path.exists("pause") else 0.0


class GPT(nn.Module):
    def __init__(self, vocab_size):
        super().__init__()
        layer = nn.TransformerEncoderLayer(
            n_embd, n_head, 4 * n_embd, dropout=0.0, batch_first=True, norm_first=True, bias=False
        )
        self.transformer = nn.ModuleDict(
            {
                "wte": nn.Embedding(vocab_size, n_embd),
                "wpe": nn.Embedding(block_size, n_embd),
                "h": nn.TransformerEncoder(layer, n_layer, enable_nested_tensor=False),
            }
        )
        self.lm_head = nn.Linear(n_embd, vocab_size, bias=False)
        self.transformer.wte.weight = self.lm_head.weight
        nn.init.normal_(self.lm_head.weight, std=0.02)

    def forward(self, x, y):
        positions = torch.arange(x.shape[1])
        mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1])
        embedded = self.transformer.wte(x) + self.transformer.wpe(positions)
        logits = self.lm_head(self.transformer.h(embedded, mask=mask, is_causal=True))
        return F.cross_entropy(logits.flatten(0, 1), y.flatten())


def get_batch(split):
    starts = torch.randint(len(data[split]) - block_size, (batch_size,))
    windows = np.stack([data[split][i : i + block_size + 1].astype(np.int64) for i in starts])
    return torch.from_numpy(windows[:, :-1]), torch.from_numpy(windows[:, 1:])


model = GPT(vocab_size=256)
optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate, betas=(0.9, 0.95))
iter_num = 0
if init_from == "resume":
    checkpoint = torch.load(os.path.join(out_dir, "ckpt.pt"))
    model.load_state_dict(checkpoint["model"])
    optimizer.load_state_dict(checkpoint["optimizer"])
    iter_num = checkpoint["iter_num"]
    print(f"resumed at {iter_num}")


@torch.no_grad()
def estimate_loss(split):
    return torch.stack([model(*get_batch(split)) for _ in range(eval_iters)]).mean()


while True:
    if iter_num < warmup_iters:
        rate = learning_rate * (iter_num + 1) / (warmup_iters + 1)
    else:
        done = min(1.0, (iter_num - warmup_iters) / (lr_decay_iters - warmup_iters))
        rate = min_lr + 0.5 * (1 + math.cos(math.pi * done)) * (learning_rate - min_lr)
    for group in optimizer.param_groups:
        group["lr"] = rate
    if iter_num % eval_interval == 0:
        losses = {split: estimate_loss(split) for split in data}
        print(f"step {iter_num}: train loss {losses['train']:.4f}, val loss {losses['val']:.4f}")
        if iter_num > 0 and always_save_checkpoint:
            print(f"saving checkpoint to {out_dir}")
            state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "iter_num": iter_num}
            torch.save(state, os.path.join(out_dir, "ckpt.pt"))
    for _ in range(gradient_accumulation_steps):
        loss = model(*get_batch("train"))
        (loss / gradient_accumulation_steps).backward()
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    time.sleep(pause)
    if iter_num % log_interval == 0:
        print(f"iter {iter_num}: loss {loss.item():.4f}")
    iter_num += 1
    if iter_num > max_iters:
        break

"""The same transformer as `isoflop-train`, in PyTorch: the peer of the speed table and the
reference of the agreement test. Shapes: b sequences, t positions, d width, h heads, V vocabulary."""

import torch
import torch.nn.functional as F
from torch import nn

OUTPUT_SCALE = 8.0


def rotary_tables(context, head_width):
    half = head_width // 2
    angle = torch.arange(context, dtype=torch.float64)[:, None] * 10_000.0 ** (
        -torch.arange(half, dtype=torch.float64) / half
    )
    return angle.cos().float(), angle.sin().float()


def rotate(x, cos, sin):
    first, second = x.chunk(2, dim=-1)
    return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1)


class Block(nn.Module):
    def __init__(self, d, heads):
        super().__init__()
        self.heads = heads
        self.attention_gain = nn.RMSNorm(d, eps=1e-5)
        self.qkv = nn.Linear(d, 3 * d, bias=False)
        self.projection = nn.Linear(d, d, bias=False)
        self.mlp_gain = nn.RMSNorm(d, eps=1e-5)
        self.up = nn.Linear(d, 4 * d, bias=False)
        self.down = nn.Linear(4 * d, d, bias=False)

    def forward(self, x, cos, sin):
        b, t, d = x.shape
        q, k, v = (
            part.view(b, t, self.heads, d // self.heads).transpose(1, 2)
            for part in self.qkv(self.attention_gain(x)).split(d, dim=2)
        )
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        o = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.projection(o.transpose(1, 2).reshape(b, t, d))
        return x + self.down(F.gelu(self.up(self.mlp_gain(x)), approximate="tanh"))


class Transformer(nn.Module):
    def __init__(self, layers, width, heads, vocabulary, context):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.layers = nn.ModuleList(Block(width, heads) for _ in range(layers))
        self.final_gain = nn.RMSNorm(width, eps=1e-5)
        cos, sin = rotary_tables(context, width // heads)
        self.register_buffer("cos", cos)
        self.register_buffer("sin", sin)

    def forward(self, inputs, targets):
        x = self.embedding(inputs)
        for block in self.layers:
            x = block(x, self.cos, self.sin)
        n = self.final_gain(x) * (OUTPUT_SCALE / x.shape[-1])
        logits = n @ self.embedding.weight.T
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


def parameter_groups(model, learning_rate, weight_decay, width):
    """muP: the rate of hidden matrices falls as 1 / width from 64; only they decay, and by the same
    amount a step at every width."""
    hidden = [p for name, p in model.named_parameters() if p.ndim == 2 and "embedding" not in name]
    other = [p for name, p in model.named_parameters() if p.ndim == 1 or "embedding" in name]
    ratio = 64.0 / width
    return [
        {"params": hidden, "lr": learning_rate * ratio, "weight_decay": weight_decay / ratio},
        {"params": other, "lr": learning_rate, "weight_decay": 0.0},
    ]

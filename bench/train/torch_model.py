"""The same transformer as `isoflop-train`, in PyTorch: the peer of the speed table and the
reference of the agreement test. Shapes: b sequences, t positions, d width, h heads, V vocabulary."""

import torch
import torch.nn.functional as F
from torch import nn

OUTPUT_SCALE = 8.0
BALANCE = 0.01


def rotary_tables(context, head_width):
    half = head_width // 2
    angle = torch.arange(context, dtype=torch.float64)[:, None] * 10_000.0 ** (
        -torch.arange(half, dtype=torch.float64) / half
    )
    return angle.cos().float(), angle.sin().float()


def rotate(x, cos, sin):
    first, second = x.chunk(2, dim=-1)
    return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1)


def hidden_width(d, architecture):
    rule = 8 * max(1, (d + 1) // 3) if architecture.get("feed_forward") == "swiglu" else 4 * d
    return architecture.get("hidden_width", rule)


class FeedForward(nn.Module):
    def __init__(self, d, architecture):
        super().__init__()
        h = hidden_width(d, architecture)
        self.gated = architecture.get("feed_forward") == "swiglu"
        self.up = nn.Linear(d, 2 * h if self.gated else h, bias=False)
        self.down = nn.Linear(h, d, bias=False)

    def forward(self, x):
        u = self.up(x)
        if self.gated:
            gate, value = u.chunk(2, dim=-1)
            return self.down(F.silu(gate) * value)
        return self.down(F.gelu(u, approximate="tanh"))


class Mixture(nn.Module):
    """Experts chosen for each token; `balance` is left for the loss (Fedus et al. 2021)."""

    def __init__(self, d, architecture):
        super().__init__()
        self.count, self.active = architecture["experts"]["count"], architecture["experts"]["active"]
        self.router = nn.Linear(d, self.count, bias=False)
        self.experts = nn.ModuleList(FeedForward(d, architecture) for _ in range(self.count))

    def forward(self, x):
        b, t, d = x.shape
        p = self.router(x).softmax(dim=-1)
        gates, chosen = p.topk(self.active, dim=-1)
        if self.active > 1:
            gates = gates / gates.sum(dim=-1, keepdim=True)
        share = F.one_hot(chosen, self.count).sum(dim=2).float().mean(dim=1) / self.active
        self.balance = (self.count * (share * p.mean(dim=1)).sum(dim=-1)).mean()
        rows, gates, chosen = x.reshape(-1, d), gates.reshape(-1, self.active), chosen.reshape(-1, self.active)
        out = torch.zeros_like(rows)
        for index, expert in enumerate(self.experts):
            row, slot = (chosen == index).nonzero(as_tuple=True)
            out = out.index_add(0, row, gates[row, slot, None] * expert(rows[row]))
        return out.view(b, t, d)


class Block(nn.Module):
    def __init__(self, d, heads, architecture):
        super().__init__()
        self.heads, self.kv_heads = heads, architecture.get("kv_heads", heads)
        self.kv_width = d // heads * self.kv_heads
        self.attention_gain = nn.RMSNorm(d, eps=1e-5)
        self.qkv = nn.Linear(d, d + 2 * self.kv_width, bias=False)
        self.projection = nn.Linear(d, d, bias=False)
        self.mlp_gain = nn.RMSNorm(d, eps=1e-5)
        kind = Mixture if "experts" in architecture else FeedForward
        self.feed_forward = kind(d, architecture)

    def forward(self, x, cos, sin):
        b, t, d = x.shape
        q, k, v = (
            part.view(b, t, -1, d // self.heads).transpose(1, 2)
            for part in self.qkv(self.attention_gain(x)).split([d, self.kv_width, self.kv_width], dim=2)
        )
        q, k = rotate(q, cos, sin), rotate(k, cos, sin)
        if self.kv_heads < self.heads:
            k, v = (part.repeat_interleave(self.heads // self.kv_heads, dim=1) for part in (k, v))
        o = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.projection(o.transpose(1, 2).reshape(b, t, d))
        return x + self.feed_forward(self.mlp_gain(x))


class Transformer(nn.Module):
    """`architecture` as in a specification; the plain family if it is empty."""

    def __init__(self, layers, width, heads, vocabulary, context, architecture=None):
        super().__init__()
        architecture = architecture or {}
        self.embedding = nn.Embedding(vocabulary, width)
        self.layers = nn.ModuleList(Block(width, heads, architecture) for _ in range(layers))
        self.final_gain = nn.RMSNorm(width, eps=1e-5)
        self.output = None
        if architecture.get("embeddings") == "untied":
            self.output = nn.Embedding(vocabulary, width)
        cos, sin = rotary_tables(context, width // heads)
        self.register_buffer("cos", cos)
        self.register_buffer("sin", sin)

    def forward(self, inputs, targets):
        x = self.embedding(inputs)
        for block in self.layers:
            x = block(x, self.cos, self.sin)
        n = self.final_gain(x) * (OUTPUT_SCALE / x.shape[-1])
        logits = n @ (self.output or self.embedding).weight.T
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten())

    def balance(self):
        """What the routers of the last pass add to the loss."""
        mixtures = [b.feed_forward for b in self.layers if isinstance(b.feed_forward, Mixture)]
        return BALANCE * sum(mixture.balance for mixture in mixtures)


def is_table(name):
    """Whether a parameter is kept as [V, d], here and in Rust."""
    return name.startswith(("embedding", "output"))


def parameter_groups(model, learning_rate, weight_decay, width):
    """muP: the rate of hidden matrices falls as 1 / width from 64; only they decay, and by the same
    amount a step at every width."""
    hidden = [p for name, p in model.named_parameters() if p.ndim == 2 and not is_table(name)]
    other = [p for name, p in model.named_parameters() if p.ndim == 1 or is_table(name)]
    ratio = 64.0 / width
    return [
        {"params": hidden, "lr": learning_rate * ratio, "weight_decay": weight_decay / ratio},
        {"params": other, "lr": learning_rate, "weight_decay": 0.0},
    ]

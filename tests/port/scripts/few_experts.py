"""Each row is sent to two of four experts; the load is kept even by a loss of its own."""
import torch
from torch import nn
import torch.nn.functional as F


class Expert(nn.Module):
    def __init__(self, dim, hidden):
        super().__init__()
        self.w1, self.w2, self.w3 = (nn.Linear(dim, hidden, bias=False), nn.Linear(hidden, dim, bias=False),
                                     nn.Linear(dim, hidden, bias=False))

    def forward(self, x):
        return self.w2(F.silu(self.w1(x)) * self.w3(x))


class MoE(nn.Module):
    def __init__(self, dim, hidden, experts=4, k=2):
        super().__init__()
        self.experts = nn.ModuleList([Expert(dim, hidden) for _ in range(experts)])
        self.gate = nn.Linear(dim, experts, bias=False)
        self.k = k

    def forward(self, x):
        logits = self.gate(x)
        weights, chosen = torch.topk(logits, self.k, dim=-1)
        weights = F.softmax(weights, dim=-1, dtype=torch.float).to(x.dtype)
        results = torch.zeros_like(x)
        for i, expert in enumerate(self.experts):
            share = (weights * (chosen == i)).sum(dim=-1, keepdim=True)
            results += share * expert(x)
        load = F.one_hot(chosen[:, 0], len(self.experts)).float().mean(0)
        aux = len(self.experts) * torch.sum(load * logits.softmax(dim=-1).mean(0))
        return results, aux


class Model(nn.Module):
    def __init__(self, dim=6):
        super().__init__()
        self.moe = MoE(dim, 8)
        self.norm = nn.LayerNorm(dim)
        self.out = nn.Linear(dim, 1)

    def forward(self, x, y=None):
        h, aux = self.moe(self.norm(x))
        pred = self.out(x + h)
        if y is None:
            return pred
        return pred, F.mse_loss(pred, y) + 0.01 * aux


torch.manual_seed(99)
x = torch.randn(80, 6)
y = torch.where(x[:, :1] > 0, x[:, 1:2] * 2, x[:, 2:3] - 1)
model = Model()
opt = torch.optim.AdamW(model.parameters(), lr=5e-3)
for it in range(20):
    i = torch.randint(0, 80, (20,))
    pred, loss = model(x[i], y[i])
    opt.zero_grad(set_to_none=True)
    loss.backward()
    opt.step()
    if it % 5 == 4:
        print(f"{it + 1:4d} {loss.item():.5f}")
model.eval()
with torch.no_grad():
    print("held:", F.l1_loss(model(x), y).item() < 5)

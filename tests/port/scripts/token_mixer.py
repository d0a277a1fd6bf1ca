"""An MLP-Mixer made by small functions, its data a column of numbers whose order decides the class."""
from functools import partial

import torch
from torch import nn
from einops.layers.torch import Rearrange, Reduce

torch.manual_seed(29)


class Residual(nn.Module):
    def __init__(self, dim, layer):
        super().__init__()
        self.layer = layer
        self.norm = nn.LayerNorm(dim)

    def forward(self, x):
        return self.layer(self.norm(x)) + x


def feed(dim, factor=2, dense=nn.Linear):
    return nn.Sequential(dense(dim, dim * factor), nn.GELU(), dense(dim * factor, dim))


def mixer(tokens, dim, depth, classes):
    across = partial(nn.Conv1d, kernel_size=1)
    return nn.Sequential(
        Rearrange('b (t d) -> b t d', t=tokens),
        nn.Linear(3, dim),
        *[nn.Sequential(Residual(dim, feed(tokens, 2, across)), Residual(dim, feed(dim))) for _ in range(depth)],
        nn.LayerNorm(dim),
        Reduce('b t d -> b d', 'mean'),
        nn.Linear(dim, classes),
    )


model = mixer(tokens=4, dim=6, depth=2, classes=2)
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda t: min(1.0, (t + 1) / 5))
xs = torch.randn(64, 12)
ys = (xs[:, :6].sum(1) > xs[:, 6:].sum(1)).long()

history = {'loss': [], 'acc': []}
for step in range(22):
    i = (step * 16) % 64
    xb, yb = xs[i:i + 16], ys[i:i + 16]
    out = model(xb)
    loss = nn.functional.cross_entropy(out, yb)
    acc = (out.argmax(1) == yb).float().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    scheduler.step()
    history['loss'].append(loss.item())
    history['acc'].append(acc.item())
print(sum(history['loss'][-5:]) / 5, max(history['acc']))

"""Gradients of several batches in one step, the rate of one cycle, smoothed labels."""

import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(83)
every = 3
flowers = TensorDataset(torch.randn(60, 4), torch.randint(3, size=(60,)))
loader = DataLoader(flowers, batch_size=5, shuffle=True, drop_last=True)
net = nn.Sequential(nn.Linear(4, 12), nn.SiLU(), nn.LayerNorm(12), nn.Linear(12, 3))
opt = torch.optim.NAdam(net.parameters(), lr=2e-2)
sched = torch.optim.lr_scheduler.OneCycleLR(opt, max_lr=3e-2, total_steps=8)
loss_fn = nn.CrossEntropyLoss(label_smoothing=0.05)

for epoch in range(2):
    net.train()
    running = 0.0
    for number, (x, y) in enumerate(loader):
        scores = net(x)
        loss = loss_fn(scores, y) / every
        loss.backward()
        running += loss.item() * every

        if (number + 1) % every == 0:
            torch.nn.utils.clip_grad_norm_(net.parameters(), 2.0)
            opt.step()
            opt.zero_grad()
            sched.step()
    print(f"epoch {epoch}: {running / len(loader):.4f} at rate {sched.get_last_lr()[0]:.5f}")

    net.eval()
    hits = seen = 0
    with torch.no_grad():
        for x, y in loader:
            scores = net(x)
            _, best = torch.max(scores.data, 1)
            seen += y.size(0)
            hits += (best == y).sum().item()
    print('{:.1%} right'.format(hits / seen))

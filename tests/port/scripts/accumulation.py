"""Gradient accumulation, a scheduler, and clipping."""

import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(11)
accum_iter = 2
dataset = TensorDataset(torch.randn(40, 6), torch.randint(3, size=(40,)))
loader = DataLoader(dataset, batch_size=5, shuffle=True, drop_last=True)
net = nn.Sequential(nn.Linear(6, 16), nn.GELU(), nn.LayerNorm(16), nn.Linear(16, 3))
opt = torch.optim.AdamW(net.parameters(), lr=1e-2)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, T_max=8)
loss_fn = nn.CrossEntropyLoss(label_smoothing=0.1)

for epoch in range(2):
    net.train()
    running = 0.0
    for step, (xb, yb) in enumerate(loader):
        logits = net(xb)
        loss = loss_fn(logits, yb) / accum_iter
        loss.backward()
        running += loss.item() * accum_iter

        if (step + 1) % accum_iter == 0:
            torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            opt.step()
            opt.zero_grad()
            sched.step()
    print(f"epoch {epoch}: loss {running / len(loader):.4f}, lr {sched.get_last_lr()[0]:.5f}")

    net.eval()
    hits, total = 0, 0
    with torch.no_grad():
        for xb, yb in loader:
            out = net(xb)
            _, predicted = torch.max(out.data, 1)
            total += yb.size(0)
            hits += (predicted == yb).sum().item()
    print('accuracy: {:.1%}'.format(hits / total))

"""Forty layers whose inner values are computed twice rather than kept; weight-normed, with a warm-up before the decay."""
import torch
import torch.nn as nn
from torch.optim.lr_scheduler import CosineAnnealingWarmRestarts, LinearLR, SequentialLR
from torch.utils.checkpoint import checkpoint


class Block(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.norm = nn.RMSNorm(dim)
        self.fc = nn.utils.weight_norm(nn.Linear(dim, dim))
        self.gain = nn.Parameter(torch.full((dim,), 0.1))

    def forward(self, x):
        return x + self.gain * torch.relu(self.fc(self.norm(x)))


class Deep(nn.Module):
    def __init__(self, dim, depth, checkpointing=True):
        super().__init__()
        self.blocks = nn.ModuleList(Block(dim) for _ in range(depth))
        self.head = nn.Linear(dim, 1)
        self.checkpointing = checkpointing

    def forward(self, x):
        for block in self.blocks:
            if self.checkpointing and self.training:
                x = checkpoint(block, x, use_reentrant=False)
            else:
                x = block(x)
        return self.head(x).squeeze(-1)


torch.manual_seed(52)
x = torch.randn(64, 6)
y = x.prod(dim=1).tanh()
model = Deep(6, 8)
optimizer = torch.optim.RAdam(model.parameters(), lr=1e-2)
warm = LinearLR(optimizer, start_factor=0.1, total_iters=4)
scheduler = SequentialLR(optimizer, [warm, CosineAnnealingWarmRestarts(optimizer, T_0=8)], milestones=[4])
criterion = nn.HuberLoss(delta=0.5)

best = float("inf")
for step in range(20):
    model.train()
    pick = torch.randint(0, 64, (16,))
    loss = criterion(model(x[pick]), y[pick])
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    total = torch.nn.utils.clip_grad_norm_(model.parameters(), max_norm=1.0)
    optimizer.step()
    scheduler.step()
    if loss.item() < best:
        best = loss.item()
        weights = {k: v.detach().clone() for k, v in model.state_dict().items()}
    if step % 5 == 0:
        print(f"{step}: {loss.item():.5f}, slope {total:.4f}, rate {optimizer.param_groups[0]['lr']:.5f}")
model.load_state_dict(weights)
model.eval()
with torch.no_grad():
    print("best", best, "again", criterion(model(x), y).item() < 1)

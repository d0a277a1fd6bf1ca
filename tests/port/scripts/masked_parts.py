"""Writes by masks beside other indices, in a forward pass."""

import torch
import torch.nn.functional as F
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(6, 6)
        self.scale = 0.5

    def forward(self, x):
        h = self.lin(x)
        mask = x.sum(1) > 0
        out = torch.zeros_like(h)
        out[mask] = h[mask]
        out[~mask] *= self.scale
        out[mask, 0] += 1.0
        boxes = h.view(-1, 3, 2)
        found = boxes[..., 0] > 0
        target = torch.zeros_like(boxes)
        target[found, :1] = 0.25
        target[..., 1][found] = 2.0
        target[..., 0][~found] -= 0.5
        kept = torch.rand(x.size(0)) < 0.5
        grid = h.clone()
        grid[kept, :2] = 0.0
        grid[0, grid[0] > 0.1] = 0.1
        return out.sum(1) + (boxes - target).pow(2).sum((1, 2)) + grid.sum(1)


torch.manual_seed(0)
net = Net()
opt = torch.optim.SGD(net.parameters(), lr=0.01)
X, Y = torch.randn(10, 6), torch.randn(10)
for i in range(22):
    opt.zero_grad()
    loss = F.mse_loss(net(X), Y)
    loss.backward()
    opt.step()
    print(loss.item())

"""A network whose weights are rounded to a grid: an autograd.Function with a gradient of its own."""

import torch
from torch import nn, optim


class ToGrid(torch.autograd.Function):
    @staticmethod
    def forward(ctx, values, width):
        ctx.save_for_backward(values)
        ctx.width = width
        return torch.round(values / width) * width

    @staticmethod
    def backward(ctx, upstream):
        (values,) = ctx.saved_tensors
        near = (values.abs() < 20 * ctx.width).to(upstream.dtype)
        return upstream * near, None


class Quantised(nn.Module):
    def __init__(self, inputs, outputs, width=0.05):
        super().__init__()
        self.weight = nn.Parameter(0.5 * torch.randn(outputs, inputs))
        self.width = width

    def forward(self, x):
        return x @ ToGrid.apply(self.weight, self.width).t()


torch.manual_seed(3)
net = nn.Sequential(Quantised(4, 8), nn.Tanh(), Quantised(8, 1))
optimizer = optim.SGD(net.parameters(), lr=0.05)
x = torch.randn(32, 4)
y = x[:, :1] * x[:, 1:2]

for turn in range(20):
    optimizer.zero_grad()
    loss = ((net(x) - y) ** 2).mean()
    loss.backward()
    optimizer.step()
    if turn % 5 == 0:
        print("turn", turn, "error", loss.item())

"""Weights from which sine curves are learnt in two steps: the steps are differentiated through."""
import math

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(4)
RATE, STEPS, CURVES = 0.05, 2, 3


class Curve(nn.Module):
    def __init__(self, *sizes):
        super().__init__()
        self.weights = nn.ParameterList()
        for before, after in zip(sizes, sizes[1:]):
            matrix = nn.Parameter(torch.ones(after, before))
            nn.init.kaiming_normal_(matrix)
            self.weights.append(matrix)
            self.weights.append(nn.Parameter(torch.zeros(after)))

    def forward(self, x, weights=None):
        """With weights of its own, or with those that are given."""
        if weights is None:
            weights = self.weights
        for matrix, offset in zip(weights[:-2:2], weights[1:-2:2]):
            x = torch.tanh(F.linear(x, matrix, offset))
        return F.linear(x, weights[-2], weights[-1])


def curve(points=5):
    height, shift = 0.5 + torch.rand(1), math.pi * torch.rand(1)
    x = 4 * torch.rand(2 * points, 1) - 2
    y = height * torch.sin(x + shift)
    return x[:points], y[:points], x[points:], y[points:]


model = Curve(1, 16, 1)
slow = torch.optim.Adam(model.parameters(), lr=5e-3)

for turn in range(20):
    curves = [curve() for _ in range(CURVES)]
    total = 0.0
    for x, y, new_x, new_y in curves:
        weights = list(model.parameters())
        for _ in range(STEPS):
            inner = F.mse_loss(model(x, weights), y)
            slopes = torch.autograd.grad(inner, weights, create_graph=True)
            weights = [w - RATE * slope for w, slope in zip(weights, slopes)]
        total = total + F.mse_loss(model(new_x, weights), new_y)
    total = total / CURVES
    slow.zero_grad()
    total.backward()
    slow.step()
    if turn % 5 == 0:
        print(turn, total.item())

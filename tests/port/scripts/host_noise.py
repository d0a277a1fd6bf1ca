"""Numbers that a forward pass and its step draw on the host, under names, before they become tensors."""

import random

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn


class Noisy(nn.Module):
    def __init__(self, dim, keep):
        super().__init__()
        self.dim, self.keep = dim, keep
        self.lin = nn.Linear(dim, dim)

    def forward(self, x):
        n = x.size(0)
        eps = np.random.randn(n, self.dim)
        noise = torch.from_numpy(eps).float()
        some = np.random.permutation(self.dim)[: self.keep]
        flips = np.random.binomial(1, 0.5, size=(n, 1))
        x = self.lin(x) + 0.1 * noise + random.uniform(-0.1, 0.1)
        x = x * torch.tensor(flips).float() + x
        two = random.sample(range(self.dim), 2)
        lam = np.random.beta(0.4, 0.4)
        rows = np.random.permutation(n)
        mixed = lam * x + (1 - lam) * x[rows]
        columns = np.random.choice(self.dim, 3, replace=False)
        one = random.randint(0, self.dim - 1)
        return mixed.sum(1) + x[:, some].sum(1) + x[:, torch.tensor(two)].mean(1) + x[:, columns].sum(1) + x[:, one]


def sampled(mu):
    noise = np.random.normal(size=(mu.size(0),))
    noise = torch.from_numpy(noise).float()
    return mu + 0.1 * noise


torch.manual_seed(0)
model = Noisy(6, 3)
optimizer = torch.optim.SGD(model.parameters(), lr=0.001)
X, Y = torch.randn(20, 6), torch.randn(20)
for i in range(22):
    optimizer.zero_grad()
    out = sampled(model(X))
    shift = np.random.rand(out.size(0))
    loss = F.mse_loss(out + torch.from_numpy(shift).float(), Y)
    loss.backward()
    optimizer.step()
    print(loss.item())

"""Parts of a Sequential that draw numbers, and draws of the step behind it."""

import numpy as np
import torch
from torch import nn


class Coder(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(4, 4)

    def forward(self, x):
        h = self.lin(x)
        return h + 0.1 * torch.FloatTensor(np.random.normal(0, 1, (x.size(0), 4))) + 0.1 * torch.randn_like(h)


torch.manual_seed(0)
net = nn.Sequential(Coder(), nn.Tanh(), Coder(), nn.Dropout(0.2))
critic = nn.Linear(4, 1)
opt = torch.optim.SGD([*net.parameters(), *critic.parameters()], lr=0.05)
X = torch.randn(8, 4)
for i in range(22):
    opt.zero_grad()
    fake = net(X)
    z = torch.randn(8, 4)
    w = torch.from_numpy(np.random.rand(8, 1)).float()
    loss = (critic(fake) * w).mean() + (critic(z + fake) ** 2).mean()
    loss.backward()
    opt.step()
    print(loss.item())

"""A normalising flow of coupling layers, by the likelihood of two moons."""
import numpy as np
import torch
from sklearn.datasets import make_moons
from torch import distributions, nn


def small(width):
    return nn.Sequential(nn.Linear(1, width), nn.LeakyReLU(), nn.Linear(width, 2))


class Half(nn.Module):
    """One coordinate stretches and moves the other."""

    def __init__(self, fixed, width):
        super().__init__()
        self.fixed, self.free = fixed, 1 - fixed
        self.net = small(width)
        self.limit = nn.Parameter(torch.tensor(1.5), requires_grad=False)

    def amounts(self, x):
        stretch, move = self.net(x[:, [self.fixed]]).unbind(1)
        return self.limit * torch.tanh(stretch), move

    def joined(self, x, new):
        both = [x[:, self.fixed], new]
        return torch.stack(both if self.fixed == 0 else both[::-1], dim=1)

    def inverse(self, x):
        stretch, move = self.amounts(x)
        return self.joined(x, (x[:, self.free] - move) * torch.exp(-stretch)), -stretch

    def forward(self, z):
        stretch, move = self.amounts(z)
        return self.joined(z, z[:, self.free] * stretch.exp() + move)


class Flow(nn.Module):
    def __init__(self, depth, prior, width=12):
        super().__init__()
        self.prior = prior
        self.halves = nn.ModuleList(Half(k % 2, width) for k in range(depth))

    def log_prob(self, x):
        total = x.new_zeros(x.shape[0])
        for half in reversed(self.halves):
            x, change = half.inverse(x)
            total += change
        return self.prior.log_prob(x) + total

    def sample(self, count):
        z = self.prior.sample((count,))
        for half in self.halves:
            z = half(z)
        return z


torch.manual_seed(58)
prior = distributions.MultivariateNormal(torch.zeros(2), torch.eye(2))
flow = Flow(4, prior)
optimizer = torch.optim.Adam([p for p in flow.parameters() if p.requires_grad], lr=1e-2)
for step in range(22):
    noisy = make_moons(n_samples=30, noise=0.05, random_state=step)[0].astype(np.float32)
    loss = -flow.log_prob(torch.from_numpy(noisy)).mean()
    optimizer.zero_grad()
    loss.backward(retain_graph=True)
    optimizer.step()
    if (step + 1) % 7 == 0:
        print('step %d: %.4f nats' % (step + 1, loss.item()))
print(flow.sample(6).detach().numpy().shape)

"""A walker that learns from whole walks: logarithms of probabilities are kept while it walks."""

import torch
from torch import nn, optim
from torch.distributions import Categorical


class Policy(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(2, 12), nn.Tanh(), nn.Linear(12, 2))
        self.kept = []

    def choose(self, place, goal):
        drawn = Categorical(logits=self.layers(torch.tensor([place, goal])))
        action = drawn.sample()
        self.kept.append(drawn.log_prob(action))
        return action.item()


torch.manual_seed(11)
policy = Policy()
optimizer = optim.Adam(policy.parameters(), lr=0.02)

for walk in range(6):
    place, rewards = 0.0, []
    for _ in range(8):
        place += 0.5 if policy.choose(place, 2.0) == 1 else -0.5
        rewards.append(-abs(place - 2.0))
    optimizer.zero_grad()
    total = sum(rewards)
    loss = -total * torch.stack(policy.kept).sum()
    loss.backward()
    optimizer.step()
    policy.kept.clear()
    print("walk", walk, "reward", total)

"""Steering that is paid for staying uncertain: two judges, a squashed normal distribution, a price that tunes itself."""
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.distributions import Normal

REACH, TINY = 1.5, 1e-6


def net(before, after, width=12):
    layers = nn.Sequential(nn.Linear(before, width), nn.ReLU(), nn.Linear(width, after))
    for layer in layers:
        if isinstance(layer, nn.Linear):
            torch.nn.init.xavier_uniform_(layer.weight, gain=1)
            torch.nn.init.constant_(layer.bias, 0)
    return layers


class Judges(nn.Module):
    def __init__(self, seen, moved):
        super(Judges, self).__init__()
        self.one, self.other = net(seen + moved, 1), net(seen + moved, 1)

    def forward(self, seen, move):
        both = torch.cat([seen, move], 1)
        return self.one(both), self.other(both)


class Wheel(nn.Module):
    def __init__(self, seen, moved):
        super(Wheel, self).__init__()
        self.layers = net(seen, 2 * moved)
        self.reach = torch.tensor(REACH)

    def forward(self, seen):
        centre, width = self.layers(seen).chunk(2, dim=1)
        bell = Normal(centre, torch.clamp(width, min=-5, max=2).exp())
        raw = bell.rsample()
        flat = torch.tanh(raw)
        logarithm = bell.log_prob(raw) - torch.log(self.reach * (1 - flat.pow(2)) + TINY)
        return self.reach * flat, logarithm.sum(1, keepdim=True)


class Student:
    def __init__(self, seen, moved, options):
        self.discount, self.follow = options["discount"], options["follow"]
        self.device = torch.device("cuda" if options["cuda"] else "cpu")
        self.judges, self.slow = (Judges(seen, moved).to(device=self.device) for _ in range(2))
        self.slow.load_state_dict(self.judges.state_dict())
        self.wheel = Wheel(seen, moved).to(self.device)
        self.log_price = torch.zeros(1, requires_grad=True, device=self.device)
        self.judges_optim = optim.Adam(self.judges.parameters(), lr=options["rate"])
        self.wheel_optim = optim.Adam(self.wheel.parameters(), lr=options["rate"])
        self.price_optim = optim.Adam([self.log_price], lr=options["rate"])
        self.goal = -float(moved)

    def learn(self, memories):
        seen, move, pay, then = [torch.FloatTensor(part).to(self.device) for part in memories]
        price = self.log_price.exp().detach()
        with torch.no_grad():
            next_move, certainty = self.wheel(then)
            worth = torch.min(*self.slow(then, next_move)) - price * certainty
            wanted = pay + self.discount * worth
        one, other = self.judges(seen, move)
        judged = F.mse_loss(one, wanted) + F.mse_loss(other, wanted)
        self.judges_optim.zero_grad()
        judged.backward()
        self.judges_optim.step()

        new_move, certainty = self.wheel(seen)
        steered = (price * certainty - torch.min(*self.judges(seen, new_move))).mean()
        self.wheel_optim.zero_grad()
        steered.backward()
        self.wheel_optim.step()

        priced = -(self.log_price * (certainty + self.goal).detach()).mean()
        self.price_optim.zero_grad()
        priced.backward()
        self.price_optim.step()
        for old, new in zip(self.slow.parameters(), self.judges.parameters()):
            old.data.copy_(old.data * (1.0 - self.follow) + new.data * self.follow)
        return judged.item(), steered.item(), priced.item()


if __name__ == "__main__":
    torch.manual_seed(2)
    rng = np.random.default_rng(2)
    student = Student(3, 1, dict(discount=0.95, follow=0.05, rate=3e-3, cuda=False))
    for turn in range(8):
        seen = rng.normal(size=(10, 3))
        move = rng.uniform(-1, 1, size=(10, 1))
        then = seen + 0.1 * move
        print(turn, "%.4f %.4f %.4f" % student.learn((seen, move, -np.abs(then[:, :1]), then)))

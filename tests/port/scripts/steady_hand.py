"""A pole is held upright by a policy without chance; noise with a memory explores, slow copies give the targets."""
from copy import deepcopy

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")


class Drift:
    def __init__(self, seed, back=0.15, width=0.2):
        self.random, self.back, self.width, self.now = np.random.RandomState(seed), back, width, 0.0

    def __call__(self):
        self.now += -self.back * self.now + self.width * self.random.standard_normal()
        return self.now


class Past(object):
    def __init__(self, room, **widths):
        self.columns = {name: np.zeros((room, width)) for name, width in widths.items()}
        self.room, self.count = room, 0

    def add(self, **row):
        for name, value in row.items():
            self.columns[name][self.count % self.room] = value
        self.count += 1

    def some(self, rows):
        which = np.random.randint(0, min(self.count, self.room), size=rows)
        return [torch.FloatTensor(column[which]).to(device) for column in self.columns.values()]


class Hand(nn.Module):
    def __init__(self, strength):
        super(Hand, self).__init__()
        self.feel, self.move = nn.Linear(2, 12), nn.Linear(12, 1)
        self.strength = strength

    def forward(self, pole):
        return self.strength * torch.tanh(self.move(F.relu(self.feel(pole))))


class Judge(nn.Module):
    def __init__(self):
        super(Judge, self).__init__()
        self.feel, self.value = nn.Linear(2, 12), nn.Linear(12 + 1, 1)

    def forward(self, pole, push):
        return self.value(torch.cat([F.relu(self.feel(pole)), push], 1))


class Learner(object):
    def __init__(self, discount=0.9, blend=0.05):
        self.hand, self.judge = Hand(1.0).to(device), Judge().to(device)
        self.slow_hand, self.slow_judge = deepcopy(self.hand), deepcopy(self.judge)
        self.hand_optimizer = torch.optim.Adam(self.hand.parameters(), lr=1e-3)
        self.judge_optimizer = torch.optim.Adam(self.judge.parameters(), lr=5e-3, weight_decay=1e-3)
        self.discount, self.blend = discount, blend

    def push(self, pole):
        pole = torch.FloatTensor(pole.reshape(1, -1)).to(device)
        return self.hand(pole).cpu().data.numpy().flatten()

    def learn(self, past, rows=8):
        pole, push, later, pay = past.some(rows)
        goal = self.slow_judge(later, self.slow_hand(later))
        goal = pay + (self.discount * goal).detach()
        judged = F.mse_loss(self.judge(pole, push), goal)
        self.judge_optimizer.zero_grad()
        judged.backward()
        self.judge_optimizer.step()

        regret = -self.judge(pole, self.hand(pole)).mean()
        self.hand_optimizer.zero_grad()
        regret.backward()
        self.hand_optimizer.step()

        for fast, slow in ((self.judge, self.slow_judge), (self.hand, self.slow_hand)):
            for new, old in zip(fast.parameters(), slow.parameters()):
                old.data.copy_(self.blend * new.data + (1 - self.blend) * old.data)


np.random.seed(1)
torch.manual_seed(1)
learner, past, drift = Learner(), Past(100, pole=2, push=1, later=2, pay=1), Drift(1)
for hold in range(3):
    pole, total = np.array([0.5, 0.0]), 0.0
    for moment in range(12):
        push = (learner.push(pole) + drift()).clip(-1.0, 1.0)
        later = np.array([pole[0] + 0.3 * pole[1], 0.9 * pole[1] + 0.3 * push[0]])
        pay = -np.abs(later[0])
        past.add(pole=pole, push=push, later=later, pay=pay)
        pole, total = later, total + pay
        if past.count >= 8:
            learner.learn(past)
    print("hold %d: %.3f" % (hold, total))

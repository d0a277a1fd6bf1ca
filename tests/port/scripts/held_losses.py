"""Two nets that pull at each other; what they compute is held by the object around them, in methods apart."""

import torch
from torch import nn


class Pullers:
    def __init__(self, width):
        self.maker = nn.Sequential(nn.Linear(2, width), nn.Tanh(), nn.Linear(width, 2))
        self.judge = nn.Sequential(nn.Linear(2, width), nn.LeakyReLU(0.1), nn.Linear(width, 1))
        self.maker_optimizer = torch.optim.Adam(self.maker.parameters(), lr=5e-3, betas=(0.5, 0.9))
        self.judge_optimizer = torch.optim.Adam(self.judge.parameters(), lr=5e-3, betas=(0.5, 0.9))
        self.losses = {"judge": [], "maker": []}

    def take(self, noise, real):
        self.noise, self.real = noise, real

    def compute(self):
        self.made = self.maker(self.noise)

    def judge_backward(self):
        wrong = self.judge(self.made.detach()).mean()
        self.loss_judge = wrong - self.judge(self.real).mean() + 0.1 * wrong**2
        self.loss_judge.backward()

    def maker_backward(self):
        self.loss_maker = -self.judge(self.made).mean()
        self.loss_maker.backward()

    @staticmethod
    def let_learn(net, yes):
        for parameter in net.parameters():
            parameter.requires_grad = yes

    def improve(self):
        self.compute()
        self.let_learn(self.judge, True)
        self.judge_optimizer.zero_grad()
        self.judge_backward()
        self.judge_optimizer.step()
        self.let_learn(self.judge, False)  # the maker's turn
        self.maker_optimizer.zero_grad()
        self.maker_backward()
        self.maker_optimizer.step()

    def note(self):
        for name in self.losses:
            self.losses[name].append(float(getattr(self, "loss_" + name)))


torch.manual_seed(21)
pullers = Pullers(8)
for turn in range(10):
    angle = torch.rand(16) * 6.28
    pullers.take(torch.randn(16, 2), torch.stack([angle.cos(), angle.sin()], dim=1))
    pullers.improve()
    pullers.note()
print({name: ["%.3f" % value for value in values[-3:]] for name, values in pullers.losses.items()})

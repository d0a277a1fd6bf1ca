"""Points on a spiral, forged: two perceptrons and the least-squares loss."""
import argparse

import numpy as np
import torch
import torch.nn as nn
from torch.autograd import Variable
from torch.utils.data import DataLoader

parser = argparse.ArgumentParser()
parser.add_argument("--turns", type=int, default=3, help="how often the points are gone through")
parser.add_argument("--batch", type=int, default=10, help="points at a time")
parser.add_argument("--code", type=int, default=4, help="numbers that a forgery is made of")
parser.add_argument("--beta1", type=float, default=0.5)
conf = parser.parse_args()
print(conf)

torch.manual_seed(65)
np.random.seed(65)
cuda = True if torch.cuda.is_available() else False
shape = (2, 3)


class Forger(nn.Module):
    def __init__(self):
        super(Forger, self).__init__()

        def stage(wide, out, norm=True):
            made = [nn.Linear(wide, out)]
            if norm:
                made.append(nn.BatchNorm1d(out, 0.8))
            made.append(nn.LeakyReLU(0.2, inplace=True))
            return made

        self.net = nn.Sequential(
            *stage(conf.code, 8, norm=False), *stage(8, 10), nn.Linear(10, int(np.prod(shape))), nn.Tanh()
        )

    def forward(self, code):
        made = self.net(code)
        return made.view(made.size(0), *shape)


class Expert(nn.Module):
    def __init__(self):
        super(Expert, self).__init__()
        self.net = nn.Sequential(nn.Linear(int(np.prod(shape)), 10), nn.LeakyReLU(0.2, inplace=True), nn.Linear(10, 1))

    def forward(self, points):
        return self.net(points.view(points.size(0), -1))


forger = Forger()
expert = Expert()
criterion = torch.nn.MSELoss()
if cuda:
    forger.cuda()
    expert.cuda()
    criterion.cuda()

angle = np.linspace(0, 5, 40)
spiral = [(torch.tensor(np.stack([np.cos(a + np.arange(3)), np.sin(a + np.arange(3))]) * a / 5), 0) for a in angle]
loader = DataLoader(spiral, batch_size=conf.batch, shuffle=True)
forger_opt = torch.optim.Adam(forger.parameters(), lr=0.005, betas=(conf.beta1, 0.99))
expert_opt = torch.optim.Adam(expert.parameters(), lr=0.005, betas=(conf.beta1, 0.99))
Tensor = torch.cuda.FloatTensor if cuda else torch.FloatTensor

for turn in range(conf.turns):
    for i, (points, _) in enumerate(loader):
        real_mark = Variable(Tensor(points.size(0), 1).fill_(1.0), requires_grad=False)
        false_mark = Variable(Tensor(points.size(0), 1).fill_(0.0), requires_grad=False)
        real = Variable(points.type(Tensor))

        # the forger's turn
        forger_opt.zero_grad()
        code = Variable(Tensor(np.random.normal(0, 1, (points.shape[0], conf.code))))
        forged = forger(code)
        forger_loss = criterion(expert(forged), real_mark)
        forger_loss.backward()
        forger_opt.step()

        # the expert's turn
        expert_opt.zero_grad()
        on_real = criterion(expert(real), real_mark)
        on_forged = criterion(expert(forged.detach()), false_mark)
        expert_loss = 0.5 * (on_real + on_forged)
        expert_loss.backward()
        expert_opt.step()

        seen = turn * len(loader) + i
        if seen % 3 == 0:
            print("%d/%d: expert %f, forger %f" % (turn, conf.turns, expert_loss.item(), forger_loss.item()))
            print(forged.data[:1].shape)

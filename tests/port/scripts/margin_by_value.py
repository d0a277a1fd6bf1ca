"""An energy that is pushed up only as far as a margin, which a branch on its value decides; the maker follows."""

import numpy as np
import torch
from torch.autograd import Variable, grad

cuda = torch.cuda.is_available()
Tensor = torch.cuda.FloatTensor if cuda else torch.FloatTensor


class Energy(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.down, self.up = torch.nn.Linear(6, 3), torch.nn.Linear(3, 6)

    def forward(self, x):
        code = torch.tanh(self.down(x))
        return ((self.up(code) - x) ** 2).mean(), code


def spread(codes):
    unit = codes / torch.sqrt(torch.sum(codes**2, -1, keepdim=True))
    alike = torch.matmul(unit, unit.transpose(1, 0))
    count = codes.size(0)
    return (torch.sum(alike) - count) / (count * (count - 1))


def slope(energy, x):
    share = Tensor(np.random.random(size=(x.size(0), 1)))
    between = Variable(share * x + (1 - share) * (x + 0.5 * torch.rand(x.size())), requires_grad=True)
    ones = Variable(Tensor(np.ones(())), requires_grad=False)
    value, _ = energy(between)
    slopes = grad(outputs=value, inputs=between, grad_outputs=ones, create_graph=True, only_inputs=True)[0]
    return ((slopes.norm(2, dim=1) - 0.1) ** 2).mean()


np.random.seed(2)
torch.manual_seed(2)
maker, energy = torch.nn.Linear(3, 6), Energy()
maker_optimizer = torch.optim.Adam(maker.parameters(), lr=0.01)
energy_optimizer = torch.optim.Adam(energy.parameters(), lr=0.01)
margin = 0.45
for i in range(10):
    real = Variable(Tensor(np.random.normal(0, 1, (8, 2)).repeat(3, axis=1)))
    made = maker(Variable(Tensor(np.random.normal(0, 1, (8, 3)))))

    maker_optimizer.zero_grad()
    low, codes = energy(made)
    maker_loss = low + 0.1 * spread(codes)
    maker_loss.backward()
    maker_optimizer.step()

    energy_optimizer.zero_grad()
    true, _ = energy(real)
    false, _ = energy(made.detach())
    penalty = slope(energy, real.data)
    loss = true + penalty
    if (margin - false.data).item() > 0:
        loss += margin - false
    loss.backward()
    energy_optimizer.step()
    print("%d %.4f %.4f" % (i, maker_loss.item(), loss.item()))

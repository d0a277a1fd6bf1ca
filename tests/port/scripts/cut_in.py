"""Pieces of one picture cut into another, sometimes; slopes held by their values; a slow copy of all that the net holds."""
import copy

import numpy as np
import torch
import torch.nn as nn
from torch.autograd import Variable

np.random.seed(2)
torch.manual_seed(2)
pictures, kinds = torch.rand(80, 1, 6, 6), torch.randint(0, 4, (80,))
loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(pictures, kinds), batch_size=10, shuffle=True)
net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(64, 4))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)


class Slow:
    def __init__(self, net, keep):
        self.net, self.keep = copy.deepcopy(net).eval(), keep

    def follow(self, net):
        with torch.no_grad():
            now = net.state_dict()
            for name, held in self.net.state_dict().items():
                if held.dtype.is_floating_point:
                    held *= self.keep
                    held += (1 - self.keep) * now[name].detach()


def place(size, share):
    side = int(size[2] * np.sqrt(1 - share))
    top, left = np.random.randint(size[2]), np.random.randint(size[3])
    return slice(max(top - side // 2, 0), top + side // 2 + 1), slice(max(left - side // 2, 0), left + side // 2 + 1)


def held_back(net, most):
    sizes = []
    for weight in net.parameters():
        size = weight.grad.data.norm(2)
        sizes.append(size.item())
        if size > most:
            weight.grad.data.mul_(most / size)
    return max(sizes)


slow = Slow(net, 0.8)
right = asked = 0
for epoch in range(3):
    for x, y in loader:
        x, y = map(Variable, (x, y))
        coin = np.random.rand(1)
        if coin < 0.6 and epoch < 2:
            share = np.random.beta(1.0, 1.0)
            order = torch.randperm(x.size(0))
            there, other = y, y[order]
            rows, columns = place(x.size(), share)
            x[:, :, rows, columns] = x[order][:, :, rows, columns]
            out = net(x)
            loss = criterion(out, there) * share + criterion(out, other) * (1 - share)
        else:
            out = net(x)
            loss = criterion(out, y)
        right += (out.argmax(1) == y).sum().item()
        asked += y.size(0)
        optimizer.zero_grad()
        loss.backward()
        largest = held_back(net, 0.5)
        optimizer.step()
        slow.follow(net)
    guess = slow.net(pictures).argmax(1)
    print(epoch, loss.item(), largest, right / asked, (guess == kinds).float().mean().item())

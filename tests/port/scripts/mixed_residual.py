"""Digits that are mixed with each other, in a network of shortcuts; a running average of its weights is what is tested."""
import time

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from sklearn.datasets import load_digits

use_cuda = torch.cuda.is_available()
best = 0
np.random.seed(20)
torch.manual_seed(20)


class Shortcut(nn.Module):
    def __init__(self, before, after, stride):
        super(Shortcut, self).__init__()
        self.first = nn.Conv2d(before, after, kernel_size=3, stride=stride, padding=1, bias=False)
        self.second = nn.Conv2d(after, after, kernel_size=3, padding=1, bias=False)
        self.norms = nn.ModuleList([nn.BatchNorm2d(after), nn.GroupNorm(2, after)])
        self.around = nn.Sequential()
        if stride != 1 or before != after:
            self.around = nn.Conv2d(before, after, kernel_size=1, stride=stride, bias=False)

    def forward(self, x):
        y = F.relu(self.norms[0](self.first(x)))
        y = self.norms[1](self.second(y))
        y += self.around(x)
        return F.relu(y)


class Digits(nn.Module):
    def __init__(self, widths):
        super(Digits, self).__init__()
        self.stem = nn.Conv2d(1, widths[0], kernel_size=3, padding=1, bias=False)
        pairs = zip(widths[:1] + widths, widths)
        self.stages = nn.Sequential(*[Shortcut(a, b, 1 if k == 0 else 2) for k, (a, b) in enumerate(pairs)])
        self.name = nn.Linear(widths[-1], 10)
        for part in self.modules():
            if isinstance(part, nn.Conv2d):
                nn.init.kaiming_normal_(part.weight, mode='fan_out', nonlinearity='relu')
            elif isinstance(part, (nn.BatchNorm2d, nn.GroupNorm)):
                nn.init.constant_(part.weight, 1)
                nn.init.constant_(part.bias, 0)

    def forward(self, x):
        x = self.stages(F.relu(self.stem(x)))
        x = F.adaptive_avg_pool2d(x, 1)
        return self.name(x.view(x.size(0), -1))


class Average:
    def __init__(self, net, slow):
        self.net, self.slow, self.real = net, slow, {}
        self.mean = {path: p.data.clone() for path, p in net.named_parameters() if p.requires_grad}

    def follow(self):
        for path, p in self.net.named_parameters():
            if path in self.mean:
                self.mean[path] = (self.slow * self.mean[path] + (1.0 - self.slow) * p.data).clone()

    def __enter__(self):
        for path, p in self.net.named_parameters():
            if path in self.mean:
                self.real[path] = p.data
                p.data = self.mean[path]

    def __exit__(self, *error):
        for path, p in self.net.named_parameters():
            if path in self.mean:
                p.data = self.real.pop(path)


def mixed(pictures, names):
    share = np.random.beta(0.5, 0.5)
    order = torch.randperm(pictures.size()[0])
    return share * pictures + (1 - share) * pictures[order, :], names, names[order], share


pictures, names = load_digits(return_X_y=True)
pictures = torch.from_numpy(pictures[:160]).float().view(-1, 1, 8, 8) / 16
names = torch.from_numpy(names[:160]).long()
fit_set = torch.utils.data.TensorDataset(pictures[:120], names[:120])
fit_loader = torch.utils.data.DataLoader(fit_set, batch_size=20, shuffle=True)
held_loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(pictures[120:], names[120:]), batch_size=20)
net = Digits([4, 8])
if use_cuda:
    net.cuda()
average = Average(net, 0.8)
criterion = nn.CrossEntropyLoss()
optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
scheduler = optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=4)


def learn(epoch):
    net.train()
    total, right, seen = 0, 0, 0
    for x, y in fit_loader:
        if use_cuda:
            x, y = x.cuda(), y.cuda()
        x, one, other, share = mixed(x, y)
        scores = net(x)
        loss = share * criterion(scores, one) + (1 - share) * criterion(scores, other)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        average.follow()
        total += loss.item()
        _, guess = scores.max(1)
        seen += y.size(0)
        right += share * guess.eq(one).sum().item() + (1 - share) * guess.eq(other).sum().item()
    print('epoch %d: loss %.4f, %.2f%% right' % (epoch, total / len(fit_loader), 100. * right / seen))


def test():
    global best
    net.eval()
    right, seen = 0, 0
    with average, torch.no_grad():
        for x, y in held_loader:
            _, guess = net(x).max(1)
            seen += y.size(0)
            right += guess.eq(y).sum().item()
    best = max(best, 100. * right / seen)


began = time.time()
for epoch in range(4):
    learn(epoch)
    test()
    scheduler.step()
print('best %.2f' % best, time.time() > began)

"""Small functions that are handed to each other: the loss of a batch learns only if it is given an optimizer."""
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(41)


class Apply(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def batch_loss(net, criterion, x, y, optimizer=None):
    loss = criterion(net(x), y)
    if optimizer is not None:
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return loss.item(), len(x)


def fit(epochs, net, criterion, optimizer, fit_loader, held_loader):
    for epoch in range(epochs):
        net.train()
        for x, y in fit_loader:
            batch_loss(net, criterion, x, y, optimizer)
        net.eval()
        with torch.no_grad():
            losses, counts = zip(*[batch_loss(net, criterion, x, y) for x, y in held_loader])
        print(epoch, np.sum(np.multiply(losses, counts)) / np.sum(counts))


class Prepared:
    """Batches of another loader, after a function."""

    def __init__(self, loader, function):
        self.loader, self.function = loader, function

    def __len__(self):
        return len(self.loader)

    def __iter__(self):
        for batch in self.loader:
            yield self.function(*batch)


def as_picture(x, y):
    return x.view(-1, 1, 6, 6), y


x = torch.randn(60, 36)
y = (x[:, :18].sum(1) > x[:, 18:].sum(1)).long()
fit_set, held_set = TensorDataset(x[:40], y[:40]), TensorDataset(x[40:], y[40:])
net = nn.Sequential(
    nn.Conv2d(1, 4, kernel_size=3, stride=2, padding=1),
    nn.ReLU(),
    nn.AdaptiveAvgPool2d(2),
    Apply(lambda x: x.view(x.size(0), -1)),
    nn.Linear(16, 2),
)
fit(
    4,
    net,
    F.cross_entropy,
    optim.SGD(net.parameters(), lr=0.1, momentum=0.9),
    Prepared(DataLoader(fit_set, batch_size=8, shuffle=True), as_picture),
    Prepared(DataLoader(held_set, batch_size=16), as_picture),
)

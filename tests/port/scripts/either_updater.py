"""One loop for two ways to learn: an optimizer of the library, or a function of one's own; gradients are clipped."""

import torch
from torch import nn


class Sums:
    def __init__(self, count):
        self.values = [0.0] * count

    def add(self, *more):
        self.values = [a + float(b) for a, b in zip(self.values, more)]


def clip(parameters, most):
    size = torch.sqrt(sum(torch.sum(p.grad**2) for p in parameters))
    if size > most:
        for p in parameters:
            p.grad[:] *= most / size


def right(scores, labels):
    if len(scores.shape) > 1 and scores.shape[1] > 1:
        scores = scores.argmax(axis=1)
    hits = scores.type(labels.dtype) == labels
    return float(hits.type(labels.dtype).sum())


def one_epoch(net, data, loss, updater, parameters, device):
    if isinstance(net, nn.Module):
        net.train()
    sums = Sums(3)
    for x, y in data:
        x, y = x.to(device), y.to(device)
        scores = net(x)
        l = loss(scores, y)
        if isinstance(updater, torch.optim.Optimizer):
            updater.zero_grad()
            l.mean().backward()
            clip(parameters, 0.3)
            updater.step()
        else:
            l.sum().backward()
            updater(x.shape[0])
        sums.add(l.sum(), right(scores, y), y.numel())
    return sums.values[0] / sums.values[2], sums.values[1] / sums.values[2]


def start(*shapes):
    arrays = [torch.zeros(shape) if len(shape) == 1 else torch.randn(shape) * 0.1 for shape in shapes]
    for array in arrays:
        array.requires_grad_(True)
    return arrays


torch.manual_seed(4)
device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
features = torch.rand(60, 5)
classes = (features.sum(1) * 3 / 5).long()
data = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(features, classes), batch_size=10, shuffle=True)

weights = start((5, 3), (3,))


def by_hand(x):
    powers = torch.exp(x @ weights[0] + weights[1])
    return powers / powers.sum(1, keepdim=True)


def surprise(chances, labels):
    return -torch.log(chances[range(len(chances)), labels])


def descend(count, rate=0.2):
    with torch.no_grad():
        for w in weights:
            w -= rate * w.grad / count
            w.grad.zero_()


print(one_epoch(by_hand, data, surprise, descend, weights, device))

net = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 3)).to(device)
sgd = torch.optim.SGD(net.parameters(), lr=0.5)
for _ in range(2):
    print(one_epoch(net, data, nn.CrossEntropyLoss(reduction="none"), sgd, list(net.parameters()), device))

"""A multilayer perceptron with dropout."""

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from tests.ported.images import pictures


class MLP(nn.Module):
    def __init__(self, p=0.2):
        super().__init__()
        self.fc1 = nn.Linear(64, 48)
        self.fc2 = nn.Linear(48, 32)
        self.fc3 = nn.Linear(32, 10)
        self.dropout = nn.Dropout(p)

    def forward(self, x):
        x = torch.flatten(x, 1)
        x = self.dropout(F.relu(self.fc1(x)))
        x = self.dropout(F.relu(self.fc2(x)))
        return self.fc3(x)


def train(
    seed=0, steps=100, p=0.2, optimizer=("Adam", {"lr": 0.002}), scheduler=("StepLR", {"step_size": 25, "gamma": 0.5})
):
    torch.manual_seed(seed)
    images, labels = pictures()
    loader = DataLoader(TensorDataset(torch.from_numpy(images), torch.from_numpy(labels)), batch_size=24, shuffle=True)
    model = MLP(p)
    optimizer = getattr(torch.optim, optimizer[0])(model.parameters(), **optimizer[1])
    scheduler = getattr(torch.optim.lr_scheduler, scheduler[0])(optimizer, **scheduler[1])
    losses = []
    while len(losses) < steps:
        for x, y in loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            scheduler.step()
            losses.append(loss.item())
    return losses[:steps]

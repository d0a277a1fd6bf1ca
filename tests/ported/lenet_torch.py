"""LeNet-5 (LeCun et al. 1998) with ReLU and maximum pooling."""

import torch
from torch import nn, optim
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from tests.ported.images import pictures


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, kernel_size=5, padding=2)
        self.conv2 = nn.Conv2d(6, 16, kernel_size=5)
        self.pool = nn.MaxPool2d(2)
        self.classifier = nn.Sequential(
            nn.Flatten(),
            nn.Linear(16, 120),
            nn.ReLU(),
            nn.Linear(120, 84),
            nn.ReLU(),
            nn.Linear(84, 10),
        )

    def forward(self, x):
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        return self.classifier(x)


def train(seed=0, steps=100, optimizer=("SGD", {"lr": 0.01, "momentum": 0.9}), batch_size=16):
    torch.manual_seed(seed)
    images, labels = pictures(size=12)
    dataset = TensorDataset(torch.from_numpy(images), torch.from_numpy(labels))
    loader = DataLoader(dataset, batch_size=batch_size, shuffle=True, drop_last=True)
    model = LeNet()
    model.train()
    criterion = nn.CrossEntropyLoss()
    optimizer = getattr(optim, optimizer[0])(model.parameters(), **optimizer[1])
    scheduler = optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps)
    losses = []
    while len(losses) < steps:
        for x, y in loader:
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            scheduler.step()
            losses.append(loss.item())
    return losses[:steps]

"""LeNet-5 (LeCun et al. 1998) with ReLU and maximum pooling."""

import fnn
from fnn import nn, optim
from fnn.nn import functional as F
from fnn.utils.data import DataLoader, TensorDataset
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


def train(seed=0, steps=100, optimizer=("SGD", {"lr": 0.01, "momentum": 0.9}), batch_size=16, compiled=True):
    fnn.manual_seed(seed)
    images, labels = pictures(size=12)
    dataset = TensorDataset(images, labels)
    loader = DataLoader(dataset, batch_size=batch_size, shuffle=True, drop_last=True)
    model = LeNet()
    model.train()
    criterion = nn.CrossEntropyLoss()
    optimizer = getattr(optim, optimizer[0])(model.parameters(), **optimizer[1])
    scheduler = optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps)

    def train_step(model, optimizer, x, y):
        optimizer.zero_grad()
        loss = fnn.backward(lambda model: criterion(model(x), y))(model)
        optimizer.step()
        return loss

    step = fnn.jit(train_step) if compiled else train_step
    losses = []
    while len(losses) < steps:
        for x, y in loader:
            loss = step(model, optimizer, x, y)
            scheduler.step()
            losses.append(loss.item())
    return losses[:steps]

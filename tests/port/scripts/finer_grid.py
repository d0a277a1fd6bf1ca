"""Makes a coarse picture of waves finer: sub-pixel convolution, orthogonal weights, noise in decibels."""
from math import log10

import torch
from torch import nn
from torch.nn import init
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(77)
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
FACTOR = 2


class Finer(nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.act = nn.ReLU()
        self.look = nn.Conv2d(1, 5, (3, 3), (1, 1), (1, 1))
        self.spread = nn.Conv2d(5, factor ** 2, (3, 3), (1, 1), (1, 1))
        self.arrange = nn.PixelShuffle(factor)
        init.orthogonal_(self.look.weight, init.calculate_gain("relu"))
        init.orthogonal_(self.spread.weight)

    def forward(self, coarse):
        return self.arrange(self.spread(self.act(self.look(coarse))))


def waves(count, size=8):
    angle = torch.rand(count, 1, 1, 1) * 6.0
    place = torch.linspace(0, 3, size)
    return torch.sin(place.view(1, 1, -1, 1) + angle) * torch.cos(place.view(1, 1, 1, -1) - angle)


fine = waves(20)
coarse = nn.functional.avg_pool2d(fine, FACTOR)
fit = DataLoader(dataset=TensorDataset(coarse[:15], fine[:15]), batch_size=5, shuffle=True)
held = DataLoader(dataset=TensorDataset(coarse[15:], fine[15:]), batch_size=5, shuffle=False)
model = Finer(factor=FACTOR).to(device)
error = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)


def learn(epoch):
    total = 0
    for number, pair in enumerate(fit, 1):
        given, wanted = pair[0].to(device), pair[1].to(device)
        optimizer.zero_grad()
        loss = error(model(given), wanted)
        total += loss.item()
        loss.backward()
        optimizer.step()
        print("  {}.{}: {:.5f}".format(epoch, number, loss.item()))
    print("epoch {}: mean {:.5f}".format(epoch, total / len(fit)))


def decibels():
    total = 0
    with torch.no_grad():
        for pair in held:
            given, wanted = pair[0].to(device), pair[1].to(device)
            mse = error(model(given), wanted)
            total += 10 * log10(1 / mse.item())
    return total / len(held)


for epoch in range(1, 7):
    learn(epoch)
    print("held out: {:.2f} dB".format(decibels()))

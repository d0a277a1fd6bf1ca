"""A variational autoencoder of points on an arc."""
import math

import torch
from torch import nn, optim
from torch.nn import functional as F
from torch.utils.data import DataLoader

torch.manual_seed(21)
device = "cuda" if torch.cuda.is_available() else "cpu"


class ArcVAE(nn.Module):
    def __init__(self, seen=8, hidden=16, latent=2):
        super().__init__()
        self.seen = seen
        self.inner = nn.Linear(seen, hidden)
        self.to_mean, self.to_logvar = nn.Linear(hidden, latent), nn.Linear(hidden, latent)
        self.outer = nn.Sequential(nn.Linear(latent, hidden), nn.ELU(), nn.Linear(hidden, seen))

    def encode(self, x):
        h = F.elu(self.inner(x))
        return self.to_mean(h), self.to_logvar(h)

    @staticmethod
    def draw(mean, logvar):
        return mean + torch.randn_like(mean) * (logvar / 2).exp()

    def decode(self, z):
        return torch.sigmoid(self.outer(z))

    def forward(self, x):
        mean, logvar = self.encode(x.view(-1, self.seen))
        return self.decode(self.draw(mean, logvar)), mean, logvar


def negative_elbo(rebuilt, x, mean, logvar):
    fit = F.binary_cross_entropy(rebuilt, x.view(rebuilt.size()), reduction="sum")
    divergence = 0.5 * torch.sum(mean.pow(2) + logvar.exp() - logvar - 1)
    return fit + divergence


angle = math.pi * torch.rand(60, 1)
points = 0.5 + 0.4 * torch.cos(angle + torch.linspace(0, 1, 8))
loader = DataLoader(points.view(60, 2, 4), batch_size=12, shuffle=True)
vae = ArcVAE().to(device)
optimizer = optim.Adam(vae.parameters(), lr=3e-3)


def run_epoch(number):
    vae.train()
    total = 0
    for i, x in enumerate(loader):
        x = x.to(device)
        optimizer.zero_grad()
        rebuilt, mean, logvar = vae(x)
        loss = negative_elbo(rebuilt, x, mean, logvar)
        loss.backward()
        total += loss.item()
        optimizer.step()
        if i % 3 == 0:
            print("{}/{}: {:.4f} a point".format(i * len(x), len(loader.dataset), loss.item() / len(x)))
    print("epoch {}: {:.4f}".format(number, total / len(loader.dataset)))


if __name__ == "__main__":
    for number in range(4):
        run_epoch(number)
        with torch.no_grad():
            new = vae.decode(torch.randn(5, 2).to(device)).cpu()
            print(new.view(5, 2, 4).mean(dim=(1, 2)))

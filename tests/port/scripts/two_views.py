"""Contrastive learning without labels: two noisy views of a thing know each other among all others."""
import copy

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset


class Views(Dataset):
    def __init__(self, things, noise=0.2):
        self.things = things
        self.noise = noise

    def augment(self, x):
        x = x + self.noise * torch.randn_like(x)
        if torch.rand(1).item() < 0.5:
            x = x.flip(0)
        return x

    def __getitem__(self, i):
        x = self.things[i]
        return self.augment(x), self.augment(x), i

    def __len__(self):
        return self.things.shape[0]


class Encoder(nn.Module):
    def __init__(self, seen, width, out):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(seen, width), nn.BatchNorm1d(width), nn.ReLU())
        self.project = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, out))

    def forward(self, x):
        h = self.body(x)
        return h, self.project(h)


def nt_xent(a, b, temperature=0.5):
    n = a.shape[0]
    z = F.normalize(torch.cat([a, b], dim=0), dim=1)
    similar = torch.matmul(z, z.T) / temperature
    itself = torch.eye(2 * n, dtype=torch.bool, device=z.device)
    similar = similar.masked_fill(itself, float("-inf"))
    partner = torch.cat([torch.arange(n, 2 * n), torch.arange(n)]).to(z.device)
    return F.cross_entropy(similar, partner)


def pretrain(encoder, loader, epochs):
    optimizer = torch.optim.SGD(encoder.parameters(), lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-4)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs * len(loader), eta_min=1e-3)
    for epoch in range(epochs):
        for left, right, _ in loader:
            _, a = encoder(left)
            _, b = encoder(right)
            loss = nt_xent(a, b)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
        print(f"pretraining {epoch}: {loss.item():.4f}")


def probe(encoder, x, y, steps):
    encoder = copy.deepcopy(encoder).eval()
    for p in encoder.parameters():
        p.requires_grad = False
    with torch.no_grad():
        features, _ = encoder(x)
    linear = nn.Linear(features.shape[1], 2)
    optimizer = torch.optim.Adam(linear.parameters(), lr=0.05)
    for _ in range(steps):
        loss = F.cross_entropy(linear(features), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return (linear(features).argmax(1) == y).float().mean().item()


if __name__ == "__main__":
    torch.manual_seed(6)
    y = torch.arange(32) % 2
    x = torch.randn(32, 8) * 0.3 + torch.where(y == 1, 1.0, -1.0).unsqueeze(1) * torch.linspace(-1, 1, 8)
    loader = DataLoader(Views(x), batch_size=8, shuffle=True, drop_last=True)
    encoder = Encoder(8, 12, 6)
    pretrain(encoder, loader, 4)
    print("linear probe:", probe(encoder, x, y, 10))

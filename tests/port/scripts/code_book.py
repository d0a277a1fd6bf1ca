"""Signals through a table of few vectors: each place takes the nearest, and slopes pass it as if it were not there."""
import torch
import torch.nn as nn
import torch.nn.functional as F


class Nearest(nn.Module):
    def __init__(self, entries, width, pull=0.25):
        super().__init__()
        self.entries, self.pull = entries, pull
        self.book = nn.Embedding(entries, width)
        self.book.weight.data.uniform_(-1 / entries, 1 / entries)

    def forward(self, signal):
        rows = signal.permute(0, 2, 1).contiguous().view(-1, signal.size(1))
        book = self.book.weight
        gap = rows.pow(2).sum(dim=1, keepdim=True) - 2 * rows @ book.t() + book.pow(2).sum(dim=1)
        which = gap.argmin(dim=1, keepdim=True)
        choice = torch.zeros(len(rows), self.entries, device=signal.device)
        choice.scatter_(1, which, 1)
        found = choice @ book
        cost = F.mse_loss(found, rows.detach()) + self.pull * F.mse_loss(rows, found.detach())
        through = rows + (found - rows).detach()
        use = choice.mean(dim=0)
        spread = torch.exp(-(use * torch.log(use + 1e-9)).sum())
        return through.view(signal.size(0), signal.size(2), -1).permute(0, 2, 1), cost, spread


class Codec(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Sequential(nn.Conv1d(1, 6, 4, 2, 1), nn.ReLU(), nn.Conv1d(6, 4, 3, 1, 1))
        self.nearest = Nearest(8, 4)
        self.outer = nn.Sequential(nn.Conv1d(4, 6, 3, 1, 1), nn.ReLU(), nn.ConvTranspose1d(6, 1, 4, 2, 1))

    def forward(self, signal):
        code, cost, spread = self.nearest(self.inner(signal))
        return self.outer(code), cost, spread


torch.manual_seed(24)
codec = Codec()
optimizer = torch.optim.Adam(codec.parameters(), lr=1e-2, amsgrad=False)
codec.train()
time = torch.linspace(0, 6, 12)
errors, spreads = [], []
for turn in range(20):
    signal = torch.sin(time * (1 + torch.rand(8, 1))).unsqueeze(1)
    optimizer.zero_grad()
    heard, cost, spread = codec(signal)
    error = F.l1_loss(heard, signal)
    loss = 2 * error + cost
    loss.backward()
    optimizer.step()
    errors.append(error.item())
    spreads.append(spread.item())
    if (turn + 1) % 5 == 0:
        print("%d: error %.4f, %.2f entries in use" % (turn + 1, sum(errors[-5:]) / 5, sum(spreads[-5:]) / 5))

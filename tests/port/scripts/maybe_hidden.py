"""A model of letters that may have a memory: what it remembers is there in one branch only; the model is saved whole."""

import os
import tempfile

import torch
from torch import nn

kind = "GRU"
text = "the cat sat on the mat and the dog sat on the log by the cat " * 3
letters = sorted(set(text))
codes = torch.tensor([letters.index(c) for c in text])


class Letters(nn.Module):
    def __init__(self, count, width):
        super().__init__()
        self.embed = nn.Embedding(count, width)
        self.memory = getattr(nn, kind)(width, width, 1) if kind != "none" else None
        self.out = nn.Linear(width, count)

    def forward(self, x, hidden=None):
        x = self.embed(x)
        if self.memory is not None:
            x, hidden = self.memory(x, hidden)
        return self.out(x).view(-1, len(letters)), hidden

    def start(self, batch):
        weight = next(self.parameters())
        return weight.new_zeros(1, batch, self.out.in_features)


def rows(codes, batch):
    count = codes.size(0) // batch
    return codes.narrow(0, 0, count * batch).view(batch, -1).t().contiguous()


def keep(hidden):
    return hidden.detach() if isinstance(hidden, torch.Tensor) else tuple(keep(h) for h in hidden)


def train(model, data, optimizer, device, length=8):
    model.train()
    total, last = 0.0, None
    if kind != "none":
        hidden = model.start(data.size(1))
    for number, at in enumerate(range(0, data.size(0) - 1, length)):
        n = min(length, len(data) - 1 - at)
        x, y = data[at : at + n], data[at + 1 : at + 1 + n].view(-1)
        x, y = x.to(device), y.to(device)
        model.zero_grad()
        if kind != "none":
            hidden = keep(hidden)
            scores, hidden = model(x, hidden)
            strength = hidden.abs().mean()
        else:
            scores, _ = model(x)
        loss = nn.functional.cross_entropy(scores, y)
        loss.backward()
        optimizer.step()
        total += loss.item()
        if kind != "none" and number % 3 == 0:
            last = strength.item()
    return total, last


torch.manual_seed(8)
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
model = Letters(len(letters), 12).to(device)
print("on a GPU" if next(model.parameters()).is_cuda else "on the CPU")
optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
for epoch in range(2):
    print(train(model, rows(codes, 3), optimizer, device))

with tempfile.TemporaryDirectory() as folder:
    file = os.path.join(folder, "letters.pt")
    with open(file, "wb") as f:
        torch.save(model, f)
    with open(file, "rb") as f:
        model = torch.load(f, weights_only=False)
print(model(codes[:4].view(4, 1), None)[0].argmax(1).tolist())

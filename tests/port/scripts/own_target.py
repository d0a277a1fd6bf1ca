"""A network that predicts what a slow copy of itself sees, from another view of the same thing; no negatives."""
from copy import deepcopy

import torch
import torch.nn.functional as F
from torch import nn, optim

torch.manual_seed(47)
SLOW = 0.9


def tower(seen, out):
    return nn.Sequential(nn.Linear(seen, 10, bias=False), nn.BatchNorm1d(10), nn.ReLU(inplace=True), nn.Linear(10, out))


def blend(slow, fast):
    for old, new in zip(slow.parameters(), fast.parameters()):
        old.data = SLOW * old.data + (1 - SLOW) * new.data


def apart(guess, seen):
    """Twice one minus the cosine."""
    guess, seen = F.normalize(guess, dim=-1), F.normalize(seen, dim=-1)
    return 2 - 2 * (guess * seen).sum(dim=-1)


fast, guesser = tower(8, 6), tower(6, 6)
slow = deepcopy(fast)
for weight in slow.parameters():
    weight.requires_grad = False
both = nn.ModuleList([fast, guesser])
optimizer = optim.SGD((weight for weight in both.parameters() if weight.requires_grad), lr=0.05, momentum=0.5)
things = torch.randn(40, 8)

for turn in range(20):
    some = things[torch.randint(0, 40, (10,))]
    noisy = some + 0.1 * torch.randn(some.shape)
    scaled = some * (0.9 + 0.2 * torch.rand(10, 1))
    with torch.no_grad():
        seen_noisy, seen_scaled = slow(noisy).detach(), slow(scaled).detach()
    loss = apart(guesser(fast(noisy)), seen_scaled) + apart(guesser(fast(scaled)), seen_noisy)
    loss = loss.mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    blend(slow, fast)
    if turn % 4 == 3:
        print(f"{turn:3d}  {loss.item():.6f}")

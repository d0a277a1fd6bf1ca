"""Q-learning from a store of memories: climbs a ladder whose rungs may be slippery."""
import random
from collections import deque, namedtuple
from itertools import count

import torch
import torch.nn as nn
import torch.optim as optim

random.seed(31)
torch.manual_seed(31)
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
Memory = namedtuple("Memory", "seen did then got")

HEIGHT, BATCH, DISCOUNT, BLEND = 4, 8, 0.9, 0.1


class Ladder(object):
    def reset(self):
        self.rung = 1
        return self.look()

    def look(self):
        return [self.rung / HEIGHT, float(self.rung == HEIGHT - 1)]

    def step(self, up):
        self.rung += 1 if up else -1
        over = self.rung in (0, HEIGHT)
        return self.look(), (1.0 if self.rung == HEIGHT else -0.05), over


class Store(object):
    def __init__(self, size):
        self.kept = deque([], maxlen=size)

    def put(self, *parts):
        self.kept.append(Memory(*parts))

    def some(self, number):
        return random.sample(self.kept, number)

    def __len__(self):
        return len(self.kept)


class Values(nn.Module):
    def __init__(self, seen, moves):
        super().__init__()
        self.first = nn.Linear(seen, 10)
        self.second = nn.Linear(10, moves)

    def forward(self, x):
        return self.second(torch.tanh(self.first(x)))


online = Values(2, 2).to(device)
frozen = Values(2, 2).to(device)
frozen.load_state_dict(online.state_dict())
optimizer = optim.AdamW(online.parameters(), lr=5e-3, amsgrad=True)
store = Store(100)
turns = 0


def choose(seen):
    global turns
    turns += 1
    if random.random() < 0.5 * 0.98 ** turns:
        return torch.tensor([[random.randrange(2)]], device=device, dtype=torch.long)
    with torch.no_grad():
        return online(seen).max(1)[1].view(1, 1)


def learn():
    if len(store) < BATCH:
        return
    batch = Memory(*zip(*store.some(BATCH)))
    alive = torch.tensor(tuple(map(lambda s: s is not None, batch.then)), device=device, dtype=torch.bool)
    then = torch.cat([s if s is not None else torch.zeros(1, 2, device=device) for s in batch.then])
    seen, did, got = torch.cat(batch.seen), torch.cat(batch.did), torch.cat(batch.got)

    value = online(seen).gather(1, did)
    with torch.no_grad():
        future = frozen(then).max(1)[0] * alive
    wanted = got + DISCOUNT * future
    loss = nn.SmoothL1Loss()(value, wanted.unsqueeze(1))
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_value_(online.parameters(), 1.0)
    optimizer.step()


for climb in range(24):
    ladder = Ladder()
    seen = torch.tensor(ladder.reset(), dtype=torch.float32, device=device).unsqueeze(0)
    for t in count():
        did = choose(seen)
        look, pay, over = ladder.step(did.item())
        got = torch.tensor([pay], device=device)
        then = None if over else torch.tensor(look, dtype=torch.float32, device=device).unsqueeze(0)
        store.put(seen, did, then, got)
        seen = then
        learn()
        slow, fast = frozen.state_dict(), online.state_dict()
        for key in fast:
            slow[key] = BLEND * fast[key] + (1 - BLEND) * slow[key]
        frozen.load_state_dict(slow)
        if over or t > 8:
            break
    print(f"climb {climb}: {t + 1} moves")

"""The next beat of a pattern: an LSTM that is trained through a window while its state lives on."""
import math

import torch
import torch.nn as nn

torch.manual_seed(40)
device = torch.device('cuda:0' if torch.cuda.is_available() else 'cpu')
BEATS, WINDOW, LANES = 9, 6, 3


class Metronome(nn.Module):
    """Embeds a beat, remembers, names the next."""

    def __init__(self, beats, size, depth):
        super(Metronome, self).__init__()
        self.beats, self.size, self.depth = beats, size, depth
        self.table = nn.Embedding(beats, size)
        self.memory = nn.LSTM(size, size, depth)
        self.name = nn.Linear(size, beats)
        self.reset()

    def reset(self, bound=0.2):
        self.table.weight.data.uniform_(-bound, bound)
        self.name.weight.data.uniform_(-bound, bound)
        self.name.bias.data.zero_()

    def start(self, lanes):
        some = next(self.parameters())
        return tuple(some.new_zeros(self.depth, lanes, self.size) for _ in range(2))

    def forward(self, beats, state):
        out, state = self.memory(self.table(beats), state)
        scores = self.name(out).view(-1, self.beats)
        return torch.log_softmax(scores, dim=1), state


def lanes_of(stream, lanes):
    """A long stream as columns that are read side by side."""
    length = stream.size(0) // lanes
    return stream.narrow(0, 0, length * lanes).view(lanes, -1).t().contiguous().to(device)


def window(columns, at):
    length = min(WINDOW, len(columns) - 1 - at)
    return columns[at:at + length], columns[at + 1:at + 1 + length].reshape(-1)


def cut(state):
    if torch.is_tensor(state):
        return state.detach()
    return tuple(cut(part) for part in state)


steps = torch.arange(130)
pattern = (steps * steps + 3 * steps) % BEATS
heard, held = lanes_of(pattern[:100], LANES), lanes_of(pattern[100:], LANES)
model = Metronome(BEATS, 8, 1).to(device)
criterion = nn.NLLLoss()
rate = 1.5


def listen():
    model.train()
    recent = 0.0
    state = model.start(LANES)
    for number, at in enumerate(range(0, heard.size(0) - 1, WINDOW)):
        beats, following = window(heard, at)
        state = cut(state)
        model.zero_grad()
        scores, state = model(beats, state)
        loss = criterion(scores, following)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        for p in model.parameters():
            p.data.add_(p.grad, alpha=-rate)
        recent += loss.item()
        if number % 3 == 2:
            print('{:3d} beats: loss {:6.3f}, perplexity {:7.2f}'.format(at, recent / 3, math.exp(recent / 3)))
            recent = 0.0


def judge():
    model.eval()
    total, state = 0.0, model.start(LANES)
    with torch.no_grad():
        for at in range(0, held.size(0) - 1, WINDOW):
            beats, following = window(held, at)
            scores, state = model(beats, state)
            state = cut(state)
            total += len(beats) * criterion(scores, following).item()
    return total / (len(held) - 1)


best = None
for epoch in range(4):
    listen()
    loss = judge()
    if best is None or loss < best:
        best = loss
    else:
        rate /= 4
print('best', best)

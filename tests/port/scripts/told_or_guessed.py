"""A row of digits said again, one after the other: a coin of Python's decides whether the truth or the guess goes on."""
import random

import torch
from torch import nn, optim

random.seed(3)
torch.manual_seed(3)


class Listener(nn.Module):
    def __init__(self, digits, width):
        super().__init__()
        self.hear = nn.Embedding(digits, width)
        self.keep = nn.GRU(width, width)

    def forward(self, row):
        return self.keep(self.hear(row))


class Speaker(nn.Module):
    def __init__(self, digits, width):
        super().__init__()
        self.hear = nn.Embedding(digits, width)
        self.look = nn.Linear(2 * width, 1)
        self.turn = nn.GRUCell(2 * width, width)
        self.say = nn.Linear(width, digits)

    def forward(self, digit, state, heard):
        around = state.unsqueeze(0).expand_as(heard)
        share = self.look(torch.cat((around, heard), dim=2)).softmax(dim=0)
        state = self.turn(torch.cat((self.hear(digit), (share * heard).sum(0)), 1), state)
        assert state.abs().max() <= 1
        return self.say(state), state


class Echo(nn.Module):
    def __init__(self, listener, speaker):
        super().__init__()
        self.listener, self.speaker = listener, speaker

    def forward(self, row, told_share=0.5):
        heard, state = self.listener(row)
        state, digit = state[-1], row[0]
        said = torch.zeros(row.size(0), row.size(1), self.speaker.say.out_features)
        for t in range(1, row.size(0)):
            scores, state = self.speaker(digit, state, heard)
            said[t] = scores
            told = random.random() < told_share
            digit = row[t] if told else scores.argmax(1)
        return said


model = Echo(Listener(9, 10), Speaker(9, 10))
optimizer = optim.Adam(model.parameters(), lr=0.01)
criterion = nn.CrossEntropyLoss()
for turn in range(22):
    row = torch.randint(0, 9, (5, 4))
    optimizer.zero_grad()
    said = model(row)
    loss = criterion(said[1:].view(-1, 9), row[1:].view(-1))
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    if turn % 11 == 10:
        model.eval()
        with torch.no_grad():
            alone = model(row, told_share=0.0)
        model.train()
        print(turn, loss.item(), (alone[1:].argmax(2) == row[1:]).float().mean().item())

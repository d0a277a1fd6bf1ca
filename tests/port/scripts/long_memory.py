"""Tides continued by two recurrent cells; the optimizer asks for the loss as often as it likes."""
import numpy as np
import torch
import torch.nn as nn
import torch.optim as optim

np.random.seed(9)
torch.manual_seed(9)
hours = np.arange(15) + 3 * np.arange(6)[:, None]
tides = torch.from_numpy((np.sin(hours / 4) + 0.3 * np.sin(hours / 2)).astype("float32"))


class Tides(nn.Module):
    def __init__(self, width=8):
        super(Tides, self).__init__()
        self.width = width
        self.near, self.far = nn.LSTMCell(1, width), nn.GRUCell(width, width)
        self.level = nn.Linear(width, 1)

    def turn(self, level, state):
        h, c, far = state
        h, c = self.near(level, (h, c))
        far = self.far(h, far)
        return self.level(far), (h, c, far)

    def forward(self, levels, ahead=0):
        state = tuple(torch.zeros(levels.size(0), self.width, dtype=levels.dtype) for _ in range(3))
        told = []
        for level in levels.split(1, dim=1):
            guess, state = self.turn(level, state)
            told += [guess]
        for _ in range(ahead):
            guess, state = self.turn(guess, state)
            told += [guess]
        return torch.cat(told, dim=1)


model, criterion = Tides(), nn.MSELoss()
optimizer = optim.LBFGS(model.parameters(), lr=0.5, max_iter=5, history_size=4)
for turn in range(6):

    def closure():
        optimizer.zero_grad()
        loss = criterion(model(tides[1:, :-1]), tides[1:, 1:])
        loss.backward()
        return loss

    optimizer.step(closure)
    with torch.no_grad():
        told = model(tides[:1, :-1], ahead=3)
        print("turn", turn, "error", criterion(told[:, :-3], tides[:1, 1:]).item(), told.numpy().shape)

"""A cubic through noisy points, data from numpy, in the shortest of scripts."""
import numpy as np
import torch
import torch.nn as nn

torch.manual_seed(1)

degree = 3
turns = 30
rate = 0.05

places = np.linspace(-1, 1, 12, dtype=np.float32).reshape(-1, 1)
powers = np.hstack([places ** k for k in range(1, degree + 1)])
heights = (0.5 - places + 2 * places ** 3).astype(np.float32)

cubic = nn.Linear(degree, 1)
mse = nn.MSELoss()
sgd = torch.optim.SGD(cubic.parameters(), lr=rate, momentum=0.9)

for turn in range(turns):
    given = torch.from_numpy(powers)
    wanted = torch.from_numpy(heights)

    guessed = cubic(given)
    loss = mse(guessed, wanted)

    sgd.zero_grad()
    loss.backward()
    sgd.step()

    if (turn + 1) % 10 == 0:
        print('{:2d} of {}: {:.5f}'.format(turn + 1, turns, loss.item()))

drawn = cubic(torch.from_numpy(powers)).detach().numpy()
print(np.abs(drawn - heights).max() < 2)

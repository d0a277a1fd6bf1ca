"""A field of directions whose paths follow a spiral; the solver is part of what is differentiated."""
import torch
import torch.nn as nn


class Directions(nn.Module):
    def __init__(self, width=12):
        super(Directions, self).__init__()
        self.layers = nn.Sequential(nn.Linear(2, width), nn.Tanh(), nn.Linear(width, 2))
        for layer in self.layers:
            if isinstance(layer, nn.Linear):
                nn.init.normal_(layer.weight, mean=0, std=0.2)
                nn.init.constant_(layer.bias, val=0)

    def forward(self, time, place):
        return self.layers(place)


def path(field, place, times):
    """Heun's method."""
    places = [place]
    for begin, end in zip(times[:-1], times[1:]):
        width = end - begin
        slope = field(begin, place)
        later = field(end, place + width * slope)
        place = place + width * (slope + later) / 2
        places.append(place)
    return torch.stack(places, dim=0)


def swirl(time, place):
    return place @ turn


torch.manual_seed(13)
turn = torch.tensor([[-0.2, 1.5], [-1.5, -0.2]])
times = torch.linspace(0.0, 3.0, 25)
with torch.no_grad():
    truth = path(swirl, torch.tensor([[1.0, 0.0]]), times)


def some(count=6, length=4):
    starts = torch.randperm(len(times) - length)[:count]
    return truth[starts], times[:length], torch.stack([truth[starts + k] for k in range(length)], dim=0)


field = Directions()
optimizer = torch.optim.RMSprop(field.parameters(), lr=1e-2)
smooth = None
for number in range(1, 21):
    optimizer.zero_grad()
    place, moments, wanted = some()
    found = path(field, place, moments)
    loss = torch.mean(torch.abs(found - wanted))
    loss.backward()
    optimizer.step()
    smooth = loss.item() if smooth is None else 0.8 * smooth + 0.2 * loss.item()
    if number % 10 == 0:
        with torch.no_grad():
            whole = path(field, truth[0], times)
            print("{:02d}: {:.5f}, the whole path {:.5f}".format(number, smooth, (whole - truth).abs().mean().item()))

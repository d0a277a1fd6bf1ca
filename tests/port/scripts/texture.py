"""A picture is changed until its features go together as in another: its points are the parameters."""
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(38)
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def together(features):
    """How often features are strong at the same places."""
    n, c, h, w = features.size()
    rows = features.view(n * c, h * w)
    return rows.mm(rows.t()).div(rows.numel())


class Probe(nn.Module):
    """Passes its input on, and remembers how far a measure of it is from that of the first."""

    def __init__(self, measure, first):
        super().__init__()
        self.measure = measure
        self.wanted = measure(first).detach()

    def forward(self, x):
        self.distance = F.mse_loss(self.measure(x), self.wanted)
        return x


def probed(layers, shape, pattern):
    net, near, alike = nn.Sequential(), [], []
    for number, layer in enumerate(layers.children()):
        net.add_module(f"layer{number}", layer)
        if isinstance(layer, nn.Conv2d):
            alike.append(Probe(together, net(pattern)))
            net.add_module(f"alike{number}", alike[-1])
            near.append(Probe(lambda x: x, net(shape)))
            net.add_module(f"near{number}", near[-1])
    return net, near, alike


layers = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 6, 3, padding=1)).to(device).eval()
shape = torch.rand(1, 3, 8, 8, device=device)
pattern = (torch.arange(8, device=device) % 2).float().view(1, 1, 1, 8).expand(1, 3, 8, 8).clone()
net, near, alike = probed(layers, shape, pattern)
net.requires_grad_(False)
picture = shape.clone().requires_grad_(True)
optimizer = optim.Adam([picture], lr=0.02)
for turn in range(20):
    optimizer.zero_grad()
    net(picture)
    far = sum(probe.distance for probe in near)
    unlike = sum(probe.distance for probe in alike)
    loss = 1e3 * unlike + far
    loss.backward()
    optimizer.step()
    with torch.no_grad():
        picture.clamp_(0, 1)
    if turn % 5 == 0:
        print(f"{turn}: far {far.item():.6f} unlike {unlike.item():.6f}")

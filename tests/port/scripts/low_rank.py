"""A trained network is adapted by thin products beside its layers; only they learn, and are folded in at the end."""
import math

import torch
import torch.nn as nn
import torch.nn.functional as F


class Thin(nn.Linear):
    """A linear layer, fixed, and the product of two thin matrices beside it."""

    def __init__(self, like, rank, strength=2.0):
        super().__init__(like.in_features, like.out_features)
        self.load_state_dict(like.state_dict(), strict=False)
        self.thin_in = nn.Parameter(self.weight.new_zeros((rank, like.in_features)))
        self.thin_out = nn.Parameter(self.weight.new_zeros((like.out_features, rank)))
        nn.init.kaiming_uniform_(self.thin_in, a=math.sqrt(5))
        self.strength, self.folded = strength, False

    def fold(self):
        self.weight.data += self.strength * (self.thin_out @ self.thin_in)
        self.folded = True

    def forward(self, x):
        y = F.linear(x, self.weight, bias=self.bias)
        if not self.folded:
            y += self.strength * (x @ self.thin_in.transpose(0, 1) @ self.thin_out.transpose(0, 1))
        return y


def thinned(network, rank):
    for name, layer in list(network.named_children()):
        if type(layer) is nn.Linear:
            setattr(network, name, Thin(layer, rank))
        else:
            thinned(layer, rank)
    for path, weight in network.named_parameters():
        weight.requires_grad = "thin_" in path


def fit(network, x, y, turns, rate):
    optimizer = torch.optim.Adam([p for p in network.parameters() if p.requires_grad], lr=rate)
    for _ in range(turns):
        optimizer.zero_grad()
        loss = F.mse_loss(network(x), y)
        loss.backward()
        optimizer.step()
    return loss.item()


torch.manual_seed(77)
x = torch.randn(40, 5)
network = nn.Sequential(nn.Linear(5, 12), nn.Tanh(), nn.Linear(12, 2))
print("before", fit(network, x, torch.stack([x.sum(1), x.prod(1)], 1), 10, 2e-2))
thinned(network, rank=2)
print(sum(p.numel() for p in network.parameters() if p.requires_grad), "numbers learn")
print("after", fit(network, x, torch.stack([-x.sum(1), x.amax(1)], 1), 10, 2e-2))
with torch.no_grad():
    beside = network(x)
    for layer in network.modules():
        if isinstance(layer, Thin):
            layer.fold()
    print("folded:", torch.allclose(beside, network(x), atol=1e-5))

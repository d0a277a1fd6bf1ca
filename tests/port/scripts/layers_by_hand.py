"""Layers that are no Modules, in a list: arrays that a loop makes Parameters, gradients of what they give."""

import torch
import torch.nn.functional as F

torch.manual_seed(0)
X = torch.randn(64, 5)
Y = torch.randint(0, 3, (64,))


class Dense:
    def __init__(self, n, m, shift=True):
        self.w = torch.randn(n, m) / n**0.5
        self.b = torch.zeros(m) if shift else None

    def __call__(self, x):
        self.out = x @ self.w
        if self.b is not None:
            self.out += self.b
        return self.out

    def parameters(self):
        return [self.w] + ([] if self.b is None else [self.b])


class Standardised:
    def __init__(self, n, momentum=0.1):
        self.momentum = momentum
        self.training = True
        self.scale = torch.ones(n)
        self.shift = torch.zeros(n)
        self.mean = torch.zeros(n)
        self.var = torch.ones(n)

    def __call__(self, x):
        if self.training:
            mean, var = x.mean(0, keepdim=True), x.var(0, keepdim=True)
            with torch.no_grad():
                self.mean = (1 - self.momentum) * self.mean + self.momentum * mean
                self.var = (1 - self.momentum) * self.var + self.momentum * var
        else:
            mean, var = self.mean, self.var
        self.out = self.scale * (x - mean) / torch.sqrt(var + 1e-5) + self.shift
        return self.out

    def parameters(self):
        return [self.scale, self.shift]


class Squash:
    def __call__(self, x):
        self.out = x.tanh()
        return self.out

    def parameters(self):
        return []


class Row:
    def __init__(self, layers):
        self.layers = layers

    def __call__(self, x):
        for layer in self.layers:
            x = layer(x)
        self.out = x
        return self.out

    def parameters(self):
        return [p for layer in self.layers for p in layer.parameters()]


first = Row([Dense(5, 8, shift=False), Standardised(8), Squash()])
layers = [first] + [Dense(8, 8), Squash()] + [Dense(8, 3)]
with torch.no_grad():
    layers[-1].w *= 0.1
    for layer in first.layers:
        if isinstance(layer, Dense):
            layer.w *= 5 / 3
params = []
for layer in layers:
    params += layer.parameters()
print(sum(p.nelement() for p in params))
for p in params:
    p.requires_grad = True

kept = []
for step in range(22):
    ix = torch.randint(0, 64, (16,))
    x = X[ix]
    for layer in layers:
        x = layer(x)
    loss = F.cross_entropy(x, Y[ix])
    for layer in layers:
        layer.out.retain_grad()
    for p in params:
        p.grad = None
    loss.backward()
    for p in params:
        p.data += -0.1 * p.grad
    kept.append(loss.log10().item())
    if step == 0:
        for layer in layers[:-1]:
            t = layer.out.grad
            print(layer.__class__.__name__, t.mean().item(), t.std().item())

for layer in first.layers:
    layer.training = False
with torch.no_grad():
    x = X
    for layer in layers:
        x = layer(x)
    print(F.cross_entropy(x, Y).item())

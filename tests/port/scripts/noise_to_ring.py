"""Diffusion: noise becomes a ring of points, step by step."""
import math

import torch
from torch import nn
import torch.nn.functional as F


def extract(table, t, shape):
    return table.gather(-1, t).reshape(t.shape[0], *((1,) * (len(shape) - 1)))


def linear_schedule(steps):
    return torch.linspace(1e-3, 0.2, steps)


class Sinusoid(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.dim = dim

    def forward(self, t):
        half = self.dim // 2
        rates = torch.exp(torch.arange(half, device=t.device) * -(math.log(10000) / (half - 1)))
        angles = t[:, None] * rates[None, :]
        return torch.cat((angles.sin(), angles.cos()), dim=-1)


class Denoiser(nn.Module):
    def __init__(self, dim=16):
        super().__init__()
        self.time = nn.Sequential(Sinusoid(8), nn.Linear(8, dim), nn.SiLU())
        self.inner = nn.Linear(2, dim)
        self.mid = nn.ModuleList([nn.Linear(dim, dim) for _ in range(2)])
        self.outer = nn.Linear(dim, 2)

    def forward(self, x, t):
        h, when = self.inner(x), self.time(t)
        for layer in self.mid:
            h = h + F.silu(layer(h + when))
        return self.outer(h)


class Diffusion(nn.Module):
    def __init__(self, model, steps=12):
        super().__init__()
        self.model, self.steps = model, steps
        betas = linear_schedule(steps)
        alphas = 1.0 - betas
        products = torch.cumprod(alphas, dim=0)
        before = F.pad(products[:-1], (1, 0), value=1.0)
        keep = lambda name, value: self.register_buffer(name, value.to(torch.float32))
        keep("betas", betas)
        keep("root_products", torch.sqrt(products))
        keep("root_rest", torch.sqrt(1.0 - products))
        keep("root_inverse", torch.sqrt(1.0 / alphas))
        keep("variance", betas * (1.0 - before) / (1.0 - products))

    def noised(self, x, t, noise=None):
        noise = torch.randn_like(x) if noise is None else noise
        return extract(self.root_products, t, x.shape) * x + extract(self.root_rest, t, x.shape) * noise

    def forward(self, x):
        t = torch.randint(0, self.steps, (x.shape[0],), device=x.device).long()
        noise = torch.randn_like(x)
        return F.mse_loss(self.model(self.noised(x, t, noise), t), noise)

    @torch.no_grad()
    def sample(self, count):
        x = torch.randn(count, 2)
        for i in reversed(range(self.steps)):
            t = torch.full((count,), i, dtype=torch.long)
            share = extract(self.betas, t, x.shape) / extract(self.root_rest, t, x.shape)
            mean = extract(self.root_inverse, t, x.shape) * (x - share * self.model(x, t))
            if i > 0:
                x = mean + torch.sqrt(extract(self.variance, t, x.shape)) * torch.randn_like(x)
            else:
                x = mean
        return x


torch.manual_seed(73)
angle = 2 * math.pi * torch.rand(64)
ring = torch.stack([angle.cos(), angle.sin()], dim=1)
diffusion = Diffusion(Denoiser())
optimizer = torch.optim.Adam(diffusion.parameters(), lr=5e-3)
for step in range(24):
    batch = ring[torch.randperm(64)[:16]]
    loss = diffusion(batch)
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(diffusion.parameters(), 1.0)
    optimizer.step()
    if step % 6 == 0:
        print(step, f"{loss.item():.4f}")
print(diffusion.sample(5).norm(dim=1).mean().item() > 0)

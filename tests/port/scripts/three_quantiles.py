# %% [markdown]
# Quantiles of a noisy curve
# %%
import numpy as np
import torch
from torch import nn, optim

np.random.seed(23); torch.manual_seed(23)
# %%
n = 60
x = np.sort(np.random.uniform(-2, 2, n)).astype(np.float32)
y = (np.sin(x) + (0.1 + 0.2 * np.abs(x)) * np.random.randn(n)).astype(np.float32)
X = torch.tensor(x).unsqueeze(1)
Y = torch.as_tensor(y)[:, None]
mu, sd = X.mean(0, keepdim=True), X.std(0, keepdim=True)
X = (X - mu) / sd
# %%
quantiles = torch.tensor([0.1, 0.5, 0.9])
def pinball(pred, target):
    error = target - pred
    return torch.maximum(quantiles * error, (quantiles - 1) * error).mean()
# %%
model = nn.Sequential(
    nn.Linear(1, 24), nn.Hardswish(),
    nn.Linear(24, 24), nn.Hardswish(),
    nn.Linear(24, 3),
)
optimizer = optim.Adamax(model.parameters(), lr=0.01)
log = []
for epoch in range(25):
    pred = model(X)
    loss = pinball(pred, Y)
    l2 = sum(p.pow(2).sum() for p in model.parameters())
    total = loss + 1e-4 * l2
    optimizer.zero_grad(); total.backward(); optimizer.step()
    log.append(loss.item())
    if epoch % 8 == 0: print(f"{epoch:>3} {log[-1]:.4f}")
# %%
with torch.no_grad():
    pred = model(X)
    low, mid, high = pred.unbind(1)
    inside = ((Y[:, 0] > low) & (Y[:, 0] < high)).float().mean()
print("inside", inside.item(), "widths", (high - low).numpy().round(2)[:3])
# %%
grid = torch.linspace(-2, 2, 5).reshape(-1, 1)
print(model((grid - mu) / sd).detach().numpy().shape)

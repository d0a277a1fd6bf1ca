"""Training against the worst small change of the input, and how well that defends against the sign of the slope."""
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(95)
device = "cuda" if torch.cuda.is_available() else "cpu"


def sign_attack(model, x, y, epsilon):
    """One step along the sign of the gradient."""
    x = x.clone().detach().requires_grad_(True)
    loss = F.cross_entropy(model(x), y)
    grad = torch.autograd.grad(loss, x, retain_graph=False, create_graph=False)[0]
    return torch.clamp(x + epsilon * grad.sign(), 0, 1).detach()


def many_steps(model, x, y, epsilon=0.1, alpha=0.04, iters=3):
    """Steps that are projected back to the ball around the input."""
    moved = x.clone().detach() + torch.empty_like(x).uniform_(-epsilon, epsilon)
    for _ in range(iters):
        moved.requires_grad_()
        with torch.enable_grad():
            loss = nn.CrossEntropyLoss()(model(moved), y)
        grad = torch.autograd.grad(loss, [moved])[0]
        moved = moved.detach() + alpha * torch.sign(grad.detach())
        moved = torch.min(torch.max(moved, x - epsilon), x + epsilon)
        moved = torch.clamp(moved, 0.0, 1.0)
    return moved


x = torch.rand(48, 6)
y = (x[:, :3].mean(1) > x[:, 3:].mean(1)).long()
loader = DataLoader(TensorDataset(x, y), batch_size=12, shuffle=True)
model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 2)).to(device)
opt = torch.optim.SGD(model.parameters(), lr=0.3)

for epoch in range(5):
    for xb, yb in loader:
        xb, yb = xb.to(device), yb.to(device)
        adv = many_steps(model, xb, yb)
        opt.zero_grad()
        loss = F.cross_entropy(model(adv), yb)
        loss.backward()
        opt.step()
    clean = attacked = 0
    for xb, yb in loader:
        xb, yb = xb.to(device), yb.to(device)
        clean += (model(xb).argmax(1) == yb).sum().item()
        attacked += (model(sign_attack(model, xb, yb, 0.05)).argmax(1) == yb).sum().item()
    print(f"epoch {epoch}: loss {loss.item():.4f}, clean {clean}/48, attacked {attacked}/48")

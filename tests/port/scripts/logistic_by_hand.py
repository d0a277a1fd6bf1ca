"""Logistic regression without a layer or an optimizer: slopes from autograd, the steps written out."""
import torch

device = torch.device('cpu')  # or 'cuda'
dtype = torch.float
torch.manual_seed(3)

points = torch.randn(40, 5, device=device, dtype=dtype)
truth = (points @ torch.tensor([1.0, -2.0, 0.5, 0.0, 1.5]) > 0).float()

hidden = torch.randn(5, 4, device=device, dtype=dtype, requires_grad=True)
weights = torch.zeros(4, device=device, dtype=dtype, requires_grad=True)
offset = torch.zeros((), device=device, dtype=dtype, requires_grad=True)

rate = 0.3
for turn in range(25):
    scores = points.mm(hidden).clamp(min=0).mv(weights) + offset
    chance = 1 / (1 + torch.exp(-scores))
    loss = -(truth * chance.log() + (1 - truth) * (1 - chance).log()).mean()
    if turn % 5 == 0:
        right = ((chance > 0.5).float() == truth).float().mean()
        print(turn, loss.item(), right.item())

    loss.backward()

    # The updates are no part of what is differentiated.
    with torch.no_grad():
        hidden -= rate * hidden.grad
        weights -= rate * weights.grad
        offset -= rate * offset.grad
        hidden.grad.zero_()
        weights.grad.zero_()
        offset.grad.zero_()

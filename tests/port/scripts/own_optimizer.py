"""An optimizer of one's own: the sign of a momentum, decoupled decay, state in the usual dictionary."""
import torch
from torch import nn
from torch.optim.optimizer import Optimizer


class SignMomentum(Optimizer):
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.99), weight_decay=0.0):
        if not 0.0 <= lr:
            raise ValueError("Invalid learning rate: {}".format(lr))
        defaults = dict(lr=lr, betas=betas, weight_decay=weight_decay)
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                grad = p.grad
                state = self.state[p]
                if len(state) == 0:
                    state["momentum"] = torch.zeros_like(p)
                momentum = state["momentum"]
                p.mul_(1 - group["lr"] * group["weight_decay"])
                update = momentum.mul(beta1).add(grad, alpha=1 - beta1)
                p.add_(torch.sign(update), alpha=-group["lr"])
                momentum.mul_(beta2).add_(grad, alpha=1 - beta2)
        return loss


torch.manual_seed(88)
x = torch.randn(50, 4)
y = torch.tanh(x @ torch.randn(4, 1))
model = nn.Sequential(nn.Linear(4, 10), nn.Mish(), nn.Linear(10, 1))
optimizer = SignMomentum(model.parameters(), lr=1e-2, weight_decay=1e-2)
for step in range(22):
    loss = nn.functional.huber_loss(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 7 == 0:
        print(step, round(loss.item(), 5))

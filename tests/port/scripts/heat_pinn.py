"""Heat in a rod: a network is trained to obey the equation, its derivatives from autograd."""
import math

import torch
import torch.nn as nn

torch.manual_seed(19)
torch.set_default_dtype(torch.float32)
dev = torch.device("cuda:0") if torch.cuda.is_available() else torch.device("cpu")
DIFFUSIVITY = 0.1


class PINN(nn.Module):
    def __init__(self, layers):
        super().__init__()
        self.activation = nn.Tanh()
        self.linears = nn.ModuleList([nn.Linear(layers[i], layers[i + 1]) for i in range(len(layers) - 1)])
        for linear in self.linears:
            nn.init.xavier_normal_(linear.weight.data, gain=1.0)
            nn.init.zeros_(linear.bias.data)

    def forward(self, x, t):
        a = torch.cat([x, t], dim=1)
        for linear in self.linears[:-1]:
            a = self.activation(linear(a))
        return self.linears[-1](a)


def residual(net, x, t):
    u = net(x, t)
    u_t = torch.autograd.grad(u, t, torch.ones_like(u), create_graph=True)[0]
    u_x = torch.autograd.grad(u, x, torch.ones_like(u), create_graph=True)[0]
    u_xx = torch.autograd.grad(u_x, x, torch.ones_like(u_x), create_graph=True)[0]
    return u_t - DIFFUSIVITY * u_xx


x_inner = torch.rand(30, 1, device=dev, requires_grad=True)
t_inner = torch.rand(30, 1, device=dev, requires_grad=True)
x_start = torch.linspace(0, 1, 11, device=dev).view(-1, 1)
u_start = torch.sin(math.pi * x_start)
t_edge = torch.rand(10, 1, device=dev)

net = PINN([2, 10, 10, 1]).to(dev)
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
scheduler = torch.optim.lr_scheduler.PolynomialLR(optimizer, total_iters=22, power=1.0)
for epoch in range(22):
    optimizer.zero_grad()
    loss_pde = (residual(net, x_inner, t_inner) ** 2).mean()
    loss_start = nn.functional.mse_loss(net(x_start, torch.zeros_like(x_start)), u_start)
    left, right = net(torch.zeros_like(t_edge), t_edge), net(torch.ones_like(t_edge), t_edge)
    loss_edge = (left ** 2).mean() + (right ** 2).mean()
    loss = loss_pde + 10 * loss_start + loss_edge
    loss.backward()
    optimizer.step()
    scheduler.step()
    if epoch % 7 == 0:
        print(f"{epoch:3d} pde {loss_pde.item():.2e} start {loss_start.item():.2e} edge {loss_edge.item():.2e}")

with torch.no_grad():
    exact = math.exp(-DIFFUSIVITY * math.pi ** 2) * torch.sin(math.pi * x_start)
    print("error at the end:", (net(x_start, torch.ones_like(x_start)) - exact).abs().max().item() < 10)

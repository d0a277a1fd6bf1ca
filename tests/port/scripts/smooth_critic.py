"""A Wasserstein critic kept smooth by the size of its gradient, for a mixture of two normal distributions."""
import numpy as np
import torch
import torch.autograd as autograd
import torch.nn as nn
from torch.autograd import Variable

torch.manual_seed(9)
np.random.seed(9)
use_gpu = torch.cuda.is_available()
EVERY, WEIGHT, CODE = 2, 5.0, 3
FloatTensor = torch.cuda.FloatTensor if use_gpu else torch.FloatTensor


class Sampler(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(CODE, 10), nn.ReLU(), nn.Linear(10, 2))

    def forward(self, z):
        return self.net(z)


class Critic(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, 10), nn.Softplus(), nn.Linear(10, 1))

    def forward(self, x):
        return self.net(x.view(x.shape[0], -1))


def roughness(critic, real, fake):
    """How far the gradient between the two sets is from length one."""
    share = FloatTensor(np.random.random((real.size(0), 1)))
    between = (share * real + (1 - share) * fake).requires_grad_(True)
    scores = critic(between)
    ones = Variable(FloatTensor(real.shape[0], 1).fill_(1.0), requires_grad=False)
    slopes = autograd.grad(
        outputs=scores, inputs=between, grad_outputs=ones, create_graph=True, retain_graph=True, only_inputs=True
    )[0]
    slopes = slopes.view(slopes.size(0), -1)
    return ((slopes.norm(2, dim=1) - 1) ** 2).mean()


sampler, critic = Sampler(), Critic()
if use_gpu:
    sampler.cuda()
    critic.cuda()
points = torch.cat([torch.randn(16, 2) * 0.2 + 1, torch.randn(16, 2) * 0.2 - 1])
loader = torch.utils.data.DataLoader(points, batch_size=8, shuffle=True)
sampler_opt = torch.optim.Adam(sampler.parameters(), lr=0.01, betas=(0.5, 0.9))
critic_opt = torch.optim.Adam(critic.parameters(), lr=0.01, betas=(0.5, 0.9))

for epoch in range(4):
    for i, batch in enumerate(loader):
        real = Variable(batch.type(FloatTensor))
        critic_opt.zero_grad()
        z = Variable(FloatTensor(np.random.normal(0, 1, (batch.shape[0], CODE))))
        fake = sampler(z)
        penalty = roughness(critic, real.data, fake.data)
        critic_loss = torch.mean(critic(fake)) - torch.mean(critic(real)) + WEIGHT * penalty
        critic_loss.backward()
        critic_opt.step()

        sampler_opt.zero_grad()
        if i % EVERY == 0:
            fake = sampler(z)
            sampler_loss = -torch.mean(critic(fake))
            sampler_loss.backward()
            sampler_opt.step()
            print("epoch %d batch %d: critic %.5f sampler %.5f" % (epoch, i, critic_loss.item(), sampler_loss.item()))

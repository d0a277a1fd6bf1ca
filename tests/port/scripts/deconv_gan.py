# Images of soft discs, drawn by a generator of transposed convolutions.
from __future__ import print_function

import random

import torch
import torch.backends.cudnn as cudnn
import torch.nn as nn
import torch.nn.parallel
import torch.optim as optim
import torch.utils.data

SEED = 91
random.seed(SEED)
torch.manual_seed(SEED)
cudnn.benchmark = True

if torch.cuda.is_available():
    device = torch.device('cuda:0')
else:
    device = torch.device('cpu')

CODE, WIDTH, SIZE, BATCH = 6, 4, 8, 6


def discs(count):
    centre = 2 + 4 * torch.rand(count, 2, 1, 1)
    rows = torch.arange(SIZE).view(1, SIZE, 1) - centre[:, 0]
    columns = torch.arange(SIZE).view(1, 1, SIZE) - centre[:, 1]
    return torch.exp(-(rows ** 2 + columns ** 2) / 4).unsqueeze(1) * 2 - 1


class Painter(nn.Module):
    def __init__(self):
        super(Painter, self).__init__()
        self.layers = nn.Sequential(
            nn.ConvTranspose2d(CODE, 2 * WIDTH, 2, 1, 0, bias=False),  # to 2 x 2
            nn.BatchNorm2d(2 * WIDTH),
            nn.ReLU(True),
            nn.ConvTranspose2d(2 * WIDTH, WIDTH, 4, 2, 1, bias=False),  # to 4 x 4
            nn.BatchNorm2d(WIDTH),
            nn.ReLU(True),
            nn.ConvTranspose2d(WIDTH, 1, 4, 2, 1, bias=False),  # to 8 x 8
            nn.Tanh(),
        )

    def forward(self, code):
        return self.layers(code)


class Judge(nn.Module):
    def __init__(self):
        super(Judge, self).__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, WIDTH, 4, 2, 1, bias=False),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(WIDTH, 2 * WIDTH, 4, 2, 1, bias=False),
            nn.BatchNorm2d(2 * WIDTH),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(2 * WIDTH, 1, 2, 1, 0, bias=False),
            nn.Sigmoid(),
        )

    def forward(self, picture):
        return self.layers(picture).view(-1, 1).squeeze(1)


def small_start(module):
    """Small weights in convolutions, weights around one in norms."""
    kind = module.__class__.__name__
    if kind.startswith('Conv'):
        module.weight.data.normal_(0.0, 0.05)
    elif 'Norm' in kind:
        module.weight.data.normal_(1.0, 0.05)
        module.bias.data.fill_(0)


loader = torch.utils.data.DataLoader(
    torch.utils.data.TensorDataset(discs(30), torch.zeros(30)), batch_size=BATCH, shuffle=True)
painter, judge = Painter().to(device), Judge().to(device)
painter.apply(small_start)
judge.apply(small_start)
bce = nn.BCELoss()
watched = torch.randn(3, CODE, 1, 1, device=device)
judge_opt = optim.Adam(judge.parameters(), lr=1e-3, betas=(0.5, 0.99))
painter_opt = optim.Adam(painter.parameters(), lr=1e-3, betas=(0.5, 0.99))

for turn in range(2):
    for place, batch in enumerate(loader, 0):
        # The judge first: real pictures, then painted ones.
        judge.zero_grad()
        real = batch[0].to(device)
        count = real.size(0)
        target = torch.full((count,), 1.0, dtype=real.dtype, device=device)
        verdict = judge(real)
        loss_real = bce(verdict, target)
        loss_real.backward()
        trust = verdict.mean().item()

        code = torch.randn(count, CODE, 1, 1, device=device)
        painted = painter(code)
        target.fill_(0)
        verdict = judge(painted.detach())
        loss_painted = bce(verdict, target)
        loss_painted.backward()
        judge_loss = loss_real + loss_painted
        judge_opt.step()

        # Then the painter, who wants to be taken for real.
        painter.zero_grad()
        target.fill_(1)
        verdict = judge(painted)
        painter_loss = bce(verdict, target)
        painter_loss.backward()
        painter_opt.step()
        print('%d.%d judge %.4f painter %.4f trust %.3f'
              % (turn, place, judge_loss.item(), painter_loss.item(), trust))
    with torch.no_grad():
        print(painter(watched).detach().cpu().mean().item())

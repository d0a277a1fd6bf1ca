"""Smooth curves turned into stepped ones and back, without pairs: two translators, two examiners, old forgeries shown again."""
import itertools
import random

import torch
import torch.nn as nn
from torch.autograd import Variable
from torch.utils.data import DataLoader, Dataset

random.seed(10)
torch.manual_seed(10)
cuda = torch.cuda.is_available()
FloatTensor = torch.cuda.FloatTensor if cuda else torch.FloatTensor


class Attic:
    """Shows an old forgery in the place of a new one, half of the time."""

    def __init__(self, room=6):
        self.room, self.kept = room, []

    def swap(self, batch):
        shown = []
        for new in batch.data:
            new = torch.unsqueeze(new, 0)
            if len(self.kept) < self.room:
                self.kept.append(new)
            elif random.random() < 0.5:
                place = random.randrange(self.room)
                self.kept[place], new = new, self.kept[place].clone()
            shown.append(new)
        return Variable(torch.cat(shown))


class Curves(Dataset):
    def __init__(self, count):
        moments = torch.linspace(0, 6, 12)
        self.smooth = [torch.sin(moments + k / 4).unsqueeze(0) for k in range(count)]
        self.stepped = [torch.sign(torch.sin(moments + k / 3)).unsqueeze(0) for k in range(count)]

    def __getitem__(self, index):
        return {"smooth": self.smooth[index], "stepped": self.stepped[(3 * index) % len(self)]}

    def __len__(self):
        return len(self.smooth)


class Around(nn.Module):
    def __init__(self, inner):
        super(Around, self).__init__()
        self.inner = inner

    def forward(self, x):
        return x + self.inner(x)


def translator():
    inner = nn.Sequential(nn.ReflectionPad1d(1), nn.Conv1d(4, 4, 3), nn.InstanceNorm1d(4))
    return nn.Sequential(nn.Conv1d(1, 4, 3, padding=1), nn.ReLU(inplace=True), Around(inner), nn.Conv1d(4, 1, 3, padding=1))


def examiner():
    return nn.Sequential(nn.Conv1d(1, 4, 4, stride=2, padding=1), nn.LeakyReLU(0.2), nn.Conv1d(4, 1, 3, padding=1))


def start(layer):
    if layer.__class__.__name__.find("Conv") != -1:
        torch.nn.init.normal_(layer.weight.data, 0.0, 0.1)
        if hasattr(layer, "bias") and layer.bias is not None:
            torch.nn.init.constant_(layer.bias.data, 0.0)


step, smooth = translator(), translator()  # to stepped, to smooth
knows_stepped, knows_smooth = examiner(), examiner()
for net in (step, smooth, knows_stepped, knows_smooth):
    net.apply(start)
    if cuda:
        net.cuda()
square, plain = nn.MSELoss(), nn.L1Loss()
translators_opt = torch.optim.Adam(itertools.chain(step.parameters(), smooth.parameters()), lr=0.005, betas=(0.5, 0.999))
stepped_opt = torch.optim.Adam(knows_stepped.parameters(), lr=0.005, betas=(0.5, 0.999))
smooth_opt = torch.optim.Adam(knows_smooth.parameters(), lr=0.005, betas=(0.5, 0.999))
slower = torch.optim.lr_scheduler.LambdaLR(translators_opt, lr_lambda=lambda epoch: 1.0 - max(0, epoch - 1) / 3)
old_stepped, old_smooth = Attic(), Attic()
loader = DataLoader(Curves(16), batch_size=4, shuffle=True)

for epoch in range(3):
    for number, batch in enumerate(loader):
        a = Variable(batch["smooth"].type(FloatTensor))
        b = Variable(batch["stepped"].type(FloatTensor))
        yes = Variable(FloatTensor(a.size(0), 1, 6).fill_(1.0), requires_grad=False)
        no = Variable(FloatTensor(a.size(0), 1, 6).fill_(0.0), requires_grad=False)

        translators_opt.zero_grad()
        kept = (plain(smooth(a), a) + plain(step(b), b)) / 2
        false_b = step(a)
        false_a = smooth(b)
        fooled = (square(knows_stepped(false_b), yes) + square(knows_smooth(false_a), yes)) / 2
        returned = (plain(smooth(false_b), a) + plain(step(false_a), b)) / 2
        loss = fooled + 8.0 * returned + 4.0 * kept
        loss.backward()
        translators_opt.step()

        # examiner of smooth curves
        smooth_opt.zero_grad()
        shown = old_smooth.swap(false_a)
        loss_smooth = (square(knows_smooth(a), yes) + square(knows_smooth(shown.detach()), no)) / 2
        loss_smooth.backward()
        smooth_opt.step()

        # examiner of stepped curves
        stepped_opt.zero_grad()
        shown = old_stepped.swap(false_b)
        loss_stepped = (square(knows_stepped(b), yes) + square(knows_stepped(shown.detach()), no)) / 2
        loss_stepped.backward()
        stepped_opt.step()
        print("%d.%d translators %f examiners %f" % (epoch, number, loss.item(), (loss_smooth + loss_stepped).item() / 2))
    slower.step()

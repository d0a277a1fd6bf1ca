"""One function for learning and for looking, its losses kept in a list; pairs of views without their own diagonal."""
import math

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


class Views(Dataset):
    def __init__(self, count):
        self.things = torch.randn(count, 10)

    def __len__(self):
        return len(self.things)

    def __getitem__(self, index):
        return [self.things[index] + 0.1 * torch.randn(10) for _ in range(2)]


class Settings:
    batch, temperature, rate, warm = 6, 0.2, 3e-3, 40


class Learner:
    def __init__(self, **given):
        self.settings = given["settings"]
        self.net = given["net"]
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=self.settings.rate)
        self.seen = 0

    def scores(self, views):
        views = nn.functional.normalize(views, dim=1)
        own = torch.arange(self.settings.batch).repeat(2)
        same = (own.unsqueeze(0) == own.unsqueeze(1)).float()
        near = views @ views.t()
        diagonal = torch.eye(len(near), dtype=torch.bool)
        same, near = same[~diagonal].view(len(near), -1), near[~diagonal].view(len(near), -1)
        good, bad = near[same.bool()].view(len(near), -1), near[~same.bool()].view(len(near), -1)
        return torch.cat([good, bad], dim=1) / self.settings.temperature

    def run(self, rows, training):
        self.net.train(training)
        losses = []
        for pair in rows:
            views = torch.cat(pair, dim=0)
            with torch.set_grad_enabled(training):
                scores = self.scores(self.net(views))
                loss = nn.functional.cross_entropy(scores, torch.zeros(len(scores), dtype=torch.long))
                losses.append(loss.item())
            if training:
                self.optimizer.zero_grad()
                loss.backward()
                self.optimizer.step()
                self.seen += len(views)
                if self.seen < self.settings.warm:
                    part = self.seen / self.settings.warm
                else:
                    part = max(0.1, 0.5 * (1 + math.cos(self.seen / 300)))
                for group in self.optimizer.param_groups:
                    group["lr"] = self.settings.rate * part
        return sum(losses) / len(losses)


torch.manual_seed(9)
learner = Learner(settings=Settings(), net=nn.Sequential(nn.Linear(10, 16), nn.ReLU(), nn.Linear(16, 6)))
train, test = (DataLoader(Views(n), batch_size=6, shuffle=True, drop_last=True) for n in (30, 12))
for epoch in range(5):
    print(epoch, learner.run(train, True), learner.run(test, False))

"""What a wide network knows, taught to a narrow one: soft targets at a temperature, hits among the best guesses."""
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

SETTINGS = {
    "seed": 33,
    "heat": 3.0,
    "soft": 0.7,
    "epochs": {"teacher": 2, "pupil": 3},
    "rows": 10,
    "drops": [6, 10],
}


class Mean:
    """A mean of what was put in so far, weighted."""

    def __init__(self, what, places=4):
        self.what, self.places = what, places
        self.total = self.weight = 0

    def put(self, value, weight):
        self.total += value * weight
        self.weight += weight

    def __str__(self):
        return f"{self.what} {self.total / self.weight:.{self.places}f}"


def among_best(scores, label, counts):
    """The percentage of rows whose label is among the best so many guesses, for each count."""
    best = scores.topk(max(counts), dim=1, largest=True, sorted=True)[1]
    hit = best.eq(label.view(-1, 1).expand_as(best))
    return [hit[:, :count].reshape(-1).float().sum().mul_(100.0 / label.size(0)) for count in counts]


def network(width):
    return nn.Sequential(nn.Linear(6, width), nn.PReLU(), nn.Linear(width, 4))


def taught(pupil, teacher, label):
    heat, soft = SETTINGS["heat"], SETTINGS["soft"]
    gap = F.kl_div(F.log_softmax(pupil / heat, dim=1), F.softmax(teacher / heat, dim=1), reduction="batchmean")
    return soft * heat ** 2 * gap + (1.0 - soft) * F.cross_entropy(pupil, label)


def run(loader, net, optimizer, scheduler=None, teacher=None):
    losses, first, second = Mean("loss"), Mean("best", 1), Mean("best two", 1)
    net.train()
    for x, label in loader:
        scores = net(x)
        if teacher is None:
            loss = F.cross_entropy(scores, label)
        else:
            with torch.no_grad():
                known = teacher(x)
            loss = taught(scores, known, label)
        one, two = among_best(scores, label, counts=(1, 2))
        losses.put(loss.item(), x.size(0))
        first.put(one.item(), x.size(0))
        second.put(two.item(), x.size(0))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if scheduler is not None:
            scheduler.step()
    print("\t".join(map(str, (losses, first, second))))


torch.manual_seed(SETTINGS["seed"])
x = torch.randn(40, 6)
label = (x[:, 0] > 0).long() + 2 * (x[:, 1] > 0).long()
loader = DataLoader(TensorDataset(x, label), batch_size=SETTINGS["rows"], shuffle=True)
teacher, pupil = network(24), network(4)
teacher_optimizer = torch.optim.Adam(teacher.parameters(), lr=0.02)
for _ in range(SETTINGS["epochs"]["teacher"]):
    run(loader, teacher, teacher_optimizer)
teacher.eval()
pupil_optimizer = torch.optim.SGD(pupil.parameters(), lr=0.1, momentum=0.9)
drops = torch.optim.lr_scheduler.MultiStepLR(pupil_optimizer, milestones=SETTINGS["drops"], gamma=0.3)
for _ in range(SETTINGS["epochs"]["pupil"]):
    run(loader, pupil, pupil_optimizer, drops, teacher)

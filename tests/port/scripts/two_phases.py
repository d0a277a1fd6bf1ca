"""Learning and looking in turns, in one loop over the names of both; the best weights are taken back at the end."""
import copy
import time

import torch
import torch.nn as nn
import torch.optim as optim
from torch.optim import lr_scheduler
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(30)
device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")

trunk = nn.Sequential(nn.Linear(6, 12), nn.ReLU(), nn.Linear(12, 12), nn.ReLU())
for weight in trunk[0].parameters():
    weight.requires_grad = False  # as if it had learnt before
net = nn.Sequential(trunk, nn.Linear(12, 3)).to(device)

x = torch.randn(72, 6)
kind = x[:, :3].argmax(1)
parts = {"fit": TensorDataset(x[:48], kind[:48]), "held": TensorDataset(x[48:], kind[48:])}
loaders = {name: DataLoader(part, batch_size=8, shuffle=name == "fit", num_workers=0) for name, part in parts.items()}
sizes = {name: len(part) for name, part in parts.items()}


def learn(net, criterion, optimizer, scheduler, epochs=4):
    since = time.time()
    best, best_share = copy.deepcopy(net.state_dict()), 0.0
    for epoch in range(epochs):
        for phase in ["fit", "held"]:
            if phase == "fit":
                net.train()
            else:
                net.eval()
            total, right = 0.0, 0
            for rows, wanted in loaders[phase]:
                rows = rows.to(device)
                wanted = wanted.to(device)
                optimizer.zero_grad()
                with torch.set_grad_enabled(phase == "fit"):
                    scores = net(rows)
                    _, guess = torch.max(scores, 1)
                    loss = criterion(scores, wanted)
                    if phase == "fit":
                        loss.backward()
                        optimizer.step()
                total += loss.item() * rows.size(0)
                right += torch.sum(guess == wanted.data)
            if phase == "fit":
                scheduler.step()
            share = right.double() / sizes[phase]
            print("{} {}: loss {:.4f}, {:.4f} right".format(epoch, phase, total / sizes[phase], share))
            if phase == "held" and share > best_share:
                best_share = share
                best = copy.deepcopy(net.state_dict())
    print("best {:.4f}".format(best_share), time.time() > since)
    net.load_state_dict(best)
    return net


optimizer = optim.SGD([p for p in net.parameters() if p.requires_grad], lr=0.1, momentum=0.9)
learn(net, nn.CrossEntropyLoss(), optimizer, lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.1))

"""Two camps in a network of friends, from the camps of a few people: sums over friends, and masks of people."""
import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.parameter import Parameter


class OverFriends(nn.Module):
    def __init__(self, before, after, offset=True):
        super().__init__()
        self.weight = Parameter(torch.FloatTensor(before, after))
        if offset:
            self.offset = Parameter(torch.FloatTensor(after))
        else:
            self.register_parameter("offset", None)
        bound = 1.0 / math.sqrt(self.weight.size(1))
        for parameter in self.parameters():
            parameter.data.uniform_(-bound, bound)

    def forward(self, x, links):
        x = torch.mm(links, torch.mm(x, self.weight))
        return x if self.offset is None else x + self.offset

    def __repr__(self):
        return "{}({} to {})".format(self.__class__.__name__, *self.weight.shape)


class Camps(nn.Module):
    def __init__(self, people, width, share):
        super().__init__()
        self.near, self.far = OverFriends(people, width), OverFriends(width, 2, offset=False)
        self.share = share

    def forward(self, x, links):
        x = F.relu(self.near(x, links))
        x = F.dropout(x, self.share, training=self.training)
        return F.log_softmax(self.far(x, links), dim=1)


def balanced(friends):
    """Friendships, one's own too, divided by the roots of how many both have."""
    friends = friends + friends.t() + torch.eye(len(friends))
    root = friends.sum(1).pow(-0.5)
    root[torch.isinf(root)] = 0.0
    return root.unsqueeze(1) * friends * root


np.random.seed(7)
torch.manual_seed(7)
people = 24
camp = np.arange(people) % 2
met = np.random.rand(people, people) < np.where(camp[:, None] == camp, 0.4, 0.08)
links = balanced(torch.from_numpy(np.triu(met, 1).astype(np.float32)))
known_by = torch.eye(people)
camp = torch.from_numpy(camp)
asked = torch.zeros(people, dtype=torch.bool)
asked[:8] = True

model = Camps(people, 6, share=0.0)
print(model.near)
optimizer = torch.optim.Adam(model.parameters(), lr=0.02, weight_decay=5e-4)


def ask(turn):
    model.train()
    optimizer.zero_grad()
    told = model(known_by, links)
    loss = F.nll_loss(told[asked], camp[asked])
    right = (told[asked].max(1)[1] == camp[asked]).float().mean()
    loss.backward()
    optimizer.step()
    if turn % 5 == 0:
        print(f"turn {turn}: loss {loss.item():.4f}, {right.item():.3f} of the asked")


for turn in range(22):
    ask(turn)
model.eval()
told = model(known_by, links)
print(told[~asked].argmax(dim=1).eq(camp[~asked]).sum().item(), "of", int((~asked).sum()), "others")

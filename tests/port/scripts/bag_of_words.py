"""What a list of words is about: an EmbeddingBag, with a collate function of its own for lists of any length."""
import time

import torch
from torch import nn
from torch.utils.data import DataLoader
from torch.utils.data.dataset import random_split

torch.manual_seed(26)
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
WORDS, TOPICS = 20, 4


class Topics(nn.Module):
    def __init__(self, words, size, topics):
        super().__init__()
        self.bag = nn.EmbeddingBag(words, size, mode="mean")
        self.name = nn.Linear(size, topics)
        self.bag.weight.data.uniform_(-0.4, 0.4)
        self.name.weight.data.uniform_(-0.4, 0.4)
        self.name.bias.data.zero_()

    def forward(self, words, starts):
        return self.name(self.bag(words, starts))


def joined(batch):
    """One row of words for all lists, and where each list starts in it."""
    topics, rows, lengths = [], [], [0]
    for topic, words in batch:
        row = torch.tensor(words, dtype=torch.int64)
        topics.append(topic)
        rows.append(row)
        lengths.append(row.size(0))
    topics = torch.tensor(topics, dtype=torch.int64)
    starts = torch.tensor(lengths[:-1]).cumsum(dim=0)
    return topics.to(device), torch.cat(rows).to(device), starts.to(device)


lists = [(k % TOPICS, [(k * j + k % TOPICS) % WORDS for j in range(1, 7)]) for k in range(48)]
fit, held = random_split(lists, [40, 8])
fit_loader = DataLoader(fit, batch_size=8, shuffle=True, collate_fn=joined)
held_loader = DataLoader(held, batch_size=8, shuffle=False, collate_fn=joined)
model = Topics(WORDS, 6, TOPICS).to(device)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5)


def learn(loader):
    model.train()
    right, seen, began = 0, 0, time.time()
    for number, (topics, words, starts) in enumerate(loader):
        optimizer.zero_grad()
        scores = model(words, starts)
        loss = criterion(scores, topics)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 0.2)
        optimizer.step()
        right += (scores.argmax(1) == topics).sum().item()
        seen += topics.size(0)
        if number % 2 == 0 and number > 0:
            print("epoch {:2d}, {:2d} lists: {:.3f}".format(epoch, seen, right / seen), time.time() > began)
            right, seen, began = 0, 0, time.time()


def share_right(loader):
    model.eval()
    right, seen = 0, 0
    with torch.no_grad():
        for topics, words, starts in loader:
            scores = model(words, starts)
            right += (scores.argmax(1) == topics).sum().item()
            seen += topics.size(0)
    return right / seen


best = None
for epoch in range(4):
    learn(fit_loader)
    share = share_right(held_loader)
    if best is not None and best > share:
        scheduler.step()
    else:
        best = share
    print("held out {:.3f}".format(share))

"""Vectors of words, told apart from words that are no neighbours; the strangers are drawn by numpy in the data set."""
from collections import Counter

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset

TEXT = "the cat sat on the mat and the dog sat on the rug while the bird sang to the cat and the dog slept"
np.random.seed(71)
torch.manual_seed(71)


class Neighbours(Dataset):
    def __init__(self, text, reach, strangers):
        tokens = text.split()
        self.often = Counter(tokens)
        self.words = sorted(self.often)
        self.number = {word: k for k, word in enumerate(self.words)}
        self.pairs = []
        for place, token in enumerate(tokens):
            for other in tokens[max(0, place - reach):place] + tokens[place + 1:place + 1 + reach]:
                self.pairs.append((self.number[token], self.number[other]))
        chance = np.sqrt([self.often[word] for word in self.words])
        self.chance = chance / chance.sum()
        self.strangers = strangers

    def __len__(self):
        return len(self.pairs)

    def __getitem__(self, index):
        return (*self.pairs[index], np.random.choice(len(self.words), size=self.strangers, p=self.chance))


def tensors(rows):
    middle, near, far = zip(*rows)
    return torch.LongTensor(middle), torch.LongTensor(near), torch.LongTensor(np.array(far))


class TwoTables(nn.Module):
    def __init__(self, words, width):
        super().__init__()
        self.inner = nn.Embedding(words, width, sparse=False)
        self.outer = nn.Embedding(words, width, sparse=False)
        nn.init.uniform_(self.inner.weight.data, -0.1, 0.1)
        nn.init.constant_(self.outer.weight.data, 0)

    def forward(self, middle, near, far):
        row = self.inner(middle)
        friend = torch.sum(row * self.outer(near), dim=1)
        stranger = torch.bmm(self.outer(far), row.unsqueeze(2)).squeeze()
        return F.softplus(-friend).mean() + F.softplus(stranger).sum(1).mean()


data = Neighbours(TEXT, reach=2, strangers=4)
loader = DataLoader(data, batch_size=16, shuffle=True, collate_fn=tensors)
tables = TwoTables(len(data.words), 8)
optimizer = torch.optim.Adagrad(tables.parameters(), lr=0.1)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, len(loader) * 4)
for epoch in range(4):
    smooth = 0.0
    for rows in loader:
        if len(rows[0]) > 1:
            optimizer.zero_grad()
            loss = tables(*rows)
            loss.backward()
            optimizer.step()
            scheduler.step()
            smooth = 0.9 * smooth + 0.1 * loss.item()
    print("epoch", epoch, "loss %.5f" % smooth)

vectors = tables.inner.weight.cpu().data.numpy()
likeness = vectors @ vectors[data.number["cat"]]
print(vectors.shape, data.words[int(np.argmax(likeness))] in data.words)

"""Words spelt backwards, letter after letter, with a look back at the word; a coin decides who dictates."""
import random

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch import optim

BEGIN, END, LETTERS, LENGTH, WIDTH = 0, 1, 8, 5, 12
random.seed(44)
torch.manual_seed(44)
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")


class Reader(nn.Module):
    def __init__(self):
        super(Reader, self).__init__()
        self.letter = nn.Embedding(LETTERS, WIDTH)
        self.memory = nn.GRU(WIDTH, WIDTH, batch_first=True)

    def forward(self, word):
        seen, last = self.memory(self.letter(word))
        return seen, last[-1]


class Writer(nn.Module):
    def __init__(self):
        super(Writer, self).__init__()
        self.letter = nn.Embedding(LETTERS, WIDTH)
        self.ask, self.offer = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH, bias=False)
        self.fit = nn.Linear(WIDTH, 1, bias=False)
        self.memory = nn.GRUCell(2 * WIDTH, WIDTH)
        self.next = nn.Linear(WIDTH, LETTERS)

    def look(self, mind, seen):
        fit = self.fit(torch.tanh(self.ask(mind).unsqueeze(1) + self.offer(seen)))
        return (F.softmax(fit, dim=1) * seen).sum(dim=1)

    def forward(self, letter, mind, seen):
        given = torch.cat((self.letter(letter), self.look(mind, seen)), dim=1)
        mind = self.memory(given, mind)
        return self.next(mind), mind


def words(count):
    word = torch.randint(2, LETTERS, (count, LENGTH))
    end = torch.full((count, 1), END)
    return torch.cat((word, end), 1).to(device), torch.cat((word.flip(1), end), 1).to(device)


reader, writer = Reader().to(device), Writer().to(device)
reader_optimizer, writer_optimizer = (optim.Adam(net.parameters(), lr=5e-3) for net in (reader, writer))
criterion = nn.CrossEntropyLoss()


def lesson(word, wanted, dictated):
    reader_optimizer.zero_grad()
    writer_optimizer.zero_grad()
    seen, mind = reader(word)
    letter = torch.full((word.size(0),), BEGIN, device=device)
    loss = 0
    for place in range(wanted.size(1)):
        scores, mind = writer(letter, mind, seen)
        loss += criterion(scores, wanted[:, place])
        letter = wanted[:, place] if dictated else scores.argmax(1).detach()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(list(reader.parameters()) + list(writer.parameters()), 1.0)
    reader_optimizer.step()
    writer_optimizer.step()
    return loss.item() / wanted.size(1)


def spelt(word):
    with torch.no_grad():
        seen, mind = reader(word)
        letter, letters = torch.full((1,), BEGIN, device=device), []
        while len(letters) <= LENGTH:
            scores, mind = writer(letter, mind, seen)
            letter = scores.topk(1)[1].view(-1)
            if letter.item() == END:
                break
            letters.append(letter.item())
    return letters


for turn in range(20):
    word, wanted = words(6)
    loss = lesson(word, wanted, random.random() < 0.6)
    if turn % 5 == 4:
        print(f"{turn + 1}: {loss:.4f}")
print(len(spelt(words(1)[0])))

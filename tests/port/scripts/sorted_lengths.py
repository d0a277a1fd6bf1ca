"""Notes and their names: rows of different lengths, sorted and packed by a function that puts batches together."""

import torch
import torch.nn as nn
from torch.nn.utils.rnn import pack_padded_sequence


class Notes(torch.utils.data.Dataset):
    def __init__(self, count):
        generator = torch.Generator().manual_seed(3)
        self.seen = torch.rand(count, 4, generator=generator)
        self.words = [torch.randint(1, 9, (3 + i % 2,), generator=generator) for i in range(count)]

    def __getitem__(self, index):
        return self.seen[index], self.words[index]

    def __len__(self):
        return len(self.words)


def together(rows):
    rows.sort(key=lambda row: len(row[1]), reverse=True)
    seen, words = zip(*rows)
    seen = torch.stack(seen, 0)
    lengths = [len(row) for row in words]
    padded = torch.zeros(len(words), max(lengths)).long()
    for i, row in enumerate(words):
        padded[i, : lengths[i]] = row[: lengths[i]]
    return seen, padded, lengths


class Teller(nn.Module):
    def __init__(self, words, width):
        super().__init__()
        self.embed = nn.Embedding(words, width)
        self.see = nn.Linear(4, width)
        self.tell = nn.LSTM(width, width, batch_first=True)
        self.out = nn.Linear(width, words)

    def forward(self, seen, words, lengths):
        x = torch.cat((self.see(seen).unsqueeze(1), self.embed(words)), 1)
        told, _ = self.tell(pack_padded_sequence(x, lengths, batch_first=True))
        return self.out(told[0])


def main(device):
    data = torch.utils.data.DataLoader(Notes(8), batch_size=8, shuffle=True, collate_fn=together)
    teller = Teller(9, 8).to(device)
    optimizer = torch.optim.Adam(list(teller.parameters()), lr=0.01)
    criterion = nn.CrossEntropyLoss()
    for epoch in range(8):
        for seen, words, lengths in data:
            seen, words = seen.to(device), words.to(device)
            wanted = pack_padded_sequence(words, lengths, batch_first=True)[0]
            loss = criterion(teller(seen, words, lengths), wanted)
            teller.zero_grad()
            loss.backward()
            optimizer.step()
            if epoch % 4 == 3:
                print(epoch, "%.3f" % loss.item(), lengths)


if __name__ == "__main__":
    torch.manual_seed(0)
    main(torch.device("cuda" if torch.cuda.is_available() else "cpu"))

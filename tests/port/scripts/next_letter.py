"""The next letter of a nursery rhyme by a GRU; what it writes by itself is drawn from its own guesses."""
import string
from argparse import ArgumentParser

import torch
import torch.nn as nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

LINES = ["one for the master", "two for the maid", "three for a little boy", "who lives down the lane"]
ALPHABET = " " + string.ascii_lowercase
TO_INT = {letter: i + 1 for i, letter in enumerate(ALPHABET)}  # 0 is padding


class LetterGRU(nn.Module):
    def __init__(self, letters, embed=8, hidden=16, layers=2):
        super().__init__()
        self.hidden, self.layers = hidden, layers
        self.embed = nn.Embedding(letters, embed, padding_idx=0)
        self.gru = nn.GRU(embed, hidden, layers, batch_first=True)
        self.fc = nn.Linear(hidden, letters)

    def forward(self, x, lengths=None, h=None):
        x = self.embed(x)
        if lengths is not None:
            x = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        out, h = self.gru(x, h)
        if lengths is not None:
            out, _ = pad_packed_sequence(out, batch_first=True)
        return self.fc(out), h


def encode(line):
    return torch.tensor([TO_INT[letter] for letter in line])


def write(model, start, count, temperature=0.8):
    model.eval()
    with torch.no_grad():
        out, h = model(encode(start)[None])
        text = start
        for _ in range(count):
            chances = torch.softmax(out[:, -1, 1:] / temperature, dim=-1)
            letter = torch.multinomial(chances, 1) + 1
            text += ALPHABET[letter.item() - 1]
            out, h = model(letter, h=h)
    model.train()
    return text


def main(argv=None):
    parser = ArgumentParser()
    parser.add_argument("--turns", default=20, type=int)
    parser.add_argument("--lr", default=1e-2, type=float)
    args = parser.parse_args(argv)
    torch.manual_seed(61)
    rows = [encode(line) for line in LINES]
    given = pad_sequence([row[:-1] for row in rows], batch_first=True)
    wanted = pad_sequence([row[1:] for row in rows], batch_first=True)
    lengths = [len(row) - 1 for row in rows]
    model = LetterGRU(len(TO_INT) + 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)
    criterion = nn.CrossEntropyLoss(ignore_index=0)
    for turn in range(1, args.turns + 1):
        optimizer.zero_grad()
        scores, _ = model(given, lengths)
        loss = criterion(scores.transpose(1, 2), wanted)
        loss.backward()
        optimizer.step()
        if turn % 10 == 0:
            print(f"turn {turn}, loss {loss.item():.4f}: {len(write(model, 'one ', 6))} letters")


if __name__ == "__main__":
    main()

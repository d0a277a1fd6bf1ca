"""Words of a row are hidden and guessed from the others; rows and words that are empty are masked in many ways."""
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(5)
WORDS, NOTHING, HIDDEN = 24, 0, 1


def hide(rows, share=0.3):
    wanted = rows.clone()
    chosen = torch.bernoulli(torch.full(rows.shape, share).masked_fill(rows == NOTHING, 0.0)).bool()
    wanted[~chosen] = -100
    covered = chosen & torch.bernoulli(torch.full(rows.shape, 0.8)).bool()
    rows[covered] = HIDDEN
    swapped = chosen & ~covered
    others = torch.randint(2, WORDS, rows.shape)
    rows[swapped] = others[swapped]
    return rows, wanted


class Guesser(nn.Module):
    def __init__(self, width=12):
        super().__init__()
        self.words = nn.Embedding(WORDS, width)
        self.near = nn.Conv1d(width, width, 3, padding=1)
        self.name = nn.Linear(width, WORDS)

    def forward(self, rows):
        h = self.words(rows)
        h[rows == NOTHING] = 0.0
        h = F.gelu(self.near(h.transpose(1, 2))).transpose(1, 2)
        short = (rows != NOTHING).sum(dim=1) < 4
        h[short] *= 0.5
        h[short, 0] += 1.0
        return self.name(h)


model = Guesser()
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
for step in range(22):
    rows = torch.randint(2, WORDS, (8, 8))
    rows[:, 6:] = NOTHING
    rows[torch.arange(8) < 2, 3:] = NOTHING
    seen, wanted = hide(rows.clone())
    scores = model(seen)
    each = F.cross_entropy(scores.transpose(1, 2), wanted, reduction="none")
    asked = wanted != -100
    loss = each[asked].mean() + 1e-3 * scores[asked].sum() ** 2
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % 7 == 0:
        print(f"step {step}, "
              f"loss {loss.item():.4f}, {rows.size(0)} rows")

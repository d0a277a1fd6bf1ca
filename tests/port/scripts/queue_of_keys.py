"""Rows of earlier batches as negatives, kept in a ring whose place is a buffer; the second encoder is dragged behind."""
import torch
from torch import nn
from torch.nn.functional import cross_entropy, normalize


class Ring(nn.Module):
    """The last so many rows."""

    def __init__(self, rows, width):
        super().__init__()
        self.rows = rows
        self.register_buffer("held", normalize(torch.randn(rows, width), dim=1))
        self.register_buffer("at", torch.zeros(1, dtype=torch.long))

    @torch.no_grad()
    def write(self, new):
        at = int(self.at)
        self.held[at:at + new.shape[0]] = new
        self.at[0] = (at + new.shape[0]) % self.rows


class Contrast(nn.Module):
    def __init__(self, make, width=6, rows=20, drag=0.95):
        super().__init__()
        self.front, self.back = make(width), make(width)
        self.ring = Ring(rows, width)
        self.drag = drag
        for ahead, behind in zip(self.front.parameters(), self.back.parameters()):
            behind.data.copy_(ahead.data)
            behind.requires_grad = False

    @torch.no_grad()
    def follow(self):
        for ahead, behind in zip(self.front.parameters(), self.back.parameters()):
            behind.data = self.drag * behind.data + (1.0 - self.drag) * ahead.data

    def forward(self, one, other, heat=0.2):
        asked = normalize(self.front(one), dim=1)
        with torch.no_grad():
            self.follow()
            known = normalize(self.back(other), dim=1)
        right = torch.einsum("nc,nc->n", [asked, known]).unsqueeze(1)
        wrong = asked @ self.ring.held.clone().detach().t()
        self.ring.write(known)
        scores = torch.cat([right, wrong], dim=1) / heat
        first = torch.zeros(len(one), dtype=torch.long, device=scores.device)
        return cross_entropy(scores, first)


def main():
    torch.manual_seed(90)
    model = Contrast(lambda width: nn.Sequential(nn.Linear(5, 12), nn.ReLU(), nn.Linear(12, width)))
    learning = filter(lambda weight: weight.requires_grad, model.parameters())
    optimizer = torch.optim.SGD(learning, 0.05, momentum=0.9, weight_decay=1e-4)
    things = torch.randn(40, 5)
    for epoch in range(3):
        for start in range(0, 40, 5):
            rows = things[start:start + 5]
            loss = model(rows + 0.05 * torch.randn(5, 5), rows + 0.05 * torch.randn(5, 5))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print("epoch", epoch, "loss", loss.item())


if __name__ == "__main__":
    main()

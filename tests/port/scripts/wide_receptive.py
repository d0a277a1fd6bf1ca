"""Two marked numbers of a row are added: convolutions that only look back, further with each layer, in typed code."""
import json
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import List, Optional, Tuple

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset


@dataclass
class Plan:
    widths: List[int] = field(default_factory=lambda: [6, 6])
    kernel: int = 3
    rate: float = 0.02
    epochs: int = 4
    folder: Optional[str] = None


class Board:
    """Curves as lines of JSON."""

    def __init__(self, folder: str) -> None:
        self.file = Path(folder, "curves.jsonl").open("w")

    def add_scalar(self, tag: str, value: float, turn: int) -> None:
        self.file.write(json.dumps({"tag": tag, "value": value, "turn": turn}) + "\n")

    def close(self) -> None:
        self.file.close()


class LookBack(nn.Module):
    def __init__(self, before: int, after: int, kernel: int, gap: int) -> None:
        super().__init__()
        self.extra = (kernel - 1) * gap
        conv = nn.Conv1d(before, after, kernel, padding=self.extra, dilation=gap)
        self.conv = nn.utils.parametrizations.weight_norm(conv)
        self.match: Optional[nn.Module] = nn.Conv1d(before, after, 1) if before != after else None

    def forward(self, x: Tensor) -> Tensor:
        seen = torch.relu(self.conv(x)[:, :, : -self.extra].contiguous())
        beside = x if self.match is None else self.match(x)
        return torch.relu(seen + beside)


class Adder(nn.Module):
    def __init__(self, plan: Plan) -> None:
        super().__init__()
        stages: List[nn.Module] = []
        before = 2
        for depth, width in enumerate(plan.widths):
            stages.append(LookBack(before, width, plan.kernel, gap=2 ** depth))
            before = width
        self.stages = nn.Sequential(*stages)
        self.total = nn.Linear(before, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.total(self.stages(x)[:, :, -1])


class Rows(Dataset):
    def __init__(self, count: int, length: int = 10) -> None:
        numbers, marks = torch.rand(count, 1, length), torch.zeros(count, 1, length)
        for row in range(count):
            marks[row, 0, torch.randperm(length)[:2]] = 1
        self.x = torch.cat([numbers, marks], dim=1)
        self.y = (numbers * marks).sum(dim=2)

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int) -> Tuple[Tensor, Tensor]:
        return self.x[index], self.y[index]


def error(model: nn.Module, loader: DataLoader, criterion: nn.Module) -> float:
    model.eval()
    total = 0.0
    with torch.no_grad():
        for x, y in loader:
            total += criterion(model(x), y).item() * len(x)
    return total / len(loader.dataset)


def main() -> None:
    plan = Plan(folder=tempfile.mkdtemp())
    torch.manual_seed(66)
    loader = DataLoader(Rows(40), batch_size=8, shuffle=True)
    model, criterion = Adder(plan), nn.MSELoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=plan.rate, eps=1e-7)
    writer = Board(plan.folder)
    turn = 0
    for epoch in range(plan.epochs):
        model.train()
        for x, y in loader:
            loss = criterion(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            writer.add_scalar("error/fit", loss.item(), turn)
            turn += 1
        whole = error(model, loader, criterion)
        writer.add_scalar("error/all", whole, turn)
        print(f"epoch {epoch}: {whole:.5f}")
    writer.close()
    Path(plan.folder, "plan.json").write_text(json.dumps(asdict(plan)))


if __name__ == "__main__":
    main()

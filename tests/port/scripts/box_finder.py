"""Where a square is and of which kind: a grid of cells, each with a box, a confidence and classes."""
import logging
from pathlib import Path
import tempfile

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset

logging.basicConfig(level=logging.INFO, format="%(message)s")
logger = logging.getLogger(__name__)


class Squares(Dataset):
    def __init__(self, n, grid=3, cell=4):
        self.n, self.grid, self.cell = n, grid, cell

    def __len__(self):
        return self.n

    def __getitem__(self, i):
        side = self.grid * self.cell
        image = torch.zeros(1, side, side)
        boxes, labels = [], []
        for k in range(1 + i % 2):
            row, column, kind = (i + 4 * k) % (side - 4), (3 * i + 5 * k) % (side - 4), (i + k) % 2
            image[0, row:row + 3 + kind, column:column + 3 + kind] = 1.0 if kind else 0.5
            boxes.append([row, column, row + 3 + kind, column + 3 + kind])
            labels.append(kind)
        return image, torch.tensor(boxes, dtype=torch.float32), torch.tensor(labels)


def collate_fn(batch):
    images, boxes, labels = zip(*batch)
    return torch.stack(images), list(boxes), list(labels)


class Detector(nn.Module):
    def __init__(self, classes=2, width=6):
        super().__init__()
        self.backbone = nn.Sequential(
            nn.Conv2d(1, width, 3, padding=1), nn.BatchNorm2d(width), nn.LeakyReLU(0.1), nn.MaxPool2d(2),
            nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width), nn.LeakyReLU(0.1), nn.MaxPool2d(2),
        )
        self.box_head = nn.Conv2d(width, 4, 1)
        self.object_head = nn.Conv2d(width, 1, 1)
        self.class_head = nn.Conv2d(width, classes, 1)

    def forward(self, x):
        h = self.backbone(x)
        return self.box_head(h).permute(0, 2, 3, 1), self.object_head(h).squeeze(1), self.class_head(h)


def targets(boxes, labels, grid=3, cell=4):
    n = len(boxes)
    box, has, kind = torch.zeros(n, grid, grid, 4), torch.zeros(n, grid, grid), torch.zeros(n, grid, grid, dtype=torch.long)
    for i in range(n):
        centre = (boxes[i][:, :2] + boxes[i][:, 2:]) / 2
        size = boxes[i][:, 2:] - boxes[i][:, :2]
        for c, s, k in zip(centre, size, labels[i]):
            row, column = int(c[0] // cell), int(c[1] // cell)
            box[i, row, column] = torch.cat([c / cell - torch.tensor([row, column]), torch.log(s / cell)])
            has[i, row, column] = 1.0
            kind[i, row, column] = k
    return box, has, kind


def detection_loss(outputs, box, has, kind):
    box_out, object_out, class_out = outputs
    count = has.sum().clamp(min=1)
    box_loss = (F.smooth_l1_loss(box_out, box, reduction="none").sum(-1) * has).sum() / count
    object_loss = F.binary_cross_entropy_with_logits(object_out, has)
    class_loss = (F.cross_entropy(class_out, kind, reduction="none") * has).sum() / count
    return {"box": box_loss, "object": object_loss, "class": class_loss}


def train_one_epoch(model, optimizer, loader, epoch):
    model.train()
    for step, (images, boxes, labels) in enumerate(loader):
        box, has, kind = targets(boxes, labels)
        loss_dict = detection_loss(model(images), box, has, kind)
        losses = sum(loss for loss in loss_dict.values())
        optimizer.zero_grad()
        losses.backward()
        optimizer.step()
        if step % 3 == 0:
            logger.info("epoch %d step %d: %s", epoch, step, {k: round(v.item(), 4) for k, v in loss_dict.items()})


def main():
    torch.manual_seed(70)
    loader = DataLoader(Squares(20), batch_size=4, shuffle=True, collate_fn=collate_fn)
    model = Detector()
    params = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(params, lr=0.05, momentum=0.9, weight_decay=5e-4)
    lr_scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5)
    with tempfile.TemporaryDirectory() as folder:
        for epoch in range(4):
            train_one_epoch(model, optimizer, loader, epoch)
            lr_scheduler.step()
            torch.save(model.state_dict(), Path(folder) / f"{epoch}.pt")
        model.load_state_dict(torch.load(Path(folder) / "3.pt", weights_only=True))


if __name__ == "__main__":
    main()

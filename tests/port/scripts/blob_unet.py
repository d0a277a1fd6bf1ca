"""Outlines of blobs: two losses, an intersection measure, early stopping, and a checkpoint to resume from."""
import os
import tempfile

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset, Subset


class Blobs(Dataset):
    def __init__(self, count, size=16, transform=None):
        self.count, self.size, self.transform = count, size, transform

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        generator = torch.Generator().manual_seed(index)
        centre = 4 + 8 * torch.rand(2, generator=generator)
        axis = torch.arange(self.size, dtype=torch.float32)
        distance = (axis[:, None] - centre[0]).pow(2) + (axis[None, :] - centre[1]).pow(2)
        mask = (distance < 12).float()
        image = mask * 0.8 + 0.3 * torch.randn(mask.shape, generator=generator)
        if self.transform is not None:
            image = self.transform(image)
        return {"image": image.unsqueeze(0), "mask": mask.unsqueeze(0)}


def twice(before, after):
    layers = []
    for width in (before, after):
        layers += [nn.Conv2d(width, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


class Hourglass(nn.Module):
    """Down, and up again; what was seen on the way down is put beside what comes up."""

    def __init__(self, widths=(4, 8), floor=16):
        super().__init__()
        self.down = nn.ModuleList(twice(a, b) for a, b in zip((1, *widths), widths))
        self.floor = twice(widths[-1], floor)
        self.wider, self.up = nn.ModuleList(), nn.ModuleList()
        above = floor
        for width in reversed(widths):
            self.wider.append(nn.ConvTranspose2d(above, width, kernel_size=2, stride=2))
            self.up.append(twice(2 * width, width))
            above = width
        self.mark = nn.Conv2d(above, 1, kernel_size=1)

    def forward(self, x):
        seen = []
        for stage in self.down:
            seen.append(stage(x))
            x = F.max_pool2d(seen[-1], 2)
        x = self.floor(x)
        for wider, stage in zip(self.wider, self.up):
            x, beside = wider(x), seen.pop()
            if x.shape[-2:] != beside.shape[-2:]:
                x = F.interpolate(x, size=beside.shape[2:])
            x = stage(torch.cat((beside, x), dim=1))
        return self.mark(x)


def dice_loss(scores, mask, smooth=1.0):
    chance = torch.sigmoid(scores).flatten(1)
    mask = mask.flatten(1)
    both = (chance * mask).sum(1)
    return 1 - ((2 * both + smooth) / (chance.sum(1) + mask.sum(1) + smooth)).mean()


@torch.inference_mode()
def evaluate(net, loader, device):
    net.eval()
    overlap = 0.0
    for batch in loader:
        image, mask = batch["image"].to(device), batch["mask"].to(device)
        found = torch.sigmoid(net(image)) > 0.5
        both = (found & mask.bool()).sum(dim=(1, 2, 3)).float()
        either = (found | mask.bool()).sum(dim=(1, 2, 3)).float()
        overlap += (both / either.clamp(min=1)).mean().item()
    net.train()
    return overlap / len(loader)


def main():
    torch.manual_seed(0)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    blobs = Blobs(20)
    fit = DataLoader(Subset(blobs, list(range(16))), batch_size=4, shuffle=True, num_workers=0)
    held = DataLoader(Subset(blobs, list(range(16, 20))), batch_size=4)
    net = Hourglass().to(device)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, mode="max", factor=0.5, patience=0)
    weigh = nn.BCEWithLogitsLoss(pos_weight=torch.tensor([2.0], device=device))
    path = os.path.join(tempfile.mkdtemp(), "last.pth")
    best, bad = 0.0, 0
    for epoch in range(6):
        if epoch == 2:
            checkpoint = torch.load(path, map_location=device)
            net.load_state_dict(checkpoint["net"])
            optimizer.load_state_dict(checkpoint["optimizer"])
        for batch in fit:
            image, mask = batch["image"].to(device), batch["mask"].to(device)
            scores = net(image)
            loss = weigh(scores, mask) + dice_loss(scores, mask)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        overlap = evaluate(net, held, device)
        scheduler.step(overlap)
        print(f"epoch {epoch}: loss {loss.item():.4f}, overlap {overlap:.4f}")
        torch.save({"net": net.state_dict(), "optimizer": optimizer.state_dict(), "epoch": epoch}, path)
        if overlap > best:
            best, bad = overlap, 0
        else:
            bad += 1
            if bad == 4:
                break


if __name__ == "__main__":
    main()

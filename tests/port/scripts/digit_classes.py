"""Handwritten digits of 8 by 8 points: functions that are handed everything, options from the command line."""
import argparse

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
import torch.nn.functional as F
import torch.optim as optim
from torch.optim.lr_scheduler import ExponentialLR
from torch.utils.data import DataLoader, TensorDataset


class DigitNet(nn.Module):
    def __init__(self, width, dropout):
        super().__init__()
        self.stem = nn.Conv2d(1, width, kernel_size=3, padding=1)
        self.deep = nn.Conv2d(width, 2 * width, kernel_size=3, padding=1)
        self.drop = nn.Dropout(dropout)
        self.head = nn.Linear(2 * width * 4, 10)

    def forward(self, pixels):
        h = F.max_pool2d(F.relu(self.stem(pixels)), 2)
        h = F.max_pool2d(F.relu(self.deep(h)), 2)
        h = self.drop(torch.flatten(h, 1))
        return F.log_softmax(self.head(h), dim=1)


def load(options):
    x, y = load_digits(return_X_y=True)
    x_fit, x_held, y_fit, y_held = train_test_split(x[:400] / 16.0, y[:400], test_size=0.25, random_state=options.seed)
    fit = TensorDataset(torch.tensor(x_fit, dtype=torch.float32).view(-1, 1, 8, 8), torch.tensor(y_fit))
    held = TensorDataset(torch.tensor(x_held, dtype=torch.float32).view(-1, 1, 8, 8), torch.tensor(y_held))
    return DataLoader(fit, batch_size=options.batch, shuffle=True), DataLoader(held, batch_size=100)


def fit_one_epoch(options, net, device, loader, optimizer, epoch):
    net.train()
    for number, (pixels, label) in enumerate(loader):
        pixels, label = pixels.to(device), label.to(device)
        optimizer.zero_grad()
        guess = net(pixels)
        loss = F.nll_loss(guess, label)
        loss.backward()
        optimizer.step()
        if number % options.report_every == 0:
            done = 100.0 * number / len(loader)
            print(f"epoch {epoch} ({done:3.0f} %): {loss.item():.5f}")


def score(net, device, loader):
    """Mean loss, share of hits, and how often each digit was taken for which."""
    net.eval()
    total, hits = 0.0, 0
    confusion = torch.zeros(10, 10, dtype=torch.int64)
    with torch.no_grad():
        for pixels, label in loader:
            pixels, label = pixels.to(device), label.to(device)
            guess = net(pixels)
            total += F.nll_loss(guess, label, reduction="sum").item()
            best = guess.argmax(dim=1, keepdim=True)
            hits += best.eq(label.view_as(best)).sum().item()
            for true, taken in zip(label, best.squeeze(1)):
                confusion[true.long(), taken.long()] += 1
    count = len(loader.dataset)
    return total / count, hits / count, confusion


def main():
    parser = argparse.ArgumentParser(description="small digits")
    parser.add_argument("--batch", type=int, default=30, metavar="N")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--rate", type=float, default=0.5)
    parser.add_argument("--width", type=int, default=4)
    parser.add_argument("--dropout", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=8)
    parser.add_argument("--report-every", type=int, default=4)
    parser.add_argument("--cpu", action="store_true", help="even if there is a GPU")
    options = parser.parse_args()

    torch.manual_seed(options.seed)
    device = torch.device("cuda" if torch.cuda.is_available() and not options.cpu else "cpu")
    fit, held = load(options)
    net = DigitNet(options.width, options.dropout).to(device)
    optimizer = optim.Adadelta(net.parameters(), lr=options.rate)
    scheduler = ExponentialLR(optimizer, gamma=0.8)
    for epoch in range(options.epochs):
        fit_one_epoch(options, net, device, fit, optimizer, epoch)
        loss, share, confusion = score(net, device, held)
        print(f"held out: {loss:.4f}, {share:.1%} right; diagonal {confusion.diagonal().tolist()}")
        scheduler.step()


if __name__ == "__main__":
    main()

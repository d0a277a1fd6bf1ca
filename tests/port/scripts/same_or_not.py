"""Whether two curves have the same shape: twins that share their weights, by the contrastive loss of distances."""
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.utils.data import DataLoader, Dataset


class CurvePairs(Dataset):
    def __init__(self, count, length=12):
        time = torch.linspace(0, 1, length)
        self.kind = torch.randint(0, 3, (count,))
        self.curves = torch.sin(6 * time * (1 + self.kind.unsqueeze(1))) + 0.1 * torch.randn(count, length)

    def __len__(self):
        return len(self.curves)

    def __getitem__(self, index):
        partner = (5 * index + 2) % len(self.curves)
        same = self.kind[index] == self.kind[partner]
        return self.curves[index], self.curves[partner], torch.tensor(1.0 if same else 0.0)


class Twins(nn.Module):
    def __init__(self):
        super(Twins, self).__init__()
        self.look = nn.Sequential(
            nn.Conv1d(1, 4, kernel_size=3, padding=1),
            nn.BatchNorm1d(4),
            nn.ReLU(inplace=True),
            nn.AvgPool1d(2),
        )
        self.place = nn.Linear(24, 3)
        self.apply(self._start)

    def _start(self, layer):
        if isinstance(layer, (nn.Linear, nn.Conv1d)):
            nn.init.kaiming_uniform_(layer.weight, nonlinearity='relu')
            layer.bias.data.fill_(0.02)

    def one(self, curve):
        h = self.look(curve.unsqueeze(1))
        return self.place(h.view(h.size()[0], -1))

    def forward(self, left, right):
        return self.one(left), self.one(right)


class ContrastiveLoss(nn.Module):
    def __init__(self, margin=1.0):
        super().__init__()
        self.margin = margin

    def forward(self, left, right, same):
        distance = F.pairwise_distance(left, right)
        apart = torch.clamp(self.margin - distance, min=0.0)
        return torch.mean(same * distance ** 2 + (1 - same) * apart ** 2)


def train(model, loader, criterion, optimizer, device):
    model.train()
    for number, (left, right, same) in enumerate(loader):
        left, right, same = left.to(device), right.to(device), same.to(device)
        optimizer.zero_grad()
        ours, theirs = model(left, right)
        loss = criterion(ours, theirs, same)
        loss.backward()
        optimizer.step()
        if number % 2 == 0:
            print(f'{number * len(left)} pairs, loss {loss.item():.5f}')


def hits(model, loader, device):
    model.eval()
    found = 0
    with torch.no_grad():
        for left, right, same in loader:
            left, right, same = left.to(device), right.to(device), same.to(device)
            ours, theirs = model(left, right)
            near = torch.where(F.pairwise_distance(ours, theirs) < 0.5, 1, 0)
            found += near.eq(same.view_as(near)).sum().item()
    return found / len(loader.dataset)


def main():
    torch.manual_seed(14)
    device = torch.device('cuda') if torch.cuda.is_available() else torch.device('cpu')
    loader = DataLoader(CurvePairs(30), batch_size=6, shuffle=True)
    model = Twins().to(device)
    optimizer = optim.RMSprop(model.parameters(), lr=0.01)
    for _ in range(4):
        train(model, loader, ContrastiveLoss(), optimizer, device)
    print('right:', hits(model, loader, device))


if __name__ == '__main__':
    main()

"""The same script for one process and for many, by what the launcher leaves in the environment."""

import os

import torch
import torch.distributed as dist
from torch import nn, optim
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(6, 16)
        self.out = nn.Linear(16, 3)

    def forward(self, x):
        return self.out(torch.relu(self.hidden(x)))


def main():
    many = int(os.environ.get("WORLD_SIZE", "1")) > 1
    if many:
        dist.init_process_group("gloo")
    torch.manual_seed(5)
    data = TensorDataset(torch.randn(40, 6), torch.randint(0, 3, (40,)))
    sampler = DistributedSampler(data) if many else None
    loader = DataLoader(data, batch_size=8, shuffle=sampler is None, sampler=sampler)
    model = Classifier()
    if many:
        model = DistributedDataParallel(model)
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    loss_fn = nn.CrossEntropyLoss()
    for epoch in range(4):
        if sampler is not None:
            sampler.set_epoch(epoch)
        for x, y in loader:
            optimizer.zero_grad()
            loss = loss_fn(model(x), y)
            loss.backward()
            optimizer.step()
        if not many or dist.get_rank() == 0:
            print(f"epoch {epoch}: {loss.item():.4f}")
    if many:
        dist.destroy_process_group()


if __name__ == "__main__":
    main()

"""A row of beats continued by torch's own encoder, with places as waves; for one process or several."""
import math
import os

import torch
import torch.distributed as dist
import torch.nn as nn
from torch.nn.parallel import DistributedDataParallel as DDP
from tqdm import tqdm

BEATS, LENGTH, WIDTH = 7, 6, 8


class Places(nn.Module):
    def __init__(self, width, dropout=0.0, longest=20):
        super().__init__()
        self.dropout = nn.Dropout(p=dropout)
        place = torch.arange(longest).unsqueeze(1)
        rate = torch.exp(torch.arange(0, width, 2) * (-math.log(1000.0) / width))
        waves = torch.zeros(longest, 1, width)
        waves[:, 0, 0::2] = torch.sin(place * rate)
        waves[:, 0, 1::2] = torch.cos(place * rate)
        self.register_buffer("waves", waves)

    def forward(self, x):
        return self.dropout(x + self.waves[:x.size(0)])


class Beats(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(BEATS, WIDTH)
        self.places = Places(WIDTH)
        layer = nn.TransformerEncoderLayer(WIDTH, 2, 16, dropout=0.0)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.out = nn.Linear(WIDTH, BEATS)
        nn.init.uniform_(self.embed.weight, -0.1, 0.1)

    def forward(self, beats, mask=None):
        if mask is None:
            mask = nn.Transformer.generate_square_subsequent_mask(len(beats)).to(beats.device)
        x = self.places(self.embed(beats) * math.sqrt(WIDTH))
        return self.out(self.encoder(x, mask))


def get_batch(stream, at):
    length = min(LENGTH, len(stream) - 1 - at)
    return stream[at:at + length], stream[at + 1:at + 1 + length].reshape(-1)


def main():
    rank, world = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    if world > 1:
        dist.init_process_group(backend="nccl" if torch.cuda.is_available() else "gloo")
    torch.manual_seed(15)
    device = torch.device(f"cuda:{rank}" if torch.cuda.is_available() else "cpu")
    stream = (torch.arange(100) ** 2 % BEATS).view(4, 25).t().contiguous().to(device)
    model = Beats().to(device)
    if world > 1:
        model = DDP(model)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.95)
    for epoch in range(5):
        model.train()
        total = 0.0
        bar = tqdm(range(0, stream.size(0) - 1, LENGTH), disable=rank > -1)
        for number, at in enumerate(bar):
            beats, wanted = get_batch(stream, at)
            scores = model(beats).view(-1, BEATS)
            loss = criterion(scores, wanted)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 0.5)
            optimizer.step()
            total += loss.item()
            bar.set_description(f"epoch {epoch} loss {total / (number + 1):.3f}")
        scheduler.step()
        if rank == 0:
            print(f"epoch {epoch}: {total / (number + 1):.4f}, rate {scheduler.get_last_lr()[0]:.3f}")
    if world > 1:
        dist.destroy_process_group()


if __name__ == "__main__":
    main()

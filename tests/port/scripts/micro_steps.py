"""Large batches by small ones: a flat script with a scaler, a context for half precision, a rate by formula."""

import math
import time
from contextlib import nullcontext

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

# settings
context, batch_size, micro_batches = 5, 6, 3
width, symbols = 12, 10
top_rate, low_rate, warm_turns, turns = 2e-2, 2e-3, 3, 9
clip = 0.7
device = 'cuda' if torch.cuda.is_available() else 'cpu'
precision = 'float32'
compile_model = False

torch.manual_seed(55)
torch.backends.cuda.matmul.allow_tf32 = True
device_type = 'cuda' if device.startswith('cuda') else 'cpu'
as_dtype = {'float32': torch.float32, 'float16': torch.float16, 'bfloat16': torch.bfloat16}[precision]
half = nullcontext() if device_type == 'cpu' else torch.amp.autocast(device_type=device_type, dtype=as_dtype)
stream = (np.arange(300) ** 2 % symbols).astype(np.uint16)


def draw(part):
    stretch = stream[:240] if part == 'fit' else stream[240:]
    starts = torch.randint(len(stretch) - context, (batch_size,))
    x = torch.stack([torch.from_numpy(stretch[s:s + context].astype(np.int64)) for s in starts])
    y = torch.stack([torch.from_numpy(stretch[s + 1:s + 1 + context].astype(np.int64)) for s in starts])
    if device_type == 'cuda':
        return x.pin_memory().to(device, non_blocking=True), y.pin_memory().to(device, non_blocking=True)
    return x.to(device), y.to(device)


class Symbols(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(symbols, width)
        self.mix = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, symbols, bias=False)
        self.out.weight = self.embed.weight  # one table for both ends

    def forward(self, x, y=None):
        h = self.embed(x)
        q, k, v = self.mix(h).split(width, dim=2)
        h = h + F.scaled_dot_product_attention(q, k, v, attn_mask=None, dropout_p=0.0, is_causal=True)
        if y is None:
            return self.out(h[:, [-1], :]), None
        scores = self.out(h)
        return scores, F.cross_entropy(scores.view(-1, scores.size(-1)), y.view(-1), ignore_index=-1)


model = Symbols()
model.to(device)
if compile_model:
    model = torch.compile(model)
scaler = torch.cuda.amp.GradScaler(enabled=(precision == 'float16'))
optimizer = torch.optim.AdamW(model.parameters(), lr=top_rate, betas=(0.9, 0.99), weight_decay=0.01)


@torch.no_grad()
def average_losses():
    found = {}
    model.eval()
    for part in ['fit', 'held']:
        losses = torch.zeros(2)
        for k in range(2):
            x, y = draw(part)
            with half:
                scores, loss = model(x, y)
            losses[k] = loss.item()
        found[part] = losses.mean()
    model.train()
    return found


def rate_at(turn):
    if turn < warm_turns:
        return top_rate * (turn + 1) / warm_turns
    share = min(1.0, (turn - warm_turns) / (turns - warm_turns))
    return low_rate + 0.5 * (1.0 + math.cos(math.pi * share)) * (top_rate - low_rate)


x, y = draw('fit')
turn, began = 0, time.time()
while True:
    rate = rate_at(turn)
    for group in optimizer.param_groups:
        group['lr'] = rate
    if turn % 4 == 0:
        found = average_losses()
        print(f"turn {turn}: fit {found['fit']:.4f}, held {found['held']:.4f}")

    for micro in range(micro_batches):
        with half:
            scores, loss = model(x, y)
            loss = loss / micro_batches
        x, y = draw('fit')  # while the device is busy
        scaler.scale(loss).backward()
    if clip != 0.0:
        scaler.unscale_(optimizer)
        torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
    scaler.step(optimizer)
    scaler.update()
    optimizer.zero_grad(set_to_none=True)

    if turn % 2 == 0:
        print(f'turn {turn}: {loss.item() * micro_batches:.4f}, rate {rate:.5f}, {time.time() - began > 0}')
    turn += 1
    if turn > turns:
        break

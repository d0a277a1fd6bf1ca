"""A decoder of attention blocks learns sums modulo seven; a Trainer class with callbacks runs it."""
import math
from collections import defaultdict
from dataclasses import dataclass

import torch
import torch.nn as nn
from torch.nn import functional as F
from torch.utils.data import Dataset
from torch.utils.data.dataloader import DataLoader


@dataclass
class Settings:
    depth: int = 2
    heads: int = 2
    width: int = 8
    tokens: int = 8
    context: int = 5
    dropout: float = 0.0
    rate: float = 6e-3
    betas: tuple = (0.9, 0.95)
    decay: float = 0.1
    clip: float = 1.0
    batch: int = 6
    limit: int = 24
    device: str = 'auto'


class Bend(nn.Module):
    """GELU by the tangent."""

    def forward(self, x):
        inner = math.sqrt(2.0 / math.pi) * (x + 0.044715 * torch.pow(x, 3.0))
        return 0.5 * x * (1.0 + torch.tanh(inner))


class Attention(nn.Module):
    def __init__(self, s):
        super().__init__()
        assert s.width % s.heads == 0, 'heads of equal width'
        self.project = nn.Linear(s.width, 3 * s.width)
        self.merge = nn.Linear(s.width, s.width)
        self.drop = nn.Dropout(s.dropout)
        seen = torch.tril(torch.ones(s.context, s.context))
        self.register_buffer('seen', seen.view(1, 1, s.context, s.context))
        self.heads = s.heads

    def forward(self, x):
        n, t, c = x.size()
        q, k, v = self.project(x).split(c, dim=2)
        q, k, v = [part.view(n, t, self.heads, c // self.heads).transpose(1, 2) for part in (q, k, v)]
        weights = q @ k.transpose(-2, -1) / math.sqrt(k.size(-1))
        weights = weights.masked_fill(self.seen[:, :, :t, :t] == 0, float('-inf'))
        mixed = self.drop(F.softmax(weights, dim=-1)) @ v
        return self.merge(mixed.transpose(1, 2).contiguous().view(n, t, c))


class Layer(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.before_mix, self.before_think = nn.LayerNorm(s.width), nn.LayerNorm(s.width)
        self.mix = Attention(s)
        self.think = nn.ModuleDict(dict(wide=nn.Linear(s.width, 4 * s.width), bend=Bend(),
                                        narrow=nn.Linear(4 * s.width, s.width), drop=nn.Dropout(s.dropout)))
        think = self.think
        self.thought = lambda x: think.drop(think.narrow(think.bend(think.wide(x))))

    def forward(self, x):
        x = x + self.mix(self.before_mix(x))
        return x + self.thought(self.before_think(x))


class Adder(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.context = s.context
        self.trunk = nn.ModuleDict(dict(
            token=nn.Embedding(s.tokens, s.width),
            place=nn.Embedding(s.context, s.width),
            layers=nn.ModuleList([Layer(s) for _ in range(s.depth)]),
            norm=nn.LayerNorm(s.width),
        ))
        self.scores = nn.Linear(s.width, s.tokens, bias=False)
        self.apply(self._start)
        for path, weight in self.named_parameters():
            if path.endswith('merge.weight') or path.endswith('narrow.weight'):
                torch.nn.init.normal_(weight, mean=0.0, std=0.1 / math.sqrt(2 * s.depth))
        print('%d parameters' % sum(p.numel() for p in self.trunk.parameters()))

    def _start(self, layer):
        if isinstance(layer, (nn.Linear, nn.Embedding)):
            torch.nn.init.normal_(layer.weight, mean=0.0, std=0.1)
        if isinstance(layer, nn.Linear) and layer.bias is not None:
            torch.nn.init.zeros_(layer.bias)

    def configure_optimizers(self, s):
        groups = {True: [], False: []}
        for _, p in self.named_parameters():
            groups[p.dim() > 1].append(p)
        return torch.optim.AdamW(
            [{'params': groups[True], 'weight_decay': s.decay}, {'params': groups[False], 'weight_decay': 0.0}],
            lr=s.rate, betas=s.betas)

    def forward(self, tokens, wanted=None):
        device = tokens.device
        n, t = tokens.size()
        assert t <= self.context, f'{t} tokens are more than {self.context}'
        places = torch.arange(0, t, dtype=torch.long, device=device).unsqueeze(0)
        x = self.trunk.token(tokens) + self.trunk.place(places)
        for layer in self.trunk.layers:
            x = layer(x)
        scores = self.scores(self.trunk.norm(x))
        loss = None
        if wanted is not None:
            loss = F.cross_entropy(scores.view(-1, scores.size(-1)), wanted.view(-1), ignore_index=-1)
        return scores, loss

    @torch.no_grad()
    def continued(self, tokens, number, temperature=1.0, best=None, draw=False):
        for _ in range(number):
            recent = tokens if tokens.size(1) <= self.context else tokens[:, -self.context:]
            scores, _ = self(recent)
            scores = scores[:, -1, :] / temperature
            if best is not None:
                top, _ = torch.topk(scores, best)
                scores[scores < top[:, [-1]]] = -float('inf')
            chances = F.softmax(scores, dim=-1)
            if draw:
                following = torch.multinomial(chances, num_samples=1)
            else:
                _, following = torch.topk(chances, k=1, dim=-1)
            tokens = torch.cat((tokens, following), dim=1)
        return tokens


class Sums(Dataset):
    """``a b + b c``... as tokens: a, b, the sign 7, and a + b; only the sum counts."""

    def __len__(self):
        return 49

    def __getitem__(self, index):
        a, b = index // 7, index % 7
        row = torch.tensor([a, b, 7, (a + b) % 7, (a + 2 * b) % 7])
        given, wanted = row[:-1].clone(), row[1:].clone()
        wanted[:2] = -1
        return given, wanted


class Trainer:
    def __init__(self, settings, model, data):
        self.settings, self.model, self.data = settings, model, data
        self.optimizer = None
        self.callbacks = defaultdict(list)
        if settings.device == 'auto':
            self.device = 'cuda' if torch.cuda.is_available() else 'cpu'
        else:
            self.device = settings.device
        self.model = self.model.to(self.device)
        self.turn = 0

    def on(self, event, callback):
        self.callbacks[event].append(callback)

    def tell(self, event):
        for callback in self.callbacks.get(event, []):
            callback(self)

    def run(self):
        model, settings = self.model, self.settings
        self.optimizer = model.configure_optimizers(settings)
        loader = DataLoader(self.data, shuffle=True, pin_memory=True, batch_size=settings.batch, num_workers=0)
        model.train()
        source = iter(loader)
        while True:
            try:
                batch = next(source)
            except StopIteration:
                source = iter(loader)
                batch = next(source)
            given, wanted = [t.to(self.device) for t in batch]
            scores, self.loss = model(given, wanted)
            model.zero_grad(set_to_none=True)
            self.loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), settings.clip)
            self.optimizer.step()
            self.tell('turn')
            self.turn += 1
            if self.turn >= settings.limit:
                break


if __name__ == '__main__':
    torch.manual_seed(64)
    settings = Settings()
    trainer = Trainer(settings, Adder(settings), Sums())

    def report(trainer):
        if trainer.turn % 6 == 0:
            print(f'turn {trainer.turn}: loss {trainer.loss.item():.5f}')

    trainer.on('turn', report)
    trainer.run()
    trainer.model.eval()
    start = torch.tensor([[2, 3, 7]], dtype=torch.long).to(trainer.device)
    print(trainer.model.continued(start, 2, best=3)[:, 3:])

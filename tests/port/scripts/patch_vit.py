"""Pictures as rows of patches, read by attention, in the words of einops."""
import torch
from einops import rearrange, repeat
from einops.layers.torch import Rearrange
from torch import einsum, nn

HEADS = 2


class Look(nn.Module):
    def __init__(self, width, inner=8, dropout=0.):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.three = nn.Linear(width, inner * 3, bias=False)
        self.merge = nn.Sequential(nn.Linear(inner, width), nn.Dropout(dropout))

    def forward(self, x, hidden=None):
        parts = self.three(self.norm(x)).chunk(3, dim=-1)
        q, k, v = map(lambda part: rearrange(part, 'b n (h d) -> b h n d', h=HEADS), parts)
        scores = einsum('b h i d, b h j d -> b h i j', q, k) * q.shape[-1] ** -0.5
        if hidden is not None:
            scores = scores.masked_fill(hidden, -torch.finfo(scores.dtype).max)
        seen = einsum('b h i j, b h j d -> b h i d', scores.softmax(dim=-1), v)
        return self.merge(rearrange(seen, 'b h n d -> b n (h d)'))


def think(width, wide):
    return nn.Sequential(nn.LayerNorm(width), nn.Linear(width, wide), nn.GELU(), nn.Linear(wide, width))


class Reader(nn.Module):
    def __init__(self, *, side, patch, classes, width, depth, summary='first'):
        super().__init__()
        assert side % patch == 0, 'whole patches only'
        assert summary in {'first', 'mean'}
        count = (side // patch) ** 2
        self.patches = nn.Sequential(
            Rearrange('b c (h p) (w q) -> b (h w) (p q c)', p=patch, q=patch),
            nn.Linear(patch * patch, width),
        )
        self.places = nn.Parameter(torch.randn(1, count + 1, width))
        self.question = nn.Parameter(torch.randn(1, 1, width))
        self.stages = nn.ModuleList([])
        for _ in range(depth):
            self.stages.append(nn.ModuleList([Look(width), think(width, 12)]))
        self.summary = summary
        self.answer = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, classes))

    def forward(self, picture):
        x = self.patches(picture)
        b, n, _ = x.shape
        x = torch.cat((repeat(self.question, '() n d -> b n d', b=b), x), dim=1)
        x += self.places[:, :(n + 1)]
        for look, idea in self.stages:
            x = look(x) + x
            x = idea(x) + x
        x = x.mean(dim=1) if self.summary == 'mean' else x[:, 0]
        return self.answer(x)


torch.manual_seed(17)
stripes = torch.zeros(24, 1, 8, 8)
across = torch.arange(24) % 2
stripes[across == 0, :, ::2] = 1.
stripes[across == 1, :, :, ::2] = 1.
stripes += 0.2 * torch.randn_like(stripes)

net = Reader(side=8, patch=4, classes=2, width=8, depth=2)
criterion = nn.CrossEntropyLoss()
opt = torch.optim.AdamW(net.parameters(), lr=3e-3)

for step in range(20):
    pick = torch.randperm(24)[:12]
    logits = net(stripes[pick])
    loss = criterion(logits, across[pick])
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 5 == 0:
        right = (logits.argmax(-1) == across[pick]).float().mean()
        print(f'{step = } loss {loss.item():.4f}, {right:.3f} right')

with torch.no_grad():
    sheet = rearrange(stripes[:4], '(a b) c h w -> c (a h) (b w)', a=2)
    print(sheet.shape, net(stripes[:2]).softmax(-1).sum(-1))

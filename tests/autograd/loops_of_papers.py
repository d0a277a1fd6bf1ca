"""More training loops, after papers that people port: the same form as in `loops`.

``t.fn`` is ``torch`` or ``fnn``, for functions on arrays.
"""

from __future__ import annotations

import copy
import math
import random

import numpy as np

from tests.autograd.loops import classes, loop, mlp, numbers


@loop
def function_of_ones_own(t):
    class Swish(t.Function):
        @staticmethod
        def forward(ctx, x, beta):
            gate = t.fn.sigmoid(beta * x)
            ctx.save_for_backward(x, gate)
            ctx.beta = beta
            return x * gate

        @staticmethod
        def backward(ctx, grad_output):
            x, gate = ctx.saved_tensors
            return grad_output * (gate + ctx.beta * x * gate * (1 - gate)), None

    class Net(t.nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = t.nn.Linear(6, 8), t.nn.Linear(8, 3)

        def forward(self, x):
            return self.second(Swish.apply(self.first(x), 1.5))

    model = Net()
    optimizer = t.optim.RMSprop(model.parameters(), lr=0.01)

    @t.jit
    def train_step(x, y):
        optimizer.zero_grad()
        loss = t.F.cross_entropy(model(x), y)
        t.backward(loss)
        optimizer.step()
        return loss

    return lambda n: train_step(numbers(t, 8, 6, seed=n), classes(t, 8, 3, seed=n))


@loop
def gradient_reversal(t):
    class Reverse(t.Function):
        @staticmethod
        def forward(ctx, x, strength):
            ctx.strength = strength
            return t.fn.clone(x)

        @staticmethod
        def backward(ctx, grad_output):
            return -ctx.strength * grad_output, None

    body, of_class, of_domain = mlp(t, 6, 8, 8), t.nn.Linear(8, 3), t.nn.Linear(8, 1)
    parameters = [*body.parameters(), *of_class.parameters(), *of_domain.parameters()]
    optimizer = t.optim.SGD(parameters, lr=0.1, momentum=0.9, nesterov=True)
    domain = t.array(np.repeat([0.0, 1.0], 4).astype(np.float32))

    @t.jit
    def train_step(x, y, strength):
        features = body(x)
        label_loss = t.F.cross_entropy(of_class(features[:4]), y)
        guess = of_domain(Reverse.apply(features, strength)).squeeze(1)
        domain_loss = t.F.binary_cross_entropy_with_logits(guess, domain)
        optimizer.zero_grad()
        t.backward(label_loss + domain_loss)
        optimizer.step()
        return label_loss, domain_loss

    def step(n):
        strength = 2 / (1 + math.exp(-10 * n / 20)) - 1
        return train_step(numbers(t, 8, 6, seed=n), classes(t, 4, 3, seed=n), t.fn.tensor(strength))

    return step


@loop
def penalty_through_batch_norm(t):
    nn = t.nn
    critic = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.LeakyReLU(0.2), nn.Linear(8, 1))
    optimizer = t.optim.Adam(critic.parameters(), lr=0.01, betas=(0.0, 0.9))

    @t.jit
    def train_step(x, fake):
        optimizer.zero_grad()
        x = t.watched(x)
        score = critic(x)
        (slope,) = t.grad(score.sum(), x, create_graph=True)
        penalty = (slope.reshape(8, -1) ** 2).sum(1).mean()
        loss = t.F.softplus(critic(fake)).mean() + t.F.softplus(-score).mean() + 5 * penalty
        t.backward(loss)
        optimizer.step()
        return loss, penalty

    return lambda n: train_step(numbers(t, 8, 4, seed=n), numbers(t, 8, 4, seed=n + 60))


@loop
def gradient_checkpointing(t):
    nn = t.nn
    blocks = nn.ModuleList(
        [nn.Sequential(nn.Linear(8, 8), nn.LayerNorm(8), nn.GELU(), nn.Dropout(0.2)) for _ in range(3)]
    )
    head = nn.Linear(8, 3)
    optimizer = t.optim.AdamW([*blocks.parameters(), *head.parameters()], lr=0.01)

    @t.jit
    def train_step(x, y):
        optimizer.zero_grad()
        for block in blocks:
            x = t.checkpoint(block, x)
        loss = t.F.cross_entropy(head(x), y)
        t.backward(loss)
        optimizer.step()
        return loss

    return lambda n: train_step(numbers(t, 6, 8, seed=n), classes(t, 6, 3, seed=n))


@loop
def uncertainty_weights(t):
    class MultiTask(t.nn.Module):
        def __init__(self):
            super().__init__()
            self.trunk = mlp(t, 6, 8)
            self.heads = t.nn.ModuleDict({"depth": t.nn.Linear(8, 1), "label": t.nn.Linear(8, 3)})
            self.log_vars = t.nn.Parameter(t.fn.zeros(2))

        def forward(self, x):
            x = t.fn.relu(self.trunk(x))
            return {name: head(x) for name, head in self.heads.items()}

    model = MultiTask()
    optimizer = t.optim.Adam(
        [
            {"params": [model.log_vars], "lr": 0.05},
            {"params": [p for n, p in model.named_parameters() if "log" not in n]},
        ],
        lr=0.01,
    )

    @t.jit
    def train_step(x, depth, y):
        out = model(x)
        losses = t.fn.stack([t.F.mse_loss(out["depth"], depth), t.F.cross_entropy(out["label"], y)])
        loss = (t.fn.exp(-model.log_vars) * losses + model.log_vars).sum()
        optimizer.zero_grad(set_to_none=False)
        t.backward(loss)
        optimizer.step()
        return loss, losses[0], losses[1]

    return lambda n: train_step(numbers(t, 8, 6, seed=n), numbers(t, 8, 1, seed=n + 9), classes(t, 8, 3, seed=n))


@loop
def knowledge_distillation(t):
    teacher, student = mlp(t, 6, 16, 3), mlp(t, 6, 4, 3)
    teacher.eval()
    for p in teacher.parameters():
        p.requires_grad_(False)
    optimizer = t.optim.SGD(student.parameters(), lr=0.1, momentum=0.9)
    scheduler = t.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=10)
    temperature = 3.0
    soft = t.nn.KLDivLoss(reduction="batchmean")

    @t.jit
    def train_step(x, y):
        with t.no_grad():
            target = teacher(x)
        logits = student(x)
        distilled = soft(t.F.log_softmax(logits / temperature, dim=-1), t.F.softmax(target / temperature, dim=-1)) * (
            temperature**2
        )
        loss = 0.3 * t.F.cross_entropy(logits, y) + 0.7 * distilled
        optimizer.zero_grad()
        t.backward(loss)
        optimizer.step()
        return loss

    def step(n):
        loss = train_step(numbers(t, 8, 6, seed=n), classes(t, 8, 3, seed=n))
        scheduler.step()
        return loss

    return step


@loop
def momentum_contrast(t):
    nn, F = t.nn, t.F

    class MoCo(nn.Module):
        def __init__(self):
            super().__init__()
            self.query, self.key = mlp(t, 6, 8, 4), mlp(t, 6, 8, 4)
            for q, k in zip(self.query.parameters(), self.key.parameters(), strict=True):
                k.data = t.fn.clone(q.data)
                k.requires_grad = False
            self.register_buffer("queue", F.normalize(t.fn.randn(4, 12), dim=0))
            self.register_buffer("pointer", t.fn.zeros(1, dtype=t.fn.int64 if not t.functional else t.fn.int32))

        def forward(self, x_q, x_k):
            q = F.normalize(self.query(x_q), dim=1)
            with t.no_grad():
                for a, b in zip(self.query.parameters(), self.key.parameters(), strict=True):
                    b.data = b.data * 0.9 + a.data * 0.1
                k = F.normalize(self.key(x_k), dim=1)
            positive = t.fn.einsum("nc,nc->n", q, k)[:, None]
            negative = t.fn.einsum("nc,ck->nk", q, t.fn.detach(t.fn.clone(self.queue)))
            logits = t.fn.cat([positive, negative], dim=1) / 0.2
            with t.no_grad():
                place = (self.pointer[0] + t.fn.arange(4)) % 12
                self.queue = t.fn.index_copy(self.queue.data if t.functional else self.queue, 1, place, k.T)
                self.pointer = (self.pointer + 4) % 12
            return logits

    model = MoCo()
    optimizer = t.optim.SGD(model.query.parameters(), lr=0.2, momentum=0.9, weight_decay=1e-4)

    @t.jit
    def train_step(x_q, x_k):
        logits = model(x_q, x_k)
        loss = F.cross_entropy(logits, t.fn.zeros(4, dtype=t.fn.int64 if not t.functional else t.fn.int32))
        optimizer.zero_grad()
        t.backward(loss)
        optimizer.step()
        return loss

    return lambda n: train_step(numbers(t, 4, 6, seed=n), numbers(t, 4, 6, seed=n + 30))


@loop
def truncated_backpropagation_through_time(t):
    cell, head = t.nn.GRUCell(3, 6), t.nn.Linear(6, 3)
    optimizer = t.optim.Adam([*cell.parameters(), *head.parameters()], lr=0.02)

    @t.jit
    def train_step(xs, h):
        losses = []
        for begin in range(0, 6, 3):
            optimizer.zero_grad()
            h = t.fn.detach(h)
            loss = 0.0
            for step in range(begin, begin + 3):
                h = cell(xs[step], h)
                loss = loss + t.F.mse_loss(head(h), xs[step + 1])
            t.backward(loss)
            t.nn.utils.clip_grad_norm_([*cell.parameters(), *head.parameters()], 0.5)
            optimizer.step()
            losses.append(loss)
        return losses[0], losses[1], h

    state = {"h": t.fn.zeros(4, 6)}

    def step(n):
        a, b, state["h"] = train_step(numbers(t, 7, 4, 3, seed=n), state["h"])
        state["h"] = t.fn.detach(state["h"])
        return a, b

    return step


@loop
def transformer_with_warmup(t):
    nn = t.nn

    class Language(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = nn.Embedding(11, 8)
            self.place = nn.Parameter(t.fn.randn(1, 5, 8) * 0.02)
            layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.1, batch_first=True, norm_first=True)
            self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
            self.head = nn.Linear(8, 11, bias=False)
            self.head.weight = self.embed.weight
            self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(5), persistent=False)

        def forward(self, x):
            x = self.embed(x) * math.sqrt(8) + self.place
            return self.head(self.encoder(x, mask=self.mask, is_causal=True))

    model = Language()
    decay = [p for p in model.parameters() if p.dim() > 1]
    plain = [p for p in model.parameters() if p.dim() <= 1]
    optimizer = t.optim.AdamW(
        [{"params": decay, "weight_decay": 0.1}, {"params": plain, "weight_decay": 0.0}], lr=0.02, betas=(0.9, 0.95)
    )
    scheduler = t.optim.lr_scheduler.LambdaLR(
        optimizer, lambda n: min((n + 1) / 4, 0.5 * (1 + math.cos(math.pi * n / 20)))
    )

    @t.jit
    def train_step(tokens):
        optimizer.zero_grad()
        total = 0.0
        for part in t.fn.chunk(tokens, 2):
            logits = model(part[:, :-1])
            loss = t.F.cross_entropy(logits.reshape(-1, 11), part[:, 1:].reshape(-1), label_smoothing=0.1) / 2
            t.backward(loss)
            total = total + t.fn.detach(loss)
        norm = t.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return total, norm

    def step(n):
        out = train_step(t.array(np.random.default_rng(n).integers(0, 11, (4, 6))))
        scheduler.step()
        return out

    return step


@loop
def label_smoothing_with_an_average_of_weights(t):
    nn = t.nn
    model = nn.Sequential(
        nn.Conv1d(2, 4, 3, padding=1, bias=False), nn.BatchNorm1d(4), nn.ReLU(), nn.Flatten(), nn.Linear(20, 3)
    )
    average = t.optim.swa_utils.AveragedModel(model, multi_avg_fn=t.optim.swa_utils.get_ema_multi_avg_fn(0.9))
    optimizer = t.optim.NAdam(model.parameters(), lr=0.01)
    criterion = nn.CrossEntropyLoss(label_smoothing=0.1, weight=t.array(np.array([1.0, 2.0, 0.5], np.float32)))

    @t.jit
    def train_step(x, y):
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        t.backward(loss)
        optimizer.step()
        return loss

    def step(n):
        x, y = numbers(t, 6, 2, 5, seed=n), classes(t, 6, 3, seed=n)
        loss = train_step(x, y)
        average.update_parameters(model)
        average.eval()
        with t.no_grad():
            return loss, criterion(average(x), y)

    return step


@loop
def per_sample_gradients(t):
    model = mlp(t, 6, 8, 3)
    optimizer = t.optim.SGD(model.parameters(), lr=0.1)

    def of_one(parameters, x, y):
        out = t.functional_call(model, parameters, (x[None],))
        return t.F.cross_entropy(out, y[None])

    @t.jit
    def train_step(x, y):
        parameters = {name: t.fn.detach(p) for name, p in model.named_parameters()}
        grads, losses = t.func.vmap(t.func.grad_and_value(of_one), in_dims=(None, 0, 0))(parameters, x, y)
        norms = sum((g.reshape(8, -1) ** 2).sum(1) for g in grads.values()) ** 0.5
        factors = t.fn.clamp(0.5 / (norms + 1e-6), max=1.0)
        optimizer.zero_grad()
        for name, p in model.named_parameters():
            noise = 0.1 * t.fn.randn_like(p)
            p.grad = t.fn.einsum("n,n...->...", factors, grads[name]) / 8 + noise
        optimizer.step()
        return losses.mean()

    return lambda n: train_step(numbers(t, 8, 6, seed=n), classes(t, 8, 3, seed=n))


@loop
def lookahead(t):
    class Lookahead(t.optim.Optimizer):
        def __init__(self, base, k=3, alpha=0.5):
            self.base, self.k, self.alpha = base, k, alpha
            self.param_groups = base.param_groups
            self.slow = [[t.fn.clone(t.fn.detach(p)) for p in group["params"]] for group in self.param_groups]

        def zero_grad(self):
            self.base.zero_grad()

        def step(self):
            self.base.step()

        def synchronize(self, steps):
            if steps % self.k == 0:
                for group, slow in zip(self.param_groups, self.slow, strict=True):
                    for i, p in enumerate(group["params"]):
                        slow[i] = slow[i] + self.alpha * (p.data - slow[i])
                        p.data = t.fn.clone(slow[i])

    model = mlp(t, 6, 8, 3)
    optimizer = Lookahead(t.optim.Adam(model.parameters(), lr=0.02))

    @t.jit
    def train_step(x, y):
        optimizer.zero_grad()
        loss = t.F.cross_entropy(model(x), y)
        t.backward(loss)
        optimizer.step()
        return loss

    def step(n):
        loss = train_step(numbers(t, 8, 6, seed=n), classes(t, 8, 3, seed=n))
        optimizer.synchronize(n + 1)
        return loss

    return step


@loop
def optimizer_of_ones_own(t):
    class Lion(t.optim.Optimizer):
        def __init__(self, params, lr=1e-2, betas=(0.9, 0.99), weight_decay=0.01):
            super().__init__(params, dict(lr=lr, betas=betas, weight_decay=weight_decay))

        def step(self, closure=None):
            for group in self.param_groups:
                for p in group["params"]:
                    if p.grad is None:
                        continue
                    state = self.state[p]
                    if not state:
                        state["exp_avg"] = t.fn.zeros_like(p)
                    first, second = group["betas"]
                    m = state["exp_avg"]
                    update = t.fn.sign(first * m + (1 - first) * p.grad)
                    p.data = p.data * (1 - group["lr"] * group["weight_decay"]) - group["lr"] * update
                    state["exp_avg"] = second * m + (1 - second) * p.grad

    model = mlp(t, 6, 8, 3)
    optimizer = Lion(model.parameters())

    @t.jit
    def train_step(x, y):
        optimizer.zero_grad()
        loss = t.F.cross_entropy(model(x), y)
        t.backward(loss)
        with t.no_grad():
            optimizer.step()
        return loss

    return lambda n: train_step(numbers(t, 8, 6, seed=n), classes(t, 8, 3, seed=n))


@loop
def gumbel_softmax(t):
    encoder, decoder = mlp(t, 6, 8, 12), mlp(t, 12, 8, 6)
    optimizer = t.optim.Adamax([*encoder.parameters(), *decoder.parameters()], lr=0.01)

    @t.jit
    def train_step(x, tau):
        logits = encoder(x).reshape(8, 3, 4)
        z = t.F.gumbel_softmax(logits, tau=tau, hard=True, dim=-1)
        rebuilt = decoder(z.reshape(8, 12))
        q = t.F.softmax(logits, dim=-1)
        divergence = (q * (t.fn.log(q + 1e-10) + math.log(4))).sum((1, 2)).mean()
        loss = t.F.mse_loss(rebuilt, x, reduction="sum") / 8 + divergence
        optimizer.zero_grad()
        t.backward(loss)
        optimizer.step()
        return loss

    return lambda n: train_step(numbers(t, 8, 6, seed=n), t.fn.tensor(max(0.5, math.exp(-0.1 * n))))


@loop
def vector_quantization(t):
    nn = t.nn

    class Quantizer(nn.Module):
        def __init__(self):
            super().__init__()
            self.codes = nn.Embedding(5, 3)
            nn.init.uniform_(self.codes.weight, -1 / 5, 1 / 5)

        def forward(self, z):
            weight = self.codes.weight
            distances = (z**2).sum(1, keepdims=True) + (weight**2).sum(1)[None] - 2 * t.fn.matmul(z, weight.t())
            chosen = t.fn.argmin(distances, dim=1)
            q = self.codes(chosen)
            loss = t.F.mse_loss(q, t.fn.detach(z)) + 0.25 * t.F.mse_loss(t.fn.detach(q), z)
            used = t.F.one_hot(chosen, 5).astype(np.float32) if t.functional else t.F.one_hot(chosen, 5).float()
            usage = used.mean(0)
            perplexity = t.fn.exp(-(usage * t.fn.log(usage + 1e-10)).sum())
            return z + t.fn.detach(q - z), loss, perplexity

    encoder, quantizer, decoder = mlp(t, 6, 8, 3), Quantizer(), mlp(t, 3, 8, 6)
    model = nn.ModuleList([encoder, quantizer, decoder])
    optimizer = t.optim.Adam(model.parameters(), lr=0.01, amsgrad=True)

    @t.jit
    def train_step(x):
        q, loss, perplexity = quantizer(encoder(x))
        loss = loss + t.F.mse_loss(decoder(q), x)
        optimizer.zero_grad()
        t.backward(loss)
        optimizer.step()
        return loss, perplexity

    return lambda n: train_step(numbers(t, 8, 6, seed=n))


@loop
def diffusion(t):
    class Denoiser(t.nn.Module):
        def __init__(self):
            super().__init__()
            self.time = t.nn.Embedding(10, 4)
            self.net = t.nn.Sequential(t.nn.Linear(10, 16), t.nn.SiLU(), t.nn.Dropout(0.1), t.nn.Linear(16, 6))
            betas = t.fn.linspace(1e-4, 0.2, 10)
            self.register_buffer("bars", t.fn.cumprod(1.0 - betas, dim=0))

        def forward(self, x, at):
            return self.net(t.fn.cat([x, self.time(at)], dim=1))

    model = Denoiser()
    optimizer = t.optim.AdamW(model.parameters(), lr=0.01)

    @t.jit
    def train_step(x):
        at = t.fn.randint(0, 10, (x.shape[0],))
        noise = t.fn.randn_like(x)
        bar = model.bars[at][:, None]
        noisy = t.fn.sqrt(bar) * x + t.fn.sqrt(1 - bar) * noise
        loss = t.F.mse_loss(model(noisy, at), noise)
        optimizer.zero_grad()
        t.backward(loss)
        t.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss

    return lambda n: train_step(numbers(t, 8, 6, seed=n))


@loop
def normalizing_flow(t):
    class Coupling(t.nn.Module):
        def __init__(self, flip):
            super().__init__()
            self.flip, self.net = flip, mlp(t, 2, 8, 4)

        def forward(self, x):
            a, b = t.fn.chunk(x, 2, dim=1)
            if self.flip:
                a, b = b, a
            s, shift = t.fn.chunk(self.net(a), 2, dim=1)
            s = t.fn.tanh(s)
            b = b * t.fn.exp(s) + shift
            return t.fn.cat([b, a] if self.flip else [a, b], 1), s.sum(-1)

    flow = t.nn.ModuleList([Coupling(n % 2 == 1) for n in range(4)])
    optimizer = t.optim.Adam(flow.parameters(), lr=0.01)
    prior = t.distributions.MultivariateNormal(t.fn.zeros(4), t.fn.eye(4))

    @t.jit
    def train_step(x):
        z, total = x, t.fn.zeros(x.shape[0])
        for layer in flow:
            z, log_det = layer(z)
            total = total + log_det
        loss = -(prior.log_prob(z) + total).mean()
        optimizer.zero_grad()
        t.backward(loss)
        optimizer.step()
        return loss

    return lambda n: train_step(numbers(t, 8, 4, seed=n) * 2 + 1)


@loop
def ppo(t):
    nn = t.nn

    class ActorCritic(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = mlp(t, 4, 8)
            self.mean, self.value = nn.Linear(8, 2), nn.Linear(8, 1)
            self.log_std = nn.Parameter(t.fn.zeros(2))
            nn.init.orthogonal_(self.mean.weight, 0.01)
            nn.init.zeros_(self.mean.bias)

        def forward(self, s):
            h = t.fn.tanh(self.body(s))
            return t.distributions.Normal(self.mean(h), t.fn.exp(self.log_std)), self.value(h).squeeze(-1)

    model = ActorCritic()
    optimizer = t.optim.Adam(model.parameters(), lr=3e-3, eps=1e-5)

    @t.jit
    def act(s):
        with t.no_grad():
            policy, value = model(s)
            a = policy.sample()
            return a, policy.log_prob(a).sum(-1), value

    @t.jit
    def update(s, a, old, advantages, returns):
        policy, value = model(s)
        ratio = t.fn.exp(policy.log_prob(a).sum(-1) - old)
        advantages = (advantages - advantages.mean()) / (t.fn.std(advantages) + 1e-8)
        clipped = t.fn.clamp(ratio, 0.8, 1.2) * advantages
        policy_loss = -t.fn.min(t.fn.stack([ratio * advantages, clipped]), dim=0).values.mean()
        loss = policy_loss + 0.5 * t.F.mse_loss(value, returns) - 0.01 * policy.entropy().sum(-1).mean()
        optimizer.zero_grad()
        t.backward(loss)
        t.nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        optimizer.step()
        return loss

    def step(n):
        states = numbers(t, 16, 4, seed=n)
        actions, old, values = act(states)
        rewards = -(actions**2).sum(1)
        returns = rewards + 0.9 * values
        losses = []
        for _ in range(2):
            order = t.fn.randperm(16)
            for begin in range(0, 16, 8):
                at = order[begin : begin + 8]
                losses.append(update(states[at], actions[at], old[at], (returns - values)[at], returns[at]))
        return losses

    return step


@loop
def cycle_gan(t):
    nn = t.nn

    def generator():
        return nn.Sequential(
            nn.Conv1d(1, 3, 3, padding=1), nn.InstanceNorm1d(3), nn.ReLU(), nn.Conv1d(3, 1, 3, padding=1)
        )

    def critic():
        return nn.Sequential(nn.Conv1d(1, 3, 3, stride=2), nn.LeakyReLU(0.2), nn.Conv1d(3, 1, 2))

    ab, ba, of_a, of_b = generator(), generator(), critic(), critic()
    for net in (ab, ba, of_a, of_b):
        net.apply(lambda m: nn.init.normal_(m.weight, 0.0, 0.2) if isinstance(m, nn.Conv1d) else None)
    of_g = t.optim.Adam([*ab.parameters(), *ba.parameters()], lr=0.01, betas=(0.5, 0.999))
    of_d = t.optim.Adam([*of_a.parameters(), *of_b.parameters()], lr=0.01, betas=(0.5, 0.999))
    pool, dice = [], random.Random(0)

    def from_pool(images):
        out = []
        for n in range(images.shape[0]):
            image = images[n : n + 1]
            if len(pool) < 4:
                pool.append(image)
                out.append(image)
            elif dice.random() > 0.5:
                at = dice.randrange(4)
                out.append(pool[at])
                pool[at] = image
            else:
                out.append(image)
        return t.fn.cat(out)

    def against(scores, real):
        return t.F.mse_loss(scores, t.ones_like(scores) if real else t.zeros_like(scores))

    def watch(nets, on):
        for net in nets:
            for p in net.parameters():
                p.requires_grad = on

    @t.jit
    def generators(a, b):
        watch((of_a, of_b), False)
        fake_b, fake_a = ab(a), ba(b)
        of_g.zero_grad()
        adversarial = against(of_b(fake_b), True) + against(of_a(fake_a), True)
        cycle = t.F.l1_loss(ba(fake_b), a) + t.F.l1_loss(ab(fake_a), b)
        same = t.F.l1_loss(ab(b), b) + t.F.l1_loss(ba(a), a)
        loss = adversarial + 10 * cycle + 5 * same
        t.backward(loss)
        of_g.step()
        watch((of_a, of_b), True)
        return loss, t.fn.detach(fake_a), t.fn.detach(fake_b)

    @t.jit
    def critics(a, b, fake_a, fake_b):
        of_d.zero_grad()
        losses = []
        for net, real, fake in ((of_a, a, fake_a), (of_b, b, fake_b)):
            loss = (against(net(real), True) + against(net(fake), False)) * 0.5
            t.backward(loss)
            losses.append(loss)
        of_d.step()
        return losses

    def step(n):
        a, b = numbers(t, 3, 1, 8, seed=n), numbers(t, 3, 1, 8, seed=n + 70)
        loss, fake_a, fake_b = generators(a, b)
        one, two = critics(a, b, from_pool(fake_a), fake_b)
        return loss, one, two

    return step


@loop
def critic_with_five_steps(t):
    nn = t.nn
    generator = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 4), nn.Tanh())
    critic = nn.Sequential(nn.utils.parametrizations.spectral_norm(nn.Linear(4, 8)), nn.LeakyReLU(0.2), nn.Linear(8, 1))
    of_g = t.optim.RMSprop(generator.parameters(), lr=0.005)
    of_d = t.optim.RMSprop(critic.parameters(), lr=0.005)

    @t.jit
    def critic_step(real):
        of_d.zero_grad()
        with t.no_grad():
            fake = generator(t.fn.randn(6, 3))
        loss = critic(fake).mean() - critic(real).mean()
        t.backward(loss)
        of_d.step()
        return loss

    @t.jit
    def generator_step():
        of_g.zero_grad()
        loss = -critic(generator(t.fn.randn(6, 3))).mean()
        t.backward(loss)
        of_g.step()
        return loss

    def step(n):
        for k in range(5):
            loss = critic_step(numbers(t, 6, 4, seed=5 * n + k))
        return loss, generator_step()

    return step


@loop
def half_precision_with_an_overflow(t):
    nn = t.nn
    model = nn.Sequential(nn.Linear(6, 16), nn.LayerNorm(16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = t.optim.Adam(model.parameters(), lr=0.01)
    scaler = t.amp.GradScaler("cpu", init_scale=2.0**60, growth_interval=4, backoff_factor=2.0**-30)

    @t.jit
    def train_step(x, y, factor):
        optimizer.zero_grad(set_to_none=True)
        with t.amp.autocast("cpu", enabled=False):
            loss = t.F.cross_entropy(model(x), y) * factor
        t.backward(scaler.scale(loss))
        scaler.step(optimizer)
        scaler.update()
        return loss

    def step(n):
        factor = t.fn.tensor(1e30 if n == 3 else 1.0)
        loss = train_step(numbers(t, 8, 6, seed=n), classes(t, 8, 3, seed=n), factor)
        return loss / factor, scaler.get_scale()

    return step


@loop
def mixup_and_gradient_noise(t):
    model = mlp(t, 6, 12, 3)
    optimizer = t.optim.SGD(model.parameters(), lr=0.1)
    scheduler = t.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.3, total_steps=25)

    @t.jit
    def train_step(x, y):
        share = t.distributions.Beta(t.fn.tensor(1.5), t.fn.tensor(1.5)).sample()
        order = t.fn.randperm(8)
        mixed = share * x + (1 - share) * x[order]
        out = model(mixed)
        loss = share * t.F.cross_entropy(out, y) + (1 - share) * t.F.cross_entropy(out, y[order])
        optimizer.zero_grad()
        t.backward(loss)
        for p in model.parameters():
            p.grad = p.grad + 0.01 * t.fn.randn_like(p.grad)
        optimizer.step()
        return loss

    def step(n):
        loss = train_step(numbers(t, 8, 6, seed=n), classes(t, 8, 3, seed=n))
        scheduler.step()
        return loss

    return step


@loop
def word_vectors_with_sampled_negatives(t):
    words, contexts = t.nn.Embedding(12, 4), t.nn.Embedding(12, 4)
    optimizer = t.optim.Adagrad([*words.parameters(), *contexts.parameters()], lr=0.1)
    frequencies = t.array(np.arange(1, 13, dtype=np.float32))

    @t.jit
    def train_step(centre, context):
        negatives = t.fn.multinomial(frequencies, 8 * 3, replacement=True).reshape(8, 3)
        v = words(centre)
        good = t.F.logsigmoid((v * contexts(context)).sum(1))
        bad = t.F.logsigmoid(-t.fn.bmm(contexts(negatives), v[:, :, None]).squeeze(2)).sum(1)
        loss = -(good + bad).mean()
        optimizer.zero_grad()
        t.backward(loss)
        optimizer.step()
        return loss

    return lambda n: train_step(classes(t, 8, 12, seed=n), classes(t, 8, 12, seed=n + 40))


@loop
def soft_actor_critic(t):
    actor, critic = mlp(t, 4, 8, 4), mlp(t, 6, 8, 1)
    target = copy.deepcopy(critic)
    for p in target.parameters():
        p.requires_grad = False
    log_alpha = t.nn.Parameter(t.fn.zeros(1, 1))
    of_actor = t.optim.Adam(actor.parameters(), lr=0.01)
    of_critic = t.optim.Adam(critic.parameters(), lr=0.01)
    of_alpha = t.optim.Adam([log_alpha], lr=0.01)

    def act(s):
        mean, log_std = t.fn.chunk(actor(s), 2, dim=-1)
        normal = t.distributions.Normal(mean, t.fn.exp(t.fn.clamp(log_std, -5, 2)))
        squashed = t.distributions.TransformedDistribution(
            normal, [t.distributions.transforms.TanhTransform(cache_size=1)]
        )
        a = squashed.rsample()
        return a, squashed.log_prob(a).sum(-1, keepdims=True)

    @t.jit
    def train_step(s, a, r, s2):
        with t.no_grad():
            a2, log_p2 = act(s2)
            value = target(t.fn.cat([s2, a2], 1)) - t.fn.exp(log_alpha) * log_p2
            wanted = r + 0.9 * value
        critic_loss = t.F.mse_loss(critic(t.fn.cat([s, a], 1)), wanted)
        of_critic.zero_grad()
        t.backward(critic_loss)
        of_critic.step()
        new, log_p = act(s)
        actor_loss = (t.fn.detach(t.fn.exp(log_alpha)) * log_p - critic(t.fn.cat([s, new], 1))).mean()
        of_actor.zero_grad()
        t.backward(actor_loss)
        of_actor.step()
        alpha_loss = -(log_alpha * t.fn.detach(log_p - 2)).mean()
        of_alpha.zero_grad()
        t.backward(alpha_loss)
        of_alpha.step()
        with t.no_grad():
            for p, q in zip(critic.parameters(), target.parameters(), strict=True):
                q.data = 0.9 * q.data + 0.1 * p.data
        return critic_loss, actor_loss, alpha_loss

    return lambda n: train_step(
        numbers(t, 8, 4, seed=n),
        numbers(t, 8, 2, seed=n + 1),
        numbers(t, 8, 1, seed=n + 2),
        numbers(t, 8, 4, seed=n + 3),
    )


@loop
def sequence_to_sequence_with_attention(t):
    nn = t.nn

    class Seq2Seq(nn.Module):
        def __init__(self):
            super().__init__()
            self.source, self.target = nn.Embedding(9, 6, padding_idx=0), nn.Embedding(9, 6, padding_idx=0)
            self.encoder = nn.LSTM(6, 8, batch_first=True, bidirectional=True)
            self.bridge = nn.Linear(16, 8)
            self.decoder = nn.LSTMCell(6, 8)
            self.attention = nn.Bilinear(8, 16, 1)
            self.head = nn.Linear(24, 9)

        def forward(self, source, target):
            memory, (h, c) = self.encoder(self.source(source))
            h = t.fn.tanh(self.bridge(t.fn.cat([h[0], h[1]], 1)))
            c = t.fn.zeros_like(h)
            out = []
            for k in range(target.shape[1]):
                h, c = self.decoder(self.target(target[:, k]), (h, c))
                query = t.fn.expand(h[:, None], (4, 5, 8)) if t.functional else h[:, None].expand(4, 5, 8).contiguous()
                weights = t.F.softmax(self.attention(query, memory).squeeze(2), dim=1)
                out.append(self.head(t.fn.cat([h, t.fn.einsum("nk,nkc->nc", weights, memory)], 1)))
            return t.fn.stack(out, 1)

    model = Seq2Seq()
    optimizer = t.optim.Adam(model.parameters(), lr=0.01)
    scheduler = t.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=1, factor=0.5)
    criterion = nn.CrossEntropyLoss(ignore_index=0)

    @t.jit
    def train_step(source, target):
        optimizer.zero_grad()
        out = model(source, target[:, :-1])
        loss = criterion(out.reshape(-1, 9), target[:, 1:].reshape(-1))
        t.backward(loss)
        t.nn.utils.clip_grad_value_(model.parameters(), 0.05)
        optimizer.step()
        return loss

    def step(n):
        rng = np.random.default_rng(n)
        loss = train_step(t.array(rng.integers(1, 9, (4, 5))), t.array(rng.integers(0, 9, (4, 5))))
        scheduler.step(float(loss.detach() if not t.functional else loss))
        return loss

    return step


@loop
def examples_that_are_reweighted(t):
    """Data weights learnt through one unrolled update (learning to reweight)."""
    model = mlp(t, 6, 8, 3)
    optimizer = t.optim.SGD(model.parameters(), lr=0.1)

    @t.jit
    def train_step(x, y, clean_x, clean_y):
        weights = t.watched(t.fn.zeros(8))
        parameters = dict(model.named_parameters())
        losses = t.F.cross_entropy(t.functional_call(model, parameters, (x,)), y, reduction="none")
        grads = t.grad((losses * weights).sum(), list(parameters.values()), create_graph=True)
        moved = {name: p - 0.1 * g for (name, p), g in zip(parameters.items(), grads, strict=True)}
        held_out = t.F.cross_entropy(t.functional_call(model, moved, (clean_x,)), clean_y)
        (slope,) = t.grad(held_out, weights)
        chosen = t.fn.clamp(-slope, min=0)
        chosen = t.fn.detach(chosen / (chosen.sum() + 1e-8))
        loss = (t.F.cross_entropy(model(x), y, reduction="none") * chosen).sum()
        optimizer.zero_grad()
        t.backward(loss)
        optimizer.step()
        return loss, held_out

    return lambda n: train_step(
        numbers(t, 8, 6, seed=n), classes(t, 8, 3, seed=n), numbers(t, 4, 6, seed=n + 20), classes(t, 4, 3, seed=n + 20)
    )


@loop
def actions_drawn_inside(t):
    policy, value = mlp(t, 4, 16, 3), mlp(t, 4, 16, 1)
    groups = [{"params": policy.parameters(), "lr": 1e-2}, {"params": value.parameters(), "lr": 3e-2}]
    optimizer = t.optim.RMSprop(groups, momentum=0.5, centered=True)

    @t.jit
    def train_step(states):
        dist = t.distributions.Categorical(logits=policy(states))
        actions = dist.sample((5,))
        reward = t.fn.eq(actions, 1) * 1.0 - 0.1 * actions
        expected = t.fn.squeeze(value(states), -1)
        advantage = reward - t.detach(expected)[None]
        loss = -t.fn.mean(dist.log_prob(actions) * advantage) - 0.01 * t.fn.mean(dist.entropy())
        loss = loss + t.F.smooth_l1_loss(expected, t.fn.mean(reward, 0))
        optimizer.zero_grad()
        t.backward(loss)
        optimizer.step()
        return loss, t.fn.mean(reward)

    return lambda n: train_step(numbers(t, 10, 4, seed=n))

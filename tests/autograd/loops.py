"""Training loops as PyTorch's users write them, once for both frameworks.

Each takes an `Api` and returns a function ``step(n) -> losses`` that is called for n = 0, 1, ...: what stands inside
``t.jit`` is compiled in fnn and plain code in PyTorch.  ``t.backward(loss)`` is ``loss.backward()``.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

LOOPS: dict[str, Callable[[Any], Callable[[int], Any]]] = {}


def loop(function: Callable[[Any], Callable[[int], Any]]) -> Callable[[Any], Callable[[int], Any]]:
    LOOPS[function.__name__] = function
    return function


def numbers(t: Any, *shape: int, seed: int = 0) -> Any:
    return t.array(np.random.default_rng(seed).standard_normal(shape).astype(np.float32))


def classes(t: Any, n: int, count: int, seed: int = 0) -> Any:
    return t.array(np.random.default_rng(seed).integers(0, count, n))


def mlp(t: Any, *sizes: int) -> Any:
    parts: list[Any] = []
    for a, b in itertools.pairwise(sizes):
        parts += [t.nn.Linear(a, b), t.nn.Tanh()]
    return t.nn.Sequential(*parts[:-1])


@loop
def classifier(t):
    model = mlp(t, 6, 12, 3)
    criterion = t.nn.CrossEntropyLoss()
    optimizer = t.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-3)
    scheduler = t.optim.lr_scheduler.StepLR(optimizer, 3, 0.5)

    @t.jit
    def train_step(x, y):
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        t.backward(loss)
        optimizer.step()
        return loss

    def step(n):
        loss = train_step(numbers(t, 8, 6, seed=n), classes(t, 8, 3, seed=n))
        scheduler.step()
        return loss

    return step


@loop
def convolutional(t):
    nn = t.nn
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 3)
    )
    optimizer = t.optim.Adam(model.parameters(), lr=0.01)

    @t.jit
    def train_step(x, y):
        optimizer.zero_grad()
        loss = t.F.cross_entropy(model(x), y)
        t.backward(loss)
        optimizer.step()
        return loss

    return lambda n: train_step(numbers(t, 4, 1, 8, 8, seed=n), classes(t, 4, 3, seed=n))


@loop
def gan_with_one_fake(t):
    generator, critic = mlp(t, 3, 8, 4), mlp(t, 4, 8, 1)
    of_g = t.optim.Adam(generator.parameters(), lr=0.01, betas=(0.5, 0.999))
    of_d = t.optim.Adam(critic.parameters(), lr=0.01, betas=(0.5, 0.999))
    criterion = t.nn.BCEWithLogitsLoss()
    one, zero = t.array(np.ones((6, 1), np.float32)), t.array(np.zeros((6, 1), np.float32))

    @t.jit
    def train_step(real, noise):
        critic.zero_grad()
        real_loss = criterion(critic(real), one)
        t.backward(real_loss)
        fake = generator(noise)
        fake_loss = criterion(critic(t.detach(fake)), zero)
        t.backward(fake_loss)
        of_d.step()
        generator.zero_grad()
        loss = criterion(critic(fake), one)
        t.backward(loss)
        of_g.step()
        return real_loss, fake_loss, loss

    return lambda n: train_step(numbers(t, 6, 4, seed=n), numbers(t, 6, 3, seed=100 + n))


@loop
def gan_with_a_frozen_critic(t):
    generator, critic = mlp(t, 3, 8, 4), mlp(t, 4, 8, 1)
    of_g = t.optim.SGD(generator.parameters(), lr=0.05)
    of_d = t.optim.SGD(critic.parameters(), lr=0.05, momentum=0.5)

    def freeze(frozen):
        for p in critic.parameters():
            p.requires_grad = not frozen

    @t.jit
    def train_step(real, noise):
        fake = generator(noise)
        freeze(True)
        of_g.zero_grad()
        loss = -critic(fake).mean()
        t.backward(loss)
        of_g.step()
        freeze(False)
        of_d.zero_grad()
        difference = critic(t.detach(fake)).mean() - critic(real).mean()
        t.backward(difference)
        of_d.step()
        return loss, difference

    return lambda n: train_step(numbers(t, 6, 4, seed=n), numbers(t, 6, 3, seed=100 + n))


@loop
def wgan_with_gradient_penalty(t):
    generator, critic = mlp(t, 3, 8, 4), mlp(t, 4, 8, 1)
    of_g = t.optim.Adam(generator.parameters(), lr=0.01)
    of_d = t.optim.Adam(critic.parameters(), lr=0.01)

    @t.jit
    def train_step(real, noise, share):
        of_d.zero_grad()
        fake = generator(noise)
        between = t.watched(share * real + (1 - share) * t.detach(fake))
        scores = critic(between)
        (slope,) = t.grad(scores, between, grad_outputs=t.ones_like(scores), create_graph=True, retain_graph=True)
        penalty = (((slope**2).sum(1) + 1e-6) ** 0.5 - 1) ** 2
        loss = critic(t.detach(fake)).mean() - critic(real).mean() + 10 * penalty.mean()
        t.backward(loss)
        of_d.step()
        of_g.zero_grad()
        of_generator = -critic(generator(noise)).mean()
        t.backward(of_generator)
        of_g.step()
        return loss, of_generator

    def step(n):
        share = t.array(np.random.default_rng(n).random((6, 1)).astype(np.float32))
        return train_step(numbers(t, 6, 4, seed=n), numbers(t, 6, 3, seed=100 + n), share)

    return step


@loop
def wgan_with_clipped_weights(t):
    generator, critic = mlp(t, 3, 8, 4), mlp(t, 4, 8, 1)
    of_g = t.optim.RMSprop(generator.parameters(), lr=0.005)
    of_d = t.optim.RMSprop(critic.parameters(), lr=0.005)

    @t.jit
    def train_step(real, noise):
        for _ in range(2):
            of_d.zero_grad()
            loss = critic(t.detach(generator(noise))).mean() - critic(real).mean()
            t.backward(loss)
            of_d.step()
            for p in critic.parameters():
                p.data = t.clamp(p.data, -0.1, 0.1)
        of_g.zero_grad()
        other = -critic(generator(noise)).mean()
        t.backward(other)
        of_g.step()
        return loss, other

    return lambda n: train_step(numbers(t, 6, 4, seed=n), numbers(t, 6, 3, seed=100 + n))


@loop
def actor_critic(t):
    trunk, actor, critic = mlp(t, 4, 8), t.nn.Linear(8, 2), t.nn.Linear(8, 1)
    optimizer = t.optim.Adam([*trunk.parameters(), *actor.parameters(), *critic.parameters()], lr=0.01)

    @t.jit
    def train_step(states, actions, returns):
        hidden = trunk(states)
        log_probabilities = t.F.log_softmax(actor(hidden), dim=1)
        values = critic(hidden)[:, 0]
        advantage = t.detach(returns - values)
        chosen = log_probabilities[t.arange(10), actions]
        policy = -(chosen * advantage).mean()
        value = t.F.smooth_l1_loss(values, returns)
        optimizer.zero_grad()
        t.backward(policy + value)
        optimizer.step()
        return policy, value

    return lambda n: train_step(numbers(t, 10, 4, seed=n), classes(t, 10, 2, seed=n), numbers(t, 10, seed=50 + n))


@loop
def maml(t):
    model = mlp(t, 2, 6, 1)
    optimizer = t.optim.Adam(model.parameters(), lr=0.02)
    names = [name for name, _ in model.named_parameters()]

    @t.jit
    def train_step(x, y, x2, y2):
        optimizer.zero_grad()
        fast = dict(model.named_parameters())
        for _ in range(2):
            inner = t.F.mse_loss(t.functional_call(model, fast, x), y)
            slopes = t.grad(inner, [fast[name] for name in names], create_graph=True)
            fast = {name: fast[name] - 0.1 * slope for name, slope in zip(names, slopes, strict=True)}
        loss = t.F.mse_loss(t.functional_call(model, fast, x2), y2)
        t.backward(loss)
        optimizer.step()
        return inner, loss

    data = lambda n, k: (numbers(t, 5, 2, seed=n + k), numbers(t, 5, 1, seed=n + k + 1))  # noqa: E731
    return lambda n: train_step(*data(n, 0), *data(n, 50))


@loop
def maml_of_the_first_order(t):
    model = mlp(t, 2, 6, 1)
    optimizer = t.optim.SGD(model.parameters(), lr=0.1)
    names = [name for name, _ in model.named_parameters()]

    @t.jit
    def train_step(x, y):
        optimizer.zero_grad()
        inner = t.F.mse_loss(model(x), y)
        slopes = t.grad(inner, list(model.parameters()))
        fast = {name: p - 0.1 * s for (name, p), s in zip(model.named_parameters(), slopes, strict=True)}
        loss = t.F.mse_loss(t.functional_call(model, {name: fast[name] for name in names}, x), y)
        t.backward(loss)
        optimizer.step()
        return inner, loss

    return lambda n: train_step(numbers(t, 5, 2, seed=n), numbers(t, 5, 1, seed=n + 1))


@loop
def style_transfer(t):
    network = t.nn.Sequential(t.nn.Conv2d(1, 3, 3), t.nn.Tanh(), t.nn.Conv2d(3, 3, 3))
    for p in network.parameters():
        p.requires_grad_(False)
    image = t.nn.Parameter(numbers(t, 1, 1, 8, 8))
    optimizer = t.optim.Adam([image], lr=0.05)
    content, style = numbers(t, 1, 3, 4, 4, seed=1), numbers(t, 3, 3, seed=2)

    @t.jit
    def train_step():
        optimizer.zero_grad()
        features = network(image)
        flat = features.reshape(3, 16)
        loss = t.F.mse_loss(features, content) + t.F.mse_loss(flat @ flat.T / 16, style)
        t.backward(loss)
        optimizer.step()
        return loss

    return lambda n: train_step()


@loop
def adversarial_examples(t):
    model = mlp(t, 6, 12, 3)
    optimizer = t.optim.SGD(model.parameters(), lr=0.1)

    @t.jit
    def train_step(x, y):
        attacked = t.nn.Parameter(x)
        t.backward(t.F.cross_entropy(model(attacked), y))
        harder = t.detach(x + 0.05 * t.sign(attacked.grad))
        optimizer.zero_grad()
        loss = t.F.cross_entropy(model(harder), y)
        t.backward(loss)
        optimizer.step()
        return loss

    return lambda n: train_step(numbers(t, 8, 6, seed=n), classes(t, 8, 3, seed=n))


@loop
def accumulation_over_calls(t):
    model = mlp(t, 6, 12, 3)
    optimizer = t.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

    @t.jit
    def add(x, y):
        loss = t.F.cross_entropy(model(x), y) / 4
        t.backward(loss)
        return loss

    @t.jit
    def update():
        optimizer.step()
        optimizer.zero_grad()

    def step(n):
        loss = add(numbers(t, 4, 6, seed=n), classes(t, 4, 3, seed=n))
        if n % 4 == 3:
            update()
        return loss

    return step


@loop
def accumulation_in_one_step(t):
    model = mlp(t, 6, 12, 3)
    optimizer = t.optim.AdamW(model.parameters(), lr=0.01)

    @t.jit
    def train_step(x, y):
        optimizer.zero_grad()
        total = 0.0
        for k in range(3):
            loss = t.F.cross_entropy(model(x[4 * k : 4 * k + 4]), y[4 * k : 4 * k + 4]) / 3
            t.backward(loss)
            total = total + t.detach(loss)
        optimizer.step()
        return total

    return lambda n: train_step(numbers(t, 12, 6, seed=n), classes(t, 12, 3, seed=n))


@loop
def clipped_by_norm(t):
    model = mlp(t, 6, 12, 3)
    optimizer = t.optim.SGD(model.parameters(), lr=0.5)

    @t.jit
    def train_step(x, y):
        optimizer.zero_grad()
        loss = t.F.cross_entropy(model(x) * 5, y)
        t.backward(loss)
        norm = t.nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        optimizer.step()
        return loss, norm

    return lambda n: train_step(numbers(t, 8, 6, seed=n), classes(t, 8, 3, seed=n))


@loop
def clipped_by_value(t):
    model = mlp(t, 6, 12, 3)
    optimizer = t.optim.SGD(model.parameters(), lr=0.5)

    @t.jit
    def train_step(x, y):
        optimizer.zero_grad(set_to_none=False)
        loss = t.F.cross_entropy(model(x) * 5, y)
        t.backward(loss)
        t.nn.utils.clip_grad_value_(model.parameters(), 0.05)
        optimizer.step()
        return loss

    return lambda n: train_step(numbers(t, 8, 6, seed=n), classes(t, 8, 3, seed=n))


@loop
def two_optimizers_of_one_loss(t):
    body, head = mlp(t, 6, 12, 5), t.nn.Linear(5, 3)
    slow, fast = t.optim.SGD(body.parameters(), lr=0.01), t.optim.Adam(head.parameters(), lr=0.05)

    @t.jit
    def train_step(x, y):
        slow.zero_grad()
        fast.zero_grad()
        loss = t.F.cross_entropy(head(body(x)), y)
        t.backward(loss)
        slow.step()
        fast.step()
        return loss

    return lambda n: train_step(numbers(t, 8, 6, seed=n), classes(t, 8, 3, seed=n))


@loop
def two_losses_of_one_graph(t):
    body, a, b = mlp(t, 6, 12, 5), t.nn.Linear(5, 3), t.nn.Linear(5, 1)
    optimizer = t.optim.SGD([*body.parameters(), *a.parameters(), *b.parameters()], lr=0.05)

    @t.jit
    def train_step(x, y, z):
        optimizer.zero_grad()
        hidden = body(x)
        one = t.F.cross_entropy(a(hidden), y)
        two = t.F.mse_loss(b(hidden), z)
        t.backward(one, retain_graph=True)
        t.backward(two)
        optimizer.step()
        return one, two

    return lambda n: train_step(numbers(t, 8, 6, seed=n), classes(t, 8, 3, seed=n), numbers(t, 8, 1, seed=n + 9))


@loop
def gradients_for_chosen_parameters(t):
    body, head = mlp(t, 6, 12, 5), t.nn.Linear(5, 3)
    optimizer = t.optim.SGD([*body.parameters(), *head.parameters()], lr=0.1)

    @t.jit
    def train_step(x, y):
        optimizer.zero_grad()
        hidden = body(x)
        first = t.F.cross_entropy(head(hidden), y)
        t.backward(first, inputs=list(head.parameters()), retain_graph=True)
        second = (hidden**2).mean()
        t.backward(second)
        optimizer.step()
        return first, second

    return lambda n: train_step(numbers(t, 8, 6, seed=n), classes(t, 8, 3, seed=n))


@loop
def frozen_body_and_unused_head(t):
    body, head, unused = mlp(t, 6, 12, 5), t.nn.Linear(5, 3), t.nn.Linear(5, 3)
    for p in body.parameters():
        p.requires_grad = False
    optimizer = t.optim.AdamW([*body.parameters(), *head.parameters(), *unused.parameters()], lr=0.05, weight_decay=0.5)

    @t.jit
    def train_step(x, y):
        optimizer.zero_grad()
        loss = t.F.cross_entropy(head(body(x)), y)
        t.backward(loss)
        assert unused.weight.grad is None and body[0].weight.grad is None
        optimizer.step()
        return loss, unused.weight.sum(), body[0].weight.sum()

    return lambda n: train_step(numbers(t, 8, 6, seed=n), classes(t, 8, 3, seed=n))


@loop
def lbfgs(t):
    model = mlp(t, 3, 6, 1)
    optimizer = t.optim.LBFGS(model.parameters(), lr=0.3, max_iter=3, history_size=5)
    x, y = numbers(t, 12, 3), numbers(t, 12, 1, seed=1)

    @t.jit
    def closure():
        optimizer.zero_grad()
        loss = t.F.mse_loss(model(x), y)
        t.backward(loss)
        return loss

    return lambda n: optimizer.step(closure)


@loop
def teacher_that_follows(t):
    student, teacher = mlp(t, 6, 12, 5), mlp(t, 6, 12, 5)
    teacher.load_state_dict(student.state_dict())
    predictor = t.nn.Linear(5, 5)
    optimizer = t.optim.SGD([*student.parameters(), *predictor.parameters()], lr=0.1, momentum=0.9)

    @t.jit
    def train_step(one, two):
        with t.no_grad():
            target = t.F.normalize(teacher(two), dim=1)
        optimizer.zero_grad()
        loss = 2 - 2 * (t.F.normalize(predictor(student(one)), dim=1) * target).sum(1).mean()
        t.backward(loss)
        optimizer.step()
        with t.no_grad():
            for p, q in zip(student.parameters(), teacher.parameters(), strict=True):
                q.data = 0.9 * q.data + 0.1 * p.data
        return loss

    return lambda n: train_step(numbers(t, 8, 6, seed=n), numbers(t, 8, 6, seed=n + 50))


@loop
def one_network_for_both_views(t):
    encoder, predictor = mlp(t, 6, 12, 5), mlp(t, 5, 5)
    optimizer = t.optim.SGD([*encoder.parameters(), *predictor.parameters()], lr=0.1)

    @t.jit
    def train_step(one, two):
        z1, z2 = encoder(one), encoder(two)
        p1, p2 = predictor(z1), predictor(z2)
        loss = -(t.F.cosine_similarity(p1, t.detach(z2)).mean() + t.F.cosine_similarity(p2, t.detach(z1)).mean()) / 2
        optimizer.zero_grad()
        t.backward(loss)
        optimizer.step()
        return loss

    return lambda n: train_step(numbers(t, 8, 6, seed=n), numbers(t, 8, 6, seed=n + 50))


@loop
def target_network(t):
    network = mlp(t, 4, 8, 2)
    target = copy.deepcopy(network)
    optimizer = t.optim.RMSprop(network.parameters(), lr=0.01)

    @t.jit
    def train_step(states, actions, rewards, following):
        values = network(states)[t.arange(6), actions]
        with t.no_grad():
            best = t.amax(target(following), 1)
        loss = t.F.smooth_l1_loss(values, rewards + 0.9 * best)
        optimizer.zero_grad()
        t.backward(loss)
        for p in network.parameters():
            p.grad = t.clamp(p.grad, -1, 1)
        optimizer.step()
        return loss

    def step(n):
        if n % 5 == 4:
            target.load_state_dict(network.state_dict())
        return train_step(
            numbers(t, 6, 4, seed=n), classes(t, 6, 2, seed=n), numbers(t, 6, seed=n), numbers(t, 6, 4, seed=n + 50)
        )

    return step


@loop
def recurrent_with_detached_state(t):
    network, head = t.nn.LSTM(3, 5, batch_first=True), t.nn.Linear(5, 2)
    optimizer = t.optim.SGD([*network.parameters(), *head.parameters()], lr=0.2)
    state: list[Any] = [numbers(t, 1, 4, 5, seed=7), numbers(t, 1, 4, 5, seed=8)]

    @t.jit
    def train_step(x, y, h, c):
        optimizer.zero_grad()
        output, (h, c) = network(x, (h, c))
        loss = t.F.cross_entropy(head(output).reshape(-1, 2), y)
        t.backward(loss)
        t.nn.utils.clip_grad_norm_(network.parameters(), 0.25)
        optimizer.step()
        return loss, t.detach(h), t.detach(c)

    def step(n):
        loss, *state[:] = train_step(numbers(t, 4, 6, 3, seed=n), classes(t, 24, 2, seed=n), *state)
        return loss

    return step


@loop
def penalty_on_real_inputs(t):
    critic = mlp(t, 4, 8, 1)
    optimizer = t.optim.Adam(critic.parameters(), lr=0.01)

    @t.jit
    def train_step(real):
        real = t.watched(real)
        scores = critic(real)
        (slope,) = t.grad(scores.sum(), real, create_graph=True)
        loss = t.F.softplus(-scores).mean() + 5 * (slope**2).sum(1).mean()
        optimizer.zero_grad()
        t.backward(loss)
        optimizer.step()
        return loss

    return lambda n: train_step(numbers(t, 6, 4, seed=n))


@loop
def hooks_on_parameters(t):
    model = mlp(t, 6, 12, 3)
    model[0].weight.register_hook(lambda grad: grad * 0.5)
    model[2].bias.register_hook(lambda grad: None)
    optimizer = t.optim.SGD(model.parameters(), lr=0.2)

    @t.jit
    def train_step(x, y):
        optimizer.zero_grad()
        loss = t.F.cross_entropy(model(x), y)
        t.backward(loss)
        optimizer.step()
        return loss

    return lambda n: train_step(numbers(t, 8, 6, seed=n), classes(t, 8, 3, seed=n))


@loop
def hooks_on_modules(t):
    model = mlp(t, 6, 12, 7, 3)
    seen: list[Any] = []
    model[2].register_full_backward_hook(lambda module, inputs, outputs: (inputs[0] * 0.5,))
    model[4].register_full_backward_pre_hook(lambda module, outputs: (outputs[0] * 2,))
    model[1].register_full_backward_hook(lambda module, inputs, outputs: seen.append(outputs[0]))
    optimizer = t.optim.SGD(model.parameters(), lr=0.2)

    @t.jit
    def train_step(x, y):
        seen.clear()
        optimizer.zero_grad()
        loss = t.F.cross_entropy(model(x), y)
        t.backward(loss)
        optimizer.step()
        return loss, (seen[0] ** 2).sum()

    return lambda n: train_step(numbers(t, 8, 6, seed=n), classes(t, 8, 3, seed=n))


@loop
def update_by_hand(t):
    model = mlp(t, 6, 12, 3)

    @t.jit
    def train_step(x, y):
        model.zero_grad()
        loss = t.F.cross_entropy(model(x), y)
        t.backward(loss)
        with t.no_grad():
            for p in model.parameters():
                p.data = p.data - 0.2 * p.grad
        return loss

    return lambda n: train_step(numbers(t, 8, 6, seed=n), classes(t, 8, 3, seed=n))


@loop
def weighted_losses_at_once(t):
    model = mlp(t, 6, 12, 3)
    optimizer = t.optim.SGD(model.parameters(), lr=0.2)

    @t.jit
    def train_step(x, y, weights):
        optimizer.zero_grad()
        output = model(x)
        each = t.F.cross_entropy(output, y, reduction="none")
        size = (output**2).mean()
        t.backward_of_several([each, size], [weights, None])
        optimizer.step()
        return each.mean(), size

    return lambda n: train_step(numbers(t, 8, 6, seed=n), classes(t, 8, 3, seed=n), numbers(t, 8, seed=n + 3) ** 2 / 8)


@loop
def tied_weights(t):
    embedding, head = t.nn.Embedding(7, 5), t.nn.Linear(5, 7, bias=False)
    head.weight = embedding.weight
    optimizer = t.optim.SGD(embedding.parameters(), lr=0.3)

    @t.jit
    def train_step(words, following):
        optimizer.zero_grad()
        loss = t.F.cross_entropy(head(t.F.relu(embedding(words))), following)
        t.backward(loss)
        optimizer.step()
        return loss

    return lambda n: train_step(classes(t, 9, 7, seed=n), classes(t, 9, 7, seed=n + 50))


@loop
def several_updates_in_one_call(t):
    model = mlp(t, 6, 12, 3)
    optimizer = t.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

    @t.jit
    def train_step(x, y):
        losses = []
        for k in range(3):
            optimizer.zero_grad()
            loss = t.F.cross_entropy(model(x[4 * k : 4 * k + 4]), y[4 * k : 4 * k + 4])
            t.backward(loss)
            optimizer.step()
            losses.append(loss)
        return tuple(losses)

    return lambda n: train_step(numbers(t, 12, 6, seed=n), classes(t, 12, 3, seed=n))


@loop
def learnt_loss_weights(t):
    model, scales = mlp(t, 6, 12, 3), t.nn.Parameter(t.array(np.zeros(2, np.float32)))
    optimizer = t.optim.Adam([*model.parameters(), scales], lr=0.02)

    @t.jit
    def train_step(x, y):
        output = model(x)
        parts = [t.F.cross_entropy(output, y), (output**2).mean()]
        loss = sum(part * t.exp(-scales[k]) + scales[k] for k, part in enumerate(parts))
        optimizer.zero_grad()
        t.backward(loss)
        optimizer.step()
        return loss

    return lambda n: train_step(numbers(t, 8, 6, seed=n), classes(t, 8, 3, seed=n))


@loop
def sharpness_aware(t):
    model = mlp(t, 6, 12, 3)
    optimizer = t.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

    @t.jit
    def train_step(x, y):
        optimizer.zero_grad()
        loss = t.F.cross_entropy(model(x), y)
        t.backward(loss)
        before = [p.data for p in model.parameters()] if t.functional else [p.data.clone() for p in model.parameters()]
        norm = sum((p.grad**2).sum() for p in model.parameters()) ** 0.5
        for p in model.parameters():
            p.data = p.data + 0.05 * p.grad / norm
        optimizer.zero_grad()
        sharp = t.F.cross_entropy(model(x), y)
        t.backward(sharp)
        for p, value in zip(model.parameters(), before, strict=True):
            p.data = value
        optimizer.step()
        return loss, sharp

    return lambda n: train_step(numbers(t, 8, 6, seed=n), classes(t, 8, 3, seed=n))


@loop
def modes_inside_one_another(t):
    model, head = mlp(t, 6, 12, 5), t.nn.Linear(5, 3)
    optimizer = t.optim.SGD([*model.parameters(), *head.parameters()], lr=0.1)

    @t.jit
    def train_step(x, y):
        optimizer.zero_grad()
        with t.no_grad():
            hidden = model(x)
            with t.enable_grad():
                again = head(hidden)
        with t.set_grad_enabled(False):
            weight = (hidden**2).mean()
        loss = t.F.cross_entropy(again, y) * weight
        t.backward(loss)
        assert model[0].weight.grad is None
        optimizer.step()
        return loss

    return lambda n: train_step(numbers(t, 8, 6, seed=n), classes(t, 8, 3, seed=n))


@loop
def dropout_and_noise(t):
    model = t.nn.Sequential(t.nn.Linear(6, 12), t.nn.ReLU(), t.nn.Dropout(0.3), t.nn.Linear(12, 3))
    optimizer = t.optim.Adam(model.parameters(), lr=0.02)

    @t.jit
    def train_step(x, y):
        optimizer.zero_grad()
        x = x + 0.1 * t.randn(8, 6)
        loss = t.F.cross_entropy(model(t.F.dropout(x, 0.1)), y)
        t.backward(loss)
        optimizer.step()
        return loss

    return lambda n: train_step(numbers(t, 8, 6, seed=n), classes(t, 8, 3, seed=n))


@loop
def variational_autoencoder(t):
    encoder, decoder = mlp(t, 6, 12, 4), mlp(t, 2, 12, 6)
    optimizer = t.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=0.02)

    @t.jit
    def train_step(x):
        code = encoder(x)
        posterior = t.distributions.Normal(code[:, :2], t.exp(0.5 * code[:, 2:]))
        prior = t.distributions.Normal(t.zeros_like(code[:, :2]), t.ones_like(code[:, :2]))
        divergence = t.distributions.kl_divergence(posterior, prior).sum(1).mean()
        loss = t.F.mse_loss(decoder(posterior.rsample()), x) + 0.1 * divergence
        optimizer.zero_grad()
        t.backward(loss)
        optimizer.step()
        return loss

    return lambda n: train_step(numbers(t, 8, 6, seed=n))


@loop
def reinforce(t):
    policy = mlp(t, 4, 8, 3)
    optimizer = t.optim.Adam(policy.parameters(), lr=0.02)

    @t.jit
    def train_step(states, rewards):
        choices = t.distributions.Categorical(logits=policy(states))
        actions = choices.sample()
        reward = rewards[t.arange(10), actions]
        loss = -(choices.log_prob(actions) * (reward - reward.mean())).mean() - 0.01 * choices.entropy().mean()
        optimizer.zero_grad()
        t.backward(loss)
        optimizer.step()
        return loss, reward.mean()

    return lambda n: train_step(numbers(t, 10, 4, seed=n), numbers(t, 10, 3, seed=n + 50))


@loop
def mixed_precision_with_an_overflow(t):
    model = mlp(t, 6, 12, 3)
    optimizer = t.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    scaler = t.amp.GradScaler("cpu", init_scale=2.0**14, growth_interval=3)

    @t.jit
    def train_step(x, y):
        optimizer.zero_grad()
        loss = t.F.cross_entropy(model(x), y)
        t.backward(scaler.scale(loss))
        scaler.unscale_(optimizer)
        t.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()
        return loss

    def step(n):
        factor = 3e38 if n == 4 else 1.0
        loss = train_step(numbers(t, 8, 6, seed=n) * factor * factor, classes(t, 8, 3, seed=n))
        return (loss if n != 4 else t.zeros_like(loss)), scaler.get_scale()

    return step

"""A classifier as the README writes it, and what else a checker must take."""

from collections.abc import Iterator

import jax
import jax.numpy as jnp

import fnn
import fnn.nn.functional as F
from fnn import layers, nn, optim


class Net(nn.Module):
    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, width, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.norm = nn.BatchNorm2d(width)
        self.blocks = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Dropout(0.1))
        self.gain = nn.Parameter(jnp.ones(width))
        self.head = nn.Linear(width, 10)
        self.register_buffer("count", jnp.zeros(()))

    def forward(self, x: jax.Array) -> jax.Array:
        x = F.relu(self.norm(self.conv(x)))
        x = F.max_pool2d(x, 2).mean((2, 3))
        x = self.blocks(x) * self.gain + jnp.exp(self.gain) - self.gain / 2
        if x.shape[0] > 100:
            return -x
        return self.head(x)


fnn.manual_seed(0)
model = Net()
optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
scheduler = optim.lr_scheduler.StepLR(optimizer, step_size=1)


@fnn.jit
def train_step(model: Net, optimizer: optim.Optimizer, x: jax.Array, y: jax.Array) -> jax.Array:
    def loss_of(model: Net) -> jax.Array:
        return F.cross_entropy(model(x), y)

    loss, grads = fnn.value_and_grad(loss_of)(model)
    optimizer.step(grads)
    return loss


@fnn.jit
def evaluate(model: Net, x: jax.Array) -> jax.Array:
    return model(x).argmax(1)


def batches() -> Iterator[tuple[jax.Array, jax.Array]]:
    for _ in range(2):
        yield jnp.ones((4, 1, 6, 6)), jnp.zeros(4, int)


class Scaled(nn.Linear):
    def forward(self, x: jax.Array) -> jax.Array:
        return super().forward(x) * 2 + self.weight.sum()


class Trainer:
    def __init__(self, net: Net) -> None:
        self.net = net
        self.optimizer = optim.Adam(net.parameters(), lr=1e-3)

    @fnn.jit
    def step(self, x: jax.Array) -> jax.Array:
        def loss_of(net: Net) -> tuple[jax.Array, jax.Array]:
            output = net(x)
            return (output**2).mean(), output

        (loss, output), grads = fnn.value_and_grad(loss_of, has_aux=True)(self.net)
        self.optimizer.step(grads)
        return loss + 0 * output.sum()


def main() -> None:
    model.train()
    for x, y in batches():
        loss = train_step(model, optimizer, x, y)
        print(f"{float(loss):.3f}", loss.shape)
    scheduler.step()
    model.eval()
    accuracy = (evaluate(model, jnp.ones((4, 1, 6, 6))) == 0).mean()
    print(float(accuracy))
    print(Scaled(2, 2)(jnp.ones(2)).shape)
    trainer = Trainer(model)
    print(float(trainer.step(jnp.ones((4, 1, 6, 6)))))

    state = model.state_dict()
    model.load_state_dict(state)
    params, buffers = fnn.split(model)
    print(len(params), len(buffers))

    layer = layers.serial(layers.Linear(3, 4), layers.ReLU())
    weights, extra = layer.init(jax.random.key(0))
    output, extra = layer.apply(weights, extra, jnp.ones((2, 3)))
    print(output.shape)

    p = model.gain
    product = p @ jnp.ones(8) + (p * 2 + 1 - p).sum() + jnp.dot(p, p)
    print((-p).shape, product, jnp.exp(p).shape, p.shape, p.dtype, len(p), float(p[0]), p.numel(), p.detach().shape)

    def chances(x: jax.Array) -> jax.Array:
        return F.softmax(x, dim=-1)

    def square(w: jax.Array) -> jax.Array:
        return (w**2).sum()

    per_sample = fnn.vmap(chances)(jnp.ones((2, 3)))
    slopes = fnn.grad(square)(jnp.ones(3))
    print(per_sample.shape, slopes)
    for name, parameter in model.named_parameters():
        print(name, parameter.shape, parameter.requires_grad, parameter.grad is None)
    values, indices = F.max_pool2d(jnp.ones((1, 1, 4, 4)), 2, return_indices=True)
    print(values.shape, indices.shape)


if __name__ == "__main__":
    main()

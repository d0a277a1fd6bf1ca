"""The functional face: pairs, optax, transforms."""

import jax
import jax.numpy as jnp
import optax

import fnn
from fnn import init, layers, nn
from fnn.nn import functional as F
from fnn.typing import PyTree


class Gate(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(jnp.ones((width, width)))
        self.bias = nn.Parameter(jnp.zeros(width))

    def forward(self, x: jax.Array) -> jax.Array:
        return x * jax.nn.sigmoid(F.linear(x, self.weight, self.bias)) + self.bias * 2


def main() -> None:
    network = layers.serial(layers.Linear(3, 8), layers.BatchNorm1d(8), layers.ReLU(), layers.Linear(8, 1))
    params, state = network.init(jax.random.key(0))
    transformation = optax.adam(1e-2)
    moments = transformation.init(params)
    x, y = jnp.ones((4, 3)), jnp.zeros((4, 1))

    def loss_of(params: PyTree, state: PyTree) -> tuple[jax.Array, PyTree]:
        output, state = network.apply(params, state, x, training=True)
        return F.mse_loss(output, y), state

    (loss, state), grads = fnn.value_and_grad(loss_of, has_aux=True)(params, state)
    updates, moments = transformation.update(grads, moments, params)
    params = optax.apply_updates(params, updates)
    print(loss.shape, init.xavier_uniform(jax.random.key(1), (2, 3)).shape)

    gate = Gate(3)
    layer = fnn.pure(lambda: Gate(3))()
    weights, buffers = layer.init(jax.random.key(0))
    output, buffers = layer.apply(weights, buffers, x)
    print(output.shape)

    def total(gate: Gate, x: jax.Array) -> jax.Array:
        return gate(x).sum()

    slopes = fnn.grad(total)(gate, x)
    value, pull = fnn.func.vjp(total, gate, x)
    print(sorted(slopes), value.shape, len(pull(value)))
    both = jnp.stack([gate.weight.data, gate.weight + 1])
    print(
        both.shape,
        gate.weight.mean().shape,
        gate.weight.T.shape,
        gate.bias[0].shape,
        jnp.vdot(gate.weight, gate.weight),
    )

    @fnn.checkpoint
    def block(x: jax.Array) -> jax.Array:
        return gate(x)

    def step(carry: jax.Array, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        return carry + x.sum(), block(x)

    carry, rows = fnn.scan(step, jnp.zeros(()), x)
    print(carry.shape, rows.shape, fnn.cond(carry > 0, block, block, x).shape)


if __name__ == "__main__":
    main()

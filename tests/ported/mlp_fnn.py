"""A multilayer perceptron with dropout."""

import jax.numpy as jnp

import fnn
from fnn import nn
from fnn.nn import functional as F
from fnn.utils.data import DataLoader, TensorDataset
from tests.ported.images import pictures


class MLP(nn.Module):
    def __init__(self, p=0.2):
        super().__init__()
        self.fc1 = nn.Linear(64, 48)
        self.fc2 = nn.Linear(48, 32)
        self.fc3 = nn.Linear(32, 10)
        self.dropout = nn.Dropout(p)

    def forward(self, x):
        x = jnp.reshape(x, (x.shape[0], -1))
        x = self.dropout(F.relu(self.fc1(x)))
        x = self.dropout(F.relu(self.fc2(x)))
        return self.fc3(x)


def train_step(model, optimizer, x, y):
    loss, grads = fnn.value_and_grad(lambda model: F.cross_entropy(model(x), y))(model)
    optimizer.step(grads)
    return loss


def train(
    seed=0,
    steps=100,
    p=0.2,
    optimizer=("Adam", {"lr": 0.002}),
    scheduler=("StepLR", {"step_size": 25, "gamma": 0.5}),
    compiled=True,
):
    fnn.manual_seed(seed)
    images, labels = pictures()
    loader = DataLoader(TensorDataset(images, labels), batch_size=24, shuffle=True)
    model = MLP(p)
    optimizer = getattr(fnn.optim, optimizer[0])(model.parameters(), **optimizer[1])
    scheduler = getattr(fnn.optim.lr_scheduler, scheduler[0])(optimizer, **scheduler[1])
    step = fnn.jit(train_step) if compiled else train_step
    losses = []
    while len(losses) < steps:
        for x, y in loader:
            losses.append(step(model, optimizer, x, y).item())
            scheduler.step()
    return losses[:steps]

"""A language model of words: an LSTM with tied weights (Press and Wolf 2017), trained by truncated backpropagation."""

import jax.numpy as jnp

import fnn
from fnn import nn, optim
from tests.ported.text import corpus


class RNNModel(nn.Module):
    def __init__(self, ntoken, ninp, nhid, nlayers, dropout=0.5, tie_weights=False):
        super().__init__()
        self.drop = nn.Dropout(dropout)
        self.encoder = nn.Embedding(ntoken, ninp)
        self.rnn = nn.LSTM(ninp, nhid, nlayers, dropout=dropout)
        self.decoder = nn.Linear(nhid, ntoken)
        if tie_weights:
            self.decoder.weight = self.encoder.weight
        self.nlayers, self.nhid = nlayers, nhid
        self.init_weights()

    def init_weights(self):
        nn.init.uniform_(self.encoder.weight, -0.1, 0.1)
        nn.init.zeros_(self.decoder.bias)
        nn.init.uniform_(self.decoder.weight, -0.1, 0.1)

    def forward(self, input, hidden):
        emb = self.drop(self.encoder(input))
        output, hidden = self.rnn(emb, hidden)
        decoded = self.decoder(self.drop(output))
        return decoded.reshape(-1, decoded.shape[-1]), hidden

    def init_hidden(self, bsz):
        weight = next(self.parameters())
        return weight.new_zeros(self.nlayers, bsz, self.nhid), weight.new_zeros(self.nlayers, bsz, self.nhid)


def batchify(data, bsz):
    nbatch = data.shape[0] // bsz
    return data[: nbatch * bsz].reshape(bsz, -1).T


def get_batch(source, i, bptt):
    return source[i : i + bptt], source[i + 1 : i + 1 + bptt].reshape(-1)


def train(seed=0, steps=100, bptt=8, bsz=4, dropout=0.0, lr=10.0, clip=0.25, compiled=True):
    fnn.manual_seed(seed)
    ntoken = 10
    train_data = batchify(jnp.asarray(corpus(bsz * (25 * bptt + 1), ntoken)), bsz)
    model = RNNModel(ntoken, 24, 24, nlayers=2, dropout=dropout, tie_weights=True)
    criterion = nn.CrossEntropyLoss()
    optimizer = optim.SGD(model.parameters(), lr=lr)

    def train_step(model, optimizer, hidden, data, targets):
        def loss_of(model):
            output, last = model(data, hidden)
            return criterion(output, targets), last

        loss, hidden = fnn.backward(loss_of, has_aux=True)(model)  # hidden is an argument, so it has no past
        nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
        optimizer.zero_grad()
        return loss, hidden

    step = fnn.jit(train_step) if compiled else train_step
    losses = []
    while len(losses) < steps:
        hidden = model.init_hidden(bsz)
        for i in range(0, train_data.shape[0] - 1, bptt):
            data, targets = get_batch(train_data, i, bptt)
            loss, hidden = step(model, optimizer, hidden, data, targets)
            losses.append(loss.item())
    return losses[:steps]

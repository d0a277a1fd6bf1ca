"""Translation: an encoder over packed sequences, and a decoder that attends to it (Bahdanau et al. 2014)."""

import jax.numpy as jnp

import fnn
from fnn import nn, optim
from fnn.nn import functional as F
from fnn.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from fnn.utils.data import DataLoader, TensorDataset
from tests.ported.text import PAD, START, sentences


class Encoder(nn.Module):
    def __init__(self, words, hidden_size):
        super().__init__()
        self.embedding = nn.Embedding(words, hidden_size, padding_idx=PAD)
        self.gru = nn.GRU(hidden_size, hidden_size, batch_first=True, bidirectional=True)
        self.bridge = nn.Linear(2 * hidden_size, hidden_size)

    def forward(self, source, lengths):
        packed = pack_padded_sequence(self.embedding(source), lengths, batch_first=True, enforce_sorted=False)
        outputs, hidden = self.gru(packed)
        outputs, _ = pad_packed_sequence(outputs, batch_first=True, total_length=source.shape[1])
        hidden = jnp.tanh(self.bridge(jnp.concatenate((hidden[0], hidden[1]), axis=1)))
        return outputs, hidden[None]


class BahdanauAttention(nn.Module):
    def __init__(self, hidden_size):
        super().__init__()
        self.Wa = nn.Linear(hidden_size, hidden_size)
        self.Ua = nn.Linear(2 * hidden_size, hidden_size)
        self.Va = nn.Linear(hidden_size, 1)

    def forward(self, query, keys, mask):
        scores = self.Va(jnp.tanh(self.Wa(query) + self.Ua(keys))).squeeze(2)
        weights = F.softmax(jnp.where(mask, scores, -jnp.inf), dim=-1)
        return jnp.matmul(weights[:, None], keys)


class Decoder(nn.Module):
    def __init__(self, words, hidden_size):
        super().__init__()
        self.embedding = nn.Embedding(words, hidden_size, padding_idx=PAD)
        self.attention = BahdanauAttention(hidden_size)
        self.gru = nn.GRU(3 * hidden_size, hidden_size, batch_first=True)
        self.out = nn.Linear(hidden_size, words)

    def forward(self, word, hidden, encoder_outputs, mask):
        context = self.attention(hidden.transpose(1, 0, 2), encoder_outputs, mask)
        output, hidden = self.gru(jnp.concatenate((self.embedding(word)[:, None], context), axis=2), hidden)
        return self.out(output).squeeze(1), hidden


def masked_loss(logits, target):
    loss = F.cross_entropy(logits.reshape(-1, logits.shape[-1]), target.reshape(-1), reduction="none")
    return loss.mean(where=target.reshape(-1) != PAD)


def loss_of(encoder, decoder, source, lengths, target):
    encoder_outputs, hidden = encoder(source, lengths)
    mask = jnp.arange(source.shape[1])[None] < lengths[:, None]
    word, logits = jnp.full((source.shape[0],), START), []
    for t in range(target.shape[1]):
        output, hidden = decoder(word, hidden, encoder_outputs, mask)
        logits.append(output)
        word = target[:, t]  # teacher forcing
    return masked_loss(jnp.stack(logits, axis=1), target)


def train(seed=0, steps=100, hidden_size=16, batch_size=16, lr=0.01, clip=1.0, compiled=True, traces=None):
    """``traces``, a list, gets the batch's shape at each time that Python runs the step."""
    fnn.manual_seed(seed)
    loader = DataLoader(TensorDataset(*sentences()), batch_size=batch_size, shuffle=True)
    encoder, decoder = Encoder(15, hidden_size), Decoder(15, hidden_size)
    optimizers = [optim.Adam(part.parameters(), lr=lr) for part in (encoder, decoder)]

    def train_step(encoder, decoder, optimizers, source, lengths, target):
        if traces is not None:
            traces.append(source.shape)
        loss = fnn.backward(loss_of, argnums=(0, 1))(encoder, decoder, source, lengths, target)
        for part in (encoder, decoder):
            nn.utils.clip_grad_norm_(part.parameters(), clip)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
        return loss

    step = fnn.jit(train_step) if compiled else train_step
    losses = []
    while len(losses) < steps:
        for source, lengths, target in loader:
            losses.append(step(encoder, decoder, optimizers, source, lengths, target).item())
    return losses[:steps]

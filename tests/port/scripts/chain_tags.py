"""Tags of a sequence whose neighbours depend on each other: a linear chain above an LSTM, and the best path."""
import torch
import torch.nn as nn
import torch.optim as optim

torch.manual_seed(50)
WORDS, TAGS, LENGTH = 12, 4, 6


class Chain(nn.Module):
    def __init__(self, words, tags, size):
        super().__init__()
        self.tags = tags
        self.embed = nn.Embedding(words, size)
        self.lstm = nn.LSTM(size, size // 2, num_layers=1, bidirectional=True, batch_first=True)
        self.emit = nn.Linear(size, tags)
        self.transitions = nn.Parameter(torch.randn(tags, tags))
        self.start = nn.Parameter(torch.zeros(tags))

    def features(self, sentence):
        hidden, _ = self.lstm(self.embed(sentence))
        return self.emit(hidden)

    def partition(self, features):
        alpha = self.start + features[:, 0]
        for t in range(1, features.shape[1]):
            scores = alpha.unsqueeze(2) + self.transitions.unsqueeze(0) + features[:, t].unsqueeze(1)
            alpha = torch.logsumexp(scores, dim=1)
        return torch.logsumexp(alpha, dim=1)

    def score(self, features, tags):
        rows = torch.arange(tags.shape[0])
        total = self.start[tags[:, 0]] + features[rows, 0, tags[:, 0]]
        for t in range(1, features.shape[1]):
            total = total + self.transitions[tags[:, t - 1], tags[:, t]] + features[rows, t, tags[:, t]]
        return total

    def neg_log_likelihood(self, sentence, tags):
        features = self.features(sentence)
        return (self.partition(features) - self.score(features, tags)).mean()

    def forward(self, sentence):
        """The best path of each row."""
        features = self.features(sentence)
        best, back = self.start + features[:, 0], []
        for t in range(1, features.shape[1]):
            scores = best.unsqueeze(2) + self.transitions
            best, before = scores.max(dim=1)
            best = best + features[:, t]
            back.append(before)
        path = [best.argmax(dim=1)]
        for before in reversed(back):
            path.insert(0, before.gather(1, path[0].unsqueeze(1)).squeeze(1))
        return torch.stack(path, dim=1)


sentences = torch.randint(0, WORDS, (24, LENGTH))
tags = (sentences + torch.roll(sentences, 1, dims=1)) % TAGS
model = Chain(WORDS, TAGS, 8)
optimizer = optim.SGD(model.parameters(), lr=0.1, weight_decay=1e-4)
for epoch in range(5):
    for i in range(0, len(sentences), 6):
        model.zero_grad()
        loss = model.neg_log_likelihood(sentences[i:i + 6], tags[i:i + 6])
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        right = (model(sentences) == tags).float().mean()
    print("epoch %d: loss %.4f, %.3f of the tags" % (epoch, loss.item(), right.item()))

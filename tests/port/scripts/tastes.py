"""Marks that people gave to films, as products of two short vectors, with biases and dense features of both."""
import pickle
import random
from io import BytesIO

import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset, random_split
from tqdm import tqdm

random.seed(5)
torch.manual_seed(5)
PEOPLE, FILMS = 12, 15


class Marks(Dataset):
    def __init__(self, rows):
        self.rows = rows

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        person, film, mark = self.rows[index]
        return {"person": torch.tensor(person), "film": torch.tensor(film), "mark": torch.tensor(mark, dtype=torch.float)}


class Factors(nn.Module):
    def __init__(self, people, films, size, mean):
        super().__init__()
        self.person, self.film = nn.Embedding(people, size), nn.Embedding(films, size)
        self.person_bias, self.film_bias = nn.Embedding(people, 1), nn.Embedding(films, 1)
        for table in (self.person, self.film):
            nn.init.normal_(table.weight, std=0.1)
        for bias in (self.person_bias, self.film_bias):
            bias.weight.data.fill_(0.0)
        self.register_buffer("mean", torch.tensor(mean))

    def forward(self, person, film):
        product = (self.person(person) * self.film(film)).sum(1)
        return self.mean + product + self.person_bias(person).squeeze(-1) + self.film_bias(film).squeeze(-1)


class Patience:
    """Says when to stop, and keeps the best weights."""

    def __init__(self, turns):
        self.turns, self.bad, self.best = turns, 0, float("inf")

    def over(self, error, model):
        if error < self.best:
            self.best, self.bad = error, 0
            self.kept = BytesIO()
            pickle.dump({name: value.cpu().numpy() for name, value in model.state_dict().items()}, self.kept)
        else:
            self.bad += 1
        return self.bad >= self.turns


rows = [(p, f, float(1 + (p * f + p + random.randint(0, 1)) % 5)) for p in range(PEOPLE) for f in range(FILMS)]
fit, held = random_split(Marks(rows), [140, 40], generator=torch.Generator().manual_seed(0))
train_loader = DataLoader(fit, batch_size=35, shuffle=True)
valid_loader = DataLoader(held, batch_size=40)
model = Factors(PEOPLE, FILMS, 4, 3.0)
optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
criterion = nn.MSELoss()
patience = Patience(2)

for epoch in range(6):
    model.train()
    losses = []
    bar = tqdm(train_loader, desc=f"epoch {epoch}", disable=True)
    for batch in bar:
        prediction = model(batch["person"], batch["film"])
        loss = criterion(prediction, batch["mark"])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        bar.set_postfix(loss=sum(losses) / len(losses))
    model.eval()
    squares, count = 0.0, 0
    with torch.no_grad():
        for batch in valid_loader:
            prediction = model(batch["person"], batch["film"])
            squares += ((prediction - batch["mark"]) ** 2).sum().item()
            count += len(prediction)
    rmse = (squares / count) ** 0.5
    print(f"epoch {epoch}: {sum(losses) / len(losses):.4f}, held out {rmse:.4f}")
    if patience.over(rmse, model):
        print("no better any more")
        break

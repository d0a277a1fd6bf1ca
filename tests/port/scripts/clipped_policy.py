"""A cart is pushed to a mark. What it did is gone over several times, while the new policy may not stray from the old."""
import numpy as np
import torch
import torch.nn as nn
from torch.distributions import Categorical


class Cart:
    """Sees its place and its speed; is pushed left, right or not."""

    def __init__(self, seed):
        self.random = np.random.RandomState(seed)

    def reset(self):
        self.place, self.speed, self.age = self.random.uniform(-1, 1), 0.0, 0
        return np.array([self.place, self.speed], dtype=np.float32)

    def push(self, way):
        self.speed = 0.8 * self.speed + 0.2 * (way - 1)
        self.place += self.speed
        self.age += 1
        return np.array([self.place, self.speed], dtype=np.float32), -abs(self.place), self.age == 8


def dense(*sizes, last=None):
    layers = []
    for before, after in zip(sizes, sizes[1:]):
        layers += [nn.Linear(before, after), nn.Tanh()]
    return nn.Sequential(*layers[:-1], *([last] if last is not None else []))


class Driver(nn.Module):
    def __init__(self):
        super().__init__()
        self.ways = dense(2, 16, 3, last=nn.Softmax(dim=-1))
        self.worth = dense(2, 16, 1)

    def choose(self, seen):
        chances = Categorical(self.ways(seen))
        way = chances.sample()
        return way.detach(), chances.log_prob(way).detach()

    def judge(self, seen, way):
        chances = Categorical(self.ways(seen))
        return chances.log_prob(way), chances.entropy(), torch.squeeze(self.worth(seen))


class School:
    def __init__(self, passes=4, stray=0.2, discount=0.9):
        self.passes, self.stray, self.discount = passes, stray, discount
        self.driver, self.former = Driver(), Driver()
        self.former.load_state_dict(self.driver.state_dict())
        self.optimizer = torch.optim.Adam([
            {'params': self.driver.ways.parameters(), 'lr': 3e-3},
            {'params': self.driver.worth.parameters(), 'lr': 1e-2},
        ])
        self.square = nn.MSELoss()
        self.diary = []

    def drive(self, seen):
        with torch.no_grad():
            seen = torch.FloatTensor(seen)
            way, logarithm = self.former.choose(seen)
        self.diary.append([seen, way, logarithm])
        return way.item()

    def paid(self, pay, over):
        self.diary[-1] += [pay, over]

    def lesson(self):
        returns, later = [], 0.0
        for *_, pay, over in reversed(self.diary):
            later = pay + (0.0 if over else self.discount * later)
            returns.insert(0, later)
        returns = torch.tensor(returns, dtype=torch.float32)
        returns = (returns - returns.mean()) / (returns.std() + 1e-6)
        seen, way, before = (torch.stack([entry[k] for entry in self.diary]).detach() for k in range(3))
        for _ in range(self.passes):
            logarithm, entropy, worth = self.driver.judge(seen, way)
            ratio = (logarithm - before).exp()
            gain = returns - worth.detach()
            clipped = torch.clamp(ratio, 1 - self.stray, 1 + self.stray)
            loss = -torch.min(ratio * gain, clipped * gain) + 0.5 * self.square(worth, returns) - 0.01 * entropy
            self.optimizer.zero_grad()
            loss.mean().backward()
            self.optimizer.step()
        self.former.load_state_dict(self.driver.state_dict())
        self.diary.clear()


def main():
    torch.manual_seed(36)
    cart, school = Cart(36), School()
    for ride in range(10):
        seen, total, over = cart.reset(), 0.0, False
        while not over:
            seen, pay, over = cart.push(school.drive(seen))
            school.paid(pay, over)
            total += pay
        if ride % 2 == 1:
            school.lesson()
            print(f'after {ride + 1} rides: {total:.3f}')


if __name__ == '__main__':
    main()

"""Actor and critic in one network; whole walks are played first, then computed once more to learn from them."""
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(12)
rng = np.random.RandomState(12)
DISCOUNT = 0.95


class Doors:
    """A cue says which of two doors pays; it is noisy."""

    def play(self, policy, length):
        cues, choices, pays = [], [], []
        for _ in range(length):
            right = rng.randint(2)
            cue = np.array([right, 1 - right, 1.0]) + 0.3 * rng.randn(3)
            with torch.no_grad():
                chances, _ = policy(torch.from_numpy(cue).float().unsqueeze(0))
            choice = rng.choice(2, p=chances.squeeze(0).double().numpy() / chances.double().sum().item())
            cues.append(cue)
            choices.append(choice)
            pays.append(1.0 if choice == right else -0.2)
        return np.array(cues), np.array(choices), pays


class ActorCritic(nn.Module):
    def __init__(self, seen, doors):
        super(ActorCritic, self).__init__()
        self.body = nn.Linear(seen, 12)
        self.actor = nn.Linear(12, doors)
        self.critic = nn.Linear(12, 1)

    def forward(self, cue):
        h = F.relu(self.body(cue))
        return F.softmax(self.actor(h), dim=-1), self.critic(h)


policy = ActorCritic(3, 2)
optimizer = optim.Adam(policy.parameters(), lr=2e-2)
tiny = np.finfo(np.float32).eps.item()


def discounted(pays):
    running, returns = 0.0, []
    for pay in reversed(pays):
        running = pay + DISCOUNT * running
        returns.insert(0, running)
    return returns


def learn(cues, choices, pays):
    returns = torch.tensor(discounted(pays), dtype=torch.float32)
    returns = (returns - returns.mean()) / (returns.std() + tiny)
    chances, values = policy(cues)
    taken = torch.log(chances.gather(1, choices.unsqueeze(1))).squeeze(1)
    surprise = returns - values.detach().squeeze(1)
    actor_loss = -taken * surprise
    critic_loss = F.smooth_l1_loss(values.squeeze(1), returns)
    optimizer.zero_grad()
    loss = actor_loss.sum() + critic_loss
    loss.backward()
    optimizer.step()
    return loss.item()


average = 0
for walk in range(12):
    cues, choices, pays = Doors().play(policy, 10)
    loss = learn(torch.from_numpy(cues).float(), torch.from_numpy(choices), pays)
    average = 0.2 * sum(pays) + (1 - 0.2) * average
    print('walk {:2d}: loss {:8.4f}, paid {:.2f} on average'.format(walk, loss, average))

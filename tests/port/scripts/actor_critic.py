import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(543)
np.random.seed(543)
gamma = 0.9


class Policy(nn.Module):
    """
    implements both actor and critic in one model
    """
    def __init__(self):
        super(Policy, self).__init__()
        self.affine1 = nn.Linear(4, 8)

        # actor's layer
        self.action_head = nn.Linear(8, 2)

        # critic's layer
        self.value_head = nn.Linear(8, 1)

    def forward(self, x):
        x = F.relu(self.affine1(x))
        action_prob = F.softmax(self.action_head(x), dim=-1)
        state_values = self.value_head(x)
        return action_prob, state_values


model = Policy()
optimizer = optim.Adam(model.parameters(), lr=3e-2)
eps = np.finfo(np.float32).eps.item()


def update(states, actions, rewards):
    """
    Training code. Calculates actor and critic loss and performs backprop.
    """
    R = 0
    returns = []  # list to save the true values

    # calculate the true value using rewards returned from the environment
    for r in rewards[::-1]:
        # calculate the discounted value
        R = r + gamma * R
        returns.insert(0, R)

    returns = torch.tensor(returns)
    returns = (returns - returns.mean()) / (returns.std() + eps)

    probs, values = model(states)
    log_prob = torch.log(probs.gather(1, actions.unsqueeze(1))).squeeze(1)
    advantage = returns - values.detach().squeeze(1)

    # calculate actor (policy) loss
    policy_loss = -log_prob * advantage

    # calculate critic (value) loss using L1 smooth loss
    value_loss = F.smooth_l1_loss(values.squeeze(1), returns)

    # reset gradients
    optimizer.zero_grad()

    # sum up all the values of policy_losses and value_losses
    loss = policy_loss.sum() + value_loss

    # perform backprop
    loss.backward()
    optimizer.step()
    return loss.item()


running_reward = 0
for i_episode in range(8):
    states = torch.from_numpy(np.random.randn(10, 4)).float()
    actions = torch.from_numpy(np.random.randint(0, 2, 10))
    rewards = np.random.rand(10).astype(np.float32).tolist()
    loss = update(states, actions, rewards)
    running_reward = 0.05 * sum(rewards) + (1 - 0.05) * running_reward
    print('Episode {}\tloss: {:.4f}\tAverage reward: {:.2f}'.format(i_episode, loss, running_reward))

"""A denoising autoencoder of short signals."""
import torch
from torch import nn
from torch.autograd import Variable
from torch.utils.data import DataLoader

torch.manual_seed(18)
epochs, batch_size, rate = 4, 8, 2e-3
moments = torch.linspace(0, 6.28, 16)
signals = torch.stack([torch.sin(moments * (1 + k % 3) + k) for k in range(40)])
dataloader = DataLoader(signals.view(40, 1, 16), batch_size=batch_size, shuffle=True)


class cleaner(nn.Module):
    def __init__(self):
        super(cleaner, self).__init__()
        self.squeeze = nn.Sequential(nn.Linear(16, 10), nn.ReLU(True), nn.Linear(10, 4))
        self.unfold = nn.Sequential(nn.Linear(4, 10), nn.ReLU(True), nn.Linear(10, 16), nn.Tanh())

    def forward(self, x):
        x = self.squeeze(x)
        x = self.unfold(x)
        return x


def clipped(x):
    x = (x + 1) / 2
    x = x.clamp(0, 1)
    return x.view(x.size(0), 4, 4)


model = cleaner().cuda() if torch.cuda.is_available() else cleaner()
criterion = nn.MSELoss()
optimizer = torch.optim.Adam(
    model.parameters(), lr=rate, weight_decay=1e-4)

for epoch in range(epochs):
    for signal in dataloader:
        signal = signal.view(signal.size(0), -1)
        noisy = Variable(signal + 0.1 * torch.randn_like(signal))
        # forward
        cleaned = model(noisy)
        loss = criterion(cleaned, signal)
        # backward
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print('epoch [{}/{}]: {:.5f}'
          .format(epoch + 1, epochs, loss.item()))
    if epoch % 3 == 0:
        picture = clipped(cleaned.cpu().data)
        print(picture.shape)

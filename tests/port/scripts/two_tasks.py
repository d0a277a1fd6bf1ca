"""Two tasks from one trunk: the weights between their losses are learnt too; half precision where a GPU is."""
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.amp import GradScaler, autocast
from torch.utils.data import DataLoader, TensorDataset


class TwoTasks(nn.Module):
    def __init__(self, seen=5, width=12):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(seen, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Dropout(p=0.0))
        self.heads = nn.ModuleDict({"size": nn.Linear(width, 1), "kind": nn.Linear(width, 3)})
        self.log_vars = nn.Parameter(torch.zeros(2))

    def forward(self, x):
        features = self.trunk(x)
        return {name: head(features) for name, head in self.heads.items()}


class Trainer:
    def __init__(self, model, loaders, device, amp=True, history=None):
        self.model = model.to(device)
        self.loaders, self.device = loaders, device
        self.optimizer = torch.optim.AdamW(
            [{"params": [p for n, p in model.named_parameters() if n != "log_vars"]},
             {"params": [model.log_vars], "lr": 5e-2, "weight_decay": 0.0}], lr=1e-2)
        self.scheduler = torch.optim.lr_scheduler.CyclicLR(self.optimizer, base_lr=1e-3, max_lr=1e-2, step_size_up=4,
                                                           cycle_momentum=False)
        self.amp = amp and device.type == "cuda"
        self.scaler = GradScaler(enabled=self.amp)
        self.history = history or {"train": [], "valid": []}

    def compute_loss(self, outputs, size, kind):
        losses = torch.stack([F.mse_loss(outputs["size"].squeeze(-1), size), F.cross_entropy(outputs["kind"], kind)])
        return (torch.exp(-self.model.log_vars) * losses + self.model.log_vars).sum()

    def train_epoch(self):
        self.model.train()
        running = 0.0
        for x, size, kind in self.loaders["train"]:
            x, size, kind = x.to(self.device), size.to(self.device), kind.to(self.device)
            self.optimizer.zero_grad()
            with autocast(device_type=self.device.type, enabled=self.amp):
                loss = self.compute_loss(self.model(x), size, kind)
            self.scaler.scale(loss).backward()
            self.scaler.unscale_(self.optimizer)
            nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)
            self.scaler.step(self.optimizer)
            self.scaler.update()
            self.scheduler.step()
            running += loss.item() * x.size(0)
        return running / len(self.loaders["train"].dataset)

    @torch.no_grad()
    def validate(self):
        self.model.eval()
        correct, error = 0, 0.0
        for x, size, kind in self.loaders["valid"]:
            outputs = self.model(x.to(self.device))
            correct += (outputs["kind"].argmax(dim=-1).cpu() == kind).sum().item()
            error += F.l1_loss(outputs["size"].squeeze(-1).cpu(), size, reduction="sum").item()
        count = len(self.loaders["valid"].dataset)
        return correct / count, error / count

    def fit(self, epochs):
        for epoch in range(epochs):
            loss = self.train_epoch()
            accuracy, error = self.validate()
            self.history["train"].append(loss)
            self.history["valid"].append(accuracy)
            print(f"epoch {epoch + 1}/{epochs} loss {loss:.4f} accuracy {accuracy:.3f} error {error:.3f}")


def main():
    torch.manual_seed(11)
    x = torch.randn(60, 5)
    data = TensorDataset(x, x[:, 0] * 2 + x[:, 1], (x[:, 2] > 0).long() + (x[:, 3] > 0).long())
    train, valid = torch.utils.data.random_split(data, [45, 15])
    loaders = {"train": DataLoader(train, batch_size=9, shuffle=True), "valid": DataLoader(valid, batch_size=15)}
    Trainer(TwoTasks(), loaders, torch.device("cuda" if torch.cuda.is_available() else "cpu")).fit(4)


if __name__ == "__main__":
    main()

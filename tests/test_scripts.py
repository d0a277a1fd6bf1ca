"""Plain scripts, with everything at module level, end without a word: nothing on stderr, exit status 0.

At the interpreter's end objects of the main module die when modules have lost their names already; a finalizer that
needs one prints "Exception ignored in ...".
"""

import subprocess
import sys

import pytest

# Whether modules lose their names before or after a script's objects die depends on what else is loaded, unless
# something that is torn down later yet holds the modules.
HELD = "import atexit, sys; atexit.register(lambda: setattr(sys, 'held', list(sys.modules.values())))"
LOADER = """
import numpy as np
from fnn.utils.data import DataLoader, TensorDataset
loader = DataLoader(TensorDataset(np.ones((4, 2), np.float32)), batch_size=2)
"""
WORKERS = """
import numpy as np
from fnn.utils.data import DataLoader, TensorDataset
dataset = TensorDataset(np.ones((30000, 2), np.float32))  # large enough for memory that is shared
loader = DataLoader(dataset, batch_size=10000, num_workers=2, {more})
"""
STEP = """
import jax.numpy as jnp
import fnn
from fnn import nn
from fnn.nn import functional as F

model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5))
optimizer = fnn.optim.Adam(model.parameters())
handle = model[0].register_forward_hook(lambda module, inputs, output: None)

@fnn.jit
def train_step(model, optimizer, x):
    loss, grads = fnn.value_and_grad(lambda model: F.mse_loss(model(x), jnp.zeros((4, 4))))(model)
    optimizer.step(grads)
    return loss

loss = train_step(model, optimizer, jnp.ones((4, 3)))
"""
LOGGING = """
from fnn.utils.tensorboard import SummaryWriter
writer = SummaryWriter("logs")
writer.add_scalar("loss", 1.0, 0)
"""

SCRIPTS = {
    "a loader": LOADER + "batches = [batch for batch in loader]",
    "a loader that was left": LOADER + "iterator = iter(loader)\nbatch = next(iterator)",
    "workers": WORKERS.format(more="") + "for batch in loader:\n    pass",
    "workers that were left": WORKERS.format(more="") + "iterator = iter(loader)\nbatch = next(iterator)",
    "workers that stay": WORKERS.format(more="persistent_workers=True") + "for batch in loader:\n    pass",
    "workers that were spawned": WORKERS.format(
        more="multiprocessing_context=multiprocessing.get_context('spawn')"
    ).replace("import numpy", "import multiprocessing\nimport numpy", 1)
    + "iterator = iter(loader)\nbatch = next(iterator)",
    "a train step": STEP,
    "a script that ends itself": STEP + "raise SystemExit",
    "a train step over workers": STEP + WORKERS.format(more="") + "iterator = iter(loader)\nbatch = next(iterator)",
    "a writer": LOGGING + "writer.close()",
    "a writer that was left": LOGGING,
    "a writer that holds the graph": STEP + LOGGING + "model.eval()\nwriter.add_graph(model, jnp.ones((4, 3)))",
    "the quickstart's parts": """
from fnn.quickstart.data import load_digits
from fnn.quickstart.train import Options, Run
run = Run(Options(model="mlp", epochs=1), load_digits())
run.train_epoch()
""",
    "files, a summary": STEP
    + 'fnn.save(model.state_dict(), "m.pt")\nstate = fnn.load("m.pt")\nfnn.summary(model, (4, 3))',
    "an average of weights, a schedule": STEP
    + """
average = fnn.optim.swa_utils.AveragedModel(model)
average.update_parameters(model)
scheduler = fnn.optim.lr_scheduler.StepLR(optimizer, 1)
train_step(model, optimizer, jnp.ones((4, 3)))
scheduler.step()
""",
    "transforms": """
import numpy as np
from fnn.vision import datasets, transforms
images = datasets.FakeData(4, (3, 8, 8), transform=transforms.ToTensor())
image, label = images[0]
""",
}
NEEDS = {"a writer": "tensorboardX", "the quickstart's parts": "sklearn"}


@pytest.mark.parametrize("name", SCRIPTS)
def test_ends_in_silence(name, tmp_path):
    for beginning, package in NEEDS.items():
        if name.startswith(beginning):
            pytest.importorskip(package)
    script = tmp_path / "script.py"
    script.write_text(f"{HELD}\n{SCRIPTS[name]}")
    done = subprocess.run([sys.executable, script.name], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")

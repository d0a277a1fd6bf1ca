"""Folders: names that do not match, parts with an index, dtypes, meshes, memory, damage, the hub."""

import functools
import http.server
import json
import shutil
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import fnn
from fnn import nn, text
from fnn.serialization import CorruptFileError, load_file, save_file

CONFIG = text.GPT2Config(vocab_size=20, n_positions=16, n_embd=8, n_layer=2, n_head=2, bos_token_id=1, eos_token_id=2)


@pytest.fixture
def folder(tmp_path):
    text.GPT2LMHeadModel(CONFIG).save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def edit(folder, change):
    """Changes the arrays of a folder."""
    arrays = {name: np.asarray(value) for name, value in load_file(folder / "model.safetensors").items()}
    change(arrays)
    save_file(arrays, folder / "model.safetensors")


def test_names_that_do_not_match_are_listed(folder):
    def change(arrays):
        del arrays["transformer.ln_f.bias"], arrays["transformer.h.0.ln_1.weight"]
        arrays["other.weight"] = np.zeros(3, np.float32)

    edit(folder, change)
    with pytest.raises(fnn.StateDictError) as error:
        text.from_pretrained(folder)
    assert str(error.value).splitlines() == [
        "Error(s) in loading state_dict for GPT2LMHeadModel:",
        '\tMissing key(s) in state_dict: "transformer.h.0.ln_1.weight", "transformer.ln_f.bias". ',
        '\tUnexpected key(s) in state_dict: "other.weight". ',
        "\tfrom_pretrained(..., strict=False) loads what there is.",
    ]
    with pytest.warns(UserWarning, match=r'"transformer.ln_f.bias"(.|\n)*"other.weight"'):
        model = text.from_pretrained(folder, strict=False)
    assert float(model.transformer.h[0].ln_1.weight.sum()) == 8  # as a new one has it
    edit(folder, lambda arrays: arrays.update({"transformer.wpe.weight": np.zeros((4, 8), np.float32)}))
    with pytest.raises(
        fnn.StateDictError, match=r"size mismatch for transformer.wpe.weight(.|\n)*\(4, 8\)(.|\n)*\(16, 8\)"
    ):
        text.from_pretrained(folder, strict=False)


def test_a_model_and_its_head_fit_each_other(folder):
    with pytest.raises(fnn.StateDictError, match=r"score.weight"):
        text.GPT2ForSequenceClassification.from_pretrained(folder)
    with pytest.warns(UserWarning, match=r"score.weight"):
        classifier = text.GPT2ForSequenceClassification.from_pretrained(folder, strict=False)
    whole = text.from_pretrained(folder)
    assert np.array_equal(classifier.transformer.wte.weight, whole.transformer.wte.weight)
    assert float(abs(classifier.score.weight.data).sum()) > 0
    base = text.GPT2Model.from_pretrained(folder)  # the head's weight is the embedding's, so nothing is left over
    assert np.array_equal(base.h[1].ln_2.weight, whole.transformer.h[1].ln_2.weight)
    base.save_pretrained(folder)
    again = text.GPT2LMHeadModel.from_pretrained(folder)  # as gpt2's own files are
    assert np.array_equal(again.lm_head.weight, whole.lm_head.weight)
    assert again.lm_head.weight is again.transformer.wte.weight


def test_obsolete_names_and_ties(folder):
    def change(arrays):
        arrays["transformer.h.0.attn.bias"] = np.ones((1, 1, 16, 16), np.bool_)
        arrays["lm_head.weight"] = arrays["transformer.wte.weight"].copy()

    edit(folder, change)
    text.from_pretrained(folder)
    edit(folder, lambda arrays: arrays.update({"lm_head.weight": np.zeros((20, 8), np.float32)}))
    with pytest.raises(fnn.StateDictError, match=r"differ in the files, but the configuration ties them"):
        text.from_pretrained(folder)


def test_parts_dtype_and_mesh(folder, tmp_path):
    model = text.from_pretrained(folder)
    model.save_pretrained(tmp_path / "parts", max_shard_size=1500)
    index = json.loads((tmp_path / "parts" / "model.safetensors.index.json").read_text())
    assert len(set(index["weight_map"].values())) > 2 and not (tmp_path / "parts" / "model.safetensors").exists()
    mesh = fnn.distributed.mesh(data=-1)
    for how in ({}, {"dtype": "bfloat16"}, {"mesh": mesh, "rule": "fsdp"}, {"mesh": mesh, "dtype": jnp.bfloat16}):
        again = text.from_pretrained(tmp_path / "parts", **how)
        dtype = jnp.dtype(how.get("dtype", "float32"))
        for (name, a), (_, b) in zip(again.named_parameters(), model.named_parameters(), strict=True):
            assert a.dtype == dtype and np.array_equal(a.data, b.data.astype(dtype)), name
        assert (fnn.distributed.mesh_of(again) is None) == ("mesh" not in how)
    with pytest.raises(fnn.ArgumentTypeError, match=r"dtype must be floating, got int8"):
        text.from_pretrained(folder, dtype="int8")
    model.save_pretrained(tmp_path / "parts")  # fewer files than before: the others go
    assert sorted(p.name for p in (tmp_path / "parts").iterdir()) == ["config.json", "model.safetensors"]


def test_a_save_that_fails_leaves_the_old_model(tmp_path, monkeypatch):
    folder = tmp_path / "model"
    old = text.GPT2LMHeadModel(CONFIG)
    old.save_pretrained(folder, max_shard_size=1000)
    (folder / "tokenizer.json").write_text("{}")
    (folder / "more").mkdir()
    (folder / "more" / "notes").write_text("kept")
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    written = []

    def fails(held, path, metadata):
        if len(written) == 2:
            raise OSError("no space left")
        written.append(path)
        save_file(held, path, metadata)

    monkeypatch.setattr("fnn.text._loading.save_file", fails)
    with pytest.raises(OSError, match="no space left"):
        text.GPT2LMHeadModel(CONFIG).save_pretrained(folder, max_shard_size=1000)
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    monkeypatch.undo()
    new = text.GPT2LMHeadModel(CONFIG)
    new.save_pretrained(folder)
    names = {path.name for path in folder.iterdir()}
    assert names == {"config.json", "model.safetensors", "tokenizer.json", "more"}  # no part of the old one
    assert (folder / "more" / "notes").read_text() == "kept"
    for name, value in text.GPT2LMHeadModel.from_pretrained(folder).state_dict().items():
        np.testing.assert_array_equal(value, new.state_dict()[name])


def test_a_model_is_read_that_a_killed_save_left_beside_its_place(tmp_path):
    model = text.GPT2Model(CONFIG)
    model.save_pretrained(tmp_path / "model")
    (tmp_path / "model").rename(tmp_path / ".model.before")
    found = text.GPT2Model.from_pretrained(tmp_path / "model")
    np.testing.assert_array_equal(found.wte.weight, model.wte.weight)
    found.save_pretrained(tmp_path / "model")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_damaged_folders(folder, tmp_path):
    with pytest.raises(fnn.ArgumentError, match=r"there is no folder './nowhere'"):
        text.from_pretrained("./nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(fnn.ArgumentError, match=r"there is no config.json in"):
        text.from_pretrained(tmp_path / "empty")
    shutil.copy(folder / "config.json", tmp_path / "empty")
    (tmp_path / "empty" / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(fnn.ArgumentError, match=r"no model.safetensors(.|\n)*pytorch_model.bin cannot be read"):
        text.from_pretrained(tmp_path / "empty")
    for place in ("../secret.safetensors", "/etc/passwd", 3):
        index = json.dumps({"weight_map": {"x": place}})
        (tmp_path / "empty" / "model.safetensors.index.json").write_text(index)
        with pytest.raises(CorruptFileError):
            text.from_pretrained(tmp_path / "empty")
    (folder / "config.json").write_text("[1]")
    with pytest.raises(fnn.ArgumentError, match=r"expected a JSON object, got list"):
        text.from_pretrained(folder)
    (folder / "config.json").write_text(json.dumps({"architectures": ["os"], "model_type": "x"}))
    with pytest.raises(fnn.ArgumentError, match=r"holds os .*which fnn does not have"):
        text.from_pretrained(folder)


_PEAK = """
import sys, threading, time
from fnn import text
def now():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmRSS"))
text.GPT2Model(text.GPT2Config(vocab_size=8, n_positions=8, n_embd=8, n_layer=1, n_head=2))  # what any model costs
before, peak, on = now(), [0], [True]
def watch():
    while on[0]:
        peak[0] = max(peak[0], now())
        time.sleep(0.002)
thread = threading.Thread(target=watch); thread.start()
model = text.from_pretrained(sys.argv[1])
on[0] = False; thread.join()
print(peak[0] - before, sum(p.data.nbytes for p in model.parameters()))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_loading_takes_little_memory_besides_the_weights(tmp_path):
    config = text.GPT2Config(vocab_size=40_000, n_positions=8, n_embd=256, n_layer=24, n_head=4)
    text.GPT2Model(config).save_pretrained(tmp_path, max_shard_size=45 * 2**20)
    largest = max(path.stat().st_size for path in tmp_path.glob("*.safetensors"))
    command = [sys.executable, "-c", textwrap.dedent(_PEAK), str(tmp_path)]
    peak, weights = map(int, subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
    assert peak - weights < 1.15 * largest + 12 * 2**20, (peak, weights, largest)  # and what compiling takes


class _Hub(http.server.SimpleHTTPRequestHandler):
    """A repository ``me/tiny`` as the hub serves it."""

    def do_HEAD(self):
        self._answer(False)

    def do_GET(self):
        self._answer(True)

    def _answer(self, body):
        name = self.path.split("?")[0].removeprefix("/me/tiny/resolve/main/")
        path = Path(self.directory) / name
        if "/" in name or not path.is_file():
            self.send_response(404)
            code = "EntryNotFound" if self.path.startswith("/me/tiny/") else "RepoNotFound"
            self.send_header("X-Error-Code", code)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        content = path.read_bytes()
        self.send_response(200)
        self.send_header("ETag", f'"{len(content)}-{name}"')
        self.send_header("X-Repo-Commit", "0" * 40)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content)

    def log_message(self, *args):
        pass


_DOWNLOAD = """
import sys, numpy as np, fnn
from fnn import text
model = text.from_pretrained("me/tiny")
assert np.array_equal(model.lm_head.weight, text.from_pretrained(sys.argv[1]).lm_head.weight)
text.from_pretrained("me/tiny", local_files_only=True)
for name, words in (("me/other", "no repository"), ("gone", "no repository")):
    try:
        text.from_pretrained(name)
    except fnn.ArgumentError as error:
        assert words in str(error), error
    else:
        raise AssertionError(name)
try:
    text.from_pretrained("me/never", local_files_only=True)
except fnn.ArgumentError as error:
    assert "huggingface-cli download me/never" in str(error) and "HF_ENDPOINT" in str(error), error
print("fine")
"""


def test_the_hub(folder, tmp_path):
    pytest.importorskip("huggingface_hub")
    text.from_pretrained(folder).save_pretrained(tmp_path / "served", max_shard_size=1500)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Hub, directory=tmp_path / "served"))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        environment = {
            "HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}", "HF_HOME": str(tmp_path / "home"),
            "HF_HUB_DISABLE_PROGRESS_BARS": "1", "JAX_PLATFORMS": "cpu", "PATH": "/usr/bin:/bin",
            "HF_HUB_DISABLE_XET": "1",
            "PYTHONPATH": str(Path(fnn.__file__).parent.parent), "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1",
        }  # fmt: skip
        command = [sys.executable, "-c", _DOWNLOAD, str(folder)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
    finally:
        server.shutdown()
        server.server_close()
    assert done.stdout.strip() == "fine", done.stderr


def test_a_new_model_draws_as_its_configuration_says():
    fnn.manual_seed(0)
    model = text.LlamaForCausalLM(
        text.LlamaConfig(
            vocab_size=100,
            hidden_size=64,
            intermediate_size=64,
            num_hidden_layers=1,
            num_attention_heads=4,
            initializer_range=0.5,
            pad_token_id=3,
        )
    )
    assert abs(float(model.lm_head.weight.data.std()) - 0.5) < 0.02
    assert float(abs(model.model.embed_tokens.weight.data[3]).sum()) == 0
    assert isinstance(model, nn.Module) and not jax.config.jax_enable_x64

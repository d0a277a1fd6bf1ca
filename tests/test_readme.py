"""What the README says holds: its examples run, its commands are the ones that CI runs."""

import re
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def test_both_faces_are_shown():
    assert len(EXAMPLES) >= 2
    assert "layers.serial(" in EXAMPLES[0] and "nn.Sequential(" in EXAMPLES[1]


@pytest.mark.parametrize("source", EXAMPLES, ids=lambda source: source.strip().splitlines()[-1])
def test_python_example_runs(source):
    names: dict = {}
    exec(compile(source, "README.md", "exec"), names)
    if "loss" in names:
        assert np.isfinite(names["loss"])


def test_the_two_commands():
    commands = re.findall(r"^python3 -m venv .*$", README, re.MULTILINE)
    assert len(commands) == 2
    assert commands[0].endswith("&& .venv/bin/python -m fnn.quickstart")
    assert commands[1].endswith("&& .venv/bin/python -m pytest -n 2")


def test_every_link_to_a_file_leads_somewhere():
    links = [link for link in re.findall(r"\]\(([^)#]+)", README) if "://" not in link]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []

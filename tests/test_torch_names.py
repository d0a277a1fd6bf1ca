"""`fnn.<name>` for a name of torch's that fnn does not have: the error says what to write."""

import subprocess
import sys

import pytest

import fnn
import fnn.functional as F


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("compile", "fnn.jit"),
        ("FloatTensor", r"fnn.tensor\(data, dtype=...\)"),
        ("relu_", r"write x = fnn.relu\(x, ...\)"),
        ("gelu", "use fnn.functional.gelu"),
    ],
)
def test_the_error_says_what_to_write(name, text):
    assert F.relu  # hints come from what has been imported
    with pytest.raises(AttributeError, match=f"module 'fnn' has no attribute '{name}'; .*{text}"):
        getattr(fnn, name)


@pytest.mark.parametrize("name", ["nothing_like_it", "_nothing_like_it", "__wrapped__"])
def test_an_unknown_name_gets_the_plain_text(name):
    with pytest.raises(AttributeError, match=f"module 'fnn' has no attribute '{name}'$"):
        getattr(fnn, name)


def test_an_unknown_name_imports_nothing():
    code = "import sys, fnn; assert not hasattr(fnn, 'nothing_like_it'); assert 'jax' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_what_dir_shows_is_for_users():
    import fnn.tracing  # a submodule that has been imported is an attribute

    assert {name for name in dir(fnn) if not name.startswith("__")} == set(fnn.__all__) - {"__version__"}
    assert not {"flatten", "legacy_reduction", "resolve_reduction", "LinearCrossEntropyOptions"} & set(F.__all__)

"""An import of a name that fnn means not to have says what to write, as an attribute does."""

import pytest

from fnn.state.import_hints import hint_on_import


@pytest.mark.parametrize(
    "module, name, text",
    [
        ("fnn.distributed.fsdp", "FullyShardedDataParallel", "use fnn.distributed.fsdp.fully_shard(model)"),
        ("fnn.distributed.fsdp.wrap", "size_based_auto_wrap_policy", "use fnn.distributed.fsdp.fully_shard(model)"),
        ("fnn.distributed.algorithms.join", "Join", "processes make the same number of steps"),
        ("fnn.distributed", "barier", "did you mean 'barrier'?"),
        ("fnn", "compile", "use fnn.jit"),
        ("fnn.nn", "Lineaar", None),
        ("fnn.nowhere.at_all", "x", None),
        ("nowhere", "x", None),
    ],
)
def test_says_what_to_write(module, name, text):
    with pytest.raises(ImportError) as caught:
        exec(f"from {module} import {name}")
    hint_on_import(caught.value)
    hint_on_import(caught.value)  # once only
    notes = getattr(caught.value, "__notes__", [])
    assert len(notes) == (text is not None) and all(note.startswith(text or "") for note in notes), notes


def test_other_errors_have_no_hint():
    error = ValueError("cannot import name 'x'")
    hint_on_import(error)
    assert not hasattr(error, "__notes__")

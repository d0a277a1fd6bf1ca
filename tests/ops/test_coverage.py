"""Every name of ``torch`` and of its Tensors is one of fnn's, or says what to write instead."""

import pytest

import fnn
from fnn import functional as F
from fnn import nn
from fnn._torch_names import instead
from tests import reference

torch = reference.torch

PROPERTIES = ("real", "imag", "device", "dtype")  # of a tensor


def names(of):
    return [name for name in dir(of) if not name.startswith("_")]


@pytest.mark.parametrize("of", [torch, torch.Tensor], ids=["torch", "Tensor"])
def test_every_name_is_there_or_says_what_to_write(of):
    assert [name for name in names(of) if name not in fnn.__all__ and not instead(name)] == []


def test_every_name_can_be_had():
    for name in fnn.ops.__all__:
        assert getattr(fnn, name) is not None or name == "newaxis"
        assert not instead(name) or hasattr(F, name), f"fnn.{name} is there, and has a hint"


def test_functions_of_tensors_are_methods_of_a_box():
    box = nn.Buffer(fnn.ones(2, 2))
    own = set(dir(torch.Tensor)) & set(fnn.ops.__all__)
    assert len(own) > 100
    assert {name for name in own if not callable(getattr(box, name)) and name not in PROPERTIES} == set()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("compile", "use fnn.jit"),
        ("mul_" if hasattr(fnn, "mul") else "put_", "write x = fnn.*: arrays do not change"),
        ("stride", "no strides"),
        ("kl_div", "use fnn.functional.kl_div, whose reduction is a word"),
        ("sparse_coo_tensor", "BCOO"),
        ("FloatTensor", "fnn.tensor"),
    ],
)
def test_a_hint(name, text):
    with pytest.raises(AttributeError, match=f"module 'fnn' has no attribute '{name}'; .*{text}"):
        getattr(fnn, name)

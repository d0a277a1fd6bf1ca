"""The examples of functions that are made from a line of a table run, as those of written ones do."""

import doctest
import importlib
import pkgutil

import pytest

from fnn import ops
from tests.test_docstrings import FLAGS, Checker

MODULES = [m.name for m in pkgutil.walk_packages(ops.__path__, "fnn.ops.") if "._" not in m.name]


@pytest.mark.parametrize("name", MODULES)
def test_derived_functions(name, capsys):
    module = importlib.import_module(name)
    runner = doctest.DocTestRunner(Checker(), optionflags=FLAGS)
    for public in getattr(module, "__all__", ()):
        fun = getattr(module, public)
        derived = getattr(fun, "__module__", None) == name and getattr(fun, "__globals__", vars(module)) is not vars(
            module
        )
        if derived and not fun.__doc__.startswith("Another name"):
            assert ">>>" in fun.__doc__, public
            runner.run(doctest.DocTestParser().get_doctest(fun.__doc__, dict(vars(module)), public, name, 0))
    assert not runner.summarize().failed, capsys.readouterr().out

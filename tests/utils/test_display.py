"""How Modules look in a notebook."""

import subprocess
import sys
from html.parser import HTMLParser

import jax.numpy as jnp
import pytest

from fnn import layers, nn

# treescope looks at every public name of numpy and jax, the deprecated ones, too
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:treescope")


def model():
    return nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.Sequential(nn.Flatten(), nn.LazyLinear(3)))


TEXT = """\
Sequential(  # not initialised
  (0): Conv2d(3, 16, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))  # weight (16, 3, 3, 3), bias (16,): 448 parameters
  (1): ReLU()
  (2): Sequential(  # not initialised
    (0): Flatten(start_dim=1, end_dim=-1)
    (1): LazyLinear(in_features=0, out_features=3, bias=True)  # weight, bias: not initialised
  )
)"""  # noqa: E501


def without_notes(text):
    return "\n".join(line.split("  #")[0] for line in text.split("\n"))


def test_treescope_draws_repr_with_notes():
    treescope = pytest.importorskip("treescope")
    net = model()
    text = treescope.render_to_text(net)
    assert text == TEXT and without_notes(text) == repr(net)
    net[2][1](jnp.ones((2, 5)))
    text = treescope.render_to_text({"net": net})
    assert "Sequential(  # 466 parameters" in text
    assert "Linear(in_features=5, out_features=3, bias=True)  # weight (3, 5), bias (3,): 18 parameters" in text


class Own(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(jnp.ones(3), requires_grad=False)
        self.register_buffer("count", jnp.zeros(2))
        self.sub = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))


def test_treescope_draws_parameters():
    treescope = pytest.importorskip("treescope")
    own = Own()
    assert treescope.render_to_text(own).startswith("Own(  # scale (3,): 27 parameters\n  (sub): Sequential(")
    text = treescope.render_to_text({"scale": own.scale, "count": own.count})
    assert "Parameter(" in text and "requires_grad=False" in text and "[1., 1., 1.]" in text
    assert "Buffer(" in text and "persistent=True" in text and "[0., 0.]" in text
    assert "UninitializedParameter(requires_grad=True)" in treescope.render_to_text(nn.LazyLinear(3).weight)


def test_treescope_draws_layers():
    treescope = pytest.importorskip("treescope")
    text = treescope.render_to_text(layers.serial(layers.Linear(2, 3), layers.ReLU()))
    assert "".join(text.split()).startswith("Serial(layers=(Linear(in_features=2,out_features=3,bias=True,")


class Reader(HTMLParser):
    """The text of a page, which tags and attributes it has, and whether they are closed."""

    def __init__(self, page):
        super().__init__()
        self.text, self.tags, self.attributes, self.open = "", [], set(), []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes |= {f"{tag} {name}" for name, _ in attrs}
        if tag in ("details", "li"):
            self.text += "\n"
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


HTML = """
Sequential() # not initialised
(0): Conv2d(3, 16, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1)) # weight (16, 3, 3, 3), bias (16,): 448 parameters
(1): ReLU()

(2): Sequential() # not initialised
(0): Flatten(start_dim=1, end_dim=-1)
(1): LazyLinear(in_features=0, out_features=3, bias=True) # weight, bias: not initialised"""


def test_what_a_notebook_is_given():
    net = model()
    for shown in (net._repr_mimebundle_(), net._repr_mimebundle_(include=None, exclude=None)):
        assert shown["text/plain"] == repr(net) and set(shown) == {"text/plain", "text/html"}
        page = Reader(shown["text/html"])
        assert page.text == HTML and not page.open


def test_the_tree_needs_no_script_and_takes_the_colours_of_the_theme():
    """A notebook that is not trusted drops scripts, style sheets, classes and links."""
    page = model()._repr_mimebundle_()["text/html"]
    reader = Reader(page)
    assert set(reader.tags) == {"div", "details", "summary", "ul", "li", "b", "span"}
    assert reader.attributes == {"div style", "details open", "ul style", "span style"}
    assert "color" not in page and "background" not in page


class Odd(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_module("absent", None)
        self.part = nn.Linear(1, 1)

    def extra_repr(self):
        return "a<b>,\n&c"


def test_text_is_escaped_and_absent_modules_are_named():
    reader = Reader(Odd()._repr_mimebundle_()["text/html"])
    assert reader.text.startswith("\nOdd(a<b>,&c) # 2 parameters\n(absent): None\n(part): Linear(in_features=1")
    assert "br" in reader.tags and reader.tags.count("b") == 2


def test_large_models_begin_folded():
    part = nn.Sequential(*(nn.Sequential(nn.ReLU()) for _ in range(9)))
    assert part._repr_mimebundle_()["text/html"].count("<details open>") == 10
    page = nn.Sequential(part, part, nn.Sequential(*(nn.Identity() for _ in range(30))))._repr_mimebundle_()[
        "text/html"
    ]
    assert page.count("<details open>") == 1 and page.count("<details>") == 21


def test_a_notebook_asks_for_it():
    formatters = pytest.importorskip("IPython.core.formatters")
    net = model()
    data, _ = formatters.DisplayFormatter().format(net)
    assert data["text/plain"] == repr(net) and "<details" in data["text/html"]


def test_nothing_is_imported_for_it():
    code = "import sys, fnn; m = fnn.nn.Linear(2, 3); repr(m); assert not {'treescope', 'IPython'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)

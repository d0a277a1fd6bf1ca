"""Progress bars of downloads: in terminals, in notebooks, and without rich."""

import sys
from types import SimpleNamespace

import pytest

from fnn.utils._progress import progress_bar


def download(name="weights.pth", **options):
    with progress_bar(name, 3 << 20, **options) as advance:
        for _ in range(3):
            advance(1 << 20)


def in_a(monkeypatch, shell):
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))


def test_a_notebook_gets_a_line_of_text_on_stdout(monkeypatch, capsys):
    """rich would need ipywidgets there, and draws nothing without them."""
    in_a(monkeypatch, SimpleNamespace(kernel=object()))
    download()
    out, err = capsys.readouterr()
    assert out.startswith("\rweights.pth:  33% of 3.0 MiB") and out.endswith("\rweights.pth: 100% of 3.0 MiB\n")
    assert err == ""


@pytest.mark.parametrize("shell", [None, SimpleNamespace()], ids=["no IPython", "IPython in a terminal"])
def test_a_terminal_gets_rich_on_stderr(monkeypatch, capsys, shell):
    pytest.importorskip("rich")
    in_a(monkeypatch, shell)
    download()
    out, err = capsys.readouterr()
    assert out == "" and "weights.pth" in err and "3.0/3.0 MiB" in err


@pytest.mark.parametrize("width", [40, 80])
def test_a_terminal_of_any_width_shows_whole_numbers(monkeypatch, capsys, width):
    pytest.importorskip("rich")
    in_a(monkeypatch, None)
    monkeypatch.setenv("COLUMNS", str(width))
    download("resnet50-0676ba61.safetensors")
    (line,) = capsys.readouterr().err.splitlines()
    assert "3.0/3.0 MiB" in line and "0:00:00" in line and len(line) <= width
    assert ("0676ba61.safetensors" in line) == (width == 80)


def test_without_rich_it_is_a_line_on_stderr(monkeypatch, capsys):
    in_a(monkeypatch, None)
    monkeypatch.setitem(sys.modules, "rich.console", None)
    download()
    out, err = capsys.readouterr()
    assert out == "" and err.endswith("\rweights.pth: 100% of 3.0 MiB\n")


def test_the_line_ends_also_when_the_download_breaks(monkeypatch, capsys):
    in_a(monkeypatch, SimpleNamespace(kernel=object()))
    with pytest.raises(OSError, match="gone"), progress_bar("x", None) as advance:
        advance(1 << 19)
        raise OSError("gone")
    assert capsys.readouterr().out.endswith("\rx: 0.5 MiB\n")


def test_it_can_be_silent(capsys):
    download(show=False)
    assert capsys.readouterr() == ("", "")

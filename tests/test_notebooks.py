"""The notebooks: what is stored in them, what they cover, and the tool that runs them.

CI executes them with ``python tools/run_notebooks.py``; here they are executed with ``FNN_TEST_ALL=1`` only.
"""

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import extent

nbformat = pytest.importorskip("nbformat")
pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
APIS = json.loads((ROOT / "tests" / "tutorial_apis.json").read_text(encoding="utf-8"))


def tool():
    spec = importlib.util.spec_from_file_location("run_notebooks", ROOT / "tools" / "run_notebooks.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def source(path):
    return "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells)


def test_there_is_one_for_each_tutorial_and_two_more():
    assert [path.name[:2] for path in NOTEBOOKS] == ["00", "01", "02", "03", "04", "05", "06"]
    assert list(APIS) == ["000", "001", "002", "003", "004"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_stored_outputs(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert tool().faults(notebook) == []
    assert any(cell.get("outputs") for cell in notebook.cells)
    assert path.stat().st_size < 400_000
    assert not re.search(r"[\u4e00-\u9fff]", path.read_text(encoding="utf-8"))  # in English


@pytest.mark.parametrize("tutorial", APIS)
def test_every_name_of_a_tutorial_appears(tutorial):
    """In the notebook that goes with it: 000 with 01, 001 with 02, and so on."""
    (path,) = (path for path in NOTEBOOKS if path.name.startswith(f"{int(tutorial) + 1:02}"))
    text = source(path)
    missing = [name for name in APIS[tutorial] if not mentions(text, name)]
    assert len(APIS[tutorial]) > 5 and missing == []


def mentions(text, name):
    before = r"(?<!\w)" if re.match(r"\w", name) else ""
    after = r"(?!\w)" if re.search(r"\w$", name) else ""
    return re.search(before + re.escape(name) + after, text.replace("'", '"').replace('\\"', '"')) or (
        "'" in name and mentions(text, name.replace("'", '"'))
    )


def test_what_counts_as_a_mention():
    assert mentions("x = nn.Conv2d(1, 2, 3)", "nn.Conv2d") and not mentions("nn.Conv2dish", "nn.Conv2d")
    assert mentions('update="append"', "update='append'") and not mentions("prefix.shape", "ix.shape")


def notebook_of(*sources):
    cells = [nbformat.v4.new_code_cell(text) for text in sources]
    return nbformat.v4.new_notebook(cells=cells)


def executed(*arguments):
    command = [sys.executable, str(ROOT / "tools" / "run_notebooks.py"), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def test_the_tool_executes_and_stores(tmp_path):
    good, bad = tmp_path / "good.ipynb", tmp_path / "bad.ipynb"
    show = "import pathlib\nprint(len(list(pathlib.Path().iterdir())), 1 + 1)"
    nbformat.write(notebook_of(show, "'text'"), good)
    nbformat.write(notebook_of("print('before')", "1 / 0", "print('never')"), bad)
    code, out = executed(good)
    assert code == 1 and "cell 0 has an output that is not stored" in out
    code, out = executed("--write", good, bad)
    assert code == 1 and "good.ipynb: passed" in out and "bad.ipynb: FAILED" in out and "ZeroDivisionError" in out
    written = nbformat.read(good, as_version=4)
    assert written.cells[0].outputs[0].text == "0 2\n" and written.cells[0].metadata == {}
    assert not nbformat.read(bad, as_version=4).cells[0].outputs  # left as it was
    assert executed("--check", good)[0] == 0 and executed(tmp_path / "none.ipynb")[0] == 1


OUTPUTS = {
    "error": (nbformat.v4.new_output("error", ename="ValueError", evalue="no"), "shows an error: ValueError: no"),
    "warning": (nbformat.v4.new_output("stream", name="stderr", text="careful"), "shows a warning: careful"),
    "folder": (nbformat.v4.new_output("stream", text="in /home/someone/x"), "a folder of this machine: /home/s"),
    "address": (
        nbformat.v4.new_output("execute_result", {"text/plain": "<object at 0x7f00aabbccdd>"}),
        "a memory address",
    ),
}


@pytest.mark.parametrize("case", OUTPUTS)
def test_faults_of_stored_outputs(case):
    output, text = OUTPUTS[case]
    notebook = notebook_of("x")
    notebook.cells[0].execution_count = 1
    assert tool().faults(notebook) == []
    notebook.cells[0].outputs = [output]
    (fault,) = tool().faults(notebook)
    assert text in fault
    notebook.cells[0].outputs, notebook.cells[0].execution_count = [], None
    assert tool().faults(notebook) == ["cell 0 has not been executed: x"]


@pytest.mark.skipif(not extent.ALL, reason="CI executes the notebooks with tools/run_notebooks.py")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_execution(path):
    code, out = executed(path)
    assert code == 0, out

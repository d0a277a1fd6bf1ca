"""`convert`: the text of a PyTorch script to that of an fnn script."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import libcst as cst
from libcst.metadata import CodeRange, MetadataWrapper, PositionProvider

from fnn.port._edit import code as code_of
from fnn.port._files import Files, Neighbours
from fnn.port._flow import walk
from fnn.port._hindrances import ITEM, STEP, Hindrance, Hindrances, hindering
from fnn.port._hoisting import hoisted
from fnn.port._imports import ImportRewriter
from fnn.port._indices import FILLED, filled_by_masks
from fnn.port._infer import Inference
from fnn.port._method_calls import SIZED
from fnn.port._outline import STAYS, outlined
from fnn.port._parametrised import parametrised
from fnn.port._recomputed import AGAIN, recomputed
from fnn.port._regions import ELSEWHERE
from fnn.port._report import CHANGED, CONVERTED, LEFT, Note
from fnn.port._retained import ASKED, RETAINED, retained
from fnn.port._rewrite import Rewriter
from fnn.port._sorting import DRAWS
from fnn.port._statics import LENGTHS
from fnn.port._tidy import tidied, with_double, with_imports
from fnn.port._writes import SHARED

__all__ = ["Conversion", "convert", "convert_files"]

_ROUNDS = 3  # files that import each other in a circle tell each other no more than so often
_RUN_PLAINLY = "; the steps that run it are not compiled"

# What a report says, how the script may be put in other words so that it has not to, and what is to be said then.
OTHER_WORDS: tuple[
    tuple[str, Callable[[cst.Module, Callable[[cst.Module], Inference]], cst.Module | None], str], ...
] = (
    (SHARED, lambda module, infer: parametrised(module, infer(module)), ""),
    (RETAINED, lambda module, infer: retained(module), ASKED),
    (DRAWS, lambda module, infer: hoisted(module), ""),
    (SIZED.format("nonzero"), lambda module, infer: filled_by_masks(module), FILLED),
    (ELSEWHERE, lambda module, infer: recomputed(module, infer(module)), AGAIN),
)


@dataclass(frozen=True)
class Conversion:
    """A converted script.

    Attributes:
        code: the new text; it parses.
        notes: what was done, by line of the original.
        hindered: the functions and classes that come to what cannot be compiled.
        elsewhere: the other files of which such lines keep steps of this one from being compiled.
    """

    code: str
    notes: tuple[Note, ...]
    hindered: Mapping[str, Hindrance] = field(default_factory=dict)
    elsewhere: frozenset[str] = frozenset()

    @property
    def complete(self) -> bool:
        """Whether nothing was left that has to be written by hand."""
        return all(note.status != LEFT for note in self.notes)


def convert(source: str, beside: Neighbours | None = None) -> Conversion:
    r"""Converts a script that uses PyTorch.

    Args:
        source: its text.
        beside: the other files that are converted with it, which it may import; None: there are none.

    Returns:
        The text of the same script for fnn, and what is to be said of its lines.

    Raises:
        SyntaxError: the text is no Python.

    Example:
        >>> from fnn.port.convert import convert
        >>> print(convert("import torch\nx = torch.rand(2, 3).unsqueeze(0)\n").code, end="")
        import fnn
        x = fnn.unsqueeze(fnn.rand(2, 3), 0)
    """
    try:
        module = cst.parse_module(source)
    except cst.ParserSyntaxError as error:
        raise SyntaxError(str(error)) from None
    troubles: list[Note] = []
    positions = MetadataWrapper(module, unsafe_skip_copy=True).resolve(PositionProvider)
    seeds = beside.given() if beside is not None else {}
    foreign = beside.hindrances(module) if beside is not None else {}

    def infer(tree: cst.Module, asking: bool = False) -> Inference:
        return Inference(tree, asking, beside, seeds)

    for outlining in (True, False):
        try:
            best = _converted(module, infer(module), module.code, positions, outlining, troubles)
            now, asking = module, False
            told: list[Note] = []
            for reason, other_words, said in OTHER_WORDS:
                where = [note.line for note in best.notes if reason in note.text]
                moved = other_words(now, infer) if where else None
                if moved is None:
                    continue
                other = _converted(moved, infer(moved), module.code, positions, outlining, troubles)
                if _left(other) < _left(best):
                    best, now = other, moved
                    told += [Note(line, CHANGED, said) for line in where if said]
            if any(DRAWS in note.text for note in best.notes):
                other = _converted(now, infer(now, True), module.code, positions, outlining, troubles)
                if _left(other) < _left(best):
                    best, asking = other, True
            lines = hindering(best.notes, STAYS) if outlining else {}
            packs = outlining and LENGTHS.rpartition(".")[2] in module.code
            if lines or (foreign and outlining) or packs or any(STAYS in note.text for note in best.notes):
                found = infer(now, asking)
                other = _converted(now, found, module.code, positions, outlining, troubles, lines, foreign)
                fewer = _failing(best) - _failing(other)
                best = other if fewer > 0 or ((packs or other.elsewhere) and not fewer) else best
            both = Hindrances(module, infer(module), lines, positions, foreign) if lines or foreign else None
            hindered = {} if both is None else both.definitions()
            return replace(best, notes=tuple(sorted([*best.notes, *told])), hindered=hindered)
        except Exception as error:
            # A script that trips the conversion must not cost the user the rest of a folder.
            what = "the training step was not outlined" if outlining else "the script was not converted"
            troubles.append(Note(1, LEFT, f"{what}, because of a fault of fnn.port: {type(error).__name__}: {error}"))
    return Conversion(source, tuple(troubles))


def convert_files(texts: Mapping[Path, str]) -> dict[Path, Conversion | SyntaxError]:
    r"""Converts the files of one project together.

    What a class or a function of one gives is known where another imports it; a step that comes to a line of another
    file that cannot be compiled is not compiled.

    Args:
        texts: their texts, by where they lie below the project's folder.

    Returns:
        For each its conversion, or why it could not be read.

    Example:
        >>> from pathlib import Path
        >>> from fnn.port.convert import convert_files
        >>> texts = {Path("a.py"): "import torch\ndef f():\n    return torch.ones(2)\n",
        ...          Path("b.py"): "from a import f\nx = f().view(-1)\n"}
        >>> print(convert_files(texts)[Path("b.py")].code, end="")
        from a import f
        x = f().reshape(-1)
    """
    files = Files(texts)

    def converted(path: Path) -> Conversion | SyntaxError:
        try:
            return convert(texts[path], files.around(path) if len(texts) > 1 else None)
        except SyntaxError as error:
            return error

    made = {path: converted(path) for path in texts}
    for _ in range(_ROUNDS if len(texts) > 1 else 0):
        read = {path: conversion for path, conversion in made.items() if isinstance(conversion, Conversion)}
        if not any([files.tell(path, conversion.hindered) for path, conversion in read.items()]):
            break
        for path in read:
            if files.hindrances(path, cst.parse_module(texts[path])):
                made[path] = converted(path)
    elsewhere = {file for c in made.values() if isinstance(c, Conversion) for file in c.elsewhere}
    return {path: _run_plainly(c) if str(path) in elsewhere else c for path, c in made.items()}


def _run_plainly(conversion: Conversion | SyntaxError) -> Conversion | SyntaxError:
    """A conversion whose lines that cannot be compiled are run by steps of other files that are not."""
    if not isinstance(conversion, Conversion):
        return conversion
    notes = tuple(
        note._replace(status=CHANGED, text=note.text + _RUN_PLAINLY)
        if note.status == LEFT and note.page == STEP
        else note
        for note in conversion.notes
    )
    return replace(conversion, notes=notes)


def _left(conversion: Conversion) -> int:
    return sum(note.status == LEFT for note in conversion.notes)


def _failing(conversion: Conversion) -> int:
    """What is left, and what cannot run compiled."""
    return _left(conversion) + sum(note.text == ITEM for note in conversion.notes)


def _converted(
    module: cst.Module,
    found: Inference,
    source: str,
    positions: Mapping[cst.CSTNode, CodeRange],
    outlining: bool,
    troubles: list[Note],
    hindered: Mapping[int, str] | None = None,
    foreign: Mapping[str, Hindrance] | None = None,
) -> Conversion:
    rewriter = Rewriter(found, positions)
    hindrances = None if hindered is None else Hindrances(module, found, hindered, positions, foreign)
    tree = outlined(module, found, rewriter.note, hindrances) if outlining else module
    rewriter.compile(tree, module)
    rewritten = tree.visit(rewriter)
    written = {code_of(n): n for n in walk(module, functions=True) if isinstance(n, cst.Import | cst.ImportFrom)}
    imports = ImportRewriter(lambda node, status, text: rewriter.note(written.get(code_of(node), node), status, text))
    rewritten = rewritten.visit(imports)
    rewritten = with_imports(
        with_double(tidied(rewritten)) if rewriter.double else tidied(rewritten), rewriter.needs | {"fnn"}
    )
    code = rewritten.code
    _check(source, code)
    notes = [*troubles, *rewriter.notes]
    elsewhere = frozenset[str]() if hindrances is None else frozenset(hindrances.files)
    notes = sorted([*notes, *_plain(source, code, {note.line for note in notes})])
    return Conversion(code, tuple(notes), elsewhere=elsewhere)


def _check(before: str, after: str) -> None:
    """Raises a SyntaxError if a text cannot be parsed.

    libcst knows more of Python than an older interpreter, which is asked only for what it takes as it stands.
    """
    try:
        compile(before, "<script>", "exec", dont_inherit=True)
    except SyntaxError:
        cst.parse_module(after)
    else:
        compile(after, "<port>", "exec", dont_inherit=True)


def _plain(before: str, after: str, told: set[int]) -> list[Note]:
    """Notes for the lines that were converted without a word."""
    blocks = difflib.SequenceMatcher(None, before.splitlines(), after.splitlines(), autojunk=False).get_opcodes()
    lines = [line + 1 for what, start, end, _, _ in blocks if what != "equal" for line in range(start, end)]
    return [Note(line, CONVERTED, "") for line in lines if line not in told]

"""`convert`: the text of a PyTorch script to that of an fnn script."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass

import libcst as cst
from libcst.metadata import CodeRange, MetadataWrapper, PositionProvider

from fnn.port._edit import code as code_of
from fnn.port._flow import walk
from fnn.port._hoisting import hoisted
from fnn.port._imports import ImportRewriter
from fnn.port._infer import Inference
from fnn.port._outline import outlined
from fnn.port._report import CONVERTED, LEFT, Note
from fnn.port._rewrite import Rewriter
from fnn.port._sorting import DRAWS
from fnn.port._tidy import tidied, with_double, with_imports

__all__ = ["Conversion", "convert"]


@dataclass(frozen=True)
class Conversion:
    """A converted script.

    Attributes:
        code: the new text; it parses.
        notes: what was done, by line of the original.
    """

    code: str
    notes: tuple[Note, ...]

    @property
    def complete(self) -> bool:
        """Whether nothing was left that has to be written by hand."""
        return all(note.status != LEFT for note in self.notes)


def convert(source: str) -> Conversion:
    r"""Converts a script that uses PyTorch.

    Args:
        source: its text.

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
    for outlining in (True, False):
        try:
            made = _converted(module, module.code, positions, outlining, troubles)
            if any(DRAWS in note.text for note in made.notes):
                moved = hoisted(module)
                other = _converted(moved, module.code, positions, outlining, troubles) if moved is not None else made
                return min(made, other, key=lambda conversion: sum(n.status == LEFT for n in conversion.notes))
            return made
        except Exception as error:
            # A script that trips the conversion must not cost the user the rest of a folder.
            what = "the training step was not outlined" if outlining else "the script was not converted"
            troubles.append(Note(1, LEFT, f"{what}, because of a fault of fnn.port: {type(error).__name__}: {error}"))
    return Conversion(source, tuple(troubles))


def _converted(
    module: cst.Module,
    source: str,
    positions: Mapping[cst.CSTNode, CodeRange],
    outlining: bool,
    troubles: list[Note],
) -> Conversion:
    found = Inference(module)
    rewriter = Rewriter(found, positions)
    tree = outlined(module, found, rewriter.note) if outlining else module
    rewriter.compile(tree)
    rewritten = tree.visit(rewriter)
    written = {code_of(n): n for n in walk(module, functions=True) if isinstance(n, cst.Import | cst.ImportFrom)}
    imports = ImportRewriter(lambda node, status, text: rewriter.note(written.get(code_of(node), node), status, text))
    rewritten = rewritten.visit(imports)
    rewritten = with_imports(
        with_double(tidied(rewritten)) if rewriter.double else tidied(rewritten), rewriter.needs | {"fnn"}
    )
    code = rewritten.code
    compile(code, "<port>", "exec", dont_inherit=True)
    notes = [*troubles, *rewriter.notes]
    return Conversion(code, tuple(sorted([*notes, *_plain(source, code, {note.line for note in notes})])))


def _plain(before: str, after: str, told: set[int]) -> list[Note]:
    """Notes for the lines that were converted without a word."""
    blocks = difflib.SequenceMatcher(None, before.splitlines(), after.splitlines(), autojunk=False).get_opcodes()
    lines = [line + 1 for what, start, end, _, _ in blocks if what != "equal" for line in range(start, end)]
    return [Note(line, CONVERTED, "") for line in lines if line not in told]

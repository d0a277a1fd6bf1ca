"""`from_pretrained` for whatever architecture a folder holds."""

from __future__ import annotations

import os
from typing import Any

from jax.sharding import Mesh

from fnn import text
from fnn.errors import ArgumentError
from fnn.text.config import read_json
from fnn.text.hub import fetched
from fnn.text.pretrained import PreTrainedModel
from fnn.typing import DType

__all__ = ["from_pretrained"]


def from_pretrained(
    name: str | os.PathLike[str],
    *,
    dtype: DType | None = None,
    mesh: Mesh | None = None,
    rule: Any = None,
    strict: bool = True,
    revision: str = "main",
    token: str | None = None,
    local_files_only: bool = False,
) -> Any:
    """The model that a folder or a repository holds, of the class that its configuration names.

    Args:
        name: see `PreTrainedModel.from_pretrained`, as for the others.
        dtype: of the floating parameters; None: as the files have them.
        mesh: where to spread the parameters.
        rule: how to spread them.
        strict: whether every name must match.
        revision: of a repository.
        token: of a private repository.
        local_files_only: whether to look only at what has been downloaded before.

    Returns:
        The model, in evaluation mode.

    Raises:
        StateDictError: names or shapes do not match.
        ArgumentError: there is no such folder or repository, or fnn does not have the architecture.

    Example:
        >>> import tempfile
        >>> from fnn import text
        >>> config = text.GPT2Config(vocab_size=10, n_positions=8, n_embd=4, n_layer=1, n_head=2)
        >>> folder = tempfile.mkdtemp()
        >>> text.GPT2LMHeadModel(config).save_pretrained(folder)
        >>> type(text.from_pretrained(folder)).__name__
        'GPT2LMHeadModel'
    """
    how: dict[str, Any] = {"revision": revision, "token": token, "local_files_only": local_files_only}
    path = fetched(name, "config.json", **how)
    assert path is not None
    content = read_json(path)
    found = content.get("architectures") or []
    model_class = getattr(text, found[0], None) if len(found) == 1 and found[0] in text.__all__ else None
    if not (isinstance(model_class, type) and issubclass(model_class, PreTrainedModel)):
        known = [
            n for n in text.__all__ if isinstance(kind := getattr(text, n), type) and issubclass(kind, PreTrainedModel)
        ]
        raise ArgumentError(
            f"{os.fspath(name)!r} holds {', '.join(map(str, found)) or 'no known class'} (model_type "
            f"{content.get('model_type')!r}), which fnn does not have. It has {', '.join(known)}. A class can be "
            "named: fnn.text.LlamaModel.from_pretrained(...)"
        )
    return model_class.from_pretrained(name, dtype=dtype, mesh=mesh, rule=rule, strict=strict, **how)

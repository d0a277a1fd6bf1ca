"""Configurations: the fields of transformers' ``config.json``, under its names and with its defaults.

A configuration is a frozen dataclass.  What a file says besides the fields is kept in ``extra`` and written again, so
that a file goes through fnn unchanged.  Models read it when they are made, never in ``forward``.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

from fnn.errors import ArgumentError
from fnn.text._examples import of_config

__all__ = ["Config", "read_json"]

FILE = "config.json"


@dataclass(frozen=True, kw_only=True)
class Config:
    """What the configurations of all architectures share.

    Args:
        architectures: the names of the classes whose weights stand beside the file.
        bos_token_id: the token that begins a text.
        eos_token_id: the token that ends it, or several.
        pad_token_id: the token that fills up the shorter rows of a batch.
        num_labels: the number of classes, for heads that classify.
        id2label: the names of the classes; where it is given, it says how many there are.
        problem_type: ``"regression"``, ``"single_label_classification"`` or ``"multi_label_classification"``: the loss
            of a head that classifies texts. None: what follows from ``num_labels`` and the labels.
        tie_word_embeddings: whether the output layer has the weight of the input embedding.
        extra: what the file says besides.

    Example:
        >>> from fnn import text
        >>> config = text.GPT2Config(n_layer=2)
        >>> config.n_layer, config.n_embd
        (2, 768)
        >>> text.GPT2Config.from_dict({"n_layer": 3, "mood": "good"}).to_dict()["mood"]
        'good'
    """

    model_type: ClassVar[str] = ""
    renamed: ClassVar[Mapping[str, str]] = {}  # other names of fields, which files and programs may use

    architectures: list[str] | None = None
    bos_token_id: int | None = None
    eos_token_id: int | list[int] | None = None
    pad_token_id: int | None = None
    num_labels: int = 2
    id2label: Mapping[str, str] | None = None
    problem_type: str | None = None
    tie_word_embeddings: bool = True
    is_encoder_decoder: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        cls.__doc__ = of_config(cls) or cls.__doc__

    def __post_init__(self) -> None:
        if self.id2label is not None:
            self._set(num_labels=len(self.id2label))

    def _set(self, **values: object) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        """The configuration of a parsed ``config.json``.

        Args:
            content: its content; what is no field is kept in ``extra``.

        Raises:
            ArgumentError: it is the configuration of another architecture.
        """
        kind = content.get("model_type", cls.model_type)
        if kind != cls.model_type:
            raise ArgumentError(f"{cls.__name__}: model_type must be {cls.model_type!r}, got {kind!r}")
        names = {f.name for f in dataclasses.fields(cls)} - {"extra"}
        fields: dict[str, Any] = {}
        extra: dict[str, Any] = {}
        for name, value in content.items():
            if name == "model_type":
                continue
            name = cls.renamed.get(name, name)
            (fields if name in names else extra)[name] = value
        return cls(**fields, extra=extra)

    def to_dict(self) -> dict[str, Any]:
        """The content of a ``config.json`` that says the same."""
        content = {
            f.name: _plain(value)
            for f in dataclasses.fields(self)
            if (value := getattr(self, f.name)) is not None or f.default is not None
        }
        extra, labels = content.pop("extra"), content.pop("num_labels")
        if self.id2label is None:
            if labels != 2:
                content["id2label"] = {str(n): f"LABEL_{n}" for n in range(labels)}
        return {**extra, **content, "model_type": self.model_type}

    @classmethod
    def from_pretrained(cls, folder: str | os.PathLike[str]) -> Self:
        """The configuration in a folder; see `fnn.text.PreTrainedModel.from_pretrained`."""
        return cls.from_dict(read_json(Path(folder) / FILE))

    def save_pretrained(self, folder: str | os.PathLike[str]) -> None:
        """Writes ``config.json`` to a folder, which is made if need be."""
        path = Path(folder)
        path.mkdir(parents=True, exist_ok=True)
        (path / FILE).write_text(json.dumps(self.to_dict(), indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _plain(value: Any) -> Any:
    if isinstance(value, Config):
        return value.to_dict()
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, (list, tuple)) else value


def read_json(path: Path) -> dict[str, Any]:
    """The object in a file.

    Raises:
        ArgumentError: there is no such file, or it holds something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ArgumentError(f"there is no {path.name} in {str(path.parent)!r}") from None
    except ValueError as error:
        raise ArgumentError(f"{path}: not a JSON file: {error}") from error
    if not isinstance(content, dict):
        raise ArgumentError(f"{path}: expected a JSON object, got {type(content).__name__}")
    return content

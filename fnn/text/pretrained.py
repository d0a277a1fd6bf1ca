"""`PreTrainedModel`: a Module with a configuration, read from and written to folders of transformers' format."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar

from jax.sharding import Mesh

from fnn import nn
from fnn.errors import ArgumentTypeError
from fnn.text._examples import of_model
from fnn.text._heads import initialise
from fnn.text._loading import load_folder, save_folder
from fnn.text._unfilled import unfilled
from fnn.text.config import Config, read_json
from fnn.text.hub import located
from fnn.typing import DType

__all__ = ["PreTrainedModel"]

GENERATION = "generation_config.json"
C = TypeVar("C", bound=Config)


class PreTrainedModel(nn.Module, Generic[C]):
    """The base of all models.

    Args:
        config: what the model is built from.

    Attributes:
        config: the configuration.

    Example:
        >>> import jax.numpy as jnp
        >>> from fnn import nn, text
        >>> class Counts(text.PreTrainedModel):
        ...     config_class = text.GPT2Config
        ...     def __init__(self, config):
        ...         super().__init__(config)
        ...         self.counts = nn.Embedding(config.vocab_size, config.vocab_size)
        ...         self.post_init()
        ...     def forward(self, input_ids):
        ...         return self.counts(input_ids)
        >>> Counts(text.GPT2Config(vocab_size=5))(jnp.array([1, 3])).shape
        (2, 5)
    """

    config_class: ClassVar[type[Config]]
    base_model_prefix: ClassVar[str] = ""  # the attribute under which a head has the model without a head
    tied: ClassVar[Mapping[str, str]] = {}  # the parameters that are others, by name, where the configuration ties
    obsolete: ClassVar[tuple[str, ...]] = ()  # ends of names in old files that are no parameters: masks, positions
    weight_std: ClassVar[str] = "initializer_range"  # the configuration's field for the initial weights

    if TYPE_CHECKING:
        # What a model returns has fields that may be None, by what it was asked for: no checker knows which.
        def __call__(self, *args: Any, **kwargs: Any) -> Any: ...  # pyright: ignore[reportIncompatibleMethodOverride]

    config: C
    generation_config: Mapping[str, Any] | None = None  # the content of generation_config.json, where there is one

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        if hasattr(cls, "config_class"):
            cls.__doc__ = of_model(cls, cls.config_class) or cls.__doc__

    def __init__(self, config: C) -> None:
        super().__init__()
        if not isinstance(config, self.config_class):
            raise ArgumentTypeError(
                f"{type(self).__name__}: config must be a {self.config_class.__name__}, got {type(config).__name__}"
            )
        self.config = config

    @property
    def base_model(self) -> Any:
        """The model without its head; itself if it has none."""
        return getattr(self, self.base_model_prefix, self) if self.base_model_prefix else self

    def post_init(self) -> None:
        """Ends a constructor: ties what the configuration ties, and draws the initial weights."""
        if self.config.tie_word_embeddings:
            self.tie_weights()
        initialise(self, float(getattr(self.config, self.weight_std, 0.02)))

    def tie_weights(self) -> None:
        """Makes the parameters that `tied` names the same."""
        for name, source in self.tied.items():
            path, _, last = name.rpartition(".")
            setattr(self.get_submodule(path), last, self.get_parameter(source))

    @classmethod
    def from_pretrained(
        cls,
        name: str | os.PathLike[str],
        *,
        dtype: DType | None = None,
        mesh: Mesh | None = None,
        rule: Any = None,
        config: C | None = None,
        strict: bool = True,
        revision: str = "main",
        token: str | None = None,
        local_files_only: bool = False,
    ) -> Self:
        """The model of a folder as transformers writes it, or of a repository on the Hugging Face hub.

        The names in the files are the model's own: nothing is renamed.  Files are mapped, one after the other, and
        each array goes to its place in the dtype asked for before the next is read.  Nothing in them is executed.
        A folder that holds the model without its head, or with another one, fits too, so far as ``strict`` lets it.

        Args:
            name: a folder with ``config.json`` and ``model.safetensors``, or its parts and their index; or the name of
                a repository, ``"openai-community/gpt2"``.
            dtype: of the floating parameters; None: as the files have them.
            mesh: where to spread the parameters; None: the default device.
            rule: how to spread them, see `fnn.distributed.distribute`.
            config: in place of the folder's.
            strict: whether every parameter must be in the files and every array of the files in the model. If not, what
                is missing keeps its initial values, and a warning lists both.
            revision: of a repository: a branch, a tag or a commit.
            token: of a private repository.
            local_files_only: whether to look only at what has been downloaded before.

        Returns:
            The model, in evaluation mode.

        Raises:
            StateDictError: names are missing, unexpected, or of another shape; it lists them all.
            ArgumentError: there is no such folder or repository, or its configuration is of another architecture.

        Example:
            >>> import tempfile
            >>> from fnn import text
            >>> config = text.GPT2Config(vocab_size=10, n_positions=8, n_embd=4, n_layer=1, n_head=2)
            >>> folder = tempfile.mkdtemp()
            >>> text.GPT2LMHeadModel(config).save_pretrained(folder)
            >>> text.GPT2LMHeadModel.from_pretrained(folder, dtype="bfloat16").lm_head.weight.dtype
            dtype(bfloat16)
        """
        folder = located(name, revision=revision, token=token, local_files_only=local_files_only)
        found: Any = cls.config_class.from_pretrained(folder) if config is None else config
        with unfilled():
            model = cls(found)
        load_folder(model, folder, dtype, mesh, rule, strict)
        if (folder / GENERATION).exists():
            model.generation_config = read_json(folder / GENERATION)
        return model.eval()

    def save_pretrained(self, folder: str | os.PathLike[str], max_shard_size: int = 5 * 10**9) -> None:
        """Writes ``config.json`` and the weights, as transformers reads them.

        Args:
            folder: where to; it is made if need be.
            max_shard_size: the size in bytes above which the weights go into several files.
        """
        save_folder(self, folder, max_shard_size)
        if self.generation_config is not None:
            (Path(folder) / GENERATION).write_text(json.dumps(dict(self.generation_config), indent=2), encoding="utf-8")

"""Conversations as the templates of tokenizers write them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from fnn.errors import ArgumentError

NEEDS_JINJA = 'chat templates need jinja2: pip install "fnn[text]"'
Message = Mapping[str, Any]


def rendered(template: Any, messages: Sequence[Message], **variables: Any) -> str:
    """The text of a conversation; the template is run in a sandbox.

    Args:
        template: what the files have: a text, or entries with ``"name"`` and ``"template"``.
        messages: ``{"role": ..., "content": ...}`` each.
        **variables: of the template.

    Raises:
        ArgumentError: there is no template, or it refuses the messages.
    """
    if isinstance(template, list):  # several, by name
        by_name = {entry["name"]: entry["template"] for entry in template}
        template = by_name.get("tool_use" if variables.get("tools") and "tool_use" in by_name else "default")
    if not isinstance(template, str):
        raise ArgumentError("Tokenizer: the files have no chat_template")
    try:
        from jinja2 import TemplateError
        from jinja2.ext import loopcontrols
        from jinja2.sandbox import ImmutableSandboxedEnvironment
    except ImportError as error:
        raise ImportError(NEEDS_JINJA) from error

    def refuse(message: str) -> None:
        raise TemplateError(message)

    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
    environment.filters["tojson"] = _as_json
    environment.globals["raise_exception"] = refuse
    try:
        return environment.from_string(template).render(messages=messages, **variables)
    except TemplateError as error:
        raise ArgumentError(f"Tokenizer: the chat template refuses: {error}") from error


def _as_json(value: Any, indent: int | None = None) -> str:
    """Text as it is, not escaped for HTML as jinja2's filter has it."""
    return json.dumps(value, ensure_ascii=False, indent=indent)

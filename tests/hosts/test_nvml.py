"""The stand-in for NVML's module takes what the module takes; that needs no card."""

from __future__ import annotations

import inspect
from typing import Any

import pynvml
from gpus import FOLDER


def test_the_stand_in_answers_as_the_module_does() -> None:
    namespace: dict[str, Any] = {}
    exec((FOLDER / "pynvml.py").read_text(), namespace)
    compared = 0
    for name, function in namespace.items():
        if name.startswith("nvml"):
            ours = list(inspect.signature(function).parameters)
            theirs = list(inspect.signature(getattr(pynvml, name)).parameters)
            assert theirs[: len(ours)] == ours, name
            compared += 1
    assert compared > 5

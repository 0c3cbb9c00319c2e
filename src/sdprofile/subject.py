"""What is run again and again."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sdprofile.model.notice import Notice
from sdprofile.model.printed import Printed
from sdprofile.model.setting import Variables
from sdprofile.spatial.scope import Scope

Around = Callable[[], contextlib.AbstractContextManager[None]]


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A cell, or a function."""

    work: Callable[..., object]
    """What is measured; takes the values of what is varied as keyword arguments."""

    code: str
    """How to show it."""

    scope: Scope | None = None
    """The names that it uses; None where they are not known."""

    around: Around = contextlib.nullcontext
    """Gives a context that is entered before each run and left after it, outside the clock."""

    take_printed: Callable[[Sequence[Printed]], None] | None = None
    """Gets what the workers have printed in a run; None to let them print as ever."""

    values: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """For each name that is varied, its values by what they are called."""

    remarks: tuple[Notice, ...] = ()
    """What its profile has to say of how it is run."""

    def work_with(self, variables: Variables) -> Callable[[], object]:
        """Return the work with these variables set."""
        values = {name: self.values[name][text] for name, text in variables}
        return functools.partial(self.work, **values)

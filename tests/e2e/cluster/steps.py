"""What a run did, how long each step took, and what it measured: the table at a run's end."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One line of the table. ``figures`` are sentences such as "first answer after 3.1 s"."""

    what: str
    seconds: float
    outcome: str
    figures: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True)
class Steps:
    """The steps so far; ``say`` is told of each as it begins."""

    say: Callable[[str], None] = lambda _: None
    done: list[Step] = field(default_factory=list)
    _figures: list[str] = field(default_factory=list)

    @contextlib.contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Time the block."""
        self.say(what)
        began = time.monotonic()
        outcome = "failed"
        try:
            yield
            outcome = "done"
        finally:
            self.finished(what, time.monotonic() - began, outcome)

    def measured(self, figure: str) -> None:
        """Note a figure, which the table shows with the step that goes on."""
        self._figures.append(figure)

    def finished(self, what: str, seconds: float, outcome: str) -> None:
        """Note a step that has ended."""
        figures, self._figures = tuple(self._figures), []
        self.done.append(Step(what=what, seconds=seconds, outcome=outcome, figures=figures))

    def table(self) -> str:
        """Return the lines to print."""
        lines = []
        for step in self.done:
            lines.append(f"{step.seconds:8.1f} s  {step.outcome:7}  {step.what}")
            lines += [f"{'':20} · {figure}" for figure in step.figures]
        total = sum(step.seconds for step in self.done)
        return "\n".join((*lines, f"{total:8.1f} s  in all"))

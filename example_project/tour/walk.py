"""Walk through the tour as a visitor: open each page, and press each of its buttons."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.urls import reverse
from places.demo.client import Answer, Visitor

from .stop import Action, Stop
from .stops import STOPS

REFUSED = 'class="refusal"'


@dataclass
class Walked:
    """What a walk met with: pages, buttons, what was refused and what went wrong."""

    pages: int = 0
    pressed: int = 0
    refused: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def text(self) -> str:
        """Write what came of it in a line or two."""
        lines = [f"The tour: {self.pages} pages, {self.pressed} buttons pressed."]
        if self.refused:
            lines.append(f"Not to be had from this store: {', '.join(self.refused)}.")
        return "\n".join(lines)


def walk(visitor: Visitor) -> Walked:
    """Open every page and press every button, in order."""
    walked = Walked()
    for stop in STOPS:
        path = reverse("tour-stop", args=[stop.slug])
        page = visitor.get(path)
        walked.pages += 1
        if page.status != 200:
            walked.faults.append(f"{path} failed: status {page.status}")
            continue
        for action in stop.actions:
            _press(visitor, page, stop, action, walked)
    return walked


def _press(visitor: Visitor, page: Answer, stop: Stop, action: Action, walked: Walked) -> None:
    path = reverse("tour-stop", args=[stop.slug])
    chosen = {field.name: (field.choices or ("nobody",))[0] for field in action.fields}
    answer = visitor.press(page, path, {"do": action.name, **chosen})
    walked.pressed += 1
    if answer.status != 200 or 'id="came"' not in answer.text:
        walked.faults.append(f"“{action.label}” of {path} failed: status {answer.status}")
    elif REFUSED in answer.text:
        walked.refused.append(f"{stop.slug}: {action.label}")

"""Draws which room of sdprofile imports which, into docs/architecture.md; --check only compares."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

HERE = Path(__file__).parent
SOURCE = HERE.parent / "src" / "sdprofile"
PAGE = HERE / "architecture.md"
START, END = "<!-- drawn by draw_architecture.py -->\n", "<!-- end -->\n"

GROUND = {"errors", "interrupts", "output_files", "units", "__init__"}
"""What everything stands on, and the front door: not drawn."""


def main() -> int:
    """Draw, or say with the exit status whether the drawing is as the code is."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(START)
    after = rest.partition(END)[2]
    drawn = f"{before}{START}{mermaid()}{END}{after}"
    if "--check" in sys.argv:
        if drawn != text:
            sys.stderr.write(
                f"{PAGE}: expected the arrows of the code (run {Path(__file__).name})\n"
            )
        return int(drawn != text)
    PAGE.write_text(drawn, encoding="utf-8")
    return 0


def mermaid() -> str:
    """Return the picture, as GitHub and Sphinx draw it."""
    arrows = reduced(imports())
    lines = ["```mermaid", "flowchart TD"]
    lines += [f'    {room}["{room}<br>{words(room)}"]' for room in arrows]
    lines += [f"    {room} --> {below}" for room, others in arrows.items() for below in others]
    return "\n".join([*lines, "```", ""])


def imports() -> dict[str, set[str]]:
    """Return for each room those that its files import, for types too."""
    arrows: dict[str, set[str]] = {}
    for path in sorted(SOURCE.rglob("*.py")):
        room = room_of(path)
        if room in GROUND:
            continue
        found = arrows.setdefault(room, set())
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sdprofile."):
                found.add((node.module or "").split(".")[1])
        found -= GROUND | {room}
    return arrows


def reduced(arrows: dict[str, set[str]]) -> dict[str, list[str]]:
    """Return the arrows without those that go on by way of another room."""

    def below(room: str) -> set[str]:
        return arrows[room].union(*(below(each) for each in arrows[room]))

    return {
        room: sorted(others - set().union(*(below(each) for each in others)))
        for room, others in sorted(arrows.items(), key=lambda item: -len(below(item[0])))
    }


def room_of(path: Path) -> str:
    """Return the folder of a file, or the file itself where it stands in none."""
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def words(room: str) -> str:
    """Return what a room says of itself, in a few words."""
    path = SOURCE / room / "__init__.py" if (SOURCE / room).is_dir() else SOURCE / f"{room}.py"
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return docstring.partition("\n")[0].partition(":")[0].rstrip(".").replace('"', "")


if __name__ == "__main__":
    sys.exit(main())

"""The script of the README runs as it is, in an IPython of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_quickstart_ends_well_and_shows_every_count(tmp_path: Path) -> None:
    script = (ROOT / "examples" / "quickstart.ipy").read_text()
    assert "--memory 2GB workflow" in script
    quick = tmp_path / "quickstart.ipy"  # one run of each count, of a ninth of the image
    script = script.replace("--memory 2GB", "--memory 2GB --repeats 1").replace("3_000", "1_000")
    quick.write_text(script)
    done = subprocess.run(
        [sys.executable, "-m", "IPython", str(quick)],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
        env={**os.environ, "IPYTHONDIR": str(tmp_path), "NO_COLOR": "1"},
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert "(3, 1000, 1000)" in done.stdout
    for workers in (1, 2, 4):
        assert re.search(rf"^ +{workers} +[\d.]+ m?s", done.stdout, re.MULTILINE)
        assert f"{workers} w│" in done.stdout
    assert "\x1b" not in done.stdout

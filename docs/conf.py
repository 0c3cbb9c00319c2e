"""How Sphinx makes the pages: `tox -e docs`."""

from __future__ import annotations

import importlib.metadata
import shutil
from pathlib import Path

from sdprofile.options.options import ClusterOptions, Options

_HERE = Path(__file__).parent
_MADE = _HERE / "made"
"""What is written before each build, and kept out of git."""

project = "sdprofile"
author = "sdprofile developers"
project_copyright = author
version = release = importlib.metadata.version("sdprofile")

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.doctest",
    "sphinx.ext.intersphinx",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinxcontrib.mermaid",
]
exclude_patterns = ["_build", "made/*.md", "**.ipynb_checkpoints"]
html_theme = "sphinx_book_theme"
html_title = "sdprofile"
html_static_path = ["static"]
html_css_files = ["pages.css"]
html_theme_options = {"show_navbar_depth": 1, "use_download_button": False}

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
myst_fence_as_directive = ["mermaid"]
nb_execution_mode = "off"  # the examples are shown as they were run and saved
suppress_warnings = ["mystnb.unknown_mime_type"]  # a widget needs a kernel; its HTML is shown

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # they are in the signatures
napoleon_numpy_docstring = True
napoleon_use_rtype = False
default_role = "code"
copybutton_prompt_text = ">>> "
intersphinx_mapping: dict[str, tuple[str, None]] = {}

_MADE.mkdir(exist_ok=True)
(_MADE / "options.md").write_text(f"{Options.markdown()}\n", encoding="utf-8")
(_MADE / "cluster_options.md").write_text(f"{ClusterOptions.markdown()}\n", encoding="utf-8")
_examples = _HERE.parent / "examples"
for _notebook in _examples.glob("*.ipynb"):
    shutil.copy(_notebook, _MADE / _notebook.name)

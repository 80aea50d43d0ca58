"""Sphinx configuration: pages in Markdown, the API from docstrings, commands from `--help`."""

import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "_ext"), str(HERE.parent / "src")]
# Plugins and settings of this machine do not belong in the documentation.
for name in [name for name in os.environ if name.startswith("MEL_DEBUG_")]:
    del os.environ[name]
os.environ["MEL_DEBUG_PLUGINS"] = ""

from mel_debug.version import __version__  # noqa: E402 - needs the path above

project = "mel-debug"
author = "The mel-debug authors"
project_copyright = "the mel-debug authors, Apache-2.0"
release = version = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "autodoc_markdown", "command_help", "room_table"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_ext", "_build"]
nitpicky = False  # annotations name types of numpy and torch, and the build reads no network

myst_enable_extensions = ["attrs_inline", "colon_fence", "deflist", "fieldlist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_mock_imports = ["cv2", "distributed", "huggingface_hub", "safetensors", "scipy", "skimage"]
autodoc_mock_imports += ["timm", "torch"]
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88

html_theme = "furo"
html_title = f"mel-debug {release}"
html_copy_source = False
html_show_sphinx = False

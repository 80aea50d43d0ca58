"""A page of answers side by side: every crop is shown once, and all text is escaped."""

import re
from pathlib import Path

import pytest

from mel_debug.files.comparison_page import Panel, Query, write_comparison


@pytest.mark.parametrize("count", [1, 2, 5])
def test_each_panel_shows_its_own_crop_of_the_strip(tmp_path: Path, count: int) -> None:
    """From the first at 0 % to the last at 100 %, in equal steps."""
    panels = tuple(Panel(f"number {n}", "right", "good") for n in range(count))
    query = Query("Mole 1", "", "query-01.jpg", panels)
    page = write_comparison(tmp_path, "Title", [["a"], ["1"]], [], [query]).read_text()
    found = [float(share) for share in re.findall(r"object-position:([0-9.]+)% 0", page)]
    step = 100 / max(1, count - 1)
    assert found == pytest.approx([n * step for n in range(count)], abs=1e-3)
    assert page.count('src="query-01.jpg"') == count


def test_text_and_names_are_escaped(tmp_path: Path) -> None:
    """Of photos, configurations and the table; line feeds too."""
    bad = '<b>\n&"'
    query = Query(bad, bad, "a b%.jpg", (Panel(bad, bad, "bad"),))
    page = write_comparison(tmp_path, bad, [[bad], [bad]], [bad], [query]).read_text()
    assert "<b>\n" not in page
    assert page.count("&lt;b&gt;\\x0a&amp;&quot;") == 11
    assert 'src="a%20b%25.jpg"' in page

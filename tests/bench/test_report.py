"""The report's faces: tables, the docs' section, the page and its plots."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bench import page, table
from tests.bench.findings import Bar, Finding, Series
from tests.bench.plots import Axis, quantiles, rounds

CPU = Series(name="CPU a reply", unit="µs", sides={"direct": [600.0, 610.0, 700.0], "nginx": [60.0, 61.0, 62.0]})
BURST = Finding(
    "burst",
    "A reply <at once>",
    "16 connections",
    series=[CPU],
    bars=[Bar(measure="CPU against nginx", unit="x", limit=10, rounds=[10.0, 10.0, 11.3])],
    curves={"TTFT, ms": {"direct": [[0.0, 1.0], [0.5, 2.0], [0.999, 30.0]], "straight": [[0.0, 0.1], [0.999, 0.2]]}},
    notes=["a note"],
)
GONE = Finding("paced", "Paced", "", failed="OSError: no")
REPORT = {
    "at": "2026-11-25",
    "command": "make bench-peers",
    "took_s": 12.0,
    "rounds": 3,
    "load": 0.4,
    "seconds": 1.2,
    "machine": {"cores": "2", "processor": "P", "system": "Linux 6", "python": "3.11.7"},
    "versions": {"loro": "0.1.0", "nginx": "1.22.1"},
    "absent": {"litellm": "not here"},
    "findings": [BURST.to_json(), GONE.to_json()],
}


def test_the_text_has_figures_bars_and_what_failed():
    text = table.text(REPORT)
    assert "CPU a reply: direct 610 µs (600 to 700), nginx 61 µs (60 to 62)" in text
    assert re.search(r"^CPU against nginx +10x \(10 to 11.3\) +≤ 10x +PASS$", text, re.MULTILINE)
    assert re.search(r"^Paced +OSError: no +FAILED$", text, re.MULTILINE)


def test_the_markdown_says_what_it_was_measured_on_and_with():
    text = table.markdown(REPORT)
    assert "`make bench-peers` on 2 cores (P), Linux 6, Python 3.11.7; loro 0.1.0, nginx 1.22.1." in text
    assert "The machine's load average at the start was 0.4." in text
    assert "| CPU against nginx | 10x (10 to 11.3) | ≤ 10x | PASS |" in text
    assert (
        "|  | direct | nginx |\n| --- | --- | --- |\n| CPU a reply | 610 µs (600 to 700) | 61 µs (60 to 62) |" in text
    )


def test_every_row_of_a_markdown_table_has_the_columns_of_its_head():
    columns = [line.count("|") for line in table.markdown(REPORT).splitlines() if line.startswith("|")]
    assert set(columns) == {5, 4} and columns == sorted(columns, reverse=True)


def test_figures_replace_those_between_the_marks():
    before = f"# Page\n\nWords.\n\n{table.BEGIN}\n\nold\n\n{table.END}\n\nMore words.\n"
    after = table.into(before, "new")
    assert after == before.replace("old", "new") and table.into(after, "new") == after


@pytest.mark.parametrize("text", ["", table.BEGIN, table.END + table.BEGIN])
def test_a_page_without_marks_is_not_written(text):
    with pytest.raises(ValueError, match="the page has no"):
        table.into(text, "new")


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name in ("src", "href") and value]


def test_the_page_needs_nothing_but_itself_and_shows_everything():
    html = page.render(REPORT)
    tags = _Tags()
    tags.feed(html)
    assert tags.links == [] and "script" not in tags.tags and "import" not in html
    assert tags.tags.count("svg") == 2
    for text in ("A reply &lt;at once&gt;", "10x (10 to 11.3)", "PASS", "OSError: no", "Without litellm: not here"):
        assert text in html, text


def test_a_plot_has_a_tick_for_each_round_and_the_median_in_numbers():
    root = ElementTree.fromstring(rounds(CPU))
    groups = root.findall("g")
    assert [len(group.findall("path")) for group in groups] == [4, 4], "three rounds and the line through them"
    assert [text.text for text in root.findall("text") if text.get("class") == "value"] == ["610 µs", "61 µs"]


def test_distributions_have_a_line_for_each_side():
    root = ElementTree.fromstring(quantiles("TTFT", BURST.curves["TTFT, ms"]))
    assert len(root.findall("polyline")) == 2


@given(st.lists(st.integers(-(10**9), 10**9).map(lambda thousandths: thousandths / 1000), min_size=1, max_size=8))
def test_an_axis_shows_all_values_in_their_order(values):
    axis = Axis.over(values, 100, 500)
    at = [axis.at(value) for value in sorted(values)]
    assert at == sorted(at) and all(100 <= x <= 500 for x in at)
    assert axis.low <= min(values) and max(values) <= axis.high + 1e-9 * abs(axis.high)
    assert 2 <= len(axis.marks) <= 15


def test_values_far_apart_get_a_logarithmic_axis():
    assert Axis.over([60.0, 48_000.0], 0, 1).logarithmic
    assert not Axis.over([600.0, 700.0], 0, 1).logarithmic
    assert not Axis.over([-1.0, 700.0], 0, 1).logarithmic

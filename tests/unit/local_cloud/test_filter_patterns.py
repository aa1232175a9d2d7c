"""Regular expressions of filters are RE2's: linear in time, without lookaround and backreferences."""

import os
import subprocess
import sys

import pytest

from local_cloud.google.filters.errors import BadFilter
from local_cloud.google.filters.patterns import compile_pattern
from local_cloud.google.logging.extracting import compile_extractor
from local_cloud.google.logging.language import parse
from local_cloud.google.logging.matching import compile_filter
from local_cloud.google.monitoring.filters import Filter

# A backtracking engine takes 2^60 steps to find that this does not match.
NESTED = "(a+)+$"
TEXT = "a" * 60 + "!"
USES = {
    "a log filter": f"""
from local_cloud.google.logging.entry import Entry
from local_cloud.google.logging.language import parse
from local_cloud.google.logging.matching import compile_filter
print(compile_filter(parse('textPayload=~"{NESTED}"'))(Entry(0, 0, 0, {{"textPayload": "{TEXT}"}})))
""",
    "a label extractor": f"""
from local_cloud.google.logging.entry import Entry
from local_cloud.google.logging.extracting import compile_extractor
print(bool(compile_extractor('REGEXP_EXTRACT(textPayload, "{NESTED}")')(Entry(0, 0, 0, {{"textPayload": "{TEXT}"}}))))
""",
    "a monitoring filter": f"""
from local_cloud.google.monitoring.filters import Filter
from local_cloud.google.monitoring.points import Identity
series = Identity.from_labels("custom.googleapis.com/a", {{}}, "generic_task", {{"job": "{TEXT}"}})
print(Filter.parse('resource.labels.job = monitoring.regex.full_match("{NESTED}")').matches(series))
""",
}


@pytest.mark.parametrize("use", USES)
def test_no_expression_freezes_the_stack(use: str) -> None:
    # In a process of its own: an engine that backtracks would hold this one for years, beyond any timeout in it.
    done = subprocess.run(
        [sys.executable, "-c", USES[use]],
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("pattern", ["(?=a)b", "(?!a)b", "(?<=a)b", r"(a)\1", "(?P=name)", "(", "[", "a**", "(?>a)"])
def test_what_re2_lacks_is_refused_everywhere(pattern: str) -> None:
    quoted = pattern.replace("\\", "\\\\")
    for use in (
        lambda: compile_pattern(pattern),
        lambda: compile_filter(parse(f'textPayload=~"{pattern}"')),
        lambda: compile_extractor(f'REGEXP_EXTRACT(textPayload, "{pattern}")'),
        lambda: Filter.parse(f'resource.labels.job = monitoring.regex.full_match("{quoted}")'),
    ):
        with pytest.raises(BadFilter, match=r"no regular expression of RE2"):
            use()


@pytest.mark.parametrize(
    ("pattern", "text"), [(r"^\pL+$", "Größe"), ("(?i)rated", "RATED"), (r"\d{3}", "a 403 b"), ("(?P<n>a)", "a")]
)
def test_what_re2_has_is_there(pattern: str, text: str) -> None:
    assert compile_pattern(pattern).search(text) is not None

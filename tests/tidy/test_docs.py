"""Docs: the pages of error codes and metrics are what their tables say, and every link leads somewhere."""

import pathlib
import re

from planted import ROOT, planted
import gen_errors
import gen_metrics
import tap
import tree

LINK = re.compile(r"(?<!!)\[[^\]\n]*\]\(([^)\s]+)\)|!\[[^\]\n]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.M | re.S)


def anchors(text):
    """As the usual hosts make them: lower case, punctuation gone, blanks as dashes."""
    heads = re.findall(r"^#+ +(.*?)\s*$", FENCE.sub("", text), re.M)
    return {re.sub(r" ", "-", re.sub(r"[^\w\- ]", "", head.lower())) for head in heads}


def check_links(root):
    findings = []
    for path in tree.files(root):
        if not path.endswith(".md"):
            continue
        text = FENCE.sub("", tree.read(root, path))
        for match in LINK.finditer(re.sub(r"`[^`\n]*`", "", text)):
            target, _, anchor = (match[1] or match[2]).partition("#")
            if re.match(r"\w+:", target):
                continue
            file = (root / path).parent / target if target else root / path
            if not file.exists():
                findings.append(f"{path}: the link to {target} leads nowhere")
            elif anchor and file.suffix == ".md" and anchor not in anchors(file.read_text()):
                findings.append(f"{path}: {target or path} has no heading #{anchor}")
    return findings


def test_links():
    tap.must_be_empty(check_links(ROOT))


def test_error_codes():
    page = gen_errors.page(tree.read(ROOT, "include/tandem/status.h"))
    assert pathlib.Path(ROOT, gen_errors.TARGET).read_text() == page, "docs/reference/errors.md is old: `make docs`"


def test_every_status_is_on_the_page():
    header = tree.read(ROOT, "include/tandem/status.h")
    wanted = len(re.findall(r"^\s+X\(", header, re.M))
    assert len(gen_errors.rows(header)) == wanted > 30


def test_metrics():
    header = tree.read(ROOT, gen_metrics.SOURCE)
    assert pathlib.Path(ROOT, gen_metrics.TARGET).read_text() == gen_metrics.page(header), \
        "docs/reference/metrics.md is old: `make docs`"
    rows = gen_metrics.rows(header)
    assert len(rows) == len(re.findall(r"^\s+X\(", header, re.M)) > 30
    assert len({row[1] for row in rows}) == len(rows)
    for _, name, kind, _, unit, _ in rows:
        assert kind in ("counter", "gauge", "histogram"), name
        assert (kind == "counter") == name.endswith("_total"), name
        if unit in ("seconds", "bytes"):
            assert unit in name.split("_"), name


def test_breaches():
    with planted({"a.md": "[x](b.md) [y](c.md#two-words) [z](#here) ```[n](no.md)```\n# Here\n",
                  "c.md": "# Two words\n"}) as root:
        found = check_links(root)
        assert found == ["a.md: the link to b.md leads nowhere"], found
    with planted({"a.md": "[y](c.md#gone)\n", "c.md": "# Two words\n"}) as root:
        tap.must_fail(lambda: check_links(root), "no heading #gone")
    header = ('#define TDM_STATUSES(X) \\\n    X(  OK, 0, 200, "done") \\\n    /* more */ \\\n'
              '    X(  BAD_X, 3, 400, "no") \n')
    assert gen_errors.rows(header) == [("done", "ok", 0, 200, "done"), ("more", "bad_x", 3, 400, "no")]
    assert gen_errors.page(header) != gen_errors.page(header.replace("no", "yes"))
    header = ('#define TDM__METRICS(X) \\\n    /* some */ \\\n    X(a_total, counter, "x, y", "rows", by_x, 0, \\\n'
              '      "what")\n\nenum { TDM__LE_FIRST_BIT = 10, TDM__LE_LAST_BIT = 11 };\n')
    assert gen_metrics.rows(header) == [("some", "tandem_a_total", "counter", "x, y", "rows", "what")]
    assert "| `tandem_a_total` | counter | `x`, `y` | rows | what |" in gen_metrics.page(header)
    try:
        gen_metrics.rows(header.replace("0, ", "0 + 1, "))
        raise AssertionError("a row that is none was passed over")
    except ValueError:
        pass


if __name__ == "__main__":
    tap.main(globals())

#!/usr/bin/env python3
"""Writes docs/reference/metrics.md from the table of lib/server/metrics.h. With --check it only compares."""

import re
import sys

import tree

SOURCE = "lib/server/metrics.h"
TARGET = "docs/reference/metrics.md"
ROW = re.compile(r'X\((\w+),\s*(\w+),\s*"([^"]*)",\s*"([^"]*)",\s*(\w+),\s*(\w+),\s*"((?:[^"\\]|\\.)*)"\)')
GROUP = re.compile(r"/\*\s*(.*?)\s*\*/")
BITS = re.compile(r"TDM__LE_(?:FIRST|LAST)_BIT = (\d+)")
HEAD = """# Metrics

Made by `tools/gen_metrics.py` from `lib/server/metrics.h`; do not edit. `GET /metrics` answers them in Prometheus' text
format 0.0.4. A name, once released, keeps its meaning, its type and its labels. Counters only grow while the server
lives; a service that is gone keeps its counters.

Histograms have a bucket an octave: `le` is {first:.9f}, {second:.9f} and so on to {last:.9f} seconds, {count} in
all, and `+Inf`. Within an octave the server itself knows sixteen parts; `tandem top` shows quantiles from those.
"""


def rows(header):
    """[(group, name, type, labels, unit, text)] in the order of the table."""
    table = re.search(r"#define TDM__METRICS\(X\)(.*?[^\\])\n\n", header, re.S)[1]
    table = re.sub(r"\s*\\\n\s*", " ", table)
    strange = GROUP.sub("", ROW.sub("", table)).strip()
    if strange:
        raise ValueError(f"{SOURCE}: no row of the table: {strange!r}")
    found, group = [], ""
    for match in sorted([*ROW.finditer(table), *GROUP.finditer(table)], key=lambda m: m.start()):
        if match.re is GROUP:
            group = match[1]
        else:
            found.append((group, "tandem_" + match[1], match[2], match[3], match[4], match[7]))
    return found


def page(header):
    first, last = (int(bit) for bit in BITS.findall(header))
    le = [((1 << bit) - 1) / 1e9 for bit in range(first, last + 1)]
    text, group = HEAD.format(first=le[0], second=le[1], last=le[-1], count=len(le)), None
    for row in rows(header):
        if row[0] != group:
            group = row[0]
            text += f"\n## {group[0].upper() + group[1:]}\n\n"
            text += "| metric | type | labels | unit | meaning |\n|---|---|---|---|---|\n"
        labels = ", ".join(f"`{name.strip()}`" for name in row[3].split(",") if name)
        text += f"| `{row[1]}` | {row[2]} | {labels} | {row[4]} | {row[5]} |\n"
    return text


def main():
    text = page(tree.read(tree.ROOT, SOURCE))
    target = tree.ROOT / TARGET
    if "--check" in sys.argv:
        same = target.exists() and target.read_text() == text
        print("up to date" if same else f"{TARGET} differs from {SOURCE}; run `make docs`")
        return 0 if same else 1
    target.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())

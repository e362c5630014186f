#!/usr/bin/env python3
"""Writes docs/reference/errors.md from the table of include/tandem/status.h. With --check it only compares."""

import re
import sys

import tree

ROW = re.compile(r'^\s*X\(\s*(\w+)\s*,\s*(\d+)\s*,\s*(\d+)\s*,\s*"((?:[^"\\]|\\.)*)"\s*\)', re.M)
GROUP = re.compile(r"^\s*/\*\s*(.*?)\s*\*/\s*\\?$")
TARGET = "docs/reference/errors.md"
HEAD = """# Error codes

Made by `tools/gen_errors.py` from `include/tandem/status.h`; do not edit. A code, once released, keeps its name and
its meaning. It is what JSON answers, the quarantine and the library's `tdm_status_name` show.
"""


def rows(header):
    """[(group, code, exit, http, text)] in the order of the table."""
    found, group = [], "done"
    table = header.split("#define TDM_STATUSES(X)", 1)[1]
    for line in table.splitlines()[1:]:
        if match := ROW.match(line):
            found.append((group, match[1].lower(), int(match[2]), int(match[3]), match[4]))
        elif match := GROUP.match(line.rstrip("\\ ")):
            group = match[1]
        if not line.rstrip().endswith("\\"):
            break
    return found


def page(header):
    text, group = HEAD, None
    for row in rows(header):
        if row[0] != group:
            group = row[0]
            text += f"\n## {group[0].upper() + group[1:]}\n\n| code | exit | HTTP | meaning |\n|---|---|---|---|\n"
        text += f"| `{row[1]}` | {row[2]} | {row[3]} | {row[4]} |\n"
    return text


def main():
    text = page(tree.read(tree.ROOT, "include/tandem/status.h"))
    target = tree.ROOT / TARGET
    if "--check" in sys.argv:
        same = target.exists() and target.read_text() == text
        print("up to date" if same else f"{TARGET} differs from status.h; run `make docs`")
        return 0 if same else 1
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())

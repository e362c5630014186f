#!/usr/bin/env python3
"""Lengths with a ratchet: C functions up to 70 lines, files up to 1000. tools/sizes.txt names what is over, with its
present length; an entry may only shrink, and goes when it is no longer needed. With --longest N it lists the longest
functions; with --write it brings down the entries that are (it never adds or raises one)."""

import re
import sys

import tree

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 1000
SIZED = (".c", ".h", ".py", ".sh")
NAME = re.compile(r"([A-Za-z_]\w*)\s*\(")


def functions(text):
    """[(name, lines)] of a C text; a function's lines are from its opening brace to its closing one. Raises ValueError
    when the braces do not balance."""
    text = tree.without_directives(tree.blanked(text))
    text = re.sub(r'extern\s*"\s*"\s*\{', lambda m: m[0][:-1] + " ", text)
    found, depth, head_from, begin, name = [], 0, 0, 0, None
    line = 1
    for i, c in enumerate(text):
        if c == "\n":
            line += 1
        elif c == "{":
            if depth == 0:
                head = text[head_from:i]
                match = NAME.search(head)
                name = match[1] if match and head.rstrip().endswith(")") else None
                begin = line
            depth += 1
        elif c == "}":
            depth -= 1
            if depth < 0:
                depth = 0     # the brace that closes extern "C"
                head_from = i + 1
            elif depth == 0:
                if name:
                    found.append((name, line - begin + 1))
                head_from = i + 1
        elif c == ";" and depth == 0:
            head_from = i + 1
    if depth:
        raise ValueError("braces do not balance")
    return found


def measure(root):
    """({"path" or "path:function": lines}, findings), and all of it, not only what is over."""
    sizes, findings = {}, []
    for path in tree.files(root):
        if not path.endswith(SIZED) or "/corpus/" in path:
            continue
        text = tree.read(root, path)
        sizes[path] = text.count("\n")
        if path.endswith((".c", ".h")):
            try:
                for name, lines in functions(text):
                    sizes[f"{path}:{name}"] = max(lines, sizes.get(f"{path}:{name}", 0))
            except ValueError as error:
                findings.append(f"{path}: {error}")
    return sizes, findings


def limit_of(key):
    return FUNCTION_LINES_MAX if ":" in key else FILE_LINES_MAX


def read_exceptions(text):
    exceptions = {}
    for line in text.splitlines():
        line = line.split("#")[0].split()
        if line:
            exceptions[line[0]] = int(line[1])
    return exceptions


def check(root, exceptions_text):
    sizes, findings = measure(root)
    exceptions = read_exceptions(exceptions_text)
    for key, lines in sizes.items():
        allowed = exceptions.get(key, limit_of(key))
        if lines > allowed:
            findings.append(f"{key} has {lines} lines, {allowed} are allowed")
    for key, allowed in exceptions.items():
        lines = sizes.get(key, 0)
        if lines <= limit_of(key):
            findings.append(f"sizes.txt: {key} no longer needs an exception")
        elif lines < allowed:
            findings.append(f"sizes.txt: {key} has shrunk to {lines}; write that")
    return findings


def write(root):
    path = root / "tools/sizes.txt"
    sizes, _ = measure(root)
    kept = []
    for line in path.read_text().splitlines(True):
        key = line.split("#")[0].split()[:1]
        if not key:
            kept.append(line)
        elif sizes.get(key[0], 0) > limit_of(key[0]):
            kept.append(f"{key[0]} {min(sizes[key[0]], read_exceptions(line)[key[0]])}\n")
    path.write_text("".join(kept))


def main():
    if "--write" in sys.argv:
        write(tree.ROOT)
    if "--longest" in sys.argv:
        sizes, _ = measure(tree.ROOT)
        count = int((sys.argv[sys.argv.index("--longest") + 1:] or ["20"])[0])
        longest = sorted((n, key) for key, n in sizes.items() if ":" in key)
        print(f"{len(longest)} functions, median {longest[len(longest) // 2][0]} lines")
        print("\n".join(f"{n:5} {key}" for n, key in longest[:-count - 1:-1]))
        return 0
    findings = check(tree.ROOT, tree.read(tree.ROOT, "tools/sizes.txt"))
    print("\n".join(findings) or "all sizes hold")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())

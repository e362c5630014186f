#!/usr/bin/env python3
"""Reads every #include of lib/, app/ and include/ against tools/layers.txt.

Findings: a module that uses what its row does not name, a permission that nobody uses, a row that names one not above
it (so there is no cycle of modules), headers that include each other in a circle, a system header outside lib/os, a
header of another library where it is not allowed, and a public header that includes anything private.
With --used it prints the rows as the code needs them.
"""

import fnmatch
import re
import sys

import tree

STANDARD = {"assert", "complex", "ctype", "errno", "fenv", "float", "inttypes", "iso646", "limits", "locale", "math",
            "setjmp", "signal", "stdalign", "stdarg", "stdatomic", "stdbool", "stddef", "stdint", "stdio", "stdlib",
            "stdnoreturn", "string", "tgmath", "uchar", "wchar", "wctype"}
NOT_EVERYWHERE = {"locale", "signal"}                  # standard, but the system's business: lib/os only
INSTRUCTIONS = {"immintrin.h", "x86intrin.h", "cpuid.h"}   # of the compiler
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)


def read_table(text):
    """({module: [modules]}, {header pattern: [modules]}, findings)."""
    rows, libraries, findings = {}, {}, []
    for number, line in enumerate(text.splitlines(), 1):
        line = line.split("#")[0].strip()
        if not line:
            continue
        name, colon, rest = line.partition(":")
        name = name.strip()
        target = libraries if name.startswith("<") else rows
        if not colon or name in target:
            findings.append(f"layers.txt:{number}: not a new row `name : names`")
            continue
        if target is rows:
            for used in rest.split():
                if used not in rows:
                    findings.append(f"layers.txt:{number}: {name} names {used}, which is not a row above it")
        target[name.strip("<>") if target is libraries else name] = rest.split()
    return rows, libraries, findings


def includes(root):
    """[(path, line, angle, header)] of the code that has layers."""
    found = []
    for path in tree.c_files(root, ("lib", "app", "include")):
        text = tree.read(root, path)
        bare = tree.TOKEN.sub(lambda m: re.sub(r"[^\n]", " ", m[0]) if m[0][0] == "/" else m[0], text)
        for match in INCLUDE.finditer(bare):
            found.append((path, bare.count("\n", 0, match.start()) + 1, match[1] == "<", match[2]))
    return found


def module_of(path):
    parts = path.split("/")
    return parts[1] if parts[0] == "lib" and len(parts) > 2 else parts[0]


def check(root, table_text):
    rows, libraries, findings = read_table(table_text)
    used, used_libraries, edges = set(), set(), {}
    for path, line, angle, header in includes(root):
        module, where = module_of(path), f"{path}:{line}"
        if module not in rows and module != "include":
            findings.append(f"{where}: the module {module} has no row in tools/layers.txt")
        elif angle:
            findings += check_angle(where, module, header, libraries, used_libraries)
        elif module == "include":
            findings.append(f"{where}: a public header includes \"{header}\"")
        elif module == "app":
            if "/" in header:
                findings.append(f"{where}: app may use only include/tandem, not {header}")
        elif "/" not in header:
            findings.append(f"{where}: \"{header}\" must be written \"{module}/{header}\"")
        else:
            target = header.split("/")[0]
            edges.setdefault(path, []).append("lib/" + header)
            used.add((module, target))
            if target != module and target not in rows[module]:
                findings.append(f"{where}: {module} may not use {target}")
        if angle and header.startswith("tandem/"):
            edges.setdefault(path, []).append("include/" + header)
    findings += [f"layers.txt: {module} does not use {target}; take it out of its row"
                 for module, row in rows.items() for target in row if (module, target) not in used]
    findings += [f"layers.txt: {module} does not use <{header}>; take it out of its row"
                 for header, row in libraries.items() for module in row if (header, module) not in used_libraries]
    return findings + circles(edges)


def check_angle(where, module, header, libraries, used_libraries):
    stem = header[:-2] if header.endswith(".h") else header
    if header.startswith("tandem/") or header in INSTRUCTIONS:
        return []
    if stem in STANDARD and (stem not in NOT_EVERYWHERE or module == "os"):
        return []
    allowed = [pattern for pattern in libraries if fnmatch.fnmatch(header, pattern)]
    for pattern in allowed:
        if module in libraries[pattern]:
            used_libraries.add((pattern, module))
            return []
    if allowed:
        return [f"{where}: {module} may not use <{header}>"]
    if module == "os":
        return []
    return [f"{where}: the system header <{header}> outside lib/os"]


def circles(edges):
    findings, done = [], set()

    def visit(path, trail):
        if path in trail:
            findings.append("headers include each other: " + " -> ".join(trail[trail.index(path):] + [path]))
        elif path not in done:
            for target in edges.get(path, []):
                visit(target, trail + [path])
            done.add(path)
    for path in sorted(edges):
        visit(path, [])
    return findings


def print_used(root, table_text):
    rows, _, _ = read_table(table_text)
    used = {}
    for path, _, angle, header in includes(root):
        if not angle and "/" in header:
            used.setdefault(module_of(path), set()).add(header.split("/")[0])
    for module in rows:
        print(f"{module:8}: " + " ".join(t for t in rows if t in used.get(module, set()) and t != module))


def main():
    table = tree.read(tree.ROOT, "tools/layers.txt")
    if "--used" in sys.argv:
        print_used(tree.ROOT, table)
        return 0
    findings = check(tree.ROOT, table)
    print("\n".join(findings) or "the layers hold")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())

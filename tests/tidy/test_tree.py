"""The tree as a newcomer finds it: names that are addresses, a README in each room, clean lines, and nothing of the
machine it was written on."""

import re

from planted import ROOT, planted
import tap
import tree

README_LINES_MAX = 60        # a screen; the front pages may be longer
LINE_MAX = 140               # style asks for 120; this is where reading ends
CLEAN = (".c", ".h", ".py", ".sh", ".md", ".build", ".txt", ".yaml", ".yml")
# Written so that this file does not find itself.
TOPS = [b"wo" + b"rk", b"ro" + b"ot", b"fa" + b"rm", b"Us" + b"ers"]
MACHINE_PATHS = re.compile(rb"(?<![\w.~*-])/(" + b"|".join(TOPS) + rb")/[a-z]")
REGISTRIES = re.compile(rb"(py" + rb"pi\.org|python" + rb"hosted\.org|registry\.n" + rb"pmjs|crates\." + rb"io|deb\.de" +
                        rb"bian\.org|proxy\.go" + rb"lang\.org|arti" + rb"factory)")


def is_data(path):
    """Files that tests read, whose bytes are their business."""
    return bool(re.match(r"tests/(fuzz/corpus|.*/data|.*/models|parity/\w+/)", path))


def is_code(path):
    """What is read line by line; tables of cases in tests may be as wide as a case is."""
    return path.endswith((".c", ".h", ".py")) and not path.startswith(("tests/", "bench/"))


def check_names(files):
    seen, findings = {}, []
    for path in files:
        name = path.split("/")[-1]
        if path.startswith("include/"):
            continue     # always spelled <tandem/...>
        if name.endswith((".c", ".h", ".py", ".sh", ".md")) and name != "README.md" and not is_data(path):
            if name in seen:
                findings.append(f"{path} has the name of {seen[name]}")
            seen.setdefault(name, path)
    return findings


def rooms(files):
    """Folders that a newcomer enters."""
    found = set()
    for path in files:
        parts = path.split("/")[:-1]
        if not parts or parts[0].startswith("."):
            continue
        found.add("include/tandem" if parts[0] == "include" else parts[0])
        if parts[0] in ("lib", "tests", "examples") and len(parts) > 1:
            found.add("/".join(parts[:2]))
    return sorted(found)


def check_readmes(root):
    files = tree.files(root)
    findings = [f"{room} has no README.md" for room in rooms(files) if f"{room}/README.md" not in files]
    for path in files:
        if re.fullmatch(r"lib/\w+/README\.md", path):
            lines = tree.read(root, path).count("\n")
            if lines > README_LINES_MAX:
                findings.append(f"{path} has {lines} lines, more than a screen")
    return findings


def check_lines(root):
    findings = []
    for path in tree.files(root):
        if not path.endswith(CLEAN) or is_data(path):
            continue
        text = (root / path).read_bytes()
        if text and not text.endswith(b"\n"):
            findings.append(f"{path}: the last line does not end")
        for number, line in enumerate(text.split(b"\n"), 1):
            if line != line.rstrip():
                findings.append(f"{path}:{number}: blanks at the end of the line")
            if b"\t" in line:
                findings.append(f"{path}:{number}: a tab")
            if is_code(path) and len(line.decode("utf-8", "replace")) > LINE_MAX:
                findings.append(f"{path}:{number}: longer than {LINE_MAX}")
    return findings


def check_machine(root):
    findings = []
    for path in tree.files(root):
        data = (root / path).read_bytes()
        for pattern, what in (MACHINE_PATHS, "a path of this machine"), (REGISTRIES, "the name of a package registry"):
            if match := pattern.search(data):
                line = data.count(b"\n", 0, match.start()) + 1
                findings.append(f"{path}:{line}: {what}: {match[0].decode('ascii', 'replace')}")
    return findings


def test_names_are_unique():
    tap.must_be_empty(check_names(tree.files(ROOT)))


def test_readmes():
    tap.must_be_empty(check_readmes(ROOT))


def test_lines_are_clean():
    tap.must_be_empty(check_lines(ROOT))


def test_nothing_of_this_machine():
    tap.must_be_empty(check_machine(ROOT))


def test_planted_names():
    tap.must_fail(lambda: check_names(["lib/a/x.c", "lib/b/x.c"]), "lib/b/x.c has the name of lib/a/x.c")
    tap.must_be_empty(check_names(["lib/README.md", "app/README.md", "a/meson.build", "b/meson.build"]))


def test_planted_readmes():
    with planted({"lib/a/x.c": "", "lib/README.md": "x\n", "lib/b/README.md": "x\n" * 61}) as root:
        tap.must_fail(lambda: check_readmes(root), "lib/a has no README.md")
        tap.must_fail(lambda: check_readmes(root), "lib/b/README.md has 61 lines")


def test_planted_lines():
    with planted({"a.c": "int a; \n", "b.c": "\tint b;\n", "c.c": "int c;", "d.py": "x" * 141 + "\n"}) as root:
        for text in ("a.c:1: blanks", "b.c:1: a tab", "c.c: the last line", "d.py:1: longer"):
            tap.must_fail(lambda: check_lines(root), text)


def test_planted_paths():
    path = "/wo" + "rk/main/x"
    host = "py" + "pi.org"
    with planted({"a.md": f"x\nsee {path}\n", "b.bin": b"\x00\xff" + host.encode()}) as root:
        tap.must_fail(lambda: check_machine(root), "a.md:2: a path of this machine")
        tap.must_fail(lambda: check_machine(root), "b.bin:1: the name of a package registry")
    with planted({"a.md": "tests/work/x, $HOME/x, https://example.org/home/x\n"}) as root:
        tap.must_be_empty(check_machine(root))


if __name__ == "__main__":
    tap.main(globals())

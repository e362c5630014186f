"""What the checkers share: the files of the tree, and C text with its comments and strings blanked out."""

import os
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent


def files(root=ROOT):
    """Paths relative to `root`, sorted: what git tracks or would track; without git, all but build/ and dot folders."""
    root = pathlib.Path(root)
    if (root / ".git").exists():
        try:
            text = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=root, check=True,
                                  capture_output=True).stdout.decode("utf-8", "surrogateescape")
            return sorted(name for name in set(text.split("\0")) if name and (root / name).is_file())
        except (OSError, subprocess.CalledProcessError):
            pass
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = [f for f in folders if f not in ("build", ".git", "__pycache__")]
        found += [os.path.relpath(os.path.join(folder, name), root) for name in names]
    return sorted(found)


def read(root, path):
    return (pathlib.Path(root) / path).read_text(encoding="utf-8", errors="replace")


def c_files(root=ROOT, tops=("lib", "app", "include", "tests", "bench")):
    return [f for f in files(root) if f.endswith((".c", ".h")) and f.split("/")[0] in tops]


TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def blanked(text):
    """C text of the same shape (every newline stays) without comments, and with strings and characters emptied."""
    def blank(match):
        token = match[0]
        if token[0] == "/":
            return re.sub(r"[^\n]", " ", token)
        return token[0] + " " * (len(token) - 2) + token[-1]
    return TOKEN.sub(blank, text)


def without_directives(text):
    """Blanked C text with preprocessor lines, continued ones too, emptied."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match[0])
    return re.sub(r"^[ \t]*#(?:[^\n\\]|\\\n|\\.)*", blank, text, flags=re.M)

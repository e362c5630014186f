"""Small trees with a planted breach, for the checkers' own tests."""

import contextlib
import pathlib
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
for folder in ("tests", "tools"):
    if str(ROOT / folder) not in sys.path:
        sys.path.insert(0, str(ROOT / folder))


@contextlib.contextmanager
def planted(files):
    """A temporary folder that holds {path: text or bytes}."""
    with tempfile.TemporaryDirectory(prefix="planted-") as folder:
        for path, content in files.items():
            file = pathlib.Path(folder, path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content if isinstance(content, bytes) else content.encode())
        yield pathlib.Path(folder)

"""The server's pages: every route and admin command has one that names it and asks it by curl, every limit is in the table."""

import re

from planted import ROOT
import tap
import tree

EXCHANGE, WIRE, SERVE = "lib/server/exchange.h", "lib/server/admin_wire.h", "include/tandem/serve.h"
INDEX, FOLDER = "docs/reference/http.md", "docs/reference/routes"
ROUTE = re.compile(r'^\s+X\((GET|POST), +"([^"]+)"', re.M)
COMMAND = re.compile(r"^\s+X\((GET|POST), +(\w+), +\w+, +\"([^\"]*)\"", re.M)
SETTING = re.compile(r'X\((\w+),\s*(\d+),\s*(\d+),\s*(\d+),\s*"([^"]*)"\)')


def pages():
    return {path: tree.read(ROOT, path) for path in tree.files(ROOT)
            if path.startswith(FOLDER) or path == "docs/reference/metrics.md"}


def check_routes(header, texts):
    """Each path, with any words in its braces, stands on one of the pages."""
    plain = {path: re.sub(r"\{[\w*]+\}", "{}", text) for path, text in texts.items()}
    found = []
    for method, path in ROUTE.findall(header):
        named = re.compile(re.escape(path.replace("{*}", "{}")) + r"(?![\w/{])")
        if not any(named.search(text) for text in plain.values()):
            found.append(f"{method} {path} has no page")
    return found


def check_commands(header, page):
    found = []
    for method, name, members in COMMAND.findall(header):
        row = re.search(rf"^\| `{method} /admin/v1/{name}` \|(.*?)\|", page, re.M)
        if not row:
            found.append(f"{method} /admin/v1/{name} is not in the table")
        elif sorted(re.findall(r"\w+", row[1])) != sorted(members.split()):
            found.append(f"{name}: the table has {row[1]}, the code {members}")
    return found


def check_examples(texts):
    asks = re.compile(r"^```console\n\$ .*?\bcurl\b.*?^```$", re.M | re.S)
    return [f"{path} asks nothing by curl" for path, text in texts.items()
            if path.startswith(FOLDER) and not asks.search(text)]


def check_settings(header, page):
    rows = [f"| `{name}` | {value} | {low} | {high} | {text} |" for name, value, low, high, text in SETTING.findall(header)]
    listed = [line for line in page.splitlines() if re.match(r"\| `\w+_(max|s)` \|", line)]
    return [f"{INDEX}: '{row}' is missing" for row in rows if row not in listed] + \
           [f"{INDEX}: '{row}' is no setting" for row in listed if row not in rows]


def test_routes():
    header = tree.read(ROOT, EXCHANGE)
    assert len(ROUTE.findall(header)) == len(re.findall(r"^\s+X\((?:GET|POST)", header, re.M)) > 20
    tap.must_be_empty(check_routes(header, pages()))


def test_admin_commands():
    header = tree.read(ROOT, WIRE)
    assert len(COMMAND.findall(header)) == len(re.findall(r"^\s+X\((?:GET|POST)", header, re.M)) > 8
    tap.must_be_empty(check_commands(header, tree.read(ROOT, FOLDER + "/admin.md")))


def test_examples():
    assert len(pages()) > 9
    tap.must_be_empty(check_examples(pages()))


def test_the_index_leads_to_every_page():
    index = tree.read(ROOT, INDEX)
    tap.must_be_empty(f"{INDEX} does not lead to {path}" for path in pages()
                      if f"]({path.removeprefix('docs/reference/')})" not in index)


def test_settings():
    header = tree.read(ROOT, SERVE)
    assert len(SETTING.findall(header)) == len(re.findall(r"^\s+X\(", header, re.M)) > 10
    tap.must_be_empty(check_settings(header, tree.read(ROOT, INDEX)))


def test_breaches():
    header = '    X(GET,  "/v9/{}/{*}", a)\n    X(POST, "/v9", b)\n'
    tap.must_be_empty(check_routes(header, {"a": "`GET /v9/{service}/{key}` and `/v9`."}))
    tap.must_fail(lambda: check_routes(header, {"a": "`GET /v9/{service}/{key}`"}), "POST /v9 has no page")
    tap.must_fail(lambda: check_routes(header, {"a": "/v9 /v9/{x}"}), "GET /v9/{}/{*} has no page")
    header = '    X(POST, fly, EQUAL, "to from", "text")\n'
    tap.must_be_empty(check_commands(header, "| `POST /admin/v1/fly` | `from`; `to` | x |\n"))
    tap.must_fail(lambda: check_commands(header, "| `POST /admin/v1/fly` | `from` | x |\n"), "the code to from")
    tap.must_fail(lambda: check_commands(header, "| `GET /admin/v1/fly` | `from` | x |\n"), "not in the table")
    tap.must_fail(lambda: check_examples({FOLDER + "/a.md": "```console\n$ wget x\n```\n"}), "asks nothing")
    header = '    X(idle_s, 75, 1, 86400, "how long")\n'
    tap.must_be_empty(check_settings(header, "| `idle_s` | 75 | 1 | 86400 | how long |\n"))
    tap.must_fail(lambda: check_settings(header, "| `idle_s` | 60 | 1 | 86400 | how long |\n"), "is missing")
    tap.must_fail(lambda: check_settings("", "| `idle_s` | 60 | 1 | 86400 | how long |\n"), "is no setting")


if __name__ == "__main__":
    tap.main(globals())

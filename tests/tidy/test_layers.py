"""Layers: the tree holds to tools/layers.txt, and the checker finds every kind of breach."""

from planted import ROOT, planted
import check_layers
import tap

TABLE = "base :\nos : base\nlog : base os\napp :\n<zlib.h> : log\n"
SOUND = {
    "include/tandem/x.h": "#include <stdint.h>\n",
    "lib/base/a.h": "#include <tandem/x.h>\n",
    "lib/os/b.c": '#include "base/a.h"\n#include <unistd.h>\n#include <sys/stat.h>\n',
    "lib/os/b.h": "",
    "lib/log/c.c": '#include "base/a.h"\n#include "os/b.h"\n#include <zlib.h>\n',
    "app/main.c": '#include "command.h"\n#include <tandem/x.h>\n#include <stdio.h>\n',
}


def findings(changes, table=TABLE):
    with planted({**SOUND, **changes}) as root:
        return check_layers.check(root, table)


def breach(changes, text, table=TABLE):
    tap.must_fail(lambda: findings(changes, table), text)


def test_the_tree_is_clean():
    tap.must_be_empty(check_layers.check(ROOT, (ROOT / "tools/layers.txt").read_text()))


def test_a_sound_tree_passes():
    tap.must_be_empty(findings({}))


def test_upward_include():
    breach({"lib/base/up.c": '#include "os/b.h"\n'}, "base may not use os")


def test_include_in_a_comment_does_not_count():
    tap.must_be_empty(findings({"lib/base/up.c": '/*\n#include "os/b.h"\n*/\n// #include <unistd.h>\n'}))


def test_system_header_outside_os():
    for header in ("unistd.h", "pthread.h", "time.h", "fcntl.h", "sys/mman.h", "dlfcn.h", "signal.h"):
        breach({"lib/log/s.c": f"#include <{header}>\n"}, "outside lib/os")
    breach({"app/s.c": "#include <unistd.h>\n"}, "outside lib/os")


def test_library_where_it_is_not_allowed():
    breach({"lib/base/z.c": "#include <zlib.h>\n"}, "may not use <zlib.h>")


def test_app_knows_only_the_public_api():
    breach({"app/deep.c": '#include "base/a.h"\n'}, "app may use only include/tandem")


def test_public_header_is_closed():
    breach({"include/tandem/y.h": '#include "base/a.h"\n'}, "a public header includes")


def test_unused_permission():
    breach({}, "log does not use base2", TABLE.replace("base :", "base :\nbase2 :").replace("log :", "log : base2"))
    breach({}, "base does not use <yaml.h>", TABLE + "<yaml.h> : base\n")


def test_table_order_forbids_cycles():
    breach({}, "not a row above it", TABLE.replace("base :", "base : os"))


def test_module_without_a_row():
    breach({"lib/new/n.c": "#include <stdint.h>\n"}, "has no row")


def test_headers_in_a_circle():
    breach({"lib/base/p.h": '#include "base/q.h"\n', "lib/base/q.h": '#include "base/p.h"\n'}, "include each other")


def test_short_spelling():
    breach({"lib/base/n.c": '#include "a.h"\n'}, 'must be written "base/a.h"')


if __name__ == "__main__":
    tap.main(globals())

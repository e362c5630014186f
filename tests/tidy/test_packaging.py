"""What lies in packaging/ fits the program: its libraries, its paths, its settings, the unit in systemd's own eyes."""

import pathlib
import re
import shutil
import subprocess
import tempfile

from planted import ROOT
import tap
import tree

UNIT, CONTAINER = "packaging/tandem.service.in", "packaging/Containerfile"


def default(name):
    return int(re.search(rf"X\({name},\s*(\d+)", tree.read(ROOT, "include/tandem/serve.h"))[1])


def unit(name, text):
    return re.search(rf"^{name}=(.*)$", text, re.M)[1]


def check_unit(text):
    found = []
    if int(unit("TimeoutStopSec", text)) <= default("drain_s"):
        found.append("TimeoutStopSec is not above drain_s")
    if int(unit("LimitNOFILE", text)) <= default("connections_max") + 1000:
        found.append("LimitNOFILE is not well above connections_max")
    if unit("KillSignal", text) != "SIGTERM" or not unit("ExecStart", text).startswith("@bindir@/tandem serve"):
        found.append("it is not started or stopped as it should be")
    return found


def packages_of(text):
    """What the second stage of the container installs, but for data."""
    stage = text.split("\nFROM ")[-1]
    listed = re.search(r"--no-install-recommends \\\n(.*?)&&", stage, re.S)[1]
    return set(listed.replace("\\", " ").split()) - {"tzdata"}


def libraries(program):
    """The Debian packages of a program's libraries, but for the C library's, which is always there."""
    text = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    paths = [str(pathlib.Path(path).resolve()) for path in re.findall(r"=> (/\S+)", text)]
    found = set()
    for path in paths:
        # The folders /lib and /usr/lib are one; packages know their files by either name.
        for name in (path, path.removeprefix("/usr"), "/usr" + path):
            owner = subprocess.run(["dpkg-query", "-S", name], capture_output=True, text=True)
            if owner.returncode == 0:
                found.add(owner.stdout.split(":")[0])
                break
        else:
            raise AssertionError(f"{path} is of no package")
    return found - {"libc6"}


def test_the_container_has_the_libraries_of_the_program():
    program = tap.build_dir() / "app/tandem"
    if not shutil.which("dpkg-query") or not program.exists():
        raise tap.Skip("there is no dpkg, or no program")
    assert packages_of(tree.read(ROOT, CONTAINER)) == libraries(program)


def test_the_container_builds_with_what_the_tree_needs():
    text = tree.read(ROOT, CONTAINER)
    stage = text.split("\nFROM ")[-2]
    wanted = set(re.findall(r"\blib\w+-dev\b|\bzlib1g-dev\b", tree.read(ROOT, "tools/install_deps.sh").split("libcmocka")[0]))
    assert wanted <= set(stage.replace("\\", " ").split()) and len(wanted) >= 6, wanted
    folders = set(re.findall(r"^COPY (\w+) /src/\w+/$", stage, re.M))
    used = set(re.findall(r"^subdir\('(\w+)'\)", tree.read(ROOT, "meson.build"), re.M)) | {"include", "lib"}
    assert folders == used, (folders, used)
    for name in re.findall(r"^COPY (\S+) (\S+) /src/$", stage, re.M)[0]:
        assert (ROOT / name).exists(), name


def test_the_unit_fits_the_settings():
    tap.must_be_empty(check_unit(tree.read(ROOT, UNIT)))


def test_the_unit_in_the_eyes_of_systemd():
    if not shutil.which("systemd-analyze"):
        raise tap.Skip("systemd-analyze is not installed")
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "tandem").symlink_to("/bin/true")
        file = pathlib.Path(folder) / "tandem.service"
        file.write_text(tree.read(ROOT, UNIT).replace("@bindir@", folder))
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", file], capture_output=True, text=True)
        # Of other units of the machine nothing is asked.
        mine = [line for line in (done.stdout + done.stderr).splitlines() if "tandem" in line]
        assert not mine, "\n".join(mine)


def test_breaches():
    text = tree.read(ROOT, UNIT)
    tap.must_fail(lambda: check_unit(re.sub("TimeoutStopSec=.*", "TimeoutStopSec=30", text)), "TimeoutStopSec")
    tap.must_fail(lambda: check_unit(re.sub("LimitNOFILE=.*", "LimitNOFILE=1024", text)), "LimitNOFILE")
    tap.must_fail(lambda: check_unit(text.replace("SIGTERM", "SIGKILL")), "started or stopped")
    container = tree.read(ROOT, CONTAINER)
    assert packages_of(container.replace("libzstd1 ", "")) != packages_of(container)


if __name__ == "__main__":
    tap.main(globals())

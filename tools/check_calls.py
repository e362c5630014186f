#!/usr/bin/env python3
"""Calls that the library and the program may not make, each with its reason and the places that are its home.

Comments, strings and preprocessor lines do not count, nor do members (`x->free(...)`)."""

import re
import sys

import tree

UNBOUNDED = "has no bound or hides errors"
LOCALE = "depends on the locale; use base/number.h"
# (names, reason, files that may; a folder ends with /)
BANNED = [
    ("malloc calloc realloc free aligned_alloc posix_memalign reallocarray",
     "memory goes through base/memory.h", ["lib/base/memory.c"]),
    ("strdup strndup asprintf vasprintf getline", "allocates past base/memory.h", []),
    ("strcpy strcat strncpy strncat sprintf vsprintf gets stpcpy alloca", UNBOUNDED, []),
    ("atoi atol atoll atof scanf sscanf fscanf vsscanf strtok", UNBOUNDED, []),
    ("strtod strtof strtold", LOCALE, ["lib/base/number.c"]),
    ("setlocale localeconv newlocale uselocale strcoll toupper tolower isalpha isdigit isspace isalnum isupper islower "
     "isprint", LOCALE, []),
    ("rand srand random srandom drand48", "randomness takes a seed: base/random.h", []),
    ("asctime ctime gmtime localtime mktime strftime", "time zones come from a file packed with the release", []),
    ("tmpnam tempnam mktemp tmpfile", "is a race", []),
    ("system popen", "starts a shell", []),
]
# In lib/ only: the program may print and exit.
BANNED_IN_LIB = [
    ("printf fprintf vprintf vfprintf puts putchar fputs fputc putc perror dprintf",
     "the library never prints", []),
    ("abort exit _exit _Exit quick_exit atexit", "the library never ends the process", ["lib/os/"]),
    ("exp log log2 log10 log1p expm1 pow sin cos tan asin acos atan atan2 sinh cosh tanh",
     "the C library's bits differ between machines: base/exact.h", ["lib/base/exact.c"]),
]


def rules_for(path):
    rules = BANNED + (BANNED_IN_LIB if path.startswith("lib/") else [])
    for names, reason, homes in rules:
        if not any(path == home or home.endswith("/") and path.startswith(home) for home in homes):
            yield names.split(), reason


def check(root):
    findings = []
    for path in tree.c_files(root, ("lib", "app", "include")):
        text = tree.without_directives(tree.blanked(tree.read(root, path)))
        reasons = {name: reason for names, reason in rules_for(path) for name in names}
        pattern = re.compile(r"(?<![\w.>])(" + "|".join(reasons) + r")\s*\(")
        for match in pattern.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            findings.append(f"{path}:{line}: {match[1]}: {reasons[match[1]]}")
    return findings


if __name__ == "__main__":
    found = check(tree.ROOT)
    print("\n".join(found) or "no banned call")
    sys.exit(1 if found else 0)

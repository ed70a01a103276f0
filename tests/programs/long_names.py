#!/usr/bin/env python3
"""long_names.py LXRUN: names longer than NAME_MAX are listed and opened as natively. 77: no FUSE here, or not root.

A file system in user space may give names of up to PATH_MAX - 1 bytes, and one that stores UTF-16 up to 765.
"""
import os
import subprocess
import sys

sys.dont_write_bytecode = True
import least_fs

NAMES = ["before", "l" * 255, "m" * 256, "\u20ac" * 255, "n" * 1000, "after"]
LOOK = r"""
import os, sys
print(sorted((len(os.fsencode(name)), name) for name in os.listdir(".")))
for entry in sorted(os.scandir("."), key=lambda entry: entry.name):
    for path in (entry.name, "./" + entry.name, sys.argv[1] + "/" + entry.name):
        try:
            os.close(os.open(path, os.O_RDONLY))
            print(os.stat(path).st_size, entry.is_file())
        except OSError as error:
            print(error.errno)
"""


def look(where, *prefix):
    run = subprocess.run([*prefix, "/usr/bin/python3", "-c", LOOK, where], cwd=where, timeout=60, capture_output=True, text=True)
    return run.returncode, run.stdout, run.stderr


def compare(lxrun, where):
    natively = look(where)
    if natively[0] or "1000" not in natively[1]:
        print(f"natively: {natively}")
        return 2
    inside = look(where, lxrun)
    if inside != natively:
        print(f"natively: {natively}\nunder lxrun: {inside}")
    return int(inside != natively)


try:
    with least_fs.Mounted({name: b"" for name in NAMES}) as folder:
        sys.exit(compare(os.path.abspath(sys.argv[1]), folder))
except least_fs.Unavailable as reason:
    print(reason)
    sys.exit(77)

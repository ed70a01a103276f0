#!/usr/bin/env python3
"""calls.py TABLES OUTPUT: every call of syscalls.tbl that takes a descriptor, as C for the matrix of kinds and calls.

Writes a row CALL(name, number, selector, refused, {arguments}) for each call and sub-call of x86-64 with an argument "fd" or
"dirfd", and for each request of ioctl(2) that ioctls.tbl names and that has no row of its own. Calls that are refused as a
whole are left out; of sub-calls that are refused, a closed or O_PATH descriptor shows the order of the checks.
"""
import pathlib
import re
import sys

ROW = re.compile(r"^(\w+)(?::(\w+))? ([^(]*)\((.*?)\) = (.*)$")
# What an argument's type comes to: the name in kinds.h.
TYPES = {
    "fd": "FD", "dirfd": "DIRECTORY", "path": "PATH", "str": "STRING", "strings": "POINTER", "size": "SIZE", "ssize": "SIZE",
    "off": "OFFSET", "long": "OFFSET", "ulong": "COUNT", "uint": "COUNT", "socklen": "SIZE", "int": "INTEGER", "hex": "INTEGER",
    "hex32": "INTEGER", "uid": "ID", "gid": "ID", "pid": "PID", "mode": "MODE", "perm": "MODE", "openmode": "MODE", "dev": "ZERO",
    "signal": "SIGNAL", "addr": "ADDRESS", "ptr": "POINTER", "flags": "FLAGS", "flags64": "FLAGS", "enum": "FLAGS", "time": "OFFSET", "select": "SELECT",
}
# Never made: natively they would change the machine, not the descriptor.
HARMFUL = {"FIFREEZE", "FITHAW", "FITRIM", "TIOCCONS", "TIOCSTI", "RNDADDTOENTCNT", "RNDADDENTROPY", "KDSETMODE", "VT_ACTIVATE",
           "LOOP_SET_FD", "LOOP_CTL_GET_FREE", "BLKDISCARD", "BLKRRPART", "BLKFLSBUF", "BLKROSET"}

# Nor this: whether all flags can be taken from a file depends on where its file system has put the blocks.
UNCERTAIN = {"FS_IOC_SETFLAGS"}
NEVER = HARMFUL | UNCERTAIN


def vocabulary(text, name):
    body = re.search(rf"^enum {name}\n((?:\t.*\n)+)", text, re.M)[1]
    return {word: int(value, 0) for word, value in re.findall(r"(\w+)=(\w+)", body)}


def argument(text):
    words = text.split()
    if words[0] in ("in", "out", "inout"):
        return ("VECTOR" if words[1].startswith("iovec[") else "POINTER"), words[-1]
    return TYPES[words[0].partition(":")[0]], words[-1]


def rows(text):
    for line in re.sub(r"\\\n\s*", "", text).splitlines():
        match = None if line.startswith("#") else ROW.match(line)
        if match:
            yield match


def main():
    tables = pathlib.Path(sys.argv[1])
    flags = (tables / "flags.tbl").read_text() + (tables / "ioctls.tbl").read_text()
    selectors = {"fcntl": vocabulary(flags, "fcntl_cmd"), "ioctl": vocabulary(flags, "ioctl")}
    numbers, have, out = {}, set(), []
    for match in rows((tables / "syscalls.tbl").read_text()):
        name, selector, number, arguments, rest = match.groups()
        status = rest.split(" : ")[2].split()[0] if rest.count(" : ") > 1 else "missing"
        if not selector:
            number = number.split()[0]
            numbers[name] = number
            if number == "-" or status in ("refused", "missing"):
                continue
        if not re.search(r"(^|, )(fd|dirfd) ", arguments) or selector in NEVER:
            continue
        described = [argument(part) for part in arguments.split(", ")]
        have.add(selector)
        if selector and selector not in selectors.get(name, {}):
            continue
        value = selectors[name][selector] if selector else 0
        out.append(f'CALL("{name}{":" + selector if selector else ""}", {numbers[name]}, {value:#x}, {int(status == "refused")}, '
              + ", ".join(f'{{{kind}, "{word}"}}' for kind, word in described) + ")")
    for selector, value in selectors["ioctl"].items():
        if selector not in have and selector not in NEVER:
            out.append(f'CALL("ioctl:{selector}", {numbers["ioctl"]}, {value:#x}, 0, {{FD, "fd"}}, {{SELECT, "select"}}, '
                       '{POINTER, "argp"})')
    pathlib.Path(sys.argv[2]).write_text("\n".join(out) + "\n")


main()

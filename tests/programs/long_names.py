#!/usr/bin/env python3
"""long_names.py LXRUN: names longer than NAME_MAX are listed and opened as natively. 77: no FUSE here, or not root.

A file system in user space may give names of up to PATH_MAX - 1 bytes, and one that stores UTF-16 up to 765. This one is
the least of its kind: one directory, whose files have long names and no content.
"""
import ctypes
import os
import signal
import struct
import subprocess
import sys
import tempfile

ROOT = 1
NAMES = ["before", "l" * 255, "m" * 256, "\u20ac" * 255, "n" * 1000, "after"]
DIRECTORY, FILE = 0o040755, 0o100644
LOOKUP, GETATTR, OPEN, STATFS, RELEASE, INIT, OPENDIR, READDIR, RELEASEDIR = 1, 3, 14, 17, 18, 26, 27, 28, 29
NO_ANSWER = (2, 36, 42)  # FORGET, INTERRUPT, BATCH_FORGET
ENOENT, ENOSYS = 2, 38


def attributes(node):
    mode, links = (DIRECTORY, 2) if node == ROOT else (FILE, 1)
    return struct.pack("<6Q10I", node, 0, 0, 0, 0, 0, 0, 0, 0, mode, links, 0, 0, 0, 4096, 0)


def entries(offset, size):
    """From the offset-th on, as many as fit."""
    listed = [(".", ROOT, 4), ("..", ROOT, 4)] + [(name, index + 2, 8) for index, name in enumerate(NAMES)]
    answer = b""
    for position, (name, node, kind) in enumerate(listed):
        encoded = name.encode()
        record = struct.pack("<QQII", node, position + 1, len(encoded), kind) + encoded
        record += bytes(-len(record) % 8)
        if position < offset:
            continue
        if len(answer) + len(record) > size:
            break
        answer += record
    return answer


def reply(operation, node, body):
    """The answer's bytes, or an errno."""
    if operation == INIT:
        return struct.pack("<IIIIHHIIHHI", 7, 31, 65536, 0, 12, 9, 65536, 1, 16, 0, 0) + bytes(28)
    if operation == LOOKUP:
        name = body.rstrip(b"\0").decode()
        if name not in NAMES:
            return ENOENT
        found = NAMES.index(name) + 2
        return struct.pack("<4Q2I", found, 0, 1, 1, 0, 0) + attributes(found)
    if operation == GETATTR:
        return struct.pack("<Q2I", 1, 0, 0) + attributes(node)
    if operation in (OPEN, OPENDIR):
        return struct.pack("<QII", 0, 0, 0)
    if operation == READDIR:
        _, offset, size = struct.unpack_from("<QQI", body)
        return entries(offset, size)
    if operation == STATFS:
        return struct.pack("<5Q4I", 0, 0, 0, 0, 0, 4096, 1024, 4096, 0) + bytes(24)
    if operation in (RELEASE, RELEASEDIR):
        return b""
    return ENOSYS


def serve(device):
    signal.alarm(150)
    while True:
        try:
            request = os.read(device, 1 << 20)
        except OSError:
            os._exit(0)
        _, operation, unique, node = struct.unpack_from("<IIQQ", request)
        if operation in NO_ANSWER:
            continue
        answer = reply(operation, node, request[40:])
        error, data = (-answer, b"") if isinstance(answer, int) else (0, answer)
        os.write(device, struct.pack("<IiQ", 16 + len(data), error, unique) + data)


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


def main():
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        print(f"cannot open /dev/fuse: {error.strerror}")
        return 77
    with tempfile.TemporaryDirectory() as where:
        # A mount of our own: it goes with us, however we end.
        if libc.unshare(0x20000) != 0 or libc.mount(None, b"/", None, 0x44000, None) != 0:
            print(f"cannot have mounts of its own: {os.strerror(ctypes.get_errno())}")
            return 77
        options = f"fd={device},rootmode=40000,user_id=0,group_id=0,default_permissions".encode()
        if libc.mount(b"long_names", where.encode(), b"fuse", 6, options) != 0:
            print(f"cannot mount: {os.strerror(ctypes.get_errno())}")
            return 77
        server = os.fork()
        if server == 0:
            serve(device)
        os.close(device)
        try:
            return compare(os.path.abspath(sys.argv[1]), where)
        finally:
            libc.umount2(where.encode(), 2)
            os.waitpid(server, 0)


sys.exit(main())

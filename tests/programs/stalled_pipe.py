#!/usr/bin/env python3
"""stalled_pipe.py LXRUN: who copies a page that does not come holds up nobody who shares the pipe or file, and can be killed.

Natively the others wait with it for a pipe's mutex, so there they go on only once it is dead; under lxrun they do before.
77: no FUSE here, or not root.
"""
import os
import subprocess
import sys

sys.dont_write_bytecode = True
import least_fs

GUEST = r"""
import array, ctypes, fcntl, mmap, os, select, signal, termios, time
name = os.path.join(os.environ["FOLDER"], "stalled")
os.close(os.open(name, os.O_RDONLY))  # the kernel learns that closing is none of the server's business
file = os.open(name, os.O_RDONLY)
page = mmap.mmap(file, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE, flags=mmap.MAP_PRIVATE)
address = ctypes.addressof(ctypes.c_char.from_buffer(page))
libc = ctypes.CDLL(None)
vector = (ctypes.c_uint64 * 2)(address, 10)
memory = os.memfd_create("memory")
os.write(memory, b"remembered")
ordinary = os.open("/etc/passwd", os.O_RDONLY)
written, spliced, taken, given = [os.pipe() for _ in range(4)]
os.write(taken[1], b"kept")
os.write(given[1], b"kept too")
print("ready", flush=True)
input()


def stalls(function, *arguments):
    child = os.fork()
    if child == 0:
        function(*arguments)
        os._exit(1)
    return child


def to(descriptor):
    return descriptor, ctypes.c_void_p(address), ctypes.c_size_t(10)


children = [stalls(libc.write, *to(written[1])), stalls(libc.vmsplice, spliced[1], vector, 1, 0),
            stalls(libc.read, *to(taken[0])), stalls(libc.vmsplice, given[0], vector, 1, 0),
            stalls(libc.read, *to(ordinary)), stalls(libc.write, *to(memory)), stalls(libc.pwrite, *to(memory), ctypes.c_long(20)),
            stalls(libc.lseek, memory, 0, os.SEEK_CUR)]


def end():
    for child in children[:-1]:
        os.kill(child, signal.SIGKILL)
    for child in children:
        print(os.waitpid(child, 0)[1], flush=True)


def ready(descriptor, event):
    poll = select.poll()
    poll.register(descriptor, event)
    return poll.poll(0)[0][1]


def others_go_on():
    for reader, writer in written, spliced:
        os.set_blocking(reader, False)
        try:
            os.read(reader, 1)
        except BlockingIOError:
            print("nothing yet")
        print(os.write(writer, b"by another"), ready(reader, select.POLLIN), os.read(reader, 100), flush=True)
    for reader, writer in taken, given:
        held = array.array("i", [0])
        print(os.write(writer, b" and more"), ready(reader, select.POLLIN), ready(writer, select.POLLOUT))
        fcntl.ioctl(reader, termios.FIONREAD, held)
        os.close(writer)
        print(held[0], ready(reader, select.POLLIN) & select.POLLIN, flush=True)
    print(os.pread(memory, 10, 0), flush=True)


time.sleep(0.5)
if os.environ["FIRST"] == "others":
    others_go_on()
    end()
else:
    end()
    others_go_on()
print(os.read(taken[0], 100), os.read(given[0], 100), os.pwrite(memory, b"R", 0), os.lseek(memory, 0, os.SEEK_CUR),
      os.lseek(ordinary, 0, os.SEEK_SET), os.read(ordinary, 4), flush=True)
"""
LATE = 60  # seconds: for what hangs, not for what is slow beside others


def run(first, *prefix):
    """What the guest says while the server is stopped: it can't even take the question, so that who asks can be killed."""
    mounted = least_fs.Mounted({"stalled": None})
    with mounted as folder:
        command = [*prefix, "/usr/bin/python3", "-c", GUEST]
        with subprocess.Popen(command, env={**os.environ, "FOLDER": folder, "FIRST": first}, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
            process.stdout.readline()
            mounted.stall()
            try:
                said = process.communicate(b"\n", LATE)[0]
            except subprocess.TimeoutExpired as late:
                said = (late.stdout or b"") + b"late"
            mounted.end()
            process.kill()
    return said, process.returncode


def lines(said):
    return sorted(said[0].splitlines()), said[1]


def compare(lxrun):
    natively, inside = run("end"), run("others", lxrun)
    if lines(inside) != lines(natively):
        print(f"natively: {natively}\nunder lxrun: {inside}")
        return 1
    return 0


try:
    sys.exit(compare(os.path.abspath(sys.argv[1])))
except least_fs.Unavailable as reason:
    print(reason)
    sys.exit(77)

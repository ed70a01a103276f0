"""The least file system in user space: one directory of named files, mounted for a test of what hosts rarely have.

files: name -> content. None is a file of one page whose bytes never come; once somebody has asked for them, there is
another name, "asked". Needs root and FUSE: Unavailable says what lacks.
"""
import ctypes
import os
import signal
import struct
import tempfile

ROOT = 1
DIRECTORY, FILE = 0o040755, 0o100644
LOOKUP, GETATTR, OPEN, READ, STATFS, RELEASE, INIT, OPENDIR, READDIR, RELEASEDIR = 1, 3, 14, 15, 17, 18, 26, 27, 28, 29
NO_ANSWER = (2, 36, 42)  # FORGET, INTERRUPT, BATCH_FORGET
ENOENT, ENOSYS = 2, 38
PAGE = 4096
CLONE_NEWNS, MS_REC_PRIVATE, MNT_DETACH = 0x20000, 0x44000, 2
LIMIT = 150


class Unavailable(Exception):
    pass


class Server:
    def __init__(self, device, files):
        self.device = device
        self.names = list(files)
        self.contents = list(files.values())

    def attributes(self, node):
        mode, links, size = DIRECTORY, 2, 0
        if node != ROOT:
            content = self.contents[node - 2]
            mode, links, size = FILE, 1, PAGE if content is None else len(content)
        return struct.pack("<6Q10I", node, size, 0, 0, 0, 0, 0, 0, 0, mode, links, 0, 0, 0, PAGE, 0)

    def entries(self, offset, size):
        """From the offset-th on, as many as fit."""
        listed = [(".", ROOT, 4), ("..", ROOT, 4)] + [(name, index + 2, 8) for index, name in enumerate(self.names)]
        answer = b""
        for position, (name, node, kind) in enumerate(listed[offset:], offset):
            encoded = name.encode()
            record = struct.pack("<QQII", node, position + 1, len(encoded), kind) + encoded
            record += bytes(-len(record) % 8)
            if len(answer) + len(record) > size:
                break
            answer += record
        return answer

    def lookup(self, name):
        if name not in self.names:
            return ENOENT
        found = self.names.index(name) + 2
        return struct.pack("<4Q2I", found, 0, 0, 0, 0, 0) + self.attributes(found)

    def read(self, node, body):
        """None: never answered."""
        content = self.contents[node - 2]
        if content is None:
            if "asked" not in self.names:
                self.names.append("asked")
                self.contents.append(b"")
            return None
        _, offset, size = struct.unpack_from("<QQI", body)
        return content[offset:offset + size]

    def reply(self, operation, node, body):
        """The answer's bytes, an errno, or None."""
        if operation == INIT:
            return struct.pack("<IIIIHHIIHHI", 7, 31, 65536, 0, 12, 9, 65536, 1, 16, 0, 0) + bytes(28)
        if operation == LOOKUP:
            return self.lookup(body.rstrip(b"\0").decode())
        if operation == GETATTR:
            return struct.pack("<Q2I", 0, 0, 0) + self.attributes(node)
        if operation in (OPEN, OPENDIR):
            return struct.pack("<QII", 0, 0, 0)
        if operation == READ:
            return self.read(node, body)
        if operation == READDIR:
            _, offset, size = struct.unpack_from("<QQI", body)
            return self.entries(offset, size)
        if operation == STATFS:
            return struct.pack("<5Q4I", 0, 0, 0, 0, 0, PAGE, 1024, PAGE, 0) + bytes(24)
        if operation in (RELEASE, RELEASEDIR):
            return b""
        return ENOSYS

    def serve(self):
        signal.alarm(LIMIT)
        while True:
            try:
                request = os.read(self.device, 1 << 20)
            except OSError:
                os._exit(0)
            _, operation, unique, node = struct.unpack_from("<IIQQ", request)
            answer = None if operation in NO_ANSWER else self.reply(operation, node, request[40:])
            if answer is None:
                continue
            error, data = (-answer, b"") if isinstance(answer, int) else (0, answer)
            os.write(self.device, struct.pack("<IiQ", 16 + len(data), error, unique) + data)


class Mounted:
    """`with Mounted(files) as where:` in mounts of our own, which go with us, however we end."""

    def __init__(self, files):
        self.libc = ctypes.CDLL(None, use_errno=True)
        try:
            device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            raise Unavailable(f"cannot open /dev/fuse: {error.strerror}") from None
        self.check("have mounts of its own", self.libc.unshare(CLONE_NEWNS))
        self.check("have mounts of its own", self.libc.mount(None, b"/", None, MS_REC_PRIVATE, None))
        self.folder = tempfile.mkdtemp()
        options = f"fd={device},rootmode=40000,user_id=0,group_id=0,default_permissions".encode()
        self.check("mount", self.libc.mount(b"least_fs", self.folder.encode(), b"fuse", 6, options))
        self.server = os.fork()
        if self.server == 0:
            Server(device, files).serve()
        os.close(device)

    @staticmethod
    def check(what, result):
        if result != 0:
            raise Unavailable(f"cannot {what}: {os.strerror(ctypes.get_errno())}")

    def __enter__(self):
        return self.folder

    def stall(self):
        """No request is taken any more: it has stopped, and not only been told to; it took the next one first."""
        os.kill(self.server, signal.SIGSTOP)
        os.waitid(os.P_PID, self.server, os.WSTOPPED)

    def end(self):
        """No request is answered any more; those that wait fail."""
        if self.server:
            os.kill(self.server, signal.SIGKILL)
            os.waitpid(self.server, 0)
            self.server = 0

    def __exit__(self, *_):
        self.end()
        self.libc.umount2(self.folder.encode(), MNT_DETACH)
        os.rmdir(self.folder)

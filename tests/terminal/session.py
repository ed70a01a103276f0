"""A program on a pseudo-terminal of its own, as a user sits before it: type, and wait for what appears."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

LIMIT = 40.0


class Failure(Exception):
    pass


class Session:
    """`argv` as the leader of a session whose terminal it is. Everything that it shows is kept in `output`."""

    def __init__(self, argv, environment=None, rows=24, columns=80):
        self.output = b""
        self.position = 0
        self.status = None
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            try:
                fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
                os.closerange(3, 256)
                signal.signal(signal.SIGPIPE, signal.SIG_DFL)
                os.execvpe(argv[0], argv, environment or plain_environment())
            finally:
                os._exit(127)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()
        os.close(self.master)

    def kill(self):
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            _, self.status = os.waitpid(self.pid, 0)

    def send(self, text):
        os.write(self.master, text.encode())

    def _read(self, deadline):
        """More output; False at the terminal's end."""
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([self.master], [], [], left)[0]:
            raise Failure(f"nothing more for {LIMIT} s after {self.output[-2000:]!r}")
        try:
            data = os.read(self.master, 65536)
        except OSError:
            return False
        self.output += data
        return bool(data)

    def wait_for(self, pattern):
        """Until the regular expression matches what came since the last match: the match, as text."""
        deadline = time.monotonic() + LIMIT
        expression = re.compile(pattern.encode(), re.S)
        while True:
            found = expression.search(self.output, self.position)
            if found:
                self.position = found.end()
                return found.group(0).decode(errors="replace")
            try:
                if not self._read(deadline):
                    raise Failure(f"{pattern!r} did not come before the end of {self.output[-2000:]!r}")
            except Failure as failure:
                raise Failure(f"waiting for {pattern!r}: {failure}") from None

    def end(self):
        """Read to the end; how the program ended, as os.waitpid() tells it."""
        deadline = time.monotonic() + LIMIT
        while self._read(deadline):
            pass
        _, self.status = os.waitpid(self.pid, 0)
        return self.status

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def attributes(self):
        return termios.tcgetattr(self.master)

    def rest(self):
        """What was shown and not waited for yet."""
        return self.output[self.position:].decode(errors="replace")


def plain_environment(**more):
    environment = {"PATH": os.environ["PATH"], "TERM": "xterm", "PS1": "ready> ", "LC_ALL": "C.UTF-8", "HOME": "/nonexistent"}
    environment.update(more)
    return environment


def without_ids(text):
    """Process ids are each run's own."""
    return re.sub(r"\b\d+\b", "ID", text)



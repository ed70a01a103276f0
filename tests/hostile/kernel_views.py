#!/usr/bin/env python3
"""kernel_views.py LXRUN: no view of the host's kernel is a guest's, by whatever way it is reached.

Mounts proc, sysfs, cgroup2 and others in places of its own, in a mount namespace of its own, and runs itself as a guest that
tries to get through them at lxrun's memory, the host's processes and its settings: as root, as root that drops its
privileges, and for another user; with inherited descriptors and started in such a place. Each attempt must fail with EACCES;
natively, as root, the same attempts must succeed, or they would show nothing.
"""
import errno
import os
import stat
import subprocess
import sys
import tempfile

NOBODY = 65534
# (name, type, options): what isn't there on this host is left out.
MOUNTS = [("proc", "proc", ""), ("sys", "sysfs", ""), ("cgroup", "cgroup2", ""), ("debug", "debugfs", ""),
          ("trace", "tracefs", ""), ("security", "securityfs", ""), ("bpf", "bpf", ""), ("config", "configfs", ""),
          ("binfmt", "binfmt_misc", ""), ("mqueue", "mqueue", ""), ("pstore", "pstore", ""), ("efi", "efivarfs", ""),
          ("fusectl", "fusectl", ""), ("selinux", "selinuxfs", ""), ("pts", "devpts", "newinstance,ptmxmode=666"),
          ("resctrl", "resctrl", "")]
READ, WRITE = os.O_RDONLY, os.O_RDWR


def attempt(action):
    """The errno that an action ends with; 0 if it has done what it should not."""
    try:
        action()
    except OSError as error:
        return error.errno
    return 0


def outcome(action):
    return errno.errorcode.get(attempt(action), "done")


def opened(path, flags, at=None):
    return lambda: os.close(os.open(path, flags, 0o600, dir_fd=at))


def in_child(action):
    """The same action, where it can't change this process."""
    def run_child():
        child = os.fork()
        if child == 0:
            os._exit(attempt(action))
        number = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if number:
            raise OSError(number, os.strerror(number))
    return run_child


def through(base, action):
    """An action that is given a descriptor which only names `base`."""
    def with_descriptor():
        named = os.open(base, os.O_PATH)
        try:
            action(named)
        finally:
            os.close(named)
    return with_descriptor


def relative(base, name, flags):
    return through(base, lambda named: opened(name, flags, named)())


def reopened(path, flags):
    return through(path, lambda named: opened("/proc/self/fd/%d" % named, flags)())


def gone_into(base, name, flags):
    return in_child(through(base, lambda named: (os.fchdir(named), opened(name, flags)())))


def executed(path):
    return in_child(lambda: os.execv(path, ["x", "-c", ""]))


def may_write(path):
    if not os.access(path, os.W_OK):
        raise OSError(errno.EACCES, path)


def made(path, make, remove):
    make(path)
    remove(path)


def attempts_on_proc(proc):
    for name in "self/mem", "self/task/../mem", "self/oom_score_adj", "sys/kernel/core_pattern", "self/comm":
        yield name + " for writing", opened(proc + "/" + name, WRITE)
    for name in ("self/maps", "self/environ", "1/stat", "self/root/etc/passwd", "self/cwd", "self/exe", "self/fd", "self/task",
                 "sys", "", "."):
        yield name, opened(proc + "/" + name, READ)
    yield "executed", executed(proc + "/self/exe")
    yield "a shell by its root", executed(proc + "/self/root/bin/sh")
    yield "its link read", lambda: os.readlink(proc + "/self")
    yield "listed", lambda: os.listdir(proc)
    yield "relative", relative(proc, "self/mem", WRITE)
    yield "relative and up", relative(proc, "./self/../self/maps", READ)
    yield "reopened", reopened(proc, READ)
    yield "gone into", gone_into(proc, "self/mem", WRITE)
    yield "looked at", lambda: os.stat(proc + "/self/stat")
    yield "made or opened", opened(proc + "/self/comm", WRITE | os.O_CREAT)


def attempts_on_sysfs(sysfs):
    file = sysfs + "/kernel/profiling"
    for flags in WRITE, os.O_WRONLY | os.O_TRUNC, os.O_WRONLY | os.O_CREAT:
        yield "flags %o" % flags, opened(file, flags)
    yield "relative for writing", relative(sysfs, "kernel/profiling", WRITE)
    yield "reopened for writing", reopened(file, WRITE)
    yield "asked for writing", lambda: may_write(file)


def attempts_on_bound(tree):
    for flags in READ, WRITE, os.O_WRONLY | os.O_TRUNC, os.O_WRONLY | os.O_CREAT:
        yield "file, flags %o" % flags, opened(tree + "/bound", flags)
    yield "file reopened", reopened(tree + "/bound", WRITE)
    yield "file truncated", lambda: os.truncate(tree + "/bound", 0)
    yield "directory", opened(tree + "/deep/net", READ)
    yield "file of a directory", relative(tree + "/deep", "net/dev", READ)
    yield "namespace", opened(tree + "/namespace", READ)


def list_attempts(root):
    """Pairs of a name and an action, for all that is mounted below `root`."""
    at = lambda name: os.path.join(root, name)
    groups = [(base, attempts_on_proc(at(base))) for base in ("proc", "all/proc", "link")]
    groups += [(base, attempts_on_sysfs(at(base))) for base in ("sys", "all/sys")]
    groups.append(("bound", attempts_on_bound(at("tree"))))
    for base, attempts in groups:
        for name, action in attempts:
            yield base + ", " + name, action
    yield "cgroup.procs for writing", opened(at("cgroup/cgroup.procs"), WRITE)
    yield "cgroup.procs", opened(at("cgroup/cgroup.procs"), READ)
    yield "a group", lambda: made(at("cgroup/lxrun-test"), os.mkdir, os.rmdir)
    if os.path.exists(at("tree/messages")):
        yield "the host's messages", opened(at("tree/messages"), WRITE)
    yield "a queue", lambda: made(at("mqueue/lxrun-test"), lambda path: opened(path, os.O_CREAT | WRITE)(), os.unlink)
    for name, _, _ in MOUNTS:
        if name != "sys" and os.path.ismount(at(name)):
            yield name + " opened", opened(at(name), READ | os.O_DIRECTORY)
            yield name + " gone into", in_child(lambda path=at(name): os.chdir(path))


def guest(root, drop, inherited):
    if drop:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    for name, action in list_attempts(root):
        print("%s: %s" % (name, outcome(action)))
    for number in inherited:
        for name in "self/mem", "self/maps", "1/stat", "self", "..", ".", "kernel/profiling", "cgroup.procs":
            print("inherited %d, %s: %s" % (number, name, outcome(opened(name, WRITE if name == "self/mem" else READ, number))))
        print("inherited %d read: %s" % (number, outcome(lambda: os.read(number, 10))))
        print("inherited %d reopened: %s" % (number, outcome(opened("/proc/self/fd/%d" % number, READ))))
    # What guests may have: the mount points' attributes, sysfs for reading, and what tells how much there is.
    os.stat(os.path.join(root, "proc"))
    for harmless in "proc/meminfo", "sys/kernel/uevent_seqnum", "cgroup/cgroup.controllers", "tree/file":
        open(os.path.join(root, harmless)).read()
    made(os.path.join(root, "tree/made-%d" % os.geteuid()), lambda path: open(path, "w").close(), os.unlink)


def run(command, **options):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, **options)


def mount(*arguments):
    return run(["mount"] + list(arguments)).returncode == 0


def make_tree(root):
    os.chmod(root, 0o755)
    for name, kind, options in MOUNTS:
        os.mkdir(os.path.join(root, name))
        if not mount("-t", kind, *(["-o", options] if options else []), "none", os.path.join(root, name)) and name in ("proc", "sys", "cgroup", "mqueue"):
            print("cannot mount %s" % kind)
            sys.exit(77)
    os.symlink("proc", os.path.join(root, "link"))
    tree = os.path.join(root, "tree")
    os.mkdir(tree)
    mount("-t", "tmpfs", "none", tree)
    os.chmod(tree, 0o1777)
    os.makedirs(os.path.join(tree, "deep/net"))
    for name in "file", "bound", "namespace":
        open(os.path.join(tree, name), "w").write("x")
    mount("--bind", "/proc/sys/kernel/panic", os.path.join(tree, "bound"))
    mount("--bind", "/proc/self/ns/uts", os.path.join(tree, "namespace"))
    mount("--bind", "/proc/1/net", os.path.join(tree, "deep/net"))
    messages = os.path.join(tree, "messages")
    os.mknod(messages, 0o666 | stat.S_IFCHR, os.makedev(1, 11))
    os.chmod(messages, 0o666)
    if attempt(opened(messages, WRITE)):
        os.unlink(messages)
    os.mkdir(os.path.join(root, "all"))
    mount("--rbind", "/", os.path.join(root, "all"))


def check(what, answer, allowed):
    lines = [line for line in answer.stdout.splitlines() if line.rsplit(": ", 1)[-1] not in allowed]
    if answer.returncode or lines or not answer.stdout:
        print("%s: status %d\n%s" % (what, answer.returncode, "\n".join(lines) or answer.stdout[-2000:]))
        return 1
    print("%s: %d attempts" % (what, len(answer.stdout.splitlines())))
    return 0


def main(lxrun):
    root = tempfile.mkdtemp(dir="/tmp")
    make_tree(root)
    me = [sys.executable, os.path.abspath(__file__), "--guest", root]
    directories = [os.open(os.path.join(root, name), os.O_RDONLY) for name in ("proc", "cgroup", "proc/self", "debug")]
    directories.append(os.open(os.path.join(root, "proc/sys/kernel/panic"), os.O_RDWR))
    for number in directories:
        os.set_inheritable(number, True)
    numbers = [str(number) for number in directories]
    as_nobody = ["setpriv", "--reuid=%d" % NOBODY, "--regid=%d" % NOBODY, "--clear-groups"]
    refused = ("EACCES",)
    # An attempt on a descriptor that only names its file, or that is no directory.
    of_names = refused + ("EBADF", "ENOTDIR")
    failed = check("natively", run(me + ["root"]), ("done",))
    for what, command, options in (
            ("root", [lxrun] + me + ["root"], {}),
            ("root without privileges", [lxrun] + me + ["drop"], {}),
            ("another user", as_nobody + [lxrun] + me + ["root"], {}),
            ("started in proc", [lxrun] + me + ["root"], {"cwd": os.path.join(root, "proc/self")})):
        # The host itself may refuse who has no privileges, for its own reason.
        failed |= check(what, run(command, **options), refused + (("EPERM",) if what in ("another user", "root without privileges") else ()))
    failed |= check("inherited", run([lxrun] + me + ["root"] + numbers, pass_fds=directories), of_names)
    return failed


if __name__ == "__main__":
    if sys.argv[1] == "--guest":
        guest(sys.argv[2], sys.argv[3] == "drop", [int(number) for number in sys.argv[4:]])
    elif os.geteuid() != 0 or "kernel_views_inside" not in os.environ:
        if os.geteuid() != 0 or subprocess.run(["unshare", "-m", "true"]).returncode:
            print("cannot mount: not root")
            sys.exit(77)
        os.environ["kernel_views_inside"] = "1"
        os.execvp("unshare", ["unshare", "-m", "--propagation", "private", sys.executable] + sys.argv)
    else:
        sys.exit(main(os.path.abspath(sys.argv[1])))

#!/usr/bin/env python3
"""sticky.py LXRUN: fs.protected_symlinks, protected_hardlinks, protected_fifos and protected_regular hold for guests.

Runs itself natively and as a guest, as root and as another user, in a directory that everybody may write to, and compares.
The settings are the host's: they are switched on for the time of the test, by root alone, and by one such test at a time.
"""
import errno
import fcntl
import os
import subprocess
import sys
import tempfile

SETTINGS = {"protected_symlinks": "1", "protected_hardlinks": "1", "protected_fifos": "2", "protected_regular": "2"}
USERS = {"root": 0, "nobody": 65534, "daemon": 1}
READ, MAKE = os.O_RDONLY | os.O_NONBLOCK, os.O_RDWR | os.O_CREAT | os.O_NONBLOCK


def attempt(action):
    try:
        result = action()
    except OSError as error:
        return errno.errorcode[error.errno]
    if type(result) is int:
        os.close(result)
    return "done"


def guest(user):
    os.setgroups([])
    os.setresgid(USERS[user], USERS[user], USERS[user])
    os.setresuid(USERS[user], USERS[user], USERS[user])
    for place in "open", "plain":
        for owner in USERS:
            base = "%s/%s-" % (place, owner)
            actions = [("opened", lambda: os.open(base + "link", READ)), ("looked at", lambda: os.stat(base + "link") and None),
                       ("itself", lambda: os.lstat(base + "link") and None), ("read", lambda: os.readlink(base + "link") and None),
                       ("with a slash", lambda: os.listdir(base + "dirlink/") and None),
                       ("with a dot", lambda: os.listdir(base + "dirlink/.") and None),
                       ("passed", lambda: os.stat(base + "dirlink/x") and None), ("gone into", lambda: os.stat(base + "dirlink") and None),
                       ("emptied", lambda: os.truncate(base + "link", 0)), ("through another", lambda: os.stat(base + "twice") and None),
                       ("through it to another", lambda: os.stat(base + "across") and None),
                       ("at its end", lambda: os.stat("to-%s-%s" % (place, owner)) and None),
                       ("made through", lambda: os.open(base + "dangling", MAKE)),
                       ("linked", lambda: os.link(base + "file", base + "new-" + user)),
                       ("file made or opened", lambda: os.open(base + "file", MAKE)), ("file opened", lambda: os.open(base + "file", READ)),
                       ("queue made or opened", lambda: os.open(base + "queue", MAKE)), ("queue opened", lambda: os.open(base + "queue", READ))]
            print(user, base, ", ".join("%s %s" % (name, attempt(action)) for name, action in actions))


def make_tree():
    for place, mode in ("open", 0o1777), ("plain", 0o777):
        os.mkdir(place)
        os.chmod(place, mode)
        for owner, number in USERS.items():
            base = "%s/%s-" % (place, owner)
            os.mkdir(base + "dir")
            open(base + "dir/x", "w").close()
            open(base + "file", "w").close()
            os.chmod(base + "file", 0o666)
            os.mkfifo(base + "queue")
            os.chmod(base + "queue", 0o666)
            os.symlink("/etc/hostname", base + "link")
            os.symlink("%s-dir" % owner, base + "dirlink")
            os.symlink("%s-link" % owner, base + "twice")
            os.symlink("../%s/%s-dirlink/x" % (place, owner), base + "across")
            os.symlink("../%s-%s-made" % (place, owner), base + "dangling")
            os.symlink(base + "link", "to-%s-%s" % (place, owner))
            for name in "dir", "file", "queue", "link", "dirlink", "twice", "across", "dangling":
                os.lchown(base + name, number, number)
    # Of the directory's owner, where that is not root.
    os.chown("plain", 1, 1)


def run(prefix, user):
    with tempfile.TemporaryDirectory(dir="/tmp") as root:
        os.chmod(root, 0o777)
        os.chdir(root)
        make_tree()
        out = subprocess.run(prefix + [sys.executable, os.path.abspath(__file__), "--guest", user], stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True, timeout=120).stdout
        os.chdir("/")
        return out.splitlines()


def main(lxrun):
    failed = 0
    for user in USERS:
        native, under = run([], user), run([lxrun], user)
        if len(native) != 2 * len(USERS) or not native[0].startswith(user) or native != under:
            failed = 1
            for line in [x for x in native if x not in under]:
                print("native", line)
            for line in [x for x in under if x not in native]:
                print("lxrun ", line)
    if not failed and not any("EACCES" in line for line in run([], "nobody")):
        print("nothing was refused natively")
        return 1
    return failed


if __name__ == "__main__":
    if sys.argv[1] == "--guest":
        guest(sys.argv[2])
        sys.exit(0)
    before = {}
    try:
        # Who comes second would see the first one's settings, and lose them when that puts them back.
        turn = open("/proc/sys/fs/protected_symlinks")
        fcntl.flock(turn, fcntl.LOCK_EX)
        for name, value in SETTINGS.items():
            before[name] = open("/proc/sys/fs/" + name).read()
            open("/proc/sys/fs/" + name, "w").write(value)
    except OSError as error:
        print("cannot switch the settings on:", error)
        result = 77
    else:
        result = main(os.path.abspath(sys.argv[1]))
    finally:
        for name, value in before.items():
            open("/proc/sys/fs/" + name, "w").write(value)
    sys.exit(result)

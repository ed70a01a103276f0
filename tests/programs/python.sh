# python3: threads, subprocess, multiprocessing.Pool, signal, mmap, tempfile.
cat >work.py <<'P'
import mmap, multiprocessing, os, signal, subprocess, sys, tempfile, threading, time, hashlib

def square(x):
    return x * x

def main():
    total = []
    lock = threading.Lock()
    def worker(n):
        for i in range(1000):
            with lock:
                total.append(n)
    threads = [threading.Thread(target=worker, args=(i,)) for i in range(8)]
    [t.start() for t in threads]; [t.join() for t in threads]
    print(len(total))
    print(subprocess.run(["sh", "-c", "echo out; echo err >&2; exit 3"], capture_output=True))
    with multiprocessing.Pool(2) as pool:
        print(pool.map(square, range(10)))
    signal.signal(signal.SIGUSR1, lambda s, f: print("signal", s))
    os.kill(os.getpid(), signal.SIGUSR1)
    with tempfile.TemporaryFile() as f:
        f.truncate(8192)
        m = mmap.mmap(f.fileno(), 8192)
        m[0:5] = b"hello"; m[4096:4100] = b"page"; m.flush()
        f.seek(4096); print(f.read(4), m[0:5]); m.close()
    q = multiprocessing.Queue()
    p = multiprocessing.Process(target=lambda: q.put(os.getpid() > 0)); p.start(); print(q.get()); p.join(); print(p.exitcode)
    e = threading.Event(); t = threading.Timer(0.05, e.set); t.start(); print(e.wait(5))
    signal.setitimer(signal.ITIMER_REAL, 0.05); signal.signal(signal.SIGALRM, lambda s, f: print("alarm")); signal.pause()
    print(sorted(os.listdir("/proc/self/fd"))[:3], os.readlink("/proc/self/cwd") == os.getcwd())
    print(hashlib.sha256(open(sys.executable, "rb").read()).hexdigest() == subprocess.check_output(["sha256sum", sys.executable]).split()[0].decode())
    try:
        open("/nonexistent")
    except OSError as x:
        print(x)
    r, w = os.pipe(); os.write(w, b"x" * 100); print(len(os.read(r, 1000)))
    pid = os.fork()
    if pid == 0:
        os._exit(9)
    print(os.waitpid(pid, 0)[1] >> 8)
    print(os.uname().sysname, os.cpu_count() > 0, time.time() > 1.6e9)

multiprocessing.set_start_method("fork")
main()
P
exec python3 work.py

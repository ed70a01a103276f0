#!/usr/bin/env python3
"""fuzz_elf.py LXRUN COMPILER [COUNT]: hostile ELF files, executed natively and under lxrun.

COUNT mutants of a small static and a small dynamic program, from fixed seeds: truncated, with bytes changed in the headers,
with hostile values in single fields. A launcher (itself run natively and under lxrun) executes each and reports execve's
errno or the end of the process; the two reports must agree, but for what EXPECTED.md lists under "ELF files".
"""
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile

LAUNCHER = r"""
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>
#include <fcntl.h>
int main(int argc, char **argv)
{
	volatile int *error = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int count = atoi(argv[2]);
	for (int i = atoi(argv[1]); i < count; i++) {
		struct itimerval limit = {.it_value = {5, 0}};
		char path[64];
		int status;
		snprintf(path, sizeof(path), "m%d", i);
		*error = 0;
		pid_t child = fork();
		if (child == 0) {
			char *const arguments[] = {path, NULL}, *const environment[] = {NULL};
			setitimer(ITIMER_REAL, &limit, NULL);
			close(1);
			close(2);
			execve(path, arguments, environment);
			*error = errno;
			_exit(126);
		}
		waitpid(child, &status, 0);
		if (*error)
			printf("%s: errno %d\n", path, *error);
		else if (WIFSIGNALED(status))
			printf("%s: signal %d\n", path, WTERMSIG(status));
		else
			printf("%s: exit %d\n", path, WEXITSTATUS(status));
		fflush(stdout);
	}
	return 0;
}
"""
PROGRAM = "int main(void) { return 42; }\n"
STATIC = """
__attribute__((noreturn)) void _start(void) { __asm__ volatile("mov $60, %eax; mov $42, %edi; syscall"); __builtin_unreachable(); }
"""
VALUES = [0, 1, 2, 3, 4, 7, 8, 0x1f, 0x38, 0x40, 0x7f, 0xff, 0xfff, 0x1000, 0x1001, 0x7fff, 0xffff, 0x10000, 0x120000, 0x1c0000, 0x400000,
          0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 0x7ffffffff000, 0x7fffffffffff, 0x800000000000, 0x7fffffffffffffff,
          0x8000000000000000, 0xfffffffffffff000, 0xffffffffffffffff]
# offset and size of the ELF header's fields behind e_ident, and of a program header's
HEADER = [(16, 2), (18, 2), (20, 4), (24, 8), (32, 8), (40, 8), (48, 4), (52, 2), (54, 2), (56, 2), (58, 2), (60, 2), (62, 2)]
SEGMENT = [(0, 4), (4, 4), (8, 8), (16, 8), (24, 8), (32, 8), (40, 8), (48, 8)]


def set_field(image, offset, size, value):
    image[offset:offset + size] = (value & (1 << 8 * size) - 1).to_bytes(size, "little")


def mutate(original, seed):
    """One mutant, and what was done."""
    chance = random.Random(seed)
    image = bytearray(original)
    segments, count = struct.unpack_from("<Q", image, 32)[0], struct.unpack_from("<H", image, 56)[0]
    way = chance.randrange(5)
    if way == 0:
        del image[chance.choice([chance.randrange(len(image)), chance.randrange(0x400), chance.choice([0, 1, 4, 16, 63, 64, 65, 119, 120])]):]
        return image, f"cut to {len(image)}"
    done = []
    for _ in range(chance.choice([1, 1, 1, 2, 4])):
        if way == 1:
            at = chance.randrange(min(len(image), segments + 56 * count))
            image[at] = chance.choice([0, 0xff, image[at] ^ 1 << chance.randrange(8), chance.randrange(256)])
            done.append(f"byte {at:#x} = {image[at]:#x}")
        elif way == 2:
            offset, size = chance.choice(HEADER)
            value = chance.choice(VALUES)
            set_field(image, offset, size, value)
            done.append(f"header {offset} = {value:#x}")
        else:
            which = chance.randrange(count)
            offset, size = chance.choice(SEGMENT)
            value = chance.choice(VALUES)
            if way == 4:
                old = int.from_bytes(image[segments + 56 * which + offset:][:size], "little")
                value = old + chance.choice([1, -1, 8, 0x1000, -0x1000, 0x800, 1 << 32])
            set_field(image, segments + 56 * which + offset, size, value)
            done.append(f"segment {which}, {offset} = {value:#x}")
    return image, ", ".join(done)


def build(compiler, text, name, *flags):
    with open(name + ".c", "w", encoding="ascii") as file:
        file.write(text)
    subprocess.run([compiler, "-O1", "-w", "-o", name, name + ".c", *flags], check=True)
    with open(name, "rb") as file:
        return file.read()


def report(command, first, count):
    try:
        result = subprocess.run([*command, "./launcher", str(first), str(count)], capture_output=True, timeout=280, check=False)
    except subprocess.TimeoutExpired as late:
        sys.exit(f"{command}: hangs behind {(late.stdout or b'').decode().splitlines()[-1:]}")
    if result.stderr or result.returncode:
        sys.exit(f"{command}: status {result.returncode}: {result.stderr.decode(errors='replace')}")
    return result.stdout.decode().splitlines()


def is_expected(native, guest, image):
    """EXPECTED.md, "ELF files": segments where the platform lies can't be had; no 32-bit programs; memory is not accounted."""
    count, start = struct.unpack_from("<H", image, 56)[0], struct.unpack_from("<Q", image, 32)[0]
    if image[18:20] == b"\x03\x00":
        return guest.endswith("errno 8")
    for i in range(count):
        if start + 56 * (i + 1) > len(image):
            break
        kind, _, _, address, _, file_size, size, _ = struct.unpack_from("<IIQQQQQQ", image, start + 56 * i)
        if 0x120000 <= address < 0x1c0000 or kind == 1 and size - file_size > 1 << 36:
            return True
        if kind == 1 and struct.unpack_from("<H", image, 16)[0] == 2 and address < 0x1c0000 and address + size > 0x1000:
            return True
    return False


def main():
    lxrun, compiler = os.path.abspath(sys.argv[1]), sys.argv[2]
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 1500
    work = tempfile.mkdtemp(prefix="fuzz_elf.")
    os.chdir(work)
    try:
        build(compiler, LAUNCHER, "launcher")
        originals = [build(compiler, STATIC, "static", "-static", "-nostdlib", "-fno-asynchronous-unwind-tables", "-Wl,--build-id=none"),
                     build(compiler, PROGRAM, "dynamic"), build(compiler, STATIC, "pie", "-static-pie", "-nostdlib"),
                     build(compiler, PROGRAM, "fixed", "-no-pie")]
        mutants = []
        for i in range(count):
            image, what = mutate(originals[i % len(originals)], i)
            mutants.append((image, what))
            with open(f"m{i}", "wb") as file:
                file.write(image)
            os.chmod(f"m{i}", 0o755)
        native, guest = report([], 0, count), report([lxrun], 0, count)
        different = 0
        for (image, what), one, other in zip(mutants, native, guest):
            if one != other and not is_expected(one, other, image + bytes(64)):
                different += 1
                if different <= 40:
                    print(f"native {one}; lxrun {other.split(': ')[1]} ({what})")
        if len(guest) != count:
            sys.exit(f"lxrun reported {len(guest)} of {count}")
        if different:
            sys.exit(f"{different} of {count} differ")
        print(f"{count} mutants, none ends otherwise than natively")
    finally:
        shutil.rmtree(work)


main()

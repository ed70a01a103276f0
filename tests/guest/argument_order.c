/*
 * What is wrong with a call is told in the kernel's order, and numbers are as wide and as signed as the kernel's: calls with
 * several bad arguments at once, and with bits where nobody looks.
 */
#include "observe.h"

#include <linux/sched.h>
#include <linux/mempolicy.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <time.h>

#define BAD ((void *)8)
#define KERNEL ((void *)0xffff800000000000)
#define WIDE 0x100000000l
#define HIGH_BIT 0x80000000l
#define ANYTHING INT32_MAX

static char page[65536] __attribute__((aligned(4096)));
static long ones[512] __attribute__((aligned(4096))) = {[0 ... 511] = -1};

static long raw(unsigned long number)
{
	long result;

	__asm__ volatile("syscall" : "=a"(result) : "a"(number) : "rcx", "r11", "memory");
	return result;
}

static void numbers(void)
{
	static const unsigned long wide[] = {
		0x3fffffff, 0x40000000, 0x40000027, 0x40000001, 0x7fffffff, 0x80000000, 0x80000027, 0xc0000000, 0xffffffff,
		0xffffffffffffffff, 0x8000000000000000, 337, 423, 1000, 600,
	};

	section("numbers of no call");
	for (size_t i = 0; i < sizeof(wide) / sizeof(wide[0]); i++)
		printf("%lx = %ld\n", wide[i], raw(wide[i]));
	/* Its low half is the number. */
	printf("%d\n", raw(0x100000027) == getpid());
}

static void clocks(void)
{
	struct timeval time = {-1, 1000000}, long_second = {1, 1000000};
	struct timespec nothing = {0}, zone = {5, 0};
	static const int clocks[] = {0, 1, 2, 3, 4, 5, 7, 10, 12, 100, -1, -2, -5, -3, INT32_MIN};
	struct utsname host;

	section("clocks");
	uname(&host);
	CALL(settimeofday, &time, NULL);
	CALL(settimeofday, &long_second, NULL);
	CALL(settimeofday, &long_second, BAD);
	CALL(settimeofday, BAD, BAD);
	for (size_t i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
		int clock = clocks[i], timer;

		printf("clock %d\n", clock);
		CALL(clock_settime, clock, NULL);
		CALL(clock_settime, clock, ones);
		if (clock)
			CALL(clock_settime, clock, &nothing);
		CALL(clock_adjtime, clock, NULL);
		CALL(clock_adjtime, clock, at_page_end(sizeof(struct timex) - 1));
		if (clock)
			CALL(clock_adjtime, clock, page);
		CALL(clock_nanosleep, clock, 0, BAD, NULL);
		CALL(clock_nanosleep, clock, 0, ones, NULL);
		CALL(clock_nanosleep, clock, 77, ones, BAD);
		CALL(timer_create, clock, BAD, &timer);
		CALL(timer_create, clock, page, NULL);
		CALL(timer_create, clock, NULL, NULL);
		CALL(timer_create, clock, ones, NULL);
	}
	CALL(clock_settime, 0, ones);
	zone.tv_nsec = 1000000000;
	CALL(clock_settime, 0, &zone);
	CALL(adjtimex, at_page_end(sizeof(struct timex) - 1));
}

static void policies(void)
{
	long mask = 1;
	int mode;

	section("where memory lies");
	CALL(get_mempolicy, BAD, BAD, 0x7fffffffffffffff, 0, 0);
	CALL(get_mempolicy, NULL, BAD, 0, 0, 0);
	CALL(get_mempolicy, &mode, &mask, 64, page, 99);
	CALL(get_mempolicy, NULL, NULL, 0, NULL, MPOL_F_ADDR);
	CALL(set_mempolicy, 99, BAD, 0x7fffffffffffffff);
	CALL(set_mempolicy, MPOL_BIND, BAD, 0x7fffffffffffffff);
	CALL(set_mempolicy, MPOL_BIND, BAD, 64);
	CALL(set_mempolicy, MPOL_BIND, &mask, 0);
	CALL(mbind, 1, 4096, MPOL_BIND, BAD, 64, 0);
	CALL(mbind, 1, 4096, MPOL_DEFAULT, NULL, 0, 0);
	CALL(mbind, 1, 4096, MPOL_DEFAULT, NULL, 0, 0x4000);
	CALL(mbind, page, -1, MPOL_DEFAULT, NULL, 0, 0);
	CALL(mbind, KERNEL, 0, MPOL_DEFAULT, NULL, 0, 0);
	CALL(set_mempolicy_home_node, page, 4096, 0, 1);
	CALL(set_mempolicy_home_node, 1, 4096, 0, 0);
	CALL(set_mempolicy_home_node, page, 4096, 9999, 0);
	CALL(move_pages, 0, -1, NULL, NULL, NULL, 0);
	CALL(move_pages, 0, 1, BAD, NULL, page, 2);
	CALL(move_pages, 0, 1, BAD, NULL, page, 99);
	CALL(move_pages, ANYTHING, 1, BAD, NULL, page, 99);
	CALL(move_pages, ANYTHING, 1, BAD, NULL, page, 2);
	CALL(migrate_pages, 0, 0x7fffffffffffffff, BAD, BAD);
	CALL(migrate_pages, ANYTHING, 64, BAD, &mask);
	CALL(migrate_pages, ANYTHING, 64, &mask, &mask);
}

static void own_pages(void)
{
	void *pages[2] = {page, page + 4096};
	int status[2] = {-1, -1};
	long mask = 1;

	section("one's own pages");
	page[0] = page[4096] = 1;
	OBSERVE(syscall(SYS_move_pages, getpid(), 2, pages, NULL, status, 2));
	printf("%d %d\n", status[0], status[1]);
	OBSERVE(syscall(SYS_migrate_pages, getpid(), 64, &mask, &mask));
	OBSERVE(syscall(SYS_migrate_pages, getpid(), 64, &mask, BAD));
}

static void memory(void)
{
	section("memory");
	CALL(mprotect, page, 4096, WIDE | PROT_READ);
	CALL(mprotect, page, 4096, 0x40);
	CALL(mprotect, page + 1, 4096, 0x40);
	CALL(mprotect, page, -1, 0x40);
	CALL(mprotect, page, 0, 0x40);
	CALL(pkey_mprotect, NULL, 0, PROT_READ, 99);
	CALL(pkey_mprotect, NULL, 4096, PROT_READ, 99);
	CALL(pkey_mprotect, NULL, 4096, PROT_READ, -1);
	CALL(pkey_mprotect, page, 4096, PROT_READ | PROT_WRITE, 0);
	CALL(pkey_mprotect, page, 4096, PROT_READ | PROT_WRITE, -1);
	CALL(pkey_mprotect, page + 1, 4096, PROT_READ, 99);
	CALL(mlock, 8, -1);
	CALL(munlock, 8, -1);
	CALL(mlock, page, -1);
	CALL(mlock, -1, 0);
	CALL(mlock, -1, 1);
	CALL(mlock2, -1, 1, WIDE);
	CALL(mlock2, page, 1, 2);
	CALL(mincore, NULL, 1, KERNEL);
	CALL(mincore, KERNEL, 0, page);
	CALL(mincore, page, 0, KERNEL);
	CALL(mincore, page, 0, BAD);
	CALL(mincore, page + 1, 0, KERNEL);
	CALL_SUCCESS(mmap, -1l & ~4095, 0x7fffffffffff0000, PROT_READ, MAP_PRIVATE, 0, WIDE);
	CALL(unshare, WIDE);
	CALL(unshare, HIGH_BIT << 1 | CLONE_FILES);
}

static void counts(void)
{
	int file = open("counted", O_RDWR | O_CREAT, 0600), directory = open(".", O_RDONLY);
	off_t offset = 1;
	struct iovec piece = {page, 1};

	section("counts");
	write(file, "0123456789", 10);
	lseek(file, 0, SEEK_SET);
	CALL(readv, file, BAD, WIDE);
	CALL(readv, file, &piece, WIDE | 1);
	CALL(readv, file, &piece, HIGH_BIT);
	CALL(readv, file, BAD, 1025);
	CALL(writev, file, BAD, WIDE);
	CALL(preadv, file, BAD, HIGH_BIT << 1, 0, 0);
	CALL(pwritev, file, BAD, HIGH_BIT << 1, 0, 0);
	CALL(preadv2, file, BAD, HIGH_BIT << 1, 0, 0, 0);
	CALL(process_vm_readv, getpid(), BAD, WIDE, BAD, 1, 0);
	CALL(process_vm_readv, ANYTHING, BAD, 1, BAD, WIDE, 0);
	CALL(getdents, directory, page, HIGH_BIT);
	CALL(getdents64, directory, page, HIGH_BIT);
	CALL(getdents64, directory, page, -1);
	CALL(getdents64, directory, page, WIDE);
	CALL(sendfile, file, file, NULL, -1);
	CALL(sendfile, file, file, &offset, HIGH_BIT << 32);
	CALL(sendfile, file, file, &offset, INT64_MAX);
	CALL(sendfile, -1, file, NULL, -1);
	CALL(sendfile, -1, file, NULL, 1);
	CALL(sendfile, -1, -1, KERNEL, -1);
	CALL(sendfile, -1, -1, string_at_page_end("x"), 1);
	CALL(read, file, page, -1);
	CALL(write, file, page, HIGH_BIT << 32);
	CALL(pread64, file, page, -1, 0);
	CALL(copy_file_range, file, NULL, file, NULL, -1, 0);
	CALL(splice, file, NULL, file, NULL, -1, 0);
	CALL(sched_getaffinity, -1, HIGH_BIT, page);
	CALL(sched_getaffinity, 0, HIGH_BIT << 1, KERNEL);
	CALL(sched_getaffinity, 0, 1, KERNEL);
	CALL(sched_getaffinity, ANYTHING, 3, KERNEL);
	CALL(setgroups, -1, BAD);
	CALL(flock, -1, 32);
	CALL(flock, -1, 64);
	close(file);
	close(directory);
	unlink("counted");
}

static void others(void)
{
	struct timespec bad[2] = {{0, -1}, {0, 2000000000}};
	stack_t stack = {0}, old;

	section("files, processes, stacks");
	CALL(newfstatat, 0, NULL, BAD, -1);
	CALL(newfstatat, 0, "", BAD, AT_EMPTY_PATH | 1);
	CALL(newfstatat, AT_FDCWD, "", BAD, AT_EMPTY_PATH | 1);
	CALL(newfstatat, -1, "", page, AT_EMPTY_PATH | 1);
	CALL(utimensat, AT_FDCWD, "missing", bad, 0);
	CALL(utimensat, AT_FDCWD, ".", bad, 0);
	CALL(utimensat, AT_FDCWD, "missing", bad, 1);
	CALL(utimensat, -1, "missing", bad, 0);
	CALL(utimensat, -1, NULL, bad, 0);
	CALL(utimensat, -1, NULL, bad, 1);
	CALL(utimes, "missing", bad);
	CALL(prlimit64, ANYTHING, 99, NULL, NULL);
	CALL(prlimit64, ANYTHING, 99, BAD, NULL);
	CALL(prlimit64, 0, 99, NULL, BAD);
	CALL(ioprio_set, 1, 0, HIGH_BIT);
	CALL(ioprio_set, 1, 0, 7 << 13);
	CALL(ioprio_set, 9, 0, 7 << 13);
	CALL(ioprio_set, 1, ANYTHING, 5);
	CALL(sigaltstack, &stack, BAD);
	CALL(sigaltstack, &stack, &old);
	printf("%d\n", old.ss_flags);
	stack.ss_size = 1;
	CALL(sigaltstack, &stack, BAD);
	stack.ss_flags = 77;
	CALL(sigaltstack, &stack, BAD);
}

struct attributes {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
	uint32_t least, most;
};

static void policies_of_time(void)
{
	static const struct attributes wanted[] = {
		{48, 6, 0, 0, 0, 0, 0, 0, 0, 0},	       {48, 6, 0, 0, 0, 5, 1, 9, 0, 0},
		{48, 6, 0, 0, 1, 1000000, 2000000, 0, 0, 0},   {48, 0, 0, 0, 1, 0, 0, 0, 0, 0},
		{48, 1, 0, 0, 0, 0, 0, 0, 0, 0},	       {48, 1, 0, 0, 100, 0, 0, 0, 0, 0},
		{48, 1, 0x18, 0, 5, 0, 0, 0, 0, 0},	       {48, 99, 0, 0, 0, 0, 0, 0, 0, 0},
		{48, 0, 0x100, 0, 0, 0, 0, 0, 0, 0},	       {48, 0, 0x20, 0, 0, 0, 0, 0, 5000, 0},
		{48, 0x80000000, 0, 0, 0, 0, 0, 0, 0, 0},      {47, 0, 0, 0, 0, 0, 0, 0, 0, 0},
	};

	section("policies of time");
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		struct attributes here = wanted[i], nowhere = wanted[i];

		CALL(sched_setattr, 0, &here, 0);
		CALL(sched_setattr, ANYTHING, &nowhere, 0);
	}
}

static void privileged(void)
{
	section("groups");
	if (geteuid() == 0)
		OBSERVE(syscall(SYS_setgroups, 2, string_at_page_end("\377\377\377")));
}

int main(void)
{
	numbers();
	clocks();
	policies();
	own_pages();
	memory();
	counts();
	others();
	in_child(policies_of_time);
	in_child(privileged);
	return 0;
}

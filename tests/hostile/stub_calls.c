/*
 * Every system call by way of the stub's instruction, with hostile arguments.
 * What the filter does not list must come back with ENOSYS; what it lists may
 * not touch the platform's own pages and descriptors.
 */
#include "attack.h"

#include <sys/prctl.h>
#include <sys/socket.h>

static uintptr_t site;

static bool is_listed(long number)
{
	static const long listed[] = {SYS_read, SYS_close, SYS_mmap, SYS_mprotect, SYS_munmap, SYS_madvise, SYS_dup2,
				      SYS_recvmsg, SYS_exit, SYS_prctl, SYS_restart_syscall};

	for (size_t i = 0; i < sizeof(listed) / sizeof(listed[0]); i++)
		if (listed[i] == number)
			return true;
	return false;
}

/* uretprobe and uprobe: the host kernel takes them past every filter, and ends who calls them without a probe. */
static bool is_unfiltered(long number)
{
	return number == 335 || number == 336;
}

static uint64_t hostile_value(uint64_t *state)
{
	static char memory[8192];
	static const uint64_t edges[] = {0, 1, 2, 3, 64, 65, 66, 127, 4096, UINT64_MAX, INT64_MAX, 0x80000000, 0xffffffff, 0x100000041,
					 PICO_STUB_BASE, PICO_SCRATCH_BASE, PICO_LIMIT, PICO_LIMIT - 4096, 0x7ffffffff000, 0xffffffffff600000};
	uint64_t choice = next_random(state);

	if (choice % 4 == 0)
		return (uintptr_t)memory + (choice >> 8) % 4096;
	return choice % 4 == 1 ? next_random(state) : edges[(choice >> 8) % (sizeof(edges) / sizeof(edges[0]))];
}

static void call_unlisted(void *argument)
{
	uint64_t state = 0x9e3779b97f4a7c15 ^ (uintptr_t)argument;

	for (long number = -3; number < 0x1100; number += number == 480 ? 0x1000 - 480 - 3 : 1) {
		uint64_t a[6];
		long result;

		if (is_listed(number) || is_unfiltered(number))
			continue;
		for (int i = 0; i < 6; i++)
			a[i] = hostile_value(&state);
		if (is_deadly(number))
			a[0] = a[1] = NOBODYS_PID;
		result = stub_call(site, number, (long)a[0], (long)a[1], (long)a[2], (long)a[3], (long)a[4], (long)a[5]);
		if (result != -ENOSYS) {
			printf("call %ld(%#lx, %#lx, %#lx) by the stub: %ld\n", number, a[0], a[1], a[2], result);
			fflush(stdout);
			_exit(1);
		}
	}
}

#define REFUSED(number, a, b, c, d, e, f)                                                                               \
	do {                                                                                                            \
		long result_ = stub_call(site, number, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f)); \
		if (result_ != -ENOSYS) {                                                                               \
			printf("%s(" #a ", " #b ", " #c ", " #d ", " #e ") by the stub: %ld\n", #number, result_);       \
			fflush(stdout);                                                                                 \
			_exit(1);                                                                                       \
		}                                                                                                       \
	} while (0)

/* The listed calls where their rules end. */
static void call_below_limit(void *argument)
{
	void *own = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)argument;
	for (uintptr_t at = 0; at < PICO_LIMIT; at += 4096) {
		REFUSED(SYS_mmap, at, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		REFUSED(SYS_munmap, at, 4096, 0, 0, 0, 0);
		REFUSED(SYS_munmap, at, PICO_LIMIT - at + 4096, 0, 0, 0, 0);
		REFUSED(SYS_mprotect, at, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, 0, 0, 0);
		REFUSED(SYS_mremap, at, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, own, 0);
		REFUSED(SYS_mremap, own, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, at, 0);
		REFUSED(SYS_madvise, at, 4096, MADV_DONTNEED, 0, 0, 0);
	}
	REFUSED(SYS_mmap, PICO_LIMIT, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_LOCKED, -1, 0);
	REFUSED(SYS_mremap, own, 4096, 8192, MREMAP_MAYMOVE | MREMAP_FIXED, (char *)own + 65536, 0);
	REFUSED(SYS_mmap, PICO_LIMIT, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_HUGETLB, -1, 0);
	REFUSED(SYS_madvise, own, 4096, 100 /* MADV_HWPOISON */, 0, 0, 0);
	REFUSED(SYS_madvise, own, 4096, 12 /* MADV_MERGEABLE */, 0, 0, 0);
	for (int descriptor = PICO_GRANT_LIMIT; descriptor < 1024; descriptor++) {
		/* Its own way to grants it may lose. */
		if (descriptor == PICO_GRANT_FD)
			continue;
		REFUSED(SYS_close, descriptor, 0, 0, 0, 0, 0);
		REFUSED(SYS_close, descriptor | 0x700000000, 0, 0, 0, 0, 0);
	}
	REFUSED(SYS_close, -1, 0, 0, 0, 0, 0);
	for (int descriptor = 0; descriptor < 256; descriptor++) {
		if (descriptor != PICO_GRANT_FD)
			REFUSED(SYS_recvmsg, descriptor, own, MSG_DONTWAIT, 0, 0, 0);
		REFUSED(SYS_recvmsg, descriptor, own, 0, 0, 0, 0);
		if (descriptor != PICO_PARK_FD)
			REFUSED(SYS_read, descriptor, own, 1, 0, 0, 0);
		if (descriptor != PICO_GRANT_FD)
			REFUSED(SYS_dup2, 0, descriptor, 0, 0, 0, 0);
		if (descriptor)
			REFUSED(SYS_dup2, descriptor, PICO_GRANT_FD, 0, 0, 0, 0);
	}
	for (int option = 0; option < 100; option++)
		if (option != PR_SET_PDEATHSIG && option != PR_SET_NAME)
			REFUSED(SYS_prctl, option, own, 0, 0, 0, 0);
	for (int signal = 0; signal < 70; signal++)
		if (signal != SIGKILL)
			REFUSED(SYS_prctl, PR_SET_PDEATHSIG, signal, 0, 0, 0, 0);
	REFUSED(SYS_prctl, PR_SET_PDEATHSIG, 0x100000009, 0, 0, 0, 0);
}

/* The listed calls with anything that their rules let pass: the caller may ruin itself. */
static void call_listed(void *argument)
{
	static const long numbers[] = {SYS_close, SYS_mmap, SYS_mprotect, SYS_munmap, SYS_madvise, SYS_dup2, SYS_recvmsg,
				       SYS_prctl, SYS_restart_syscall};
	uint64_t state = 0x2545f4914f6cdd1d ^ (uintptr_t)argument;

	for (int i = 0; i < 300; i++) {
		uint64_t a[6];

		for (int j = 0; j < 6; j++)
			a[j] = hostile_value(&state);
		stub_call(site, numbers[i % 9], (long)a[0], (long)a[1], (long)a[2], (long)a[3], (long)a[4], (long)a[5]);
	}
}

static void call_probe(void *argument)
{
	long result = stub_call(site, (intptr_t)argument, 0, 0, 0, 0, 0, 0);

	_exit(result == -ENOSYS || result == -ENXIO ? 0 : 1);
}

static void park(void *argument)
{
	(void)argument;
	stub_call(site, SYS_read, PICO_PARK_FD, PICO_SCRATCH_BASE, 1, 0, 0, 0);
}

static void exit_by_stub(void *argument)
{
	(void)argument;
	stub_call(site, SYS_exit, 7, 0, 0, 0, 0, 0);
}

static void *thread_exit_by_stub(void *argument)
{
	exit_by_stub(argument);
	return NULL;
}

static void thread_ends_by_stub(void *argument)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, thread_exit_by_stub, argument) == 0)
		pthread_detach(thread);
	usleep(20000);
}

int main(void)
{
	long count = 0;
	int status;

	site = find_call_site();
	for (uintptr_t seed = 1; seed <= 6; seed++, count++)
		if ((status = in_child(20000000, call_unlisted, (void *)(seed * 7919))) != 0)
			fail("calls that are not listed: status %#x", status);
	status = in_child(20000000, call_below_limit, NULL);
	if (status != 0)
		fail("listed calls against the platform's pages and descriptors: status %#x", status);
	for (uintptr_t seed = 1; seed <= 200; seed++, count++)
		in_child(300000, call_listed, (void *)(seed * 104729));
	for (long number = 335; number <= 336; number++, count++) {
		status = in_child(1000000, call_probe, (void *)number);
		if (status != 0 && (!WIFSIGNALED(status) || WTERMSIG(status) != SIGILL))
			fail("call %ld: status %#x", number, status);
	}
	status = in_child(50000, park, NULL);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGALRM)
		fail("a parked attacker: status %#x", status);
	/* The task is gone behind the supervisor's back: an end like any other. */
	status = in_child(1000000, exit_by_stub, NULL);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		fail("exit by the stub: status %#x", status);
	in_child(1000000, thread_ends_by_stub, NULL);
	return finish("calls by the stub", count);
}

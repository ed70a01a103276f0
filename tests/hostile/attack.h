/*
 * What hostile guest programs share. Each attacks in child processes, so that
 * what it breaks of itself leaves the judge alive, and ends with 0 if every
 * attack came to what it had to come to, 1 if one did not, 77 if the program
 * does not run under lxrun.
 */
#ifndef HOSTILE_ATTACK_H
#define HOSTILE_ATTACK_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "layout.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SKIPPED = 77 };

static int failures;

__attribute__((format(printf, 1, 2), unused)) static void fail(const char *format, ...)
{
	va_list arguments;

	failures++;
	va_start(arguments, format);
	printf("FAILED: ");
	vprintf(format, arguments);
	putchar('\n');
	fflush(stdout);
	va_end(arguments);
}

/* The same numbers in every run. */
static inline uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* The stub's one `syscall` instruction, found as an attacker finds it: by reading the page. Ends the program if there is none. */
static inline uintptr_t find_call_site(void)
{
	static const unsigned char code[] = {0x0f, 0x05, 0xff, 0xe3}; /* syscall; jmp *%rbx */
	unsigned char page[PICO_STUB_SIZE];
	int ends[2];

	/* A write from the page instead of a load: EFAULT where there is no stub. */
	if (pipe(ends) != 0 || write(ends[1], (void *)PICO_STUB_BASE, sizeof(page)) != (ssize_t)sizeof(page) ||
	    read(ends[0], page, sizeof(page)) != (ssize_t)sizeof(page)) {
		printf("no stub page: not under lxrun\n");
		exit(SKIPPED);
	}
	close(ends[0]);
	close(ends[1]);
	for (size_t i = 0; i + sizeof(code) <= sizeof(page); i++)
		if (memcmp(page + i, code, sizeof(code)) == 0)
			return PICO_STUB_BASE + i;
	printf("no call site in the stub\n");
	exit(1);
}

/* A call by the stub's instruction. */
static inline long stub_call(uintptr_t site, long number, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	register uintptr_t r12 __asm__("r12") = site;
	long result;

	__asm__ volatile("lea 1f(%%rip), %%rbx\n\tjmp *%%r12\n1:"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9), "r"(r12)
			 : "rbx", "rcx", "r11", "memory");
	return result;
}

/* Calls that end others: should one ever reach the host, it must not find anybody. */
static inline bool is_deadly(long number)
{
	return number == SYS_kill || number == SYS_tkill || number == SYS_tgkill || number == SYS_rt_sigqueueinfo ||
	       number == SYS_rt_tgsigqueueinfo || number == SYS_pidfd_send_signal || number == SYS_process_madvise;
}

#define NOBODYS_PID 0x7fffffff

/* Die of SIGALRM after so many microseconds, wherever the attack hangs. */
static inline void limit_life(long microseconds)
{
	struct itimerval timer = {.it_value = {microseconds / 1000000, microseconds % 1000000}};

	signal(SIGALRM, SIG_DFL);
	setitimer(ITIMER_REAL, &timer, NULL);
}

/* Run an attack in a child that lives at most so long; its wait status. A child that outlives its alarm by ten seconds ends the judge. */
__attribute__((unused)) static int in_child(long microseconds, void (*attack)(void *argument), void *argument)
{
	int status = 0;
	pid_t child;

	fflush(stdout);
	alarm((unsigned)(microseconds / 1000000) + 20);
	child = fork();
	if (child == 0) {
		const struct rlimit most = {2000, 2000};

		setrlimit(RLIMIT_NPROC, &most); /* should an attack multiply by mistake */
		limit_life(microseconds);
		attack(argument);
		_exit(0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child) {
		fail("fork or wait: %s", strerror(errno));
		status = -1;
	}
	alarm(0);
	return status;
}

__attribute__((unused)) static int finish(const char *what, long count)
{
	printf("%s: %ld, %s\n", what, count, failures ? "FAILED" : "withstood");
	return failures != 0;
}

#endif

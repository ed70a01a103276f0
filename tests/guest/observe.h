/*
 * What guest test programs share: they print what they see of their kernel,
 * deterministically, and run natively as well as under lxrun.
 */
#ifndef GUEST_OBSERVE_H
#define GUEST_OBSERVE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/* Newer than Debian's headers. */
#ifndef SYS_setxattrat
#define SYS_setxattrat 463
#define SYS_getxattrat 464
#define SYS_listxattrat 465
#define SYS_removexattrat 466
#endif

#define NOBODY 65534

/* Evaluate a call that fails with -1 and errno, and print its value or the errno's name. The value. */
#define OBSERVE(call)                                                                                                  \
	({                                                                                                             \
		errno = 0;                                                                                             \
		long observed_ = (long)(call);                                                                         \
		observe_result(#call, observed_);                                                                      \
		observed_;                                                                                             \
	})
/* The same for calls whose value is not to be shown: only whether they succeed. */
#define OBSERVE_SUCCESS(call)                                                                                          \
	({                                                                                                             \
		errno = 0;                                                                                             \
		long observed_ = (long)(call);                                                                         \
		observe_result(#call, observed_ == -1 ? -1 : 0);                                                       \
		observed_;                                                                                             \
	})

static inline void observe_result(const char *what, long value)
{
	if (value == -1 && errno)
		printf("%s = %s\n", what, strerrorname_np(errno));
	else
		printf("%s = %ld\n", what, value);
	fflush(stdout);
}

/*
 * Make a system call itself, past the C library, and print it under its own name. Each argument is widened to a register's
 * size as it would be by its prototype: an int's sign reaches all of it. The value.
 */
#define CALL(name, ...)                                                                                                \
	({                                                                                                             \
		long arguments_[6] = {OBSERVE_WIDEN(__VA_ARGS__)};                                                     \
		errno = 0;                                                                                             \
		long observed_ = observe_call(SYS_##name, arguments_);                                                 \
		observe_result("SYS_" #name "(" #__VA_ARGS__ ")", observed_);                                          \
		observed_;                                                                                             \
	})
/* The same where only success or the errno is to be shown. */
#define CALL_SUCCESS(name, ...)                                                                                        \
	({                                                                                                             \
		long arguments_[6] = {OBSERVE_WIDEN(__VA_ARGS__)};                                                     \
		errno = 0;                                                                                             \
		long observed_ = observe_call(SYS_##name, arguments_);                                                 \
		observe_result("SYS_" #name "(" #__VA_ARGS__ ")", observed_ == -1 ? -1 : 0);                           \
		observed_;                                                                                             \
	})
/* The same for calls that return a descriptor, which is closed. */
#define CALL_CLOSE(name, ...)                                                                                          \
	({                                                                                                             \
		long arguments_[6] = {OBSERVE_WIDEN(__VA_ARGS__)};                                                     \
		errno = 0;                                                                                             \
		long observed_ = observe_call(SYS_##name, arguments_);                                                 \
		if (observed_ >= 0)                                                                                    \
			close((int)observed_);                                                                         \
		observe_result("SYS_" #name "(" #__VA_ARGS__ ")", observed_ == -1 ? -1 : 0);                           \
	})
#define OBSERVE_WIDEN(...)                                                                                             \
	__VA_OPT__(OBSERVE_NTH(__VA_ARGS__, OBSERVE_6, OBSERVE_5, OBSERVE_4, OBSERVE_3, OBSERVE_2, OBSERVE_1)(__VA_ARGS__))
#define OBSERVE_NTH(a, b, c, d, e, f, nth, ...) nth
#define OBSERVE_1(a) (long)(a)
#define OBSERVE_2(a, ...) (long)(a), OBSERVE_1(__VA_ARGS__)
#define OBSERVE_3(a, ...) (long)(a), OBSERVE_2(__VA_ARGS__)
#define OBSERVE_4(a, ...) (long)(a), OBSERVE_3(__VA_ARGS__)
#define OBSERVE_5(a, ...) (long)(a), OBSERVE_4(__VA_ARGS__)
#define OBSERVE_6(a, ...) (long)(a), OBSERVE_5(__VA_ARGS__)

static inline long observe_call(long number, const long *arguments)
{
	return syscall(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
}

/* Of a call that returns a descriptor: 0, with the descriptor closed, or -1 with the call's errno. */
static inline int opened(int fd)
{
	int error = errno;

	if (fd >= 0)
		close(fd);
	errno = error;
	return fd >= 0 ? 0 : -1;
}

static inline void section(const char *title)
{
	printf("--- %s\n", title);
	fflush(stdout);
}

/* The address of `size` bytes that end where a page does, with nothing mapped behind. */
static inline void *at_page_end(size_t size)
{
	size_t mapped = (size + 4095) / 4096 * 4096;
	char *area = mmap(NULL, mapped + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (area == MAP_FAILED || mprotect(area + mapped, 4096, PROT_NONE) < 0) {
		perror("at_page_end");
		exit(99);
	}
	return area + mapped - size;
}

/* A copy of a string whose NUL is the last byte of a page. */
static inline char *string_at_page_end(const char *text)
{
	return memcpy(at_page_end(strlen(text) + 1), text, strlen(text) + 1);
}

/* What would change this process for good happens in one of its own, whose end is shown unless it is a plain one. */
static inline void in_child(void (*body)(void))
{
	int status;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (child == 0) {
		body();
		fflush(stdout);
		_exit(0);
	}
	waitpid(child, &status, 0);
	if (status)
		printf("ended 0x%x\n", status);
}

/* Root becomes somebody without privilege or group; raw calls, because the C library's would go to all threads by signals. */
static inline void become_nobody(void)
{
	if (geteuid() != 0)
		return;
	if (syscall(SYS_setgroups, 0, NULL) || syscall(SYS_setresgid, NOBODY, NOBODY, NOBODY) ||
	    syscall(SYS_setresuid, NOBODY, NOBODY, NOBODY))
		_exit(98);
}

/* As nobody, if we are root: do what a user is refused, in a child of its own that has a directory of its own. */
static inline void as_nobody(void (*what)(void))
{
	int status;

	fflush(stdout);
	if (geteuid() != 0) {
		section("as a user");
		what();
		return;
	}
	if (fork() == 0) {
		section("as nobody");
		mkdir("nobody", 0777);
		if (chown("nobody", NOBODY, NOBODY) || chdir("nobody"))
			_exit(98);
		become_nobody();
		what();
		fflush(stdout);
		_exit(0);
	}
	if (syscall(SYS_wait4, -1, &status, 0, NULL) < 0 || status)
		printf("nobody: status %x\n", status);
}

static inline void on_tick(int signo)
{
	(void)signo;
}

/* SIGALRM every few milliseconds, so that whatever blocks is interrupted, however late it begins to. */
static inline void tick(int milliseconds)
{
	struct itimerval timer = {{0, milliseconds * 1000}, {0, milliseconds * 1000}};
	struct sigaction action = {.sa_handler = on_tick};

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
}

/* Make a file with this content; ends the program if it can't. */
static inline void make_file(const char *path, const char *content)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || write(fd, content, strlen(content)) != (ssize_t)strlen(content)) {
		perror(path);
		exit(99);
	}
	close(fd);
}

/* The content of a file, up to 200 bytes, in quotes. */
static inline void show_file(const char *path)
{
	char text[201];
	int fd = open(path, O_RDONLY);
	ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (size < 0) {
		printf("%s: %s\n", path, strerrorname_np(errno));
	} else {
		text[size] = 0;
		printf("%s: \"%s\"\n", path, text);
	}
	if (fd >= 0)
		close(fd);
	fflush(stdout);
}

#endif

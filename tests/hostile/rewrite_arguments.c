/*
 * Arguments that change while the call runs: paths, iovecs, structures, argument
 * vectors, futex words. Each call must act on one of the values that were there,
 * and a page that comes and goes is EFAULT, nothing worse.
 */
#include "attack.h"

#include <dirent.h>
#include <linux/futex.h>
#include <poll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>

enum { CALLS = 4000, SECONDS = 5 };

static char *page; /* rewritten, and its access taken away and given back */
static _Atomic bool enough;
static char directory[] = "/tmp/rewrite.XXXXXX";
static time_t began;

static time_t seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/* On a busy machine as many calls as the time allows: the alarm is for those that hang. */
static bool goes_on(int done, int most)
{
	return done < most && seconds_now() - began <= SECONDS;
}

static void *flip_path(void *argument)
{
	const char *two[] = {"good", "none/../../../../../../etc/passwd"};
	uint64_t state = 11;

	(void)argument;
	for (unsigned i = 0; !enough; i++) {
		strcpy(page, two[i & 1]);
		if (i % 64 == 0)
			memset(page, 'a', 4096 - next_random(&state) % 3); /* without an end, or almost */
	}
	return NULL;
}

static void *flip_access(void *argument)
{
	(void)argument;
	while (!enough) {
		mprotect(page, 4096, PROT_NONE);
		mprotect(page, 4096, PROT_READ | PROT_WRITE);
	}
	return NULL;
}

static void *flip_garbage(void *argument)
{
	uint64_t state = 77;

	(void)argument;
	while (!enough)
		for (int i = 0; i < 512; i++)
			((volatile uint64_t *)page)[i] = i & 1 ? next_random(&state) % 70000 : (uintptr_t)page + next_random(&state) % 8192;
	return NULL;
}

static void *flip_lengths(void *argument)
{
	volatile struct iovec *vector = (void *)page;

	(void)argument;
	for (unsigned i = 0; !enough; i++) {
		vector[0].iov_base = page + 2048;
		vector[0].iov_len = i & 1 ? 8 : 1024;
		vector[1].iov_base = i & 2 ? page + 3072 : (void *)16;
		vector[1].iov_len = i & 1 ? 8 : (size_t)INT64_MAX;
	}
	return NULL;
}

static void begin(pthread_t *thread, void *(*flip)(void *))
{
	enough = false;
	began = seconds_now();
	if (pthread_create(thread, NULL, flip, NULL) != 0)
		exit(1);
}

static void end(pthread_t thread)
{
	enough = true;
	pthread_join(thread, NULL);
}

static void rewrite_paths(void *argument)
{
	pthread_t thread;
	struct stat status;

	begin(&thread, flip_path);
	for (int i = 0; goes_on(i, CALLS); i++) {
		int file = open(page, O_RDONLY);

		if (file >= 0) {
			if (fstat(file, &status) != 0)
				_exit(2);
			close(file);
		} else if (errno != ENOENT && errno != ENAMETOOLONG && errno != ENOTDIR) {
			printf("open of a changing path: %s\n", strerror(errno));
			fflush(stdout);
			_exit(3);
		}
		stat(page, &status);
		rename(page, page);
		readlink(page, (char *)&status, 8);
	}
	end(thread);
}

static void lose_access(void *argument)
{
	pthread_t thread;
	struct stat *status = (void *)(page + 2048);
	int ends[2];

	if (pipe(ends) != 0)
		_exit(2);
	strcpy(page, "good");
	begin(&thread, flip_access);
	for (int i = 0; goes_on(i, CALLS); i++) {
		int file = open(page, O_RDONLY);

		if (file < 0 && errno != EFAULT)
			_exit(3);
		if (file >= 0)
			close(file);
		if (fstat(0, status) != 0 && errno != EFAULT)
			_exit(4);
		if (write(ends[1], page + 100, 10) == 10 && read(ends[0], page + 100, 10) < 0) {
			char drain[10];

			if (errno != EFAULT || read(ends[0], drain, 10) != 10)
				_exit(5);
		}
		if (mprotect(page, 4096, PROT_READ | PROT_WRITE) == 0 && i % 16 == 0) {
			mprotect(page, 4096, PROT_READ | PROT_WRITE);
		}
	}
	end(thread);
	mprotect(page, 4096, PROT_READ | PROT_WRITE);
}

static void rewrite_vectors(void *argument)
{
	pthread_t thread;
	int ends[2];
	static char sink[1 << 20];

	if (pipe2(ends, O_NONBLOCK) != 0)
		_exit(2);
	begin(&thread, flip_lengths);
	for (int i = 0; goes_on(i, CALLS); i++) {
		ssize_t written = writev(ends[1], (struct iovec *)page, 2);
		ssize_t got;

		/* 8 or 1024, alone or with what follows; a vector that adds up to too much is EINVAL. */
		if (written < 0 && errno != EINVAL && errno != EFAULT && errno != EAGAIN)
			_exit(3);
		got = read(ends[0], sink, sizeof(sink));
		if (got != written && !(got < 0 && written <= 0))
			_exit(4);
	}
	end(thread);
}

/* Calls whose structures are garbage that changes: whatever they say, they end. */
static void rewrite_structures(void *argument)
{
	pthread_t thread;
	struct timespec none = {0, 1000};
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends) != 0 && pipe2(ends, O_NONBLOCK) != 0)
		_exit(2);
	begin(&thread, flip_garbage);
	for (int i = 0; goes_on(i, CALLS / 40); i++) {
		syscall(SYS_rt_sigaction, SIGUSR1, page, page + 256, 8);
		syscall(SYS_rt_sigprocmask, SIG_BLOCK, page, page + 8, 8);
		syscall(SYS_ppoll, page, 200, &none, page + 2048, 8);
		syscall(SYS_pselect6, 1024, page, page + 128, page + 256, &none, page + 512);
		syscall(SYS_setitimer, ITIMER_VIRTUAL, page, page + 64);
		syscall(SYS_recvmsg, ends[0], page, MSG_DONTWAIT);
		syscall(SYS_sendmsg, ends[1], page, MSG_DONTWAIT);
		syscall(SYS_sched_setaffinity, 0, 64, page);
		syscall(SYS_setgroups, 100, page);
		syscall(SYS_prlimit64, 0, 7, NULL, page);
		syscall(SYS_process_vm_readv, getpid(), page, 50, page + 1024, 50, 0);
		syscall(SYS_set_robust_list, page, 24);
		syscall(SYS_set_robust_list, NULL, 24);
		syscall(SYS_getdents64, 0, page, 4096);
		syscall(SYS_fcntl, ends[0], F_SETLK, page);
		syscall(SYS_fcntl, ends[0], F_OFD_GETLK, page);
		syscall(SYS_timer_create, CLOCK_MONOTONIC, page, page + 128);
		syscall(SYS_waitid, P_PID, 1, page, WNOHANG | WEXITED, page + 128);
		syscall(SYS_futex, page, FUTEX_WAIT | (i & 128), *(volatile uint32_t *)page, &none, page + 8, 0);
		syscall(SYS_futex, page, FUTEX_WAKE_OP, 1, 1, page + 8, *(volatile uint32_t *)page);
		syscall(SYS_futex, page, FUTEX_LOCK_PI, 0, &none, NULL, 0);
		syscall(SYS_futex, page, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0);
		syscall(SYS_futex, page, FUTEX_CMP_REQUEUE, 1, 100, page + 64, *(volatile uint32_t *)page);
		/* The page begins as zeros, which is a fork. */
		if (syscall(SYS_clone3, page, 88) == 0)
			_exit(0);
	}
	_exit(0);
}

/* Vectors of an exec that other threads of the process rewrite until they are gone. */
static void rewrite_exec(void *argument)
{
	pthread_t threads[2];
	char **vector = (char **)page;

	for (int i = 0; i < 100; i++)
		vector[i] = (char *)page + 1024;
	begin(&threads[0], argument ? flip_garbage : flip_access);
	begin(&threads[1], flip_lengths);
	for (;;)
		execve("/bin/true", vector, vector + 8);
}

/* rename() reads its two names one after the other, so that the file may have got another: of whatever was there between two writes. */
static void put_back(void)
{
	DIR *entries = opendir(".");
	struct dirent *entry;

	while ((entry = readdir(entries)))
		if (entry->d_type == DT_REG)
			rename(entry->d_name, "good");
	closedir(entries);
}

int main(void)
{
	void (*const attacks[])(void *) = {rewrite_paths, lose_access, rewrite_vectors, rewrite_structures};
	long count = 0;

	page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(page + 4096, 4096);
	if (!mkdtemp(directory) || chdir(directory) != 0)
		return 1;
	close(open("good", O_CREAT | O_RDWR, 0600));
	for (size_t i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++, count++) {
		int status = in_child(20000000, attacks[i], NULL);

		/* A process that rewrites its own signal actions or stack may end by a signal. */
		if (WIFEXITED(status) && WEXITSTATUS(status))
			fail("attack %zu: status %d", i, WEXITSTATUS(status));
		if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
			fail("attack %zu does not end", i);
		put_back();
	}
	for (uintptr_t i = 0; i < 40; i++, count++)
		in_child(400000, rewrite_exec, (void *)(i & 1));
	unlink("good");
	if (chdir("/") != 0 || rmdir(directory) != 0)
		fail("something is left in %s", directory);
	return finish("changing arguments", count);
}

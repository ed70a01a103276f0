/* Priority-inheritance and robust mutexes: hand-over, errors, timeouts, owners that die. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long result;
#define TRY(call) (errno = 0, result = (call), printf("%s = %ld %s\n", #call, result, result < 0 ? strerrorname_np(errno) : "ok"))

static uint32_t word;
static long futex(uint32_t *address, int op, const struct timespec *timeout)
{
	return syscall(SYS_futex, address, op, 0, timeout, NULL, 0);
}

static void raw(void)
{
	uint32_t self = (uint32_t)syscall(SYS_gettid);
	struct timespec bad = {0, -1};

	TRY(futex(&word, FUTEX_LOCK_PI, NULL));
	printf("owned %d\n", word == self);
	TRY(futex(&word, FUTEX_LOCK_PI, NULL));
	TRY(futex(&word, FUTEX_TRYLOCK_PI, NULL));
	TRY(futex(&word, FUTEX_UNLOCK_PI, NULL));
	printf("free %d\n", word == 0);
	TRY(futex(&word, FUTEX_UNLOCK_PI, NULL));
	TRY(futex(&word, FUTEX_TRYLOCK_PI, NULL));
	TRY(futex(&word, FUTEX_UNLOCK_PI, NULL));
	word = 0x3ffffff0;
	TRY(futex(&word, FUTEX_LOCK_PI, NULL));
	TRY(futex(&word, FUTEX_UNLOCK_PI, NULL));
	word = 0x40000000;
	TRY(futex(&word, FUTEX_LOCK_PI, NULL));
	printf("owner died kept %d\n", word == (0x40000000 | self));
	TRY(futex(&word, FUTEX_UNLOCK_PI, NULL));
	TRY(futex(NULL, FUTEX_LOCK_PI, NULL));
	TRY(futex((uint32_t *)((char *)&word + 1), FUTEX_LOCK_PI, NULL));
	TRY(futex(&word, FUTEX_LOCK_PI, &bad));
	TRY(futex(&word, FUTEX_LOCK_PI | FUTEX_CLOCK_REALTIME, NULL));
	TRY(syscall(SYS_futex, &word, FUTEX_WAIT_REQUEUE_PI, 1, NULL, &word, 0));
	uint32_t target = 0;
	TRY(syscall(SYS_futex, &word, FUTEX_WAIT_REQUEUE_PI, 1, NULL, &target, 0));
	TRY(syscall(SYS_futex, &word, FUTEX_CMP_REQUEUE_PI, 2, 1, &target, 0));
	TRY(syscall(SYS_futex, &word, FUTEX_CMP_REQUEUE_PI, 1, 1, &target, 7));
	TRY(syscall(SYS_futex, &word, FUTEX_CMP_REQUEUE_PI, 1, 1, &target, 0));
}

static pthread_mutex_t mutex;
static long counter;

static void make(pthread_mutex_t *made, int protocol, int robust, int shared)
{
	pthread_mutexattr_t attributes;

	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setprotocol(&attributes, protocol);
	pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
	if (robust)
		pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
	if (shared)
		pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	int error = pthread_mutex_init(made, &attributes);
	if (error)
		printf("init %s\n", strerrorname_np(error));
}

static void *add(void *argument)
{
	(void)argument;
	for (int i = 0; i < 500; i++) {
		pthread_mutex_lock(&mutex);
		long seen = counter;

		if (i % 10 == 0)
			sched_yield();
		counter = seen + 1;
		pthread_mutex_unlock(&mutex);
	}
	return NULL;
}

static void contended(void)
{
	pthread_t threads[4];

	make(&mutex, PTHREAD_PRIO_INHERIT, 0, 0);
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, add, NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	printf("counted %ld\n", counter);
}

static void *timed(void *argument)
{
	struct timespec limit;

	(void)argument;
	clock_gettime(CLOCK_REALTIME, &limit);
	limit.tv_nsec += 20000000;
	if (limit.tv_nsec >= 1000000000)
		limit.tv_sec++, limit.tv_nsec -= 1000000000;
	int error = pthread_mutex_timedlock(&mutex, &limit);
	printf("timedlock %s\n", strerrorname_np(error));
	error = pthread_mutex_trylock(&mutex);
	printf("trylock %s\n", strerrorname_np(error));
	error = pthread_mutex_unlock(&mutex);
	printf("unlock of another's %s\n", strerrorname_np(error));
	return NULL;
}

static void *die_holding(void *argument)
{
	pthread_mutex_lock(argument);
	return NULL;
}

static void errors(void)
{
	pthread_t thread;

	pthread_mutex_lock(&mutex);
	int error = pthread_mutex_lock(&mutex);
	printf("twice %s\n", strerrorname_np(error));
	pthread_create(&thread, NULL, timed, NULL);
	pthread_join(thread, NULL);
	pthread_mutex_unlock(&mutex);
}

static void robust(int protocol)
{
	pthread_mutex_t *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_mutex_t local;
	pthread_t thread;
	int error, ends[2];
	char byte;

	printf("protocol %d\n", protocol);
	make(&local, protocol, 1, 0);
	pthread_create(&thread, NULL, die_holding, &local);
	pthread_join(thread, NULL);
	error = pthread_mutex_lock(&local);
	printf("after a dead thread %s\n", strerrorname_np(error));
	printf("consistent %d\n", pthread_mutex_consistent(&local));
	error = pthread_mutex_unlock(&local);
	printf("unlock %d lock %d\n", error, pthread_mutex_lock(&local));
	pthread_mutex_unlock(&local);
	pthread_create(&thread, NULL, die_holding, &local);
	pthread_join(thread, NULL);
	error = pthread_mutex_lock(&local);
	pthread_mutex_unlock(&local);
	error = pthread_mutex_lock(&local);
	printf("not made consistent %s\n", strerrorname_np(error));

	make(shared, protocol, 1, 1);
	if (pipe(ends))
		return;
	pid_t child = fork();
	if (child == 0) {
		pthread_mutex_lock(shared);
		if (write(ends[1], "x", 1) != 1)
			_exit(1);
		usleep(50000); /* so that the parent likely waits by then; either way the result is the same */
		_exit(0);
	}
	if (read(ends[0], &byte, 1) != 1)
		return;
	error = pthread_mutex_lock(shared);
	printf("after a dead process %s\n", strerrorname_np(error));
	pthread_mutex_consistent(shared);
	printf("unlock %d\n", pthread_mutex_unlock(shared));
	waitpid(child, NULL, 0);
	child = fork();
	if (child == 0) {
		pthread_mutex_lock(shared);
		execl("/bin/true", "true", NULL);
		_exit(1);
	}
	waitpid(child, NULL, 0);
	error = pthread_mutex_lock(shared);
	printf("after an exec %s\n", strerrorname_np(error));
}

/* Two processes that have opened and mapped one file each for itself, at different places, share its lock. */
static void same_file(void)
{
	static const char path[] = "shared_lock";
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600), status;
	uint32_t *lock, seen;
	pid_t child;

	if (fd < 0 || ftruncate(fd, 8192))
		return;
	lock = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	TRY(futex(lock + 1024, FUTEX_LOCK_PI, NULL));
	child = fork();
	if (child == 0) {
		struct timespec limit;
		int again = open(path, O_RDWR);
		uint32_t *own = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, again, 4096);

		munmap(lock, 8192);
		clock_gettime(CLOCK_REALTIME, &limit);
		limit.tv_sec += 10;
		TRY(futex(own, FUTEX_LOCK_PI, &limit));
		printf("handed over %d\n", (*own & FUTEX_TID_MASK) == (uint32_t)syscall(SYS_gettid));
		TRY(futex(own, FUTEX_UNLOCK_PI, NULL));
		_exit(0);
	}
	do
		seen = __atomic_load_n(lock + 1024, __ATOMIC_SEQ_CST);
	while (!(seen & FUTEX_WAITERS) && waitpid(child, &status, WNOHANG) == 0 && sched_yield() == 0);
	long unlocked = futex(lock + 1024, FUTEX_UNLOCK_PI, NULL);
	waitpid(child, &status, 0);
	printf("unlocked %ld, child ended %x, free %d\n", unlocked, status, lock[1024] == 0);
	unlink(path);
}

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	raw();
	contended();
	errors();
	robust(PTHREAD_PRIO_NONE);
	robust(PTHREAD_PRIO_INHERIT);
	same_file();
	return 0;
}

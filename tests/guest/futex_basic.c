/* Futexes without priority inheritance: operations, errors, threads and processes. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long result;
#define TRY(call) (errno = 0, result = (call), printf("%s = %ld %s\n", #call, result, result < 0 ? strerrorname_np(errno) : "ok"))

static uint32_t word, other;
static long futex(uint32_t *address, int op, uint32_t value, const struct timespec *timeout, uint32_t *address2, uint32_t value3)
{
	return syscall(SYS_futex, address, op, value, timeout, address2, value3);
}

static void errors(void)
{
	struct timespec bad = {0, 1000000000}, negative = {-1, 0}, small = {0, 1000000};
	char bytes[8] __attribute__((aligned(4)));

	memset(bytes, 0, sizeof(bytes));
	TRY(futex(&word, FUTEX_WAIT, 1, NULL, NULL, 0));
	TRY(futex(&word, FUTEX_WAIT, 0, &small, NULL, 0));
	TRY(futex(&word, FUTEX_WAIT, 0, &bad, NULL, 0));
	TRY(futex(&word, FUTEX_WAIT, 0, &negative, NULL, 0));
	TRY(futex((uint32_t *)(void *)(bytes + 1), FUTEX_WAIT, 0, NULL, NULL, 0));
	TRY(futex(NULL, FUTEX_WAIT, 0, NULL, NULL, 0));
	TRY(futex(&word, FUTEX_WAIT_BITSET, 0, NULL, NULL, 0));
	TRY(futex(&word, FUTEX_WAKE_BITSET, 1, NULL, NULL, 0));
	TRY(futex(&word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &small, NULL, 1));
	TRY(futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0));
	TRY(futex(&word, FUTEX_REQUEUE, 1, (void *)1, &other, 0));
	TRY(futex(&word, FUTEX_CMP_REQUEUE, 1, (void *)1, &other, 5));
	TRY(futex(&word, FUTEX_FD, 0, NULL, NULL, 0));
	TRY(futex(&word, 14, 0, NULL, NULL, 0));
	TRY(futex(&word, 99, 0, NULL, NULL, 0));
	other = 5;
	TRY(futex(&word, FUTEX_WAKE_OP, 1, (void *)1, &other, FUTEX_OP(FUTEX_OP_ADD, 3, FUTEX_OP_CMP_EQ, 5)));
	printf("other %u\n", other);
	TRY(futex(&word, FUTEX_WAKE_OP, 1, (void *)1, NULL, FUTEX_OP(FUTEX_OP_ADD, 3, FUTEX_OP_CMP_EQ, 5)));
}

static void *waiter(void *argument)
{
	(void)argument;
	while (futex(&word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0) != 0)
		continue;
	return NULL;
}

static void *requeued(void *argument)
{
	(void)argument;
	futex(&word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
	return NULL;
}

static void waking(void)
{
	pthread_t threads[3];
	long woken = 0;

	word = other = 0;
	for (int i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, waiter, NULL);
	while (woken < 3)
		woken += futex(&word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	printf("woken %ld\n", woken);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, requeued, NULL);
	long moved = 0;
	while (moved < 3)
		moved += futex(&word, FUTEX_CMP_REQUEUE_PRIVATE, 0, (void *)3l, &other, 0);
	printf("moved %ld, none left %ld\n", moved, futex(&word, FUTEX_WAKE_PRIVATE, 9, NULL, NULL, 0));
	printf("woken there %ld\n", futex(&other, FUTEX_WAKE_PRIVATE, 9, NULL, NULL, 0));
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
}

static void processes(void)
{
	sem_t *semaphores = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;

	sem_init(&semaphores[0], 1, 0);
	sem_init(&semaphores[1], 1, 0);
	pid_t child = fork();
	if (child == 0) {
		for (int i = 0; i < 200; i++) {
			sem_wait(&semaphores[0]);
			sem_post(&semaphores[1]);
		}
		_exit(0);
	}
	for (int i = 0; i < 200; i++) {
		sem_post(&semaphores[0]);
		sem_wait(&semaphores[1]);
	}
	waitpid(child, &status, 0);
	printf("ping-pong between processes %d\n", status);
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static int turn, sum;
static void *worker(void *argument)
{
	int me = (int)(intptr_t)argument;

	for (int i = 0; i < 100; i++) {
		pthread_mutex_lock(&mutex);
		while (turn % 4 != me)
			pthread_cond_wait(&condition, &mutex);
		turn++;
		sum += me;
		pthread_cond_broadcast(&condition);
		pthread_mutex_unlock(&mutex);
	}
	return NULL;
}

static void conditions(void)
{
	pthread_t threads[4];

	for (intptr_t i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, worker, (void *)i);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	printf("turns %d sum %d\n", turn, sum);
}

static void vectors(void)
{
#ifdef SYS_futex_waitv
	struct futex_waitv waits[2] = {{.uaddr = (uintptr_t)&word, .flags = FUTEX_32}, {.uaddr = (uintptr_t)&other, .flags = FUTEX_32}};
	struct timespec past = {0, 1};

	word = other = 0;
	TRY(syscall(SYS_futex_waitv, waits, 2, 0, &past, CLOCK_MONOTONIC));
	TRY(syscall(SYS_futex_waitv, waits, 0, 0, NULL, 0));
	TRY(syscall(SYS_futex_waitv, waits, 2, 1, NULL, 0));
	waits[1].val = 1;
	TRY(syscall(SYS_futex_waitv, waits, 2, 0, NULL, 0));
#endif
}

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	errors();
	waking();
	processes();
	conditions();
	vectors();
	return 0;
}

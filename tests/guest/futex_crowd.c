/*
 * Futexes with many waiters: who is woken, moved, timed out and interrupted, when two hundred threads wait at once.
 */
#include "observe.h"

#include <dirent.h>
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <time.h>

#define THREADS 200
#define STACK 65536ul

static _Atomic uint32_t words[4];
static _Atomic unsigned ready, woken, timed_out, interrupted, others;
static pthread_t threads[THREADS];

struct plan {
	int operation;
	uint32_t *word;
	uint32_t bits;
	long timeout_ns, timeout_s; /* 0: none */
	bool evens;      /* they wait for odd bits */
};
static struct plan plan;

static long futex(void *word, int operation, uint32_t value, const void *timeout, void *word2, uint32_t value3)
{
	return syscall(SYS_futex, word, operation, value, timeout, word2, value3);
}

/* Threads that sleep, by what /proc says of them. */
static unsigned count_sleepers(void)
{
	DIR *tasks = opendir("/proc/self/task");
	unsigned count = 0;
	struct dirent *entry;
	char path[300], text[64], *state;

	while ((entry = readdir(tasks))) {
		FILE *file;

		snprintf(path, sizeof(path), "/proc/self/task/%s/stat", entry->d_name);
		file = entry->d_name[0] == '.' ? NULL : fopen(path, "r");
		if (!file)
			continue;
		state = fgets(text, sizeof(text), file) ? strrchr(text, ')') : NULL;
		count += state && state[2] == 'S';
		fclose(file);
	}
	closedir(tasks);
	return count;
}

/* All of them have come to the call, and sleep twice in a row; a machine that is busy may take longer to see it than some wait. */
static void settle(void)
{
	unsigned looks = 0;

	while (atomic_load(&ready) < THREADS || looks < 2) {
		usleep(20000);
		looks = atomic_load(&timed_out) + count_sleepers() >= THREADS ? looks + 1 : 0;
	}
}

static void *wait_as_planned(void *number)
{
	struct timespec limit, *timeout = NULL;
	uint32_t bits = plan.evens && (uintptr_t)number % 2 ? 2 : plan.bits;
	long result;

	if (plan.timeout_ns || plan.timeout_s) {
		limit = (struct timespec){plan.timeout_s, plan.timeout_ns};
		if ((plan.operation & 0x7f) == FUTEX_WAIT_BITSET) {
			clock_gettime(plan.operation & FUTEX_CLOCK_REALTIME ? CLOCK_REALTIME : CLOCK_MONOTONIC, &limit);
			limit.tv_nsec += plan.timeout_ns;
			limit.tv_sec += limit.tv_nsec / 1000000000;
			limit.tv_nsec %= 1000000000;
		}
		timeout = &limit;
	}
	atomic_fetch_add(&ready, 1);
	result = futex(plan.word, plan.operation, 0, timeout, NULL, bits);
	atomic_fetch_add(result == 0 ? &woken : errno == ETIMEDOUT ? &timed_out : errno == EINTR ? &interrupted : &others, 1);
	return NULL;
}

static void start(struct plan what)
{
	pthread_attr_t attributes;

	plan = what;
	ready = woken = timed_out = interrupted = others = 0;
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK);
	for (uintptr_t i = 0; i < THREADS; i++)
		pthread_create(&threads[i], &attributes, wait_as_planned, (void *)i);
}

static void end(const char *what)
{
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	printf("%s: woken %u, timed out %u, interrupted %u, others %u\n", what, woken, timed_out, interrupted, others);
}

static void try_wakes(int flags)
{
	start((struct plan){.operation = FUTEX_WAIT | flags, .word = (uint32_t *)&words[0]});
	settle();
	printf("wake 3: %ld\n", futex(&words[0], FUTEX_WAKE | flags, 3, NULL, NULL, 0));
	printf("wake none: %ld\n", futex(&words[0], FUTEX_WAKE | flags, 0, NULL, NULL, 0));
	printf("another word: %ld\n", futex(&words[1], FUTEX_WAKE | flags, 3, NULL, NULL, 0));
	printf("of the other kind: %ld\n", futex(&words[0], FUTEX_WAKE | (flags ^ FUTEX_PRIVATE_FLAG), 3, NULL, NULL, 0));
	printf("wake all: %ld\n", futex(&words[0], FUTEX_WAKE | flags, INT32_MAX, NULL, NULL, 0));
	printf("nobody left: %ld\n", futex(&words[0], FUTEX_WAKE | flags, INT32_MAX, NULL, NULL, 0));
	end("wakes");
}

static void try_bits(void)
{
	start((struct plan){.operation = FUTEX_WAIT_BITSET_PRIVATE, .word = (uint32_t *)&words[0], .bits = 1, .evens = true});
	settle();
	printf("no bits: %ld %d\n", futex(&words[0], FUTEX_WAKE_BITSET_PRIVATE, INT32_MAX, NULL, NULL, 0), errno);
	printf("other bits: %ld\n", futex(&words[0], FUTEX_WAKE_BITSET_PRIVATE, INT32_MAX, NULL, NULL, 12));
	printf("odd ones: %ld\n", futex(&words[0], FUTEX_WAKE_BITSET_PRIVATE, INT32_MAX, NULL, NULL, 2));
	printf("rest: %ld\n", futex(&words[0], FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0));
	end("bits");
}

static void try_requeue(void)
{
	start((struct plan){.operation = FUTEX_WAIT_PRIVATE, .word = (uint32_t *)&words[0]});
	settle();
	printf("another value: %ld %d\n", futex(&words[0], FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)10, &words[2], 7), errno);
	printf("requeue 2 and 10: %ld\n", futex(&words[0], FUTEX_CMP_REQUEUE_PRIVATE, 2, (void *)10, &words[2], 0));
	printf("woken there: %ld\n", futex(&words[2], FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0));
	printf("requeue the rest: %ld\n", futex(&words[0], FUTEX_REQUEUE_PRIVATE, 0, (void *)(long)INT32_MAX, &words[2], 0));
	printf("left: %ld\n", futex(&words[0], FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0));
	printf("woken there: %ld\n", futex(&words[2], FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0));
	end("requeues");
}

static void try_operation(void)
{
	start((struct plan){.operation = FUTEX_WAIT_PRIVATE, .word = (uint32_t *)&words[0]});
	settle();
	/* words[3] becomes 5, and was 0. */
	printf("wake op: %ld\n", futex(&words[0], FUTEX_WAKE_OP_PRIVATE, INT32_MAX, (void *)1, &words[3],
				       FUTEX_OP(FUTEX_OP_SET, 5, FUTEX_OP_CMP_EQ, 0)));
	printf("now %u\n", words[3]);
	end("operation");
}

static void try_timeouts(void)
{
	start((struct plan){.operation = FUTEX_WAIT_PRIVATE, .word = (uint32_t *)&words[0], .timeout_ns = 400000000});
	end("relative");
	start((struct plan){.operation = FUTEX_WAIT_BITSET_PRIVATE, .word = (uint32_t *)&words[0], .bits = 1, .timeout_ns = 400000000});
	end("absolute");
	start((struct plan){.operation = FUTEX_WAIT_BITSET_PRIVATE | FUTEX_CLOCK_REALTIME, .word = (uint32_t *)&words[0], .bits = 1, .timeout_ns = 400000000});
	end("time of day");
	words[0] = 1;
	start((struct plan){.operation = FUTEX_WAIT_PRIVATE, .word = (uint32_t *)&words[0]});
	end("another value");
	words[0] = 0;
}

static _Atomic unsigned delivered;

static void count_signal(int signal)
{
	(void)signal;
	atomic_fetch_add(&delivered, 1);
}

static void try_signals(int flags, long timeout_s)
{
	sigaction(SIGUSR1, &(struct sigaction){.sa_handler = count_signal, .sa_flags = flags}, NULL);
	start((struct plan){.operation = FUTEX_WAIT_PRIVATE, .word = (uint32_t *)&words[0], .timeout_s = timeout_s});
	settle();
	delivered = 0;
	for (int i = 0; i < THREADS; i++)
		pthread_kill(threads[i], SIGUSR1);
	while (delivered < THREADS)
		usleep(1000);
	if (flags & SA_RESTART && !timeout_s) {
		settle();
		futex(&words[0], FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0);
	}
	end(flags & SA_RESTART ? "signals that restart" : "signals");
}

/* Stopped and continued, waits go on; killed, they end. */
static void try_stop(void)
{
	int status;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (!child) {
		start((struct plan){.operation = FUTEX_WAIT_PRIVATE, .word = (uint32_t *)&words[0], .timeout_ns = 900000000});
		settle();
		raise(SIGSTOP);
		end("stopped");
		start((struct plan){.operation = FUTEX_WAIT_PRIVATE, .word = (uint32_t *)&words[0]});
		settle();
		fflush(stdout);
		raise(SIGKILL);
	}
	waitpid(child, &status, WUNTRACED);
	printf("stopped %d\n", WIFSTOPPED(status));
	fflush(stdout);
	kill(child, SIGCONT);
	waitpid(child, &status, 0);
	printf("killed %d\n", WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

int main(void)
{
	try_wakes(0);
	try_wakes(FUTEX_PRIVATE_FLAG);
	try_bits();
	try_requeue();
	try_operation();
	try_timeouts();
	try_signals(0, 0);
	try_signals(SA_RESTART, 0);
	try_signals(SA_RESTART, 100);
	try_stop();
	return 0;
}

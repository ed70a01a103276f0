/*
 * CPU placement of halves and their tasks.
 *
 * A stop costs several times more across CPUs than on one, so while a guest
 * makes calls it shares one CPU with its half. A guest that computes makes no
 * stops, so nobody but the balancer could free it: after a tick without a stop
 * its task may run anywhere again, until it is busy with calls once more.
 */
#include "internal.h"

#include <errno.h>
#include <hal/hal.h>
#include <sched.h>
#include <string.h>
#include <time.h>

#define TICK_NS 2000000
#define TALKATIVE_SLEEPS 8 /* waits a tick that make a pair one that talks to another */
#define BUSY_STOPS 4 /* stops a tick that make a floating guest worth placing */

static struct {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	cpu_set_t allowed;
	int cpus[CPU_SETSIZE];
	int cpu_count;
	TAILQ_HEAD(, pico_thread) threads;
} placement = {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};

static void pin(struct pico_thread *thread, int cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	pthread_mutex_lock(&thread->task_lock);
	if (thread->tid > 0) {
		sched_setaffinity(thread->tid, sizeof(one), &one);
		if (thread->half_tid > 0)
			sched_setaffinity(thread->half_tid, sizeof(one), &one);
		atomic_store(&thread->cpu, cpu);
	}
	pthread_mutex_unlock(&thread->task_lock);
}

/* The task was born on its CPU; its half may come from elsewhere. */
static void follow(struct pico_thread *thread)
{
	static _Thread_local int half_cpu = -1;
	int cpu = atomic_load(&thread->cpu);
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	if (sched_getcpu() != cpu || half_cpu != cpu)
		sched_setaffinity(0, sizeof(one), &one);
	half_cpu = cpu;
}

static const cpu_set_t *mask_of(const struct pico_thread *thread)
{
	return thread->masked ? &thread->mask : &placement.allowed;
}

static void unpin_task(struct pico_thread *thread)
{
	pthread_mutex_lock(&thread->task_lock);
	if (thread->tid > 0) {
		sched_setaffinity(thread->tid, sizeof(cpu_set_t), mask_of(thread));
		atomic_store(&thread->cpu, -1);
	}
	pthread_mutex_unlock(&thread->task_lock);
}

/* How many other pairs were busy there during the last tick. */
static int busy_on(int cpu, const struct pico_thread *except)
{
	struct pico_thread *thread;
	int busy = 0;

	TAILQ_FOREACH(thread, &placement.threads, placement_link)
		busy += thread != except && thread->busy && atomic_load(&thread->cpu) == cpu;
	return busy;
}

/* The least loaded CPU that the thread may use; `preferred` if it is no worse. */
static int choose_cpu(const struct pico_thread *thread, int preferred)
{
	bool usable = preferred >= 0 && CPU_ISSET(preferred, mask_of(thread));
	int best = usable ? preferred : -1, best_load = usable ? busy_on(preferred, thread) : INT32_MAX;

	for (int i = 0; i < placement.cpu_count && best_load > 0; i++) {
		int load = busy_on(placement.cpus[i], thread);

		if (load < best_load && CPU_ISSET(placement.cpus[i], mask_of(thread))) {
			best = placement.cpus[i];
			best_load = load;
		}
	}
	return best;
}

void placement_choose(struct pico_thread *thread)
{
	int current = atomic_load(&thread->cpu), cpu;

	if (placement.cpu_count < 2 || !thread->tid)
		return;
	pthread_mutex_lock(&placement.lock);
	cpu = choose_cpu(thread, current >= 0 ? current : sched_getcpu());
	pthread_mutex_unlock(&placement.lock);
	pin(thread, cpu);
}

int placement_restrict(struct pico_thread *thread, const void *mask, size_t size)
{
	cpu_set_t wanted;

	CPU_ZERO(&wanted);
	memcpy(&wanted, mask, size < sizeof(wanted) ? size : sizeof(wanted));
	CPU_AND(&wanted, &wanted, &placement.allowed);
	if (!CPU_COUNT(&wanted))
		return -EINVAL;
	pthread_mutex_lock(&placement.lock);
	thread->mask = wanted;
	thread->masked = true;
	pthread_mutex_unlock(&placement.lock);
	placement_choose(thread);
	return 0;
}

void placement_enter(struct pico_thread *thread)
{
	if (placement.cpu_count < 2)
		return;
	hal_set_sleep_count(&thread->sleeps);
	pthread_mutex_lock(&placement.lock);
	thread->busy = false;
	thread->placed = true;
	if (TAILQ_EMPTY(&placement.threads))
		pthread_cond_signal(&placement.wake);
	TAILQ_INSERT_TAIL(&placement.threads, thread, placement_link);
	pthread_mutex_unlock(&placement.lock);
	/* Born beside its parent, which as a rule waits for it: the balancer moves it if that is wrong. */
	if (atomic_load(&thread->cpu) < 0 || thread->recycled)
		placement_choose(thread);
	else
		follow(thread);
}

void placement_leave(struct pico_thread *thread)
{
	if (!thread->placed)
		return;
	pthread_mutex_lock(&placement.lock);
	TAILQ_REMOVE(&placement.threads, thread, placement_link);
	thread->placed = false;
	pthread_mutex_unlock(&placement.lock);
}

/*
 * One thread's last tick: float what computes, place what calls. Who waits often
 * talks to somebody, most likely on the same CPU, where a wake-up is cheap.
 */
static void review(struct pico_thread *thread)
{
	uint32_t stops = atomic_exchange(&thread->stops, 0), sleeps = atomic_load(&thread->sleeps);
	bool pinned = atomic_load(&thread->cpu) >= 0;

	thread->busy = !(sleeps & 1) && sleeps - thread->seen_sleeps < 2 * TALKATIVE_SLEEPS;
	thread->seen_sleeps = sleeps;
	if (pinned && !stops && atomic_load(&thread->in_user) && !(sleeps & 1))
		unpin_task(thread);
	else if (!pinned && stops >= BUSY_STOPS)
		pin(thread, choose_cpu(thread, -1));
}

/* Move one pair from the fullest to the emptiest CPU if that helps. */
static void rebalance(void)
{
	int fullest = placement.cpus[0], emptiest = fullest, most = -1, least = INT32_MAX;
	struct pico_thread *thread;

	for (int i = 0; i < placement.cpu_count; i++) {
		int load = busy_on(placement.cpus[i], NULL);

		if (load > most) {
			most = load;
			fullest = placement.cpus[i];
		}
		if (load < least) {
			least = load;
			emptiest = placement.cpus[i];
		}
	}
	if (most - least < 2)
		return;
	TAILQ_FOREACH(thread, &placement.threads, placement_link)
		if (thread->busy && atomic_load(&thread->cpu) == fullest && CPU_ISSET(emptiest, mask_of(thread))) {
			pin(thread, emptiest);
			break;
		}
}

static void balance(void *unused)
{
	(void)unused;
	for (;;) {
		const struct timespec tick = {0, TICK_NS};
		struct pico_thread *thread;

		nanosleep(&tick, NULL);
		pthread_mutex_lock(&placement.lock);
		while (TAILQ_EMPTY(&placement.threads))
			pthread_cond_wait(&placement.wake, &placement.lock);
		TAILQ_FOREACH(thread, &placement.threads, placement_link)
			review(thread);
		rebalance();
		pthread_mutex_unlock(&placement.lock);
	}
}

void placement_initialize(void)
{
	TAILQ_INIT(&placement.threads);
	if (sched_getaffinity(0, sizeof(placement.allowed), &placement.allowed) != 0)
		return;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &placement.allowed))
			placement.cpus[placement.cpu_count++] = cpu;
	if (placement.cpu_count > 1 && hal_thread_create(balance, NULL) != 0)
		placement.cpu_count = 1;
}

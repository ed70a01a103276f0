/*
 * CPU placement of halves and their tasks.
 *
 * A stop costs several times more across CPUs than on one, so while a guest
 * makes calls it shares one CPU with its half. A guest that computes makes no
 * stops, so nobody but the balancer could free it: after some ticks without a
 * stop its task may run anywhere, until it makes calls again.
 */
#include "internal.h"

#include <errno.h>
#include <hal/hal.h>
#include <sched.h>
#include <string.h>
#include <time.h>

#define TICK_NS 1000000
#define TICK_MAX_NS (32 * TICK_NS) /* while nothing happens */
#define TALKATIVE_SLEEPS 4 /* waits a tick that make a pair one that talks to another */
#define QUIET_TICKS 16 /* without a stop, until a guest may float */
#define LOOK_TICKS_MAX 64 /* between two looks at what sleeps */
#define LOOKS_AT_BUSY 64 /* pairs that stand for all when CPUs are compared */
#define REVIEWS_MAX 256 /* threads that a tick looks at: the work of a tick has a bound */

static struct {
	struct rtl_lock lock;
	pthread_cond_t wake;
	cpu_set_t allowed;
	int cpus[CPU_SETSIZE];
	int cpu_count;
	TAILQ_HEAD(, pico_thread) threads; /* those looked at longest ago come first */
	TAILQ_HEAD(, pico_thread) busy;    /* of them: few, whatever the number of threads */
	unsigned count;
} placement = {.lock = RTL_LOCK_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};

static void pin(struct pico_thread *thread, int cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	rtl_lock(&thread->task_lock);
	if (thread->tid > 0) {
		sched_setaffinity(thread->tid, sizeof(one), &one);
		if (thread->half_tid > 0)
			sched_setaffinity(thread->half_tid, sizeof(one), &one);
		atomic_store(&thread->cpu, cpu);
	}
	rtl_unlock(&thread->task_lock);
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
	rtl_lock(&thread->task_lock);
	if (thread->tid > 0) {
		sched_setaffinity(thread->tid, sizeof(cpu_set_t), mask_of(thread));
		atomic_store(&thread->cpu, -1);
	}
	rtl_unlock(&thread->task_lock);
}

static bool is_asleep(const struct pico_thread *thread)
{
	return (atomic_load(&thread->sleeps) & 1) && !thread->computes;
}

static void set_busy(struct pico_thread *thread, bool busy)
{
	if (busy == thread->busy)
		return;
	thread->busy = busy;
	if (busy)
		TAILQ_INSERT_TAIL(&placement.busy, thread, busy_link);
	else
		TAILQ_REMOVE(&placement.busy, thread, busy_link);
}

/* How many other pairs were busy there during the last tick and still are: who has forked waits for its child, as a rule. */
static int busy_on(int cpu, const struct pico_thread *except)
{
	struct pico_thread *thread;
	int busy = 0, looks = 0;

	for (thread = TAILQ_FIRST(&placement.busy); thread && looks++ < LOOKS_AT_BUSY; thread = TAILQ_NEXT(thread, busy_link))
		busy += thread != except && !is_asleep(thread) && atomic_load(&thread->cpu) == cpu;
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

static int choose_locked(const struct pico_thread *thread)
{
	int current = atomic_load(&thread->cpu), cpu;

	rtl_lock(&placement.lock);
	cpu = choose_cpu(thread, current >= 0 ? current : sched_getcpu());
	rtl_unlock(&placement.lock);
	return cpu;
}

static void place(struct pico_thread *thread)
{
	if (placement.cpu_count > 1 && thread->tid)
		pin(thread, choose_locked(thread));
}

void placement_prepare(struct pico_thread *current, struct pico_thread *first)
{
	int cpu;

	if (placement.cpu_count < 2 || !current)
		return;
	cpu = choose_locked(current);
	if (cpu != atomic_load(&current->cpu))
		pin(current, cpu);
	pin(first, cpu);
}

int placement_restrict(struct pico_thread *thread, const void *mask, size_t size)
{
	cpu_set_t wanted;

	CPU_ZERO(&wanted);
	memcpy(&wanted, mask, size < sizeof(wanted) ? size : sizeof(wanted));
	CPU_AND(&wanted, &wanted, &placement.allowed);
	if (!CPU_COUNT(&wanted))
		return -EINVAL;
	rtl_lock(&placement.lock);
	thread->mask = wanted;
	thread->masked = true;
	rtl_unlock(&placement.lock);
	place(thread);
	return 0;
}

void placement_inherit(struct pico_thread *thread, const struct pico_thread *from)
{
	rtl_lock(&placement.lock);
	thread->masked = from->masked;
	thread->mask = from->mask;
	rtl_unlock(&placement.lock);
}

void placement_enter(struct pico_thread *thread)
{
	if (placement.cpu_count < 2)
		return;
	hal_set_sleep_count(&thread->sleeps);
	rtl_lock(&placement.lock);
	thread->busy = false;
	thread->placed = true;
	placement.count++;
	if (TAILQ_EMPTY(&placement.threads))
		pthread_cond_signal(&placement.wake);
	TAILQ_INSERT_TAIL(&placement.threads, thread, placement_link);
	rtl_unlock(&placement.lock);
	/* Born beside its parent, which as a rule waits for it: the balancer moves it if that is wrong. */
	if (atomic_load(&thread->cpu) < 0 || thread->recycled)
		place(thread);
	else
		follow(thread);
}

void placement_leave(struct pico_thread *thread)
{
	if (!thread->placed)
		return;
	rtl_lock(&placement.lock);
	TAILQ_REMOVE(&placement.threads, thread, placement_link);
	placement.count--;
	set_busy(thread, false);
	thread->placed = false;
	rtl_unlock(&placement.lock);
}

/*
 * Whether a task whose call runs on the host is back from it, unnoticed, and computes: its CPU time tells. Most sleep, so
 * the longer it has been the rarer we look.
 */
static bool came_back(struct pico_thread *thread)
{
	uint64_t used, before = thread->seen_cpu_ns;
	unsigned ticks = thread->quiet_ticks, since = ticks / 2;

	if (ticks & (ticks - 1) && ticks % LOOK_TICKS_MAX)
		return thread->computes;
	used = pico_task_cpu_ns(thread);
	thread->seen_cpu_ns = used;
	if (since > LOOK_TICKS_MAX)
		since = LOOK_TICKS_MAX;
	return since && used - before >= since * TICK_NS / 4;
}

/*
 * One thread's last tick: float what computes, place what calls. Who waits often
 * talks to somebody, most likely on the same CPU, where a wake-up is cheap. True
 * if anything has happened.
 */
static bool review(struct pico_thread *thread)
{
	uint32_t stops = atomic_exchange(&thread->stops, 0), sleeps = atomic_load(&thread->sleeps);
	bool pinned = atomic_load(&thread->cpu) >= 0, in_user = atomic_load(&thread->in_user);
	bool same = !stops && sleeps == thread->seen_sleeps;

	thread->quiet_ticks = same && in_user ? thread->quiet_ticks + 1 : 0;
	thread->computes = thread->quiet_ticks && (!(sleeps & 1) || came_back(thread));
	set_busy(thread, !is_asleep(thread) && sleeps - thread->seen_sleeps < 2 * TALKATIVE_SLEEPS);
	thread->seen_sleeps = sleeps;
	if (pinned && thread->computes && thread->quiet_ticks >= QUIET_TICKS)
		unpin_task(thread);
	else if (!pinned && stops)
		pin(thread, choose_cpu(thread, -1));
	return !same || thread->computes;
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
	TAILQ_FOREACH(thread, &placement.busy, busy_link)
		if (atomic_load(&thread->cpu) == fullest && CPU_ISSET(emptiest, mask_of(thread))) {
			pin(thread, emptiest);
			break;
		}
}

static void balance(void *unused)
{
	struct timespec tick = {0, TICK_NS};

	(void)unused;
	for (;;) {
		struct pico_thread *thread;
		bool active = false;

		nanosleep(&tick, NULL);
		rtl_lock(&placement.lock);
		while (TAILQ_EMPTY(&placement.threads))
			rtl_condition_wait(&placement.wake, &placement.lock);
		for (unsigned left = placement.count < REVIEWS_MAX ? placement.count : REVIEWS_MAX; left; left--) {
			thread = TAILQ_FIRST(&placement.threads);
			TAILQ_REMOVE(&placement.threads, thread, placement_link);
			TAILQ_INSERT_TAIL(&placement.threads, thread, placement_link);
			active |= review(thread);
		}
		rebalance();
		rtl_unlock(&placement.lock);
		if (active)
			tick.tv_nsec = TICK_NS;
		else if (tick.tv_nsec < TICK_MAX_NS)
			tick.tv_nsec *= 2;
	}
}

void placement_initialize(void)
{
	TAILQ_INIT(&placement.threads);
	TAILQ_INIT(&placement.busy);
	if (sched_getaffinity(0, sizeof(placement.allowed), &placement.allowed) != 0)
		return;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &placement.allowed))
			placement.cpus[placement.cpu_count++] = cpu;
	if (placement.cpu_count > 1 && hal_thread_create(balance, NULL) != 0)
		placement.cpu_count = 1;
}

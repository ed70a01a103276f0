/*
 * Killed tasks that nobody waits for. A thread of its own reaps them and never
 * waits for a single one: a task may hang in the host's kernel, or take long to
 * give much memory back, and nobody's exec is to wait for that. It looks at all
 * that are left, ever more rarely.
 *
 * Lock: reaper.lock guards all below; a leaf, held over no host call that sleeps.
 */
#include "internal.h"

#include <errno.h>
#include <hal/hal.h>
#include <rtl/lock.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/wait.h>
#include <time.h>

#define LOOK_NS 500000ull	 /* until the first look: most have ended by then */
#define LOOK_MAX_NS 100000000ull /* between two looks at what doesn't end */
#define NS_PER_SECOND 1000000000ull

struct killed {
	pid_t tid;
	SLIST_ENTRY(killed) link;
};
SLIST_HEAD(killed_list, killed);

static struct {
	struct rtl_lock lock;
	pthread_cond_t wake, none;
	struct killed_list fresh; /* since the last look */
	unsigned count;		  /* those that the thread looks at included */
} reaper = {.lock = RTL_LOCK_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER, .none = PTHREAD_COND_INITIALIZER};

static struct timespec after(uint64_t ns)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	ns += (uint64_t)now.tv_nsec;
	return (struct timespec){now.tv_sec + (time_t)(ns / NS_PER_SECOND), (long)(ns % NS_PER_SECOND)};
}

static bool has_ended(pid_t tid)
{
	return waitpid(tid, NULL, __WALL | WNOHANG) != 0;
}

/* How many of the list have ended; they leave it. */
static unsigned reap_ended(struct killed_list *list)
{
	struct killed_list left = SLIST_HEAD_INITIALIZER(left);
	unsigned ended = 0;
	struct killed *task;

	while ((task = SLIST_FIRST(list))) {
		SLIST_REMOVE_HEAD(list, link);
		if (has_ended(task->tid)) {
			free(task);
			ended++;
		} else {
			SLIST_INSERT_HEAD(&left, task, link);
		}
	}
	*list = left;
	return ended;
}

static void take_fresh(struct killed_list *list)
{
	struct killed *task;

	while ((task = SLIST_FIRST(&reaper.fresh))) {
		SLIST_REMOVE_HEAD(&reaper.fresh, link);
		SLIST_INSERT_HEAD(list, task, link);
	}
}

static void reap_main(void *unused)
{
	struct killed_list list = SLIST_HEAD_INITIALIZER(list);
	uint64_t pause = LOOK_NS;

	(void)unused;
	rtl_lock(&reaper.lock);
	for (;;) {
		struct timespec until;
		unsigned ended;

		while (!reaper.count)
			rtl_condition_wait(&reaper.wake, &reaper.lock);
		pause = SLIST_EMPTY(&reaper.fresh) ? pause : LOOK_NS;
		take_fresh(&list);
		until = after(pause);
		while (SLIST_EMPTY(&reaper.fresh) && rtl_condition_timedwait(&reaper.wake, &reaper.lock, &until) != ETIMEDOUT)
			continue;
		rtl_unlock(&reaper.lock);
		ended = reap_ended(&list);
		rtl_lock(&reaper.lock);
		reaper.count -= ended;
		if (!reaper.count)
			pthread_cond_broadcast(&reaper.none);
		pause = pause < LOOK_MAX_NS ? pause * 2 : pause;
	}
}

int pico_reaper_start(void)
{
	return hal_thread_create(reap_main, NULL);
}

void pico_reap_later(pid_t tid)
{
	struct killed *task;

	if (tid <= 0)
		return; /* gone already; and 0 would mean our own process group */
	kill(tid, SIGKILL);
	task = malloc(sizeof(*task));
	if (!task)
		return; /* a zombie until lxrun ends */
	task->tid = tid;
	rtl_lock(&reaper.lock);
	SLIST_INSERT_HEAD(&reaper.fresh, task, link);
	/* While it looks at others, it comes by soon without being woken. */
	if (!reaper.count++)
		pthread_cond_signal(&reaper.wake);
	rtl_unlock(&reaper.lock);
}

void pico_reaper_finish(unsigned seconds)
{
	struct timespec until = after(seconds * NS_PER_SECOND);

	rtl_lock(&reaper.lock);
	while (reaper.count && rtl_condition_timedwait(&reaper.none, &reaper.lock, &until) != ETIMEDOUT)
		continue;
	rtl_unlock(&reaper.lock);
}

/*
 * Supervisor threads that were halves and wait to be so again, for a task of any
 * process: making a thread costs a quarter of a fork.
 */
#include "internal.h"

#include <hal/hal.h>
#include <sys/resource.h>

#define SPARE_MAX 16

struct spare {
	struct pico_thread *next;
	pthread_cond_t wake;
	LIST_ENTRY(spare) link;
};
static struct {
	struct rtl_lock lock;
	LIST_HEAD(, spare) list;
	unsigned count;
} spares = {.lock = RTL_LOCK_INITIALIZER};

static int ordinary_priority;
static void (*serve)(struct pico_thread *thread);

void half_initialize(void (*routine)(struct pico_thread *thread))
{
	serve = routine;
	ordinary_priority = getpriority(PRIO_PROCESS, 0);
}

bool half_is_reniced(void)
{
	return getpriority(PRIO_PROCESS, 0) != ordinary_priority;
}

static struct pico_thread *wait_spare(void)
{
	struct spare spare = {.next = NULL};

	rtl_lock(&spares.lock);
	if (spares.count < SPARE_MAX) {
		pthread_cond_init(&spare.wake, NULL);
		LIST_INSERT_HEAD(&spares.list, &spare, link);
		spares.count++;
		while (!spare.next)
			rtl_condition_wait(&spare.wake, &spares.lock);
		pthread_cond_destroy(&spare.wake);
	}
	rtl_unlock(&spares.lock);
	return spare.next;
}

static bool wake_spare(struct pico_thread *thread)
{
	struct spare *spare;

	rtl_lock(&spares.lock);
	spare = LIST_FIRST(&spares.list);
	if (spare) {
		LIST_REMOVE(spare, link);
		spares.count--;
		spare->next = thread;
		pthread_cond_signal(&spare->wake);
	}
	rtl_unlock(&spares.lock);
	return spare;
}

static void half_main(void *argument)
{
	for (struct pico_thread *thread = argument; thread; thread = half_is_reniced() ? NULL : wait_spare())
		serve(thread);
}

int half_thread_start(struct pico_thread *thread)
{
	int error;

	if (wake_spare(thread))
		return 0;
	do
		error = hal_thread_create(half_main, thread);
	while (parked_make_room(error));
	return error;
}

/*
 * Threads of the supervisor. Stacks are small, since there is one for each guest
 * thread, and signals are blocked: what is sent to the process goes to its first
 * thread. But not the one that interrupts host calls, nor SIGCHLD: a signal that
 * nobody handles is dropped at once only if the thread that it is for doesn't
 * block it, and else wakes another.
 */
#include <hal/hal.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STACK_SIZE (1024 * 1024)
#else
#define STACK_SIZE (256 * 1024)
#endif

struct start {
	void (*routine)(void *);
	void *argument;
};

static void *run(void *context)
{
	struct start start = *(struct start *)context;

	free(context);
	start.routine(start.argument);
	return NULL;
}

static void blocked_signals(sigset_t *set)
{
	sigfillset(set);
	sigdelset(set, HAL_INTERRUPT_SIGNAL);
	sigdelset(set, SIGCHLD);
}

int hal_thread_create(void (*routine)(void *), void *argument)
{
	struct start *start = malloc(sizeof(*start));
	pthread_attr_t attributes;
	pthread_t thread;
	sigset_t mask;

	if (!start)
		return -ENOMEM;
	*start = (struct start){routine, argument};
	blocked_signals(&mask);
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	pthread_attr_setsigmask_np(&attributes, &mask);

	int error = pthread_create(&thread, &attributes, run, start);

	pthread_attr_destroy(&attributes);
	if (error)
		free(start);
	return -error;
}

void hal_yield(void)
{
	sched_yield();
}

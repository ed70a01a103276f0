/*
 * Whoever watches the calls of an instance: the tracer.
 */
#ifndef TRANSLATE_CORE_OBSERVER_H
#define TRANSLATE_CORE_OBSERVER_H

#include <core/lx.h>

struct lx_siginfo;

/* dispatch.c: sees each system call as it enters and leaves; NULL: nobody does. Set it before the first guest runs. */
struct lx_call_observer {
	void (*enter)(struct lx_call *call);
	/* `result`: what the guest gets, or -512..-516 for a call that signals interrupted. */
	void (*leave)(struct lx_call *call, int64_t result);
	/* A thread begins or ends: exit statuses, new tasks. */
	void (*thread_begin)(struct lx_thread *thread);
	void (*thread_end)(struct lx_thread *thread);
	/* On the thread's own half: a signal is about to act, or to end its process. */
	void (*signal)(struct lx_thread *thread, const struct lx_siginfo *info);
	/* Under the process' signal_lock, on the sender's half: a signal that would have gone to `thread` was ignored. */
	void (*signal_ignored)(struct lx_thread *thread, const struct lx_siginfo *info);
	/* On the thread's own half: it stops. */
	void (*stopped)(struct lx_thread *thread, int32_t signal);
};
extern const struct lx_call_observer *lx_call_observer;

#endif

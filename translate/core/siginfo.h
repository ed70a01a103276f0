/*
 * Signals as data: sets, siginfo_t, queues and actions, which processes and threads have as members.
 */
#ifndef TRANSLATE_SIGNAL_SIGINFO_H
#define TRANSLATE_SIGNAL_SIGINFO_H

#include <core/lx.h>
#include <lx_structs.h>

#define LX_NSIG 64

struct lx_queued_signal {
	TAILQ_ENTRY(lx_queued_signal) link;
	struct lx_siginfo info;
	uint32_t user; /* whose count it is in, unless it is a timer's */
	void *timer; /* the POSIX timer that owns it: overruns are counted there */
};

struct lx_pending {
	struct lx_sigset set;
	TAILQ_HEAD(, lx_queued_signal) queue;
};

/* CLONE_SIGHAND. */
struct lx_sighand {
	_Atomic uint32_t references;
	struct rtl_lock lock; /* guards the actions; a leaf, taken under the signal_lock of a process that uses them */
	struct lx_sigaction actions[LX_NSIG + 1];
};

#endif

/*
 * Signals as data: sets, siginfo_t, queues and actions, which processes and threads have as members.
 */
#ifndef TRANSLATE_SIGNAL_SIGINFO_H
#define TRANSLATE_SIGNAL_SIGINFO_H

#include <core/lx.h>

#define LX_NSIG 64

struct lx_sigset {
	uint64_t bits; /* signal n is bit n-1 */
};

/* siginfo_t as the guest sees it: 128 bytes. */
struct lx_siginfo {
	int32_t signo, errno_, code, pad;
	union {
		uint8_t bytes[112];
		struct { int32_t pid; uint32_t uid; uint64_t value; } rt;              /* kill, sigqueue */
		struct { int32_t timer; int32_t overrun; uint64_t value; } timer;
		struct { int32_t pid; uint32_t uid; int32_t status; int32_t pad; int64_t utime, stime; } child;
		struct { uint64_t address; int16_t lsb; } fault;
		struct { int64_t band; int32_t fd; } poll;
		struct { uint64_t call_address; int32_t number; uint32_t arch; } sys;
	};
};
_Static_assert(sizeof(struct lx_siginfo) == 128, "siginfo_t");

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

struct lx_sigaction {
	uint64_t handler, flags, restorer;
	struct lx_sigset mask;
};

/* CLONE_SIGHAND. */
struct lx_sighand {
	_Atomic uint32_t references;
	struct rtl_lock lock; /* guards the actions; a leaf, taken under the signal_lock of a process that uses them */
	struct lx_sigaction actions[LX_NSIG + 1];
};

#endif

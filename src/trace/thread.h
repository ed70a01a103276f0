/* What the tracer keeps of a guest thread. It belongs to the thread's own half; what others look at is said below. */
#ifndef TRACE_THREAD_H
#define TRACE_THREAD_H

#include <core/process.h>
#include <core/thread.h>
#include <sys/queue.h>
#include <trace/decode/decode.h>

enum { TRACE_IGNORED_SIGNALS = 16 };

struct trace_services;

struct trace_thread {
	TAILQ_ENTRY(trace_thread) link; /* under the lock of threads */
	struct lx_thread *thread;
	struct lx_call *call;           /* whose descriptors -y looks up; NULL: none */
	struct trace_decoder decoder;
	uint64_t arguments[LX_MAX_ARGUMENTS];
	bool in_call;
	bool shown;                     /* the call passed the filters */
	uint64_t entered_ns, left_ns;   /* monotonic */
	const char *interrupted;        /* the call that restart_syscall would go on with */

	/* output.c, under its lock once the call has begun. */
	struct trace_text line, tail, services_text;
	bool unfinished; /* the beginning was put down: the rest will be a line of its own */
	size_t written; /* bytes of `line` that are on the terminal already */

	struct trace_services *services; /* nt.c */
	bool muted;                      /* the tracer itself is at work: its services are not the guest's */

	/* Signals that the guest ignores, which strace shows all the same; under the lock of threads. */
	struct lx_siginfo ignored[TRACE_IGNORED_SIGNALS];
	unsigned ignored_count;
};

#endif

/*
 * What the user wants to see: calls, signals, outcomes and messages, as strace's -e says it.
 */
#ifndef TRACE_FILTER_H
#define TRACE_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lx_syscall_descriptor;

enum trace_status {
	TRACE_SUCCESSFUL = 1,
	TRACE_FAILED = 2,
	TRACE_UNFINISHED = 4, /* the call never returned */
	TRACE_UNAVAILABLE = 8,
	TRACE_DETACHED = 16,
	TRACE_ANY_STATUS = 31,
};

enum trace_quiet {
	TRACE_QUIET_ATTACH = 1,
	TRACE_QUIET_EXIT = 2,
	TRACE_QUIET_OTHER = 4,
};

enum { TRACE_CALL_LIMIT = 1024 };

struct trace_filter {
	bool calls[TRACE_CALL_LIMIT]; /* by place of the row in lx_syscalls */
	bool unknown_calls;           /* numbers that no row has */
	uint64_t signals;             /* signal n is bit n-1 */
	unsigned statuses;            /* enum trace_status */
	unsigned quiet;               /* enum trace_quiet */
};

/* Everything is shown. */
void trace_filter_initialize(struct trace_filter *filter);
/* "trace=SET", "signal=SET", "status=SET", "quiet=SET" or "SET" of calls. False with the reason in `error`. */
bool trace_filter_parse(struct trace_filter *filter, const char *expression, char *error, size_t error_size);
/* `row` may be a sub-row or NULL. */
bool trace_filter_has_call(const struct trace_filter *filter, const struct lx_syscall_descriptor *row);

#endif

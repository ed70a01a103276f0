/* -c: how often each call was made, how often it failed, and how long it took. */
#ifndef TRACE_SUMMARY_H
#define TRACE_SUMMARY_H

#include <trace/decode/text.h>

struct lx_syscall_descriptor;

/* Any thread. `row` may be a sub-row, which counts as its call. */
void trace_summary_add(const struct lx_syscall_descriptor *row, uint64_t nanoseconds, bool failed);
/* The table, most time first. */
void trace_summary_format(struct trace_text *text);

#endif

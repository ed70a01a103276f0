/* What the kernel reports while guests run, made lines of. */
#ifndef TRACE_EVENTS_H
#define TRACE_EVENTS_H

#include <trace/filter.h>
#include <trace/trace.h>

/* Everything but the observer of services, which is nt.c's. */
void trace_events_start(const struct trace_options *options, const struct trace_filter *filter);

#endif

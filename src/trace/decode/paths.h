/* Paths behind descriptors (-y), and calls that have to do with a path (-P). */
#ifndef TRACE_PATHS_H
#define TRACE_PATHS_H

#include <trace/decode/text.h>

struct trace_thread;
struct trace_options;

/* "</etc/passwd>" of a descriptor, or of the working directory for AT_FDCWD. On the thread's own half, in a call. */
bool trace_describe_descriptor(struct trace_thread *thread, int32_t fd, struct trace_text *text);
/* Whether an argument of the call names one of -P's paths, itself or by a descriptor. */
bool trace_touches_path(struct trace_thread *thread, const struct trace_options *options);

#endif

/*
 * Lines: who may write, what stands before each, and what becomes of a call's line when another thread has something to
 * say before the call returns.
 *
 * A call's beginning is kept until it returns, so that the line is written at once and whole. If another thread writes
 * first, the beginning goes out with " <unfinished ...>", and the rest follows behind "<... read resumed>". On a terminal
 * the beginning is shown at once, so that one sees where a program waits. One lock, taken for nothing but composing and
 * writing a line.
 */
#ifndef TRACE_OUTPUT_H
#define TRACE_OUTPUT_H

#include <trace/decode/text.h>

struct trace_options;
struct trace_thread;

/* 0, or an exit status after the error has been told. */
int trace_output_open(const struct trace_options *options);
void trace_output_close(void);

/* A thread came or went: a second one makes each line begin with its number. */
void trace_output_count(int change);

/* "[pid 3] " or "3 ", and the times that were asked for. */
void trace_output_prefix(struct trace_thread *thread, struct trace_text *line);
/* The number alone. */
void trace_output_pid(struct trace_thread *thread, struct trace_text *line);
/* A call begins; thread->line is its beginning. */
void trace_output_begin(struct trace_thread *thread);
/* The same for a line that only its outcome lets be seen: nothing is shown yet. */
void trace_output_begin_quietly(struct trace_thread *thread);
/* The thread goes. */
void trace_output_forget(const struct trace_thread *thread);
/*
 * It is over: thread->tail is the rest of its arguments, `result` what stands behind "= ", thread->services whole lines
 * that follow.
 */
void trace_output_end(struct trace_thread *thread, const struct trace_text *result);
/* A whole line of its own: a signal, an end. The prefix is put before it. */
void trace_output_line(struct trace_thread *thread, const char *line);
/* A message of the tracer itself, on standard error. */
void trace_output_message(const char *message);
/* Text as it is: the summary. */
void trace_output_raw(const char *text);

#endif

/*
 * The tracer: lines as strace prints them, decoded from the table's types, and with `nt` the NT services beneath each
 * call. It observes; nothing depends on it.
 *
 * strace stops a program at each call and reads what it can see from outside. Here the kernel itself tells: an observer
 * is called on the guest thread's own half when a call begins and when it has its result, so nothing is stopped for the
 * trace's sake, and what the kernel did in between (services, waits, paths behind descriptors) can be shown too. Calls
 * that the host runs for the guest report their result by one more stop, which only a traced guest pays.
 *
 * The row of a call says the type of each argument, and the type how it is printed (decode/values.c); structures come
 * from structs.tbl. What can't be said by a type has a decoder of its own (decode/special.c). A line is made in a text
 * of its thread's, and goes out whole (output.c): threads never mix their letters. A line that can't be finished, since
 * the call waits while another thread has something to say, is cut as strace cuts it: `<unfinished ...>`, `resumed`.
 *
 * Guest memory is read by copies that may fail at any byte; what can't be read is printed as an address.
 */
#ifndef TRACE_TRACE_H
#define TRACE_TRACE_H

#include <stdbool.h>
#include <stddef.h>

/* What the tracer is asked for: strace's letters and what they mean to its users. */
struct trace_options {
	bool enabled;
	bool nt;               /* --nt */
	const char *output;    /* -o */
	const char *expressions[16]; /* -e and --trace=, in order */
	size_t expression_count;
	size_t string_limit;   /* -s */
	bool summary;          /* -c, --summary */
	bool summary_and_trace;/* -C */
	unsigned timestamps;   /* -t, -tt, -ttt: 1, 2, 3 */
	bool relative;         /* -r */
	bool durations;        /* -T */
	unsigned descriptors;  /* -y, -yy */
	bool command_names;    /* -Y: the program's name beside its number */
	size_t column;         /* -a: where results stand */
	const char *paths[16]; /* -P */
	size_t path_count;
	bool successful_only;  /* -z */
	bool failed_only;      /* -Z */
	unsigned quiet;        /* -q, -qq */
	unsigned hexadecimal;  /* -x, -xx */
	bool unabbreviated;    /* -v of lxtrace */
};

/* Install the observers that the options ask for. 0, or an exit status after the error has been told. */
int trace_start(const struct trace_options *options);
/* Print what is left (summary) and close the output. */
void trace_finish(void);

#endif

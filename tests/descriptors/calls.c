/*
 * Every call that takes a descriptor, from the table, on every kind of
 * descriptor: once with good arguments, then with one of them bad at a time.
 *
 *	calls [CALL|"" [KIND]]
 */
#include "kinds.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>

enum type { FD, DIRECTORY, PATH, STRING, POINTER, VECTOR, SIZE, OFFSET, COUNT, INTEGER, ID, PID, MODE, ZERO, SIGNAL, ADDRESS,
	    FLAGS, SELECT, END };

struct argument {
	enum type type;
	const char *name;
};

struct call {
	const char *name;
	long number;
	long selector;
	int refused; /* a sub-call that is not there: only what comes before it is compared */
	struct argument arguments[7];
};

#define CALL(name, number, selector, refused, ...) {name, number, selector, refused, {__VA_ARGS__, {END, NULL}}},
static const struct call calls[] = {
#include "descriptor_calls.inc"
};

#define NO_MORE INT64_MIN
enum { VALUES = 8 };

static char buffer[65536] __attribute__((aligned(4096)));
static struct iovec vector[2];

/* The first is the good one. Buffers are told apart from numbers by what they are. */
static const long values[END][VALUES] = {
	[PATH] = {(long)"entry", (long)"", (long)".", 1, 0, NO_MORE},
	[STRING] = {(long)"user.x", (long)"security.capability", (long)"x", 1, 0, NO_MORE},
	[POINTER] = {(long)buffer, 1, 0, NO_MORE},
	[VECTOR] = {(long)vector, 1, 0, NO_MORE},
	[SIZE] = {16, 0, -1, 4096, NO_MORE},
	[OFFSET] = {0, -1, 1L << 62, 7, NO_MORE},
	[COUNT] = {1, 0, -1, NO_MORE},
	[INTEGER] = {0, 1, -1, NO_MORE},
	[ID] = {-1, 0, NO_MORE},
	[PID] = {0, -1, 0x7ffffffe, NO_MORE},
	[MODE] = {0600, 07777, 0100600, 020600, NO_MORE},
	[ZERO] = {0, NO_MORE},
	[SIGNAL] = {0, 10, 65, -1, NO_MORE},
	[ADDRESS] = {0, 1, NO_MORE},
	[FLAGS] = {0, 1, 2, 4, 0x100, 0x1000, 0xffffffff, NO_MORE},
};

/* Where others than the usual values show more. */
static const struct preference {
	const char *call, *argument;
	long values[VALUES];
} preferences[] = {
	{"mmap", "length", {4096, 0, -1, NO_MORE}},
	{"mmap", "prot", {PROT_READ, PROT_READ | PROT_WRITE, PROT_NONE, PROT_READ | PROT_EXEC, NO_MORE}},
	{"mmap", "flags", {MAP_PRIVATE, MAP_SHARED, MAP_SHARED_VALIDATE, 0, NO_MORE}},
	{"flock", "operation", {6, 5, 8, 0, -1, NO_MORE}},
	{"openat", "flags", {O_NONBLOCK, O_CREAT | O_RDWR, O_DIRECTORY, O_PATH, O_TMPFILE | O_RDWR, NO_MORE}},
	{"signalfd", "sizemask", {8, 0, 16, NO_MORE}},
	{"signalfd4", "sizemask", {8, 0, 16, NO_MORE}},
	{"openat2", "size", {24, 0, 4096, NO_MORE}},
	{"fcntl:F_DUPFD", "arg", {30, -1, 1 << 30, NO_MORE}},
	{"fcntl:F_DUPFD_CLOEXEC", "arg", {30, -1, 1 << 30, NO_MORE}},
	{"fcntl:F_SETFL", "arg", {O_NONBLOCK, O_NONBLOCK | O_APPEND, O_NONBLOCK | O_DIRECT, O_NONBLOCK | O_ASYNC, O_NONBLOCK | O_NOATIME,
				  NO_MORE}},
	{"fcntl:F_SETPIPE_SZ", "arg", {4096, 0, 1 << 30, -1, NO_MORE}},
	{"ioctl:TIOCGPTPEER", "flags", {O_RDWR | O_NOCTTY | O_NONBLOCK, O_NOCTTY, -1, NO_MORE}},
	{"fallocate", "offset", {0, -1, 7, NO_MORE}},
	{"fallocate", "len", {16, 0, -1, NO_MORE}},
	{"lseek", "offset", {0, 3, -1, 1L << 62, NO_MORE}},
	{"getdents", "count", {512, 1, 0, 0xffffffff, NO_MORE}},
	{"getdents64", "count", {512, 1, 0, 0xffffffff, NO_MORE}},
};

static const char *only_kind; /* asked for on the command line */

/* What is not to be compared: of sub-calls that are refused, all that comes after the descriptor's own check. */
static bool is_left_out(const struct kind *kind, const struct call *call)
{
	return (only_kind && strcmp(only_kind, kind->name) != 0) || (call->refused && !(kind->traits & (CLOSED_KIND | PATH_KIND)));
}

static const long *values_of(const struct call *call, const struct argument *argument)
{
	for (size_t i = 0; i < sizeof(preferences) / sizeof(preferences[0]); i++)
		if (strcmp(preferences[i].call, call->name) == 0 && strcmp(preferences[i].argument, argument->name) == 0)
			return preferences[i].values;
	return values[argument->type];
}

static long good_value(const struct call *call, int index)
{
	const struct argument *argument = &call->arguments[index];

	if (argument->type == SELECT)
		return call->selector;
	/* dup2 and dup3 have a second number, and so has FICLONE. */
	if (argument->type == FD)
		return index == 0 || strcmp(call->name, "mmap") == 0 ? SUBJECT : SCRATCH;
	return argument->type == DIRECTORY ? SUBJECT : values_of(call, argument)[0];
}

static void reset_buffers(void)
{
	memset(buffer, 0, 4096);
	vector[0] = (struct iovec){buffer + 4096, 16};
	vector[1] = (struct iovec){buffer + 8192, 16};
}

static void note_argument(long value)
{
	if (value == (long)buffer)
		note("buffer");
	else if (value == (long)vector)
		note("vector");
	else if (value == (long)values[PATH][0] || value == (long)values[PATH][1] || value == (long)values[PATH][2] ||
		 value == (long)values[STRING][0] || value == (long)values[STRING][1] || value == (long)values[STRING][2])
		note("\"%s\"", (const char *)value);
	else if (value == SUBJECT)
		note("fd");
	else
		note("%#lx", value);
}

static void try_once(const struct kind *kind, const struct call *call, const long arguments[6])
{
	bool is_mmap = call->number == SYS_mmap;

	if (!make_kind(kind, SUBJECT))
		return;
	reset_buffers();
	note("%s: %s(", kind->name, call->name);
	for (int i = 0; call->arguments[i].type != END; i++) {
		note(i ? ", " : "");
		note_argument(arguments[i]);
	}
	note(") = %s\n", call_result(call->number, arguments, is_mmap));
	clean_up_kinds(kind->traits);
}

static void try_kind(const struct kind *kind, const struct call *call)
{
	long good[6] = {0}, arguments[6];
	int path = -1, flags = -1, count = 0;

	for (; call->arguments[count].type != END; count++) {
		good[count] = good_value(call, count);
		if (call->arguments[count].type == PATH)
			path = count;
		if (strcmp(call->arguments[count].name, "flags") == 0 || strcmp(call->arguments[count].name, "at_flags") == 0)
			flags = count;
	}
	try_once(kind, call, good);
	for (int i = 0; i < count; i++) {
		if (call->arguments[i].type == FD || call->arguments[i].type == DIRECTORY || call->arguments[i].type == SELECT)
			continue;
		for (const long *value = values_of(call, &call->arguments[i]) + 1; *value != NO_MORE; value++) {
			memcpy(arguments, good, sizeof(arguments));
			arguments[i] = *value;
			try_once(kind, call, arguments);
		}
	}
	if (path >= 0 && flags >= 0) {
		good[path] = values[PATH][1];
		good[flags] = AT_EMPTY_PATH;
		try_once(kind, call, good);
	}
}

static void try_call(const void *subject)
{
	const struct call *call = subject;

	for (size_t i = 0; i < kind_count; i++)
		if (!is_left_out(&kinds[i], call))
			try_kind(&kinds[i], call);
}

int main(int argc, char **argv)
{
	begin_notes();
	only_kind = argc > 2 ? argv[2] : NULL;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (argc < 2 || !*argv[1] || strcmp(argv[1], calls[i].name) == 0)
			try_in_child(try_call, &calls[i], calls[i].name);
	print_notes();
	return 0;
}

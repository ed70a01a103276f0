/*
 * Every kind of descriptor, made afresh for each call that is tried on it, and
 * what the two programs of the matrix share: they try calls in children, note
 * results in memory that they share with them, and print it in the end.
 */
#ifndef DESCRIPTORS_KINDS_H
#define DESCRIPTORS_KINDS_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdbool.h>
#include <stddef.h>

/* The kinds that a program inherits have these numbers: run_both -i makes them. All are non-blocking. */
enum { INHERITED_READER = 10, INHERITED_WRITER, INHERITED_SOCKET, INHERITED_PEER, INHERITED_SLAVE, INHERITED_MASTER };

/* What is tried has a number of its own, and so has what stands beside it. Above them, all is closed after each try. */
enum { SUBJECT = 20, OTHER = 21, SCRATCH = 22 };

enum { CLOSED_KIND = 1, PATH_KIND = 2, SOCKET_KIND = 4, INHERITED_KIND = 8, NAMED_KIND = 16 };

struct kind {
	const char *name;
	int (*make)(void); /* a descriptor, or -1 for none */
	unsigned traits;
};

extern const struct kind kinds[];
extern const size_t kind_count;

/* Make one and give it the number. False: it could not be made, which is noted. */
bool make_kind(const struct kind *kind, int number);
/* After a try with kinds of these traits: close all, empty what was inherited, take away the files that were made. */
void clean_up_kinds(unsigned traits);

void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Run it in a child that may spoil itself; one that hangs is killed, and that is noted. */
void try_in_child(void (*try)(const void *), const void *subject, const char *name);
/* One raw call, which is interrupted should it block; its result in words. */
const char *call_result(long number, const long arguments[6], bool is_address);
void begin_notes(void);
void print_notes(void);

#endif

/*
 * Reading table files: logical lines with their place, and a cursor that takes words off a line. A table is UTF-8 text;
 * '#' opens a comment line, a trailing backslash continues a line, indentation marks a line that belongs to the one
 * above.
 */
#ifndef TBLGEN_SOURCE_H
#define TBLGEN_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct location {
	const char *path;
	unsigned line;
};

struct source {
	const char *path;
	char *rest;
	unsigned line;
};

struct cursor {
	struct location at;
	const char *text;
	bool indented;
};

/* Everything that the generator allocates lives until arena_release(). */
void *arena_allocate(size_t size);
char *arena_copy(const char *text, size_t length);
char *arena_format(const char *format, ...) __attribute__((format(printf, 1, 2)));
void arena_release(void);

/* Makes room for one more element of the given size in a growing array; returns the array. */
void *arena_grow(void *array, size_t count, size_t element_size);

/* Reports "path:line: message"; the generator goes on to find more errors, but ends with a failure. */
void complain(struct location at, const char *format, ...) __attribute__((format(printf, 2, 3)));
unsigned complaint_count(void);

bool source_open(struct source *source, const char *folder, const char *name);
bool source_next(struct source *source, struct cursor *line);

void skip_blanks(struct cursor *cursor);
bool at_end(struct cursor *cursor);
bool take_character(struct cursor *cursor, char wanted);
/* An identifier, or NULL. */
char *take_identifier(struct cursor *cursor);
/* Everything up to one of the stop characters (not included) or the end, without blanks at either side. */
char *take_until(struct cursor *cursor, const char *stops);
/* A run without blanks, or NULL at the end. */
char *take_word(struct cursor *cursor);
/* The text up to " : " or the end of the line, and past it; NULL at the end of the line. */
char *take_field(struct cursor *cursor);
bool take_number(struct cursor *cursor, uint64_t *number);

#endif

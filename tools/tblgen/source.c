/* Reading table files; see source.h. */
#include "source.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct arena_block {
	struct arena_block *next;
	_Alignas(16) char memory[];
};

static struct arena_block *arena;
static unsigned complaints;

void *arena_allocate(size_t size)
{
	struct arena_block *block = calloc(1, sizeof(*block) + size);

	if (!block) {
		fputs("tblgen: out of memory\n", stderr);
		exit(1);
	}
	block->next = arena;
	arena = block;
	return block->memory;
}

void arena_release(void)
{
	while (arena) {
		struct arena_block *next = arena->next;

		free(arena);
		arena = next;
	}
}

char *arena_copy(const char *text, size_t length)
{
	char *copy = arena_allocate(length + 1);

	memcpy(copy, text, length);
	return copy;
}

char *arena_format(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	int length = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);

	char *text = arena_allocate((size_t)length + 1);

	va_start(arguments, format);
	vsnprintf(text, (size_t)length + 1, format, arguments);
	va_end(arguments);
	return text;
}

void *arena_grow(void *array, size_t count, size_t element_size)
{
	if (count & (count - 1) || (count == 0 && array))
		return array;

	void *larger = arena_allocate((count ? 2 * count : 1) * element_size);

	if (count)
		memcpy(larger, array, count * element_size);
	return larger;
}

void complain(struct location at, const char *format, ...)
{
	va_list arguments;

	fprintf(stderr, "%s:%u: ", at.path, at.line);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	complaints++;
}

unsigned complaint_count(void)
{
	return complaints;
}

bool source_open(struct source *source, const char *folder, const char *name)
{
	char *path = arena_format("%s/%s", folder, name);
	FILE *file = fopen(path, "re");
	size_t capacity = 1 << 20;
	size_t size;

	*source = (struct source){.path = path};
	if (!file) {
		complain((struct location){path, 0}, "cannot be read: %s", strerror(errno));
		return false;
	}
	source->rest = arena_allocate(capacity + 1);
	size = fread(source->rest, 1, capacity, file);
	fclose(file);
	if (size == capacity) {
		complain((struct location){path, 0}, "is larger than %zu bytes", capacity);
		return false;
	}
	return true;
}

/* Cuts one physical line off the source. */
static char *next_physical(struct source *source)
{
	char *line = source->rest;
	char *end;

	if (!*line)
		return NULL;
	end = strchr(line, '\n');
	if (end)
		*end = '\0';
	source->rest = end ? end + 1 : line + strlen(line);
	source->line++;

	size_t length = strlen(line);

	while (length && isspace((unsigned char)line[length - 1]))
		line[--length] = '\0';
	return line;
}

bool source_next(struct source *source, struct cursor *line)
{
	char *text;
	char *whole;

	do {
		text = next_physical(source);
		if (!text)
			return false;
	} while (!text[strspn(text, " \t")] || text[strspn(text, " \t")] == '#');

	line->at = (struct location){source->path, source->line};
	line->indented = *text == ' ' || *text == '\t';
	whole = text;
	while (*whole && whole[strlen(whole) - 1] == '\\') {
		whole[strlen(whole) - 1] = '\0';
		text = next_physical(source);
		if (!text) {
			complain(line->at, "the last line is continued by a backslash");
			break;
		}
		whole = arena_format("%s %s", whole, text + strspn(text, " \t"));
	}
	line->text = whole;
	skip_blanks(line);
	return true;
}

void skip_blanks(struct cursor *cursor)
{
	cursor->text += strspn(cursor->text, " \t");
}

bool at_end(struct cursor *cursor)
{
	skip_blanks(cursor);
	return !*cursor->text;
}

bool take_character(struct cursor *cursor, char wanted)
{
	skip_blanks(cursor);
	if (*cursor->text != wanted)
		return false;
	cursor->text++;
	return true;
}

static bool is_identifier_character(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

char *take_identifier(struct cursor *cursor)
{
	size_t length = 0;

	skip_blanks(cursor);
	while (is_identifier_character(cursor->text[length]))
		length++;
	if (!length)
		return NULL;

	char *word = arena_copy(cursor->text, length);

	cursor->text += length;
	return word;
}

char *take_until(struct cursor *cursor, const char *stops)
{
	skip_blanks(cursor);

	size_t length = strcspn(cursor->text, stops);
	size_t trimmed = length;

	while (trimmed && isspace((unsigned char)cursor->text[trimmed - 1]))
		trimmed--;

	char *text = arena_copy(cursor->text, trimmed);

	cursor->text += length;
	return text;
}

char *take_word(struct cursor *cursor)
{
	skip_blanks(cursor);
	return *cursor->text ? take_until(cursor, " \t") : NULL;
}

char *take_field(struct cursor *cursor)
{
	skip_blanks(cursor);
	if (!*cursor->text)
		return NULL;

	const char *start = cursor->text;
	const char *end = start;

	/* " :" at the end of the line closes an empty last field, "a :  : b" has an empty one in the middle. */
	while (*end && !(*end == ':' && (end == start || isspace((unsigned char)end[-1])) &&
			 (!end[1] || isspace((unsigned char)end[1]))))
		end++;

	size_t length = (size_t)(end - start);

	while (length && isspace((unsigned char)start[length - 1]))
		length--;
	cursor->text = *end ? end + 1 : end;
	return arena_copy(start, length);
}

bool take_number(struct cursor *cursor, uint64_t *number)
{
	char *end;

	skip_blanks(cursor);
	errno = 0;
	*number = strtoull(cursor->text, &end, 0);
	if (end == cursor->text || errno || is_identifier_character(*end))
		return false;
	cursor->text = end;
	return true;
}

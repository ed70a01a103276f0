/*
 * The types of arguments, results and structure members:
 *
 *	[in|out|inout] base[:name] [struct-name] [ '[' length ']' ] name
 *
 * A direction makes the argument an address; path, str, strings and ptr are addresses by themselves. A length is a
 *number of elements, the name of another argument, *argument for what that one points to, or "return".
 */
#include "model.h"

#include <ctype.h>
#include <string.h>

static const struct base_type base_types[] = {
    {"none", "NONE", "int64_t", 0, false, false, false},
    {"int", "INT", "int32_t", 4, false, false, false},
    {"uint", "UINT", "uint32_t", 4, false, false, false},
    {"hex32", "HEX32", "uint32_t", 4, false, false, false},
    {"long", "LONG", "int64_t", 8, false, false, true},
    {"ulong", "ULONG", "uint64_t", 8, false, false, true},
    {"hex", "HEX", "uint64_t", 8, false, false, false},
    {"u64", "ULONG", "uint64_t", 8, false, false, false},
    {"off64", "OFFSET", "int64_t", 8, false, false, false},
    {"u8", "U8", "uint32_t", 1, false, false, false},
    {"u16", "U16", "uint32_t", 2, false, false, false},
    {"s16", "S16", "int32_t", 2, false, false, false},
    {"port", "PORT", "uint32_t", 2, false, false, false},
    {"size", "SIZE", "uint64_t", 8, false, false, true},
    {"ssize", "SSIZE", "int64_t", 8, false, false, true},
    {"off", "OFFSET", "int64_t", 8, false, false, true},
    {"addr", "ADDRESS", "uint64_t", 8, false, false, true},
    {"fd", "FD", "int32_t", 4, false, false, false},
    {"dirfd", "DIRFD", "int32_t", 4, false, false, false},
    {"pid", "PID", "int32_t", 4, false, false, false},
    {"uid", "UID", "uint32_t", 4, false, false, false},
    {"gid", "GID", "uint32_t", 4, false, false, false},
    {"mode", "MODE", "uint32_t", 4, false, false, false},
    {"perm", "PERMISSIONS", "uint32_t", 4, false, false, false},
    {"openmode", "OPEN_MODE", "uint32_t", 4, false, false, false},
    {"dev", "DEVICE", "uint32_t", 4, false, false, false},
    {"dev64", "DEVICE64", "uint64_t", 8, false, false, false},
    {"signal", "SIGNAL", "int32_t", 4, false, false, false},
    {"socklen", "SOCKLEN", "int32_t", 4, false, false, false},
    {"time", "TIME", "int64_t", 8, false, false, true},
    {"wstatus", "WAIT_STATUS", "int32_t", 4, false, false, false},
    {"rlim", "RESOURCE_LIMIT", "uint64_t", 8, false, false, true},
    {"flags", "FLAGS", "uint32_t", 4, false, true, false},
    {"flags64", "FLAGS64", "uint64_t", 8, false, true, false},
    {"enum", "ENUM", "int32_t", 4, false, true, false},
    /* Other widths occur in structures; the member's size tells them apart. */
    {"flags16", "FLAGS", "uint32_t", 2, false, true, false},
    {"enum16", "ENUM", "int32_t", 2, false, true, false},
    {"enum64", "ENUM", "int64_t", 8, false, true, false},
    {"mode16", "MODE", "uint32_t", 2, false, false, false},
    {"select", "SELECTOR", "uint32_t", 4, false, true, false},
    {"select64", "SELECTOR", "uint64_t", 8, false, true, false},
    {"ptr", "POINTER", NULL, 8, true, false, true},
    {"path", "PATH", NULL, 8, true, false, true},
    {"str", "STRING", NULL, 8, true, false, true},
    {"strings", "STRINGS", NULL, 8, true, false, true},
    {"char", "STRING", "uint32_t", 1, false, false, false},
    {"buf", "BYTES", NULL, 1, true, false, false},
    {"struct", "STRUCT", NULL, 0, true, true, false},
    {"iovec", "IOVEC", NULL, 16, true, false, false},
    {"sigset", "SIGSET", NULL, 8, true, false, false},
    {"fdset", "FDSET", NULL, 8, true, false, false},
    {"cpuset", "CPUSET", NULL, 8, true, false, false},
    {"sockaddr", "SOCKADDR", NULL, 128, true, false, false},
    {"dirents", "DIRENTS", NULL, 1, true, false, false},
};

static const struct base_type *find_base(const char *word)
{
	for (size_t i = 0; i < sizeof(base_types) / sizeof(base_types[0]); i++)
		if (!strcmp(base_types[i].word, word))
			return &base_types[i];
	return NULL;
}

static enum direction direction_of(const char *word)
{
	if (!strcmp(word, "in"))
		return IN;
	if (!strcmp(word, "out"))
		return OUT;
	return !strcmp(word, "inout") ? INOUT : BY_VALUE;
}

/* What follows flags:, enum: and struct. */
static bool parse_qualifier(struct cursor *cursor, const struct model *model, struct argument *argument)
{
	bool is_structure = !strcmp(argument->type->word, "struct");

	if (!is_structure && !take_character(cursor, ':')) {
		complain(cursor->at, "\"%s\" must be followed by \":\" and the name of a vocabulary",
			 argument->type->word);
		return false;
	}
	argument->qualifier = take_identifier(cursor);
	if (!argument->qualifier) {
		complain(cursor->at, "expected a name after \"%s\"", argument->type->word);
		return false;
	}
	if (!is_structure && !find_vocabulary(model, argument->qualifier)) {
		complain(cursor->at, "no vocabulary is named %s", argument->qualifier);
		return false;
	}
	argument->selector_mask = argument->type->size == 8 ? UINT64_MAX : UINT32_MAX;
	if (take_character(cursor, '&') && !take_number(cursor, &argument->selector_mask)) {
		complain(cursor->at, "expected a mask after \"&\"");
		return false;
	}
	return true;
}

static bool parse_type(struct cursor *cursor, const struct model *model, struct argument *argument)
{
	const char *word = take_identifier(cursor);

	*argument = (struct argument){.direction = word ? direction_of(word) : BY_VALUE};
	if (argument->direction != BY_VALUE)
		word = take_identifier(cursor);
	argument->type = word ? find_base(word) : NULL;
	if (!argument->type) {
		complain(cursor->at, "\"%s\" is not a type", word ? word : cursor->text);
		return false;
	}
	if (argument->type->needs_name && !parse_qualifier(cursor, model, argument))
		return false;
	if (*cursor->text == '[') {
		cursor->text++;
		argument->length = take_until(cursor, "]");
		if (!take_character(cursor, ']') || !*argument->length) {
			complain(cursor->at, "a length must be written as [length]");
			return false;
		}
	}
	return true;
}

bool parse_argument(struct cursor *cursor, const struct model *model, struct argument *argument)
{
	if (!parse_type(cursor, model, argument))
		return false;
	argument->name = take_identifier(cursor);
	if (!argument->name) {
		complain(cursor->at, "expected the argument's name at \"%s\"", cursor->text);
		return false;
	}
	return true;
}

bool parse_result(struct cursor *cursor, const struct model *model, struct argument *result)
{
	if (!parse_type(cursor, model, result))
		return false;
	if (result->direction != BY_VALUE || result->length || !result->type->c_type) {
		complain(cursor->at, "a result is a value");
		return false;
	}
	result->name = "return";
	return true;
}

bool is_guest_pointer(const struct argument *argument)
{
	return argument->direction != BY_VALUE || argument->type->is_address;
}

const char *argument_c_type(const struct argument *argument)
{
	return is_guest_pointer(argument) ? "struct lx_uptr" : argument->type->c_type;
}

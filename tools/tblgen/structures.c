/*
 * structs.tbl: the layout of guest structures, for C and for the tracer, which prints them member by member.
 *
 *	struct timespec = struct timespec <linux/time.h>
 *		time tv_sec
 *		long tv_nsec
 *
 * Members have the types of arguments, and their natural alignment; nested structures are written in full before.
 * "pad NUMBER" skips bytes. The length of an array in place is a number, of the last one also 0: as long as it happens to
 * be; behind an address it may be another member. The members of a "union" lie over each other.
 *
 * In the i386 ABI members of types as wide as a machine word are half as wide, and nothing is aligned to more than four
 * bytes. "fixed" behind the name: no member changes. "struct32" gives the i386 form of a structure that is another one
 * there, before what contains it. What follows "=" is the host's name and header, to which both are compared, but for
 * members that are "newer" than the headers of many hosts.
 */
#include "model.h"

#include <stdlib.h>
#include <string.h>

/* The word, if it comes next. */
static bool take_exactly(struct cursor *cursor, const char *word)
{
	struct cursor next = *cursor;
	const char *found = take_word(&next);

	if (!found || strcmp(found, word) != 0)
		return false;
	*cursor = next;
	return true;
}

static struct layout value_layout(const struct model *model, const struct argument *argument, bool is_word, int abi)
{
	bool is_address = argument->direction != BY_VALUE;
	unsigned size = is_address ? 8 : argument->type->size;

	if (!strcmp(argument->type->word, "struct") && !is_address) {
		const struct structure *nested = find_structure(model, argument->qualifier), *nested32 = NULL;

		if (abi == ABI_32)
			nested32 = find_structure(model, arena_format("%s32", argument->qualifier));
		nested = nested32 ? nested32 : nested;
		return nested ? nested->layouts[abi] : (struct layout){0, 1};
	}
	if (abi == ABI_32 && is_word)
		size = 4;
	return (struct layout){size, size > 8 ? 1 : abi == ABI_32 && size > 4 ? 4 : size};
}

/* The member's place behind what there is, or in a union over it. */
static unsigned place(struct structure *structure, int abi, struct layout value, unsigned count)
{
	struct layout *layout = &structure->layouts[abi];
	unsigned offset = (layout->size + value.alignment - 1) / value.alignment * value.alignment;

	if (structure->is_union)
		offset = 0;
	if (layout->size < offset + value.size * count)
		layout->size = offset + value.size * count;
	if (value.alignment > layout->alignment)
		layout->alignment = value.alignment;
	return offset;
}

static bool take_array_length(const struct cursor *cursor, struct member *member)
{
	if (!member->argument.length || member->argument.direction != BY_VALUE)
		return true;
	member->count = (unsigned)strtoull(member->argument.length, NULL, 0);
	member->is_rest = !strcmp(member->argument.length, "0");
	if (!member->count && !member->is_rest)
		complain(cursor->at, "an array within a structure needs a number of elements");
	return member->count || member->is_rest;
}

static bool is_nested_union(const struct model *model, const struct argument *argument)
{
	const struct structure *nested = NULL;

	if (argument->direction == BY_VALUE && !strcmp(argument->type->word, "struct"))
		nested = find_structure(model, argument->qualifier);
	return nested && nested->is_union;
}

static void add_member(struct model *model, struct structure *structure, struct cursor *cursor)
{
	struct member member = {.is_newer = take_exactly(cursor, "newer")};
	struct layout value, value32;
	unsigned count;

	if (!parse_argument(cursor, model, &member.argument) || !take_array_length(cursor, &member))
		return;
	member.is_word = !structure->is_fixed &&
			 (member.argument.type->is_word || member.argument.direction != BY_VALUE);
	value = value_layout(model, &member.argument, member.is_word, ABI_64);
	value32 = value_layout(model, &member.argument, member.is_word, ABI_32);
	if (!value.size) {
		complain(cursor->at, "struct %s must be written before its use", member.argument.qualifier);
		return;
	}
	count = member.count ? member.count : !member.is_rest;
	member.is_union = is_nested_union(model, &member.argument);
	member.offset = place(structure, ABI_64, value, count);
	member.offset32 = place(structure, ABI_32, value32, count);
	member.size = value.size * count;
	member.padding = structure->padding;
	structure->padding = 0;
	structure->members = arena_grow(structure->members, structure->count, sizeof(member));
	structure->members[structure->count++] = member;
}

static void check_lengths(const struct structure *structure)
{
	for (size_t i = 0; i < structure->count; i++) {
		const struct argument *argument = &structure->members[i].argument;
		const char *length = argument->length ? argument->length + (*argument->length == '*') : "0";
		bool found = *length >= '0' && *length <= '9';

		for (size_t j = 0; j < structure->count; j++)
			found |= !strcmp(structure->members[j].argument.name, length);
		if (!found)
			complain(structure->at, "struct %s: the length of %s is \"%s\", which is no member",
				 structure->name, argument->name, length);
	}
}

static void finish(struct structure *structure)
{
	if (!structure)
		return;
	check_lengths(structure);
	for (int abi = 0; abi < ABI_COUNT; abi++) {
		struct layout *layout = &structure->layouts[abi];

		layout->size = (layout->size + layout->alignment - 1) / layout->alignment * layout->alignment;
	}
}

/* "= struct timespec <linux/time.h>", or nothing. */
static bool take_host(struct structure *structure, struct cursor *cursor)
{
	const char *word;

	if (!take_character(cursor, '='))
		return at_end(cursor);
	structure->host = take_until(cursor, "<");
	if (take_character(cursor, '<'))
		structure->host_header = take_until(cursor, ">");
	word = structure->host_header;
	return word && *word && take_character(cursor, '>') && at_end(cursor);
}

/* "struct", "struct32", "union" or "union32". */
static bool take_kind(struct structure *structure, struct cursor *cursor)
{
	structure->is_32 = take_exactly(cursor, "struct32");
	if (structure->is_32 || take_exactly(cursor, "struct"))
		return true;
	structure->is_32 = take_exactly(cursor, "union32");
	structure->is_union = structure->is_32 || take_exactly(cursor, "union");
	return structure->is_union;
}

static struct structure *begin(struct model *model, struct cursor *cursor)
{
	struct structure structure = {.at = cursor->at, .layouts = {{0, 1}, {0, 1}}};

	if (take_kind(&structure, cursor))
		structure.name = take_identifier(cursor);
	if (!structure.name) {
		complain(cursor->at, "expected \"struct NAME\"");
		return NULL;
	}
	if (structure.is_32)
		structure.name = arena_format("%s32", structure.name);
	structure.is_fixed = take_exactly(cursor, "fixed");
	if (!take_host(&structure, cursor))
		complain(cursor->at, "expected \"= NAME <HEADER>\" behind the structure's name");
	if (find_structure(model, structure.name))
		complain(cursor->at, "struct %s is already defined", structure.name);
	model->structures = arena_grow(model->structures, model->structure_count, sizeof(structure));
	model->structures[model->structure_count] = structure;
	return &model->structures[model->structure_count++];
}

static bool take_padding(struct structure *structure, struct cursor *cursor)
{
	uint64_t bytes;

	if (!take_exactly(cursor, "pad"))
		return false;
	if (!take_number(cursor, &bytes)) {
		complain(cursor->at, "expected a number of bytes after \"pad\"");
		return true;
	}
	structure->padding += (unsigned)bytes;
	for (int abi = 0; abi < ABI_COUNT; abi++)
		place(structure, abi, (struct layout){1, 1}, (unsigned)bytes);
	return true;
}

void parse_structures(struct model *model, const char *folder)
{
	struct source source;
	struct cursor line;
	struct structure *structure = NULL;

	if (!source_open(&source, folder, "structs.tbl"))
		return;
	while (source_next(&source, &line)) {
		if (!line.indented) {
			finish(structure);
			structure = begin(model, &line);
		} else if (!structure) {
			complain(line.at, "an indented line before any structure");
		} else if (!take_padding(structure, &line)) {
			add_member(model, structure, &line);
		}
	}
	finish(structure);
}

/*
 * structs.tbl: the layout of guest structures that a tracer prints member by member.
 *
 *	struct timespec
 *		time tv_sec
 *		long tv_nsec
 *
 * Members have the types of arguments, and their natural alignment; nested structures are written in full before.
 * "pad NUMBER" skips bytes. The length of an array in place is a number; behind an address it may be another member.
 */
#include "model.h"

#include <stdlib.h>
#include <string.h>

static unsigned member_alignment(const struct model *model, const struct argument *argument, unsigned *size)
{
	bool by_value = argument->direction == BY_VALUE;

	if (!strcmp(argument->type->word, "struct") && by_value) {
		const struct structure *nested = find_structure(model, argument->qualifier);

		*size = nested ? nested->size : 0;
		return nested ? nested->alignment : 1;
	}
	*size = by_value ? argument->type->size : 8;
	return *size > 8 ? 1 : *size;
}

static void add_member(struct model *model, struct structure *structure, struct cursor *cursor)
{
	struct member member = {0};
	uint64_t count = 1;

	if (!parse_argument(cursor, model, &member.argument))
		return;

	unsigned alignment = member_alignment(model, &member.argument, &member.size);

	if (!member.size) {
		complain(cursor->at, "struct %s must be written before its use", member.argument.qualifier);
		return;
	}
	if (member.argument.length && member.argument.direction == BY_VALUE) {
		count = strtoull(member.argument.length, NULL, 0);
		if (!count) {
			complain(cursor->at, "an array within a structure needs a number of elements");
			return;
		}
	}
	member.size *= (unsigned)count;
	structure->size = (structure->size + alignment - 1) / alignment * alignment;
	member.offset = structure->size;
	structure->size += member.size;
	if (alignment > structure->alignment)
		structure->alignment = alignment;
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
	structure->size = (structure->size + structure->alignment - 1) / structure->alignment * structure->alignment;
}

static struct structure *begin(struct model *model, struct cursor *cursor)
{
	const char *word = take_word(cursor);
	struct structure structure = {.at = cursor->at, .alignment = 1};

	structure.name = take_word(cursor);
	if (!word || strcmp(word, "struct") != 0 || !structure.name) {
		complain(cursor->at, "expected \"struct NAME\"");
		return NULL;
	}
	if (find_structure(model, structure.name))
		complain(cursor->at, "struct %s is already defined", structure.name);
	model->structures = arena_grow(model->structures, model->structure_count, sizeof(structure));
	model->structures[model->structure_count] = structure;
	return &model->structures[model->structure_count++];
}

static bool take_padding(struct structure *structure, struct cursor *cursor)
{
	uint64_t bytes;

	if (strncmp(cursor->text, "pad ", 4) != 0)
		return false;
	cursor->text += 4;
	if (take_number(cursor, &bytes))
		structure->size += (unsigned)bytes;
	else
		complain(cursor->at, "expected a number of bytes after \"pad\"");
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

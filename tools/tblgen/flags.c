/*
 * flags.tbl: the symbolic names of the guest ABI.
 *
 *	flags open              a set of bits; an entry NAME=value/mask is a field value, printed when
 *	                        the bits under the mask have exactly that value
 *	enum whence             one of several values
 *	const limits            #defines for C code only
 *		NAME=value NAME NAME=OTHER|ANOTHER
 *
 * A name without a value must have been defined above it, so that a constant is written once. "private" after the name
 *of a vocabulary leaves out its #defines.
 */
#include "model.h"

#include <string.h>

/* A number, a name seen before, or several of them joined by '|'. */
static bool parse_value(const struct model *model, struct cursor *cursor, uint64_t *value)
{
	bool is_negative = take_character(cursor, '-');

	*value = 0;
	do {
		uint64_t term;

		if (!take_number(cursor, &term)) {
			const char *name = take_identifier(cursor);
			const struct constant *known = name ? find_constant(model, name) : NULL;

			if (!known) {
				complain(cursor->at, "%s is neither a number nor a name defined above",
					 name ? name : cursor->text);
				return false;
			}
			term = known->value;
		}
		*value |= term;
	} while (take_character(cursor, '|'));
	if (is_negative)
		*value = -*value;
	return true;
}

static bool parse_entry(struct model *model, struct vocabulary *vocabulary, struct cursor *cursor)
{
	struct constant entry = {.name = take_identifier(cursor)};

	if (!entry.name) {
		complain(cursor->at, "expected a name at \"%s\"", cursor->text);
		return false;
	}

	const struct constant *known = find_constant(model, entry.name);

	if (*cursor->text == '=') {
		cursor->text++;
		entry.is_negative = *cursor->text == '-';
		if (!parse_value(model, cursor, &entry.value))
			return false;
		if (known && known->value != entry.value) {
			complain(cursor->at, "%s has another value above", entry.name);
			return false;
		}
	} else if (known) {
		entry.value = known->value;
		entry.is_negative = known->is_negative;
	} else {
		complain(cursor->at, "%s has no value, and none is defined above", entry.name);
		return false;
	}
	entry.mask = vocabulary->is_enum ? UINT64_MAX : entry.value;
	if (*cursor->text == '/') {
		cursor->text++;
		if (!parse_value(model, cursor, &entry.mask))
			return false;
	}
	vocabulary->entries = arena_grow(vocabulary->entries, vocabulary->count, sizeof(entry));
	vocabulary->entries[vocabulary->count++] = entry;
	return true;
}

static struct vocabulary *parse_head(struct model *model, struct cursor *cursor)
{
	struct vocabulary vocabulary = {.at = cursor->at};
	const char *word = take_word(cursor);

	vocabulary.is_enum = word && !strcmp(word, "enum");
	vocabulary.is_constants = word && !strcmp(word, "const");
	vocabulary.name = take_word(cursor);
	if (!word || !vocabulary.name ||
	    (!vocabulary.is_enum && !vocabulary.is_constants && strcmp(word, "flags") != 0)) {
		complain(cursor->at, "expected \"flags NAME\", \"enum NAME\" or \"const NAME\"");
		return NULL;
	}
	if (!at_end(cursor)) {
		const char *extra = take_word(cursor);

		vocabulary.is_private = !strcmp(extra, "private");
		if (!vocabulary.is_private)
			complain(cursor->at, "expected \"private\" or nothing instead of \"%s\"", extra);
	}
	if (find_vocabulary(model, vocabulary.name))
		complain(cursor->at, "there is already a vocabulary named %s", vocabulary.name);
	model->vocabularies = arena_grow(model->vocabularies, model->vocabulary_count, sizeof(vocabulary));
	model->vocabularies[model->vocabulary_count] = vocabulary;
	return &model->vocabularies[model->vocabulary_count++];
}

void parse_flags(struct model *model, const char *folder, const char *file)
{
	struct source source;
	struct cursor line;
	struct vocabulary *vocabulary = NULL;

	if (!source_open(&source, folder, file))
		return;
	while (source_next(&source, &line)) {
		if (!line.indented) {
			vocabulary = parse_head(model, &line);
			continue;
		}
		if (!vocabulary) {
			complain(line.at, "an indented line before any vocabulary");
			continue;
		}
		while (!at_end(&line) && parse_entry(model, vocabulary, &line))
			;
	}
}

/*
 * status.tbl: STATUS_NAME value errno|- [carrier] "text"
 *
 * The errno is what the status becomes for a guest where a row of syscalls.tbl doesn't say otherwise; "-" is no error.
 * "carrier" marks the one status that an errno of the host travels as.
 */
#include "model.h"

#include <string.h>

static bool parse_status(struct cursor *cursor, struct status *status)
{
	*status = (struct status){.at = cursor->at, .name = take_identifier(cursor)};
	if (!status->name || !take_number(cursor, &status->value) || status->value > UINT32_MAX) {
		complain(cursor->at, "expected a status name and its 32-bit value");
		return false;
	}

	const char *word = take_word(cursor);

	if (!word || (strcmp(word, "-") != 0 && errno_by_name(word) <= 0)) {
		complain(cursor->at, "%s: expected an errno or \"-\" instead of \"%s\"", status->name,
			 word ? word : "");
		return false;
	}
	status->error = strcmp(word, "-") != 0 ? word : NULL;
	if (!at_end(cursor) && *cursor->text != '"') {
		word = take_word(cursor);
		if (strcmp(word, "carrier") != 0 || !status->error) {
			complain(cursor->at, "%s: unexpected \"%s\"", status->name, word);
			return false;
		}
		status->is_carrier = true;
	}
	if (!take_character(cursor, '"')) {
		complain(cursor->at, "%s: expected a quoted text", status->name);
		return false;
	}
	status->text = take_until(cursor, "\"");
	if (!take_character(cursor, '"') || !at_end(cursor)) {
		complain(cursor->at, "%s: the text must end the line", status->name);
		return false;
	}
	return true;
}

static void check_unique(const struct model *model, const struct status *status)
{
	for (size_t i = 0; i < model->status_count; i++) {
		const struct status *other = &model->statuses[i];

		if (!strcmp(other->name, status->name))
			complain(status->at, "%s is already defined in line %u", status->name, other->at.line);
		if (status->is_carrier && other->is_carrier && !strcmp(other->error, status->error))
			complain(status->at, "%s already has the carrier %s", status->error, other->name);
	}
}

void parse_statuses(struct model *model, const char *folder)
{
	struct source source;
	struct cursor line;
	struct status status;

	if (!source_open(&source, folder, "status.tbl"))
		return;
	while (source_next(&source, &line)) {
		if (!parse_status(&line, &status))
			continue;
		check_unique(model, &status);
		model->statuses = arena_grow(model->statuses, model->status_count, sizeof(status));
		model->statuses[model->status_count++] = status;
	}
}

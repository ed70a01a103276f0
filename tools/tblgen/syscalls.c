/*
 * syscalls.tbl: one row a call, fields between " : ".
 *
 *	name nr64|- nr32|- (argument, …) = result : classes : status : services : note : errno overrides
 *	name:SELECTOR [value] (argument, …) = result : classes : status : services : note : errno overrides
 *
 * status is full, partial, missing, "refused ERRNO", or "direct": full, with a thunk that only calls the service. A row
 * with an argument of type select:VOCABULARY is multiplexed; its sub-rows follow it anywhere below. A sub-row without a
 * value takes it from the vocabulary, and one whose classes are "-" has its parent's. Overrides are STATUS_…=ERRNO or
 *=0.
 */
#include "model.h"

#include <string.h>

static bool parse_number_or_dash(struct cursor *cursor, int *number)
{
	uint64_t value;

	*number = -1;
	if (take_character(cursor, '-'))
		return true;
	if (!take_number(cursor, &value) || value > 4095) {
		complain(cursor->at, "expected a call number or \"-\" at \"%s\"", cursor->text);
		return false;
	}
	*number = (int)value;
	return true;
}

static bool check_length(const struct syscall *row, const struct argument *argument)
{
	const char *length = argument->length;

	if (!length || !strcmp(length, "return") || (*length >= '0' && *length <= '9'))
		return true;
	if (*length == '*')
		length++;
	for (unsigned i = 0; i < row->argument_count; i++)
		if (!strcmp(row->arguments[i].name, length))
			return true;
	complain(row->at, "%s: the length of %s is \"%s\", which is no argument", row->name, argument->name, length);
	return false;
}

/* Names become those of the handler's parameters, the first of which is always "call". */
static bool check_name(const struct syscall *row, unsigned place)
{
	const char *name = row->arguments[place].name;
	bool taken = !strcmp(name, "call");

	for (unsigned i = 0; i < place; i++)
		taken |= !strcmp(row->arguments[i].name, name);
	if (taken)
		complain(row->at, "%s: the handler has another parameter named %s", row->name, name);
	return !taken;
}

/* In a sub-row the bare word "select" stands for the parent's argument at that place. */
static bool take_inherited_selector(struct cursor *cursor, const struct syscall *row)
{
	if (!row->parent || (int)row->argument_count != row->parent->selector_argument)
		return false;
	skip_blanks(cursor);
	if (strncmp(cursor->text, "select", 6) != 0 || !strchr(" ,)", cursor->text[6]))
		return false;
	cursor->text += 6;
	return true;
}

static bool parse_signature(struct cursor *cursor, const struct model *model, struct syscall *row)
{
	if (!take_character(cursor, '(')) {
		complain(cursor->at, "%s: expected \"(\"", row->name);
		return false;
	}
	while (!take_character(cursor, ')')) {
		if (row->argument_count && !take_character(cursor, ',')) {
			complain(cursor->at, "%s: expected \",\" or \")\" at \"%s\"", row->name, cursor->text);
			return false;
		}
		if (row->argument_count == MAX_ARGUMENTS) {
			complain(cursor->at, "%s has more than %d arguments", row->name, MAX_ARGUMENTS);
			return false;
		}

		struct argument *argument = &row->arguments[row->argument_count];

		if (take_inherited_selector(cursor, row))
			*argument = row->parent->arguments[row->argument_count];
		else if (!parse_argument(cursor, model, argument))
			return false;
		if (!row->parent && !strncmp(argument->type->word, "select", 6))
			row->selector_argument = (int)row->argument_count;
		row->argument_count++;
	}
	for (unsigned i = 0; i < row->argument_count; i++)
		if (!check_name(row, i) || !check_length(row, &row->arguments[i]))
			return false;
	if (!take_character(cursor, '=')) {
		complain(cursor->at, "%s: expected \"= result\"", row->name);
		return false;
	}
	return parse_result(cursor, model, &row->result) && take_character(cursor, ':');
}

static bool is_class(const char *word)
{
	static const char *const classes[] = {"file",	"process", "network", "signal",	 "ipc",	   "desc",
					      "memory", "creds",   "clock",   "pure",	 "stat",   "lstat",
					      "fstat",	"%stat",   "statfs",  "fstatfs", "%statfs"};

	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		if (!strcmp(classes[i], word))
			return true;
	return false;
}

static void parse_classes(struct syscall *row, char *text)
{
	struct cursor cursor = {.at = row->at, .text = text};
	char *word;

	if (!strcmp(text, "-") && row->parent) {
		row->classes = row->parent->classes;
		row->class_count = row->parent->class_count;
		return;
	}
	while ((word = take_word(&cursor))) {
		if (!strcmp(word, "-"))
			continue;
		if (!is_class(word)) {
			complain(row->at, "%s: \"%s\" is not a class", row->name, word);
			continue;
		}
		row->classes = arena_grow(row->classes, row->class_count, sizeof(*row->classes));
		row->classes[row->class_count++] = word;
	}
}

static void parse_row_status(struct syscall *row, char *text)
{
	struct cursor cursor = {.at = row->at, .text = text};
	const char *word = take_word(&cursor);

	row->status = word ? word : "";
	if (!strcmp(row->status, "direct")) {
		row->status = "full";
		row->is_direct = true;
	} else if (!strcmp(row->status, "refused")) {
		row->refusal = take_word(&cursor);
		if (!row->refusal || errno_by_name(row->refusal) <= 0)
			complain(row->at, "%s: \"refused\" needs an errno", row->name);
	} else if (strcmp(row->status, "full") != 0 && strcmp(row->status, "partial") != 0 &&
		   strcmp(row->status, "missing") != 0) {
		complain(row->at, "%s: the status \"%s\" is none of full, partial, direct, missing, refused ERRNO",
			 row->name, row->status);
	}
	if (!at_end(&cursor))
		complain(row->at, "%s: unexpected \"%s\" after the status", row->name, cursor.text);
}

static void parse_row_services(struct syscall *row, char *text)
{
	struct cursor cursor = {.at = row->at, .text = text};

	while (!at_end(&cursor)) {
		char *word = take_until(&cursor, " ,");

		take_character(&cursor, ',');
		if (!strcmp(word, "-"))
			continue;
		if (row->service_count == MAX_SERVICES) {
			complain(row->at, "%s rests on more than %d services", row->name, MAX_SERVICES);
			return;
		}
		row->services[row->service_count++] = word;
	}
}

static void parse_overrides(struct syscall *row, char *text)
{
	struct cursor cursor = {.at = row->at, .text = text};

	while (!at_end(&cursor)) {
		struct errno_override override = {.status = take_identifier(&cursor)};

		if (!override.status || !take_character(&cursor, '=') || !(override.error = take_identifier(&cursor)) ||
		    errno_by_name(override.error) < 0) {
			complain(row->at, "%s: expected STATUS_NAME=ERRNO at \"%s\"", row->name, cursor.text);
			return;
		}
		if (row->override_count == MAX_OVERRIDES) {
			complain(row->at, "%s has more than %d overrides", row->name, MAX_OVERRIDES);
			return;
		}
		row->overrides[row->override_count++] = override;
		take_character(&cursor, ',');
	}
}

static struct syscall *find_row(const struct model *model, const char *name)
{
	for (size_t i = 0; i < model->syscall_count; i++)
		if (!strcmp(model->syscalls[i]->name, name))
			return model->syscalls[i];
	return NULL;
}

/* The part of a sub-row before its arguments: the parent, and the selector's value. */
static bool parse_selector(struct cursor *cursor, const struct model *model, struct syscall *row, const char *parent)
{
	row->selector_name = take_identifier(cursor);
	row->parent = find_row(model, parent);
	if (!row->selector_name || !row->parent || row->parent->selector_argument < 0) {
		complain(row->at, "%s:%s: %s is not a multiplexed call defined above", parent,
			 row->selector_name ? row->selector_name : "", parent);
		return false;
	}
	row->name = arena_format("%s:%s", parent, row->selector_name);
	row->number64 = row->parent->number64;
	row->number32 = row->parent->number32;
	skip_blanks(cursor);
	if (*cursor->text != '(') {
		if (take_number(cursor, &row->selector_value))
			return true;
		complain(row->at, "%s: expected a value or \"(\" at \"%s\"", row->name, cursor->text);
		return false;
	}

	const char *vocabulary = row->parent->arguments[row->parent->selector_argument].qualifier;
	const struct constant *constant = find_constant(model, row->selector_name);

	if (!constant)
		complain(row->at, "%s has no value here and none in the vocabulary %s", row->name, vocabulary);
	else
		row->selector_value = constant->value;
	return constant;
}

static bool parse_row(struct cursor *cursor, const struct model *model, struct syscall *row)
{
	*row = (struct syscall){.at = cursor->at, .name = take_identifier(cursor), .selector_argument = -1, .note = ""};
	if (!row->name) {
		complain(cursor->at, "expected a call's name at \"%s\"", cursor->text);
		return false;
	}
	if (*cursor->text == ':') {
		cursor->text++;
		if (!parse_selector(cursor, model, row, row->name))
			return false;
	} else if (!parse_number_or_dash(cursor, &row->number64) || !parse_number_or_dash(cursor, &row->number32)) {
		return false;
	}
	if (!parse_signature(cursor, model, row))
		return false;

	char *classes = take_field(cursor);
	char *status = take_field(cursor);
	char *services = take_field(cursor);
	char *note = take_field(cursor);
	char *overrides = take_field(cursor);

	if (!classes || !status) {
		complain(row->at, "%s: classes and status are required", row->name);
		return false;
	}
	parse_classes(row, classes);
	parse_row_status(row, status);
	parse_row_services(row, services ? services : "");
	row->note = note ? note : "";
	parse_overrides(row, overrides ? overrides : "");
	if (!at_end(cursor))
		complain(row->at, "%s: unexpected \"%s\"", row->name, cursor->text);
	return true;
}

/* Rows by x86-64 number, then i386 rows by theirs, then sub-rows by call and selector. */
static int compare_rows(const struct syscall *a, const struct syscall *b)
{
	uint64_t group_a = a->parent ? 2 : a->number64 < 0;
	uint64_t group_b = b->parent ? 2 : b->number64 < 0;
	uint64_t number_a = (uint64_t)(a->number64 < 0 ? a->number32 : a->number64);
	uint64_t number_b = (uint64_t)(b->number64 < 0 ? b->number32 : b->number64);

	if (group_a != group_b)
		return group_a < group_b ? -1 : 1;
	if (number_a != number_b)
		return number_a < number_b ? -1 : 1;
	return a->selector_value < b->selector_value ? -1 : a->selector_value > b->selector_value;
}

static void add_row(struct model *model, const struct syscall *parsed)
{
	struct syscall *row = arena_allocate(sizeof(*row));
	size_t place = model->syscall_count;

	*row = *parsed;
	for (size_t i = 0; i < model->syscall_count; i++) {
		const struct syscall *other = model->syscalls[i];

		if (!strcmp(other->name, row->name))
			complain(row->at, "%s is already defined in line %u", row->name, other->at.line);
		else if (!compare_rows(other, row) && (!row->parent || row->parent == other->parent))
			complain(row->at, "%s has the number of %s in line %u", row->name, other->name, other->at.line);
	}
	model->syscalls = arena_grow(model->syscalls, model->syscall_count, sizeof(struct syscall *));
	while (place && compare_rows(model->syscalls[place - 1], row) > 0) {
		model->syscalls[place] = model->syscalls[place - 1];
		place--;
	}
	model->syscalls[place] = row;
	model->syscall_count++;
	model->row_count += !row->parent;
}

void parse_syscalls(struct model *model, const char *folder)
{
	struct source source;
	struct cursor line;
	struct syscall row;

	if (!source_open(&source, folder, "syscalls.tbl"))
		return;
	while (source_next(&source, &line))
		if (parse_row(&line, model, &row))
			add_row(model, &row);
	for (size_t i = 0; i < model->syscall_count; i++)
		model->syscalls[i]->index = (unsigned)i;
}

/*
 * services.tbl: [!missing] number|- NtName(type[:decoder] Name, …) [: STATUS_… STATUS_…]
 *
 * Before a type, "out" and "inout" say what the service does with what a pointer points to, "opt" that the caller may
 * leave it out. The statuses are those that --explain shows. "!missing" declares a service that nothing implements yet.
 */
#include "model.h"

#include <ctype.h>
#include <string.h>

static bool take_keyword(struct cursor *cursor, const char *keyword)
{
	size_t length = strlen(keyword);

	skip_blanks(cursor);
	if (strncmp(cursor->text, keyword, length) != 0 || !isspace((unsigned char)cursor->text[length]))
		return false;
	cursor->text += length;
	return true;
}

/* "ULONG:create_options CreateOptions" or "const HANDLE *Handles". */
static bool parse_parameter(struct cursor *cursor, struct parameter *parameter)
{
	*parameter = (struct parameter){.direction = IN};
	for (;;) {
		if (take_keyword(cursor, "opt"))
			parameter->is_optional = true;
		else if (take_keyword(cursor, "out"))
			parameter->direction = OUT;
		else if (take_keyword(cursor, "inout"))
			parameter->direction = INOUT;
		else
			break;
	}

	char *text = take_until(cursor, ",)");
	size_t length = strlen(text);
	size_t start = length;

	while (start && (isalnum((unsigned char)text[start - 1]) || text[start - 1] == '_'))
		start--;
	if (start == length || !start) {
		complain(cursor->at, "\"%s\" is not a parameter: expected a type and a name", text);
		return false;
	}
	parameter->name = arena_copy(text + start, length - start);
	while (start && isspace((unsigned char)text[start - 1]))
		start--;
	text[start] = '\0';

	char *colon = strchr(text, ':');

	if (colon) {
		*colon = '\0';
		parameter->decoder = colon + 1;
	}
	parameter->c_type = text;
	return true;
}

static bool parse_parameters(struct cursor *cursor, struct service *service)
{
	if (!take_character(cursor, '(')) {
		complain(cursor->at, "%s: expected \"(\"", service->name);
		return false;
	}
	if (take_character(cursor, ')'))
		return true;
	do {
		if (service->parameter_count == MAX_PARAMETERS) {
			complain(cursor->at, "%s has more than %d parameters", service->name, MAX_PARAMETERS);
			return false;
		}
		if (!parse_parameter(cursor, &service->parameters[service->parameter_count++]))
			return false;
	} while (take_character(cursor, ','));
	if (!take_character(cursor, ')')) {
		complain(cursor->at, "%s: expected \",\" or \")\" at \"%s\"", service->name, cursor->text);
		return false;
	}
	return true;
}

static bool parse_service(struct cursor *cursor, struct service *service)
{
	uint64_t number;

	*service = (struct service){.at = cursor->at, .number = -1};
	service->is_missing = take_keyword(cursor, "!missing");
	if (take_number(cursor, &number)) {
		service->number = (int)number;
	} else if (!take_character(cursor, '-')) {
		complain(cursor->at, "expected a service number or \"-\" at \"%s\"", cursor->text);
		return false;
	}
	service->name = take_identifier(cursor);
	if (!service->name || !service->name[0] || !service->name[1] || !service->name[2]) {
		complain(cursor->at, "expected a service name at \"%s\"", cursor->text);
		return false;
	}
	if (!parse_parameters(cursor, service))
		return false;

	const char *word;
	bool in_statuses = false;

	while ((word = take_word(cursor))) {
		if (!strcmp(word, ":")) {
			in_statuses = true;
		} else if (in_statuses && service->status_count < MAX_STATUSES) {
			service->statuses[service->status_count++] = arena_copy(word, strlen(word));
		} else {
			complain(cursor->at, "%s: unexpected \"%s\"", service->name, word);
			return false;
		}
	}
	return true;
}

/* Into its place in the order of names. */
static void add_service(struct model *model, struct service *service)
{
	const struct service *other = find_service(model, service->name);
	size_t place = model->service_count;

	if (other) {
		complain(service->at, "%s is already defined in line %u", service->name, other->at.line);
		return;
	}
	model->services = arena_grow(model->services, model->service_count, sizeof(*service));
	while (place && strcmp(model->services[place - 1].name, service->name) > 0) {
		model->services[place] = model->services[place - 1];
		place--;
	}
	model->services[place] = *service;
	model->service_count++;
}

void parse_services(struct model *model, const char *folder)
{
	struct source source;
	struct cursor line;
	struct service service;

	if (!source_open(&source, folder, "services.tbl"))
		return;
	while (source_next(&source, &line))
		if (parse_service(&line, &service))
			add_service(model, &service);
}

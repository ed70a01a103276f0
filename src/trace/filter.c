/*
 * -e: KEY=SET, where a set is "all", "none" or a list of elements between commas, and ! before it takes what it lacks.
 * Calls are named, numbered, meant by class (%file, or file as of old) or by /regular expression/; ? before one forgives
 * that there is none.
 */
#include <trace/filter.h>

#include <core/table.h>
#include <ctype.h>
#include <lx/flags.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { ELEMENT_SIZE = 256, SIGNAL_COUNT = 64, FIRST_REALTIME = 32 };

struct parse {
	struct trace_filter *filter;
	struct trace_filter found; /* what the elements name */
	char *error;
	size_t error_size;
};

void trace_filter_initialize(struct trace_filter *filter)
{
	memset(filter->calls, true, sizeof(filter->calls));
	filter->unknown_calls = true;
	filter->signals = UINT64_MAX;
	filter->statuses = TRACE_ANY_STATUS;
	filter->quiet = 0;
}

bool trace_filter_has_call(const struct trace_filter *filter, const struct lx_syscall_descriptor *row)
{
	if (!row)
		return filter->unknown_calls;
	if (row->parent)
		row = row->parent;
	return row->index < TRACE_CALL_LIMIT && filter->calls[row->index];
}

static bool fail(struct parse *parse, const char *what, const char *element)
{
	snprintf(parse->error, parse->error_size, "invalid %s '%s'", what, element);
	return false;
}

/* --- calls */

static bool add_class(struct parse *parse, uint32_t class)
{
	for (size_t i = 0; i < lx_syscall_row_count; i++)
		if (lx_syscalls[i].classes & class)
			parse->found.calls[i] = true;
	return true;
}

static bool add_matching(struct parse *parse, const char *element, bool forgiving)
{
	char pattern[ELEMENT_SIZE];
	size_t length = strlen(element);
	bool any = false;
	regex_t compiled;

	/* A slash at the end may be left out. */
	snprintf(pattern, sizeof(pattern), "%s", element + 1);
	if (length > 1 && element[length - 1] == '/')
		pattern[length - 2] = '\0';
	if (regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return fail(parse, "regular expression", element);
	for (size_t i = 0; i < lx_syscall_row_count; i++)
		if (regexec(&compiled, lx_syscalls[i].name, 0, NULL, 0) == 0)
			any = parse->found.calls[i] = true;
	regfree(&compiled);
	return any || forgiving || fail(parse, "system call", element);
}

static const struct lx_syscall_descriptor *find_row(const char *element)
{
	char *end;
	unsigned long number;

	if (!isdigit((unsigned char)*element))
		return strchr(element, ':') ? NULL : lx_syscall_by_name(element);
	number = strtoul(element, &end, 10);
	return *end ? NULL : lx_syscall_by_number(number);
}

static bool add_call(struct parse *parse, const char *element)
{
	const struct lx_syscall_descriptor *row;
	bool forgiving = *element == '?';
	char name[ELEMENT_SIZE];
	uint32_t class;
	size_t length;

	element += forgiving;
	if (*element == '/')
		return add_matching(parse, element, forgiving);
	snprintf(name, sizeof(name), "%s", element);
	length = strlen(name);
	/* name@64 means this ABI. */
	if (length > 3 && !strcmp(name + length - 3, "@64"))
		name[length - 3] = '\0';
	class = lx_class_by_name(name);
	row = class && *name == '%' ? NULL : find_row(name);
	if (row)
		return parse->found.calls[row->index] = true;
	if (class)
		return add_class(parse, class);
	return forgiving || fail(parse, *name == '%' ? "class of system calls" : "system call", element);
}

static void assign_calls(struct trace_filter *filter, const struct trace_filter *found, bool inverted)
{
	for (size_t i = 0; i < TRACE_CALL_LIMIT; i++)
		filter->calls[i] = found->calls[i] != inverted;
	filter->unknown_calls = found->unknown_calls != inverted;
}

static void all_calls(struct trace_filter *found)
{
	memset(found->calls, true, sizeof(found->calls));
	found->unknown_calls = true;
}

/* --- signals */

static int signal_number(const char *element)
{
	const struct lx_vocabulary *names = lx_vocabulary_by_name("signal");
	bool has_prefix = strncasecmp(element, "SIG", 3) == 0;
	const char *name = has_prefix ? element + 3 : element;
	char *end;
	unsigned long number = strtoul(element, &end, 10);

	if (isdigit((unsigned char)*element) && !*end)
		return number >= 1 && number <= SIGNAL_COUNT ? (int)number : 0;
	for (unsigned i = 0; names && i < names->count; i++)
		if (!strcasecmp(names->entries[i].name + 3, name))
			return (int)names->entries[i].value;
	if (!strcasecmp(name, "RTMIN"))
		return FIRST_REALTIME;
	if (!strncasecmp(name, "RT_", 3) && isdigit((unsigned char)name[3]))
		number = strtoul(name + 3, &end, 10) + FIRST_REALTIME;
	else
		return 0;
	return !*end && number <= SIGNAL_COUNT ? (int)number : 0;
}

static bool add_signal(struct parse *parse, const char *element)
{
	int number = signal_number(element);

	if (!number)
		return fail(parse, "signal", element);
	parse->found.signals |= 1ull << (number - 1);
	return true;
}

static void all_signals(struct trace_filter *found)
{
	found->signals = UINT64_MAX;
}

static void assign_signals(struct trace_filter *filter, const struct trace_filter *found, bool inverted)
{
	filter->signals = inverted ? ~found->signals : found->signals;
}

/* --- outcomes and messages */

struct word {
	const char *name;
	unsigned bits;
};

static bool find_word(const struct word *words, const char *element, unsigned *bits)
{
	for (; words->name; words++)
		if (!strcmp(words->name, element)) {
			*bits |= words->bits;
			return true;
		}
	return false;
}

static bool add_status(struct parse *parse, const char *element)
{
	static const struct word words[] = {
		{"successful", TRACE_SUCCESSFUL}, {"failed", TRACE_FAILED},	{"unfinished", TRACE_UNFINISHED},
		{"unavailable", TRACE_UNAVAILABLE}, {"detached", TRACE_DETACHED}, {NULL, 0},
	};

	return find_word(words, element, &parse->found.statuses) || fail(parse, "status", element);
}

static void all_statuses(struct trace_filter *found)
{
	found->statuses = TRACE_ANY_STATUS;
}

static void assign_statuses(struct trace_filter *filter, const struct trace_filter *found, bool inverted)
{
	filter->statuses = inverted ? TRACE_ANY_STATUS & ~found->statuses : found->statuses;
}

static bool add_quiet(struct parse *parse, const char *element)
{
	static const struct word words[] = {
		{"attach", TRACE_QUIET_ATTACH},	   {"exit", TRACE_QUIET_EXIT},	     {"exits", TRACE_QUIET_EXIT},
		{"path-resolution", TRACE_QUIET_OTHER}, {"path-resolve", TRACE_QUIET_OTHER}, {"personality", TRACE_QUIET_OTHER},
		{"thread-execve", TRACE_QUIET_OTHER},   {"superseded", TRACE_QUIET_OTHER},   {NULL, 0},
	};

	return find_word(words, element, &parse->found.quiet) || fail(parse, "message", element);
}

static void all_messages(struct trace_filter *found)
{
	found->quiet = TRACE_QUIET_ATTACH | TRACE_QUIET_EXIT | TRACE_QUIET_OTHER;
}

static void assign_quiet(struct trace_filter *filter, const struct trace_filter *found, bool inverted)
{
	filter->quiet = inverted ? ~found->quiet : found->quiet;
}

/* --- sets */

struct key {
	const char *names[3];
	bool (*add)(struct parse *parse, const char *element);
	void (*all)(struct trace_filter *found);
	void (*assign)(struct trace_filter *filter, const struct trace_filter *found, bool inverted);
};

static const struct key keys[] = {
	{{"trace", "t", NULL}, add_call, all_calls, assign_calls},
	{{"signal", "signals", "s"}, add_signal, all_signals, assign_signals},
	{{"status", NULL, NULL}, add_status, all_statuses, assign_statuses},
	{{"quiet", "silent", "q"}, add_quiet, all_messages, assign_quiet},
};

/* strace's that lxrun has not: said so, instead of taken for the name of a call. */
static const char *const unsupported[] = {"abbrev", "verbose", "raw", "read", "write", "inject", "fault", "kvm", "decode-fds", "decode-pids"};

static bool is_key(const struct key *key, const char *name, size_t length)
{
	for (size_t i = 0; i < sizeof(key->names) / sizeof(key->names[0]) && key->names[i]; i++)
		if (strlen(key->names[i]) == length && !strncmp(key->names[i], name, length))
			return true;
	return false;
}

static const struct key *find_key(struct parse *parse, const char **expression)
{
	const char *equals = strchr(*expression, '=');
	size_t length = equals ? (size_t)(equals - *expression) : 0;

	if (!equals)
		return &keys[0];
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (is_key(&keys[i], *expression, length)) {
			*expression = equals + 1;
			return &keys[i];
		}
	for (size_t i = 0; i < sizeof(unsupported) / sizeof(unsupported[0]); i++)
		if (strlen(unsupported[i]) == length && !strncmp(unsupported[i], *expression, length)) {
			snprintf(parse->error, parse->error_size, "'%s=' of strace is not supported", unsupported[i]);
			return NULL;
		}
	snprintf(parse->error, parse->error_size, "'%.*s' is none of trace, signal, status, quiet", (int)length, *expression);
	return NULL;
}

/* The next element, up to a comma that is not within a regular expression's slashes. */
static bool take_element(const char **set, char *element)
{
	const char *start = *set, *end = start;
	bool in_pattern = *start == '/' || (*start == '?' && start[1] == '/');

	if (in_pattern) {
		end = strchr(start + (*start == '?') + 1, '/');
		end = end ? end + 1 : start + strlen(start);
	}
	end += strcspn(end, ",");
	if ((size_t)(end - start) >= ELEMENT_SIZE)
		return false;
	memcpy(element, start, (size_t)(end - start));
	element[end - start] = '\0';
	*set = *end ? end + 1 : NULL;
	return true;
}

bool trace_filter_parse(struct trace_filter *filter, const char *expression, char *error, size_t error_size)
{
	struct parse parse = {.filter = filter, .error = error, .error_size = error_size};
	const char *set = expression;
	const struct key *key = find_key(&parse, &set);
	char element[ELEMENT_SIZE];
	bool inverted = false;

	if (!key)
		return false;
	for (; *set == '!'; set++)
		inverted = !inverted;
	while (set) {
		if (!take_element(&set, element)) {
			snprintf(error, error_size, "an element of '%s' is too long", expression);
			return false;
		}
		if (!strcmp(element, "all"))
			key->all(&parse.found);
		else if (strcmp(element, "none") != 0 && !key->add(&parse, element))
			return false;
	}
	key->assign(filter, &parse.found, inverted);
	return true;
}

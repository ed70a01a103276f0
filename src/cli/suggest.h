/* Names near to one that does not exist. */
#ifndef CLI_SUGGEST_H
#define CLI_SUGGEST_H

#include <stddef.h>

enum { CLI_SUGGESTION_LIMIT = 5 };

/* Keeps the names nearest to a misspelt one, the nearest first. Start with all zeroes but .wanted. */
struct cli_suggestions {
	const char *wanted;
	const char *names[CLI_SUGGESTION_LIMIT];
	size_t distances[CLI_SUGGESTION_LIMIT];
	size_t count;
};

/* Offers a name, which is kept if it is near and among the nearest; the name must outlive the suggestions. */
void cli_suggest(struct cli_suggestions *suggestions, const char *name);

#endif

/* Names near to one that does not exist; see suggest.h. */
#include <cli/suggest.h>

#include <string.h>
#include <strings.h>

enum { LONGEST_NAME = 64 };

/* The least number of letters to insert, drop, change or swap with their neighbour. */
static size_t edit_distance(const char *a, const char *b)
{
	size_t rows[3][LONGEST_NAME + 1];
	size_t length_a = strlen(a);
	size_t length_b = strlen(b);

	if (length_a > LONGEST_NAME || length_b > LONGEST_NAME)
		return LONGEST_NAME;
	for (size_t j = 0; j <= length_b; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= length_a; i++) {
		size_t *row = rows[i % 3];
		size_t *above = rows[(i + 2) % 3];
		size_t *two_above = rows[(i + 1) % 3];

		row[0] = i;
		for (size_t j = 1; j <= length_b; j++) {
			size_t best = above[j - 1] + (a[i - 1] != b[j - 1]);

			if (above[j] + 1 < best)
				best = above[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    two_above[j - 2] + 1 < best)
				best = two_above[j - 2] + 1;
			row[j] = best;
		}
	}
	return rows[length_a % 3][length_b];
}

void cli_suggest(struct cli_suggestions *suggestions, const char *name)
{
	const char *wanted = suggestions->wanted;
	size_t length = strlen(wanted);
	size_t distance = strcasecmp(wanted, name) ? edit_distance(wanted, name) : 0;
	size_t place;

	if (distance > 1 && length >= 3 && !strncasecmp(wanted, name, length))
		distance = 1;
	if (distance > 2 || distance >= length)
		return;
	place = suggestions->count;
	while (place && suggestions->distances[place - 1] > distance)
		place--;
	if (place == CLI_SUGGESTION_LIMIT)
		return;
	if (suggestions->count < CLI_SUGGESTION_LIMIT)
		suggestions->count++;
	for (size_t i = suggestions->count - 1; i > place; i--) {
		suggestions->names[i] = suggestions->names[i - 1];
		suggestions->distances[i] = suggestions->distances[i - 1];
	}
	suggestions->names[place] = name;
	suggestions->distances[place] = distance;
}

/* The program's environment: the caller's with -E applied. */
#include <cli/environment.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static size_t name_size(const char *entry)
{
	return (size_t)(strchrnul(entry, '=') - entry);
}

static char **find(char **environment, const char *entry)
{
	size_t size = name_size(entry);

	while (*environment && (strncmp(*environment, entry, size) != 0 || (*environment)[size] != '='))
		environment++;
	return environment;
}

char **cli_build_environment(char *const *host, const char *const *changes, size_t count)
{
	size_t length = 0;
	char **environment;

	while (host[length])
		length++;
	environment = calloc(length + count + 1, sizeof(*environment));
	if (!environment)
		return NULL;
	memcpy(environment, host, length * sizeof(*environment));
	for (size_t i = 0; i < count; i++) {
		char **place = find(environment, changes[i]);

		if (strchr(changes[i], '='))
			*place = (char *)(uintptr_t)changes[i];
		else
			for (; *place; place++)
				place[0] = place[1];
	}
	return environment;
}

const char *cli_get_environment(char *const *environment, const char *name)
{
	char **place = find((char **)(uintptr_t)environment, name);

	return *place ? *place + name_size(name) + 1 : NULL;
}

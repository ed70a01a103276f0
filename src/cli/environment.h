/* The program's environment: the caller's with -E applied. */
#ifndef CLI_ENVIRONMENT_H
#define CLI_ENVIRONMENT_H

#include <stddef.h>

/* A new NULL-terminated vector (its strings are borrowed), or NULL: out of memory. */
char **cli_build_environment(char *const *host, const char *const *changes, size_t count);
const char *cli_get_environment(char *const *environment, const char *name);

#endif

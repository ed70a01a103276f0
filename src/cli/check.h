/* lxrun --check: what this host offers. */
#ifndef CLI_CHECK_H
#define CLI_CHECK_H

#include <stdbool.h>
#include <stdio.h>

/* Print each finding with its remedy. 0: guests can run, else 1. */
int cli_check_host(FILE *out);
/*
 * The host's calls that lxrun needs and the host refuses: a line for each behind `prefix`. Their number. `all`: also those
 * whose refusal a start meets by itself.
 */
int cli_probe_calls(FILE *out, const char *prefix, bool all);
/* The same before a run; a guest of another lxrun is told otherwise. */
int cli_check_calls(FILE *out);
/* One line on why the platform could not start with this -errno. */
void cli_explain_platform_error(FILE *out, int error);

#endif

/* lxrun --check: what this host offers. */
#ifndef CLI_CHECK_H
#define CLI_CHECK_H

#include <stdio.h>

/* Print each finding with its remedy. 0: guests can run, else 1. */
int cli_check_host(FILE *out);
/* One line on why the platform could not start with this -errno. */
void cli_explain_platform_error(FILE *out, int error);

#endif

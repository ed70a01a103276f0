/* Bringing the kernel up: platform, executive, drivers; and the end. */
#ifndef CLI_START_H
#define CLI_START_H

#include <cli/options.h>

/* Run the program; the wait status in *status. 0, or the exit status after the error has been told. */
int cli_run_program(const struct cli_options *options, int *status);

#endif

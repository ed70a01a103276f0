/* lxrun --list-syscalls: every row of the call table with its state. */
#ifndef CLI_LIST_H
#define CLI_LIST_H

#include <stdio.h>

/* Writes the list and a count of the states. 0, or 1 if the output failed. */
int cli_list_syscalls(FILE *out);

#endif

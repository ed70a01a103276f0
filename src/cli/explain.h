/* lxrun --explain CALL: one call on both sides of the translation. */
#ifndef CLI_EXPLAIN_H
#define CLI_EXPLAIN_H

#include <stdio.h>

/*
 * Explains a system call by name ("openat"), subcommand ("fcntl:F_DUPFD") or x86-64 number, or an NT service by name
 * ("NtReadFile"): numbers, registers and arguments of both ABIs, and the errno that each status becomes. 0; 1 if the
 * output failed; 2, with an error and near names on stderr, if there is no such call.
 */
int cli_explain(FILE *out, const char *call);

#endif

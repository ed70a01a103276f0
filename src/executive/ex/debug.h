/* Executive support: the debug log, NT's DbgPrint. What is refused or goes wrong inside is said here, once, for whoever asked with --log or -v. */
#ifndef EX_DEBUG_H
#define EX_DEBUG_H

#include <stdio.h>

/* Where lines go; NULL (as at start): nowhere. Set it before threads run. */
void ex_debug_set_output(FILE *output);
/* One line without its end; written whole, by any thread. */
void ex_debug_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif

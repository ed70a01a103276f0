/* sigio.c: signals for files that have O_ASYNC. */
#ifndef TRANSLATE_SIGIO_H
#define TRANSLATE_SIGIO_H

void lx_sigio_initialize(void);

#endif

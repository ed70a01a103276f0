/* Executive support: random bytes, NT's SystemPrng. */
#ifndef EX_RANDOM_H
#define EX_RANDOM_H

#include <nt/ntdef.h>

/* Fill with unpredictable bytes. Never fails: the host's generator is seeded before any user runs. */
void ex_random(void *data, size_t size);

#endif

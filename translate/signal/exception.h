/* Inside exception handling: exception.c and exception_decode.c. */
#ifndef TRANSLATE_EXCEPTION_H
#define TRANSLATE_EXCEPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether the instruction that begins at `bytes` stores to memory, as far as is known. */
bool lx_instruction_writes(const uint8_t *bytes, size_t size);

#endif

/*
 * Text under way: a line grows in memory and is written whole. Running out of memory cuts it short and sets `cut`; no
 * caller has to look before the end.
 */
#ifndef TRACE_TEXT_H
#define TRACE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct trace_text {
	char *bytes; /* terminated whenever length is not 0 */
	size_t length, capacity;
	bool cut;
};

void trace_append_bytes(struct trace_text *text, const char *bytes, size_t size);
void trace_append(struct trace_text *text, const char *word);
__attribute__((format(printf, 2, 3))) void trace_printf(struct trace_text *text, const char *format, ...);
/* 0x1f; a zero is 0, as printf's %#x prints it. */
void trace_append_hex(struct trace_text *text, uint64_t value);
/* An address: NULL, or hexadecimal. */
void trace_append_address(struct trace_text *text, uint64_t address);
/* Blanks up to a column. */
void trace_pad(struct trace_text *text, size_t column);
void trace_reset(struct trace_text *text);
void trace_free(struct trace_text *text);
const char *trace_text(const struct trace_text *text);

enum trace_quoting {
	TRACE_QUOTE_OCTAL,        /* \n, \t, \\ and octal */
	TRACE_QUOTE_HEX_IF_BINARY,/* all bytes as \x00 if one of them is not text: -x */
	TRACE_QUOTE_HEX,          /* all bytes as \x00: -xx */
};

/* A string between double quotes. */
void trace_quote(struct trace_text *text, const void *data, size_t size, enum trace_quoting quoting);

#endif

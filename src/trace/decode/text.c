/* Growing text, and strings as strace quotes them. */
#include <trace/decode/text.h>

#include <inttypes.h>
#include <rtl/rtl.h>
#include <stdarg.h>
#include <stdio.h>

enum { FIRST_CAPACITY = 256, LIKELY_LENGTH = 64 };

static bool make_room(struct trace_text *text, size_t more)
{
	if (rtl_grow(&text->bytes, &text->capacity, text->length + more + 1, FIRST_CAPACITY))
		return true;
	text->cut = true;
	return false;
}

void trace_append_bytes(struct trace_text *text, const char *bytes, size_t size)
{
	if (text->cut || !make_room(text, size))
		return;
	memcpy(text->bytes + text->length, bytes, size);
	text->length += size;
	text->bytes[text->length] = '\0';
}

void trace_append(struct trace_text *text, const char *word)
{
	trace_append_bytes(text, word, strlen(word));
}

/* Mostly it fits; only what does not is formatted a second time. */
void trace_printf(struct trace_text *text, const char *format, ...)
{
	va_list arguments;
	size_t room;
	int length;

	if (text->cut || !make_room(text, LIKELY_LENGTH))
		return;
	room = text->capacity - text->length;
	va_start(arguments, format);
	length = vsnprintf(text->bytes + text->length, room, format, arguments);
	va_end(arguments);
	if (length > 0 && (size_t)length >= room && make_room(text, (size_t)length)) {
		va_start(arguments, format);
		vsnprintf(text->bytes + text->length, (size_t)length + 1, format, arguments);
		va_end(arguments);
		room = (size_t)length + 1;
	}
	if (length > 0 && (size_t)length < room)
		text->length += (size_t)length;
	text->bytes[text->length] = '\0';
}

void trace_append_hex(struct trace_text *text, uint64_t value)
{
	trace_printf(text, "%#" PRIx64, value);
}

void trace_append_address(struct trace_text *text, uint64_t address)
{
	if (address)
		trace_append_hex(text, address);
	else
		trace_append(text, "NULL");
}

void trace_pad(struct trace_text *text, size_t column)
{
	if (text->length < column)
		trace_printf(text, "%*s", (int)(column - text->length), "");
}

void trace_reset(struct trace_text *text)
{
	text->length = 0;
	text->cut = false;
	if (text->bytes)
		text->bytes[0] = '\0';
}

void trace_free(struct trace_text *text)
{
	free(text->bytes);
	*text = (struct trace_text){0};
}

const char *trace_text(const struct trace_text *text)
{
	return text->bytes ? text->bytes : "";
}

/* --- quoting */

static bool is_plain(uint8_t byte)
{
	return byte >= ' ' && byte < 0x7f;
}

static bool is_text(const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (!is_plain(bytes[i]) && !(bytes[i] >= '\t' && bytes[i] <= '\r'))
			return false;
	return true;
}

/* The letter of \n and its like; 0: there is none. */
static char escape_letter(uint8_t byte)
{
	switch (byte) {
	case '\t':
		return 't';
	case '\n':
		return 'n';
	case '\v':
		return 'v';
	case '\f':
		return 'f';
	case '\r':
		return 'r';
	case '"':
	case '\\':
		return (char)byte;
	default:
		return 0;
	}
}

static void append_octal(struct trace_text *text, uint8_t byte, bool before_digit)
{
	char letter = escape_letter(byte);

	if (letter)
		trace_printf(text, "\\%c", letter);
	else if (is_plain(byte))
		trace_append_bytes(text, (const char *)&byte, 1);
	else
		trace_printf(text, before_digit ? "\\%03o" : "\\%o", byte);
}

void trace_quote(struct trace_text *text, const void *data, size_t size, enum trace_quoting quoting)
{
	const uint8_t *bytes = data;
	bool hex = quoting == TRACE_QUOTE_HEX || (quoting == TRACE_QUOTE_HEX_IF_BINARY && !is_text(bytes, size));

	trace_append(text, "\"");
	for (size_t i = 0; i < size; i++) {
		if (hex)
			trace_printf(text, "\\x%02x", bytes[i]);
		else
			append_octal(text, bytes[i], i + 1 < size && bytes[i + 1] >= '0' && bytes[i + 1] <= '9');
	}
	trace_append(text, "\"");
}

/* Values as symbolic names, in the way that strace prints them. */
#include <core/table.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct text {
	char *bytes;
	size_t size;
	size_t length;
};

static void append_word(struct text *text, const char *word)
{
	for (; *word; word++, text->length++)
		if (text->length + 1 < text->size)
			text->bytes[text->length] = *word;
	if (text->size)
		text->bytes[text->length < text->size ? text->length : text->size - 1] = '\0';
}

static void append(struct text *text, const char *separator, const char *word)
{
	append_word(text, separator);
	append_word(text, word);
}

static void append_hex(struct text *text, const char *separator, uint64_t value)
{
	char digits[24];

	snprintf(digits, sizeof(digits), value ? "0x%" PRIx64 : "0", value);
	append(text, separator, digits);
}

const char *lx_vocabulary_name(const struct lx_vocabulary *vocabulary, uint64_t value)
{
	for (unsigned i = 0; i < vocabulary->count; i++) {
		const struct lx_vocabulary_entry *entry = &vocabulary->entries[i];

		/* Negative values of an int come with 32 or with 64 bits. */
		if (entry->value == value ||
		    (value <= UINT32_MAX && (uint32_t)entry->value == value && (int64_t)entry->value < 0))
			return entry->name;
	}
	return NULL;
}

static void format_flags(const struct lx_vocabulary *vocabulary, uint64_t value, struct text *text)
{
	uint64_t rest = value;
	bool found = false;

	for (unsigned i = 0; i < vocabulary->count; i++) {
		const struct lx_vocabulary_entry *entry = &vocabulary->entries[i];
		bool is_field = entry->mask != entry->value;

		if (is_field ? (value & entry->mask) != entry->value
			     : !entry->value || (rest & entry->value) != entry->value)
			continue;
		append(text, found ? "|" : "", entry->name);
		rest &= ~entry->mask;
		found = true;
		if (is_field && entry->mask == UINT64_MAX)
			return;
	}
	if (rest || !found)
		append_hex(text, found ? "|" : "", rest);
}

size_t lx_vocabulary_format(const struct lx_vocabulary *vocabulary, uint64_t value, char *text, size_t size)
{
	struct text out = {.bytes = text, .size = size};
	const char *name;

	if (vocabulary->kind == LX_VOCABULARY_FLAGS) {
		format_flags(vocabulary, value, &out);
		return out.length;
	}
	name = lx_vocabulary_name(vocabulary, value);
	if (name)
		append(&out, "", name);
	else
		append_hex(&out, "", value);
	return out.length;
}

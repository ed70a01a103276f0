/*
 * What is behind an argument's address: strings, buffers, arrays, vectors, sets, structures. Lengths come from the guest,
 * so each is bounded before memory is taken or read for it; what can't be read is shown as its address.
 */
#include <trace/decode/decode.h>

#include <inttypes.h>
#include <lx/structs.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ELEMENT_SIZE = 1024, MAX_VECTOR = 1024, MAX_SOCKADDR = 128, MAX_COUNTED_STRINGS = 1 << 16 };

bool trace_read(struct trace_decoder *decoder, void *data, uint64_t address, size_t size)
{
	return address && decoder->read(decoder->context, data, address, size) == size;
}

static uint64_t minimum(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* --- strings and buffers */

/* Bytes up to a zero or to `size`, piece by piece, so that a string at the end of a mapping is no fault. False: a fault. */
static bool read_string(struct trace_decoder *decoder, char *bytes, uint64_t address, size_t size, size_t *length)
{
	size_t done = 0;

	while (done < size) {
		size_t piece = minimum(size - done, LX_PAGE_SIZE - ((address + done) & (LX_PAGE_SIZE - 1)));
		size_t copied = decoder->read(decoder->context, bytes + done, address + done, piece);
		char *end = memchr(bytes + done, 0, copied);

		if (end) {
			*length = (size_t)(end - bytes);
			return true;
		}
		if (copied < piece)
			return false;
		done += piece;
	}
	*length = size;
	return true;
}

static void quote_cut(struct trace_decoder *decoder, const void *bytes, size_t size, bool cut, enum trace_quoting quoting)
{
	trace_quote(decoder->text, bytes, size, quoting);
	trace_append(decoder->text, cut ? "..." : "");
}

static void append_terminated(struct trace_decoder *decoder, uint64_t address, size_t limit)
{
	char *bytes = calloc(1, limit + 1);
	size_t length = 0;

	if (bytes && read_string(decoder, bytes, address, limit + 1, &length))
		quote_cut(decoder, bytes, minimum(length, limit), length > limit, decoder->format->quoting);
	else
		trace_append_address(decoder->text, address);
	free(bytes);
}

void trace_string(struct trace_decoder *decoder, uint64_t address, size_t size, bool is_path)
{
	size_t limit = is_path ? LX_PATH_MAX - 1 : decoder->format->string_limit;

	if (!address)
		trace_append(decoder->text, "NULL");
	else if (size == SIZE_MAX)
		append_terminated(decoder, address, limit);
	else
		trace_buffer(decoder, address, is_path ? minimum(size, LX_PATH_MAX) : size, decoder->format->quoting);
}

void trace_buffer(struct trace_decoder *decoder, uint64_t address, size_t size, enum trace_quoting quoting)
{
	size_t shown = minimum(size, decoder->format->string_limit);
	char *bytes = shown ? malloc(shown) : NULL;

	if (!address)
		trace_append(decoder->text, "NULL");
	else if (!shown)
		quote_cut(decoder, "", 0, size > 0, quoting);
	else if (bytes && trace_read(decoder, bytes, address, shown))
		quote_cut(decoder, bytes, shown, shown < size, quoting);
	else
		trace_append_address(decoder->text, address);
	free(bytes);
}

/* getcwd's and readlink's: as many bytes as the call says, of a path without its zero. */
static void append_path_bytes(struct trace_decoder *decoder, uint64_t address, size_t size)
{
	char bytes[LX_PATH_MAX];

	size = minimum(size, sizeof(bytes));
	if (!trace_read(decoder, bytes, address, size)) {
		trace_append_address(decoder->text, address);
		return;
	}
	trace_quote(decoder->text, bytes, strnlen(bytes, size), decoder->format->quoting);
}

/* --- vectors */

static void append_iovec(struct trace_decoder *decoder, const struct lx_iovec *iovec, uint64_t filled)
{
	trace_append(decoder->text, "{iov_base=");
	trace_buffer(decoder, iovec->iov_base, minimum(iovec->iov_len, filled), decoder->format->quoting);
	trace_printf(decoder->text, ", iov_len=%" PRIu64 "}", iovec->iov_len);
}

void trace_iovec(struct trace_decoder *decoder, uint64_t address, uint64_t count, uint64_t filled)
{
	uint64_t limit = decoder->format->unabbreviated ? MAX_VECTOR : minimum(decoder->format->string_limit, MAX_VECTOR);
	struct lx_iovec iovec;

	if (!count && address) {
		trace_append(decoder->text, "[]");
		return;
	}
	if (!trace_read(decoder, &iovec, address, sizeof(iovec))) {
		trace_append_address(decoder->text, address);
		return;
	}
	trace_append(decoder->text, "[");
	for (uint64_t i = 0; i < count; i++) {
		trace_append(decoder->text, i ? ", " : "");
		if (i == limit) {
			trace_append(decoder->text, "...");
			break;
		}
		if (!trace_read(decoder, &iovec, address + i * sizeof(iovec), sizeof(iovec))) {
			trace_append(decoder->text, "... /* ");
			trace_append_address(decoder->text, address + i * sizeof(iovec));
			trace_append(decoder->text, " */");
			break;
		}
		append_iovec(decoder, &iovec, filled);
		filled -= minimum(filled, iovec.iov_len);
	}
	trace_append(decoder->text, "]");
}

/* argv in full; of envp only how many there are. */
void trace_strings(struct trace_decoder *decoder, uint64_t address, bool count_only)
{
	uint64_t limit = count_only || decoder->format->unabbreviated ? MAX_COUNTED_STRINGS : decoder->format->string_limit;
	uint64_t string = 0, count = 0;

	if (!trace_read(decoder, &string, address, sizeof(string))) {
		trace_append_address(decoder->text, address);
		return;
	}
	if (!count_only)
		trace_append(decoder->text, "[");
	while (string && count < MAX_COUNTED_STRINGS) {
		if (!count_only) {
			trace_append(decoder->text, count ? ", " : "");
			if (count == limit) {
				trace_append(decoder->text, "...");
				break;
			}
			trace_string(decoder, string, SIZE_MAX, false);
		}
		count++;
		if (!trace_read(decoder, &string, address + count * sizeof(string), sizeof(string)))
			break;
	}
	if (!count_only) {
		trace_append(decoder->text, "]");
		return;
	}
	trace_append_address(decoder->text, address);
	trace_printf(decoder->text, " /* %" PRIu64 " var%s */", count, count == 1 ? "" : "s");
}

/* --- sets */

static void append_signal_set(struct trace_decoder *decoder, uint64_t address, uint64_t size)
{
	uint64_t bits;

	if (size == sizeof(bits) && trace_read(decoder, &bits, address, sizeof(bits)))
		trace_signal_set(decoder->text, bits);
	else
		trace_append_address(decoder->text, address);
}

/* Bits of a map as numbers: processors. */
static void append_bits(struct trace_decoder *decoder, uint64_t address, size_t size)
{
	uint8_t bytes[MAX_SOCKADDR];
	const char *separator = "";

	size = minimum(size, sizeof(bytes));
	if (!trace_read(decoder, bytes, address, size)) {
		trace_append_address(decoder->text, address);
		return;
	}
	trace_append(decoder->text, "[");
	for (size_t bit = 0; bit < size * 8; bit++)
		if (bytes[bit / 8] >> (bit % 8) & 1) {
			trace_printf(decoder->text, "%s%zu", separator, bit);
			separator = " ";
		}
	trace_append(decoder->text, "]");
}

/* --- elements */

static size_t element_size(const struct lx_argument_descriptor *type)
{
	static const uint8_t sizes[] = {
		[LX_KIND_U8] = 1, [LX_KIND_U16] = 2, [LX_KIND_S16] = 2, [LX_KIND_PORT] = 2, [LX_KIND_INT] = 4, [LX_KIND_UINT] = 4,
		[LX_KIND_HEX32] = 4, [LX_KIND_FD] = 4, [LX_KIND_DIRFD] = 4, [LX_KIND_PID] = 4, [LX_KIND_UID] = 4,
		[LX_KIND_GID] = 4, [LX_KIND_MODE] = 4, [LX_KIND_PERMISSIONS] = 4, [LX_KIND_OPEN_MODE] = 4,
		[LX_KIND_DEVICE] = 4, [LX_KIND_SIGNAL] = 4, [LX_KIND_SOCKLEN] = 4, [LX_KIND_WAIT_STATUS] = 4,
		[LX_KIND_FLAGS] = 4, [LX_KIND_ENUM] = 4,
	};

	if (type->kind == LX_KIND_STRUCT)
		return trace_structure_size(type);
	return type->kind < sizeof(sizes) && sizes[type->kind] ? sizes[type->kind] : sizeof(uint64_t);
}

/* Signed kinds keep their sign. */
static uint64_t load(const uint8_t *bytes, size_t size)
{
	uint64_t value = 0;

	memcpy(&value, bytes, size);
	return size == 4 ? (uint64_t)(int64_t)(int32_t)value : value;
}

static void append_element(struct trace_decoder *decoder, const struct lx_argument_descriptor *type, const uint8_t *bytes)
{
	if (type->kind == LX_KIND_STRUCT)
		trace_structure(decoder, type, bytes);
	else
		trace_value(decoder, type, load(bytes, element_size(type)));
}

static void append_elements(struct trace_decoder *decoder, const struct lx_argument_descriptor *type, uint64_t address,
			    uint64_t count)
{
	uint64_t limit = decoder->format->unabbreviated ? MAX_VECTOR : minimum(decoder->format->string_limit, MAX_VECTOR);
	size_t size = element_size(type);
	uint8_t bytes[MAX_ELEMENT_SIZE];
	bool array = type->kind != LX_KIND_STRUCT || type->length_kind != LX_LENGTH_ONE;

	if (!count && address) {
		trace_append(decoder->text, "[]");
		return;
	}
	if (!size || size > sizeof(bytes) || !trace_read(decoder, bytes, address, size)) {
		trace_append_address(decoder->text, address);
		return;
	}
	trace_append(decoder->text, array ? "[" : "");
	for (uint64_t i = 0; i < count; i++) {
		trace_append(decoder->text, i ? ", " : "");
		if (i == limit || (i && !trace_read(decoder, bytes, address + i * size, size))) {
			trace_append(decoder->text, "...");
			break;
		}
		append_element(decoder, type, bytes);
	}
	trace_append(decoder->text, array ? "]" : "");
}

/* --- by type */

static uint64_t length_of(struct trace_decoder *decoder, const struct lx_argument_descriptor *type, const uint64_t *lengths)
{
	int32_t behind = 0;

	switch (type->length_kind) {
	case LX_LENGTH_CONSTANT:
		return type->length;
	case LX_LENGTH_ARGUMENT:
		return lengths ? lengths[type->length] : 0;
	case LX_LENGTH_POINTEE:
		return lengths && trace_read(decoder, &behind, lengths[type->length], sizeof(behind)) && behind > 0 ?
			       (uint64_t)behind :
			       0;
	case LX_LENGTH_RETURN:
		return decoder->result > 0 ? (uint64_t)decoder->result : 0;
	case LX_LENGTH_ONE:
	case LX_LENGTH_TERMINATED:
		break;
	}
	return 1;
}

static void append_text(struct trace_decoder *decoder, const struct lx_argument_descriptor *type, uint64_t address,
			uint64_t length)
{
	bool terminated = type->length_kind == LX_LENGTH_ONE || type->length_kind == LX_LENGTH_TERMINATED;

	if (type->kind == LX_KIND_PATH && !terminated)
		append_path_bytes(decoder, address, length);
	else
		trace_string(decoder, address, terminated ? SIZE_MAX : length, type->kind == LX_KIND_PATH);
}

void trace_behind(struct trace_decoder *decoder, const struct lx_argument_descriptor *type, uint64_t address,
		  const uint64_t *lengths)
{
	uint64_t length = length_of(decoder, type, lengths);

	if (!address)
		trace_append(decoder->text, "NULL");
	else if (type->kind == LX_KIND_PATH || type->kind == LX_KIND_STRING)
		append_text(decoder, type, address, length);
	else if (type->kind == LX_KIND_BYTES)
		trace_buffer(decoder, address, length, decoder->format->quoting);
	else if (type->kind == LX_KIND_STRINGS)
		trace_strings(decoder, address, !strcmp(type->name, "envp") && !decoder->format->unabbreviated);
	else if (type->kind == LX_KIND_IOVEC)
		trace_iovec(decoder, address, length, decoder->leaving && decoder->result >= 0 &&
							      type->direction == LX_OUT ? (uint64_t)decoder->result : UINT64_MAX);
	else if (type->kind == LX_KIND_SIGSET)
		append_signal_set(decoder, address, length == 1 ? sizeof(uint64_t) : length);
	else if (type->kind == LX_KIND_CPUSET)
		append_bits(decoder, address, length);
	else if (type->kind == LX_KIND_SOCKADDR)
		trace_sockaddr(decoder, address, length);
	else if (type->kind == LX_KIND_POINTER || type->kind == LX_KIND_FDSET || type->kind == LX_KIND_DIRENTS)
		trace_append_address(decoder->text, address);
	else
		append_elements(decoder, type, address, length);
}

/* Values that are no addresses: numbers, flags, descriptors, modes, signals, times. */
#include <trace/decode/decode.h>

#include <inttypes.h>
#include <lx/flags.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { FIRST_REALTIME_SIGNAL = 32, LAST_SIGNAL = 64, VOCABULARY_SIZE = 2048 };

/* The comment for a value that no name fits: the names' common beginning, O_???. */
static void append_unknown(struct trace_text *text, const struct lx_vocabulary *vocabulary)
{
	const char *name = vocabulary->count ? vocabulary->entries[0].name : "";
	const char *end = strchr(name, '_');

	if (!strcmp(vocabulary->name, "access"))
		trace_append(text, " /* ?_OK */");
	else if (end)
		trace_printf(text, " /* %.*s_??? */", (int)(end - name), name);
}

void trace_vocabulary(struct trace_text *text, const struct lx_vocabulary *vocabulary, uint64_t value)
{
	char name[VOCABULARY_SIZE];
	size_t length = lx_vocabulary_format(vocabulary, value, name, sizeof(name));

	trace_append(text, name);
	if (length && name[0] == '0' && value)
		append_unknown(text, vocabulary);
}

void trace_enum(struct trace_text *text, const char *vocabulary, uint64_t value)
{
	const struct lx_vocabulary *found = lx_vocabulary_by_name(vocabulary);

	if (found)
		trace_vocabulary(text, found, value);
	else
		trace_append_hex(text, value);
}

/* The name without "SIG"; NULL for a number that is none or is a real-time signal. */
static const char *signal_name(int32_t signal)
{
	const struct lx_vocabulary *signals = lx_vocabulary_by_name("signal");
	const char *name = signals && signal > 0 ? lx_vocabulary_name(signals, (uint64_t)signal) : NULL;

	return name ? name + strlen("SIG") : NULL;
}

static void append_signal(struct trace_text *text, int32_t signal, const char *prefix)
{
	const char *name = signal_name(signal);

	if (name)
		trace_printf(text, "%s%s", prefix, name);
	else if (signal == FIRST_REALTIME_SIGNAL)
		trace_printf(text, "%sRTMIN", prefix);
	else if (signal > FIRST_REALTIME_SIGNAL && signal <= LAST_SIGNAL)
		trace_printf(text, "%sRT_%d", prefix, signal - FIRST_REALTIME_SIGNAL);
	else
		trace_printf(text, "%d", signal);
}

void trace_signal(struct trace_text *text, int32_t signal)
{
	append_signal(text, signal, "SIG");
}

/* The shorter of the set and its complement. */
void trace_signal_set(struct trace_text *text, uint64_t bits)
{
	bool inverted = __builtin_popcountll(bits) >= LAST_SIGNAL * 2 / 3;
	uint64_t shown = inverted ? ~bits : bits;
	const char *separator = "";

	trace_append(text, inverted ? "~[" : "[");
	for (int32_t signal = 1; signal <= LAST_SIGNAL; signal++) {
		if (!(shown >> (signal - 1) & 1))
			continue;
		append_signal(text, signal, separator);
		separator = " ";
	}
	trace_append(text, "]");
}

void trace_fd(struct trace_decoder *decoder, int32_t fd)
{
	trace_printf(decoder->text, "%d", fd);
	if (decoder->format->descriptors && decoder->describe && fd >= 0)
		decoder->describe(decoder->context, fd, decoder->text);
}

static void append_directory(struct trace_decoder *decoder, int32_t fd)
{
	if (fd != LX_AT_FDCWD) {
		trace_fd(decoder, fd);
		return;
	}
	trace_append(decoder->text, "AT_FDCWD");
	if (decoder->format->descriptors && decoder->describe)
		decoder->describe(decoder->context, fd, decoder->text);
}

void trace_mode(struct trace_text *text, uint32_t mode)
{
	const struct lx_vocabulary *types = lx_vocabulary_by_name("mode_type");
	const char *type = types ? lx_vocabulary_name(types, mode & LX_S_IFMT) : NULL;
	static const struct {
		uint32_t bit;
		const char *name;
	} bits[] = {{LX_S_ISUID, "S_ISUID"}, {LX_S_ISGID, "S_ISGID"}, {LX_S_ISVTX, "S_ISVTX"}};
	uint32_t rest = mode & ~(uint32_t)LX_S_IFMT;

	if (!type) {
		trace_printf(text, "%#03o", mode);
		return;
	}
	trace_append(text, type);
	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
		if (mode & bits[i].bit) {
			trace_printf(text, "|%s", bits[i].name);
			rest &= ~bits[i].bit;
		}
	trace_printf(text, "|%#03o", rest);
}

void trace_device(struct trace_text *text, uint64_t device)
{
	uint64_t major = (device >> 8 & 0xfff) | (device >> 32 & ~(uint64_t)0xfff);
	uint64_t minor = (device & 0xff) | (device >> 12 & ~(uint64_t)0xff & UINT32_MAX);

	trace_printf(text, "makedev(%#" PRIx64 ", %#" PRIx64 ")", major, minor);
}

void trace_wait_status(struct trace_text *text, int32_t status)
{
	int32_t signal = status & 0x7f;

	trace_append(text, "{");
	if (status == 0xffff) {
		trace_append(text, "WIFCONTINUED(s)");
	} else if ((status & 0xff) == 0x7f) {
		trace_append(text, "WIFSTOPPED(s) && WSTOPSIG(s) == ");
		trace_signal(text, status >> 8 & 0xff);
	} else if (signal) {
		trace_append(text, "WIFSIGNALED(s) && WTERMSIG(s) == ");
		trace_signal(text, signal);
		trace_append(text, status & 0x80 ? " && WCOREDUMP(s)" : "");
	} else {
		trace_printf(text, "WIFEXITED(s) && WEXITSTATUS(s) == %d", status >> 8 & 0xff);
	}
	trace_append(text, "}");
}

void trace_date(struct trace_text *text, int64_t seconds, int64_t nanoseconds)
{
	char date[64], zone[16];
	time_t moment = seconds;
	struct tm broken;

	if (!localtime_r(&moment, &broken) || !strftime(date, sizeof(date), "%FT%T", &broken))
		return;
	strftime(zone, sizeof(zone), "%z", &broken);
	trace_append(text, date);
	if (nanoseconds)
		trace_printf(text, ".%09" PRId64, nanoseconds);
	trace_append(text, zone);
}

static void append_limit(struct trace_text *text, uint64_t limit)
{
	if (limit == UINT64_MAX)
		trace_append(text, "RLIM64_INFINITY");
	else if (limit > 1024 && limit % 1024 == 0)
		trace_printf(text, "%" PRIu64 "*1024", limit / 1024);
	else
		trace_printf(text, "%" PRIu64, limit);
}

/* -1 stands for "leave it" in ids. */
static void append_id(struct trace_text *text, uint32_t id)
{
	if (id == UINT32_MAX)
		trace_append(text, "-1");
	else
		trace_printf(text, "%u", id);
}

static void append_number(struct trace_decoder *decoder, enum lx_kind kind, uint64_t value)
{
	struct trace_text *text = decoder->text;

	if (kind == LX_KIND_INT || kind == LX_KIND_PID || kind == LX_KIND_SOCKLEN)
		trace_printf(text, "%d", (int32_t)value);
	else if (kind == LX_KIND_S16)
		trace_printf(text, "%d", (int16_t)value);
	else if (kind == LX_KIND_UINT || kind == LX_KIND_U8 || kind == LX_KIND_U16)
		trace_printf(text, "%u", (uint32_t)value);
	else if (kind == LX_KIND_LONG || kind == LX_KIND_OFFSET || kind == LX_KIND_SSIZE || kind == LX_KIND_TIME)
		trace_printf(text, "%" PRId64, (int64_t)value);
	else if (kind == LX_KIND_ULONG || kind == LX_KIND_SIZE)
		trace_printf(text, "%" PRIu64, value);
	else if (kind == LX_KIND_HEX32)
		trace_append_hex(text, (uint32_t)value);
	else if (kind == LX_KIND_HEX)
		trace_append_hex(text, value);
	else
		trace_append_address(text, value);
}

static uint64_t of_vocabulary_width(const struct lx_argument_descriptor *type, uint64_t value)
{
	return type->kind == LX_KIND_FLAGS || type->kind == LX_KIND_SELECTOR ? (uint32_t)value : value;
}

/* An enum is an int: what is printed of a negative one that has no name is its 32 bits. */
static uint64_t of_enum_width(const struct lx_argument_descriptor *type, uint64_t value)
{
	return lx_vocabulary_name(type->vocabulary, value) || value <= UINT32_MAX ? value : (uint32_t)value;
}

void trace_value(struct trace_decoder *decoder, const struct lx_argument_descriptor *type, uint64_t value)
{
	struct trace_text *text = decoder->text;

	if (type->kind == LX_KIND_FD)
		trace_fd(decoder, (int32_t)value);
	else if (type->kind == LX_KIND_DIRFD)
		append_directory(decoder, (int32_t)value);
	else if (type->kind == LX_KIND_UID || type->kind == LX_KIND_GID)
		append_id(text, (uint32_t)value);
	else if (type->kind == LX_KIND_MODE)
		trace_mode(text, (uint32_t)value);
	else if (type->kind == LX_KIND_PERMISSIONS || type->kind == LX_KIND_OPEN_MODE)
		trace_printf(text, "%#03o", (uint32_t)value);
	else if (type->kind == LX_KIND_DEVICE || type->kind == LX_KIND_DEVICE64)
		trace_device(text, type->kind == LX_KIND_DEVICE ? (uint32_t)value : value);
	else if (type->kind == LX_KIND_SIGNAL)
		trace_signal(text, (int32_t)value);
	else if (type->kind == LX_KIND_WAIT_STATUS)
		trace_wait_status(text, (int32_t)value);
	else if (type->kind == LX_KIND_RESOURCE_LIMIT)
		append_limit(text, value);
	else if (type->kind == LX_KIND_PORT)
		trace_printf(text, "htons(%u)", __builtin_bswap16((uint16_t)value));
	else if (type->kind == LX_KIND_ENUM)
		trace_vocabulary(text, type->vocabulary, of_enum_width(type, value));
	else if (type->vocabulary)
		trace_vocabulary(text, type->vocabulary, of_vocabulary_width(type, value));
	else
		append_number(decoder, type->kind, value);
}

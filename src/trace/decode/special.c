/* The table of calls with a form of their own, and the short ones among them. */
#include <trace/decode/special.h>

#include <inttypes.h>
#include <lx/flags.h>
#include <lx/structs.h>
#include <stdlib.h>
#include <string.h>

enum { DIRENTS_LIMIT = 1 << 20, SPECIAL_LIMIT = 1024 };

static void finish(struct trace_decoder *decoder, unsigned from)
{
	for (unsigned i = from; i < decoder->row->argument_count; i++)
		trace_argument(decoder, i);
	decoder->next = LX_MAX_ARGUMENTS;
}

static void enter_arguments(struct trace_decoder *decoder, unsigned count)
{
	for (decoder->next = 0; decoder->next < count; decoder->next++)
		trace_argument(decoder, decoder->next);
}

/* --- directories */

#define DIRENT_NAME offsetof(struct lx_linux_dirent64, d_name)

static void append_dirent(struct trace_decoder *decoder, const uint8_t *entry, uint16_t size)
{
	const char *name = (const char *)entry + DIRENT_NAME;
	struct lx_linux_dirent64 head;

	memcpy(&head, entry, DIRENT_NAME);
	trace_printf(decoder->text, "{d_ino=%" PRIu64 ", d_off=%" PRId64 ", d_reclen=%u, d_type=", head.d_ino,
		     head.d_off, size);
	trace_enum(decoder->text, "dirent_type", head.d_type);
	trace_append(decoder->text, ", d_name=");
	trace_quote(decoder->text, name, strnlen(name, size - DIRENT_NAME), decoder->format->quoting);
	trace_append(decoder->text, "}");
}

static unsigned walk_dirents(struct trace_decoder *decoder, const uint8_t *bytes, size_t size, bool print)
{
	unsigned count = 0;

	for (size_t at = 0; at + DIRENT_NAME <= size;) {
		struct lx_linux_dirent64 head;

		memcpy(&head, bytes + at, DIRENT_NAME);
		if (head.d_reclen <= DIRENT_NAME || head.d_reclen > size - at)
			break;
		if (print) {
			trace_append(decoder->text, count ? ", " : "");
			append_dirent(decoder, bytes + at, head.d_reclen);
		}
		count++;
		at += head.d_reclen;
	}
	return count;
}

static void leave_getdents(struct trace_decoder *decoder)
{
	size_t size = decoder->result > 0 && decoder->result < DIRENTS_LIMIT ? (size_t)decoder->result : 0;
	uint8_t *bytes = size ? malloc(size) : NULL;
	bool in_full = decoder->format->unabbreviated && !strcmp(decoder->row->name, "getdents64");

	trace_separate(decoder, 1);
	if (size && (!bytes || !trace_read(decoder, bytes, decoder->arguments[1], size)))
		size = 0;
	if (in_full && !trace_failed(decoder)) {
		trace_append(decoder->text, "[");
		walk_dirents(decoder, bytes, size, true);
		trace_append(decoder->text, "]");
	} else {
		trace_append_address(decoder->text, decoder->arguments[1]);
		if (!trace_failed(decoder))
			trace_printf(decoder->text, " /* %u entries */", walk_dirents(decoder, bytes, size, false));
	}
	free(bytes);
	finish(decoder, 2);
}

static void enter_first(struct trace_decoder *decoder)
{
	enter_arguments(decoder, 1);
}

/* --- random bytes are never text */

static void enter_nothing(struct trace_decoder *decoder)
{
	decoder->next = 0;
}

static void leave_getrandom(struct trace_decoder *decoder)
{
	if (trace_failed(decoder))
		trace_append_address(decoder->text, decoder->arguments[0]);
	else
		trace_buffer(decoder, decoder->arguments[0], (size_t)decoder->result, TRACE_QUOTE_HEX);
	finish(decoder, 1);
}

/* --- files */

/* The device counts for devices alone. */
static void enter_mknod(struct trace_decoder *decoder)
{
	unsigned mode = decoder->row->argument_count - 2u;
	uint32_t type = (uint32_t)decoder->arguments[mode] & LX_S_IFMT;

	enter_arguments(decoder, mode + (type == LX_S_IFCHR || type == LX_S_IFBLK ? 2 : 1));
	decoder->next = LX_MAX_ARGUMENTS;
}

static void leave_sendfile(struct trace_decoder *decoder)
{
	int64_t offset;

	if (decoder->arguments[2] && decoder->result > 0 && trace_read(decoder, &offset, decoder->arguments[2], sizeof(offset)))
		trace_printf(decoder->text, " => [%" PRId64 "]", offset);
	finish(decoder, 3);
}

/* The new position follows the old one. */
static void enter_sendfile(struct trace_decoder *decoder)
{
	enter_arguments(decoder, 3);
	decoder->next = LX_MAX_ARGUMENTS;
}

/* A moment of utimensat: two values of the fraction are words, any other moment has its date beside it. */
static void append_timespec(struct trace_decoder *decoder, const void *bytes)
{
	const struct lx_timespec *time = bytes;

	if (time->tv_nsec == LX_UTIME_NOW) {
		trace_append(decoder->text, "UTIME_NOW");
	} else if (time->tv_nsec == LX_UTIME_OMIT) {
		trace_append(decoder->text, "UTIME_OMIT");
	} else {
		trace_printf(decoder->text, "{tv_sec=%" PRId64 ", tv_nsec=%" PRId64 "} /* ", time->tv_sec, time->tv_nsec);
		trace_date(decoder->text, time->tv_sec, time->tv_nsec);
		trace_append(decoder->text, " */");
	}
}

static void append_timeval(struct trace_decoder *decoder, const void *bytes)
{
	const struct lx_timeval *time = bytes;

	trace_printf(decoder->text, "{tv_sec=%" PRId64 ", tv_usec=%" PRId64 "} /* ", time->tv_sec, time->tv_usec);
	trace_date(decoder->text, time->tv_sec, time->tv_usec * 1000);
	trace_append(decoder->text, " */");
}

static void append_moments(struct trace_decoder *decoder, unsigned argument,
			   void (*append)(struct trace_decoder *, const void *))
{
	union {
		struct lx_timespec times[2];
		struct lx_timeval values[2];
	} moments;

	_Static_assert(sizeof(moments.times) == sizeof(moments.values), "read as one");
	trace_append(decoder->text, ", ");
	if (!trace_read(decoder, &moments, decoder->arguments[argument], sizeof(moments))) {
		trace_append_address(decoder->text, decoder->arguments[argument]);
		return;
	}
	trace_append(decoder->text, "[");
	append(decoder, &moments.times[0]);
	trace_append(decoder->text, ", ");
	append(decoder, &moments.times[1]);
	trace_append(decoder->text, "]");
}

static void enter_utimensat(struct trace_decoder *decoder)
{
	enter_arguments(decoder, 2);
	append_moments(decoder, 2, append_timespec);
	finish(decoder, 3);
}

static void enter_utimes(struct trace_decoder *decoder)
{
	unsigned last = decoder->row->argument_count - 1u;

	enter_arguments(decoder, last);
	append_moments(decoder, last, append_timeval);
	decoder->next = LX_MAX_ARGUMENTS;
}

static void enter_utime(struct trace_decoder *decoder)
{
	struct lx_utimbuf times;

	enter_arguments(decoder, 1);
	decoder->next = LX_MAX_ARGUMENTS;
	trace_append(decoder->text, ", ");
	if (!trace_read(decoder, &times, decoder->arguments[1], sizeof(times))) {
		trace_append_address(decoder->text, decoder->arguments[1]);
		return;
	}
	trace_printf(decoder->text, "{actime=%" PRId64 " /* ", times.actime);
	trace_date(decoder->text, times.actime, 0);
	trace_printf(decoder->text, " */, modtime=%" PRId64 " /* ", times.modtime);
	trace_date(decoder->text, times.modtime, 0);
	trace_append(decoder->text, " */}");
}

/* --- commands that no row knows: the number, and the argument as one */

static void append_ioctl(struct trace_text *text, uint32_t request)
{
	static const char *const directions[] = {"_IOC_NONE", "_IOC_WRITE", "_IOC_READ", "_IOC_READ|_IOC_WRITE"};
	const struct lx_vocabulary *names = lx_vocabulary_by_name("ioctl");
	const char *name = names ? lx_vocabulary_name(names, request) : NULL;

	if (name)
		trace_append(text, name);
	else
		trace_printf(text, "_IOC(%s, %#x, %#x, %#x)", directions[request >> 30], request >> 8 & 0xff, request & 0xff,
			     request >> 16 & 0x3fff);
}

static void enter_ioctl(struct trace_decoder *decoder)
{
	trace_argument(decoder, 0);
	trace_append(decoder->text, ", ");
	append_ioctl(decoder->text, (uint32_t)decoder->arguments[1]);
	trace_append(decoder->text, ", ");
	trace_append_hex(decoder->text, decoder->arguments[2]);
	decoder->next = LX_MAX_ARGUMENTS;
}

static void enter_unknown_command(struct trace_decoder *decoder)
{
	unsigned selector = decoder->row->selector_argument < 0 ? 0 : (unsigned)decoder->row->selector_argument;

	for (unsigned i = 0; i < decoder->row->argument_count; i++) {
		if (i <= selector) {
			trace_argument(decoder, i);
			continue;
		}
		trace_append(decoder->text, ", ");
		trace_append_hex(decoder->text, decoder->arguments[i]);
	}
	decoder->next = LX_MAX_ARGUMENTS;
}

/* --- the rest */

static void enter_mremap(struct trace_decoder *decoder)
{
	bool placed = decoder->arguments[3] & (LX_MREMAP_FIXED | LX_MREMAP_DONTUNMAP);

	enter_arguments(decoder, placed ? 5 : 4);
	decoder->next = LX_MAX_ARGUMENTS;
}

static void enter_personality(struct trace_decoder *decoder)
{
	uint32_t value = (uint32_t)decoder->arguments[0];

	decoder->next = LX_MAX_ARGUMENTS;
	if (value == UINT32_MAX)
		trace_append(decoder->text, "0xffffffff");
	else
		trace_enum(decoder->text, "personality", value);
}

static void leave_personality(struct trace_decoder *decoder)
{
	if (!trace_failed(decoder))
		trace_enum(&decoder->note, "personality", (uint32_t)decoder->result);
}

static void enter_membarrier(struct trace_decoder *decoder)
{
	enter_arguments(decoder, decoder->arguments[1] ? 3 : 2);
	decoder->next = LX_MAX_ARGUMENTS;
}

static void leave_membarrier(struct trace_decoder *decoder)
{
	decoder->hex_result = !decoder->arguments[0] && decoder->result > 0;
	if (decoder->hex_result)
		trace_enum(&decoder->note, "membarrier_commands", (uint64_t)decoder->result);
}

static void leave_mincore(struct trace_decoder *decoder)
{
	uint64_t pages = (decoder->arguments[1] + 4095) / 4096, limit = decoder->format->string_limit;
	uint8_t byte;

	trace_separate(decoder, 2);
	if (trace_failed(decoder) || !trace_read(decoder, &byte, decoder->arguments[2], 1)) {
		trace_append_address(decoder->text, decoder->arguments[2]);
		decoder->next = LX_MAX_ARGUMENTS;
		return;
	}
	trace_append(decoder->text, "[");
	for (uint64_t i = 0; i < pages; i++) {
		if (i == limit || !trace_read(decoder, &byte, decoder->arguments[2] + i, 1)) {
			trace_append(decoder->text, ", ...");
			break;
		}
		trace_printf(decoder->text, "%s%u", i ? ", " : "", byte & 1);
	}
	trace_append(decoder->text, "]");
	decoder->next = LX_MAX_ARGUMENTS;
}

static void enter_two(struct trace_decoder *decoder)
{
	enter_arguments(decoder, 2);
}

/* What the caller gives is looked at, though the kernel may write there too. */
static void enter_capget(struct trace_decoder *decoder)
{
	trace_behind(decoder, &decoder->row->arguments[0], decoder->arguments[0], decoder->arguments);
	decoder->next = 1;
}

static void enter_socket(struct trace_decoder *decoder)
{
	uint64_t family = decoder->arguments[0];
	bool internet = family == LX_AF_INET || family == LX_AF_INET6;

	enter_arguments(decoder, 2);
	if (internet) {
		trace_append(decoder->text, ", ");
		trace_enum(decoder->text, "ip_protocol", decoder->arguments[2]);
		decoder->next = 3;
	} else {
		decoder->next = 2;
	}
}

static void append_option_name(struct trace_decoder *decoder)
{
	const char *vocabulary = decoder->arguments[1] == 1 ? "so" : decoder->arguments[1] == 6 ? "tcp" : NULL;

	trace_append(decoder->text, ", ");
	if (vocabulary)
		trace_enum(decoder->text, vocabulary, decoder->arguments[2]);
	else
		trace_append_hex(decoder->text, decoder->arguments[2]);
	decoder->next = 3;
}

static void enter_getsockopt(struct trace_decoder *decoder)
{
	enter_arguments(decoder, 2);
	append_option_name(decoder);
}

static void enter_setsockopt(struct trace_decoder *decoder)
{
	enter_getsockopt(decoder);
	trace_append(decoder->text, ", ");
	trace_socket_option(decoder, decoder->arguments[3], (size_t)(uint32_t)decoder->arguments[4]);
	finish(decoder, 4);
}

static void leave_getsockopt(struct trace_decoder *decoder)
{
	int32_t size = 0;

	trace_separate(decoder, 3);
	if (!trace_failed(decoder) && trace_read(decoder, &size, decoder->arguments[4], sizeof(size)) && size >= 0)
		trace_socket_option(decoder, decoder->arguments[3], (size_t)size);
	else
		trace_append_address(decoder->text, decoder->arguments[3]);
	finish(decoder, 4);
}

static const struct trace_special specials[] = {
	{"poll", trace_enter_poll, trace_leave_poll},
	{"ppoll", trace_enter_poll, trace_leave_poll},
	{"select", trace_enter_select, trace_leave_select},
	{"pselect6", trace_enter_select, trace_leave_select},
	{"nanosleep", NULL, trace_leave_sleep},
	{"clock_nanosleep", NULL, trace_leave_sleep},
	{"clone", trace_enter_clone, trace_leave_clone},
	{"clone3", trace_enter_clone3, trace_leave_clone3},
	{"rt_sigreturn", trace_enter_sigreturn, NULL},
	{"restart_syscall", trace_enter_restart, NULL},
	{"getdents", enter_first, leave_getdents},
	{"getdents64", enter_first, leave_getdents},
	{"getrandom", enter_nothing, leave_getrandom},
	{"mknod", enter_mknod, NULL},
	{"mknodat", enter_mknod, NULL},
	{"sendfile", enter_sendfile, leave_sendfile},
	{"utimensat", enter_utimensat, NULL},
	{"utimes", enter_utimes, NULL},
	{"futimesat", enter_utimes, NULL},
	{"utime", enter_utime, NULL},
	{"ioctl", enter_ioctl, NULL},
	{"fcntl", enter_unknown_command, NULL},
	{"prctl", enter_unknown_command, NULL},
	{"arch_prctl", enter_unknown_command, NULL},
	{"mremap", enter_mremap, NULL},
	{"personality", enter_personality, leave_personality},
	{"membarrier", enter_membarrier, leave_membarrier},
	{"mincore", enter_two, leave_mincore},
	{"capget", enter_capget, NULL},
	{"capset", enter_capget, NULL},
	{"socket", enter_socket, NULL},
	{"getsockopt", enter_getsockopt, leave_getsockopt},
	{"setsockopt", enter_setsockopt, NULL},
};

static const struct trace_special futex_special = {"futex", trace_enter_futex, NULL};

static const struct trace_special *search(const struct lx_syscall_descriptor *row)
{
	if (!strcmp(row->name, "futex") || (row->parent && !strcmp(row->parent->name, "futex")))
		return &futex_special;
	for (size_t i = 0; i < sizeof(specials) / sizeof(specials[0]); i++)
		if (!strcmp(specials[i].name, row->name))
			return &specials[i];
	return NULL;
}

/* By place of the row, filled before main(): the search by name would be made twice a call. */
static const struct trace_special *by_row[SPECIAL_LIMIT];

__attribute__((constructor)) static void build_index(void)
{
	for (size_t i = 0; i < lx_syscall_count && i < SPECIAL_LIMIT; i++)
		by_row[i] = search(&lx_syscalls[i]);
}

const struct trace_special *trace_find_special(const struct lx_syscall_descriptor *row)
{
	return row && row->index < SPECIAL_LIMIT ? by_row[row->index] : NULL;
}

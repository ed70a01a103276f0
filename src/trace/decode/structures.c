/*
 * Structures: member by member as structs.tbl lays them out, cut short after the members that strace shows without -v,
 * and the few whose printed form is not that of their layout.
 */
#include <trace/decode/decode.h>

#include <inttypes.h>
#include <lx/flags.h>
#include <lx/structs.h>
#include <string.h>

static uint64_t load_member(const struct lx_member *member, const uint8_t *bytes, size_t size)
{
	uint64_t value = 0;

	memcpy(&value, bytes, size <= sizeof(value) ? size : sizeof(value));
	if (size == 4 && (member->type.kind == LX_KIND_INT || member->type.kind == LX_KIND_FD || member->type.kind == LX_KIND_PID ||
			  member->type.kind == LX_KIND_ENUM))
		value = (uint64_t)(int64_t)(int32_t)value;
	return value;
}

static uint64_t member_value(const struct lx_structure *structure, const uint8_t *bytes, const char *name)
{
	for (unsigned i = 0; i < structure->count; i++) {
		const struct lx_member *member = &structure->members[i];

		if (!strcmp(member->type.name, name))
			return load_member(member, bytes + member->offset, member->size);
	}
	return 0;
}

/* --- members */

static void append_in_place(struct trace_decoder *decoder, const struct lx_member *member, const uint8_t *bytes)
{
	const struct lx_argument_descriptor *type = &member->type;
	unsigned count = type->length_kind == LX_LENGTH_CONSTANT ? type->length : 1;
	uint64_t bits;

	if (type->kind == LX_KIND_STRUCT) {
		trace_structure(decoder, type, bytes);
	} else if (type->kind == LX_KIND_STRING) {
		trace_quote(decoder->text, bytes, strnlen((const char *)bytes, member->size), decoder->format->quoting);
	} else if (type->kind == LX_KIND_BYTES) {
		trace_quote(decoder->text, bytes, member->size, TRACE_QUOTE_HEX);
	} else if (type->kind == LX_KIND_SIGSET) {
		memcpy(&bits, bytes, sizeof(bits));
		trace_signal_set(decoder->text, bits);
	} else if (count > 1) {
		trace_append(decoder->text, "[");
		for (unsigned i = 0; i < count; i++) {
			trace_append(decoder->text, i ? ", " : "");
			trace_value(decoder, type, load_member(member, bytes + i * (member->size / count), member->size / count));
		}
		trace_append(decoder->text, "]");
	} else {
		trace_value(decoder, type, load_member(member, bytes, member->size));
	}
}

static void append_member(struct trace_decoder *decoder, const struct lx_member *member, const uint8_t *bytes)
{
	uint64_t address;

	trace_printf(decoder->text, "%s=", member->type.name);
	if (member->type.direction != LX_VALUE || member->type.kind == LX_KIND_PATH || member->type.kind == LX_KIND_POINTER) {
		memcpy(&address, bytes + member->offset, sizeof(address));
		trace_behind(decoder, &member->type, address, NULL);
	} else {
		append_in_place(decoder, member, bytes + member->offset);
	}
}

static void append_members(struct trace_decoder *decoder, const struct lx_structure *structure, const uint8_t *bytes,
			   unsigned count)
{
	trace_append(decoder->text, "{");
	for (unsigned i = 0; i < count; i++) {
		trace_append(decoder->text, i ? ", " : "");
		append_member(decoder, &structure->members[i], bytes);
	}
	trace_append(decoder->text, count < structure->count ? ", ...}" : "}");
}

/* Named members alone, in the order given, then "...". */
static void append_named(struct trace_decoder *decoder, const struct lx_structure *structure, const uint8_t *bytes,
			 const char *const *names, const char *end)
{
	const char *separator = "";

	trace_append(decoder->text, "{");
	for (; *names; names++) {
		for (unsigned i = 0; i < structure->count; i++) {
			if (strcmp(structure->members[i].type.name, *names) != 0)
				continue;
			trace_append(decoder->text, separator);
			append_member(decoder, &structure->members[i], bytes);
			separator = ", ";
		}
	}
	trace_append(decoder->text, end);
}

/* --- those with a form of their own */

static void append_stat(struct trace_decoder *decoder, const struct lx_structure *structure, const uint8_t *bytes)
{
	static const char *const file[] = {"st_mode", "st_size", NULL}, *const device[] = {"st_mode", "st_rdev", NULL};
	static const char *const all[] = {"st_dev", "st_ino", "st_mode", "st_nlink", "st_uid", "st_gid", "st_blksize", "st_blocks", NULL};
	static const char *const times[] = {"st_atime", "st_mtime", "st_ctime"};
	static const char *const fractions[] = {"st_atime_nsec", "st_mtime_nsec", "st_ctime_nsec"};
	uint64_t type = member_value(structure, bytes, "st_mode") & LX_S_IFMT;
	bool is_device = type == LX_S_IFCHR || type == LX_S_IFBLK;
	uint64_t fraction;

	if (!decoder->format->unabbreviated) {
		append_named(decoder, structure, bytes, is_device ? device : file, ", ...}");
		return;
	}
	append_named(decoder, structure, bytes, all, is_device ? ", st_rdev=" : ", st_size=");
	if (is_device)
		trace_device(decoder->text, member_value(structure, bytes, "st_rdev"));
	else
		trace_printf(decoder->text, "%" PRIu64, member_value(structure, bytes, "st_size"));
	for (unsigned i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		uint64_t seconds = member_value(structure, bytes, times[i]);

		fraction = member_value(structure, bytes, fractions[i]);
		trace_printf(decoder->text, ", %s=%" PRId64 " /* ", times[i], (int64_t)seconds);
		trace_date(decoder->text, (int64_t)seconds, (int64_t)fraction);
		trace_printf(decoder->text, " */, %s=%" PRIu64, fractions[i], fraction);
	}
	trace_append(decoder->text, "}");
}

static void append_statx(struct trace_decoder *decoder, const struct lx_structure *structure, const uint8_t *bytes)
{
	static const char *const names[] = {"stx_mask", "stx_attributes", "stx_mode", "stx_size", NULL};

	append_named(decoder, structure, bytes, names, ", ...}");
}

static void append_handler(struct trace_text *text, uint64_t handler)
{
	if (handler == LX_SIG_DFL)
		trace_append(text, "SIG_DFL");
	else if (handler == LX_SIG_IGN)
		trace_append(text, "SIG_IGN");
	else
		trace_append_hex(text, handler);
}

static void append_sigaction(struct trace_decoder *decoder, const struct lx_structure *structure, const uint8_t *bytes)
{
	uint64_t flags = member_value(structure, bytes, "sa_flags");

	trace_append(decoder->text, "{sa_handler=");
	append_handler(decoder->text, member_value(structure, bytes, "sa_handler"));
	trace_append(decoder->text, ", sa_mask=");
	trace_signal_set(decoder->text, member_value(structure, bytes, "sa_mask"));
	trace_append(decoder->text, ", sa_flags=");
	trace_enum(decoder->text, "sa", flags);
	if (flags & LX_SA_RESTORER) {
		trace_append(decoder->text, ", sa_restorer=");
		trace_append_hex(decoder->text, member_value(structure, bytes, "sa_restorer"));
	}
	trace_append(decoder->text, "}");
}

static void append_fsid(struct trace_decoder *decoder, const struct lx_structure *structure, const uint8_t *bytes)
{
	trace_append(decoder->text, "{");
	for (unsigned i = 0; i < structure->count; i++) {
		const struct lx_member *member = &structure->members[i];
		uint32_t words[2];

		trace_append(decoder->text, i ? ", " : "");
		if (strcmp(member->type.name, "f_fsid") != 0) {
			append_member(decoder, member, bytes);
			continue;
		}
		memcpy(words, bytes + member->offset, sizeof(words));
		trace_printf(decoder->text, "f_fsid={val=[%#x, %#x]}", words[0], words[1]);
	}
	trace_append(decoder->text, "}");
}

static void append_epoll_event(struct trace_decoder *decoder, const struct lx_structure *structure, const uint8_t *bytes)
{
	struct lx_epoll_event event;
	uint64_t data;

	(void)structure;
	memcpy(&event, bytes, sizeof(event));
	memcpy(&data, event.data, sizeof(data));
	trace_append(decoder->text, "{events=");
	trace_enum(decoder->text, "epoll_events", event.events);
	trace_printf(decoder->text, ", data={u32=%u, u64=%" PRIu64 "}}", event.data[0], data);
}

static void append_capability_set(struct trace_text *text, uint32_t low, uint32_t high)
{
	const struct lx_vocabulary *names = lx_vocabulary_by_name("capability");
	uint64_t bits = low | (uint64_t)high << 32;
	const char *separator = "";

	if (!bits || !names) {
		trace_append_hex(text, bits);
		return;
	}
	for (unsigned i = 0; i < 64; i++) {
		const char *name = bits >> i & 1 ? lx_vocabulary_name(names, i) : NULL;

		if (!name)
			continue;
		trace_printf(text, "%s1<<%s", separator, name);
		separator = "|";
		bits &= ~(1ull << i);
	}
	if (bits)
		trace_printf(text, "%s%#" PRIx64, separator, bits);
}

/* Of versions 2 and 3: two of them, the upper halves in the second. */
static void append_cap_data(struct trace_decoder *decoder, const struct lx_structure *structure, const uint8_t *bytes)
{
	struct lx_cap_data data[2];

	(void)structure;
	memcpy(data, bytes, sizeof(data));
	trace_append(decoder->text, "{effective=");
	append_capability_set(decoder->text, data[0].effective, data[1].effective);
	trace_append(decoder->text, ", permitted=");
	append_capability_set(decoder->text, data[0].permitted, data[1].permitted);
	trace_append(decoder->text, ", inheritable=");
	append_capability_set(decoder->text, data[0].inheritable, data[1].inheritable);
	trace_append(decoder->text, "}");
}

static void append_sched_param(struct trace_decoder *decoder, const struct lx_structure *structure, const uint8_t *bytes)
{
	trace_printf(decoder->text, "[%d]", (int)member_value(structure, bytes, "sched_priority"));
}

static void append_open_how(struct trace_decoder *decoder, const struct lx_structure *structure, const uint8_t *bytes)
{
	uint64_t flags = member_value(structure, bytes, "flags"), mode = member_value(structure, bytes, "mode");

	trace_append(decoder->text, "{flags=");
	trace_enum(decoder->text, "open", flags);
	if (mode || flags & LX_O_CREAT)
		trace_printf(decoder->text, ", mode=%#03" PRIo64, mode);
	trace_append(decoder->text, ", resolve=");
	trace_enum(decoder->text, "resolve", member_value(structure, bytes, "resolve"));
	trace_append(decoder->text, "}");
}

/* The lock's holder is an answer: only a query shows it. */
static void append_flock(struct trace_decoder *decoder, const struct lx_structure *structure, const uint8_t *bytes)
{
	append_members(decoder, structure, bytes, decoder->leaving ? structure->count : structure->count - 1);
	if (!decoder->leaving && decoder->text->length > strlen(", ...}")) {
		decoder->text->length -= strlen(", ...}");
		trace_append(decoder->text, "}");
	}
}

static void append_message(struct trace_decoder *decoder, const struct lx_structure *structure, const uint8_t *bytes)
{
	(void)structure;
	trace_message_header(decoder, bytes);
}

/* --- signals */

static const char *code_vocabulary(int32_t signal)
{
	static const char *const names[] = {
		[LX_SIGILL] = "si_code_ill",   [LX_SIGFPE] = "si_code_fpe",   [LX_SIGSEGV] = "si_code_segv", [LX_SIGBUS] = "si_code_bus",
		[LX_SIGTRAP] = "si_code_trap", [LX_SIGCHLD] = "si_code_chld", [LX_SIGIO] = "si_code_poll",   [LX_SIGSYS] = "si_code_sys",
	};

	return signal > 0 && signal < (int32_t)(sizeof(names) / sizeof(names[0])) && names[signal] ? names[signal] : "si_code";
}

static void append_code(struct trace_text *text, int32_t signal, int32_t code)
{
	const struct lx_vocabulary *common = lx_vocabulary_by_name("si_code");
	const struct lx_vocabulary *own = lx_vocabulary_by_name(code_vocabulary(signal));
	const char *name = common ? lx_vocabulary_name(common, (uint64_t)(int64_t)code) : NULL;

	if (!name && own)
		name = lx_vocabulary_name(own, (uint64_t)(int64_t)code);
	if (name)
		trace_append(text, name);
	else
		trace_printf(text, "%#x", (unsigned)code);
}

/* Clock ticks, as strace shows them: a comment says how long that is. */
static void append_ticks(struct trace_text *text, const char *name, int64_t ticks)
{
	trace_printf(text, ", %s=%" PRId64, name, ticks);
	if (ticks)
		trace_printf(text, " /* %" PRId64 ".%02" PRId64 " s */", ticks / 100, ticks % 100);
}

static void append_child(struct trace_text *text, int32_t code, const struct lx_siginfo_sigchld *child)
{
	trace_printf(text, ", si_pid=%d, si_uid=%u, si_status=", child->_pid, child->_uid);
	if (code == LX_CLD_EXITED)
		trace_printf(text, "%d", child->_status);
	else
		trace_signal(text, child->_status);
	append_ticks(text, "si_utime", child->_utime);
	append_ticks(text, "si_stime", child->_stime);
}

/* A timer's value lies where that of sigqueue(3) does. */
static void append_sender(struct trace_text *text, int32_t code, const union lx_siginfo_fields *fields)
{
	uint64_t value = fields->_rt._sigval;

	if (code == LX_SI_TIMER)
		trace_printf(text, ", si_timerid=%#x, si_overrun=%d", (unsigned)fields->_timer._tid,
			     fields->_timer._overrun);
	else
		trace_printf(text, ", si_pid=%d, si_uid=%u", fields->_rt._pid, fields->_rt._uid);
	if (code == LX_SI_USER || code == LX_SI_TKILL || (code == LX_SI_TIMER && !value))
		return;
	trace_printf(text, ", si_int=%d, si_ptr=", (int32_t)value);
	trace_append_address(text, value);
}

static bool is_fault(int32_t signal)
{
	return signal == LX_SIGSEGV || signal == LX_SIGBUS || signal == LX_SIGILL || signal == LX_SIGFPE || signal == LX_SIGTRAP;
}

void trace_decode_siginfo(struct trace_decoder *decoder, const void *bytes)
{
	struct trace_text *text = decoder->text;
	struct lx_siginfo info;
	const union lx_siginfo_fields *fields = &info._sifields;

	memcpy(&info, bytes, sizeof(info));
	trace_append(text, "{");
	if (!info.si_signo) {
		trace_append(text, "}");
		return;
	}
	trace_append(text, "si_signo=");
	trace_signal(text, info.si_signo);
	trace_append(text, ", si_code=");
	append_code(text, info.si_signo, info.si_code);
	if (info.si_errno)
		trace_printf(text, ", si_errno=%d", info.si_errno);
	if (info.si_code <= LX_SI_USER) {
		append_sender(text, info.si_code, fields);
	} else if (info.si_signo == LX_SIGCHLD && info.si_code != LX_SI_KERNEL) {
		append_child(text, info.si_code, &fields->_sigchld);
	} else if (is_fault(info.si_signo)) {
		trace_append(text, ", si_addr=");
		trace_append_address(text, fields->_sigfault._addr);
	} else if (info.si_signo == LX_SIGIO && info.si_code != LX_SI_KERNEL) {
		trace_printf(text, ", si_band=%" PRIu64 ", si_fd=%d", (uint64_t)fields->_sigpoll._band,
			     fields->_sigpoll._fd);
	}
	trace_append(text, "}");
}

static void append_siginfo(struct trace_decoder *decoder, const struct lx_structure *structure, const uint8_t *bytes)
{
	(void)structure;
	trace_decode_siginfo(decoder, bytes);
}

static void append_sigevent(struct trace_decoder *decoder, const struct lx_structure *structure, const uint8_t *bytes)
{
	struct lx_sigevent event;

	(void)structure;
	memcpy(&event, bytes, sizeof(event));
	trace_append(decoder->text, "{");
	if (event.sigev_value)
		trace_printf(decoder->text, "sigev_value={sival_int=%d, sival_ptr=%#" PRIx64 "}, ", (int32_t)event.sigev_value,
			     event.sigev_value);
	trace_append(decoder->text, "sigev_signo=");
	trace_signal(decoder->text, event.sigev_signo);
	trace_append(decoder->text, ", sigev_notify=");
	trace_enum(decoder->text, "sigev_notify", (uint64_t)event.sigev_notify);
	if (event.sigev_notify == LX_SIGEV_THREAD_ID)
		trace_printf(decoder->text, ", sigev_notify_thread_id=%d", event._sigev_un._tid);
	trace_append(decoder->text, "}");
}

/* --- which is printed how */

static const struct {
	const char *name;
	void (*append)(struct trace_decoder *decoder, const struct lx_structure *structure, const uint8_t *bytes);
	size_t size; /* 0: that of structs.tbl */
	unsigned shown; /* members without -v; 0: all */
} forms[] = {
	{"stat", append_stat, 0, 0},
	{"statx", append_statx, 0, 0},
	{"statfs", append_fsid, 0, 0},
	{"sigaction", append_sigaction, 0, 0},
	{"epoll_event", append_epoll_event, 0, 0},
	{"cap_data", append_cap_data, 2 * sizeof(struct lx_cap_data), 0},
	{"sched_param", append_sched_param, 0, 0},
	{"open_how", append_open_how, 0, 0},
	{"flock", append_flock, 0, 0},
	{"msghdr", append_message, 0, 0},
	{"siginfo", append_siginfo, 0, 0},
	{"sigevent", append_sigevent, 0, 0},
	{"rusage", NULL, 0, 2},
	{"utsname", NULL, 0, 2},
	{"termios", NULL, 0, 4},
	{"termios2", NULL, 0, 4},
	{"timex", NULL, 0, 4},
};

static size_t find_form(const struct lx_argument_descriptor *type)
{
	size_t i = 0;

	while (i < sizeof(forms) / sizeof(forms[0]) && strcmp(forms[i].name, type->structure_name) != 0)
		i++;
	return i;
}

size_t trace_structure_size(const struct lx_argument_descriptor *type)
{
	size_t form = find_form(type);

	if (form < sizeof(forms) / sizeof(forms[0]) && forms[form].size)
		return forms[form].size;
	return type->structure ? type->structure->size : 0;
}

void trace_structure(struct trace_decoder *decoder, const struct lx_argument_descriptor *type, const uint8_t *bytes)
{
	size_t form = find_form(type);
	bool has_form = form < sizeof(forms) / sizeof(forms[0]);
	unsigned count = type->structure ? type->structure->count : 0;

	if (has_form && forms[form].append) {
		forms[form].append(decoder, type->structure, bytes);
		return;
	}
	if (has_form && forms[form].shown && !decoder->format->unabbreviated)
		count = forms[form].shown;
	append_members(decoder, type->structure, bytes, count);
}

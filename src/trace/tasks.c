/* Calls that make tasks and programs, and futexes. */
#include <trace/decode/special.h>

#include <inttypes.h>
#include <lx/flags.h>
#include <lx/structs.h>
#include <stddef.h>
#include <string.h>

#define CSIGNAL_MASK 0xffull

/* CLONE_VM|CLONE_VFORK|SIGCHLD: the lowest byte is the signal at the end. */
static void append_clone_flags(struct trace_text *text, uint64_t value)
{
	uint64_t flags = value & ~CSIGNAL_MASK;
	int32_t signal = (int32_t)(value & CSIGNAL_MASK);

	if (flags)
		trace_enum(text, "clone", flags);
	if (signal) {
		trace_append(text, flags ? "|" : "");
		trace_signal(text, signal);
	} else if (!flags) {
		trace_append(text, "0");
	}
}

void trace_enter_clone(struct trace_decoder *decoder)
{
	trace_append(decoder->text, "child_stack=");
	trace_append_address(decoder->text, decoder->arguments[1]);
	trace_append(decoder->text, ", flags=");
	append_clone_flags(decoder->text, decoder->arguments[0]);
	decoder->next = LX_MAX_ARGUMENTS;
}

void trace_leave_clone(struct trace_decoder *decoder)
{
	uint64_t flags = decoder->arguments[0];
	int32_t tid;

	if (flags & (LX_CLONE_PARENT_SETTID | LX_CLONE_PIDFD)) {
		trace_append(decoder->text, ", parent_tid=");
		if (!trace_failed(decoder) && trace_read(decoder, &tid, decoder->arguments[2], sizeof(tid)))
			trace_printf(decoder->text, "[%d]", tid);
		else
			trace_append_address(decoder->text, decoder->arguments[2]);
	}
	if (flags & LX_CLONE_SETTLS) {
		trace_append(decoder->text, ", tls=");
		trace_append_hex(decoder->text, decoder->arguments[4]);
	}
	if (flags & (LX_CLONE_CHILD_SETTID | LX_CLONE_CHILD_CLEARTID)) {
		trace_append(decoder->text, ", child_tidptr=");
		trace_append_address(decoder->text, decoder->arguments[3]);
	}
}

static bool read_clone_arguments(struct trace_decoder *decoder, struct lx_clone_args *arguments)
{
	uint64_t size = decoder->arguments[1];

	memset(arguments, 0, sizeof(*arguments));
	if (size < 64)
		return false;
	return trace_read(decoder, arguments, decoder->arguments[0], size < sizeof(*arguments) ? size : sizeof(*arguments));
}

static void append_named_address(struct trace_decoder *decoder, bool shown, const char *name, uint64_t address)
{
	if (!shown)
		return;
	trace_printf(decoder->text, ", %s=", name);
	trace_append_address(decoder->text, address);
}

void trace_enter_clone3(struct trace_decoder *decoder)
{
	struct lx_clone_args arguments;
	uint64_t flags;

	if (!read_clone_arguments(decoder, &arguments)) {
		trace_append_address(decoder->text, decoder->arguments[0]);
		decoder->next = LX_MAX_ARGUMENTS;
		return;
	}
	flags = arguments.flags;
	trace_append(decoder->text, "{flags=");
	trace_enum(decoder->text, "clone", flags);
	append_named_address(decoder, flags & LX_CLONE_PIDFD, "pidfd", arguments.pidfd.address);
	append_named_address(decoder, flags & (LX_CLONE_CHILD_SETTID | LX_CLONE_CHILD_CLEARTID), "child_tid",
			     arguments.child_tid.address);
	append_named_address(decoder, flags & LX_CLONE_PARENT_SETTID, "parent_tid", arguments.parent_tid.address);
	trace_append(decoder->text, ", exit_signal=");
	trace_signal(decoder->text, (int32_t)arguments.exit_signal);
	trace_append(decoder->text, ", stack=");
	trace_append_address(decoder->text, arguments.stack);
	trace_append(decoder->text, ", stack_size=");
	trace_append_hex(decoder->text, arguments.stack_size);
	if (flags & LX_CLONE_SETTLS) {
		trace_append(decoder->text, ", tls=");
		trace_append_hex(decoder->text, arguments.tls);
	}
	trace_append(decoder->text, "}");
	decoder->next = LX_MAX_ARGUMENTS;
}

void trace_leave_clone3(struct trace_decoder *decoder)
{
	struct lx_clone_args arguments;
	int32_t tid;

	if (!trace_failed(decoder) && read_clone_arguments(decoder, &arguments) &&
	    (arguments.flags & LX_CLONE_PARENT_SETTID) &&
	    trace_read(decoder, &tid, arguments.parent_tid.address, sizeof(tid)))
		trace_printf(decoder->text, " => {parent_tid=[%d]}", tid);
	trace_printf(decoder->text, ", %" PRIu64, decoder->arguments[1]);
}

/* --- signals */

/* The frame is where the stack pointer is: its mask stands behind the general part of a ucontext. */
void trace_enter_sigreturn(struct trace_decoder *decoder)
{
	uint64_t mask;

	decoder->next = LX_MAX_ARGUMENTS;
	if (!trace_read(decoder, &mask, decoder->stack_pointer + offsetof(struct lx_ucontext, uc_sigmask), sizeof(mask)))
		return;
	trace_append(decoder->text, "{mask=");
	trace_signal_set(decoder->text, mask);
	trace_append(decoder->text, "}");
}

void trace_enter_restart(struct trace_decoder *decoder)
{
	trace_printf(decoder->text, "<... resuming interrupted %s ...>",
		     decoder->interrupted ? decoder->interrupted : "system call");
	decoder->next = LX_MAX_ARGUMENTS;
}

/* --- futexes */

static void append_futex_operation(struct trace_text *text, uint32_t operation)
{
	const struct lx_vocabulary *names = lx_vocabulary_by_name("futex_op");
	const char *name = names ? lx_vocabulary_name(names, operation & LX_FUTEX_CMD_MASK32) : NULL;

	if (!name)
		trace_printf(text, "%#x /* FUTEX_??? */", operation);
	else
		trace_printf(text, "%s%s%s", name, operation & LX_FUTEX_PRIVATE_FLAG ? "_PRIVATE" : "",
			     operation & LX_FUTEX_CLOCK_REALTIME ? "|FUTEX_CLOCK_REALTIME" : "");
}

static void append_wake_operation(struct trace_text *text, uint32_t value)
{
	static const char *const operations[] = {"FUTEX_OP_SET", "FUTEX_OP_ADD", "FUTEX_OP_OR", "FUTEX_OP_ANDN", "FUTEX_OP_XOR"};
	static const char *const comparisons[] = {"FUTEX_OP_CMP_EQ", "FUTEX_OP_CMP_NE", "FUTEX_OP_CMP_LT",
						  "FUTEX_OP_CMP_LE", "FUTEX_OP_CMP_GT", "FUTEX_OP_CMP_GE"};
	uint32_t operation = value >> 28 & 7, comparison = value >> 24 & 15;

	trace_append(text, value >> 31 ? "FUTEX_OP_OPARG_SHIFT<<28|" : "");
	trace_printf(text, operation < 5 ? "%s<<28" : "%.0s%#x<<28", operation < 5 ? operations[operation] : "", operation);
	trace_printf(text, "|%#x<<12|", value >> 12 & 0xfff);
	trace_printf(text, comparison < 6 ? "%s<<24" : "%.0s%#x<<24", comparison < 6 ? comparisons[comparison] : "", comparison);
	trace_printf(text, "|%#x", value & 0xfff);
}

static void append_bitset(struct trace_text *text, uint32_t bits)
{
	if (bits == UINT32_MAX)
		trace_append(text, "FUTEX_BITSET_MATCH_ANY");
	else
		trace_append_hex(text, bits);
}

/* Whether an operation takes the argument. */
static bool futex_takes(uint32_t operation, unsigned argument)
{
	switch (operation) {
	case LX_FUTEX_LOCK_PI:
	case LX_FUTEX_LOCK_PI2:
		return argument == 3;
	case LX_FUTEX_UNLOCK_PI:
	case LX_FUTEX_TRYLOCK_PI:
		return false;
	case LX_FUTEX_WAIT_BITSET:
		return argument != 4;
	case LX_FUTEX_WAKE_BITSET:
		return argument == 2 || argument == 5;
	default:
		return true;
	}
}

void trace_enter_futex(struct trace_decoder *decoder)
{
	const struct lx_syscall_descriptor *row = decoder->row;
	uint32_t operation = (uint32_t)decoder->arguments[1] & LX_FUTEX_CMD_MASK32;

	trace_append_address(decoder->text, decoder->arguments[0]);
	trace_append(decoder->text, ", ");
	append_futex_operation(decoder->text, (uint32_t)decoder->arguments[1]);
	for (unsigned i = 2; i < row->argument_count; i++) {
		if (!futex_takes(operation, i))
			continue;
		if (i == 5 && (operation == LX_FUTEX_WAIT_BITSET || operation == LX_FUTEX_WAKE_BITSET)) {
			trace_append(decoder->text, ", ");
			append_bitset(decoder->text, (uint32_t)decoder->arguments[i]);
		} else if (i == 5 && operation == LX_FUTEX_WAKE_OP) {
			trace_append(decoder->text, ", ");
			append_wake_operation(decoder->text, (uint32_t)decoder->arguments[i]);
		} else {
			trace_argument(decoder, i);
		}
	}
	decoder->next = LX_MAX_ARGUMENTS;
}

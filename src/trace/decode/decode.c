/* One call by its row's types: which arguments are written before it runs, which after, and the result. */
#include <trace/decode/decode.h>

#include <inttypes.h>
#include <lx/errno.h>
#include <lx/flags.h>
#include <lx/types.h>

void trace_separate(struct trace_decoder *decoder, unsigned i)
{
	if (i && !decoder->separated)
		trace_append(decoder->text, ", ");
	decoder->separated = false;
}

/* open's mode, which counts only for a file that may be made. */
static bool is_left_out(const struct trace_decoder *decoder, unsigned i)
{
	const struct lx_argument_descriptor *type = &decoder->row->arguments[i];

	if (type->kind != LX_KIND_OPEN_MODE || !i)
		return false;
	return !(decoder->arguments[i - 1] & (LX_O_CREAT | (LX_O_TMPFILE & ~LX_O_DIRECTORY)));
}

static bool is_address(const struct lx_argument_descriptor *type)
{
	return type->direction != LX_VALUE || type->kind >= LX_KIND_POINTER;
}

/* What the call fills in is looked at when it has; a position that it moves is of interest before. */
static bool is_output(const struct lx_argument_descriptor *type)
{
	return type->direction == LX_OUT || (type->direction == LX_INOUT && type->kind != LX_KIND_OFFSET);
}

bool trace_argument(struct trace_decoder *decoder, unsigned i)
{
	const struct lx_argument_descriptor *type = &decoder->row->arguments[i];
	uint64_t value = decoder->arguments[i];

	if (is_left_out(decoder, i))
		return true;
	if (!is_address(type)) {
		trace_separate(decoder, i);
		trace_value(decoder, type, value);
		return true;
	}
	if (is_output(type) && !decoder->leaving)
		return false;
	trace_separate(decoder, i);
	if (is_output(type) && trace_failed(decoder))
		trace_append_address(decoder->text, value);
	else
		trace_behind(decoder, type, value, decoder->arguments);
	return true;
}

static void write_arguments(struct trace_decoder *decoder)
{
	unsigned count = decoder->row ? decoder->row->argument_count : LX_MAX_ARGUMENTS;

	for (; decoder->next < count; decoder->next++) {
		if (decoder->row) {
			if (!trace_argument(decoder, decoder->next))
				return;
			continue;
		}
		trace_separate(decoder, decoder->next);
		trace_append_hex(decoder->text, decoder->arguments[decoder->next]);
	}
}

static void write_name(struct trace_decoder *decoder)
{
	const struct lx_syscall_descriptor *row = decoder->row;

	if (row)
		trace_printf(decoder->text, "%s(", row->parent ? row->parent->name : row->name);
	else
		trace_printf(decoder->text, "syscall_%#" PRIx64 "(", decoder->number);
}

void trace_decode_enter(struct trace_decoder *decoder)
{
	const struct trace_special *special = trace_find_special(decoder->row);

	decoder->leaving = false;
	decoder->next = 0;
	decoder->separated = false;
	write_name(decoder);
	if (special && special->enter)
		special->enter(decoder);
	else
		write_arguments(decoder);
	/* As strace does it, so that a line that is interrupted here reads the same. */
	if (decoder->row && decoder->next && decoder->next < decoder->row->argument_count) {
		trace_separate(decoder, decoder->next);
		decoder->separated = true;
	}
}

void trace_decode_leave(struct trace_decoder *decoder)
{
	const struct trace_special *special = trace_find_special(decoder->row);

	decoder->leaving = true;
	if (special && special->leave)
		special->leave(decoder);
	write_arguments(decoder);
}

/* --- results */

static void write_error(struct trace_decoder *decoder, int error)
{
	const char *name = lx_errno_name(error), *text = lx_errno_text(error);

	if (!name)
		trace_printf(decoder->text, "-1 (errno %d)", error);
	else
		trace_printf(decoder->text, "%s %s (%s)", lx_is_restart(-error) ? "?" : "-1", name, text);
}

static void write_value(struct trace_decoder *decoder)
{
	const struct lx_argument_descriptor *type = decoder->row ? &decoder->row->result : NULL;
	uint64_t value = (uint64_t)decoder->result;

	if (!type)
		trace_printf(decoder->text, "%" PRId64, decoder->result);
	else if (type->kind == LX_KIND_FD)
		trace_fd(decoder, (int32_t)value);
	else if (type->kind == LX_KIND_PERMISSIONS)
		trace_printf(decoder->text, "%#" PRIo64, value);
	else if (type->kind == LX_KIND_ADDRESS || type->kind == LX_KIND_HEX || type->kind == LX_KIND_HEX32 ||
		 type->kind == LX_KIND_FLAGS || type->kind == LX_KIND_FLAGS64 || decoder->hex_result)
		trace_append_hex(decoder->text, value);
	else
		trace_printf(decoder->text, "%" PRId64, decoder->result);
}

/* What the number means, where the row says so. */
static void note_meaning(struct trace_decoder *decoder)
{
	const struct lx_argument_descriptor *type = decoder->row ? &decoder->row->result : NULL;

	if (!type || decoder->note.length)
		return;
	if (type->kind == LX_KIND_FLAGS && (decoder->result || type->vocabulary->entries[0].mask != type->vocabulary->entries[0].value)) {
		trace_append(&decoder->note, "flags ");
		trace_vocabulary(&decoder->note, type->vocabulary, (uint64_t)decoder->result);
	} else if (type->kind == LX_KIND_ENUM) {
		trace_vocabulary(&decoder->note, type->vocabulary, (uint64_t)decoder->result);
	} else if (type->kind == LX_KIND_SIGNAL && decoder->result) {
		trace_signal(&decoder->note, (int32_t)decoder->result);
	} else if (type->kind == LX_KIND_TIME) {
		trace_date(&decoder->note, decoder->result, 0);
	}
}

void trace_decode_result(struct trace_decoder *decoder)
{
	decoder->leaving = true;
	if (trace_failed(decoder)) {
		write_error(decoder, (int)-decoder->result);
		return;
	}
	write_value(decoder);
	note_meaning(decoder);
	if (decoder->note.length)
		trace_printf(decoder->text, " (%s)", trace_text(&decoder->note));
}

/* poll, select and their relatives: everything is known before they wait, and what came of it stands behind the result. */
#include <trace/decode/special.h>

#include <inttypes.h>
#include <lx/structs.h>
#include <string.h>

enum { MAX_POLL_SHOWN = 1024, MAX_SELECT = 1024 };

static void append_poll_events(struct trace_text *text, const char *name, int16_t events)
{
	trace_printf(text, ", %s=", name);
	trace_enum(text, "poll", (uint16_t)events);
}

static void append_poll_entry(struct trace_decoder *decoder, const struct lx_pollfd *entry)
{
	trace_append(decoder->text, "{fd=");
	trace_fd(decoder, entry->fd);
	if (entry->fd >= 0)
		append_poll_events(decoder->text, "events", entry->events);
	trace_append(decoder->text, "}");
}

static void append_poll_entries(struct trace_decoder *decoder)
{
	uint64_t address = decoder->arguments[0], count = (uint32_t)decoder->arguments[1];
	uint64_t limit = decoder->format->unabbreviated ? MAX_POLL_SHOWN : decoder->format->string_limit;
	struct lx_pollfd entry;

	if (!address || (count && !trace_read(decoder, &entry, address, sizeof(entry)))) {
		trace_append_address(decoder->text, address);
		return;
	}
	trace_append(decoder->text, "[");
	for (uint64_t i = 0; i < count; i++) {
		trace_append(decoder->text, i ? ", " : "");
		if (i == limit || !trace_read(decoder, &entry, address + i * sizeof(entry), sizeof(entry))) {
			trace_append(decoder->text, "...");
			break;
		}
		append_poll_entry(decoder, &entry);
	}
	trace_append(decoder->text, "]");
}

/* Before the call, what it was given; the table says that it also writes there. */
static void append_inputs(struct trace_decoder *decoder, unsigned from)
{
	const struct lx_syscall_descriptor *row = decoder->row;

	for (unsigned i = from; i < row->argument_count; i++) {
		const struct lx_argument_descriptor *type = &row->arguments[i];

		trace_separate(decoder, i);
		if (type->direction == LX_VALUE && type->kind < LX_KIND_POINTER)
			trace_value(decoder, type, decoder->arguments[i]);
		else
			trace_behind(decoder, type, decoder->arguments[i], decoder->arguments);
	}
	decoder->next = row->argument_count;
}

void trace_enter_poll(struct trace_decoder *decoder)
{
	append_poll_entries(decoder);
	append_inputs(decoder, 1);
}

static void note_time_left(struct trace_decoder *decoder, unsigned argument)
{
	struct trace_text *line = decoder->text;

	if (!decoder->arguments[argument])
		return;
	trace_append(&decoder->note, decoder->note.length ? ", left " : "left ");
	decoder->text = &decoder->note;
	trace_behind(decoder, &decoder->row->arguments[argument], decoder->arguments[argument], NULL);
	decoder->text = line;
}

static void note_poll_entries(struct trace_decoder *decoder)
{
	uint64_t count = (uint32_t)decoder->arguments[1], limit = decoder->format->string_limit, shown = 0;
	struct trace_text *line = decoder->text;
	struct lx_pollfd entry;

	decoder->text = &decoder->note;
	trace_append(decoder->text, "[");
	for (uint64_t i = 0; i < count; i++) {
		if (!trace_read(decoder, &entry, decoder->arguments[0] + i * sizeof(entry), sizeof(entry)))
			break;
		if (!entry.revents)
			continue;
		trace_append(decoder->text, shown ? ", " : "");
		if (!decoder->format->unabbreviated && shown++ == limit) {
			trace_append(decoder->text, "...");
			break;
		}
		trace_append(decoder->text, "{fd=");
		trace_fd(decoder, entry.fd);
		append_poll_events(decoder->text, "revents", entry.revents);
		trace_append(decoder->text, "}");
	}
	trace_append(decoder->text, "]");
	decoder->text = line;
}

void trace_leave_poll(struct trace_decoder *decoder)
{
	if (decoder->result == 0)
		trace_append(&decoder->note, "Timeout");
	if (decoder->result <= 0)
		return;
	note_poll_entries(decoder);
	if (decoder->row->argument_count > 3)
		note_time_left(decoder, 2);
}

/* --- select */

static bool append_set(struct trace_decoder *decoder, struct trace_text *text, uint64_t address)
{
	uint64_t words[MAX_SELECT / 64] = {0};
	int32_t limit = (int32_t)decoder->arguments[0];
	struct trace_text *line = decoder->text;
	const char *separator = "";

	limit = limit < 0 ? 0 : limit > MAX_SELECT ? MAX_SELECT : limit;
	if (!trace_read(decoder, words, address, ((size_t)limit + 63) / 64 * 8))
		return false;
	decoder->text = text;
	trace_append(text, "[");
	for (int32_t fd = 0; fd < limit; fd++) {
		if (!(words[fd / 64] >> (fd % 64) & 1))
			continue;
		trace_append(text, separator);
		trace_fd(decoder, fd);
		separator = " ";
	}
	trace_append(text, "]");
	decoder->text = line;
	return true;
}

static bool set_is_empty(struct trace_decoder *decoder, uint64_t address)
{
	struct trace_text text = {0};
	bool empty = !append_set(decoder, &text, address) || text.length <= strlen("[]");

	trace_free(&text);
	return empty;
}

void trace_enter_select(struct trace_decoder *decoder)
{
	trace_printf(decoder->text, "%d", (int32_t)decoder->arguments[0]);
	for (unsigned i = 1; i <= 3; i++) {
		trace_append(decoder->text, ", ");
		if (!decoder->arguments[i] || !append_set(decoder, decoder->text, decoder->arguments[i]))
			trace_append_address(decoder->text, decoder->arguments[i]);
	}
	append_inputs(decoder, 4);
}

void trace_leave_select(struct trace_decoder *decoder)
{
	static const char *const names[] = {"", "in ", "out ", "except "};

	if (decoder->result == 0)
		trace_append(&decoder->note, "Timeout");
	if (decoder->result <= 0)
		return;
	for (unsigned i = 1; i <= 3; i++) {
		if (!decoder->arguments[i] || set_is_empty(decoder, decoder->arguments[i]))
			continue;
		trace_printf(&decoder->note, "%s%s", decoder->note.length ? ", " : "", names[i]);
		append_set(decoder, &decoder->note, decoder->arguments[i]);
	}
	note_time_left(decoder, 4);
}

/* --- sleeps: the rest of the time is written only if a signal came */

void trace_leave_sleep(struct trace_decoder *decoder)
{
	unsigned last = decoder->row->argument_count - 1u;
	bool interrupted = decoder->result < 0 && (decoder->result <= -512 || decoder->result == -4);

	trace_separate(decoder, last);
	if (interrupted && decoder->arguments[last])
		trace_behind(decoder, &decoder->row->arguments[last], decoder->arguments[last], NULL);
	else
		trace_append_address(decoder->text, decoder->arguments[last]);
	decoder->next = last + 1;
}

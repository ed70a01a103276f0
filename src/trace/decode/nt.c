/*
 * NT services beneath a call: name, arguments by services.tbl's decoders, status.
 *
 * A service reports on the thread that calls it, so the collection is that thread's own and needs no lock. Lines stand in
 * the order in which services began; one that another service called is indented further.
 */
#include <trace/decode/nt.h>

#include <core/table.h>
#include <inttypes.h>
#include <nt/iobuffer.h>
#include <nt/ntservices.h>
#include <nt/ntstatus_errno.h>
#include <stdlib.h>
#include <string.h>
#include <trace/thread.h>

enum { MAX_SERVICES = 512, MAX_DEPTH = 8, NAME_LIMIT = 4096 };

struct service_line {
	struct trace_text text;
	unsigned depth;
	const struct nt_service_descriptor *service;
	bool returned;
};

struct trace_services {
	struct service_line lines[MAX_SERVICES];
	unsigned count, lost, depth;
	unsigned open[MAX_DEPTH]; /* lines of services that have not returned */
};

static _Thread_local struct trace_thread *collecting;

/* --- arguments */

static void append_string(struct trace_text *text, const STRING *string)
{
	size_t size = string->Length < NAME_LIMIT ? string->Length : NAME_LIMIT;

	if (!string->Buffer)
		trace_append(text, "NULL");
	else
		trace_quote(text, string->Buffer, size, TRACE_QUOTE_OCTAL);
}

static void append_handle(struct trace_text *text, uint64_t handle)
{
	if (handle == (uint64_t)NtCurrentProcess())
		trace_append(text, "NtCurrentProcess()");
	else if (handle == (uint64_t)NtCurrentThread())
		trace_append(text, "NtCurrentThread()");
	else
		trace_append_address(text, handle);
}

static void append_decoded(struct trace_text *text, const char *decoder, uint64_t value)
{
	const struct lx_vocabulary *names = lx_vocabulary_by_name(decoder);
	char words[1024];

	if (!names) {
		trace_append_hex(text, value);
		return;
	}
	lx_vocabulary_format(names, value, words, sizeof(words));
	trace_append(text, words);
}

static void append_object_attributes(struct trace_text *text, const OBJECT_ATTRIBUTES *attributes)
{
	const char *separator = "";

	trace_append(text, "{");
	if (attributes->RootDirectory) {
		trace_append(text, "RootDirectory=");
		append_handle(text, (uint64_t)attributes->RootDirectory);
		separator = ", ";
	}
	if (attributes->ObjectName) {
		trace_printf(text, "%sObjectName=", separator);
		append_string(text, attributes->ObjectName);
		separator = ", ";
	}
	if (attributes->Attributes) {
		trace_printf(text, "%sAttributes=", separator);
		append_decoded(text, "object_attributes", attributes->Attributes);
	}
	trace_append(text, "}");
}

static void append_status_name(struct trace_text *text, NTSTATUS status)
{
	const char *name = nt_status_name(status);

	if (name)
		trace_append(text, name);
	else
		trace_printf(text, "0x%08x", (unsigned)status);
}

static void append_status_block(struct trace_text *text, const IO_STATUS_BLOCK *block)
{
	trace_append(text, "{Status=");
	append_status_name(text, block->Status);
	trace_printf(text, ", Information=%" PRIu64 "}", (uint64_t)block->Information);
}

static void append_io_buffer(struct trace_text *text, const struct io_buffer *buffer)
{
	trace_printf(text, "{%s, %zu bytes", buffer->space ? "user" : "kernel", io_buffer_size(buffer));
	if (buffer->count > 1)
		trace_printf(text, " in %u parts", buffer->count);
	trace_append(text, "}");
}

/* A 64-bit number behind a pointer; times are in steps of 100 ns, negative ones from now. */
static void append_large(struct trace_text *text, const LARGE_INTEGER *value, bool is_time)
{
	if (is_time && value->QuadPart < 0)
		trace_printf(text, "[%" PRId64 " /* %" PRId64 ".%07" PRId64 " s from now */]", (int64_t)value->QuadPart,
			     (int64_t)(-value->QuadPart / 10000000), (int64_t)(-value->QuadPart % 10000000));
	else
		trace_printf(text, "[%" PRId64 "]", (int64_t)value->QuadPart);
}

static bool is_type(const struct nt_parameter_descriptor *parameter, const char *type)
{
	return !strcmp(parameter->type, type);
}

/* What a pointer to a known type points to. False: it is opaque. */
static bool append_pointed(struct trace_text *text, const struct nt_parameter_descriptor *parameter, uint64_t value)
{
	const void *at = (const void *)value;

	if (is_type(parameter, "POBJECT_ATTRIBUTES"))
		append_object_attributes(text, at);
	else if (is_type(parameter, "PIO_STATUS_BLOCK"))
		append_status_block(text, at);
	else if (is_type(parameter, "PIO_BUFFER"))
		append_io_buffer(text, at);
	else if (is_type(parameter, "PSTRING"))
		append_string(text, at);
	else if (is_type(parameter, "PLARGE_INTEGER"))
		append_large(text, at, parameter->decoder);
	else if (is_type(parameter, "PCLIENT_ID"))
		trace_printf(text, "{UniqueProcess=%" PRIu64 ", UniqueThread=%" PRIu64 "}",
			     (uint64_t)((const CLIENT_ID *)at)->UniqueProcess, (uint64_t)((const CLIENT_ID *)at)->UniqueThread);
	else
		return false;
	return true;
}

/* [value]: numbers and handles that the service fills in. */
static bool append_boxed(struct trace_text *text, const struct nt_parameter_descriptor *parameter, uint64_t value)
{
	trace_append(text, "[");
	if (is_type(parameter, "PHANDLE"))
		append_handle(text, *(const uint64_t *)value);
	else if (is_type(parameter, "PVOID *"))
		trace_append_address(text, *(const uint64_t *)value);
	else if (is_type(parameter, "PSIZE_T"))
		trace_printf(text, "%" PRIu64, *(const uint64_t *)value);
	else if (is_type(parameter, "PULONG") && parameter->decoder)
		append_decoded(text, parameter->decoder, *(const uint32_t *)value);
	else if (is_type(parameter, "PULONG"))
		trace_printf(text, "%u", *(const uint32_t *)value);
	else if (is_type(parameter, "PLONG"))
		trace_printf(text, "%d", *(const int32_t *)value);
	else if (is_type(parameter, "PBOOLEAN"))
		trace_append(text, *(const uint8_t *)value ? "TRUE" : "FALSE");
	else
		trace_append(text, "...");
	trace_append(text, "]");
	return true;
}

static bool is_boxed(const struct nt_parameter_descriptor *parameter)
{
	static const char *const types[] = {"PHANDLE", "PVOID *", "PSIZE_T", "PULONG", "PLONG", "PBOOLEAN"};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (is_type(parameter, types[i]))
			return true;
	return false;
}

static void append_number(struct trace_text *text, const struct nt_parameter_descriptor *parameter, uint64_t value)
{
	if (is_type(parameter, "HANDLE"))
		append_handle(text, value);
	else if (is_type(parameter, "BOOLEAN"))
		trace_append(text, value & 0xff ? "TRUE" : "FALSE");
	else if (is_type(parameter, "NTSTATUS"))
		append_status_name(text, (NTSTATUS)value);
	else if (parameter->decoder)
		append_decoded(text, parameter->decoder, (uint32_t)value);
	else if (is_type(parameter, "ACCESS_MASK"))
		trace_append_hex(text, (uint32_t)value);
	else if (is_type(parameter, "LONG"))
		trace_printf(text, "%d", (int32_t)value);
	else if (is_type(parameter, "SIZE_T") || is_type(parameter, "ULONG_PTR"))
		trace_printf(text, "%" PRIu64, value);
	else
		trace_printf(text, "%u", (uint32_t)value);
}

/*
 * What a service that failed would have filled in holds nothing. A pointer into the supervisor says nothing to who reads the trace, so that of an opaque one only its presence is
 * shown; but a guest's address that a service was given as a number is one of the guest's.
 */
static void append_argument(struct trace_text *text, const struct nt_parameter_descriptor *parameter, uint64_t value,
			    bool failed)
{
	bool is_pointer = parameter->type[0] == 'P' || strchr(parameter->type, '*');

	if (is_pointer && !value)
		trace_append(text, "NULL");
	else if (is_pointer && failed && parameter->direction == NT_PARAMETER_OUT)
		trace_append(text, "{...}");
	else if (is_boxed(parameter))
		append_boxed(text, parameter, value);
	else if (is_pointer && is_type(parameter, "PVOID") && !strcmp(parameter->name, "BaseAddress"))
		trace_append_address(text, value);
	else if (is_pointer && !append_pointed(text, parameter, value))
		trace_append(text, "{...}");
	else if (!is_pointer)
		append_number(text, parameter, value);
}

void trace_nt_format(const struct nt_service_descriptor *service, const uint64_t *arguments, NTSTATUS status,
		     struct trace_text *text)
{
	trace_printf(text, "%s(", service->name);
	for (unsigned i = 0; i < service->parameter_count; i++) {
		trace_append(text, i ? ", " : "");
		append_argument(text, &service->parameters[i], arguments[i], !NT_SUCCESS(status));
	}
	trace_append(text, ") = ");
	append_status_name(text, status);
}

/* --- the collection */

static struct trace_services *services_of(struct trace_thread *thread)
{
	if (!thread->services)
		thread->services = calloc(1, sizeof(*thread->services));
	return thread->services;
}

static struct trace_services *active(void)
{
	return collecting && !collecting->muted ? services_of(collecting) : NULL;
}

static void enter(const struct nt_service_descriptor *service, const uint64_t *arguments)
{
	struct trace_services *services = active();
	struct service_line *line;

	(void)arguments;
	if (!services)
		return;
	if (services->count == MAX_SERVICES || services->depth == MAX_DEPTH) {
		services->lost++;
		services->depth += services->depth < MAX_DEPTH;
		if (services->depth <= MAX_DEPTH && services->count == MAX_SERVICES)
			services->open[services->depth - 1] = MAX_SERVICES;
		return;
	}
	line = &services->lines[services->count];
	trace_reset(&line->text);
	line->service = service;
	line->depth = services->depth;
	line->returned = false;
	services->open[services->depth++] = services->count++;
}

static void leave(const struct nt_service_descriptor *service, const uint64_t *arguments, NTSTATUS status)
{
	struct trace_services *services = active();
	struct service_line *line;
	unsigned index;

	if (!services || !services->depth)
		return;
	index = services->open[--services->depth];
	if (index >= services->count || services->lines[index].service != service)
		return;
	line = &services->lines[index];
	trace_nt_format(service, arguments, status, &line->text);
	line->returned = true;
}

void trace_nt_collect(struct trace_thread *thread)
{
	collecting = thread;
}

void trace_nt_take(struct trace_thread *thread, const char *prefix, struct trace_text *text)
{
	struct trace_services *services = thread->services;

	for (unsigned i = 0; services && i < services->count; i++) {
		struct service_line *line = &services->lines[i];

		trace_printf(text, "%s%*s", prefix, (int)(4 + 4 * line->depth), "");
		if (line->returned)
			trace_append(text, trace_text(&line->text));
		else
			trace_printf(text, "%s(...) = ?", line->service->name);
		trace_append(text, "\n");
	}
	if (services && services->lost)
		trace_printf(text, "%s    ... and %u more\n", prefix, services->lost);
	if (services)
		services->count = services->lost = services->depth = 0;
}

void trace_nt_free(struct trace_thread *thread)
{
	struct trace_services *services = thread->services;

	for (unsigned i = 0; services && i < MAX_SERVICES; i++)
		trace_free(&services->lines[i].text);
	free(services);
	thread->services = NULL;
}

void trace_nt_start(void)
{
	static const struct nt_service_observer observer = {.enter = enter, .leave = leave};

	nt_service_observer = &observer;
}

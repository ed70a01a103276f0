/*
 * lxrun --explain CALL; see explain.h. The call stands on the left, the services that it rests on stand on the right,
 * line by line beside it.
 */
#include <cli/explain.h>

#include <cli/suggest.h>
#include <core/ntstatus.h>
#include <core/table.h>
#include <lx/errno.h>
#include <nt/ntobserver.h>
#include <nt/ntstatus_errno.h>

#include <errno.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMN_WIDTH = 46, COLUMN_LINES = 128, LINE_SIZE = 96 };

struct column {
	char lines[COLUMN_LINES][LINE_SIZE];
	size_t count;
};

__attribute__((format(printf, 2, 3))) static void add_line(struct column *column, const char *format, ...)
{
	va_list arguments;

	if (column->count == COLUMN_LINES)
		return;
	va_start(arguments, format);
	vsnprintf(column->lines[column->count++], LINE_SIZE, format, arguments);
	va_end(arguments);
}

static void print_columns(FILE *out, const struct column *left, const struct column *right)
{
	for (size_t i = 0; i < left->count || i < right->count; i++) {
		const char *text = i < left->count ? left->lines[i] : "";

		if (i < right->count && *right->lines[i])
			fprintf(out, "  %-*s  %s\n", COLUMN_WIDTH, text, right->lines[i]);
		else if (*text)
			fprintf(out, "  %s\n", text);
		else
			fputc('\n', out);
	}
}

static const char *kind_word(enum lx_kind kind)
{
	static const char *const words[] = {
	    [LX_KIND_NONE] = "never returns",
	    [LX_KIND_INT] = "int",
	    [LX_KIND_UINT] = "unsigned int",
	    [LX_KIND_HEX32] = "unsigned int",
	    [LX_KIND_LONG] = "long",
	    [LX_KIND_ULONG] = "unsigned long",
	    [LX_KIND_HEX] = "unsigned long",
	    [LX_KIND_SIZE] = "size_t",
	    [LX_KIND_SSIZE] = "ssize_t",
	    [LX_KIND_OFFSET] = "off_t",
	    [LX_KIND_ADDRESS] = "address",
	    [LX_KIND_FD] = "file descriptor",
	    [LX_KIND_DIRFD] = "directory descriptor",
	    [LX_KIND_PID] = "pid_t",
	    [LX_KIND_UID] = "uid_t",
	    [LX_KIND_GID] = "gid_t",
	    [LX_KIND_MODE] = "mode_t",
	    [LX_KIND_PERMISSIONS] = "mode_t",
	    [LX_KIND_OPEN_MODE] = "mode_t",
	    [LX_KIND_DEVICE] = "dev_t",
	    [LX_KIND_DEVICE64] = "dev_t",
	    [LX_KIND_SIGNAL] = "signal",
	    [LX_KIND_SOCKLEN] = "socklen_t",
	    [LX_KIND_TIME] = "time_t",
	    [LX_KIND_WAIT_STATUS] = "wait status",
	    [LX_KIND_RESOURCE_LIMIT] = "rlim_t",
	    [LX_KIND_FLAGS] = "flags",
	    [LX_KIND_FLAGS64] = "flags",
	    [LX_KIND_ENUM] = "enumeration",
	    [LX_KIND_SELECTOR] = "subcommand",
	    [LX_KIND_POINTER] = "pointer",
	    [LX_KIND_PATH] = "path",
	    [LX_KIND_STRING] = "string",
	    [LX_KIND_STRINGS] = "strings",
	    [LX_KIND_BYTES] = "bytes",
	    [LX_KIND_IOVEC] = "struct iovec",
	    [LX_KIND_SIGSET] = "sigset_t",
	    [LX_KIND_FDSET] = "fd_set",
	    [LX_KIND_CPUSET] = "cpu_set_t",
	    [LX_KIND_SOCKADDR] = "struct sockaddr",
	    [LX_KIND_DIRENTS] = "directory entries",
	};

	return kind < sizeof(words) / sizeof(words[0]) && words[kind] ? words[kind] : "integer";
}

/* "in struct timespec", "out bytes[count]". */
static void describe_argument(const struct lx_syscall_descriptor *row, const struct lx_argument_descriptor *argument,
			      char *text, size_t size)
{
	static const char *const directions[] = {"", "in ", "out ", "inout "};
	char length[48] = "";

	switch (argument->length_kind) {
	case LX_LENGTH_CONSTANT:
		snprintf(length, sizeof(length), "[%u]", argument->length);
		break;
	case LX_LENGTH_ARGUMENT:
		snprintf(length, sizeof(length), "[%s]", row->arguments[argument->length].name);
		break;
	case LX_LENGTH_POINTEE:
		snprintf(length, sizeof(length), "[*%s]", row->arguments[argument->length].name);
		break;
	case LX_LENGTH_RETURN:
		snprintf(length, sizeof(length), "[return]");
		break;
	case LX_LENGTH_ONE:
	case LX_LENGTH_TERMINATED:
		break;
	}
	snprintf(text, size, "%s%s%s%s", directions[argument->direction],
		 argument->structure_name ? "struct " : kind_word(argument->kind),
		 argument->structure_name ? argument->structure_name : "", length);
}

static void add_linux_side(struct column *column, const struct lx_syscall_descriptor *row)
{
	static const char *const registers64[] = {"RDI", "RSI", "RDX", "R10", "R8", "R9"};
	static const char *const registers32[] = {"EBX", "ECX", "EDX", "ESI", "EDI", "EBP"};
	bool is_native = row->number64 >= 0;
	char type[64];

	add_line(column, "%s", is_native ? "Linux x86-64" : "Linux i386");
	if (is_native)
		add_line(column, "SYSCALL, RAX = %d", row->number64);
	if (row->number32 >= 0)
		add_line(column, "INT 80h, EAX = %d%s", row->number32, is_native ? " (i386)" : "");
	for (unsigned i = 0; i < row->argument_count; i++) {
		describe_argument(row, &row->arguments[i], type, sizeof(type));
		add_line(column, "%-4s %-12s %s", is_native ? registers64[i] : registers32[i], row->arguments[i].name,
			 type);
	}
	add_line(column, "%-4s %-12s %s", is_native ? "RAX" : "EAX", "result", kind_word(row->result.kind));
	if (row->result.kind != LX_KIND_NONE)
		add_line(column, "%-4s %-12s %s", "", "-1..-4095", "-errno");
	add_line(column, "%s", is_native ? "destroyed: RCX, R11" : "destroyed: none");
}

static void add_service(struct column *column, const struct nt_service_descriptor *service)
{
	static const char *const registers[] = {"R10", "RDX", "R8", "R9"};
	static const char *const directions[] = {"", "", "out ", "inout "};

	if (column->count)
		add_line(column, "%s", "");
	add_line(column, "%s%s", service->name, service->missing ? " (not implemented yet)" : "");
	if (service->number >= 0)
		add_line(column, "SYSCALL, EAX = 0x%03X", (unsigned)service->number);
	else
		add_line(column, "a service for the kernel alone");
	for (unsigned i = 0; i < service->parameter_count; i++) {
		const struct nt_parameter_descriptor *parameter = &service->parameters[i];
		char place[16];

		if (i < 4)
			snprintf(place, sizeof(place), "%s", registers[i]);
		else
			snprintf(place, sizeof(place), "RSP+%02Xh", 0x28 + 8 * (i - 4));
		add_line(column, "%-7s %-20s %s%s%s", place, parameter->name, directions[parameter->direction],
			 parameter->type, parameter->optional ? ", optional" : "");
	}
	add_line(column, "%-7s %-20s NTSTATUS", "EAX", "result");
}

static void add_nt_side(struct column *column, const struct lx_syscall_descriptor *row)
{
	add_line(column, "NT x64, build 17763");
	for (unsigned i = 0; i < row->service_count; i++) {
		const struct nt_service_descriptor *service = nt_service_by_name(row->services[i]);

		if (service)
			add_service(column, service);
	}
	if (!row->service_count)
		add_line(column, "no service: the LX subsystem's own work");
	else
		add_line(column, "destroyed: RCX, R11, all volatile registers");
}

static void print_status(FILE *out, const struct lx_syscall_descriptor *row, NTSTATUS status)
{
	int error = (int)-lx_errno_for_row(row, status);
	bool is_special = row && error != (int)-lx_errno_from_status(status);
	const char *name = nt_status_name(status);

	fprintf(out, "  %-34s 0x%08X  ", name ? name : "", (unsigned)status);
	if (error)
		fprintf(out, "%s, %s%s\n", lx_errno_name(error), lx_errno_text(error),
			is_special ? " (this call)" : "");
	else
		fprintf(out, "no error%s\n", is_special ? " (this call)" : "");
}

static bool is_listed(const struct nt_service_descriptor *service, NTSTATUS status)
{
	for (unsigned i = 0; service && i < service->status_count; i++)
		if (service->statuses[i] == status)
			return true;
	return false;
}

/* Statuses of the services before this one are not repeated. */
static bool is_listed_before(const struct lx_syscall_descriptor *row, unsigned service, NTSTATUS status)
{
	for (unsigned i = 0; i < service; i++)
		if (is_listed(nt_service_by_name(row->services[i]), status))
			return true;
	return false;
}

static void print_statuses(FILE *out, const struct lx_syscall_descriptor *row)
{
	fputs("\nStatus codes and the errno that each becomes:\n", out);
	for (unsigned i = 0; i < row->service_count; i++) {
		const struct nt_service_descriptor *service = nt_service_by_name(row->services[i]);

		for (unsigned j = 0; service && j < service->status_count; j++)
			if (!is_listed_before(row, i, service->statuses[j]))
				print_status(out, row, service->statuses[j]);
	}
	for (unsigned i = 0; i < row->override_count; i++)
		if (!is_listed_before(row, row->service_count, row->overrides[i].status))
			print_status(out, row, row->overrides[i].status);
	fputs("  others by status.tbl; an errno of the host comes out unchanged\n", out);
}

static void print_state(FILE *out, const struct lx_syscall_descriptor *row)
{
	static const char *const words[] = {
	    [LX_SYSCALL_FULL] = "full",
	    [LX_SYSCALL_PARTIAL] = "partial",
	    [LX_SYSCALL_REFUSED] = "refused",
	    [LX_SYSCALL_MISSING] = "missing",
	};

	fprintf(out, "%s: %s", row->name, words[row->status]);
	if (row->refusal_errno)
		fprintf(out, " (%s)", lx_errno_name(row->refusal_errno));
	if (*row->note)
		fprintf(out, "; %s", row->note);
	fputs("\n\n", out);
}

static void explain_row(FILE *out, const struct lx_syscall_descriptor *row)
{
	struct column left = {.count = 0};
	struct column right = {.count = 0};

	print_state(out, row);
	add_linux_side(&left, row);
	add_nt_side(&right, row);
	print_columns(out, &left, &right);
	if (row->service_count || row->override_count)
		print_statuses(out, row);
	if (!row->sub_row_count)
		return;
	fputs("\nSubcommands:\n", out);
	for (unsigned i = 0; i < row->sub_row_count; i++)
		fprintf(out, "  %s\n", row->sub_rows[i]->name);
}

static void explain_service(FILE *out, const struct nt_service_descriptor *service)
{
	struct column column = {.count = 0};
	struct column none = {.count = 0};

	add_service(&column, service);
	print_columns(out, &column, &none);
	fputs("\nStatus codes and the errno that each becomes:\n", out);
	for (unsigned i = 0; i < service->status_count; i++)
		print_status(out, NULL, service->statuses[i]);
	fputs("\nCalls that rest on it:\n", out);
	for (size_t i = 0; i < lx_syscall_count; i++)
		for (unsigned j = 0; j < lx_syscalls[i].service_count; j++)
			if (!strcmp(lx_syscalls[i].services[j], service->name))
				fprintf(out, "  %s\n", lx_syscalls[i].name);
}

static int complain_unknown(const char *call)
{
	struct cli_suggestions near = {.wanted = call};

	for (size_t i = 0; i < lx_syscall_count; i++)
		cli_suggest(&near, lx_syscalls[i].name);
	for (size_t i = 0; i < nt_service_count; i++)
		cli_suggest(&near, nt_services[i].name);
	fprintf(stderr, "%s: cannot explain %s: neither a system call nor an NT service has that name", program_invocation_short_name, call);
	for (size_t i = 0; i < near.count; i++)
		fprintf(stderr, "%s%s", i ? ", " : "; did you mean ", near.names[i]);
	fputs(near.count ? "?\n" : "; see lxrun --list-syscalls\n", stderr);
	return 2;
}

int cli_explain(FILE *out, const char *call)
{
	const struct lx_syscall_descriptor *row = lx_syscall_by_name(call);
	const struct nt_service_descriptor *service = nt_service_by_name(call);

	if (isdigit((unsigned char)*call)) {
		char *end;
		unsigned long number = strtoul(call, &end, 0);

		row = *end ? NULL : lx_syscall_by_number(number);
	}
	if (row)
		explain_row(out, row);
	else if (service)
		explain_service(out, service);
	else
		return complain_unknown(call);
	return fflush(out) || ferror(out);
}

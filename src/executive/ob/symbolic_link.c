/* Symbolic links: a walk that meets one goes on from the root with the target in place of what it has walked so far. */
#include "ob_internal.h"

#include <nt/ntservices.h>

static void delete_link(void *object)
{
	free(((struct ob_symbolic_link *)object)->target.Buffer);
}

/* target + "\" + remaining */
static NTSTATUS join(STRING target, STRING remaining, STRING *joined)
{
	size_t size = (size_t)target.Length + (remaining.Length ? 1u + remaining.Length : 0);

	if (size > UINT16_MAX)
		return STATUS_NAME_TOO_LONG;

	char *text = malloc(size + 1);

	if (!text)
		return STATUS_INSUFFICIENT_RESOURCES;
	memcpy(text, target.Buffer, target.Length);
	if (remaining.Length) {
		text[target.Length] = '\\';
		memcpy(text + target.Length + 1, remaining.Buffer, remaining.Length);
	}
	*joined = (STRING){(USHORT)size, (USHORT)size, text};
	return STATUS_SUCCESS;
}

static NTSTATUS parse_link(void *object, struct ob_parse *parse)
{
	struct ob_symbolic_link *link = object;

	if (!parse->remaining.Length && parse->type == &ob_symbolic_link_type) {
		ob_reference(object);
		parse->object = object;
		return STATUS_SUCCESS;
	}

	NTSTATUS status = join(link->target, parse->remaining, &parse->reparse);

	return NT_SUCCESS(status) ? STATUS_REPARSE : status;
}

static void dump_link(void *object, FILE *out)
{
	STRING target = ((struct ob_symbolic_link *)object)->target;

	fprintf(out, "-> %.*s", target.Length, target.Buffer);
}

static const struct ob_type_operations link_operations = {
    .delete = delete_link, .parse = parse_link, .dump = dump_link};

struct ob_type ob_symbolic_link_type = {
    .name = "SymbolicLink",
    .mapping = {0x20001, 0x20000, 0x20001, 0xF0001},
    .valid_access = SYMBOLIC_LINK_ALL_ACCESS,
    .operations = &link_operations,
};

static NTSTATUS create_link(STRING target, void **object)
{
	struct ob_symbolic_link *link = ob_create_object(&ob_symbolic_link_type, sizeof(*link));
	NTSTATUS status = link ? join(target, (STRING){0}, &link->target) : STATUS_INSUFFICIENT_RESOURCES;

	if (!NT_SUCCESS(status)) {
		if (link)
			ob_dereference(link);
		return status;
	}
	link->created.QuadPart = (LONGLONG)(hal_time(HAL_CLOCK_REALTIME) / 100) + NT_UNIX_EPOCH;
	*object = link;
	return STATUS_SUCCESS;
}

NTSTATUS ob_make_symbolic_link(const char *name, const char *target)
{
	STRING text = rtl_string(name);
	OBJECT_ATTRIBUTES attributes = {sizeof(attributes), NULL, &text, OBJ_PERMANENT | OBJ_OPENIF, NULL, NULL};
	void *link;
	NTSTATUS status = create_link(rtl_string(target), &link);

	return NT_SUCCESS(status) ? ob_insert_object(link, &attributes, 0, NULL) : status;
}

NTSTATUS NtCreateSymbolicLinkObject(PHANDLE LinkHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes,
				    PSTRING LinkTarget)
{
	void *link;

	if (!LinkTarget->Length)
		return STATUS_INVALID_PARAMETER;

	NTSTATUS status = create_link(*LinkTarget, &link);

	return NT_SUCCESS(status) ? ob_insert_object(link, ObjectAttributes, DesiredAccess, LinkHandle) : status;
}

NTSTATUS NtOpenSymbolicLinkObject(PHANDLE LinkHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes)
{
	return ob_open_by_name(ObjectAttributes, &ob_symbolic_link_type, DesiredAccess, LinkHandle);
}

NTSTATUS NtQuerySymbolicLinkObject(HANDLE LinkHandle, PSTRING LinkTarget, PULONG ReturnedLength)
{
	cleanup_object void *object = NULL;
	NTSTATUS status = ob_reference_by_handle(LinkHandle, SYMBOLIC_LINK_QUERY, &ob_symbolic_link_type, &object);

	if (!NT_SUCCESS(status))
		return status;

	STRING target = ((struct ob_symbolic_link *)object)->target;

	if (ReturnedLength)
		*ReturnedLength = target.Length;
	if (target.Length > LinkTarget->MaximumLength)
		return STATUS_BUFFER_TOO_SMALL;
	memcpy(LinkTarget->Buffer, target.Buffer, target.Length);
	LinkTarget->Length = target.Length;
	return STATUS_SUCCESS;
}

/*
 * Opening: NtCreateFile, NtOpenFile, NtQueryInformationByName.
 *
 * A name relative to an open file goes straight to that file's device, with no
 * walk through the namespace: this is the way every open of a guest takes. Any
 * other name is walked by Ob until a device is reached, whose parse routine
 * lands in the same place, io_create_on_device().
 */
#include <executive/io/internal.h>

#define O_CREAT_FLAG 0100u

/* What Ob carries from the service to the device's parse routine. */
struct parse_context {
	struct io_create create;
	/* A query by name: no file object. */
	bool query;
	FILE_INFORMATION_CLASS class;
	void *data;
	ULONG size;
	/* The driver's answer, which Ob must not take for its own: it would walk on from a STATUS_REPARSE. */
	bool answered;
	NTSTATUS status;
};

#define PARSE_CONTEXT_OF(io_create) container_of(io_create, struct parse_context, create)

static void join_name(struct io_file *file, const struct io_create *create)
{
	char *at = file->name.Buffer;

	if (create->root && create->root->name.Length) {
		memcpy(at, create->root->name.Buffer, create->root->name.Length);
		at += create->root->name.Length;
		if (create->name.Length)
			*at++ = '/';
	}
	if (create->name.Length)
		memcpy(at, create->name.Buffer, create->name.Length);
	at[create->name.Length] = 0;
}

/* The object for `create` with its name filled in. The root's name can't change meanwhile: its lock is held. */
static NTSTATUS make_file(struct io_device *device, const struct io_create *create, struct io_file **file)
{
	struct io_file *root = create->root;
	size_t size = create->name.Length;
	NTSTATUS status;

	if (root) {
		rtl_lock(&root->lock);
		if (root->name.Length)
			size += root->name.Length + (size ? 1 : 0);
	}
	/* A path may be long only by joining; what can't be shown is not kept. */
	status =
	    io_create_named_file_object(device, create->access, create->options, size > UINT16_MAX ? 0 : size, file);
	if (NT_SUCCESS(status) && size <= UINT16_MAX)
		join_name(*file, create);
	if (root)
		rtl_unlock(&root->lock);
	return status;
}

/* A root may have been handed to another driver when it was opened (a terminal): names below it are that driver's. */
static const struct io_driver_operations *operations_for(const struct io_device *device, const struct io_create *create)
{
	return create->root && create->root->operations ? create->root->operations : device->operations;
}

NTSTATUS io_create_on_device(struct io_device *device, struct io_create *create, struct io_file **result)
{
	const struct io_driver_operations *operations = operations_for(device, create);
	struct io_file *file;
	NTSTATUS status = make_file(device, create, &file);

	if (!NT_SUCCESS(status))
		return status;
	status = (operations->create ? operations->create : io_default_operations.create)(device, create, file);
	if (status != STATUS_SUCCESS) {
		file->operations = NULL;
		ob_dereference(file);
		return status;
	}
	file->created = create->lx.Flags & O_CREAT_FLAG && create->information == FILE_CREATED;
	*result = file;
	return STATUS_SUCCESS;
}

static NTSTATUS query_on_device(struct io_device *device, struct parse_context *context)
{
	ULONG_PTR information = 0;
	NTSTATUS (*query)
	(struct io_device *, struct io_create *, FILE_INFORMATION_CLASS, void *, ULONG, ULONG_PTR *) =
	    operations_for(device, &context->create)->query_by_name;
	NTSTATUS status = (query ? query : io_default_operations.query_by_name)(device, &context->create, context->class, context->data, context->size, &information);

	context->create.information = information;
	return status;
}

NTSTATUS io_parse_device(void *object, struct ob_parse *parse)
{
	struct io_device *device = object;
	struct io_create *create = parse->context;
	struct parse_context *context;

	if (parse->type && parse->type != &io_file_type)
		return STATUS_OBJECT_TYPE_MISMATCH;
	if (!create)
		return STATUS_OBJECT_TYPE_MISMATCH;
	context = PARSE_CONTEXT_OF(create);
	create->name = parse->remaining;
	create->access = parse->access;
	context->answered = true;
	context->status = context->query ? query_on_device(device, context)
					 : io_create_on_device(device, create, (struct io_file **)&parse->object);
	/* A query leaves no object, and only the LX subsystem knows where a link leads. */
	return context->query || context->status != STATUS_SUCCESS ? STATUS_UNSUCCESSFUL : STATUS_SUCCESS;
}

static NTSTATUS lookup(const OBJECT_ATTRIBUTES *attributes, struct parse_context *context, void **object)
{
	NTSTATUS status;

	status = ob_lookup_name(attributes, &io_file_type, context->create.access, &context->create, object);
	return context->answered ? context->status : status;
}

/* Generic rights of the file type, as Ob does it for its own names. */
static ACCESS_MASK map_access(ACCESS_MASK access)
{
	const GENERIC_MAPPING *mapping = &io_file_type.mapping;

	if (likely(!(access & (GENERIC_READ | GENERIC_WRITE | GENERIC_EXECUTE | GENERIC_ALL))))
		return access;
	access |=
	    (access & GENERIC_READ ? mapping->GenericRead : 0) | (access & GENERIC_WRITE ? mapping->GenericWrite : 0) |
	    (access & GENERIC_EXECUTE ? mapping->GenericExecute : 0) | (access & GENERIC_ALL ? mapping->GenericAll : 0);
	return access & ~(GENERIC_READ | GENERIC_WRITE | GENERIC_EXECUTE | GENERIC_ALL);
}

static NTSTATUS check_attributes(const OBJECT_ATTRIBUTES *attributes)
{
	if (!attributes || attributes->Length != sizeof(*attributes))
		return STATUS_INVALID_PARAMETER;
	if (attributes->ObjectName && attributes->ObjectName->Length && !attributes->ObjectName->Buffer)
		return STATUS_ACCESS_VIOLATION;
	if (attributes->ObjectName && memchr(attributes->ObjectName->Buffer ? attributes->ObjectName->Buffer : "", 0,
					     attributes->ObjectName->Length))
		return STATUS_OBJECT_NAME_INVALID;
	return STATUS_SUCCESS;
}

/* Open by name or, with context->query, just ask. *file is NULL for a query. */
static NTSTATUS open_by_attributes(const OBJECT_ATTRIBUTES *attributes, struct parse_context *context,
				   struct io_file **file)
{
	cleanup_object struct io_file *root = NULL;
	cleanup_object void *object = NULL;
	NTSTATUS status = check_attributes(attributes);

	if (!NT_SUCCESS(status))
		return status;
	context->create.attributes = attributes->Attributes;
	context->create.access = map_access(context->create.access);
	if (attributes->RootDirectory) {
		status = io_reference_file(attributes->RootDirectory, 0, &root);
		if (!NT_SUCCESS(status) && status != STATUS_OBJECT_TYPE_MISMATCH)
			return status;
	}
	if (!root) {
		status = lookup(attributes, context, &object);
		if (status == STATUS_SUCCESS && !context->query)
			*file = steal_pointer(&object);
		return status;
	}
	context->create.root = root;
	if (attributes->ObjectName)
		context->create.name = *attributes->ObjectName;
	return context->query ? query_on_device(root->device, context)
			      : io_create_on_device(root->device, &context->create, file);
}

/* The open packet among the extended attributes; STATUS_INVALID_PARAMETER for a list that does not add up. */
static NTSTATUS find_open_packet(const void *list, ULONG size, struct io_create *create)
{
	const size_t header = offsetof(FILE_FULL_EA_INFORMATION, EaName), name = sizeof(LX_OPEN_PACKET_EA) - 1;
	FILE_FULL_EA_INFORMATION ea;
	size_t at = 0;

	if (!list)
		return STATUS_SUCCESS;
	for (;;) {
		if (size < header || at > size - header)
			return STATUS_EA_LIST_INCONSISTENT;
		memcpy(&ea, (const char *)list + at, header);
		if ((size_t)ea.EaNameLength + 1 + ea.EaValueLength > size - at - header)
			return STATUS_EA_LIST_INCONSISTENT;
		if (ea.EaNameLength == name && ea.EaValueLength == sizeof(create->lx) &&
		    !memcmp((const char *)list + at + header, LX_OPEN_PACKET_EA, name)) {
			memcpy(&create->lx, (const char *)list + at + header + name + 1, sizeof(create->lx));
			create->has_packet = true;
		}
		if (!ea.NextEntryOffset)
			return STATUS_SUCCESS;
		if (ea.NextEntryOffset > size - at)
			return STATUS_EA_LIST_INCONSISTENT;
		at += ea.NextEntryOffset;
	}
}

static NTSTATUS check_options(ULONG disposition, ULONG options)
{
	if (disposition > FILE_OVERWRITE_IF)
		return STATUS_INVALID_PARAMETER;
	if ((options & FILE_DIRECTORY_FILE) && (options & FILE_NON_DIRECTORY_FILE))
		return STATUS_INVALID_PARAMETER;
	if ((options & FILE_DIRECTORY_FILE) && disposition != FILE_OPEN && disposition != FILE_CREATE &&
	    disposition != FILE_OPEN_IF)
		return STATUS_INVALID_PARAMETER;
	if (options & FILE_OPEN_BY_FILE_ID)
		return STATUS_NOT_SUPPORTED;
	return STATUS_SUCCESS;
}

/* A magic link's target is handed out by handle. Takes over create->reparse_file. */
static void hand_out_reparse_file(struct io_create *create, ACCESS_MASK access, PHANDLE handle)
{
	cleanup_object struct io_file *target = steal_pointer(&create->reparse_file);

	if (target &&
	    !NT_SUCCESS(ob_open_by_pointer(target, create->attributes & OBJ_KERNEL_HANDLE, target->access, handle)))
		*handle = NULL;
}

NTSTATUS NtCreateFile(PHANDLE FileHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes,
		      PIO_STATUS_BLOCK IoStatusBlock, PLARGE_INTEGER AllocationSize, ULONG FileAttributes,
		      ULONG ShareAccess, ULONG CreateDisposition, ULONG CreateOptions, PVOID EaBuffer, ULONG EaLength)
{
	cleanup_object struct io_file *file = NULL;
	struct parse_context context = {
	    .create = {.access = DesiredAccess, .options = CreateOptions, .disposition = CreateDisposition},
	};
	NTSTATUS status = check_options(CreateDisposition, CreateOptions);

	*FileHandle = NULL;
	context.create.lx.Mode = CreateOptions & FILE_DIRECTORY_FILE ? 0777 : 0666;
	if (NT_SUCCESS(status))
		status = find_open_packet(EaBuffer, EaLength, &context.create);
	if (NT_SUCCESS(status))
		status = open_by_attributes(ObjectAttributes, &context, &file);
	if (status == STATUS_REPARSE)
		hand_out_reparse_file(&context.create, DesiredAccess, FileHandle);
	if (status == STATUS_SUCCESS)
		status = ob_open_by_pointer(file, ObjectAttributes->Attributes & (OBJ_INHERIT | OBJ_KERNEL_HANDLE),
					    file->access, FileHandle);
	IoStatusBlock->Status = status;
	IoStatusBlock->Information = status == STATUS_REPARSE ? IO_REPARSE_TAG_LX_SYMLINK : context.create.information;
	return status;
}

NTSTATUS NtOpenFile(PHANDLE FileHandle, ACCESS_MASK DesiredAccess, POBJECT_ATTRIBUTES ObjectAttributes,
		    PIO_STATUS_BLOCK IoStatusBlock, ULONG ShareAccess, ULONG OpenOptions)
{
	return NtCreateFile(FileHandle, DesiredAccess, ObjectAttributes, IoStatusBlock, NULL, 0, ShareAccess, FILE_OPEN,
			    OpenOptions, NULL, 0);
}

/*
 * A symbolic link as last component is shown itself (as FILE_OPEN_REPARSE_POINT) when the class is one that the link
 * has an answer to and OBJ_OPENLINK is set; otherwise STATUS_REPARSE.
 */
NTSTATUS NtQueryInformationByName(POBJECT_ATTRIBUTES ObjectAttributes, PIO_STATUS_BLOCK IoStatusBlock,
				  PVOID FileInformation, ULONG Length, FILE_INFORMATION_CLASS FileInformationClass)
{
	bool open_link = ObjectAttributes && (ObjectAttributes->Attributes & OBJ_OPENLINK);
	struct parse_context context = {
	    .create = {.access = FILE_READ_ATTRIBUTES,
		       .options = open_link ? FILE_OPEN_REPARSE_POINT : 0,
		       .disposition = FILE_OPEN},
	    .query = true,
	    .class = FileInformationClass,
	    .data = FileInformation,
	    .size = Length,
	};
	struct io_file *none = NULL;
	NTSTATUS status = open_by_attributes(ObjectAttributes, &context, &none);

	if (context.create.reparse_file)
		ob_dereference(context.create.reparse_file);
	IoStatusBlock->Status = status;
	IoStatusBlock->Information = context.create.information;
	return status;
}

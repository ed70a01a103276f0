/*
 * The path walker: following symbolic links. See path.h.
 *
 * The service said that a link lies on the way, not where. It is looked for at
 * the end first (libraries, /etc/alternatives), then from the front. What was
 * found to be no link on the way there is verified, and never looked at again.
 *
 * A magic link (procfs) leads to an open file: the walk goes on at that file
 * object, whatever its name may be now.
 */
#include <path/path.h>

enum { TARGET_SPACE = offsetof(REPARSE_DATA_BUFFER, DataBuffer) + 4 + LX_PATH_MAX };

/* A link's target, as read from its reparse point. */
struct link_target {
	const char *text;
	size_t size;
	bool magic;
	ULONG owner; /* of the host's links */
	HANDLE file; /* of a magic link: a kernel handle */
	char buffer[TARGET_SPACE] __attribute__((aligned(8)));
};

/* Attributes for the first `size` bytes of the walk's name. */
static OBJECT_ATTRIBUTES *prefix_attributes(struct lx_walk *walk, size_t size)
{
	walk->string = (STRING){(USHORT)size, (USHORT)size, walk->name};
	InitializeObjectAttributes(&walk->attributes, &walk->string, OBJ_KERNEL_HANDLE, walk->base.handle, NULL);
	return &walk->attributes;
}

/* Take the text out of a reparse buffer of `size` bytes; false if it is no symbolic link's. */
static bool parse_target(struct link_target *target, size_t size)
{
	const REPARSE_DATA_BUFFER *reparse = (const void *)target->buffer;
	const size_t header = offsetof(REPARSE_DATA_BUFFER, DataBuffer), version = 4;

	if (size < header || reparse->ReparseTag != IO_REPARSE_TAG_LX_SYMLINK)
		return false;
	if (reparse->ReparseDataLength < version || reparse->ReparseDataLength > size - header)
		return false;
	target->text = (const char *)reparse->DataBuffer + version;
	target->size = reparse->ReparseDataLength - version;
	return true;
}

/* Does the component at the end of the prefix, a link of another device than the host's, lead to an open file? */
static NTSTATUS try_magic(struct lx_walk *walk, size_t size, struct link_target *target)
{
	NTSTATUS status = lx_open_place(prefix_attributes(walk, size), false, false, &target->file);

	target->magic = status == STATUS_REPARSE && target->file;
	if (NT_SUCCESS(status) && status != STATUS_REPARSE && target->file) {
		ZwClose(target->file);
		target->file = NULL;
	}
	return NT_SUCCESS(status) ? STATUS_SUCCESS : status;
}

/* Is the component that ends at `end` what the whole path ends in? Slashes may trail, but not a ".". */
static bool is_last(const struct lx_walk *walk, size_t end)
{
	return end == walk->name_size && !walk->rest[strspn(walk->rest, "/")] && !walk->dot;
}

static ULONG query_owner(HANDLE handle)
{
	FILE_LX_STATX_INFORMATION information;
	IO_STATUS_BLOCK io;
	NTSTATUS status = ZwQueryInformationFile(handle, &io, &information, sizeof(information), FileLxStatxInformation);

	return NT_SUCCESS(status) ? information.Uid : (ULONG)-1;
}

/*
 * Look at the last component of the name's first `size` bytes. STATUS_SUCCESS: a link, whose target is filled in;
 * STATUS_NOT_A_REPARSE_POINT: none; STATUS_REPARSE: a link lies before it; or an error.
 */
static NTSTATUS read_link(struct lx_walk *walk, size_t size, struct link_target *target)
{
	HANDLE handle = NULL;
	IO_STATUS_BLOCK io = {0};
	NTSTATUS status = lx_open_place(prefix_attributes(walk, size), false, true, &handle);

	if (status == STATUS_REPARSE && handle)
		ZwClose(handle);
	if (status != STATUS_SUCCESS)
		return status;
	status = ZwFsControlFile(handle, NULL, NULL, NULL, &io, FSCTL_GET_REPARSE_POINT, NULL, 0, target->buffer,
				 sizeof(target->buffer));
	if (NT_SUCCESS(status) && is_last(walk, size))
		target->owner = query_owner(handle);
	ZwClose(handle);
	if (status == STATUS_INVALID_DEVICE_REQUEST)
		return STATUS_NOT_A_REPARSE_POINT;
	if (!NT_SUCCESS(status))
		return status;
	if (!parse_target(target, io.Information))
		return STATUS_NOT_A_REPARSE_POINT;
	return lx_mounts_is_host_device(walk->base.file->device) ? STATUS_SUCCESS : try_magic(walk, size, target);
}

/* The end of the component that starts at `start` (or at the slash before it). */
static size_t component_end(const struct lx_walk *walk, size_t start)
{
	size_t end = start + (start < walk->name_size && walk->name[start] == '/');

	while (end < walk->name_size && walk->name[end] != '/')
		end++;
	return end;
}

/* Find the first link in the name; *end is where its component ends. Status as read_link()'s. */
static NTSTATUS find_link(struct lx_walk *walk, struct link_target *target, size_t *end)
{
	NTSTATUS status = STATUS_REPARSE;

	*end = walk->name_size;
	if (!lx_walk_stops_at_link(walk) || *walk->rest)
		status = read_link(walk, *end, target);
	if (status != STATUS_REPARSE)
		return status;
	while (walk->verified < walk->name_size) {
		*end = component_end(walk, walk->verified);
		status = read_link(walk, *end, target);
		if (status != STATUS_NOT_A_REPARSE_POINT)
			return status;
		if (*end == walk->name_size)
			break;
		walk->verified = *end;
	}
	return STATUS_NOT_A_REPARSE_POINT;
}

/*
 * What is left to walk after a link: its target (none for a magic link), the rest of the name behind it, and what had not
 * been taken apart yet.
 */
static bool expand_rest(struct lx_walk *walk, const struct link_target *target, size_t end)
{
	size_t text = target->magic ? 0 : target->size, behind = walk->name_size - end, rest = strlen(walk->rest);
	char *expansion = malloc(text + behind + rest + 4), *at = expansion;

	if (!expansion)
		return false;
	if (text)
		memcpy(at, target->text, text);
	at += text;
	memcpy(at, walk->name + end, behind);
	at += behind;
	if (rest)
		*at++ = '/';
	memcpy(at, walk->rest, rest);
	at += rest;
	/* What ended the path was taken already. */
	if (!rest && walk->directory && (text || behind)) {
		*at++ = '/';
		if (walk->dot)
			*at++ = '.';
	}
	*at = 0;
	free(walk->expansion);
	walk->rest = walk->expansion = expansion;
	return true;
}

static int64_t check_restrictions(const struct lx_walk *walk, const struct link_target *target)
{
	if (walk->resolve & LX_RESOLVE_NO_SYMLINKS)
		return -LX_ELOOP;
	if (target->magic && (walk->resolve & LX_RESOLVE_NO_MAGICLINKS))
		return -LX_ELOOP;
	if (target->magic && (walk->resolve & (LX_RESOLVE_BENEATH | LX_RESOLVE_IN_ROOT)))
		return -LX_EXDEV;
	if (!target->magic && !target->size)
		return -LX_ENOENT;
	if (!target->magic && *target->text == '/' && (walk->resolve & LX_RESOLVE_BENEATH))
		return -LX_EXDEV;
	return 0;
}

/* A magic link leads to anything that is open; what stands behind the link asks for a directory. */
static int64_t go_to_file(struct lx_walk *walk, struct link_target *target, bool directory)
{
	struct io_file *file;
	int64_t result = directory ? lx_walk_check_directory(walk, target->file) : 0;
	NTSTATUS status;

	if (result < 0)
		return result;
	status = io_reference_file(target->file, 0, &file);
	if (!NT_SUCCESS(status))
		return lx_result(walk->call, status);
	if ((walk->resolve & LX_RESOLVE_NO_XDEV) && file->device != walk->base.file->device) {
		ob_dereference(file);
		return -LX_EXDEV;
	}
	lx_walk_adopt(walk, steal_pointer(&target->file), file, true);
	return 0;
}

/* Stand where the target's text begins; `directory`: what the link leads to must be one. */
static int64_t go_to_start(struct lx_walk *walk, struct link_target *target, size_t end, bool directory)
{
	if (target->magic)
		return go_to_file(walk, target, directory);
	if (*target->text == '/') {
		lx_walk_restart_at_root(walk);
		return 0;
	}
	while (end && walk->name[end - 1] != '/')
		end--;
	walk->name_size = end ? end - 1 : 0;
	walk->verified = walk->name_size;
	return 0;
}

static int64_t follow(struct lx_walk *walk, struct link_target *target)
{
	bool directory;
	size_t end;
	NTSTATUS status;
	int64_t result;

	if (++walk->links > LX_MAXIMUM_LINKS)
		return -LX_ELOOP;
	status = find_link(walk, target, &end);
	/* The link has gone meanwhile: the service is to be asked again. */
	if (status == STATUS_NOT_A_REPARSE_POINT)
		return 0;
	if (status != STATUS_SUCCESS)
		return lx_result(walk->call, status);
	/* The link that the walk is to stop at: who got here wanted no link there. */
	if (lx_walk_stops_at_link(walk) && end == walk->name_size && !*walk->rest)
		return -LX_ELOOP;
	result = check_restrictions(walk, target);
	if (result == 0 && is_last(walk, end) && lx_mounts_is_host_device(walk->base.file->device))
		result = lx_walk_check_sticky(walk, end, target->owner);
	if (result < 0)
		return result;
	directory = walk->directory || end < walk->name_size || *walk->rest;
	if (!expand_rest(walk, target, end))
		return -LX_ENOMEM;
	walk->directory = walk->slash = walk->dot = false;
	return go_to_start(walk, target, end, directory);
}

int64_t lx_walk_follow(struct lx_walk *walk)
{
	struct link_target target = {.text = NULL};
	int64_t result = follow(walk, &target);

	if (target.file)
		ZwClose(target.file);
	return result;
}

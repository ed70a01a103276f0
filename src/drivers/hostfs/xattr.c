/*
 * Extended attributes: Linux' own by control code, and NT's EAs, which are kept
 * as attributes of the user namespace ("user." and the EA's name).
 *
 * The host's path calls are used through the descriptor's link in /proc, since
 * the descriptor may be one that names a file without opening it.
 */
#include <drivers/fsrtl/fsrtl.h>
#include <drivers/hostfs/internal.h>
#include <linux/capability.h>
#include <linux/limits.h>
#include <linux/xattr.h>
#include <stdio.h>
#include <sys/xattr.h>

#define USER_PREFIX "user."

/* The input as a NUL-terminated name. */
static NTSTATUS copy_attribute_name(const void *input, ULONG input_size, char name[XATTR_NAME_MAX + 1])
{
	size_t length = strnlen(input, input_size);

	if (length == 0 || length > XATTR_NAME_MAX)
		return STATUS_BUFFER_TOO_SMALL; /* Linux: ERANGE */
	memcpy(name, input, length);
	name[length] = 0;
	return STATUS_SUCCESS;
}

/* The host would ask for capabilities of lxrun's own, which have nothing to do with those of the subject: xattr(7). */
static NTSTATUS check_name_space(const char *name, bool change)
{
	if (!strncmp(name, "trusted.", 8) && !fsrtl_capable(CAP_SYS_ADMIN))
		return nt_status_from_errno(change ? EPERM : ENODATA);
	if (!strcmp(name, XATTR_NAME_CAPS))
		return !change || fsrtl_capable(CAP_SETFCAP) ? STATUS_SUCCESS : nt_status_from_errno(EPERM);
	if (!strncmp(name, "security.", 9) && change && !fsrtl_capable(CAP_SYS_ADMIN))
		return nt_status_from_errno(EPERM);
	return STATUS_SUCCESS;
}

NTSTATUS hostfs_get_xattr(struct io_file *file, const void *input, ULONG input_size, void *output, ULONG output_size,
			  ULONG_PTR *information)
{
	char name[XATTR_NAME_MAX + 1], path[HOSTFS_PROC_PATH_SIZE];
	NTSTATUS status = copy_attribute_name(input, input_size, name);
	ssize_t size;

	if (NT_SUCCESS(status))
		status = check_name_space(name, false);
	if (!NT_SUCCESS(status))
		return status;
	hostfs_proc_path(hostfs_file(file)->fd, path);
	size = getxattr(path, name, output, output_size);
	if (size < 0)
		return nt_status_from_errno(errno);
	*information = (ULONG_PTR)size;
	return STATUS_SUCCESS;
}

NTSTATUS hostfs_set_xattr(struct io_file *file, const void *input, ULONG input_size, void *output, ULONG output_size,
			  ULONG_PTR *information)
{
	const FSCTL_LX_SET_XATTR_INPUT *in = input;
	char name[XATTR_NAME_MAX + 1], path[HOSTFS_PROC_PATH_SIZE];
	NTSTATUS status = copy_attribute_name(in->Name.Buffer, in->Name.Length, name);

	/* The host refuses capabilities of another size before it asks who sets them. */
	if (NT_SUCCESS(status) && (strcmp(name, XATTR_NAME_CAPS) || in->Size == XATTR_CAPS_SZ_2 || in->Size == XATTR_CAPS_SZ_3))
		status = check_name_space(name, true);
	if (!NT_SUCCESS(status))
		return status;
	hostfs_proc_path(hostfs_file(file)->fd, path);
	return hostfs_status(setxattr(path, name, in->Value, in->Size, (int)in->Flags));
}

/* Take the names out that only an administrator sees. The size of what is left. */
static size_t hide_trusted_names(char *names, size_t size)
{
	size_t kept = 0;

	for (size_t at = 0, length; at < size; at += length) {
		length = strnlen(names + at, size - at) + 1;
		if (!strncmp(names + at, "trusted.", 8))
			continue;
		memmove(names + kept, names + at, length);
		kept += length;
	}
	return kept;
}

NTSTATUS hostfs_list_xattr(struct io_file *file, const void *input, ULONG input_size, void *output, ULONG output_size,
			   ULONG_PTR *information)
{
	char path[HOSTFS_PROC_PATH_SIZE];
	cleanup_free char *names = malloc(XATTR_LIST_MAX);
	ssize_t size;

	if (!names)
		return STATUS_NO_MEMORY;
	hostfs_proc_path(hostfs_file(file)->fd, path);
	size = listxattr(path, names, XATTR_LIST_MAX);
	if (size < 0)
		return nt_status_from_errno(errno);
	if (!fsrtl_capable(CAP_SYS_ADMIN))
		size = (ssize_t)hide_trusted_names(names, (size_t)size);
	if (output_size && (size_t)size > output_size)
		return nt_status_from_errno(ERANGE);
	if (output_size)
		memcpy(output, names, (size_t)size);
	*information = (ULONG_PTR)size;
	return STATUS_SUCCESS;
}

NTSTATUS hostfs_remove_xattr(struct io_file *file, const void *input, ULONG input_size, void *output, ULONG output_size,
			     ULONG_PTR *information)
{
	char name[XATTR_NAME_MAX + 1], path[HOSTFS_PROC_PATH_SIZE];
	NTSTATUS status = copy_attribute_name(input, input_size, name);

	if (NT_SUCCESS(status))
		status = check_name_space(name, true);
	if (!NT_SUCCESS(status))
		return status;
	hostfs_proc_path(hostfs_file(file)->fd, path);
	return hostfs_status(removexattr(path, name));
}

/* One EA's record at `at`, if it fits. */
static NTSTATUS put_ea(const char *path, const char *name, UCHAR *at, size_t room, size_t *used)
{
	const size_t header = offsetof(FILE_FULL_EA_INFORMATION, EaName);
	const char *short_name = name + sizeof(USER_PREFIX) - 1;
	size_t name_size = strlen(short_name) + 1;
	FILE_FULL_EA_INFORMATION *ea = (FILE_FULL_EA_INFORMATION *)at;
	ssize_t size;

	if (room < header + name_size)
		return STATUS_BUFFER_OVERFLOW;
	size = getxattr(path, name, at + header + name_size, MIN_OF(room - header - name_size, (size_t)UINT16_MAX));
	/* A size of 0 asks how large it is. */
	if (size < 0 || (size > 0 && room == header + name_size))
		return size < 0 && errno != ERANGE ? nt_status_from_errno(errno) : STATUS_BUFFER_OVERFLOW;
	*ea = (FILE_FULL_EA_INFORMATION){.EaNameLength = (UCHAR)(name_size - 1), .EaValueLength = (USHORT)size};
	memcpy(ea->EaName, short_name, name_size);
	*used = header + name_size + (size_t)size;
	return STATUS_SUCCESS;
}

NTSTATUS hostfs_query_ea(struct io_file *file, void *data, ULONG size, const void *list, ULONG list_size, bool restart,
			 bool single, ULONG_PTR *information)
{
	char path[HOSTFS_PROC_PATH_SIZE];
	cleanup_free char *names = malloc(XATTR_LIST_MAX);
	FILE_FULL_EA_INFORMATION *last = NULL;
	size_t at = 0, used = 0;
	ssize_t total;

	if (!names)
		return STATUS_NO_MEMORY;
	if (list)
		return STATUS_NOT_SUPPORTED;
	hostfs_proc_path(hostfs_file(file)->fd, path);
	total = listxattr(path, names, XATTR_LIST_MAX);
	if (total < 0)
		return nt_status_from_errno(errno);
	for (const char *name = names; name < names + total; name += strlen(name) + 1) {
		NTSTATUS status;

		if (strncmp(name, USER_PREFIX, sizeof(USER_PREFIX) - 1))
			continue;
		at = ALIGN_UP(used, (size_t)4);
		status = at < size ? put_ea(path, name, (UCHAR *)data + at, size - at, &used) : STATUS_BUFFER_OVERFLOW;
		if (!NT_SUCCESS(status))
			return status;
		used += at;
		if (last)
			last->NextEntryOffset = (ULONG)((UCHAR *)data + at - (UCHAR *)last);
		last = (FILE_FULL_EA_INFORMATION *)((UCHAR *)data + at);
		if (single)
			break;
	}
	*information = used;
	return last ? STATUS_SUCCESS : STATUS_NO_EAS_ON_FILE;
}

/* NT: an empty value removes the attribute. */
static NTSTATUS set_one_ea(const char *path, const FILE_FULL_EA_INFORMATION *ea, const char *name_and_value)
{
	char name[sizeof(USER_PREFIX) + 256];

	if (name_and_value[ea->EaNameLength] || memchr(name_and_value, 0, ea->EaNameLength) || !ea->EaNameLength)
		return STATUS_INVALID_EA_NAME;
	snprintf(name, sizeof(name), USER_PREFIX "%.*s", ea->EaNameLength, name_and_value);
	if (ea->EaValueLength)
		return hostfs_status(setxattr(path, name, name_and_value + ea->EaNameLength + 1, ea->EaValueLength, 0));
	return removexattr(path, name) == 0 || errno == ENODATA ? STATUS_SUCCESS : nt_status_from_errno(errno);
}

NTSTATUS hostfs_set_ea(struct io_file *file, const void *data, ULONG size)
{
	const size_t header = offsetof(FILE_FULL_EA_INFORMATION, EaName);
	char path[HOSTFS_PROC_PATH_SIZE];
	size_t at = 0;

	if (hostfs_file(file)->gate != HOSTFS_GATE_OPEN)
		return STATUS_ACCESS_DENIED;
	hostfs_proc_path(hostfs_file(file)->fd, path);
	for (;;) {
		FILE_FULL_EA_INFORMATION ea;
		NTSTATUS status;

		if (size < header || at > size - header)
			return STATUS_EA_LIST_INCONSISTENT;
		memcpy(&ea, (const char *)data + at, header);
		if ((size_t)ea.EaNameLength + 1 + ea.EaValueLength > size - at - header ||
		    ea.NextEntryOffset > size - at)
			return STATUS_EA_LIST_INCONSISTENT;
		status = set_one_ea(path, &ea, (const char *)data + at + header);
		if (!NT_SUCCESS(status) || !ea.NextEntryOffset)
			return status;
		at += ea.NextEntryOffset;
	}
}

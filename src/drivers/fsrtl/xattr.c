/* Extended attributes of a driver's own files: what Linux checks before a file system looks for one. See xattr(7). */
#include <errno.h>

#include <drivers/fsrtl/fsrtl.h>

#define CAPABILITIES "security.capability"
#define ACL_HEADER 4u
#define ACL_ENTRY 8u
#define ACL_VERSION 2u
#define REPLACE_FLAG 2u

static bool has_prefix(const char *name, const char *prefix)
{
	return !strncmp(name, prefix, strlen(prefix));
}

bool fsrtl_is_acl(const char *name)
{
	return !strcmp(name, "system.posix_acl_access") || !strcmp(name, "system.posix_acl_default");
}

/* A bounded copy of a name that is not trusted to be terminated. */
static NTSTATUS copy_name(const char *from, size_t size, char name[FSRTL_XATTR_NAME_MAX + 1])
{
	size_t length = strnlen(from, size);

	if (length == 0 || length > FSRTL_XATTR_NAME_MAX)
		return FSRTL_ERRNO(ERANGE);
	memcpy(name, from, length);
	name[length] = 0;
	return STATUS_SUCCESS;
}

NTSTATUS fsrtl_parse_xattr(ULONG code, const void *input, ULONG input_size, struct fsrtl_xattr *request)
{
	const FSCTL_LX_SET_XATTR_INPUT *set = input;

	*request = (struct fsrtl_xattr){.code = code};
	if (code == FSCTL_LX_LIST_XATTR)
		return STATUS_SUCCESS;
	if (code != FSCTL_LX_SET_XATTR)
		return copy_name(input, input_size, request->name);
	if (input_size < sizeof(*set))
		return STATUS_INVALID_PARAMETER;
	request->value = set->Value;
	request->size = set->Size;
	request->flags = set->Flags;
	return copy_name(set->Name.Buffer, set->Name.Length, request->name);
}

/* What is wrong with a value is told before who may set it. */
static NTSTATUS check_value(const struct fsrtl_xattr *request)
{
	ULONG version;

	if (!request->size)
		return STATUS_SUCCESS;
	if (fsrtl_is_acl(request->name)) {
		if (request->size < ACL_HEADER || (request->size - ACL_HEADER) % ACL_ENTRY)
			return FSRTL_ERRNO(EINVAL);
		memcpy(&version, request->value, sizeof(version));
		return version == ACL_VERSION ? STATUS_SUCCESS : FSRTL_ERRNO(EOPNOTSUPP);
	}
	if (strcmp(request->name, CAPABILITIES) != 0)
		return STATUS_SUCCESS;
	if (request->size != FSRTL_XATTR_CAPABILITIES_2 && request->size != FSRTL_XATTR_CAPABILITIES_3)
		return FSRTL_ERRNO(EINVAL);
	return fsrtl_capable(FSRTL_CAP_SETFCAP) ? STATUS_SUCCESS : FSRTL_ERRNO(EPERM);
}

static NTSTATUS check_user(const FILE_LX_STATX_INFORMATION *file, bool change)
{
	ULONG type = file->Mode & FSRTL_S_IFMT;

	if (type != FSRTL_S_IFREG && type != FSRTL_S_IFDIR)
		return FSRTL_ERRNO(change ? EPERM : ENODATA);
	if (change && type == FSRTL_S_IFDIR && file->Mode & 01000 && !fsrtl_is_owner(file) && !fsrtl_capable(FSRTL_CAP_FOWNER))
		return FSRTL_ERRNO(EPERM);
	return STATUS_SUCCESS;
}

/* xattr_permission() of Linux. */
static NTSTATUS check_permission(const FILE_LX_STATX_INFORMATION *file, const char *name, bool change)
{
	NTSTATUS status = STATUS_SUCCESS;

	if (has_prefix(name, "security.") || has_prefix(name, "system."))
		return STATUS_SUCCESS;
	if (has_prefix(name, "trusted."))
		return fsrtl_capable(FSRTL_CAP_SYS_ADMIN) ? STATUS_SUCCESS : FSRTL_ERRNO(change ? EPERM : ENODATA);
	if (has_prefix(name, "user."))
		status = check_user(file, change);
	if (status == STATUS_SUCCESS && !fsrtl_permitted(file, change ? FSRTL_WRITE : FSRTL_READ))
		return STATUS_ACCESS_DENIED;
	return status;
}

static NTSTATUS check_security(const struct fsrtl_xattr *request)
{
	unsigned needed = FSRTL_CAP_SYS_ADMIN;

	if (request->code == FSCTL_LX_GET_XATTR || !has_prefix(request->name, "security."))
		return STATUS_SUCCESS;
	if (!strcmp(request->name, CAPABILITIES)) {
		if (request->code == FSCTL_LX_SET_XATTR)
			return STATUS_SUCCESS; /* asked with its value */
		needed = FSRTL_CAP_SETFCAP;
	}
	return fsrtl_capable(needed) ? STATUS_SUCCESS : FSRTL_ERRNO(EPERM);
}

/* The name spaces of memory file systems. */
static NTSTATUS check_name_space(const char *name)
{
	static const char *const spaces[] = {"user.", "trusted.", "security."};

	for (size_t i = 0; i < ARRAY_COUNT(spaces); i++)
		if (has_prefix(name, spaces[i]))
			return name[strlen(spaces[i])] ? STATUS_SUCCESS : FSRTL_ERRNO(EINVAL);
	return fsrtl_is_acl(name) ? STATUS_SUCCESS : FSRTL_ERRNO(EOPNOTSUPP);
}

NTSTATUS fsrtl_check_xattr(const FILE_LX_STATX_INFORMATION *file, const struct fsrtl_xattr *request, bool kept)
{
	bool acl = fsrtl_is_acl(request->name);
	NTSTATUS status = request->code == FSCTL_LX_SET_XATTR ? check_value(request) : STATUS_SUCCESS;

	if (status == STATUS_SUCCESS && acl && request->code != FSCTL_LX_GET_XATTR && kept && !fsrtl_is_owner(file) &&
	    !fsrtl_capable(FSRTL_CAP_FOWNER))
		return FSRTL_ERRNO(EPERM);
	if (status == STATUS_SUCCESS)
		status = check_permission(file, request->name, request->code != FSCTL_LX_GET_XATTR);
	if (status == STATUS_SUCCESS)
		status = check_security(request);
	if (status != STATUS_SUCCESS)
		return status;
	if (acl && request->code == FSCTL_LX_GET_XATTR && (file->Mode & FSRTL_S_IFMT) == FSRTL_S_IFLNK)
		return FSRTL_ERRNO(EOPNOTSUPP);
	return kept ? check_name_space(request->name) : FSRTL_ERRNO(EOPNOTSUPP);
}

NTSTATUS fsrtl_refuse_xattr(const FILE_LX_STATX_INFORMATION *file, bool kept, ULONG code, const void *input, ULONG input_size)
{
	struct fsrtl_xattr request;
	NTSTATUS status = fsrtl_parse_xattr(code, input, input_size, &request);

	if (status != STATUS_SUCCESS || code == FSCTL_LX_LIST_XATTR)
		return status;
	status = fsrtl_check_xattr(file, &request, kept);
	if (status != STATUS_SUCCESS)
		return status;
	if (code == FSCTL_LX_REMOVE_XATTR && fsrtl_is_acl(request.name))
		return STATUS_SUCCESS;
	return code != FSCTL_LX_SET_XATTR || request.flags & REPLACE_FLAG ? FSRTL_ERRNO(ENODATA) : FSRTL_ERRNO(EOPNOTSUPP);
}

bool fsrtl_is_xattr(ULONG code)
{
	return code == FSCTL_LX_GET_XATTR || code == FSCTL_LX_SET_XATTR || code == FSCTL_LX_REMOVE_XATTR ||
	       code == FSCTL_LX_LIST_XATTR;
}

/* File-system controls: names in a directory, extended attributes, locks, links, space. */
#include <errno.h>

#include <drivers/tmpfs/node.h>

#define XATTR_CREATE_FLAG 1u
#define XATTR_REPLACE_FLAG 2u
#define XATTR_SIZE_LIMIT 65536u
#define XATTR_NAME_LIMIT 255u

/* --- extended attributes; volume.lock held unless said otherwise */

/* Which name spaces there are, and who may use them: xattr(7). */
static NTSTATUS check_xattr(const struct tmpfs_node *node, const char *name, bool write)
{
	ULONG type = tmpfs_type(node);

	if (!strncmp(name, "user.", 5) && name[5]) {
		if (type != FSRTL_S_IFREG && type != FSRTL_S_IFDIR)
			return FSRTL_ERRNO(write ? EPERM : ENODATA);
		return fsrtl_permitted(&node->attributes, write ? FSRTL_WRITE : FSRTL_READ) ? STATUS_SUCCESS :
											      STATUS_ACCESS_DENIED;
	}
	if (!strncmp(name, "trusted.", 8) && name[8])
		return fsrtl_capable(FSRTL_CAP_SYS_ADMIN) ? STATUS_SUCCESS : FSRTL_ERRNO(write ? EPERM : ENODATA);
	return FSRTL_ERRNO(EOPNOTSUPP);
}

static struct tmpfs_xattr *find_xattr(const struct tmpfs_node *node, const char *name)
{
	struct tmpfs_xattr *xattr;

	TAILQ_FOREACH (xattr, &node->xattrs, link)
		if (!strcmp(xattr->name, name))
			return xattr;
	return NULL;
}

static void drop_xattr(struct tmpfs_node *node, struct tmpfs_xattr *xattr)
{
	TAILQ_REMOVE(&node->xattrs, xattr, link);
	free(xattr->name);
	free(xattr);
}

static NTSTATUS get_xattr(struct tmpfs_node *node, const char *name, void *output, ULONG output_size,
			  ULONG_PTR *information)
{
	const struct tmpfs_xattr *xattr;
	NTSTATUS status = check_xattr(node, name, false);

	if (status != STATUS_SUCCESS)
		return status;
	xattr = find_xattr(node, name);
	if (!xattr)
		return FSRTL_ERRNO(ENODATA);
	*information = xattr->size;
	if (output_size == 0)
		return STATUS_SUCCESS;
	if (output_size < xattr->size)
		return FSRTL_ERRNO(ERANGE);
	memcpy(output, xattr->value, xattr->size);
	return STATUS_SUCCESS;
}

static NTSTATUS set_xattr(struct tmpfs_node *node, const char *name, const FSCTL_LX_SET_XATTR_INPUT *input)
{
	struct tmpfs_xattr *old, *xattr;
	NTSTATUS status = check_xattr(node, name, true);

	if (status != STATUS_SUCCESS)
		return status;
	if (input->Size > XATTR_SIZE_LIMIT)
		return FSRTL_ERRNO(E2BIG);
	old = find_xattr(node, name);
	if (old && input->Flags & XATTR_CREATE_FLAG)
		return FSRTL_ERRNO(EEXIST);
	if (!old && input->Flags & XATTR_REPLACE_FLAG)
		return FSRTL_ERRNO(ENODATA);
	xattr = malloc(sizeof *xattr + input->Size);
	if (xattr)
		xattr->name = strdup(name);
	if (!xattr || !xattr->name) {
		free(xattr);
		return STATUS_NO_MEMORY;
	}
	xattr->size = input->Size;
	if (input->Size)
		memcpy(xattr->value, input->Value, input->Size);
	if (old)
		drop_xattr(node, old);
	TAILQ_INSERT_HEAD(&node->xattrs, xattr, link);
	node->attributes.ChangeTime = fsrtl_now();
	return STATUS_SUCCESS;
}

static NTSTATUS remove_xattr(struct tmpfs_node *node, const char *name)
{
	struct tmpfs_xattr *xattr;
	NTSTATUS status = check_xattr(node, name, true);

	if (status != STATUS_SUCCESS)
		return status;
	xattr = find_xattr(node, name);
	if (!xattr)
		return FSRTL_ERRNO(ENODATA);
	drop_xattr(node, xattr);
	node->attributes.ChangeTime = fsrtl_now();
	return STATUS_SUCCESS;
}

static NTSTATUS list_xattrs(struct tmpfs_node *node, char *output, ULONG output_size, ULONG_PTR *information)
{
	const struct tmpfs_xattr *xattr;
	size_t used = 0;

	TAILQ_FOREACH (xattr, &node->xattrs, link) {
		size_t length = strlen(xattr->name) + 1;

		if (!strncmp(xattr->name, "trusted.", 8) && !fsrtl_capable(FSRTL_CAP_SYS_ADMIN))
			continue;
		if (output_size && used + length > output_size)
			return FSRTL_ERRNO(ERANGE);
		if (output_size)
			memcpy(output + used, xattr->name, length);
		used += length;
	}
	*information = used;
	return STATUS_SUCCESS;
}

/* A bounded copy of a name that is not trusted to be terminated. */
static NTSTATUS copy_name(const char *from, size_t size, char name[XATTR_NAME_LIMIT + 1])
{
	size_t length = strnlen(from, size);

	if (length == 0 || length > XATTR_NAME_LIMIT)
		return FSRTL_ERRNO(ERANGE);
	memcpy(name, from, length);
	name[length] = 0;
	return STATUS_SUCCESS;
}

static NTSTATUS control_xattr(struct tmpfs_node *node, ULONG code, const void *input, ULONG input_size, void *output,
			      ULONG output_size, ULONG_PTR *information)
{
	const FSCTL_LX_SET_XATTR_INPUT *set = input;
	char name[XATTR_NAME_LIMIT + 1];
	NTSTATUS status = STATUS_SUCCESS;

	if (code == FSCTL_LX_SET_XATTR)
		status = input_size < sizeof *set ? STATUS_INVALID_PARAMETER :
						    copy_name(set->Name.Buffer, set->Name.Length, name);
	else if (code != FSCTL_LX_LIST_XATTR)
		status = copy_name(input, input_size, name);
	if (status != STATUS_SUCCESS)
		return status;
	rtl_lock(&node->volume->lock);
	if (code == FSCTL_LX_GET_XATTR)
		status = get_xattr(node, name, output, output_size, information);
	else if (code == FSCTL_LX_SET_XATTR)
		status = set_xattr(node, name, set);
	else if (code == FSCTL_LX_REMOVE_XATTR)
		status = remove_xattr(node, name);
	else
		status = list_xattrs(node, output, output_size, information);
	rtl_unlock(&node->volume->lock);
	return status;
}

/* --- the rest */

static NTSTATUS read_link(const struct tmpfs_node *node, void *output, ULONG output_size, ULONG_PTR *information)
{
	if (tmpfs_type(node) != FSRTL_S_IFLNK)
		return STATUS_NOT_A_REPARSE_POINT;
	return fsrtl_return_link(node->target, strlen(node->target), output, output_size, information);
}

static NTSTATUS record_lock(struct io_file *file, const void *input, void *output, ULONG output_size,
			    ULONG_PTR *information)
{
	struct tmpfs_node *node = tmpfs_node_of(file);
	FSCTL_LX_RECORD_LOCK_BUFFER buffer;
	FILE_LX_STATX_INFORMATION size = {0};
	NTSTATUS status;

	memcpy(&buffer, input, sizeof buffer);
	tmpfs_measure(node, &size);
	status = io_lock_record(&node->locks, file, (LONGLONG)size.Size, &buffer);
	if (status == STATUS_SUCCESS && output_size >= sizeof buffer)
		status = fsrtl_return(&buffer, sizeof buffer, output, output_size, information);
	return status;
}

static NTSTATUS seek(struct io_file *file, const void *input, void *output, ULONG output_size, ULONG_PTR *information)
{
	FSCTL_LX_SEEK_INPUT in;
	LONGLONG result;
	NTSTATUS status;

	memcpy(&in, input, sizeof in);
	status = tmpfs_seek(file, &in, &result);
	return status == STATUS_SUCCESS ? fsrtl_return(&result, sizeof result, output, output_size, information) :
					  status;
}

static NTSTATUS check_access(struct tmpfs_node *node, ULONG wanted)
{
	bool may;

	rtl_lock(&node->volume->lock);
	may = fsrtl_permitted(&node->attributes, wanted & 7);
	rtl_unlock(&node->volume->lock);
	return may ? STATUS_SUCCESS : STATUS_ACCESS_DENIED;
}

/* The least input of each control. */
static bool input_suffices(ULONG code, ULONG size)
{
	static const struct {
		ULONG code;
		size_t size;
	} least[] = {
		{FSCTL_LX_SEEK, sizeof(FSCTL_LX_SEEK_INPUT)},
		{FSCTL_LX_FALLOCATE, sizeof(FSCTL_LX_FALLOCATE_INPUT)},
		{FSCTL_LX_MAKE_NODE, sizeof(FSCTL_LX_MAKE_NODE_INPUT)},
		{FSCTL_LX_REMOVE_NAME, sizeof(FSCTL_LX_REMOVE_NAME_INPUT)},
		{FSCTL_LX_LINK_NAME, sizeof(FSCTL_LX_LINK_NAME_INPUT)},
		{FSCTL_LX_RECORD_LOCK, sizeof(FSCTL_LX_RECORD_LOCK_BUFFER)},
		{FSCTL_LX_FLOCK, sizeof(ULONG)},
		{FSCTL_LX_ACCESS, sizeof(ULONG)},
	};

	for (size_t i = 0; i < ARRAY_COUNT(least); i++)
		if (least[i].code == code)
			return size >= least[i].size;
	return true;
}

NTSTATUS tmpfs_fs_control(struct io_file *file, ULONG code, const void *input, ULONG input_size, void *output,
			  ULONG output_size, ULONG_PTR *information)
{
	struct tmpfs_node *node = tmpfs_node_of(file);

	*information = 0;
	if (!input_suffices(code, input_size))
		return STATUS_INVALID_PARAMETER;
	switch (code) {
	case FSCTL_LX_SEEK:
		return seek(file, input, output, output_size, information);
	case FSCTL_LX_FALLOCATE:
		return tmpfs_allocate(node, input);
	case FSCTL_LX_MAKE_NODE:
		return tmpfs_make_node(node, input);
	case FSCTL_LX_REMOVE_NAME:
		return tmpfs_remove_name(node, input);
	case FSCTL_LX_LINK_NAME:
		return tmpfs_link_name(node, input);
	case FSCTL_LX_GET_XATTR:
	case FSCTL_LX_SET_XATTR:
	case FSCTL_LX_LIST_XATTR:
	case FSCTL_LX_REMOVE_XATTR:
		return control_xattr(node, code, input, input_size, output, output_size, information);
	case FSCTL_LX_RECORD_LOCK:
		return record_lock(file, input, output, output_size, information);
	case FSCTL_LX_FLOCK:
		return io_lock_whole(&node->locks, file, *(const ULONG *)input);
	case FSCTL_LX_ACCESS:
		return check_access(node, *(const ULONG *)input);
	case FSCTL_GET_REPARSE_POINT:
		return read_link(node, output, output_size, information);
	case FSCTL_LX_FADVISE:
	case FSCTL_LX_SYNC_FS:
		return STATUS_SUCCESS;
	default:
		return STATUS_INVALID_DEVICE_REQUEST;
	}
}

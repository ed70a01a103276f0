/*
 * mount(2) and umount2(2): the table of mounts is fixed, so that nobody may change it. What is wrong with the arguments the
 * kernel says before it looks at who asks.
 */
#include <core/process.h>
#include <lx_syscalls.h>
#include <path/resolve.h>

#define UMOUNT_FLAGS 0xfu
#define UMOUNT_NOFOLLOW 0x8u

/* A name that may be missing. */
static int64_t check_string(struct lx_call *call, struct lx_uptr from)
{
	char text[LX_PAGE_SIZE];
	int64_t result = lx_is_null(from) ? 0 : lx_copy_in_string(call, text, from, sizeof(text));

	return result == -LX_ENAMETOOLONG ? -LX_EINVAL : MIN_OF(result, (int64_t)0);
}

/* What there is of a page of options. */
static int64_t check_data(struct lx_call *call, struct lx_uptr data)
{
	char byte;

	return lx_is_null(data) ? 0 : lx_copy_in(call, &byte, data, sizeof(byte));
}

static int64_t refuse_at(struct lx_call *call, struct lx_uptr target, uint32_t at_flags)
{
	char path[LX_PATH_MAX];
	HANDLE handle;
	bool owned;
	int64_t result = lx_copy_in_path(call, path, target, false);

	if (result >= 0)
		result = lx_path_object(call, LX_AT_FDCWD, path, at_flags, &handle, &owned);
	if (result < 0)
		return result;
	if (owned)
		ZwClose(handle);
	return -LX_EPERM;
}

int64_t lx_sys_mount(struct lx_call *call, struct lx_uptr source, struct lx_uptr target, struct lx_uptr filesystemtype,
		     uint64_t mountflags, struct lx_uptr data)
{
	int64_t result = check_string(call, filesystemtype);

	if (result == 0)
		result = check_string(call, source);
	if (result == 0)
		result = check_data(call, data);
	return result ? result : refuse_at(call, target, 0);
}

int64_t lx_sys_umount2(struct lx_call *call, struct lx_uptr target, uint32_t flags)
{
	if (flags & ~UMOUNT_FLAGS)
		return -LX_EINVAL;
	return refuse_at(call, target, flags & UMOUNT_NOFOLLOW ? LX_AT_SYMLINK_NOFOLLOW : 0);
}

/*
 * Calls on sockets. There is no address family yet, so a socket can only have
 * been inherited; it is a file of the host that can be read, written and polled.
 * What else is asked of it is refused, and of anything else it is ENOTSOCK as ever.
 */
#include <descriptor/files.h>
#include <lx_syscalls.h>

static int64_t refuse_on_socket(struct lx_call *call, int32_t fd)
{
	FILE_LX_STATX_INFORMATION information;
	IO_STATUS_BLOCK result;
	HANDLE handle;
	NTSTATUS status;
	int64_t error = lx_fd_handle(call, fd, false, &handle);

	if (error)
		return error;
	status = ZwQueryInformationFile(handle, &result, &information, sizeof(information), FileLxStatxInformation);
	if (!NT_SUCCESS(status))
		return lx_result(call, status);
	return (information.Mode & LX_S_IFMT) == LX_S_IFSOCK ? -LX_EOPNOTSUPP : -LX_ENOTSOCK;
}

int64_t lx_sys_connect(struct lx_call *call, int32_t sockfd, struct lx_uptr addr, int32_t addrlen)
{
	return refuse_on_socket(call, sockfd);
}

int64_t lx_sys_accept(struct lx_call *call, int32_t sockfd, struct lx_uptr addr, struct lx_uptr addrlen)
{
	return refuse_on_socket(call, sockfd);
}

int64_t lx_sys_sendto(struct lx_call *call, int32_t sockfd, struct lx_uptr buf, uint64_t len, uint32_t flags,
			struct lx_uptr dest_addr, int32_t addrlen)
{
	return refuse_on_socket(call, sockfd);
}

int64_t lx_sys_recvfrom(struct lx_call *call, int32_t sockfd, struct lx_uptr buf, uint64_t len, uint32_t flags,
			struct lx_uptr src_addr, struct lx_uptr addrlen)
{
	return refuse_on_socket(call, sockfd);
}

int64_t lx_sys_sendmsg(struct lx_call *call, int32_t sockfd, struct lx_uptr msg, uint32_t flags)
{
	return refuse_on_socket(call, sockfd);
}

int64_t lx_sys_recvmsg(struct lx_call *call, int32_t sockfd, struct lx_uptr msg, uint32_t flags)
{
	return refuse_on_socket(call, sockfd);
}

int64_t lx_sys_shutdown(struct lx_call *call, int32_t sockfd, int32_t how)
{
	return refuse_on_socket(call, sockfd);
}

int64_t lx_sys_bind(struct lx_call *call, int32_t sockfd, struct lx_uptr addr, int32_t addrlen)
{
	return refuse_on_socket(call, sockfd);
}

int64_t lx_sys_listen(struct lx_call *call, int32_t sockfd, int32_t backlog)
{
	return refuse_on_socket(call, sockfd);
}

int64_t lx_sys_getsockname(struct lx_call *call, int32_t sockfd, struct lx_uptr addr, struct lx_uptr addrlen)
{
	return refuse_on_socket(call, sockfd);
}

int64_t lx_sys_getpeername(struct lx_call *call, int32_t sockfd, struct lx_uptr addr, struct lx_uptr addrlen)
{
	return refuse_on_socket(call, sockfd);
}

int64_t lx_sys_setsockopt(struct lx_call *call, int32_t sockfd, int32_t level, int32_t optname,
			struct lx_uptr optval, int32_t optlen)
{
	return refuse_on_socket(call, sockfd);
}

int64_t lx_sys_getsockopt(struct lx_call *call, int32_t sockfd, int32_t level, int32_t optname,
			struct lx_uptr optval, struct lx_uptr optlen)
{
	return refuse_on_socket(call, sockfd);
}

int64_t lx_sys_accept4(struct lx_call *call, int32_t sockfd, struct lx_uptr addr, struct lx_uptr addrlen,
			uint32_t flags)
{
	struct lx_stream stream;
	int64_t result = lx_fd_stream(call, sockfd, 0, &stream);

	if (result == 0 && flags & ~(uint32_t)(LX_O_CLOEXEC | LX_O_NONBLOCK))
		result = -LX_EINVAL;
	return result < 0 ? result : refuse_on_socket(call, sockfd);
}

int64_t lx_sys_recvmmsg(struct lx_call *call, int32_t sockfd, struct lx_uptr msgvec, uint32_t vlen,
			uint32_t flags, struct lx_uptr timeout)
{
	return refuse_on_socket(call, sockfd);
}

int64_t lx_sys_sendmmsg(struct lx_call *call, int32_t sockfd, struct lx_uptr msgvec, uint32_t vlen, uint32_t flags)
{
	return refuse_on_socket(call, sockfd);
}

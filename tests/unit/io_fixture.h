/* For the tests of the I/O manager and its drivers: the executive with no guests, hostfs over a scratch directory. */
#ifndef IO_FIXTURE_H
#define IO_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <drivers/afd/afd.h>
#include <drivers/condrv/condrv.h>
#include <drivers/hostfs/hostfs.h>
#include <errno.h>
#include <executive/ps/ps.h>
#include <fcntl.h>
#include <ftw.h>
#include <nt/ntservices.h>
#include <nt/ntstatus.h>
#include <nt/ntstatus_errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct pico_platform no_platform = {
    .size = sizeof(no_platform), .lowest_address = 0x200000, .highest_address = 0x7ffffffff000};
static char scratch[64];      /* host path of the test's directory */
static HANDLE scratch_handle; /* the same by hostfs */

#define assert_status(actual, expected) assert_int_equal((ULONG)(actual), (ULONG)(expected))
#define assert_errno(actual, error) assert_int_equal((ULONG)(actual), (ULONG)nt_status_from_errno(error))

static __attribute__((unused)) int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	return walk->level ? remove(path) : 0;
}

/* Empty the scratch directory; the directory itself, and the handle on it, stay. */
static __attribute__((unused)) int clear_scratch(void **state)
{
	return nftw(scratch, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* Host path of a name in the scratch directory. */
static __attribute__((unused)) const char *host_path(const char *name)
{
	static char path[4][512];
	static unsigned turn;
	char *result = path[turn++ % 4];

	snprintf(result, 512, "%s/%s", scratch, name);
	return result;
}

static __attribute__((unused)) void write_host_file(const char *name, const char *text)
{
	int fd = open(host_path(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

struct open_request {
	HANDLE root;
	const char *name;
	ACCESS_MASK access;
	ULONG disposition, options, attributes;
	const struct lx_open_packet *packet;
};

static __attribute__((unused)) NTSTATUS open_file(struct open_request request, HANDLE *handle)
{
	_Alignas(8) char ea[64] = {0};
	FILE_FULL_EA_INFORMATION *header = (void *)ea;
	STRING name = rtl_string(request.name);
	OBJECT_ATTRIBUTES attributes;
	IO_STATUS_BLOCK io;
	ULONG size = 0;

	if (request.packet) {
		header->EaNameLength = sizeof(LX_OPEN_PACKET_EA) - 1;
		header->EaValueLength = sizeof(*request.packet);
		memcpy(header->EaName, LX_OPEN_PACKET_EA, sizeof(LX_OPEN_PACKET_EA));
		memcpy(header->EaName + sizeof(LX_OPEN_PACKET_EA), request.packet, sizeof(*request.packet));
		size = (ULONG)(offsetof(FILE_FULL_EA_INFORMATION, EaName) + sizeof(LX_OPEN_PACKET_EA) +
			       sizeof(*request.packet));
	}
	InitializeObjectAttributes(&attributes, &name, request.attributes, request.root ? request.root : scratch_handle,
				   NULL);
	return NtCreateFile(handle, request.access ? request.access : FILE_GENERIC_READ, &attributes, &io, NULL, 0, 0,
			    request.disposition ? request.disposition : FILE_OPEN, request.options, size ? ea : NULL,
			    size);
}

static __attribute__((unused)) HANDLE must_open(const char *name, ACCESS_MASK access, ULONG disposition)
{
	HANDLE handle;

	assert_status(
	    open_file((struct open_request){.name = name, .access = access, .disposition = disposition}, &handle),
	    STATUS_SUCCESS);
	return handle;
}

/* Bytes read at the position, or -1 with *status. */
static __attribute__((unused)) long read_text(HANDLE handle, char *text, size_t size, NTSTATUS *status)
{
	struct io_buffer buffer;
	IO_STATUS_BLOCK io;

	io_buffer_from_kernel(&buffer, text, size);
	*status = NtReadFile(handle, NULL, NULL, NULL, &io, &buffer, (ULONG)size, NULL, NULL);
	return *status == STATUS_SUCCESS ? (long)io.Information : -1;
}

static __attribute__((unused)) NTSTATUS write_text(HANDLE handle, const char *text, const LARGE_INTEGER *offset)
{
	struct io_buffer buffer;
	IO_STATUS_BLOCK io;
	LARGE_INTEGER copy = offset ? *offset : (LARGE_INTEGER){0};
	NTSTATUS status;

	io_buffer_from_kernel(&buffer, (void *)(uintptr_t)text, strlen(text));
	status = NtWriteFile(handle, NULL, NULL, NULL, &io, &buffer, (ULONG)strlen(text), offset ? &copy : NULL, NULL);
	if (status == STATUS_SUCCESS)
		assert_int_equal(io.Information, strlen(text));
	return status;
}

static __attribute__((unused)) NTSTATUS control(HANDLE handle, ULONG code, const void *in, size_t in_size, void *out,
						size_t out_size)
{
	IO_STATUS_BLOCK io;

	return NtFsControlFile(handle, NULL, NULL, NULL, &io, code, (PVOID)(uintptr_t)in, (ULONG)in_size, out,
			       (ULONG)out_size);
}

static __attribute__((unused)) int start_executive(void **state)
{
	STRING name;
	OBJECT_ATTRIBUTES attributes;
	IO_STATUS_BLOCK io;
	char full[128];

	assert_status(executive_initialize(&no_platform), STATUS_SUCCESS);
	assert_status(hostfs_initialize(), STATUS_SUCCESS);
	assert_status(condrv_initialize(), STATUS_SUCCESS);
	assert_status(afd_initialize(), STATUS_SUCCESS);
	strcpy(scratch, "/tmp/lxrun-test-XXXXXX");
	assert_non_null(mkdtemp(scratch));
	snprintf(full, sizeof(full), "\\Device\\HostFs\\%s", scratch + 1);
	name = rtl_string(full);
	InitializeObjectAttributes(&attributes, &name, 0, NULL, NULL);
	assert_status(
	    NtOpenFile(&scratch_handle, FILE_GENERIC_READ | FILE_TRAVERSE, &attributes, &io, 0, FILE_DIRECTORY_FILE),
	    STATUS_SUCCESS);
	return 0;
}

static __attribute__((unused)) int stop_executive(void **state)
{
	NtClose(scratch_handle);
	clear_scratch(state);
	return rmdir(scratch);
}

#endif

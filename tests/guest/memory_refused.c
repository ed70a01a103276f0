/*
 * What changes to mappings refuse: mapping, protecting, moving, flushing, advising, locking, policies, and reading and
 * writing the memory of others.
 */
#include "observe.h"

#include <linux/membarrier.h>
#include <linux/mempolicy.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define PAGE 4096ul
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif
#ifndef SYS_set_mempolicy_home_node
#define SYS_set_mempolicy_home_node 450
#endif

/* Three pages, of which the middle one is not there. */
static char *with_hole(void)
{
	char *area = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	munmap(area + PAGE, PAGE);
	return area;
}

static char *pages(size_t count, int flags)
{
	return mmap(NULL, count * PAGE, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
}

static void mapping(void)
{
	char *area = pages(2, MAP_PRIVATE);
	int file = open("file", O_RDONLY), writer = open("file", O_WRONLY);

	section("mmap, munmap, mprotect, brk");
	CALL_SUCCESS(mmap, NULL, PAGE, PROT_READ, MAP_PRIVATE, file, 0);
	CALL_SUCCESS(mmap, NULL, PAGE, PROT_READ, MAP_PRIVATE, writer, 0);
	CALL_SUCCESS(mmap, NULL, PAGE, PROT_READ, MAP_PRIVATE, 99, 0);
	CALL_SUCCESS(mmap, NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CALL_SUCCESS(mmap, area, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	CALL_SUCCESS(mmap, NULL, 1ul << 47, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CALL_SUCCESS(mmap, NULL, PAGE, PROT_READ, MAP_PRIVATE, file, INT64_MAX & -PAGE);
	CALL_SUCCESS(mmap, NULL, PAGE, PROT_READ, MAP_PRIVATE, open(".", O_RDONLY), 0);
	CALL(mprotect, area, PAGE, PROT_READ);
	CALL(mprotect, area + 1, PAGE, PROT_READ);
	CALL(mprotect, area, PAGE, 1 << 20);
	CALL(mprotect, area, PAGE, PROT_GROWSDOWN | PROT_GROWSUP);
	CALL(mprotect, with_hole(), 3 * PAGE, PROT_READ);
	CALL(mprotect, mmap(NULL, PAGE, PROT_READ, MAP_SHARED, file, 0), PAGE, PROT_WRITE);
	CALL(munmap, area + 1, PAGE);
	CALL(munmap, area, 0);
	CALL(munmap, area, 2 * PAGE);
	CALL(munmap, area, 2 * PAGE);
	CALL_SUCCESS(brk, 0);
	OBSERVE(syscall(SYS_brk, 8) == syscall(SYS_brk, 0));
	close(file);
	close(writer);
}

static void moving(void)
{
	char *area = pages(4, MAP_PRIVATE), *hole = with_hole();

	section("mremap, remap_file_pages");
	CALL_SUCCESS(mremap, area, 4 * PAGE, 2 * PAGE, 0);
	CALL(mremap, area + 1, PAGE, PAGE, 0);
	CALL(mremap, area, PAGE, 0, 0);
	CALL(mremap, area, PAGE, PAGE, 1 << 10);
	CALL(mremap, area, PAGE, PAGE, MREMAP_FIXED, area);
	CALL(mremap, area, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, area + 1);
	CALL(mremap, area, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, area + PAGE);
	CALL(mremap, area, 0, PAGE, MREMAP_MAYMOVE);
	CALL(mremap, hole + PAGE, PAGE, 2 * PAGE, MREMAP_MAYMOVE);
	CALL(mremap, hole, 3 * PAGE, 4 * PAGE, MREMAP_MAYMOVE);
	CALL(mremap, hole, PAGE, 1ul << 47, MREMAP_MAYMOVE);
	CALL(mremap, pages(1, MAP_PRIVATE), PAGE, PAGE, MREMAP_DONTUNMAP);
	CALL(remap_file_pages, pages(2, MAP_SHARED), PAGE, 0, 1, 0);
	CALL(remap_file_pages, area, PAGE, 0, 1, 0);
	CALL(remap_file_pages, area, PAGE, PROT_READ, 1, 0);
	CALL(remap_file_pages, hole + PAGE, PAGE, 0, 0, 0);
}

static void asking(void)
{
	char *area = pages(3, MAP_PRIVATE), *hole = with_hole(), *shared;
	int file = open("file", O_RDWR);
	unsigned char present[8];

	section("msync, mincore");
	shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	CALL(msync, shared, PAGE, MS_SYNC);
	CALL(msync, shared + 1, PAGE, MS_SYNC);
	CALL(msync, shared, PAGE, MS_SYNC | MS_ASYNC);
	CALL(msync, shared, PAGE, 1 << 10);
	CALL(msync, hole, 3 * PAGE, MS_SYNC);
	CALL(mlock, shared, PAGE);
	CALL(msync, shared, PAGE, MS_SYNC | MS_INVALIDATE);
	CALL(munlock, shared, PAGE);
	CALL(msync, shared, PAGE, MS_SYNC | MS_INVALIDATE);
	CALL(mincore, area, 3 * PAGE, present);
	CALL(mincore, area + 1, PAGE, present);
	CALL(mincore, area, PAGE, (void *)8);
	CALL(mincore, hole, 3 * PAGE, present);
	CALL(mincore, (void *)-PAGE, PAGE, present);
	munmap(shared, PAGE);
	close(file);
}

static void advising(void)
{
	char *area = pages(2, MAP_PRIVATE), *hole = with_hole(), *none = pages(1, MAP_PRIVATE);

	section("madvise");
	mprotect(none, PAGE, PROT_NONE);
	CALL(madvise, area, PAGE, MADV_DONTNEED);
	CALL(madvise, area + 1, PAGE, MADV_DONTNEED);
	CALL(madvise, area, -PAGE, MADV_DONTNEED);
	CALL(madvise, area, PAGE, 9999);
	CALL(madvise, hole, 3 * PAGE, MADV_DONTNEED);
	CALL(madvise, area, PAGE, MADV_REMOVE);
	CALL(madvise, mmap(NULL, PAGE, PROT_READ, MAP_SHARED, open("file", O_RDONLY), 0), PAGE, MADV_REMOVE);
	CALL(madvise, (char *)mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, open("file", O_RDONLY), 0) + PAGE, PAGE,
	     MADV_POPULATE_READ);
	CALL(madvise, area, PAGE, MADV_WILLNEED);
	CALL(madvise, area, PAGE, MADV_POPULATE_WRITE);
	CALL(madvise, hole, 3 * PAGE, MADV_POPULATE_READ);
	CALL(madvise, none, PAGE, MADV_POPULATE_READ);
	CALL(madvise, pages(1, MAP_SHARED), PAGE, MADV_FREE);
	CALL(mlock, area, PAGE);
	CALL(madvise, area, PAGE, MADV_DONTNEED);
	CALL(munlock, area, PAGE);
}

static void locking(void)
{
	char *area = pages(2, MAP_PRIVATE), *hole = with_hole();

	section("locking");
	CALL(mlock, area, PAGE);
	CALL(mlock, hole, 3 * PAGE);
	CALL(mlock, area, -1);
	CALL(mlock, area, -2 * PAGE);
	CALL(mlock2, area, -2 * PAGE, 0);
	CALL(mlock2, area, PAGE, 1);
	CALL(mlock2, area, PAGE, 2);
	CALL(mlock2, hole, 3 * PAGE, 0);
	CALL(munlock, area, PAGE);
	CALL(munlock, hole, 3 * PAGE);
	CALL(munlock, area, -1);
	CALL(munlock, area, -2 * PAGE);
	CALL(mlockall, 0);
	CALL(mlockall, 8);
	CALL(mlockall, MCL_ONFAULT);
	CALL(mlockall, MCL_FUTURE | MCL_ONFAULT);
	CALL(munlockall);
}

/* Without CAP_IPC_LOCK the limits count. */
static void locking_limited(void)
{
	struct rlimit none = {0, 0}, few = {2 * PAGE, 2 * PAGE};
	char *area = pages(4, MAP_PRIVATE);

	section("limits on locked memory");
	setrlimit(RLIMIT_MEMLOCK, &few);
	CALL(mlock, area, 2 * PAGE);
	CALL(mlock, area, 3 * PAGE);
	CALL(mlock2, area, 3 * PAGE, 0);
	CALL(mremap, area, 2 * PAGE, 8 * PAGE, MREMAP_MAYMOVE);
	CALL_SUCCESS(mmap, NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0);
	CALL(mlockall, MCL_CURRENT);
	CALL(munlock, area, 2 * PAGE);
	setrlimit(RLIMIT_MEMLOCK, &none);
	CALL(mlock, area, PAGE);
	CALL(mlock2, area, PAGE, 0);
	CALL(mlockall, MCL_CURRENT);
	CALL_SUCCESS(mmap, NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0);
	CALL(munlockall);
}

static void policies(void)
{
	unsigned long nodes = 1, far = 1ul << 63;
	char *area = pages(2, MAP_PRIVATE), *hole = with_hole();
	int mode;

	section("policies");
	CALL(get_mempolicy, &mode, NULL, 0, NULL, 0);
	CALL(get_mempolicy, &mode, NULL, 0, area, MPOL_F_ADDR);
	CALL(get_mempolicy, (void *)8, NULL, 0, NULL, 0);
	CALL(get_mempolicy, &mode, NULL, 0, area, 0);
	CALL(get_mempolicy, &mode, NULL, 0, NULL, 1 << 10);
	CALL(get_mempolicy, &mode, &nodes, 0, NULL, 0);
	CALL(get_mempolicy, &mode, NULL, 0, hole + PAGE, MPOL_F_ADDR);
	CALL(set_mempolicy, MPOL_DEFAULT, NULL, 0);
	CALL(set_mempolicy, MPOL_BIND, &nodes, 64);
	CALL(set_mempolicy, MPOL_BIND, &far, 64);
	CALL(set_mempolicy, MPOL_BIND, (void *)8, 64);
	CALL(set_mempolicy, MPOL_BIND, NULL, 0);
	CALL(set_mempolicy, MPOL_DEFAULT, &nodes, 64);
	CALL(set_mempolicy, 99, &nodes, 64);
	CALL(set_mempolicy, MPOL_BIND, &nodes, 1ul << 40);
	CALL(set_mempolicy, MPOL_DEFAULT, NULL, 0);
	CALL(mbind, area, PAGE, MPOL_BIND, &nodes, 64, 0);
	CALL(mbind, area + 1, PAGE, MPOL_BIND, &nodes, 64, 0);
	CALL(mbind, area, PAGE, MPOL_BIND, (void *)8, 64, 0);
	CALL(mbind, area, PAGE, 99, &nodes, 64, 0);
	CALL(mbind, area, PAGE, MPOL_BIND, &far, 64, 0);
	CALL(mbind, area, PAGE, MPOL_BIND, &nodes, 64, 1 << 10);
	CALL(mbind, hole, 3 * PAGE, MPOL_BIND, &nodes, 64, 0);
	CALL(mbind, area, PAGE, MPOL_DEFAULT, NULL, 0, 0);
	CALL(mbind, area, PAGE, MPOL_BIND, &nodes, 64, 0);
	CALL(set_mempolicy_home_node, area, PAGE, 0, 0);
	CALL(set_mempolicy_home_node, area + 1, PAGE, 0, 0);
	CALL(set_mempolicy_home_node, area, PAGE, 9999, 0);
	CALL(set_mempolicy_home_node, area, PAGE, 0, 1);
	CALL(set_mempolicy_home_node, hole + PAGE, PAGE, 0, 0);
}

/* Of nobody's child it is root's, of a user the process itself. */
static pid_t parent;

static void others_memory(pid_t pid)
{
	static char there[16], here[16];
	struct iovec local = {here, 8}, remote = {there, 8}, bad = {(void *)8, 8};

	CALL(process_vm_readv, getpid(), &local, 1, &remote, 1, 0);
	CALL(process_vm_readv, pid, &local, 1, &remote, 1, 0);
	CALL(process_vm_readv, 0x7ffffff0, &local, 1, &remote, 1, 0);
	CALL(process_vm_readv, getpid(), &bad, 1, &remote, 1, 0);
	CALL(process_vm_readv, getpid(), &local, 1, &bad, 1, 0);
	CALL(process_vm_readv, getpid(), (void *)8, 1, &remote, 1, 0);
	CALL(process_vm_readv, getpid(), &local, 1, &remote, 1, 1);
	CALL(process_vm_readv, getpid(), &local, 1025, &remote, 1, 0);
	CALL(process_vm_writev, getpid(), &local, 1, &remote, 1, 0);
	CALL(process_vm_writev, pid, &local, 1, &remote, 1, 0);
	CALL(process_vm_writev, 0x7ffffff0, &local, 1, &remote, 1, 0);
	CALL(process_vm_writev, getpid(), &bad, 1, &remote, 1, 0);
	CALL(process_vm_writev, getpid(), &local, 1, &bad, 1, 0);
	CALL(process_vm_writev, getpid(), (void *)8, 1, &remote, 1, 0);
	CALL(process_vm_writev, getpid(), &local, 1, &remote, 1, 1);
	CALL(process_vm_writev, getpid(), &local, 1025, &remote, 1, 0);
}

static void as_user(void)
{
	unsigned long nodes = 1;

	locking_limited();
	section("others");
	others_memory(parent);
	CALL(mbind, pages(1, MAP_PRIVATE), PAGE, MPOL_BIND, &nodes, 64, MPOL_MF_MOVE_ALL);
	CALL(madvise, pages(1, MAP_PRIVATE), PAGE, MADV_HWPOISON);
}

static void barriers(void)
{
	section("membarrier");
	CALL_SUCCESS(membarrier, MEMBARRIER_CMD_QUERY, 0, 0);
	CALL(membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
	CALL(membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
	CALL(membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0);
	CALL(membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0);
	CALL(membarrier, 1 << 20, 0, 0);
	CALL(membarrier, MEMBARRIER_CMD_QUERY, 1, 0);
}

int main(void)
{
	make_file("file", "content");
	parent = getpid();
	mapping();
	moving();
	asking();
	advising();
	locking();
	policies();
	barriers();
	section("oneself");
	others_memory(getpid());
	as_nobody(as_user);
	return 0;
}

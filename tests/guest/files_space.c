/* File sizes and space, file systems, writing out and advice, the size limit. */
#include "observe.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <sys/vfs.h>

static void show_size(const char *path)
{
	struct stat status;

	if (stat(path, &status) < 0)
		printf("%s: %s\n", path, strerrorname_np(errno));
	else
		printf("%s: size %ld blocks %s\n", path, (long)status.st_size, status.st_blocks ? "some" : "none");
	fflush(stdout);
}

static void truncating(void)
{
	int fd = open("f", O_RDWR), reader = open("f", O_RDONLY), ends[2];

	section("truncate");
	OBSERVE(truncate("f", 4));
	show_file("f");
	OBSERVE(truncate("f", 6));
	show_size("f");
	OBSERVE(truncate("to_f", 3));
	show_size("f");
	OBSERVE(truncate("f", -1));
	OBSERVE(truncate("missing", 0));
	OBSERVE(truncate("missing", -1));
	OBSERVE(truncate("", 0));
	OBSERVE(truncate("d", 0));
	OBSERVE(truncate("f/", 0));
	OBSERVE(truncate("fifo", 0));
	OBSERVE(truncate("/dev/null", 0));
	OBSERVE(truncate((char *)8, 0));
	section("ftruncate");
	OBSERVE(ftruncate(fd, 10));
	OBSERVE(ftruncate(fd, 5));
	show_size("f");
	OBSERVE(ftruncate(fd, -1));
	OBSERVE(ftruncate(reader, 1));
	OBSERVE(ftruncate(-1, 1));
	OBSERVE(ftruncate(-1, -1));
	OBSERVE(ftruncate(fd, INT64_MAX));
	OBSERVE(pipe(ends));
	OBSERVE(ftruncate(ends[1], 0));
	close(ends[0]);
	close(ends[1]);
	close(fd);
	close(reader);
}

static void allocating(void)
{
	int fd = open("g", O_RDWR | O_CREAT, 0644), reader = open("g", O_RDONLY), ends[2],
	    directory = open("d", O_RDONLY);

	section("fallocate");
	OBSERVE(fallocate(fd, 0, 0, 8192));
	show_size("g");
	OBSERVE(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 65536));
	show_size("g");
	OBSERVE(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 65536));
	show_size("g");
	OBSERVE(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 4096));
	OBSERVE(fallocate(fd, 0x8000, 0, 4096));
	OBSERVE(fallocate(fd, 0, -1, 4096));
	OBSERVE(fallocate(fd, 0, 0, 0));
	OBSERVE(fallocate(fd, 0, INT64_MAX, 10));
	OBSERVE(fallocate(reader, 0, 0, 10));
	OBSERVE(fallocate(directory, 0, 0, 10));
	OBSERVE(fallocate(-1, 0, 0, 10));
	OBSERVE(posix_fallocate(fd, 0, 20000));
	show_size("g");
	OBSERVE(pipe(ends));
	OBSERVE(fallocate(ends[1], 0, 0, 10));
	close(ends[0]);
	close(ends[1]);
	close(fd);
	close(reader);
	close(directory);
}

static void limits(void)
{
	const struct rlimit small = {1000, RLIM_INFINITY}, none = {RLIM_INFINITY, RLIM_INFINITY};
	char data[2000] = {0};
	int fd = open("l", O_RDWR | O_CREAT | O_TRUNC, 0644);

	section("the size limit");
	signal(SIGXFSZ, SIG_IGN);
	OBSERVE(setrlimit(RLIMIT_FSIZE, &small));
	OBSERVE(write(fd, data, sizeof(data)));
	OBSERVE(write(fd, data, 1));
	OBSERVE(pwrite(fd, data, 10, 995));
	OBSERVE(ftruncate(fd, 1001));
	OBSERVE(ftruncate(fd, 1000));
	OBSERVE(truncate("l", 5000));
	OBSERVE(fallocate(fd, 0, 0, 2000));
	OBSERVE(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 900));
	show_size("l");
	OBSERVE(setrlimit(RLIMIT_FSIZE, &none));
	close(fd);
}

static void volumes(void)
{
	struct statfs status, other, *edge = at_page_end(sizeof(*edge));
	int fd = open("f", O_RDONLY), place = open("f", O_PATH), ends[2];

	section("statfs");
	OBSERVE(statfs("f", &status));
	OBSERVE(fstatfs(fd, &other));
	printf("same: %d type %lx block %ld names %ld\n", !memcmp(&status.f_fsid, &other.f_fsid, sizeof(status.f_fsid)),
	       (long)status.f_type, (long)status.f_bsize, (long)status.f_namelen);
	OBSERVE(fstatfs(place, edge));
	printf("blocks %lu files %lu flags %lx fragment %ld\n", (unsigned long)edge->f_blocks,
	       (unsigned long)edge->f_files, (long)edge->f_flags, (long)edge->f_frsize);
	OBSERVE(statfs("missing", &status));
	OBSERVE(statfs("", &status));
	OBSERVE(statfs("f", (struct statfs *)((char *)edge + 1)));
	OBSERVE(fstatfs(-1, &status));
	OBSERVE(pipe(ends));
	OBSERVE(fstatfs(ends[0], &status));
	printf("type %lx names %ld\n", (long)status.f_type, (long)status.f_namelen);
	OBSERVE(statfs("/dev", &status));
	printf("type %lx blocks %lu files %lu\n", (long)status.f_type, (unsigned long)status.f_blocks, (unsigned long)status.f_files);
	OBSERVE(statfs("/proc", &status));
	printf("type %lx names %ld\n", (long)status.f_type, (long)status.f_namelen);
	close(fd);
	close(place);
	close(ends[0]);
	close(ends[1]);
}

static void writing_out(void)
{
	int fd = open("f", O_RDWR), reader = open("f", O_RDONLY), place = open("f", O_PATH),
	    directory = open("d", O_RDONLY), ends[2];

	section("fsync and its relatives");
	OBSERVE(pipe(ends));
	OBSERVE(fsync(fd));
	OBSERVE(fsync(reader));
	OBSERVE(fsync(directory));
	OBSERVE(fsync(place));
	OBSERVE(fsync(ends[1]));
	OBSERVE(fsync(-1));
	OBSERVE(fdatasync(fd));
	OBSERVE(fdatasync(ends[0]));
	OBSERVE(fdatasync(-1));
	OBSERVE(syncfs(fd));
	OBSERVE(syncfs(place));
	OBSERVE(syncfs(ends[0]));
	OBSERVE(syncfs(-1));
	sync();
	OBSERVE(sync_file_range(fd, 0, 0, 7));
	OBSERVE(sync_file_range(fd, 0, 0, 8));
	OBSERVE(sync_file_range(fd, -1, 0, 0));
	OBSERVE(sync_file_range(fd, 0, -1, 0));
	OBSERVE(sync_file_range(ends[0], 0, 0, 0));
	OBSERVE(sync_file_range(-1, 0, 0, 0));
	section("advice");
	for (int advice = 0; advice < 7; advice++)
		OBSERVE(syscall(SYS_fadvise64, fd, 0, 0, advice));
	OBSERVE(syscall(SYS_fadvise64, fd, 0, -1, 0));
	OBSERVE(syscall(SYS_fadvise64, ends[0], 0, 0, 0));
	OBSERVE(syscall(SYS_fadvise64, place, 0, 0, 0));
	OBSERVE(syscall(SYS_fadvise64, -1, 0, 0, 0));
	OBSERVE(readahead(fd, 0, 100));
	OBSERVE(readahead(ends[0], 0, 100));
	OBSERVE(readahead(directory, 0, 100));
	OBSERVE(readahead(-1, 0, 100));
	close(fd);
	fd = open("f", O_WRONLY);
	OBSERVE(readahead(fd, 0, 100));
	close(fd);
	close(reader);
	close(place);
	close(directory);
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	make_file("f", "0123456789");
	mkdir("d", 0755);
	if (symlink("f", "to_f") < 0 || mkfifo("fifo", 0600) < 0)
		return 99;
	truncating();
	allocating();
	limits();
	volumes();
	writing_out();
	return 0;
}

/*
 * The bystander: checksums through pipes, forks and file mappings. What it
 * prints never depends on who attacks beside it.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROUNDS = 60, CHILDREN = 3, SIZE = 60000 };

static void require(int condition, const char *what)
{
	if (!condition) {
		perror(what);
		exit(1);
	}
}

static uint32_t checksum(const unsigned char *data, size_t size, uint32_t sum)
{
	for (size_t i = 0; i < size; i++)
		sum = (sum << 5 | sum >> 27) ^ data[i];
	return sum;
}

/* A child that sums what it reads until the end of file, and answers with the sum. */
static void answer(int from, int to)
{
	unsigned char data[4096];
	uint32_t sum = 1;
	ssize_t size;

	while ((size = read(from, data, sizeof(data))) > 0)
		sum = checksum(data, (size_t)size, sum);
	_exit(size == 0 && write(to, &sum, sizeof(sum)) == sizeof(sum) ? 0 : 1);
}

static uint32_t through_child(const unsigned char *data)
{
	int there[2], back[2], status;
	uint32_t sum = 0;
	pid_t child;

	require(pipe(there) == 0 && pipe(back) == 0, "pipe");
	child = fork();
	require(child >= 0, "fork");
	if (child == 0) {
		close(there[1]);
		answer(there[0], back[1]);
	}
	close(there[0]);
	close(back[1]);
	for (size_t done = 0; done < SIZE;) {
		ssize_t written = write(there[1], data + done, SIZE - done);

		require(written > 0, "write");
		done += (size_t)written;
	}
	close(there[1]);
	require(read(back[0], &sum, sizeof(sum)) == sizeof(sum), "read");
	close(back[0]);
	require(waitpid(child, &status, 0) == child && status == 0, "child");
	return sum;
}

static uint32_t through_mapping(const unsigned char *data)
{
	char name[] = "/tmp/innocent.XXXXXX";
	int file = mkstemp(name);
	void *mapping;
	uint32_t sum;

	require(file >= 0 && write(file, data, SIZE) == SIZE, name);
	mapping = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, file, 0);
	require(mapping != MAP_FAILED, "mmap");
	sum = checksum(mapping, SIZE, 1);
	munmap(mapping, SIZE);
	close(file);
	unlink(name);
	return sum;
}

int main(void)
{
	static unsigned char data[SIZE];
	uint32_t total = 0, seed = 12345;

	for (int round = 0; round < ROUNDS; round++) {
		for (size_t i = 0; i < SIZE; i++)
			data[i] = (unsigned char)((seed = seed * 1103515245 + 12345) >> 16);
		for (int child = 0; child < CHILDREN; child++)
			total = total * 31 + through_child(data);
		total ^= through_mapping(data);
	}
	printf("%08x\n", total);
	return 0;
}

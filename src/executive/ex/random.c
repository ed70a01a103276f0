/* Random bytes from the host's generator. */
#include <executive/ex/random.h>
#include <hal/host.h>

void ex_random(void *data, size_t size)
{
	char *next = data;

	while (size) {
		int64_t filled = hal_random(next, size, 0);

		if (filled > 0) {
			next += filled;
			size -= (size_t)filled;
		}
	}
}

/* What the machine is like. */
#include <hal/hal.h>

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

static void query_processors(struct hal_system *system)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	if (sched_getaffinity(0, sizeof(set), &set) < 0) {
		/* More processors than the set can say: count those that are online. */
		system->processors = (uint32_t)sysconf(_SC_NPROCESSORS_ONLN);
		system->processor_mask = system->processors >= 64 ? UINT64_MAX : (1ull << system->processors) - 1;
		return;
	}
	system->processors = (uint32_t)CPU_COUNT(&set);
	for (unsigned cpu = 0; cpu < 64; cpu++)
		if (CPU_ISSET(cpu, &set))
			system->processor_mask |= 1ull << cpu;
}

void hal_query_system(struct hal_system *system)
{
	long pages = sysconf(_SC_PHYS_PAGES);

	*system = (struct hal_system){
	    .page_size = (uint32_t)sysconf(_SC_PAGESIZE),
	    .physical_pages = pages < 0 ? 0 : (uint64_t)pages,
	    .boot_time_ns = hal_time(HAL_CLOCK_REALTIME) - hal_time(HAL_CLOCK_BOOTTIME),
	};
	query_processors(system);
}

static uint64_t auxiliary[128]; /* types and values in turn */

static void read_auxiliary(void)
{
	int descriptor = open("/proc/self/auxv", O_RDONLY | O_CLOEXEC);

	if (descriptor < 0)
		return;
	/* What a short read leaves is a type of 0, which ends the vector. */
	if (read(descriptor, auxiliary, sizeof(auxiliary) - 2 * sizeof(auxiliary[0])) < 0)
		auxiliary[0] = 0;
	close(descriptor);
}

uint64_t hal_auxiliary(uint64_t type)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, read_auxiliary);
	for (size_t i = 0; auxiliary[i]; i += 2)
		if (auxiliary[i] == type)
			return auxiliary[i + 1];
	return 0;
}

/* What the machine is like. */
#include <hal/hal.h>

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

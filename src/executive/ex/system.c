/* Time and the machine. */
#include <executive/ex/ex.h>

#include <hal/host.h>
#include <nt/ntservices.h>

static LONGLONG nt_time(uint64_t realtime_ns)
{
	return (LONGLONG)(realtime_ns / 100) + NT_UNIX_EPOCH;
}

NTSTATUS NtQuerySystemTime(PLARGE_INTEGER SystemTime)
{
	SystemTime->QuadPart = nt_time(hal_time(HAL_CLOCK_REALTIME));
	return STATUS_SUCCESS;
}

NTSTATUS NtQueryPerformanceCounter(PLARGE_INTEGER PerformanceCounter, PLARGE_INTEGER PerformanceFrequency)
{
	PerformanceCounter->QuadPart = (LONGLONG)hal_time(HAL_CLOCK_MONOTONIC);
	if (PerformanceFrequency)
		PerformanceFrequency->QuadPart = 1000000000;
	return STATUS_SUCCESS;
}

NTSTATUS NtQueryTimerResolution(PULONG MaximumTime, PULONG MinimumTime, PULONG CurrentTime)
{
	/* In 100 ns units, of which one is the shortest; the host's timers are finer. */
	*MaximumTime = *MinimumTime = *CurrentTime = 1;
	return STATUS_SUCCESS;
}

/* Each class: the bytes that it needs, and how it is filled. */
struct query {
	void *data;
	struct hal_system system;
};

static void query_basic(struct query *query)
{
	const struct hal_system *system = &query->system;

	*(SYSTEM_BASIC_INFORMATION *)query->data = (SYSTEM_BASIC_INFORMATION){
	    .TimerResolution = 1,
	    .PageSize = system->page_size,
	    .NumberOfPhysicalPages = (ULONG)MIN_OF(system->physical_pages, UINT32_MAX),
	    .LowestPhysicalPageNumber = 1,
	    .HighestPhysicalPageNumber = (ULONG)MIN_OF(system->physical_pages, UINT32_MAX),
	    /* Linux places mappings by the page. */
	    .AllocationGranularity = system->page_size,
	    .MinimumUserModeAddress = 0x10000,
	    .MaximumUserModeAddress = 0x7FFFFFFFEFFF,
	    .ActiveProcessorsAffinityMask = system->processor_mask,
	    .NumberOfProcessors = (CHAR)MIN_OF(system->processors, 127u),
	};
}

static void query_performance(struct query *query)
{
	SYSTEM_PERFORMANCE_INFORMATION *performance = query->data;
	struct hal_memory memory;

	hal_query_memory(&memory);

	/* The host counts in bytes, or in units of at most a page. */
	uint64_t units = memory.unit ? MAX_OF(query->system.page_size / memory.unit, 1u) : 1;

	*performance = (SYSTEM_PERFORMANCE_INFORMATION){
	    .AvailablePages = memory.free / units,
	    .TotalPages = memory.total / units,
	    .SharedPages = memory.shared / units,
	    .BufferPages = memory.buffers / units,
	    .TotalSwapPages = memory.swap_total / units,
	    .AvailableSwapPages = memory.swap_free / units,
	};
}

static void query_time_of_day(struct query *query)
{
	SYSTEM_TIMEOFDAY_INFORMATION *time = query->data;

	*time = (SYSTEM_TIMEOFDAY_INFORMATION){
	    .BootTime.QuadPart = nt_time(query->system.boot_time_ns),
	    .CurrentTime.QuadPart = nt_time(hal_time(HAL_CLOCK_REALTIME)),
	};
}

static const struct {
	SYSTEM_INFORMATION_CLASS class;
	ULONG size;
	void (*fill)(struct query *query);
} classes[] = {
    {SystemBasicInformation, sizeof(SYSTEM_BASIC_INFORMATION), query_basic},
    {SystemPerformanceInformation, sizeof(SYSTEM_PERFORMANCE_INFORMATION), query_performance},
    {SystemTimeOfDayInformation, sizeof(SYSTEM_TIMEOFDAY_INFORMATION), query_time_of_day},
};

NTSTATUS NtQuerySystemInformation(SYSTEM_INFORMATION_CLASS SystemInformationClass, PVOID SystemInformation,
				  ULONG SystemInformationLength, PULONG ReturnLength)
{
	for (size_t i = 0; i < ARRAY_COUNT(classes); i++) {
		if (classes[i].class != SystemInformationClass)
			continue;
		if (ReturnLength)
			*ReturnLength = classes[i].size;
		if (SystemInformationLength < classes[i].size)
			return STATUS_INFO_LENGTH_MISMATCH;

		struct query query = {.data = SystemInformation};

		hal_query_system(&query.system);
		classes[i].fill(&query);
		return STATUS_SUCCESS;
	}
	return STATUS_INVALID_INFO_CLASS;
}

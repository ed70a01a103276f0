/* Kernel and executive support: dispatcher objects, waits, APCs, time, completion ports. */
#ifndef NT_NTKE_H
#define NT_NTKE_H

#include <nt/ntdef.h>

#define MAXIMUM_WAIT_OBJECTS 64

#define EVENT_QUERY_STATE 0x1u
#define EVENT_MODIFY_STATE 0x2u
#define EVENT_ALL_ACCESS 0x1F0003u
#define MUTANT_QUERY_STATE 0x1u
#define MUTANT_ALL_ACCESS 0x1F0001u
#define SEMAPHORE_QUERY_STATE 0x1u
#define SEMAPHORE_MODIFY_STATE 0x2u
#define SEMAPHORE_ALL_ACCESS 0x1F0003u
#define TIMER_QUERY_STATE 0x1u
#define TIMER_MODIFY_STATE 0x2u
#define TIMER_ALL_ACCESS 0x1F0003u
#define IO_COMPLETION_QUERY_STATE 0x1u
#define IO_COMPLETION_MODIFY_STATE 0x2u
#define IO_COMPLETION_ALL_ACCESS 0x1F0003u

typedef void (*PKNORMAL_ROUTINE)(PVOID NormalContext, PVOID SystemArgument1, PVOID SystemArgument2);
typedef PKNORMAL_ROUTINE PPS_APC_ROUTINE;
typedef void (*PTIMER_APC_ROUTINE)(PVOID TimerContext, ULONG TimerLowValue, LONG TimerHighValue);

typedef enum _EVENT_INFORMATION_CLASS { EventBasicInformation } EVENT_INFORMATION_CLASS;
typedef struct _EVENT_BASIC_INFORMATION {
	EVENT_TYPE EventType;
	LONG EventState;
} EVENT_BASIC_INFORMATION, *PEVENT_BASIC_INFORMATION;

typedef enum _MUTANT_INFORMATION_CLASS { MutantBasicInformation } MUTANT_INFORMATION_CLASS;
typedef struct _MUTANT_BASIC_INFORMATION {
	LONG CurrentCount;
	BOOLEAN OwnedByCaller;
	BOOLEAN AbandonedState;
} MUTANT_BASIC_INFORMATION, *PMUTANT_BASIC_INFORMATION;

typedef enum _SEMAPHORE_INFORMATION_CLASS { SemaphoreBasicInformation } SEMAPHORE_INFORMATION_CLASS;
typedef struct _SEMAPHORE_BASIC_INFORMATION {
	LONG CurrentCount;
	LONG MaximumCount;
} SEMAPHORE_BASIC_INFORMATION, *PSEMAPHORE_BASIC_INFORMATION;

typedef enum _TIMER_INFORMATION_CLASS { TimerBasicInformation } TIMER_INFORMATION_CLASS;
typedef struct _TIMER_BASIC_INFORMATION {
	LARGE_INTEGER RemainingTime;
	BOOLEAN TimerState;
} TIMER_BASIC_INFORMATION, *PTIMER_BASIC_INFORMATION;

typedef enum _SYSTEM_INFORMATION_CLASS {
	SystemBasicInformation = 0,
	SystemPerformanceInformation = 2,
	SystemTimeOfDayInformation = 3,
} SYSTEM_INFORMATION_CLASS;

typedef struct _SYSTEM_BASIC_INFORMATION {
	ULONG Reserved;
	ULONG TimerResolution;
	ULONG PageSize;
	ULONG NumberOfPhysicalPages;
	ULONG LowestPhysicalPageNumber;
	ULONG HighestPhysicalPageNumber;
	ULONG AllocationGranularity;
	ULONG_PTR MinimumUserModeAddress;
	ULONG_PTR MaximumUserModeAddress;
	ULONG_PTR ActiveProcessorsAffinityMask;
	CHAR NumberOfProcessors;
} SYSTEM_BASIC_INFORMATION, *PSYSTEM_BASIC_INFORMATION;

/* Those members of NT's structure that have a meaning here, widened to 64 bits, and what Linux counts beside them. In pages. */
typedef struct _SYSTEM_PERFORMANCE_INFORMATION {
	ULONGLONG AvailablePages;
	ULONGLONG TotalPages;
	ULONGLONG SharedPages;
	ULONGLONG BufferPages;
	ULONGLONG TotalSwapPages;
	ULONGLONG AvailableSwapPages;
} SYSTEM_PERFORMANCE_INFORMATION, *PSYSTEM_PERFORMANCE_INFORMATION;

typedef struct _SYSTEM_TIMEOFDAY_INFORMATION {
	LARGE_INTEGER BootTime;
	LARGE_INTEGER CurrentTime;
	LARGE_INTEGER TimeZoneBias;
	ULONG TimeZoneId;
	ULONG Reserved;
} SYSTEM_TIMEOFDAY_INFORMATION, *PSYSTEM_TIMEOFDAY_INFORMATION;

/* 100 ns units since 1601-01-01; the Unix epoch in them. */
#define NT_UNIX_EPOCH 116444736000000000LL

#endif

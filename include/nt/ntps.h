/* Process manager: access rights, information classes, jobs, and the routines that a pico provider calls. */
#ifndef NT_NTPS_H
#define NT_NTPS_H

#include <nt/ntdef.h>

#define PROCESS_TERMINATE 0x1u
#define PROCESS_CREATE_THREAD 0x2u
#define PROCESS_VM_OPERATION 0x8u
#define PROCESS_VM_READ 0x10u
#define PROCESS_VM_WRITE 0x20u
#define PROCESS_DUP_HANDLE 0x40u
#define PROCESS_CREATE_PROCESS 0x80u
#define PROCESS_SET_QUOTA 0x100u
#define PROCESS_SET_INFORMATION 0x200u
#define PROCESS_QUERY_INFORMATION 0x400u
#define PROCESS_SUSPEND_RESUME 0x800u
#define PROCESS_QUERY_LIMITED_INFORMATION 0x1000u
#define PROCESS_ALL_ACCESS 0x1FFFFFu
#define THREAD_TERMINATE 0x1u
#define THREAD_SUSPEND_RESUME 0x2u
#define THREAD_ALERT 0x4u
#define THREAD_GET_CONTEXT 0x8u
#define THREAD_SET_CONTEXT 0x10u
#define THREAD_SET_INFORMATION 0x20u
#define THREAD_QUERY_INFORMATION 0x40u
#define THREAD_ALL_ACCESS 0x1FFFFFu
#define JOB_OBJECT_ASSIGN_PROCESS 0x1u
#define JOB_OBJECT_SET_ATTRIBUTES 0x2u
#define JOB_OBJECT_QUERY 0x4u
#define JOB_OBJECT_TERMINATE 0x8u
#define JOB_OBJECT_ALL_ACCESS 0x1F001Fu

typedef LONG KPRIORITY;

typedef enum _PROCESSINFOCLASS {
	ProcessBasicInformation = 0,
	ProcessIoCounters = 2,
	ProcessVmCounters = 3,
	ProcessTimes = 4,
	ProcessBasePriority = 5,
	ProcessHandleCount = 20,
	ProcessAffinityMask = 21,
	ProcessImageFileName = 27,
	ProcessSubsystemInformation = 75,
} PROCESSINFOCLASS;

typedef enum _THREADINFOCLASS {
	ThreadBasicInformation = 0,
	ThreadTimes = 1,
	ThreadPriority = 2,
	ThreadBasePriority = 3,
	ThreadAffinityMask = 4,
	ThreadNameInformation = 38,
	ThreadSubsystemInformation = 45,
} THREADINFOCLASS;

typedef enum _SUBSYSTEM_INFORMATION_TYPE { SubsystemInformationTypeWin32 = 0, SubsystemInformationTypeWSL = 1 } SUBSYSTEM_INFORMATION_TYPE;

typedef struct _PROCESS_BASIC_INFORMATION {
	NTSTATUS ExitStatus;
	PVOID PebBaseAddress;
	ULONG_PTR AffinityMask;
	KPRIORITY BasePriority;
	ULONG_PTR UniqueProcessId;
	ULONG_PTR InheritedFromUniqueProcessId;
} PROCESS_BASIC_INFORMATION, *PPROCESS_BASIC_INFORMATION;

typedef struct _THREAD_BASIC_INFORMATION {
	NTSTATUS ExitStatus;
	PVOID TebBaseAddress;
	CLIENT_ID ClientId;
	ULONG_PTR AffinityMask;
	KPRIORITY Priority;
	KPRIORITY BasePriority;
} THREAD_BASIC_INFORMATION, *PTHREAD_BASIC_INFORMATION;

/* ThreadNameInformation. */
typedef struct _THREAD_NAME_INFORMATION {
	STRING ThreadName;
} THREAD_NAME_INFORMATION, *PTHREAD_NAME_INFORMATION;

/* ProcessTimes, ThreadTimes: 100 ns units. */
typedef struct _KERNEL_USER_TIMES {
	LARGE_INTEGER CreateTime;
	LARGE_INTEGER ExitTime;
	LARGE_INTEGER KernelTime;
	LARGE_INTEGER UserTime;
} KERNEL_USER_TIMES, *PKERNEL_USER_TIMES;

typedef struct _VM_COUNTERS {
	SIZE_T PeakVirtualSize;
	SIZE_T VirtualSize;
	ULONG PageFaultCount;
	SIZE_T PeakWorkingSetSize;
	SIZE_T WorkingSetSize;
	SIZE_T QuotaPeakPagedPoolUsage;
	SIZE_T QuotaPagedPoolUsage;
	SIZE_T QuotaPeakNonPagedPoolUsage;
	SIZE_T QuotaNonPagedPoolUsage;
	SIZE_T PagefileUsage;
	SIZE_T PeakPagefileUsage;
} VM_COUNTERS, *PVM_COUNTERS;

typedef enum _JOBOBJECTINFOCLASS {
	JobObjectBasicAccountingInformation = 1,
	JobObjectBasicProcessIdList = 3,
	JobObjectExtendedLimitInformation = 9,
} JOBOBJECTINFOCLASS;

#define JOB_OBJECT_LIMIT_ACTIVE_PROCESS 0x8u
#define JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE 0x2000u

typedef struct _JOBOBJECT_BASIC_PROCESS_ID_LIST {
	ULONG NumberOfAssignedProcesses;
	ULONG NumberOfProcessIdsInList;
	ULONG_PTR ProcessIdList[1];
} JOBOBJECT_BASIC_PROCESS_ID_LIST, *PJOBOBJECT_BASIC_PROCESS_ID_LIST;

typedef struct _JOBOBJECT_BASIC_LIMIT_INFORMATION {
	LARGE_INTEGER PerProcessUserTimeLimit;
	LARGE_INTEGER PerJobUserTimeLimit;
	ULONG LimitFlags;
	SIZE_T MinimumWorkingSetSize;
	SIZE_T MaximumWorkingSetSize;
	ULONG ActiveProcessLimit;
	ULONG_PTR Affinity;
	ULONG PriorityClass;
	ULONG SchedulingClass;
} JOBOBJECT_BASIC_LIMIT_INFORMATION;

typedef struct _IO_COUNTERS {
	ULONGLONG ReadOperationCount;
	ULONGLONG WriteOperationCount;
	ULONGLONG OtherOperationCount;
	ULONGLONG ReadTransferCount;
	ULONGLONG WriteTransferCount;
	ULONGLONG OtherTransferCount;
} IO_COUNTERS;

typedef struct _JOBOBJECT_EXTENDED_LIMIT_INFORMATION {
	JOBOBJECT_BASIC_LIMIT_INFORMATION BasicLimitInformation;
	IO_COUNTERS IoInfo;
	SIZE_T ProcessMemoryLimit;
	SIZE_T JobMemoryLimit;
	SIZE_T PeakProcessMemoryUsed;
	SIZE_T PeakJobMemoryUsed;
} JOBOBJECT_EXTENDED_LIMIT_INFORMATION;

typedef struct _JOBOBJECT_BASIC_ACCOUNTING_INFORMATION {
	LARGE_INTEGER TotalUserTime;
	LARGE_INTEGER TotalKernelTime;
	LARGE_INTEGER ThisPeriodTotalUserTime;
	LARGE_INTEGER ThisPeriodTotalKernelTime;
	ULONG TotalPageFaultCount;
	ULONG TotalProcesses;
	ULONG ActiveProcesses;
	ULONG TotalTerminatedProcesses;
} JOBOBJECT_BASIC_ACCOUNTING_INFORMATION;

#endif

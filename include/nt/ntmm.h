/* Memory manager: allocation types, page protection, sections. */
#ifndef NT_NTMM_H
#define NT_NTMM_H

#include <nt/ntdef.h>

#define PAGE_NOACCESS 0x01u
#define PAGE_READONLY 0x02u
#define PAGE_READWRITE 0x04u
#define PAGE_WRITECOPY 0x08u
#define PAGE_EXECUTE 0x10u
#define PAGE_EXECUTE_READ 0x20u
#define PAGE_EXECUTE_READWRITE 0x40u
#define PAGE_EXECUTE_WRITECOPY 0x80u
#define PAGE_GUARD 0x100u

#define MEM_COMMIT 0x1000u
#define MEM_RESERVE 0x2000u
#define MEM_DECOMMIT 0x4000u
#define MEM_RELEASE 0x8000u
#define MEM_FREE 0x10000u
#define MEM_PRIVATE 0x20000u
#define MEM_MAPPED 0x40000u
#define MEM_RESET 0x80000u
#define MEM_TOP_DOWN 0x100000u
#define MEM_RESET_UNDO 0x1000000u

/*
 * Allocation types of lxrun's own, below the published range: what mmap(2) says and NT has no word for. A base address
 * means exactly there, as ever, unless MEM_LX_HINT or MEM_LX_REPLACE is given.
 */
#define MEM_LX_HINT 0x1u       /* there if that is free, else anywhere */
#define MEM_LX_REPLACE 0x2u    /* there, in place of what is mapped */
#define MEM_LX_LOW 0x4u        /* MAP_32BIT */
#define MEM_LX_GROWSDOWN 0x8u
#define MEM_LX_STACK 0x10u
#define MEM_LX_NORESERVE 0x20u
#define MEM_LX_POPULATE 0x40u
#define MEM_LX_LOCKED 0x80u
#define MEM_LX_DROPPABLE 0x100u
#define MEM_LX_ALL 0x1FFu

#define SEC_FILE 0x800000u
#define SEC_IMAGE 0x1000000u
#define SEC_RESERVE 0x4000000u
#define SEC_COMMIT 0x8000000u
/* lxrun: views may reach beyond the end of the file, as those of mmap(2) may; NT refuses that. */
#define SEC_LX_BEYOND_END 0x10000u
/* lxrun: of memory, to be viewed once, so that nothing but the view need hold it. */
#define SEC_LX_ONE_VIEW 0x20000u

#define SECTION_QUERY 0x1u
#define SECTION_MAP_WRITE 0x2u
#define SECTION_MAP_READ 0x4u
#define SECTION_MAP_EXECUTE 0x8u
#define SECTION_EXTEND_SIZE 0x10u
#define SECTION_ALL_ACCESS 0xF001Fu

typedef enum _SECTION_INHERIT { ViewShare = 1, ViewUnmap = 2 } SECTION_INHERIT;

typedef enum _SECTION_INFORMATION_CLASS { SectionBasicInformation } SECTION_INFORMATION_CLASS;
typedef struct _SECTION_BASIC_INFORMATION {
	PVOID BaseAddress;
	ULONG AllocationAttributes;
	LARGE_INTEGER MaximumSize;
} SECTION_BASIC_INFORMATION, *PSECTION_BASIC_INFORMATION;

typedef enum _MEMORY_INFORMATION_CLASS {
	MemoryBasicInformation = 0,
	MemoryWorkingSetExInformation = 4,
} MEMORY_INFORMATION_CLASS;

typedef struct _MEMORY_BASIC_INFORMATION {
	PVOID BaseAddress;
	PVOID AllocationBase;
	ULONG AllocationProtect;
	SIZE_T RegionSize;
	ULONG State;
	ULONG Protect;
	ULONG Type;
} MEMORY_BASIC_INFORMATION, *PMEMORY_BASIC_INFORMATION;

typedef enum _VIRTUAL_MEMORY_INFORMATION_CLASS { VmPrefetchInformation } VIRTUAL_MEMORY_INFORMATION_CLASS;
/* MemoryWorkingSetExInformation: one a page, VirtualAddress is input; attribute bit 0: resident, bit 15: shared. */
typedef struct _MEMORY_WORKING_SET_EX_INFORMATION {
	PVOID VirtualAddress;
	ULONG_PTR VirtualAttributes;
} MEMORY_WORKING_SET_EX_INFORMATION, *PMEMORY_WORKING_SET_EX_INFORMATION;

typedef struct _MEMORY_RANGE_ENTRY {
	PVOID VirtualAddress;
	SIZE_T NumberOfBytes;
} MEMORY_RANGE_ENTRY, *PMEMORY_RANGE_ENTRY;

#define MAP_PROCESS 1u
#define MAP_SYSTEM 2u

#endif

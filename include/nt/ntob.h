/* Object manager: information classes and access rights of its own types. */
#ifndef NT_NTOB_H
#define NT_NTOB_H

#include <nt/ntdef.h>

#define DUPLICATE_CLOSE_SOURCE 0x1u
#define DUPLICATE_SAME_ACCESS 0x2u
#define DUPLICATE_SAME_ATTRIBUTES 0x4u

#define DIRECTORY_QUERY 0x1u
#define DIRECTORY_TRAVERSE 0x2u
#define DIRECTORY_CREATE_OBJECT 0x4u
#define DIRECTORY_CREATE_SUBDIRECTORY 0x8u
#define DIRECTORY_ALL_ACCESS 0xF000Fu
#define SYMBOLIC_LINK_QUERY 0x1u
#define SYMBOLIC_LINK_ALL_ACCESS 0xF0001u

typedef enum _OBJECT_INFORMATION_CLASS {
	ObjectBasicInformation = 0,
	ObjectNameInformation = 1,
	ObjectTypeInformation = 2,
	ObjectTypesInformation = 3,
	ObjectHandleFlagInformation = 4,
} OBJECT_INFORMATION_CLASS;

typedef struct _OBJECT_BASIC_INFORMATION {
	ULONG Attributes;
	ACCESS_MASK GrantedAccess;
	ULONG HandleCount;
	ULONG PointerCount;
	ULONG PagedPoolCharge;
	ULONG NonPagedPoolCharge;
	ULONG Reserved[3];
	ULONG NameInfoSize;
	ULONG TypeInfoSize;
	ULONG SecurityDescriptorSize;
	LARGE_INTEGER CreationTime;
} OBJECT_BASIC_INFORMATION, *POBJECT_BASIC_INFORMATION;

/* The name's bytes follow the structure. */
typedef struct _OBJECT_NAME_INFORMATION {
	STRING Name;
} OBJECT_NAME_INFORMATION, *POBJECT_NAME_INFORMATION;

typedef struct _OBJECT_TYPE_INFORMATION {
	STRING TypeName;
	ULONG TotalNumberOfObjects;
	ULONG TotalNumberOfHandles;
	GENERIC_MAPPING GenericMapping;
	ULONG ValidAccessMask;
	UCHAR TypeIndex;
} OBJECT_TYPE_INFORMATION, *POBJECT_TYPE_INFORMATION;

typedef struct _OBJECT_HANDLE_FLAG_INFORMATION {
	BOOLEAN Inherit;
	BOOLEAN ProtectFromClose;
} OBJECT_HANDLE_FLAG_INFORMATION, *POBJECT_HANDLE_FLAG_INFORMATION;

/* NtQueryDirectoryObject: an array of these, ended by one with empty names; the bytes follow. */
typedef struct _OBJECT_DIRECTORY_INFORMATION {
	STRING Name;
	STRING TypeName;
} OBJECT_DIRECTORY_INFORMATION, *POBJECT_DIRECTORY_INFORMATION;

#endif

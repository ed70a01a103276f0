/* Security reference monitor: tokens enough for identities and access checks. */
#ifndef NT_NTSE_H
#define NT_NTSE_H

#include <nt/ntdef.h>

#define TOKEN_ASSIGN_PRIMARY 0x1u
#define TOKEN_DUPLICATE 0x2u
#define TOKEN_IMPERSONATE 0x4u
#define TOKEN_QUERY 0x8u
#define TOKEN_QUERY_SOURCE 0x10u
#define TOKEN_ADJUST_PRIVILEGES 0x20u
#define TOKEN_ADJUST_GROUPS 0x40u
#define TOKEN_ADJUST_DEFAULT 0x80u
#define TOKEN_ADJUST_SESSIONID 0x100u
#define TOKEN_ALL_ACCESS 0xF01FFu

typedef PVOID PSID;
typedef PVOID PSECURITY_DESCRIPTOR;
typedef enum _TOKEN_TYPE { TokenPrimary = 1, TokenImpersonation } TOKEN_TYPE, *PTOKEN_TYPE;

typedef enum _TOKEN_INFORMATION_CLASS {
	TokenUser = 1,
	TokenGroups,
	TokenPrivileges,
	TokenOwner,
	TokenPrimaryGroup,
	TokenDefaultDacl,
	TokenSource,
	TokenType,
	TokenImpersonationLevel,
	TokenStatistics,
} TOKEN_INFORMATION_CLASS;

typedef struct _LUID {
	ULONG LowPart;
	LONG HighPart;
} LUID, *PLUID;

typedef struct _LUID_AND_ATTRIBUTES {
	LUID Luid;
	ULONG Attributes;
} LUID_AND_ATTRIBUTES;

#define SE_PRIVILEGE_ENABLED_BY_DEFAULT 0x1u
#define SE_PRIVILEGE_ENABLED 0x2u

typedef struct _TOKEN_PRIVILEGES {
	ULONG PrivilegeCount;
	LUID_AND_ATTRIBUTES Privileges[];
} TOKEN_PRIVILEGES, *PTOKEN_PRIVILEGES;

#endif

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

/* A security identifier. Users are S-1-22-1-uid and groups S-1-22-2-gid, as Samba writes Unix ids. */
typedef struct _SID {
	UCHAR Revision;
	UCHAR SubAuthorityCount;
	UCHAR IdentifierAuthority[6];
	ULONG SubAuthority[];
} SID;

typedef struct _SID_AND_ATTRIBUTES {
	PSID Sid;
	ULONG Attributes;
} SID_AND_ATTRIBUTES, *PSID_AND_ATTRIBUTES;

#define SE_GROUP_MANDATORY 0x1u
#define SE_GROUP_ENABLED_BY_DEFAULT 0x2u
#define SE_GROUP_ENABLED 0x4u

/* NtQueryInformationToken: what pointers point to follows the structure. */
typedef struct _TOKEN_USER {
	SID_AND_ATTRIBUTES User;
} TOKEN_USER, *PTOKEN_USER;

typedef struct _TOKEN_GROUPS {
	ULONG GroupCount;
	SID_AND_ATTRIBUTES Groups[];
} TOKEN_GROUPS, *PTOKEN_GROUPS;

typedef struct _TOKEN_OWNER {
	PSID Owner;
} TOKEN_OWNER, *PTOKEN_OWNER;

typedef struct _TOKEN_PRIMARY_GROUP {
	PSID PrimaryGroup;
} TOKEN_PRIMARY_GROUP, *PTOKEN_PRIMARY_GROUP;

typedef struct _TOKEN_SOURCE {
	CHAR SourceName[8];
	LUID SourceIdentifier;
} TOKEN_SOURCE, *PTOKEN_SOURCE;

typedef enum _SECURITY_IMPERSONATION_LEVEL {
	SecurityAnonymous,
	SecurityIdentification,
	SecurityImpersonation,
	SecurityDelegation,
} SECURITY_IMPERSONATION_LEVEL;

typedef struct _TOKEN_STATISTICS {
	LUID TokenId;
	LUID AuthenticationId;
	LARGE_INTEGER ExpirationTime;
	TOKEN_TYPE TokenType;
	SECURITY_IMPERSONATION_LEVEL ImpersonationLevel;
	ULONG DynamicCharged;
	ULONG DynamicAvailable;
	ULONG GroupCount;
	ULONG PrivilegeCount;
	LUID ModifiedId;
} TOKEN_STATISTICS, *PTOKEN_STATISTICS;

#define SE_CREATE_TOKEN_PRIVILEGE 2u
#define SE_LOCK_MEMORY_PRIVILEGE 4u
#define SE_INCREASE_QUOTA_PRIVILEGE 5u
#define SE_TCB_PRIVILEGE 7u
#define SE_TAKE_OWNERSHIP_PRIVILEGE 9u
#define SE_LOAD_DRIVER_PRIVILEGE 10u
#define SE_SYSTEMTIME_PRIVILEGE 12u
#define SE_INC_BASE_PRIORITY_PRIVILEGE 14u
#define SE_BACKUP_PRIVILEGE 17u
#define SE_RESTORE_PRIVILEGE 18u
#define SE_SHUTDOWN_PRIVILEGE 19u
#define SE_DEBUG_PRIVILEGE 20u
#define SE_AUDIT_PRIVILEGE 21u
#define SE_CHANGE_NOTIFY_PRIVILEGE 23u
#define SE_IMPERSONATE_PRIVILEGE 29u

#endif

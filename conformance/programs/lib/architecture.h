/*
 * SGX as a program sees it: the structures and numbers of Intel's Software
 * Developer's Manual, Volume 3D (chapters "Enclave Access Control and Data
 * Structures" and "SGX Instruction References"). Offsets are in the comments
 * and held by the assertions below each structure.
 */
#ifndef CONFORMANCE_ARCHITECTURE_H
#define CONFORMANCE_ARCHITECTURE_H

#include <stddef.h>
#include <stdint.h>

#define PAGE 4096ul

/* ENCLU leaf functions. */
enum enclu {
	EREPORT = 0,
	EGETKEY = 1,
	EENTER = 2,
	ERESUME = 3,
	EEXIT = 4,
	EACCEPT = 5,
	EMODPE = 6,
	EACCEPTCOPY = 7,
	EDECCSSA = 9,
};

/* Exception vectors (SDM 3A, table of protected-mode exceptions). */
enum vector {
	VECTOR_DE = 0,
	VECTOR_DB = 1,
	VECTOR_BP = 3,
	VECTOR_UD = 6,
	VECTOR_GP = 13,
	VECTOR_PF = 14,
	VECTOR_MF = 16,
	VECTOR_AC = 17,
	VECTOR_XM = 19,
};

/* Page-fault error code. */
enum page_fault {
	PFEC_P = 1 << 0,
	PFEC_W = 1 << 1,
	PFEC_U = 1 << 2,
	PFEC_I = 1 << 4,
	PFEC_SGX = 1 << 15,
};

/* SECINFO.FLAGS */
enum secinfo_flags {
	SECINFO_R = 1 << 0,
	SECINFO_W = 1 << 1,
	SECINFO_X = 1 << 2,
	SECINFO_PENDING = 1 << 3,
	SECINFO_MODIFIED = 1 << 4,
	SECINFO_PR = 1 << 5,
	SECINFO_TCS = 1 << 8,
	SECINFO_REG = 2 << 8,
	SECINFO_VA = 3 << 8,
	SECINFO_TRIM = 4 << 8,
};

/* EPCM page types, as the kernel's MODIFY_TYPES takes them. */
enum page_type {
	PT_SECS = 0,
	PT_TCS = 1,
	PT_REG = 2,
	PT_VA = 3,
	PT_TRIM = 4,
};

/* ATTRIBUTES.FLAGS */
enum attributes {
	ATTRIBUTE_INIT = 1 << 0,
	ATTRIBUTE_DEBUG = 1 << 1,
	ATTRIBUTE_MODE64BIT = 1 << 2,
	ATTRIBUTE_PROVISIONKEY = 1 << 4,
	ATTRIBUTE_EINITTOKENKEY = 1 << 5,
	ATTRIBUTE_AEXNOTIFY = 1 << 10,
};

#define XFRM_LEGACY 3ul /* x87 and SSE: always on */

/* MISCSELECT */
#define MISCSELECT_EXINFO 1u

/* TCS.FLAGS */
#define TCS_DBGOPTIN 1ul
#define TCS_AEXNOTIFY 2ul

/* Error codes in RAX (SDM 3D, "Error or Information Codes"). */
enum sgx_error {
	SGX_SUCCESS = 0,
	SGX_INVALID_ATTRIBUTE = 2,
	SGX_EPC_PAGE_CONFLICT = 7,
	SGX_NOT_TRACKED = 11,
	SGX_PAGE_ATTRIBUTES_MISMATCH = 19,
	SGX_PAGE_NOT_MODIFIABLE = 20,
	SGX_INVALID_CPUSVN = 32,
	SGX_INVALID_ISVSVN = 64,
	SGX_INVALID_KEYNAME = 256,
};

struct secinfo {
	uint64_t flags;
	uint8_t reserved[56];
} __attribute__((packed, aligned(64)));
_Static_assert(sizeof(struct secinfo) == 64, "SECINFO");

struct secs {
	uint64_t size;
	uint64_t base;
	uint32_t ssa_frame_size; /* pages */
	uint32_t miscselect;
	uint8_t reserved_24[24];
	uint64_t attributes; /* 48 */
	uint64_t xfrm;
	uint8_t mrenclave[32];
	uint8_t reserved_96[32];
	uint8_t mrsigner[32]; /* 128 */
	uint8_t reserved_160[32];
	uint8_t config_id[64];
	uint16_t isv_prod_id; /* 256 */
	uint16_t isv_svn;
	uint16_t config_svn;
	uint8_t reserved_262[3834];
} __attribute__((packed));
_Static_assert(sizeof(struct secs) == 4096, "SECS");
_Static_assert(offsetof(struct secs, mrsigner) == 128, "SECS.MRSIGNER");
_Static_assert(offsetof(struct secs, isv_prod_id) == 256, "SECS.ISVPRODID");

struct tcs {
	uint64_t state;
	uint64_t flags;
	uint64_t ossa;
	uint32_t cssa;
	uint32_t nssa;
	uint64_t oentry; /* 32 */
	uint64_t aep;
	uint64_t ofsbase;
	uint64_t ogsbase;
	uint32_t fs_limit; /* 64 */
	uint32_t gs_limit;
	uint8_t reserved[4024];
} __attribute__((packed));
_Static_assert(sizeof(struct tcs) == 4096, "TCS");

/* The general registers at the end of an SSA frame. */
struct gprsgx {
	uint64_t rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi;
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
	uint64_t rflags; /* 128 */
	uint64_t rip;
	uint64_t ursp;
	uint64_t urbp;
	uint32_t exitinfo; /* 160 */
	uint8_t reserved[3];
	uint8_t aexnotify;
	uint64_t fsbase;
	uint64_t gsbase;
} __attribute__((packed));
_Static_assert(sizeof(struct gprsgx) == 184, "GPRSGX");
_Static_assert(offsetof(struct gprsgx, exitinfo) == 160, "GPRSGX.EXITINFO");

/* GPRSGX.EXITINFO */
#define EXITINFO_VALID 0x80000000u
#define EXITINFO_HARDWARE (3u << 8)
#define EXITINFO_SOFTWARE (6u << 8)

struct sigstruct {
	uint8_t header[16];
	uint32_t vendor;
	uint32_t date; /* BCD yyyymmdd */
	uint8_t header2[16];
	uint32_t swdefined;
	uint8_t reserved_44[84];
	uint8_t modulus[384]; /* 128 */
	uint32_t exponent;
	uint8_t signature[384]; /* 516 */
	uint32_t miscselect; /* 900 */
	uint32_t miscmask;
	uint8_t reserved_908[4];
	uint8_t isv_family_id[16];
	uint64_t attributes; /* 928 */
	uint64_t xfrm;
	uint64_t attribute_mask;
	uint64_t xfrm_mask;
	uint8_t enclave_hash[32]; /* 960 */
	uint8_t reserved_992[16];
	uint8_t isv_ext_prod_id[16];
	uint16_t isv_prod_id; /* 1024 */
	uint16_t isv_svn;
	uint8_t reserved_1028[12];
	uint8_t q1[384]; /* 1040 */
	uint8_t q2[384];
} __attribute__((packed));
_Static_assert(sizeof(struct sigstruct) == 1808, "SIGSTRUCT");
_Static_assert(offsetof(struct sigstruct, miscselect) == 900, "SIGSTRUCT.MISCSELECT");
_Static_assert(offsetof(struct sigstruct, enclave_hash) == 960, "SIGSTRUCT.ENCLAVEHASH");
_Static_assert(offsetof(struct sigstruct, isv_prod_id) == 1024, "SIGSTRUCT.ISVPRODID");
_Static_assert(offsetof(struct sigstruct, q1) == 1040, "SIGSTRUCT.Q1");

enum key_name {
	KEY_EINITTOKEN = 0,
	KEY_PROVISION = 1,
	KEY_PROVISION_SEAL = 2,
	KEY_REPORT = 3,
	KEY_SEAL = 4,
};

#define KEYPOLICY_MRENCLAVE 1
#define KEYPOLICY_MRSIGNER 2

struct keyrequest {
	uint16_t key_name;
	uint16_t key_policy;
	uint16_t isv_svn;
	uint16_t reserved_6;
	uint8_t cpusvn[16];
	uint64_t attribute_mask; /* 24 */
	uint64_t xfrm_mask;
	uint8_t key_id[32]; /* 40 */
	uint32_t miscmask; /* 72 */
	uint16_t config_svn;
	uint8_t reserved_78[434];
} __attribute__((packed, aligned(512)));
_Static_assert(sizeof(struct keyrequest) == 512, "KEYREQUEST");
_Static_assert(offsetof(struct keyrequest, miscmask) == 72, "KEYREQUEST.MISCMASK");

struct einittoken {
	uint32_t valid;
	uint8_t reserved_4[44];
	uint64_t attributes; /* 48 */
	uint64_t xfrm;
	uint8_t mrenclave[32]; /* 64 */
	uint8_t reserved_96[32];
	uint8_t mrsigner[32]; /* 128 */
	uint8_t reserved_160[32];
	uint8_t cpusvn_le[16]; /* 192: the MAC covers what is before */
	uint16_t isv_prod_id_le;
	uint16_t isv_svn_le;
	uint8_t cet_masked_attributes_le;
	uint8_t reserved_213[23];
	uint32_t masked_miscselect_le; /* 236 */
	uint64_t masked_attributes_le;
	uint64_t masked_xfrm_le;
	uint8_t key_id[32]; /* 256 */
	uint8_t mac[16];
} __attribute__((packed));
_Static_assert(sizeof(struct einittoken) == 304, "EINITTOKEN");
_Static_assert(offsetof(struct einittoken, cpusvn_le) == 192, "EINITTOKEN.CPUSVNLE");
_Static_assert(offsetof(struct einittoken, masked_miscselect_le) == 236, "EINITTOKEN.MASKEDMISCSELECTLE");
_Static_assert(offsetof(struct einittoken, mac) == 288, "EINITTOKEN.MAC");

struct targetinfo {
	uint8_t measurement[32];
	uint64_t attributes;
	uint64_t xfrm;
	uint8_t cet_attributes;
	uint8_t reserved_49;
	uint16_t config_svn;
	uint32_t miscselect; /* 52 */
	uint8_t reserved_56[8];
	uint8_t config_id[64];
	uint8_t reserved_128[384];
} __attribute__((packed, aligned(512)));
_Static_assert(sizeof(struct targetinfo) == 512, "TARGETINFO");

struct report {
	uint8_t cpusvn[16];
	uint32_t miscselect;
	uint8_t reserved_20[12];
	uint8_t isv_ext_prod_id[16];
	uint64_t attributes; /* 48 */
	uint64_t xfrm;
	uint8_t mrenclave[32]; /* 64 */
	uint8_t reserved_96[32];
	uint8_t mrsigner[32]; /* 128 */
	uint8_t reserved_160[32];
	uint8_t config_id[64];
	uint16_t isv_prod_id; /* 256 */
	uint16_t isv_svn;
	uint16_t config_svn;
	uint8_t reserved_262[42];
	uint8_t isv_family_id[16]; /* 304 */
	uint8_t report_data[64];
	uint8_t key_id[32]; /* 384 */
	uint8_t mac[16];
} __attribute__((packed));
_Static_assert(sizeof(struct report) == 432, "REPORT");
_Static_assert(offsetof(struct report, key_id) == 384, "REPORT.KEYID");

#endif

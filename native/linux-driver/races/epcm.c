#include "epcm.h"
#include <stdio.h>

enum { SECS, TCS, REG, VA, TRIM };
enum {
	CHILD_PRESENT = 13,
	ENCLAVE_ACT = 14,
	PAGE_NOT_BLOCKED = 10,
	NOT_TRACKED = 11,
	VA_SLOT_OCCUPIED = 12,
	MAC_COMPARE_FAIL = 9,
	PAGE_NOT_MODIFIABLE = 20,
	GENERAL_PROTECTION = 0x4000000d,
	PAGE_FAULT = 0x4000000e,
};
struct page_info {
	u64 address, contents, metadata, secs;
};
struct epcm_entry *epcm;
int epc_pages;
char driver_said[256];

static int page_of(u64 address)
{
	u64 page = (address - (u64)linux_epc()) >> PAGE_SHIFT;

	return page < (u64)epc_pages ? (int)page : -1;
}
static bool is_secs(int page)
{
	return page >= 0 && epcm[page].valid && epcm[page].type == SECS;
}
static bool has_secs(const struct epcm_entry *entry)
{
	return entry->type != SECS && entry->type != VA;
}
static void begin(struct epcm_entry *entry, u8 type)
{
	free(entry->versions);
	*entry = (struct epcm_entry){ .valid = true, .type = type, .secs = -1 };
}
static void take_out(struct epcm_entry *entry)
{
	if (has_secs(entry))
		epcm[entry->secs].children--;
	entry->valid = false;
}

static int add(struct epcm_entry *entry, const struct page_info *info, bool is_augment)
{
	int secs = page_of(info->secs);
	const u64 *flags = (const u64 *)info->metadata;

	if (!is_secs(secs) || entry->valid)
		return PAGE_FAULT;
	if (is_augment != epcm[secs].initialised)
		return GENERAL_PROTECTION;
	begin(entry, is_augment ? REG : (u8)(*flags >> 8));
	entry->permissions = is_augment ? 3 : *flags & 7;
	entry->pending = is_augment;
	entry->contents = is_augment ? 0 : *(const u64 *)info->contents;
	entry->secs = secs;
	entry->address = info->address & PAGE_MASK;
	epcm[secs].children++;
	return 0;
}

static int write_back(struct epcm_entry *entry, struct page_info *info, u64 version)
{
	static u64 versions;
	u64 *meta = (u64 *)info->metadata, *slot;
	int array = page_of(version);

	if (!entry->valid || array < 0 || !epcm[array].valid || epcm[array].type != VA)
		return PAGE_FAULT;
	if (entry->type == SECS && entry->children)
		return CHILD_PRESENT;
	if (has_secs(entry) && !entry->blocked)
		return PAGE_NOT_BLOCKED;
	if (has_secs(entry) && entry->epoch == epcm[entry->secs].epoch)
		return NOT_TRACKED;
	slot = &epcm[array].versions[(version & ~PAGE_MASK) / 8];
	if (*slot)
		return VA_SLOT_OCCUPIED;
	memset(meta, 0, 128);
	meta[0] = *slot = ++versions;
	meta[1] = (u64)entry->type | (u64)entry->permissions << 8 | (u64)entry->pending << 16 | (u64)entry->modified << 17 |
		  (u64)entry->initialised << 18;
	meta[2] = info->address = entry->address;
	memset((void *)info->contents, 0, PAGE_SIZE);
	*(u64 *)info->contents = entry->contents;
	take_out(entry);
	return 0;
}

static int load(struct epcm_entry *entry, const struct page_info *info, u64 version)
{
	const u64 *meta = (const u64 *)info->metadata;
	int array = page_of(version), secs = info->secs ? page_of(info->secs) : -1;
	u64 *slot;

	if (entry->valid || array < 0 || !epcm[array].valid || epcm[array].type != VA || (info->secs && !is_secs(secs)))
		return PAGE_FAULT;
	slot = &epcm[array].versions[(version & ~PAGE_MASK) / 8];
	if (!*slot || *slot != meta[0])
		return MAC_COMPARE_FAIL;
	begin(entry, (u8)meta[1]);
	entry->permissions = meta[1] >> 8 & 7;
	entry->pending = meta[1] >> 16 & 1;
	entry->modified = meta[1] >> 17 & 1;
	entry->initialised = meta[1] >> 18 & 1;
	entry->address = meta[2];
	entry->contents = *(const u64 *)info->contents;
	entry->secs = secs;
	if (secs >= 0)
		epcm[secs].children++;
	*slot = 0;
	return 0;
}

static int change(struct epcm_entry *entry, u64 flags, bool is_type)
{
	if (!entry->valid || (entry->type != REG && entry->type != TCS && entry->type != TRIM))
		return PAGE_FAULT;
	if (entry->pending || entry->modified)
		return PAGE_NOT_MODIFIABLE;
	if (!is_type) {
		if (entry->type != REG)
			return PAGE_FAULT;
		entry->permissions &= flags & 7;
		return 0;
	}
	entry->type = (u8)(flags >> 8);
	entry->modified = true;
	return 0;
}

static int leaf(void *context, uint32_t number, uint64_t rbx, uint64_t rcx, uint64_t rdx, uint64_t *rbx_out)
{
	int page = page_of(rcx);
	struct page_info *info = (struct page_info *)rbx;
	struct epcm_entry *entry;

	(void)context;
	if (page < 0)
		return GENERAL_PROTECTION;
	entry = &epcm[page];
	switch (number) {
	case 0: /* ECREATE */
		if (entry->valid)
			return PAGE_FAULT;
		begin(entry, SECS);
		return 0;
	case 1: /* EADD */
		return add(entry, info, false);
	case 2: /* EINIT */
		entry->initialised = true;
		return is_secs(page) ? 0 : PAGE_FAULT;
	case 3: /* EREMOVE */
		if (!entry->valid)
			return 0;
		if (entry->type == SECS && entry->children)
			return CHILD_PRESENT;
		take_out(entry);
		return 0;
	case 4: /* EDBGRD */
		*rbx_out = entry->contents;
		return entry->valid ? 0 : PAGE_FAULT;
	case 5: /* EDBGWR */
		entry->contents = rbx;
		return entry->valid ? 0 : PAGE_FAULT;
	case 6: /* EEXTEND */
		return entry->valid ? 0 : PAGE_FAULT;
	case 8: /* ELDU */
		return load(entry, info, rdx);
	case 9: /* EBLOCK */
		if (!entry->valid || !has_secs(entry))
			return PAGE_FAULT;
		entry->blocked = true;
		entry->epoch = epcm[entry->secs].epoch;
		return 0;
	case 10: /* EPA */
		if (entry->valid)
			return PAGE_FAULT;
		begin(entry, VA);
		entry->versions = calloc(512, 8);
		return 0;
	case 11: /* EWB */
		return write_back(entry, info, rdx);
	case 12: /* ETRACK */
		if (!is_secs(page))
			return PAGE_FAULT;
		entry->epoch++;
		return 0;
	case 13: /* EAUG */
		return add(entry, info, true);
	case 14: /* EMODPR */
		return change(entry, *(u64 *)rbx, false);
	case 15: /* EMODT */
		return change(entry, *(u64 *)rbx, true);
	default:
		return GENERAL_PROTECTION;
	}
}

static size_t read_user(void *context, uint64_t mm, void *to, uint64_t from, size_t length)
{
	(void)context;
	(void)mm;
	memcpy(to, (void *)from, length);
	return 0;
}
static size_t write_user(void *context, uint64_t mm, uint64_t to, const void *from, size_t length)
{
	(void)context;
	(void)mm;
	memcpy((void *)to, from, length);
	return 0;
}
static void entry_changed(void *context, uint64_t mm, uint64_t address, uint64_t length)
{
	(void)context;
	(void)mm;
	(void)address;
	(void)length;
}
static void entry_set(void *context, uint64_t mm, uint64_t address, uint64_t pfn, uint64_t flags)
{
	(void)flags;
	entry_changed(context, mm, address, pfn);
}
/* Nothing was accessed lately: whatever is there may be reclaimed. */
static int is_young(void *context, uint64_t mm, uint64_t address)
{
	(void)context;
	(void)mm;
	(void)address;
	return 0;
}
static void interrupt(void *context)
{
	(void)context;
}
static int no_signal(void *context, uint64_t mm)
{
	(void)context;
	(void)mm;
	return 0;
}
/* Leaf 12H: attributes, and one section of EPC. */
static void cpuid(void *context, uint32_t number, uint32_t subleaf, uint32_t *registers)
{
	u64 size = (u64)epc_pages << PAGE_SHIFT, start = (u64)EPC_FRAME << PAGE_SHIFT;

	(void)context;
	(void)number;
	if (subleaf == 0) {
		registers[0] = 3;
		registers[3] = 36 << 8 | 31;
	} else if (subleaf == 1) {
		registers[0] = 0x36;
		registers[2] = 3;
	} else if (subleaf == 2) {
		registers[0] = (u32)start | 1;
		registers[1] = (u32)(start >> 32);
		registers[2] = (u32)size | 1;
		registers[3] = (u32)(size >> 32);
	}
}
static int has_feature(void *context, int feature)
{
	(void)context;
	(void)feature;
	return 1;
}
static void write_msr(void *context, uint32_t number, uint64_t value)
{
	(void)context;
	(void)number;
	(void)value;
}
static void digest(void *context, const void *data, size_t length, void *to)
{
	(void)context;
	(void)data;
	(void)length;
	memset(to, 0, 32);
}
static void hear(void *context, int level, const char *text)
{
	(void)context;
	if (level <= 1 && !driver_said[0])
		snprintf(driver_said, sizeof(driver_said), "%.*s", (int)strcspn(text, "\n"), text);
}

void epc_start(int pages)
{
	static const struct embedder embedder = {
		.encls = leaf,
		.read_user = read_user,
		.write_user = write_user,
		.entry_set = entry_set,
		.entries_cleared = entry_changed,
		.is_young = is_young,
		.interrupt = interrupt,
		.signal_pending = no_signal,
		.cpuid = cpuid,
		.has_feature = has_feature,
		.write_msr = write_msr,
		.sha256 = digest,
		.log = hear,
	};

	epc_pages = pages;
	epcm = calloc((size_t)pages, sizeof(*epcm));
	if (linux_start(&embedder) != 0)
		fail("the driver does not start");
}

int epc_valid_pages(void)
{
	int count = 0;

	for (int i = 0; i < epc_pages; i++)
		count += epcm[i].valid;
	return count;
}

struct epcm_entry *epc_shown(struct mm_struct *mm, u64 address)
{
	u64 frame = linux_entry(mm, address);

	return frame == ~0ul ? NULL : &epcm[frame - EPC_FRAME];
}

bool epc_allows(const struct epcm_entry *entry, u64 address)
{
	return entry->valid && has_secs(entry) && !entry->blocked && entry->address == (address & PAGE_MASK);
}

enum access epc_touch(struct mm_struct *mm, u64 address)
{
	for (int tries = 0; tries < 100; tries++) {
		const struct epcm_entry *entry = epc_shown(mm, address);
		uint32_t result;

		if (entry)
			return epc_allows(entry, address) ? ACCESS_OK : ACCESS_SGX_FAULT;
		result = linux_fault(mm, address, FAULT_FLAG_ALLOW_RETRY);
		if (result & VM_FAULT_SIGSEGV)
			return ACCESS_SIGSEGV;
		if (!(result & (VM_FAULT_NOPAGE | VM_FAULT_RETRY)))
			return ACCESS_SIGBUS;
		if (!epc_shown(mm, address))
			task_yield();
	}
	return ACCESS_NEVER;
}

enum access epc_accept(struct mm_struct *mm, u64 address, int type)
{
	enum access result = epc_touch(mm, address);
	struct epcm_entry *entry = epc_shown(mm, address);

	if (result != ACCESS_OK)
		return result;
	if (entry->type != type)
		return ACCESS_SGX_FAULT;
	entry->pending = entry->modified = false;
	return ACCESS_OK;
}

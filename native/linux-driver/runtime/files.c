/* Devices, descriptors, open files, and shared memory. */
#include "tasks.h"

#define DEVICES 8
#define DESCRIPTORS 1024
static struct miscdevice *devices[DEVICES];
static struct file *descriptors[DESCRIPTORS];
static u64 backing_pages;

int misc_register(struct miscdevice *device)
{
	for (int i = 0; i < DEVICES; i++)
		if (!devices[i]) {
			devices[i] = device;
			return 0;
		}
	return -EBUSY;
}
void misc_deregister(struct miscdevice *device)
{
	for (int i = 0; i < DEVICES; i++)
		if (devices[i] == device)
			devices[i] = NULL;
}

struct file *linux_open(const char *name, int *error)
{
	*error = -ENOENT;
	for (int i = 0; i < DEVICES; i++) {
		struct file *file;

		if (!devices[i] || strcmp(devices[i]->name, name) != 0)
			continue;
		file = calloc(1, sizeof(*file));
		file->references = 1;
		file->f_op = devices[i]->fops;
		*error = file->f_op->open ? file->f_op->open(NULL, file) : 0;
		if (*error == 0)
			return file;
		free(file);
		break;
	}
	return NULL;
}

int linux_descriptor(struct file *file)
{
	for (int i = 3; i < DESCRIPTORS; i++)
		if (!descriptors[i] || descriptors[i] == file) {
			descriptors[i] = file;
			return i;
		}
	return -1;
}
struct question {
	unsigned int descriptor;
	struct file *file;
};
static void ask_file(void *argument)
{
	struct question *question = argument;

	question->file = embedder_->file(embedder_->context, current->mm ? current->mm->name : 0, question->descriptor);
}
struct file *file_of_descriptor_(unsigned int descriptor)
{
	struct question question = { descriptor, NULL };

	if (embedder_->file) {
		on_own_stack(ask_file, &question);
		return question.file;
	}
	return descriptor < DESCRIPTORS ? descriptors[descriptor] : NULL;
}
struct file *fget(unsigned int descriptor)
{
	struct file *file = file_of_descriptor_(descriptor);

	if (file)
		file->references++;
	return file;
}

static void drop_pages(struct address_space *mapping)
{
	for (unsigned long i = 0; i < mapping->pages.count; i++) {
		put_page(mapping->pages.ranges[i].entry);
		backing_pages--;
	}
	xa_destroy(&mapping->pages);
}

void fput(struct file *file)
{
	if (--file->references)
		return;
	for (int i = 0; i < DESCRIPTORS; i++)
		if (descriptors[i] == file)
			descriptors[i] = NULL;
	if (file->f_op && file->f_op->release)
		file->f_op->release(file->f_inode, file);
	if (file->f_mapping) {
		drop_pages(file->f_mapping);
		free(file->f_mapping);
		free(file->f_inode);
	}
	free(file->pattern);
	free(file);
}

void linux_close(struct file *file)
{
	fput(file);
}

long linux_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	long result = file->f_op->unlocked_ioctl ? file->f_op->unlocked_ioctl(file, command, argument) : -ENOTTY;

	return result == -ENOIOCTLCMD ? -ENOTTY : result;
}

struct file *shmem_file_setup(const char *name, long size, unsigned long flags)
{
	struct file *file;

	(void)name;
	(void)flags;
	switch_point(POINT_ALLOCATE);
	if (size < 0)
		return ERR_PTR(-EINVAL);
	if (allocation_fails_())
		return ERR_PTR(-ENOMEM);
	file = calloc(1, sizeof(*file));
	file->references = 1;
	file->f_mapping = calloc(1, sizeof(*file->f_mapping));
	file->f_inode = calloc(1, sizeof(*file->f_inode));
	file->f_inode->i_mapping = file->f_mapping;
	return file;
}

struct page *shmem_read_mapping_page_gfp(struct address_space *mapping, pgoff_t index, gfp_t flags)
{
	struct page *page;

	may_sleep("shmem_read_mapping_page_gfp");
	page = xa_load(&mapping->pages, index);
	if (!page) {
		if (allocation_fails_())
			return ERR_PTR(-ENOMEM);
		page = page_new_();
		xa_store(&mapping->pages, index, page, flags);
		backing_pages++;
	}
	get_page(page);
	return page;
}

void shmem_truncate_range(struct inode *inode, long start, long end)
{
	for (long i = start >> PAGE_SHIFT; i <= end >> PAGE_SHIFT; i++) {
		struct page *page = xa_erase(&inode->i_mapping->pages, (unsigned long)i);

		if (page) {
			put_page(page);
			backing_pages--;
		}
	}
}

uint64_t linux_backing_pages(void)
{
	return backing_pages;
}

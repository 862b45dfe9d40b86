/* Open files, devices, and files of shared memory. Descriptors are one table for all; no security module, no cgroup of devices. */
#ifndef KERNEL_FILES_H
#define KERNEL_FILES_H
struct file;
struct vm_area_struct;
struct address_space {
	struct xarray pages;
};
struct inode {
	struct address_space *i_mapping;
};
struct file_operations {
	void *owner;
	int (*open)(struct inode *, struct file *);
	int (*release)(struct inode *, struct file *);
	long (*unlocked_ioctl)(struct file *, unsigned int, unsigned long);
	long (*compat_ioctl)(struct file *, unsigned int, unsigned long);
	int (*mmap)(struct file *, struct vm_area_struct *);
	unsigned long (*get_unmapped_area)(struct file *, unsigned long, unsigned long, unsigned long, unsigned long);
};
struct file {
	void *private_data;
	struct address_space *f_mapping;
	const struct file_operations *f_op;
	struct inode *f_inode;
	int references;
	struct vm_area_struct *pattern; /* a mapping as the driver made it */
};
static inline struct inode *file_inode(const struct file *file)
{
	return file->f_inode;
}
/* The last one calls release at once, in the same task; the kernel does it on the way back to the program. */
void fput(struct file *file);

struct file *file_of_descriptor_(unsigned int descriptor);
#define CLASS(name, variable) struct file *variable = file_of_descriptor_
#define fd_empty(file) ((file) == NULL)
#define fd_file(file) (file)
struct fd {
	struct file *file;
};
static inline struct fd fdget(unsigned int descriptor)
{
	return (struct fd){ file_of_descriptor_(descriptor) };
}
static inline void fdput(struct fd descriptor)
{
	(void)descriptor;
}
struct file *fget(unsigned int descriptor);

#define MISC_DYNAMIC_MINOR 255
struct miscdevice {
	int minor;
	const char *name, *nodename;
	const struct file_operations *fops;
};
int misc_register(struct miscdevice *device);
void misc_deregister(struct miscdevice *device);

/* Shared memory that is never swapped out; a hole that is read becomes a page of zeros, as in the kernel. */
struct file *shmem_file_setup(const char *name, long size, unsigned long flags);
struct page *shmem_read_mapping_page_gfp(struct address_space *mapping, pgoff_t index, gfp_t flags);
void shmem_truncate_range(struct inode *inode, long start, long end);
#define mapping_gfp_mask(mapping) ((void)(mapping), GFP_KERNEL)
#endif

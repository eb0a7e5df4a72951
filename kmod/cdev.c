// SPDX-License-Identifier: GPL-2.0-only
/*
 * The door for processes: /dev/inkling.
 *
 * What lives here: the device, its ioctls and its memory: copy in, check the
 * frame, call the session, copy out. What doesn't: what a session does
 * (session.c), and io_uring commands (uring.c). Anyone may open the device; a
 * slot's owner, group and permissions decide who may bind to it.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/uaccess.h>
#include "ink.h"

static int cdev_open(struct inode *inode, struct file *file)
{
	struct ink_session *session = ink_session_create();

	if (!session)
		return -ENOMEM;
	file->private_data = session;
	return nonseekable_open(inode, file);
}

static int cdev_release(struct inode *inode, struct file *file)
{
	ink_session_free(file->private_data);
	return 0;
}

static long cdev_bind(struct file *file, const struct inkling_bind __user *arg)
{
	struct inkling_bind bind;
	u32 size;
	int err;

	if (get_user(size, &arg->size))
		return -EFAULT;
	if (size < INKLING_BIND_SIZE_VER0)
		return -EINVAL;
	/* A newer program's structure is taken as long as what we don't know is zero. */
	err = copy_struct_from_user(&bind, sizeof(bind), arg, size);
	if (err)
		return err;
	if (bind.flags || strnlen(bind.slot, sizeof(bind.slot)) == sizeof(bind.slot))
		return -EINVAL;
	return ink_session_bind(file->private_data, bind.slot, bind.buffer_size, file);
}

static long cdev_info(struct file *file, struct inkling_info __user *arg)
{
	struct inkling_info info;
	u32 size;
	int err;

	if (get_user(size, &arg->size))
		return -EFAULT;
	if (size != sizeof(info))
		return -EINVAL;
	err = ink_session_info(file->private_data, &info);
	if (err)
		return err;
	return copy_to_user(arg, &info, sizeof(info)) ? -EFAULT : 0;
}

/* Whole words, in line: copy_from_user() takes thrice as long for so little. */
static bool cdev_read(struct inkling_run *run, const struct inkling_run __user *arg)
{
	bool ok;

	BUILD_BUG_ON(sizeof(*run) % 8);
	if (!user_read_access_begin(arg, sizeof(*run)))
		return false;
	ok = ink_copy_words_in(run, arg, sizeof(*run));
	user_read_access_end();
	return ok;
}

/* A batch in the memory of the caller. */
static long cdev_run(struct file *file, struct inkling_run __user *arg)
{
	struct ink_batch batch __uninitialized;	/* most of it is for registered buffers */
	struct inkling_run *run = &batch.user;
	int err;

	if (!cdev_read(run, arg))
		return -EFAULT;
	if (run->size != sizeof(*run))
		return -EINVAL;
	batch.memory = INK_MEMORY_USER;
	/* What is wrong is said, and counted, when the slot is known. */
	batch.count = run->flags || run->count > INKLING_BATCH_MAX ? 0 : run->count;
	batch.nowait = false;
	batch.worker = false;
	err = ink_session_run(file->private_data, &batch);
	if (!user_write_access_begin(&arg->done, sizeof(arg->done)))
		return -EFAULT;
	unsafe_put_user(batch.done, &arg->done, fault);
	user_write_access_end();
	return err;
fault:
	user_write_access_end();
	return -EFAULT;
}

static long cdev_reset(struct file *file, const struct inkling_reset __user *arg)
{
	struct inkling_reset reset;

	if (copy_from_user(&reset, arg, sizeof(reset)))
		return -EFAULT;
	if (reset.size != sizeof(reset) || reset.flags || reset.reserved)
		return -EINVAL;
	return ink_session_reset(file->private_data, reset.tokens);
}

static long cdev_fork(struct file *file, const struct inkling_fork __user *arg)
{
	struct inkling_fork fork;
	struct file *from;
	int err = -EBADF;

	if (copy_from_user(&fork, arg, sizeof(fork)))
		return -EFAULT;
	if (fork.size != sizeof(fork) || fork.flags)
		return -EINVAL;
	from = fget(fork.session);
	if (!from)
		return -EBADF;
	if (from->f_op == file->f_op)
		err = ink_session_fork(file->private_data, from->private_data, fork.tokens);
	fput(from);
	return err;
}

static long cdev_generate(struct file *file, struct inkling_generate __user *arg)
{
	struct ink_generation gen = {
		.batch.memory = INK_MEMORY_USER,
		.batch.count = 1,
	};
	int err;

	if (copy_from_user(&gen.ask, arg, sizeof(gen.ask)))
		return -EFAULT;
	if (gen.ask.size != sizeof(gen.ask))
		return -EINVAL;
	err = ink_session_generate(file->private_data, &gen);
	if (put_user(gen.batch.done, &arg->done) || put_user(gen.ask.position, &arg->position))
		return -EFAULT;
	return err;
}

static int cdev_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct ink_buffer *buffer = ink_session_buffer(file->private_data);

	return buffer ? ink_buffer_mmap(buffer, vma) : -ENODEV;
}

static long cdev_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	switch (cmd) {
	case INKLING_IOC_BIND:
		return cdev_bind(file, (const void __user *)arg);
	case INKLING_IOC_INFO:
		return cdev_info(file, (void __user *)arg);
	case INKLING_IOC_RUN:
		return cdev_run(file, (void __user *)arg);
	case INKLING_IOC_RESET:
		return cdev_reset(file, (const void __user *)arg);
	case INKLING_IOC_FORK:
		return cdev_fork(file, (const void __user *)arg);
	case INKLING_IOC_GENERATE:
		return cdev_generate(file, (void __user *)arg);
	default:
		return -ENOTTY;
	}
}

/* An open file holds the module, so sessions need nothing from ink_cdev_exit(). */
static const struct file_operations cdev_fops = {
	.owner = THIS_MODULE,
	.open = cdev_open,
	.release = cdev_release,
	.unlocked_ioctl = cdev_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.mmap = cdev_mmap,
#ifdef CONFIG_IO_URING
	.uring_cmd = ink_uring_cmd,
#endif
};

static struct miscdevice cdev_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "inkling",
	.fops = &cdev_fops,
	.mode = 0666,
};

int ink_cdev_init(void)
{
	return misc_register(&cdev_misc);
}

void ink_cdev_exit(void)
{
	misc_deregister(&cdev_misc);
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * The door for processes: /dev/inkling.
 *
 * What lives here: the device, its ioctls and its memory: copy in, check the
 * frame, call the session, copy out. What doesn't: what a session does
 * (session.c), and io_uring commands (uring.c). Anyone may open the device; a
 * slot's owner, group and permissions decide who may bind to it.
 */
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

/* A batch in the memory of the caller. */
struct cdev_batch {
	struct ink_batch batch;
	struct inkling_run run;
};

static int cdev_check(struct ink_batch *batch, struct ink_session *session,
		      const struct ink_plan *plan)
{
	const struct inkling_run *run = &container_of(batch, struct cdev_batch, batch)->run;

	if (run->flags || !run->count || run->count > INKLING_BATCH_MAX)
		return -EINVAL;
	if (run->input_size != plan->input_size)
		return -EINVAL;
	if (!run->outputs != !run->output_size)
		return -EINVAL;
	if (run->outputs && run->output_size != plan->output_size)
		return -EINVAL;
	return 0;
}

/* Whole words, in line: copy_from_user() takes thrice as long for so little. */
static bool cdev_read(struct inkling_run *run, const struct inkling_run __user *arg)
{
	size_t done;

	BUILD_BUG_ON(sizeof(*run) % 8);
	if (!user_read_access_begin(arg, sizeof(*run)))
		return false;
	done = ink_copy_words_in(run, arg, sizeof(*run));
	user_read_access_end();
	return done == sizeof(*run);
}

static long cdev_run(struct file *file, struct inkling_run __user *arg)
{
	struct cdev_batch it __uninitialized;	/* most of it is for registered buffers */
	struct ink_batch *batch = &it.batch;
	struct inkling_run *run = &it.run;
	int err;

	if (!cdev_read(run, arg))
		return -EFAULT;
	if (run->size != sizeof(*run))
		return -EINVAL;
	batch->check = cdev_check;
	batch->memory = INK_MEMORY_USER;
	batch->want = (run->outputs ? INK_WANT_OUTPUTS : 0) |
		      (run->verdicts ? INK_WANT_VERDICTS : 0);
	batch->count = run->count;
	batch->nowait = false;
	batch->worker = false;
	batch->user.inputs = run->inputs;
	batch->user.outputs = run->outputs;
	batch->user.verdicts = run->verdicts;
	err = ink_session_run(file->private_data, batch);
	if (put_user(batch->done, &arg->done))
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

// SPDX-License-Identifier: GPL-2.0-only
/*
 * The door for processes: /dev/inkling.
 *
 * What lives here: the device and its ioctls: copy in, check the frame, call
 * the session, copy out. What doesn't: what a session does (session.c). Anyone
 * may open the device; a slot's owner, group and permissions decide who may
 * bind to it.
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

static long cdev_bind(struct file *file, const void __user *arg)
{
	struct inkling_bind bind;

	if (copy_from_user(&bind, arg, sizeof(bind)))
		return -EFAULT;
	if (bind.size != sizeof(bind) || bind.flags ||
	    strnlen(bind.slot, sizeof(bind.slot)) == sizeof(bind.slot))
		return -EINVAL;
	return ink_session_bind(file->private_data, bind.slot, file);
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

static long cdev_run(struct file *file, struct inkling_run __user *arg)
{
	struct inkling_run run;
	int err;

	if (copy_from_user(&run, arg, sizeof(run)))
		return -EFAULT;
	if (run.size != sizeof(run) || run.flags || !run.count || run.count > INKLING_BATCH_MAX)
		return -EINVAL;
	run.done = 0;
	err = ink_session_run(file->private_data, &run);
	if (put_user(run.done, &arg->done))
		return -EFAULT;
	return err;
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

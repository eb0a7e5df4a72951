// SPDX-License-Identifier: GPL-2.0-only
/*
 * The engine alone where it works: a module of kmod/core and kmod/arch, compiled as they are for the
 * real one, and of this file.
 *
 * What lives here: /dev/inkling-icount, which takes an image by write() and times one run of it for
 * each ioctl. What doesn't: anything of a door, and what is made of the times (icount.c). It is
 * loaded in VMs whose clock counts instructions.
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>
#include "core.h"
#include "module.h"

/* Of the one who has it open. */
static struct {
	void *image;
	struct ink_graph *graph;
	struct ink_plan *plan;
	void *arena, *input, *output;
} engine;

static void engine_free(void)
{
	ink_port_free(engine.output);
	ink_port_free(engine.input);
	ink_port_free(engine.arena);
	ink_plan_free(engine.plan);
	ink_graph_free(engine.graph);
	ink_port_free(engine.image);
	memset(&engine, 0, sizeof(engine));
}

static int engine_make(size_t size)
{
	struct ink_why why = { };

	engine.graph = ink_graph_parse(engine.image, size, &why);
	if (engine.graph)
		engine.plan = ink_plan_build(engine.graph, ink_isa_best(), &why);
	if (!engine.plan)
		return -EINVAL;
	engine.arena = ink_port_zalloc(engine.plan->arena_size);
	engine.input = ink_port_zalloc(engine.plan->input_size);
	engine.output = ink_port_zalloc(engine.plan->output_size);
	return engine.arena && engine.input && engine.output ? 0 : -ENOMEM;
}

static ssize_t engine_write(struct file *file, const char __user *from, size_t size, loff_t *at)
{
	int err;

	engine_free();
	engine.image = ink_port_alloc(size);
	if (!engine.image)
		return -ENOMEM;
	err = copy_from_user(engine.image, from, size) ? -EFAULT : engine_make(size);
	return err ?: size;
}

static u64 engine_time(u32 what)
{
	u64 start = ktime_get_mono_fast_ns();

	if (what == ICOUNT_ENGINE) {
		ink_plan_run(engine.plan, engine.plan->isa, engine.arena, engine.input,
			     engine.output);
	} else if (what == ICOUNT_FPU) {
		ink_port_fpu_begin();
		ink_port_fpu_end();
	}
	return ktime_get_mono_fast_ns() - start;
}

static long engine_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct icount_run run;
	bool runs;

	if (cmd != ICOUNT_RUN || !engine.output)
		return -ENOTTY;
	if (copy_from_user(&run, (const void __user *)arg, sizeof(run)))
		return -EFAULT;
	runs = run.what == ICOUNT_ENGINE;
	if (runs && copy_from_user(engine.input, u64_to_user_ptr(run.input),
				   engine.plan->input_size))
		return -EFAULT;
	run.ns = engine_time(run.what);
	if (runs && copy_to_user(u64_to_user_ptr(run.output), engine.output,
				 engine.plan->output_size))
		return -EFAULT;
	return copy_to_user((void __user *)arg, &run, sizeof(run)) ? -EFAULT : 0;
}

static int engine_release(struct inode *inode, struct file *file)
{
	engine_free();
	return 0;
}

static const struct file_operations engine_fops = {
	.owner = THIS_MODULE,
	.write = engine_write,
	.unlocked_ioctl = engine_ioctl,
	.release = engine_release,
};

static struct miscdevice engine_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "inkling-icount",
	.fops = &engine_fops,
};
module_misc_device(engine_misc);

MODULE_DESCRIPTION("Inkling's engine alone, to be timed");
MODULE_LICENSE("GPL");

// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loading and unloading of the module: the ladder only.
 *
 * The order down is that of who may still come in: first the doors are closed,
 * then what is left in the house is freed.
 */
#include <linux/module.h>
#include <net/genetlink.h>
#include "ink.h"
#include <linux/inkling_netlink.h>

struct workqueue_struct *ink_wq;
enum ink_isa ink_isa __ro_after_init;

static int __init ink_init(void)
{
	int err, kfuncs;

	ink_isa = ink_isa_best();
	ink_wq = alloc_workqueue("inkling", WQ_UNBOUND, 0);
	if (!ink_wq)
		return -ENOMEM;
	err = ink_slots_init();
	if (err)
		goto err_wq;
	err = ink_loads_init();
	if (err)
		goto err_slots;
	err = ink_cdev_init();
	if (err)
		goto err_loads;
	err = ink_netlink_init();
	if (err)
		goto err_cdev;
	kfuncs = ink_kfunc_init();
	pr_info("inkling: %s, doors: netlink ok, /dev/inkling ok, io_uring %s, kfuncs %s\n",
		ink_isa_name(ink_isa), IS_ENABLED(CONFIG_IO_URING) ? "ok" : "off", !kfuncs ? "ok" : kfuncs == -EOPNOTSUPP ?
		"off (the module was built without BTF: see 'inkling doctor')" : "off");
	if (kfuncs && kfuncs != -EOPNOTSUPP)
		pr_warn("inkling: BPF refuses the kfuncs: error %d\n", kfuncs);
	return 0;

err_cdev:
	ink_cdev_exit();
err_loads:
	ink_loads_exit();
err_slots:
	ink_slots_exit();
err_wq:
	destroy_workqueue(ink_wq);
	return err;
}
module_init(ink_init);

static void __exit ink_exit(void)
{
	ink_netlink_exit();	/* waits for messages that are being handled */
	ink_cdev_exit();	/* open files would have kept the module */
	ink_loads_exit();
	ink_slots_exit();	/* waits for runs under RCU */
	destroy_workqueue(ink_wq);	/* models are freed */
}
module_exit(ink_exit);

MODULE_DESCRIPTION("Small verified neural networks for hooks in the kernel");
MODULE_AUTHOR("The Inkling project");
MODULE_LICENSE("GPL");
MODULE_ALIAS_GENL_FAMILY(INKLING_FAMILY_NAME);

// SPDX-License-Identifier: GPL-2.0-only
/*
 * The buffer that a session shares with processes, for io_uring commands.
 *
 * What lives here: its pages, where the kernel sees them and where a process
 * does. What doesn't: what is in it (session.c).
 *
 * Memory of vmalloc_user() isn't charged to anybody and no other kernel memory
 * may be mapped by a process as it is: so these are single pages, charged to
 * the memory cgroup of who binds. A mapping holds its pages, so that it outlives
 * the session.
 */
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include "ink.h"

static int buffer_fill(struct ink_buffer *buffer)
{
	u32 i, n = buffer->size >> PAGE_SHIFT;

	buffer->pages = kvcalloc(n, sizeof(*buffer->pages), GFP_KERNEL_ACCOUNT);
	if (!buffer->pages)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		if (fatal_signal_pending(current))
			return -EINTR;
		buffer->pages[i] = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
		if (!buffer->pages[i])
			return -ENOMEM;
	}
	buffer->data = vmap(buffer->pages, n, VM_MAP, PAGE_KERNEL);
	return buffer->data ? 0 : -ENOMEM;
}

/**
 * ink_buffer_create() - make a buffer of zeros
 * @size: bytes, not 0; rounded up to whole pages
 *
 * Context: a task; sleeps.
 * Return: the buffer, or -E2BIG above INKLING_BUFFER_MAX, -ENOMEM, -EINTR.
 */
struct ink_buffer *ink_buffer_create(u64 size)
{
	struct ink_buffer *buffer;
	int err;

	if (size > INKLING_BUFFER_MAX)
		return ERR_PTR(-E2BIG);
	buffer = kzalloc(sizeof(*buffer), GFP_KERNEL_ACCOUNT);
	if (!buffer)
		return ERR_PTR(-ENOMEM);
	buffer->size = PAGE_ALIGN(size);
	err = buffer_fill(buffer);
	if (!err)
		return buffer;
	ink_buffer_free(buffer);
	return ERR_PTR(err);
}

/* Also of one that was made in part; NULL is fine. */
void ink_buffer_free(struct ink_buffer *buffer)
{
	u32 i;

	if (!buffer)
		return;
	vunmap(buffer->data);
	for (i = 0; buffer->pages && i < buffer->size >> PAGE_SHIFT && buffer->pages[i]; i++)
		__free_page(buffer->pages[i]);
	kvfree(buffer->pages);
	kfree(buffer);
}

/**
 * ink_buffer_mmap() - let a process see it
 * @buffer: of the file that is mapped
 * @vma: where; its offset is that in the buffer
 *
 * Return: 0, -EINVAL not MAP_SHARED, -ENXIO not within the buffer.
 */
int ink_buffer_mmap(struct ink_buffer *buffer, struct vm_area_struct *vma)
{
	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	return vm_map_pages(vma, buffer->pages, buffer->size >> PAGE_SHIFT);
}

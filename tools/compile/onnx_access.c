// SPDX-License-Identifier: GPL-2.0-only
/*
 * Looking at an ONNX model that was read.
 *
 * What lives here: attributes, metadata, and names of nodes and values as they
 * are shown to people. What doesn't: reading (onnx_read.c).
 */
#include <stdio.h>
#include <string.h>

#include "onnx_graph.h"

static const char *rotating(char **buffer)
{
	static char buffers[4][128];
	static unsigned int next;

	*buffer = buffers[next++ % 4];
	return *buffer;
}

const char *ink_onnx_label(const struct ink_onnx_node *node)
{
	char op[40], name[48], *to;

	rotating(&to);
	ink_printable(op, sizeof(op), node->pb->op_type);
	if (node->pb->name && node->pb->name[0])
		snprintf(to, 128, "%s at node %u (%s)", op, node->index,
			 ink_printable(name, sizeof(name), node->pb->name));
	else
		snprintf(to, 128, "%s at node %u", op, node->index);
	return to;
}

const char *ink_onnx_value_name(const struct ink_onnx *model, uint32_t value)
{
	char *to;

	rotating(&to);
	return ink_printable(to, 64, value < model->n_values ? model->values[value].name : "");
}

const char *ink_onnx_metadata(const struct ink_onnx *model, const char *key)
{
	size_t i;

	for (i = 0; i < model->pb->n_metadata_props; i++) {
		const Inkonnx__StringStringEntry *e = model->pb->metadata_props[i];

		if (e->key && !strcmp(e->key, key))
			return e->value ? e->value : "";
	}
	return NULL;
}

const Inkonnx__Attribute *ink_onnx_attr(const struct ink_onnx_node *node, const char *name)
{
	size_t i;

	for (i = 0; i < node->pb->n_attribute; i++) {
		const Inkonnx__Attribute *a = node->pb->attribute[i];

		if (a->name && !strcmp(a->name, name))
			return a;
	}
	return NULL;
}

bool ink_onnx_attr_int(const struct ink_onnx_node *node, const char *name, int64_t *value,
		       struct ink_diag *why)
{
	const Inkonnx__Attribute *a = ink_onnx_attr(node, name);

	if (!a)
		return true;
	/* A zero need not be in the file when the type says that it is an integer. */
	if (!a->has_i && a->type != 2)
		return ink_fail(why, "%s: attribute %s isn't an integer", ink_onnx_label(node), name);
	*value = a->i;
	return true;
}

bool ink_onnx_attr_float(const struct ink_onnx_node *node, const char *name, double *value,
			 struct ink_diag *why)
{
	const Inkonnx__Attribute *a = ink_onnx_attr(node, name);

	if (!a)
		return true;
	if ((!a->has_f && a->type != 1) || !__builtin_isfinite(a->f))
		return ink_fail(why, "%s: attribute %s isn't a finite number", ink_onnx_label(node),
				name);
	*value = a->f;
	return true;
}

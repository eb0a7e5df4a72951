// SPDX-License-Identifier: GPL-2.0-only
/*
 * Feature schemas; see schema.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <libelf.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "rows.h"
#include "schema.h"

const struct ink_schema ink_schema_flow = {
	ink_flow_schema, ink_flow_names, INK_FLOW_FEATURES, INK_FLOW_NAMES,
};

/* Copy a section's bytes; *@size is 0 when there is none of that name. */
static void *ink_elf_section(Elf *elf, const char *name, size_t *size)
{
	size_t strings;
	Elf_Scn *section = NULL;

	*size = 0;
	if (elf_getshdrstrndx(elf, &strings))
		return NULL;
	while ((section = elf_nextscn(elf, section))) {
		const char *found;
		Elf_Data *data;
		GElf_Shdr header;
		void *copy;

		if (!gelf_getshdr(section, &header))
			continue;
		found = elf_strptr(elf, strings, header.sh_name);
		if (!found || strcmp(found, name))
			continue;
		data = elf_rawdata(section, NULL);
		if (!data || !data->d_buf || !data->d_size)
			return NULL;
		copy = ink_xalloc(1, data->d_size);
		memcpy(copy, data->d_buf, data->d_size);
		*size = data->d_size;
		return copy;
	}
	return NULL;
}

const char *ink_schema_read(const char *path, struct ink_schema *schema)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t features = 0, names = 0;
	void *f = NULL, *n = NULL;
	Elf *elf;

	if (fd < 0)
		return ink_fmt("can't open it: %s", strerror(errno));
	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	if (elf && elf_kind(elf) == ELF_K_ELF) {
		f = ink_elf_section(elf, INK_SCHEMA_SECTION, &features);
		n = ink_elf_section(elf, INK_NAMES_SECTION, &names);
	}
	elf_end(elf);
	close(fd);
	schema->features = f;
	schema->names = n;
	schema->n_features = (uint32_t)(features / sizeof(*schema->features));
	schema->n_names = (uint32_t)(names / sizeof(*schema->names));
	if (schema->n_features && !(features % sizeof(*schema->features)) &&
	    !(names % sizeof(*schema->names)))
		return NULL;
	free(f);
	free(n);
	return "it isn't a BPF object with a feature schema";
}

uint64_t ink_schema_number(const struct ink_schema *s)
{
	return ink_schema_id(s->features, s->n_features, s->names, s->n_names);
}

void ink_schema_model(const struct ink_model *model, struct ink_schema *s)
{
	s->features = ink_model_features(model);
	s->names = ink_model_names(model);
	s->n_features = ink_model_header(model)->n_features;
	s->n_names = ink_model_header(model)->n_names;
}

static const char *ink_feature_kind(const struct inkling_feature *f)
{
	return f->kind == INKLING_FEATURE_CATEGORY ?
		ink_fmt("a category of %u names", f->n_names) :
		ink_fmt("a number with %u decimals", f->decimals);
}

/* The categories of a feature lie within the table, or there is nothing to compare. */
static const struct inkling_name *ink_feature_names(const struct ink_schema *s, uint32_t i)
{
	const struct inkling_feature *f = &s->features[i];

	if (f->kind != INKLING_FEATURE_CATEGORY || f->n_names > s->n_names ||
	    f->first_name > s->n_names - f->n_names)
		return NULL;
	return s->names + f->first_name;
}

const char *ink_schema_difference(const struct ink_schema *mine, const struct ink_schema *theirs)
{
	uint32_t i, j;

	for (i = 0; i < mine->n_features && i < theirs->n_features; i++) {
		const struct inkling_feature *a = &mine->features[i], *b = &theirs->features[i];
		const struct inkling_name *a_names = ink_feature_names(mine, i);
		const struct inkling_name *b_names = ink_feature_names(theirs, i);

		if (strncmp(a->name, b->name, sizeof(a->name)))
			return ink_fmt("feature %u is \"%.40s\" in the program and \"%s\" in the model",
				       i, a->name, ink_fmt_safe(ink_fmt("%.40s", b->name)));
		if (a->kind != b->kind || a->decimals != b->decimals || a->n_names != b->n_names)
			return ink_fmt("feature \"%.40s\" is %s in the program and %s in the model",
				       a->name, ink_feature_kind(a), ink_feature_kind(b));
		for (j = 0; a_names && b_names && j < a->n_names; j++)
			if (strncmp(a_names[j].name, b_names[j].name, sizeof(a_names[j].name)))
				return ink_fmt("category %u of feature \"%.40s\" is \"%.32s\" in the "
					       "program and \"%s\" in the model", j, a->name,
					       a_names[j].name,
					       ink_fmt_safe(ink_fmt("%.32s", b_names[j].name)));
	}
	if (mine->n_features != theirs->n_features)
		return ink_fmt("the program has %u features and the model %u", mine->n_features,
			       theirs->n_features);
	return ink_schema_number(mine) == ink_schema_number(theirs) ? NULL :
		"names of categories differ";
}

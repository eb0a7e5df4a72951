/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Feature schemas: of a BPF object, of a model, and how they differ.
 *
 * What lives here: reading a schema out of an object file and comparing two of
 * them for people. What doesn't: the id, which libinkling computes.
 */
#ifndef INK_SCHEMA_H
#define INK_SCHEMA_H

#include <stdint.h>
#include <inkling.h>

/**
 * struct ink_schema - a list of features
 * @features: n_features of them
 * @names: categories
 * @n_features: of @features
 * @n_names: of @names
 */
struct ink_schema {
	const struct inkling_feature *features;
	const struct inkling_name *names;
	uint32_t n_features;
	uint32_t n_names;
};

/* The schema that this program was built with. */
extern const struct ink_schema ink_schema_flow;

/**
 * ink_schema_read() - schema of a BPF object
 * @path: of the object
 * @schema: set; its tables are the caller's to free
 *
 * Return: NULL, or what is wrong with the object.
 */
const char *ink_schema_read(const char *path, struct ink_schema *schema);
uint64_t ink_schema_number(const struct ink_schema *schema);
void ink_schema_model(const struct ink_model *model, struct ink_schema *schema);

/**
 * ink_schema_difference() - the first feature in which two schemas differ
 * @mine: of the program
 * @theirs: of the model
 *
 * Return: one line for a person, or NULL when they are equal.
 */
const char *ink_schema_difference(const struct ink_schema *mine, const struct ink_schema *theirs);

#endif /* INK_SCHEMA_H */

// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Models in this process: the engine around a .ink file.
 *
 * What lives here: reading a file, verifying and planning it by the shared
 * core, running it with an arena of its own, and what a model of sequences
 * remembers from run to run. What doesn't: any rule of the format (kmod/core).
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "internal.h"

struct ink_model {
	void *image;
	size_t size;
	struct ink_graph *graph;
	struct ink_plan *plan;
	void *arena;
	void *state;		/* plan->state_size bytes, or NULL */
	u32 position;		/* tokens that the states hold */
	enum ink_isa isa;	/* INK_ISA_SCALAR or the plan's */
};

/*
 * The file is read, not mapped: what was verified must not change afterwards,
 * and a file that shrinks under a mapping kills its reader.
 */
static void *read_image(const char *path, size_t *size)
{
	struct stat st;
	char *image = NULL;
	size_t done = 0;
	ssize_t n;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0) {
		ink_failure_set(errno, "%s: %s", path, strerror(errno));
		goto fail;
	}
	if (!S_ISREG(st.st_mode)) {
		ink_failure_set(EINVAL, "%s isn't a regular file", path);
		goto fail;
	}
	if (st.st_size > INKLING_MAX_IMAGE) {
		ink_failure_set(EFBIG, "%s has %lld bytes, a model has at most %u", path,
				(long long)st.st_size, INKLING_MAX_IMAGE);
		goto fail;
	}
	image = ink_port_alloc((size_t)st.st_size);
	if (!image) {
		ink_failure_set(ENOMEM, "%s: no memory for its %lld bytes", path,
				(long long)st.st_size);
		goto fail;
	}
	while (done < (size_t)st.st_size) {
		n = read(fd, image + done, (size_t)st.st_size - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			ink_failure_set(n ? errno : EIO, "%s: %s", path,
					n ? strerror(errno) : "became shorter while it was read");
			goto fail;
		}
		done += (size_t)n;
	}
	close(fd);
	*size = done;
	return image;
fail:
	if (fd >= 0)
		close(fd);
	ink_port_free(image);
	return NULL;
}

/* Takes over @image. */
static struct ink_model *model_new(void *image, size_t size)
{
	struct ink_model *model = calloc(1, sizeof(*model));
	struct ink_why why = { .op = INKLING_NONE, .tensor = INKLING_NONE };

	if (!model) {
		ink_port_free(image);
		ink_failure_set(ENOMEM, "no memory for a model");
		return NULL;
	}
	model->image = image;
	model->size = size;
	model->graph = ink_graph_parse(image, size, &why);
	if (model->graph)
		model->plan = ink_plan_build(model->graph, ink_isa_best(), &why);
	if (!model->plan) {
		ink_failure_why(&why);
		goto fail;
	}
	model->isa = model->plan->isa;
	model->arena = ink_port_zalloc(ink_tile_size(model->plan, model->plan->tile));
	if (model->plan->state_size)
		model->state = ink_port_zalloc(model->plan->state_size);
	if (!model->arena || (model->plan->state_size && !model->state)) {
		ink_failure_set(ENOMEM, "no memory for the model's arena and states");
		goto fail;
	}
	return model;
fail:
	ink_model_close(model);
	errno = ink_failure_last()->code;
	return NULL;
}

struct ink_model *ink_model_open(const char *path)
{
	size_t size;
	void *image = read_image(path, &size);

	return image ? model_new(image, size) : NULL;
}

struct ink_model *ink_model_open_image(const void *image, size_t size)
{
	void *copy;

	if (size > INKLING_MAX_IMAGE) {
		ink_failure_set(EFBIG, "image has %zu bytes, a model has at most %u", size,
				INKLING_MAX_IMAGE);
		return NULL;
	}
	copy = ink_port_alloc(size);
	if (!copy) {
		ink_failure_set(ENOMEM, "no memory for an image of %zu bytes", size);
		return NULL;
	}
	if (size)
		memcpy(copy, image, size);
	return model_new(copy, size);
}

/* Nothing of a text outlives its reset: neither keys and values, nor what the last run left. */
static void forget(struct ink_model *model)
{
	if (model->state)
		explicit_bzero(model->state, model->plan->state_size);
	if (model->state && model->arena)
		explicit_bzero(model->arena, ink_tile_size(model->plan, model->plan->tile));
	model->position = 0;
}

void ink_model_close(struct ink_model *model)
{
	if (!model)
		return;
	forget(model);
	ink_port_free(model->state);
	ink_port_free(model->arena);
	ink_plan_free(model->plan);
	ink_graph_free(model->graph);
	ink_port_free(model->image);
	free(model);
}

const void *ink_model_image(const struct ink_model *model, size_t *size)
{
	*size = model->size;
	return model->image;
}

const struct inkling_header *ink_model_header(const struct ink_model *model)
{
	return model->graph->header;
}

const struct inkling_card *ink_model_card(const struct ink_model *model)
{
	return model->graph->card;
}

const struct inkling_feature *ink_model_features(const struct ink_model *model)
{
	return model->graph->features;
}

const struct inkling_name *ink_model_names(const struct ink_model *model)
{
	return model->graph->names;
}

size_t ink_model_input_size(const struct ink_model *model)
{
	return model->plan->input_size;
}

size_t ink_model_output_size(const struct ink_model *model)
{
	return model->plan->output_size;
}

const struct ink_graph *ink_model_graph(const struct ink_model *model)
{
	return model->graph;
}

const struct ink_plan *ink_model_plan(const struct ink_model *model)
{
	return model->plan;
}

void ink_model_stat(const struct ink_model *model, struct ink_model_stat *stat)
{
	*stat = (struct ink_model_stat){
		.macs = model->graph->macs,
		.bytes = model->graph->bytes,
		.memory = model->plan->memory,
		.cost_simd = model->plan->cost_simd,
		.cost_scalar = model->plan->cost_scalar,
		.arena = model->plan->arena_size,
		.contexts = model->plan->contexts,
	};
}

const char *ink_model_isa(const struct ink_model *model)
{
	return ink_isa_name(model->isa);
}

/* A plan is made for one instruction set, and can be run by the scalar code, too. */
static int replan(struct ink_model *model, enum ink_isa isa)
{
	struct ink_why why = { .op = INKLING_NONE, .tensor = INKLING_NONE };
	struct ink_plan *plan = ink_plan_build(model->graph, isa, &why);
	void *arena;

	if (!plan)
		return ink_failure_why(&why);
	arena = ink_port_zalloc(ink_tile_size(plan, plan->tile));
	if (!arena) {
		ink_plan_free(plan);
		return ink_failure_set(ENOMEM, "no memory for the model's arena");
	}
	if (model->state)
		explicit_bzero(model->arena, ink_tile_size(model->plan, model->plan->tile));
	ink_port_free(model->arena);
	ink_plan_free(model->plan);
	model->arena = arena;
	model->plan = plan;
	return 0;
}

int ink_model_isa_set(struct ink_model *model, const char *name)
{
	enum ink_isa isa;
	char all[64] = "";
	int err = 0;

	for (isa = INK_ISA_SCALAR; isa < INK_ISA_NR; isa++) {
		if (!ink_isa_has(isa))
			continue;
		if (!strcmp(name, ink_isa_name(isa)))
			break;
		snprintf(all + strlen(all), sizeof(all) - strlen(all), " %s", ink_isa_name(isa));
	}
	if (isa == INK_ISA_NR)
		return ink_failure_set(EINVAL,
				       "instruction set \"%.20s\" can't be used here; there is:%s",
				       name, all);
	if (isa != INK_ISA_SCALAR && isa != model->plan->isa)
		err = replan(model, isa);
	if (!err)
		model->isa = isa;
	return err;
}

int ink_model_check_sizes(const struct ink_model *model, size_t in_len, size_t out_len)
{
	if (in_len != model->plan->input_size || out_len != model->plan->output_size)
		return ink_failure_set(EINVAL,
				       "input of %zu and output of %zu bytes, the model has %u and %u",
				       in_len, out_len, model->plan->input_size,
				       model->plan->output_size);
	return 0;
}

/* Why the engine doesn't take a sequence. */
static int refuse_tokens(const struct ink_model *model, u32 n)
{
	const struct ink_graph *graph = model->graph;

	if (!n || n > graph->tokens)
		return ink_failure_set(EINVAL, "a sequence of %u tokens, the model takes 1 to %u at a time",
				       n, graph->tokens);
	ink_failure_set(ENOSPC, "%u tokens after %u: the model holds %u", n, model->position,
			graph->context);
	ink_failure_hint("ink_model_reset() forgets some of them, or all");
	return -ENOSPC;
}

/* One sequence, which goes on where the states are; the output stays in the arena. */
static int run_sequence(struct ink_model *model, const void *in)
{
	const struct ink_plan *plan = model->plan;
	u32 i;

	ink_plan_input(plan, model->arena, in);
	if (!ink_plan_accept(plan, model->arena, model->state, model->position))
		return refuse_tokens(model, get_unaligned_le32(in));
	for (i = 0; i < ink_plan_schedule(plan, model->arena, 1)->n_sections; i++)
		ink_plan_section(plan, model->isa, model->arena, 1, i);
	if (model->state)
		model->position += ink_plan_tokens(plan, model->arena);
	return 0;
}

int ink_model_run(struct ink_model *model, const void *in, size_t in_len, void *out,
		  size_t out_len)
{
	int err = ink_model_check_sizes(model, in_len, out_len);

	if (err)
		return err;
	if (!model->graph->tokens) {
		ink_plan_run(model->plan, model->isa, model->arena, in, out);
		return 0;
	}
	err = run_sequence(model, in);
	if (!err)
		ink_plan_output(model->plan, model->arena, out);
	return err;
}

int ink_model_run_tile(struct ink_model *model, const void *in, size_t count)
{
	u32 n = (u32)min_t(size_t, count, model->plan->tile);

	if (model->graph->tokens)
		return run_sequence(model, in) ?: 1;
	ink_plan_run_tile(model->plan, model->isa, model->arena, in, NULL, n);
	return (int)n;
}

const void *ink_model_output_at(struct ink_model *model, size_t i)
{
	return ink_tile_arena(model->plan, model->arena, (u32)i) + model->plan->output_off;
}

int ink_model_run_batch(struct ink_model *model, size_t count, const void *in, size_t in_len,
			void *out, size_t out_len)
{
	int n = ink_model_check_sizes(model, in_len, out_len), k;
	size_t i;

	for (i = 0; n >= 0 && i < count; i += (size_t)n) {
		n = ink_model_run_tile(model, in + i * in_len, count - i);
		for (k = 0; k < n; k++)
			memcpy(out + (i + (size_t)k) * out_len, ink_model_output_at(model, (size_t)k),
			       out_len);
	}
	return min(n, 0);
}

uint32_t ink_model_tokens(const struct ink_model *model)
{
	return model->graph->tokens;
}

void ink_model_put_tokens(const struct ink_model *model, void *in, const uint16_t *tokens,
			  uint32_t n, uint8_t instead)
{
	const struct ink_graph *g = model->graph;
	bool wide = g->tensors[g->header->input].elem == 2;
	struct inkling_sequence *head = in;
	uint8_t *to = (uint8_t *)(head + 1);
	uint32_t i;

	head->n = n;
	for (i = 0; i < n; i++) {
		if (wide)
			put_unaligned_le16(tokens[i], to + 2 * i);
		else
			to[i] = tokens[i] > UINT8_MAX ? instead : (uint8_t)tokens[i];
	}
}

uint32_t ink_model_context(const struct ink_model *model)
{
	return model->graph->context;
}

uint32_t ink_model_position(const struct ink_model *model)
{
	return model->position;
}

int ink_model_reset(struct ink_model *model, uint32_t tokens)
{
	if (tokens > model->position)
		return ink_failure_set(EINVAL, "%u tokens to keep, the model holds %u", tokens,
				       model->position);
	if (tokens)
		model->position = tokens;
	else
		forget(model);
	return 0;
}

int ink_model_state_copy(struct ink_model *to, const struct ink_model *from, uint32_t tokens)
{
	if (to == from || !from->state ||
	    memcmp(to->graph->header->digest, from->graph->header->digest, INKLING_DIGEST_SIZE))
		return ink_failure_set(EINVAL, "states are copied between two models of one image that has states");
	if (tokens > from->position)
		return ink_failure_set(EINVAL, "%u tokens to copy, the model holds %u", tokens,
				       from->position);
	memcpy(to->state, from->state, from->plan->state_size);
	to->position = tokens ? tokens : from->position;
	return 0;
}

void ink_model_verdict(const struct ink_model *model, const void *out, int32_t threshold,
		       struct inkling_verdict *verdict)
{
	s32 score = 0;

	memset(verdict, 0, sizeof(*verdict));
	verdict->class = ink_plan_verdict(model->plan, out, threshold, &score);
	verdict->score = score;
}

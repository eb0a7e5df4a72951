// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Models in this process: the engine around a .ink file.
 *
 * What lives here: reading a file, verifying and planning it by the shared
 * core, running it with an arena of its own. What doesn't: any rule of the
 * format (kmod/core).
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
	if (!model->arena) {
		ink_failure_set(ENOMEM, "no memory for the model's arena");
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

void ink_model_close(struct ink_model *model)
{
	if (!model)
		return;
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

int ink_model_refuse_input(const struct ink_model *model)
{
	if (model->plan->state_size)
		return ink_failure_set(EOPNOTSUPP, "the model keeps states: it needs a slot's session");
	return ink_failure_set(EINVAL, "the input isn't a sequence of 1 to %u tokens",
			       model->plan->graph->tokens);
}

int ink_model_run(struct ink_model *model, const void *in, size_t in_len, void *out,
		  size_t out_len)
{
	int err = ink_model_check_sizes(model, in_len, out_len);

	if (err)
		return err;
	return ink_plan_run(model->plan, model->isa, model->arena, in, out) ? 0 :
	       ink_model_refuse_input(model);
}

size_t ink_model_run_tile(struct ink_model *model, const void *in, size_t count)
{
	u32 n = (u32)min_t(size_t, count, model->plan->tile);

	return ink_plan_run_tile(model->plan, model->isa, model->arena, in, NULL, n) ? n : 0;
}

const void *ink_model_output_at(struct ink_model *model, size_t i)
{
	return ink_tile_arena(model->plan, model->arena, (u32)i) + model->plan->output_off;
}

int ink_model_run_batch(struct ink_model *model, size_t count, const void *in, size_t in_len,
			void *out, size_t out_len)
{
	int err = ink_model_check_sizes(model, in_len, out_len);
	size_t i, k, n;

	for (i = 0; !err && i < count; i += n) {
		n = ink_model_run_tile(model, in + i * in_len, count - i);
		if (!n)
			return ink_model_refuse_input(model);
		for (k = 0; k < n; k++)
			memcpy(out + (i + k) * out_len, ink_model_output_at(model, k), out_len);
	}
	return err;
}

void ink_model_verdict(const struct ink_model *model, const void *out, int32_t threshold,
		       struct inkling_verdict *verdict)
{
	s32 score = 0;

	memset(verdict, 0, sizeof(*verdict));
	verdict->class = ink_plan_verdict(model->plan, out, threshold, &score);
	verdict->score = score;
}

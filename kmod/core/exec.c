// SPDX-License-Identifier: GPL-2.0-only OR LGPL-2.1-or-later
/*
 * Running a plan.
 *
 * What lives here: copying in, the loop over sections and steps with the FPU
 * opened around each section, and copying out. What doesn't: arithmetic (ops.c,
 * kmod/arch) and any state; all that changes is the caller's arena.
 */
#include "ops.h"
#include "../arch/x86/x86.h"

void ink_plan_input(const struct ink_plan *plan, void *arena, const void *in)
{
	ink_port_copy((u8 *)arena + plan->input_off, in, plan->input_size);
}

void ink_plan_output(const struct ink_plan *plan, void *arena, void *out)
{
	memcpy(out, (u8 *)arena + plan->output_off, plan->output_size);
}

bool ink_plan_accept(const struct ink_plan *plan, void *arena, void *state, u32 position)
{
	const struct ink_graph *g = plan->graph;
	struct ink_frame *frame = arena;
	u32 n;

	if (!g->tokens)
		return true;
	n = *(const u32 *)((const u8 *)arena + plan->input_off);
	if (!n || n > g->tokens)
		return false;
	if (plan->state_size && (!state || position > g->context || n > g->context - position))
		return false;
	/* Without states each call begins at 0, whatever a caller says. */
	*frame = plan->state_size ?
		(struct ink_frame){ .n = n, .position = position, .state = state } :
		(struct ink_frame){ .n = n };
	return true;
}

static void run_scalar(const struct ink_plan *plan, void *arena, const struct ink_step *s)
{
	u32 i;

	for (i = s->op; i < s->op + s->count; i++)
		ink_op_run(&plan->bound[i], arena, s->first, min(s->rows, plan->bound[i].units));
}

/*
 * What follows is in line for one input, which is what packets bring: a fiftieth
 * of the time of a small model would go into loops over nothing.
 */
static __always_inline void run_vector(const struct ink_plan *plan, void *arenas, u32 n,
				       const struct ink_step *s)
{
	u32 ops = n > 1 && s->in_turn ? 1 : s->count, op, i;

	for (op = 0; op < s->count; op += ops)
		for (i = 0; i < n; i++)
			ink_x86_run(plan->isa, &plan->bound[s->op + op], ops,
				    ink_tile_arena(plan, arenas, i), s->first, s->rows);
}

static __always_inline void run_section(const struct ink_plan *plan, enum ink_isa isa,
					void *arenas, u32 n, u32 section)
{
	const struct ink_schedule *schedule = ink_plan_schedule(plan, arenas, n);
	const struct ink_section *sec = &schedule->sections[section];
	const struct ink_step *s = &schedule->steps[sec->first], *end = s + sec->count;
	bool vector = isa != INK_ISA_SCALAR && sec->vector;
	u32 i;

	if (vector)
		ink_port_fpu_begin();
	for (; s < end; s++) {
		if (vector && s->vector)
			run_vector(plan, arenas, n, s);
		else
			for (i = 0; i < n; i++)
				run_scalar(plan, ink_tile_arena(plan, arenas, i), s);
	}
	if (vector)
		ink_port_fpu_end();
}

void ink_plan_section(const struct ink_plan *plan, enum ink_isa isa, void *arenas, u32 n,
		      u32 section)
{
	run_section(plan, isa, arenas, n, section);
}

void ink_plan_sections(const struct ink_plan *plan, enum ink_isa isa, void *arenas, u32 n)
{
	u32 sections = ink_plan_schedule(plan, arenas, n)->n_sections, i;

	if (n == 1)
		for (i = 0; i < sections; i++)
			run_section(plan, isa, arenas, 1, i);
	else
		for (i = 0; i < sections; i++)
			run_section(plan, isa, arenas, n, i);
}

static __always_inline bool run_inputs(const struct ink_plan *plan, enum ink_isa isa,
				       void *arenas, const void *in, void *out, u32 n)
{
	u32 i;

	for (i = 0; i < n; i++) {
		void *arena = ink_tile_arena(plan, arenas, i);

		ink_plan_input(plan, arena, (const u8 *)in + (size_t)i * plan->input_size);
		if (!ink_plan_accept(plan, arena, NULL, 0))
			return false;
	}
	ink_plan_sections(plan, isa, arenas, n);
	for (i = 0; out && i < n; i++)
		ink_plan_output(plan, ink_tile_arena(plan, arenas, i),
				(u8 *)out + (size_t)i * plan->output_size);
	return true;
}

bool ink_plan_run_tile(const struct ink_plan *plan, enum ink_isa isa, void *arenas,
		       const void *in, void *out, u32 n)
{
	return run_inputs(plan, isa, arenas, in, out, n);
}

bool ink_plan_run(const struct ink_plan *plan, enum ink_isa isa, void *arena,
		  const void *in, void *out)
{
	return run_inputs(plan, isa, arena, in, out, 1);
}

bool ink_isa_has(enum ink_isa isa)
{
	switch (isa) {
	case INK_ISA_SCALAR:
		return true;
	case INK_ISA_AVX2:
		return ink_port_has_avx2();
	case INK_ISA_AVX512VNNI:
		return ink_port_has_avx2() && ink_port_has_avx512vnni();
	case INK_ISA_AVXVNNI:
		return ink_port_has_avx2() && ink_port_has_avxvnni();
	default:
		return false;
	}
}

enum ink_isa ink_isa_best(void)
{
	u32 isa = INK_ISA_NR - 1;

	while (!ink_isa_has(isa))
		isa--;
	return isa;
}

const char *ink_isa_name(enum ink_isa isa)
{
	static const char *const names[INK_ISA_NR] = {
		"scalar", "avx2", "avx512-vnni", "avx-vnni",
	};

	return isa < INK_ISA_NR ? names[isa] : "unknown";
}

// SPDX-License-Identifier: GPL-2.0-only
/*
 * inkling compile: the command.
 *
 * What lives here: options, the progress bar, writing the file. What doesn't:
 * the compilation (compile.c) and its report (report.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "compile.h"
#include "llama.h"
#include "llama_cmd.h"
#include "report.h"
#include "seq_compile.h"

#define MAX_SCHEMA	(1u << 20)

struct choices {
	struct ink_compile_options o;
	const char *out, *schema, *bits, *eval, *tokenizer, *prompts;
	uint32_t decimals;
};

#define OPTION(...) (*p++ = (struct ink_option){ __VA_ARGS__ })

static struct ink_option *main_options(struct ink_option *p, struct choices *c)
{
	OPTION("output", 'o', "FILE", "image to write", INK_OPT_STRING, &c->out);
	OPTION("calibrate", 'c', "FILE",
	       "CSV file with raw features; for a model of tokens, text with a sample a line;\n"
	       "for a language model, a text",
	       INK_OPT_STRING, &c->o.calibrate);
	OPTION("tokens", 0, "FORM",
	       "what a line is: bytes (each byte, plus one; the default), or ids (numbers)",
	       INK_OPT_STRING, &c->o.tokens);
	OPTION("length", 0, "N", "most tokens of a call, for models that take any number;\n"
	       "64 for a language model",
	       INK_OPT_U32, &c->o.length);
	OPTION("label", 'l', "COLUMN", "column with the class of each row: its name or number",
	       INK_OPT_STRING, &c->o.label);
	OPTION("benign", 'n', "NAME",
	       "this label is class 0; with two classes every other one is class 1",
	       INK_OPT_STRING, &c->o.benign);
	OPTION("eval", 'e', "FILE", "compare float and int8 on these rows, not on the calibration's",
	       INK_OPT_STRING, &c->eval);
	OPTION("schema", 's', "FILE",
	       "features, a line each: NAME linear|log2|onehot [decimals=D] [lo=V] [hi=V] [cats=a|b]",
	       INK_OPT_STRING, &c->schema);
	OPTION("decimals", 0, "N", "digits after the point that features without schema keep, 0..9",
	       INK_OPT_U32, &c->decimals);
	OPTION("head", 0, "HEAD", "classes, anomaly, or raw: what a verdict is read off",
	       INK_OPT_STRING, &c->o.head);
	OPTION("classes", 0, "NAMES", "names with commas, the harmless one first", INK_OPT_STRING,
	       &c->o.classes);
	OPTION("threshold", 't', "T",
	       "from which on an input isn't harmless: probability, or distance with --head anomaly",
	       INK_OPT_STRING, &c->o.threshold);
	OPTION("activation-bits", 'b', "BITS",
	       "7, 8, or auto: 7, which may run faster, unless it errs more than a little",
	       INK_OPT_STRING, &c->bits);
	OPTION("rows", 'r', "N", "calibration rows to use at most, default 4096; or tokens, 8192",
	       INK_OPT_U32, &c->o.rows);
	OPTION("graph-output", 0, "NAME", "output of the graph, where it has several",
	       INK_OPT_STRING, &c->o.output);
	return p;
}

static struct ink_option *text_options(struct ink_option *p, struct choices *c)
{
	OPTION("tokenizer", 0, "FILE", "of a language model, in llama2.c's form", INK_OPT_STRING,
	       &c->tokenizer);
	OPTION("prompts", 0, "FILE", "lines that float and int8 go on with, to be compared; 10 at most",
	       INK_OPT_STRING, &c->prompts);
	return p;
}

static void card_options(struct ink_option *p, struct ink_compile_options *o)
{
	OPTION("name", 0, "TEXT", "card: short name", INK_OPT_STRING, &o->name);
	OPTION("model-version", 0, "TEXT", "card: version", INK_OPT_STRING, &o->version);
	OPTION("license", 0, "SPDX", "card: licence", INK_OPT_STRING, &o->license);
	OPTION("description", 0, "TEXT", "card: what the model tells apart", INK_OPT_STRING,
	       &o->description);
	OPTION("training", 0, "TEXT", "card: data set, split, seed", INK_OPT_STRING,
	       &o->training);
	OPTION("accuracy", 0, "TEXT", "card: as measured", INK_OPT_STRING, &o->accuracy);
}

#undef OPTION

static const struct ink_usage *usage(struct choices *c)
{
	static struct ink_option options[28];
	static const struct ink_usage u = {
		.args = "MODEL.onnx|MODEL.bin --calibrate FILE -o MODEL.ink [OPTION]...",
		.about =
		"Makes an image for the kernel of an ONNX model: weights and activations become 8-bit\n"
		"integers, by ranges that are searched for on the calibration rows. These are raw features\n"
		"in a CSV file whose first line names them; some thousand rows like those to come will do.\n"
		"Prints how the integer model compares with the float one.\n\n"
		"Features, classes, threshold and card are taken from the model's metadata (keys\n"
		"inkling.schema, inkling.classes, inkling.head, ...), where no option says otherwise.\n"
		"Without a schema the columns of the CSV file are taken as they are.\n\n"
		"A model whose input is of integers, [1, T], is one of tokens: an encoder of text or\n"
		"packets. Its samples are lines of text.\n\n"
		"A checkpoint of llama2.c becomes a language model; --calibrate and --eval are texts then,\n"
		"and the ranges are those of what the model says by itself where none is given.",
		.options = options,
		.example =
		"inkling compile flow.onnx --calibrate flows.csv -o flow.ink\n"
		"inkling compile m.onnx --calibrate train.csv --label class --eval test.csv -o m.ink --json\n"
		"inkling compile dga.onnx --calibrate names.txt --tokens bytes -o dga.ink\n"
		"inkling compile stories260K.bin --tokenizer tok512.bin --calibrate stories.txt -o stories.ink",
		.min_args = 1,
		.max_args = 1,
	};

	card_options(text_options(main_options(options, c), c), &c->o);
	return &u;
}

static void failed(const struct ink_diag *why)
{
	ink_error(why->text, why->hint[0] ? why->hint : NULL);
}

static char *read_text(const char *path)
{
	char *text = ink_xalloc(MAX_SCHEMA + 1, 1);
	FILE *f = fopen(path, "re");
	size_t n;

	if (!f)
		ink_die(ink_exit_errno(errno), ink_fmt("%s: %s", path, strerror(errno)), NULL);
	n = fread(text, 1, MAX_SCHEMA + 1, f);
	if (ferror(f) || n > MAX_SCHEMA)
		ink_die(INK_EXIT_INPUT, ink_fmt("%s: can't be read, or has more than %u bytes", path,
						MAX_SCHEMA), NULL);
	fclose(f);
	text[n] = 0;
	return text;
}

static void check_files(const struct choices *c, const char *model)
{
	if (!c->out)
		ink_die(INK_EXIT_USAGE, "--output is missing", "say where the image goes: -o MODEL.ink");
	if (access(model, R_OK))
		ink_die(ink_exit_errno(errno), ink_fmt("%s: %s", model, strerror(errno)), NULL);
}

static void check(struct choices *c, const char *onnx)
{
	c->o.onnx = onnx;
	if (!c->o.calibrate)
		ink_die(INK_EXIT_USAGE, "--calibrate is missing",
			"the ranges of the activations are taken from real rows: give a CSV file of them");
	if (c->decimals != UINT32_MAX && c->decimals > 9)
		ink_die(INK_EXIT_USAGE, ink_fmt("--decimals %u: 0 to 9 are possible", c->decimals),
			NULL);
	if (c->o.length > INKLING_MAX_TOKENS)
		ink_die(INK_EXIT_USAGE, ink_fmt("--length %u: 1 to %u are possible", c->o.length,
						INKLING_MAX_TOKENS), NULL);
	c->o.decimals = c->decimals == UINT32_MAX ? -1 : (int)c->decimals;
	if (!c->bits || !strcmp(c->bits, "auto"))
		c->o.bits = 0;
	else if (!strcmp(c->bits, "7") || !strcmp(c->bits, "8"))
		c->o.bits = c->bits[0] - '0';
	else
		ink_die(INK_EXIT_USAGE, ink_fmt("--activation-bits %s isn't 7, 8 or auto",
						ink_fmt_safe(c->bits)), NULL);
	if (c->schema)
		c->o.schema = read_text(c->schema);
}

/* Beside the target first. */
int ink_compile_write(const char *path, const void *image, size_t size)
{
	const char *part = ink_fmt("%s.part", path);
	int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	size_t done = 0;
	ssize_t n = 0;

	if (fd < 0)
		goto fail;
	while (done < size) {
		n = write(fd, (const char *)image + done, size - done);
		if (n < 0 && errno != EINTR)
			goto fail;
		done += n > 0 ? (size_t)n : 0;
	}
	n = close(fd);
	fd = -1;
	if (n || rename(part, path))
		goto fail;
	return 0;
fail:
	n = errno;
	if (fd >= 0)
		close(fd);
	unlink(part);
	ink_error(ink_fmt("%s: %s", path, strerror((int)n)), NULL);
	return ink_exit_errno((int)n);
}

static void advance(void *arg, uint32_t done, uint32_t total)
{
	struct ink_progress *p = arg;

	p->total = total;
	ink_progress_update(p, done);
}

static bool compare_samples(struct choices *c, const struct ink_compile *k, struct ink_diag *why)
{
	struct ink_samples other = { 0 };
	enum ink_tokens_form form;
	struct ink_report report;
	bool ok = true;

	if (c->eval)
		ok = ink_seq_form(k, c->o.tokens, &form, why) &&
		     ink_samples_read(c->eval, form, INK_TOKENS_SAMPLES, &other, why);
	ok = ok && ink_seq_report(&report, k, c->eval ? &other : &k->samples, why);
	if (ok)
		ink_report_print(&report, k, c->out, c->eval ? c->eval : c->o.calibrate);
	ink_samples_free(&other);
	return ok;
}

/* The rows of --eval, or those of the calibration. */
static bool compare(struct choices *c, const struct ink_compile *k, struct ink_diag *why)
{
	struct ink_rows rows = k->rows, other;
	struct ink_report report;
	bool ok;

	if (k->seq)
		return compare_samples(c, k, why);
	if (c->eval) {
		if (!ink_rows_read(c->eval, k->schema, k->card.n_classes ? c->o.label : NULL,
				   c->o.benign, k->card.classes, k->card.n_classes, &other, why))
			return false;
		rows = other;
	}
	ok = ink_report_run(&report, k, &rows, why);
	if (ok)
		ink_report_print(&report, k, c->out, c->eval ? c->eval : c->o.calibrate);
	if (c->eval)
		ink_rows_free(&other);
	return ok;
}

static int compile_text(const struct choices *c, const char *checkpoint)
{
	const char *base = strrchr(checkpoint, '/');
	char *name = ink_xstrdup(base ? base + 1 : checkpoint), *dot = strrchr(name, '.');
	struct ink_llama_options o = {
		.checkpoint = checkpoint, .out = c->out, .tokenizer = c->tokenizer,
		.calibrate = c->o.calibrate, .eval = c->eval, .prompts = c->prompts,
		.rows = c->o.rows, .tokens = c->o.length,
		.ids = c->o.tokens && !strcmp(c->o.tokens, "ids"),
		.anomaly = c->o.head && !strcmp(c->o.head, "anomaly"),
		.threshold = c->o.threshold ? strtod(c->o.threshold, NULL) : 0,
		.card = {
			.name = c->o.name ? c->o.name : name, .version = c->o.version,
			.license = c->o.license, .description = c->o.description,
			.training = c->o.training, .accuracy = c->o.accuracy,
		},
	};
	int exit;

	if (dot && dot != name)
		*dot = 0;
	exit = ink_llama_command(&o);
	free(name);
	return exit;
}

int cmd_compile(int argc, char **argv)
{
	struct choices c = { .decimals = UINT32_MAX };
	struct ink_progress progress;
	struct ink_compile k = { 0 };
	struct ink_diag why = { 0 };
	int exit = INK_EXIT_INPUT;

	ink_args_parse(argc, argv, usage(&c));
	check_files(&c, argv[1]);
	if (c.tokenizer || ink_llama_is(argv[1]))
		return compile_text(&c, argv[1]);
	check(&c, argv[1]);
	ink_progress_begin(&progress, "searching ranges", 0);
	c.o.progress = advance;
	c.o.arg = &progress;
	if (ink_compile_run(&k, &c.o, &why)) {
		ink_progress_end(&progress);
		if (k.rows.cut || k.samples.cut)
			ink_note("%s: only the first %u rows were read", c.o.calibrate, INK_ROWS_MAX);
		exit = ink_compile_write(c.out, k.image, k.size);
		if (!exit && !compare(&c, &k, &why))
			exit = INK_EXIT_FAILED;
	} else {
		ink_progress_end(&progress);
	}
	if (why.set)
		failed(&why);
	ink_compile_free(&k);
	free((char *)c.o.schema);
	return exit;
}

#include <fcntl.h>
#include <libsmartcols/libsmartcols.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"

void bh_cli_diags(const struct bh_cli *cli, const struct bh_diags *d)
{
	fflush(stdout);
	for (const struct bh_diag *one = d->first; one; one = one->next) {
		BH_AUTO_BUF b = { 0 };
		if (one->severity != BH_ERROR && cli->quiet)
			continue;
		bh_diag_render(one, cli->color, &b);
		fputs(bh_buf_text(&b), stderr);
	}
}

int bh_cli_flush(const struct bh_cli *cli)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return BH_EXIT_OK;
	if (errno == EPIPE)
		return BH_EXIT_SYSTEM;
	return bh_cli_fail(cli, BH_EXIT_SYSTEM, "cannot write the answer: %s", strerror(errno));
}

int bh_cli_json(const struct bh_cli *cli, json_t *doc)
{
	int r = doc ? json_dumpf(doc, stdout, JSON_INDENT(2) | JSON_PRESERVE_ORDER) : -1;

	json_decref(doc);
	if (r < 0)
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "cannot write the answer: %s",
			doc ? strerror(errno) : "out of memory");
	putchar('\n');
	return bh_cli_flush(cli);
}

int bh_cli_read_file(
	const struct bh_cli *cli, const char *path, size_t limit, char **ret, size_t *len)
{
	bool in = !strcmp(path, "-");
	int fd = in ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return bh_cli_fail(cli, BH_EXIT_INPUT, "cannot open %s: %s", path, strerror(errno));
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		close(fd);
		return bh_cli_fail(cli, BH_EXIT_INPUT, "%s is a folder, not a file", path);
	}

	BH_AUTO_BUF b = { 0 };
	char chunk[65536];
	ssize_t n = 0;
	while (b.len <= limit && (n = read(fd, chunk, sizeof chunk)) > 0)
		bh_buf_add(&b, chunk, (size_t)n);
	int err = errno;
	if (!in)
		close(fd);
	if (n < 0)
		return bh_cli_fail(cli, BH_EXIT_INPUT, "cannot read %s: %s", path, strerror(err));
	if (b.len > limit)
		return bh_cli_fail(cli, BH_EXIT_INPUT, "%s is larger than %zu bytes", path, limit);
	if (!bh_buf_ok(&b))
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "out of memory");
	bh_buf_add(&b, "", 0);
	*ret = b.ptr;
	*len = b.len;
	b = (struct bh_buf){ 0 };
	return BH_EXIT_OK;
}

unsigned bh_cli_width(void)
{
	const char *columns = getenv("COLUMNS");
	struct winsize w;

	if (!isatty(STDOUT_FILENO))
		return UINT_MAX;
	if (columns && atoi(columns) > 0)
		return (unsigned)atoi(columns);
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col)
		return w.ws_col;
	return 80;
}

/* libsmartcols only fails for lack of memory, and a table is small: give up at once. */
static void *must(void *p)
{
	if (!p) {
		fputs("bulkhead: out of memory\n", stderr);
		exit(BH_EXIT_SYSTEM);
	}
	return p;
}

struct libscols_table *bh_cli_table(const struct bh_column *columns, size_t n)
{
	struct libscols_table *t = must(scols_new_table());

	scols_table_set_column_separator(t, "  ");
	scols_table_enable_nowrap(t, 1);
	/* Or \\fs\xray comes out as \\fs\x5cxray; texts from the wire are made safe by said.c. */
	scols_table_enable_noencoding(t, 1);
	for (size_t i = 0; i < n; i++) {
		int flags = (columns[i].right ? SCOLS_FL_RIGHT : 0) |
			    (columns[i].may_shrink ? SCOLS_FL_TRUNC : 0) |
			    (columns[i].lines ? SCOLS_FL_WRAP : 0) |
			    (bh_cli_width() < columns[i].from ? SCOLS_FL_HIDDEN : 0);
		struct libscols_column *c =
			must(scols_table_new_column(t, columns[i].title, 0.0, flags));
		if (columns[i].lines)
			scols_column_set_wrapfunc(
				c, scols_wrapnl_chunksize, scols_wrapnl_nextchunk, NULL);
	}
	return t;
}

struct libscols_line *bh_cli_line(struct libscols_table *t)
{
	return must(scols_table_new_line(t, NULL));
}

void bh_cli_cell(struct libscols_line *l, size_t column, const char *fmt, ...)
{
	char *text;
	va_list ap;

	va_start(ap, fmt);
	int n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0 || scols_line_refer_data(l, column, text) != 0)
		must(NULL);
}

int bh_cli_table_print(const struct bh_cli *cli, struct libscols_table *t)
{
	int r = scols_print_table(t);

	scols_unref_table(t);
	if (r)
		return bh_cli_fail(
			cli, BH_EXIT_SYSTEM, "cannot write the answer: %s", strerror(-r));
	return bh_cli_flush(cli);
}

/* ---- tables that are too long to be held ---- */

enum { LONG = 4096, GAP = 2 };

/* Characters, of UTF-8 that was made safe. */
static size_t length(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += (*s & 0xc0) != 0x80;
	return n;
}

struct rows {
	const struct bh_column *columns;
	size_t n_columns, n;
	bh_cell_fn cell;
	void *ctx;
	size_t *width; /* of each column */
};

/* Row 0 are the titles. */
static const char *cell_text(const struct rows *r, size_t row, size_t column, struct bh_buf *b)
{
	b->len = 0;
	if (row)
		r->cell(r->ctx, row - 1, column, b);
	else
		bh_buf_str(b, r->columns[column].title);
	return bh_buf_text(b);
}

static void measure(const struct rows *r, struct bh_buf *b)
{
	for (size_t row = 0; row <= r->n; row++) {
		for (size_t i = 0; i < r->n_columns; i++)
			r->width[i] = bh_max_size(r->width[i], length(cell_text(r, row, i, b)));
	}
}

static void print_row(const struct rows *r, size_t row, struct bh_buf *b)
{
	size_t gap = 0; /* what stands before the next cell */

	for (size_t i = 0; i < r->n_columns; i++) {
		const char *text = cell_text(r, row, i, b);
		size_t rest = r->width[i] - length(text);
		bool right = r->columns[i].right;
		printf("%*s%s", (int)(gap + (right ? rest : 0)), "", text);
		gap = GAP + (right ? 0 : rest);
	}
	putchar('\n');
}

static int print_rows(const struct bh_cli *cli, struct rows *r)
{
	BH_AUTO_BUF b = { 0 };

	r->width = must(calloc(r->n_columns, sizeof *r->width));
	measure(r, &b);
	for (size_t row = 0; row <= r->n; row++)
		print_row(r, row, &b);
	free(r->width);
	return bh_buf_ok(&b) ? bh_cli_flush(cli)
			     : bh_cli_fail(cli, BH_EXIT_SYSTEM, "out of memory");
}

int bh_cli_rows(const struct bh_cli *cli, const struct bh_column *columns, size_t n_columns,
	size_t n, bh_cell_fn cell, void *ctx)
{
	struct rows r = { columns, n_columns, n, cell, ctx, NULL };

	if (n > LONG && !isatty(STDOUT_FILENO))
		return print_rows(cli, &r);
	struct libscols_table *t = bh_cli_table(columns, n_columns);
	for (size_t row = 0; row < n; row++) {
		struct libscols_line *l = bh_cli_line(t);
		for (size_t i = 0; i < n_columns; i++) {
			BH_AUTO_BUF b = { 0 };
			cell(ctx, row, i, &b);
			bh_cli_cell(l, i, "%s", bh_buf_text(&b));
		}
	}
	return bh_cli_table_print(cli, t);
}

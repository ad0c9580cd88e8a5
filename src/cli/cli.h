/*
 * cli: one file per subcommand, one option table for parsing, --help, the man page
 * check and completion; text or JSON from one writer.
 */
#pragma once

#include <jansson.h>
#include <stdio.h>

#include "base/diag.h"

/* Exit statuses of every command. */
enum bh_exit {
	BH_EXIT_OK = 0,
	BH_EXIT_NO = 1, /* finished, and the answer is "no" */
	BH_EXIT_USAGE = 2,
	BH_EXIT_INPUT = 3, /* input refused, with its place */
	BH_EXIT_SYSTEM = 4, /* the system refused */
};

struct bh_option {
	const char *name; /* long name, without the dashes */
	char letter; /* 0: none */
	/* NULL: a flag; else the argument's name in --help, in brackets when it may be
	 * missing: then it is a number. */
	const char *arg;
	const char *help;
	int id; /* what bh_cli_next returns; unique within the command, > 0 */
};

struct bh_cli {
	bool json, quiet, verbose, color;
	const char *db; /* --db as given; NULL: the default place */
	const char *reveal; /* the key of pseudonyms; NULL: they stay */
	/* The rest is cli/main.c's own. */
	const struct bh_command *command;
	int argc, at;
	char **argv;
	const char *cluster; /* "-abc": what is left of it */
	const char *value;
	bool only_words; /* after "--" */
};

struct bh_command {
	const char *name; /* "show", or "policy check": two words are fine */
	const char *args; /* usage after the name: "[options] FILE…" */
	const char *summary; /* one line */
	const char *about; /* paragraphs for --help; NULL: summary only */
	const struct bh_option *options; /* ends with { 0 }; the common ones are added */
	int (*run)(struct bh_cli *cli);
};

/* The next option's id, 0 for a plain word, -1 at the end; the option's argument (NULL: it
 * is missing, and may be) or the word is in cli->value.  A wrong option ends the program with a
 * sentence. */
int bh_cli_next(struct bh_cli *cli);

/* "bulkhead show: sentence" on stderr; returns status so that callers can
 * `return bh_cli_fail(cli, BH_EXIT_INPUT, …)`. */
int bh_cli_fail(const struct bh_cli *cli, int status, const char *fmt, ...) BH_PRINTF(3, 4);
/* The same for exit 2, with "try --help". */
int bh_cli_usage(const struct bh_cli *cli, const char *fmt, ...) BH_PRINTF(2, 3);

/* All diags to stderr (rendered, coloured if stderr is a terminal). */
void bh_cli_diags(const struct bh_cli *cli, const struct bh_diags *d);

/* Prints the document on stdout and lets go of it; returns an exit status (0, or 4
 * when stdout cannot be written). */
int bh_cli_json(const struct bh_cli *cli, json_t *doc);

/* A whole file, "-" for stdin, at most limit bytes; caller frees.  Returns 0 or an
 * exit status after saying why. */
int bh_cli_read_file(
	const struct bh_cli *cli, const char *path, size_t limit, char **ret, size_t *len);

/* A table for people; columns are cut to the terminal, never in a pipe. */
struct bh_column {
	const char *title;
	bool right; /* numbers */
	bool may_shrink; /* cut first when the terminal is narrow */
	bool lines; /* its cells have line breaks */
	unsigned from; /* the narrowest terminal on which it is shown */
};
/* Columns of the terminal; UINT_MAX in a pipe, which gets everything. */
unsigned bh_cli_width(void);
struct libscols_table;
struct libscols_line;
struct libscols_table *bh_cli_table(const struct bh_column *columns, size_t n);
struct libscols_line *bh_cli_line(struct libscols_table *t);
void bh_cli_cell(struct libscols_line *l, size_t column, const char *fmt, ...) BH_PRINTF(3, 4);
/* The same of n rows, each cell told when it is asked for: a table too long for a terminal
 * is not held. */
typedef void (*bh_cell_fn)(void *ctx, size_t row, size_t column, struct bh_buf *ret);
int bh_cli_rows(const struct bh_cli *cli, const struct bh_column *columns, size_t n_columns,
	size_t n, bh_cell_fn cell, void *ctx);
/* Prints and frees; returns an exit status, 4 after saying why it cannot be written. */
int bh_cli_table_print(const struct bh_cli *cli, struct libscols_table *t);

/* stdout could not be written (a full disk; a closed pipe ends us silently): 4. */
int bh_cli_flush(const struct bh_cli *cli);

#include <getopt.h>
#include <locale.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/commands.h"

/* What every command understands besides its own. */
enum { OPT_HELP = 1000, OPT_JSON, OPT_DB, OPT_REVEAL, OPT_QUIET, OPT_VERBOSE, OPT_COLOR };

static const struct bh_option common[] = {
	{ "json", 0, NULL, "one JSON document on standard output", OPT_JSON },
	{ "db", 0, "PATH", "the inventory database", OPT_DB },
	{ "reveal", 0, "KEYFILE", "show names that it keeps as pseudonyms", OPT_REVEAL },
	{ "quiet", 'q', NULL, "say only what was asked for", OPT_QUIET },
	{ "verbose", 'v', NULL, "say more about what is done", OPT_VERBOSE },
	{ "color", 0, "WHEN", "auto, always or never", OPT_COLOR },
	{ "help", 'h', NULL, "this text", OPT_HELP },
	{ 0 },
};

int bh_cli_fail(const struct bh_cli *cli, int status, const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fprintf(stderr, "bulkhead%s%s: ", cli->command ? " " : "",
		cli->command ? cli->command->name : "");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return status;
}

int bh_cli_usage(const struct bh_cli *cli, const char *fmt, ...)
{
	BH_AUTO_BUF b = { 0 };
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	bh_buf_printf(&b, "bulkhead%s%s", cli->command ? " " : "",
		cli->command ? cli->command->name : "");
	fflush(stdout);
	fprintf(stderr, "%s: %s (try '%s --help')\n", bh_buf_text(&b), text, bh_buf_text(&b));
	return BH_EXIT_USAGE;
}

static void print_options(const struct bh_option *o)
{
	for (; o->name; o++) {
		char left[64];

		snprintf(left, sizeof left, "%c%c%s --%s%s%s", o->letter ? '-' : ' ',
			o->letter ? o->letter : ' ', o->letter ? "," : " ", o->name,
			o->arg ? " " : "", o->arg ? o->arg : "");
		printf("  %-28s %s\n", left, o->help);
	}
}

static int help_all(void)
{
	puts("bulkhead: see who uses SMB, allow only that, and prove that the kernel obeys\n\n"
	     "usage: bulkhead VERB [options]\n");
	for (size_t i = 0; bh_commands[i]; i++)
		printf("  %-20s %s\n", bh_commands[i]->name, bh_commands[i]->summary);
	puts("\nbulkhead VERB --help tells about one verb.\n"
	     "Exit status: 0 done, 1 the answer is no, 2 usage, 3 input refused, 4 the system refused.");
	return BH_EXIT_OK;
}

static int help_command(const struct bh_command *c)
{
	printf("usage: bulkhead %s %s\n\n%s\n", c->name, c->args, c->summary);
	if (c->about)
		printf("\n%s\n", c->about);
	puts("\noptions:");
	if (c->options)
		print_options(c->options);
	print_options(common);
	return BH_EXIT_OK;
}

static const struct bh_option *find_long(
	const struct bh_option *o, const char *name, size_t len, unsigned *like)
{
	const struct bh_option *found = NULL;

	for (; o && o->name; o++) {
		if (strncmp(o->name, name, len))
			continue;
		if (!o->name[len]) {
			*like = 1;
			return o;
		}
		++*like;
		found = o;
	}
	return found;
}

static const struct bh_option *find_letter(const struct bh_option *o, char letter)
{
	for (; o && o->name; o++) {
		if (o->letter && o->letter == letter)
			return o;
	}
	return NULL;
}

_Noreturn static void bad_option(struct bh_cli *cli, const char *what, const char *text)
{
	exit(bh_cli_usage(cli, "%s '%s'", what, text));
}

static const char *next_word(struct bh_cli *cli, const char *option)
{
	if (cli->at >= cli->argc)
		exit(bh_cli_usage(cli, "option '%s' needs an argument", option));
	return cli->argv[cli->at++];
}

static void set_color(struct bh_cli *cli, const char *when)
{
	if (!strcmp(when, "always"))
		cli->color = true;
	else if (!strcmp(when, "never"))
		cli->color = false;
	else if (strcmp(when, "auto"))
		exit(bh_cli_usage(cli, "--color is auto, always or never, not '%s'", when));
}

/* Handles a common option here; any other goes to the command. */
static int take(struct bh_cli *cli, const struct bh_option *o)
{
	switch (o->id) {
	case OPT_HELP: exit(help_command(cli->command));
	case OPT_JSON: cli->json = true; return -2;
	case OPT_DB: cli->db = cli->value; return -2;
	case OPT_REVEAL: cli->reveal = cli->value; return -2;
	case OPT_QUIET: cli->quiet = true; return -2;
	case OPT_VERBOSE: cli->verbose = true; return -2;
	case OPT_COLOR: set_color(cli, cli->value); return -2;
	default: return o->id;
	}
}

/* Of an option whose argument may be missing: what follows, if it begins with a digit. */
static const char *next_number(struct bh_cli *cli)
{
	const char *word = cli->at < cli->argc ? cli->argv[cli->at] : "";

	if (word[0] < '0' || word[0] > '9')
		return NULL;
	cli->at++;
	return word;
}

static int next_long(struct bh_cli *cli, const char *text)
{
	const char *name = text + 2, *eq = strchr(name, '=');
	size_t len = eq ? (size_t)(eq - name) : strlen(name);
	unsigned own = 0, shared = 0;
	const struct bh_option *o = find_long(cli->command->options, name, len, &own);
	const struct bh_option *c = find_long(common, name, len, &shared);

	if (own + shared > 1 && !(o && !o->name[len]) && !(c && !c->name[len]))
		bad_option(cli, "ambiguous option", text);
	if (!o || (c && !c->name[len]))
		o = c ? c : o;
	if (!o)
		bad_option(cli, "unknown option", text);
	if (eq && !o->arg)
		bad_option(cli, "an option without argument was given one:", text);
	cli->value = NULL;
	if (o->arg && !eq && o->arg[0] == '[')
		cli->value = next_number(cli);
	else if (o->arg)
		cli->value = eq ? eq + 1 : next_word(cli, text);
	return take(cli, o);
}

static int next_letter(struct bh_cli *cli)
{
	char letter[3] = { '-', *cli->cluster, '\0' };
	const struct bh_option *o = find_letter(cli->command->options, letter[1]);

	if (!o)
		o = find_letter(common, letter[1]);
	if (!o)
		bad_option(cli, "unknown option", letter);
	cli->cluster++;
	cli->value = NULL;
	if (o->arg) {
		cli->value = *cli->cluster ? cli->cluster : next_word(cli, letter);
		cli->cluster = NULL;
	}
	return take(cli, o);
}

int bh_cli_next(struct bh_cli *cli)
{
	for (;;) {
		int id = -2;

		if (cli->cluster && *cli->cluster) {
			id = next_letter(cli);
		} else if (cli->at >= cli->argc) {
			return -1;
		} else {
			const char *word = cli->argv[cli->at++];
			if (cli->only_words || word[0] != '-' || !word[1]) {
				cli->value = word;
				return 0;
			}
			if (!strcmp(word, "--")) {
				cli->only_words = true;
				continue;
			}
			if (word[1] == '-') {
				id = next_long(cli, word);
			} else {
				cli->cluster = word + 1;
				continue;
			}
		}
		if (id != -2)
			return id;
	}
}

/* So many wrong letters still look like a word that exists. */
#define MAX_TYPOS 2u

/* Levenshtein distance to the first n letters of b, small words only: for "did you mean". */
static unsigned distance(const char *a, const char *b, size_t n)
{
	unsigned row[32];

	if (n >= BH_LEN(row) || strlen(a) >= BH_LEN(row))
		return 99;
	for (unsigned j = 0; j <= n; j++)
		row[j] = j;
	for (unsigned i = 1; a[i - 1]; i++) {
		unsigned diagonal = row[0];
		row[0] = i;
		for (unsigned j = 1; j <= n; j++) {
			unsigned cost = diagonal + (a[i - 1] != b[j - 1]);
			diagonal = row[j];
			unsigned step = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
			row[j] = cost < step ? cost : step;
		}
	}
	return row[n];
}

/* One word or two ("policy check"); *used says how many. */
static const struct bh_command *find(int argc, char **argv, int *used)
{
	const char *second = argc > 2 ? argv[2] : "";

	/* "show --diff A B" reads as well as "show diff A B". */
	if (!strcmp(second, "--diff"))
		second += 2;
	for (size_t i = 0; bh_commands[i]; i++) {
		const char *name = bh_commands[i]->name, *space = strchr(name, ' ');
		if (!space && !strcmp(argv[1], name)) {
			*used = 1;
			return bh_commands[i];
		}
		if (space && argc > 2 && strlen(argv[1]) == (size_t)(space - name) &&
			!strncmp(argv[1], name, (size_t)(space - name)) &&
			!strcmp(second, space + 1)) {
			*used = 2;
			return bh_commands[i];
		}
	}
	return NULL;
}

/* What follows that first word in a name of two; NULL when this is no such name. */
static const char *second_word(const char *name, const char *first, size_t len)
{
	return !strncmp(name, first, len) && name[len] == ' ' ? name + len + 1 : NULL;
}

/* The nearest so far of what was meant. */
struct guess {
	const char *word;
	size_t len;
	unsigned off;
};

static void consider(struct guess *g, const char *typed, const char *word, size_t len)
{
	unsigned off = distance(typed, word, len);

	if (off < g->off)
		*g = (struct guess){ .word = word, .len = len, .off = off };
}

static struct guess guess_second(const char *first, size_t len, const char *typed)
{
	struct guess g = { .off = MAX_TYPOS + 1 };

	for (size_t i = 0; bh_commands[i]; i++) {
		const char *second = second_word(bh_commands[i]->name, first, len);
		if (second)
			consider(&g, typed, second, strlen(second));
	}
	return g;
}

static int help_family(const char *first)
{
	printf("usage: bulkhead %s VERB\n\n", first);
	for (size_t i = 0; bh_commands[i]; i++) {
		if (second_word(bh_commands[i]->name, first, strlen(first)))
			printf("  %-20s %s\n", bh_commands[i]->name, bh_commands[i]->summary);
	}
	return BH_EXIT_OK;
}

/* The first word of two is right, the second missing or wrong; -1: it is not. */
static int half_a_verb(const struct bh_cli *cli, const char *first, const char *typed)
{
	BH_AUTO_BUF b = { 0 };
	struct guess g = guess_second(first, strlen(first), typed);

	for (size_t i = 0; bh_commands[i]; i++) {
		const char *second = second_word(bh_commands[i]->name, first, strlen(first));
		if (second)
			bh_buf_printf(&b, "%s%s", b.len ? ", " : "", second);
	}
	if (!b.len)
		return -1;
	if (!strcmp(typed, "--help") || !strcmp(typed, "-h"))
		return help_family(first);
	if (!g.word)
		return bh_cli_usage(cli, "'%s' goes with one of: %s", first, bh_buf_text(&b));
	return bh_cli_usage(cli, "'%s' goes with one of: %s; did you mean '%s'?", first,
		bh_buf_text(&b), g.word);
}

static int unknown_verb(const struct bh_cli *cli, const char *first, const char *second)
{
	int r = half_a_verb(cli, first, second);
	struct guess g = { .off = MAX_TYPOS + 1 };

	if (r >= 0)
		return r;
	for (size_t i = 0; bh_commands[i]; i++)
		consider(&g, first, bh_commands[i]->name, strcspn(bh_commands[i]->name, " "));
	if (!g.word)
		return bh_cli_usage(cli, "there is no verb '%s'", first);
	struct guess more = guess_second(g.word, g.len, second);
	return bh_cli_usage(cli, "there is no verb '%s'; did you mean '%.*s%s%s'?", first,
		(int)g.len, g.word, more.word ? " " : "", more.word ? more.word : "");
}

int main(int argc, char **argv)
{
	struct bh_cli cli = { .argc = argc, .argv = argv };
	int used = 0;

	setlocale(LC_CTYPE, "C.UTF-8");
	cli.color = isatty(STDERR_FILENO) && !getenv("NO_COLOR");
	if (argc < 2) {
		help_all();
		return BH_EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help"))
		return help_all();
	if (!strcmp(argv[1], "--version")) {
		puts("bulkhead " BH_VERSION);
		return BH_EXIT_OK;
	}
	const struct bh_command *c = find(argc, argv, &used);
	if (!c)
		return unknown_verb(&cli, argv[1], argc > 2 ? argv[2] : "");
	cli.command = c;
	cli.at = used + 1;
	return c->run(&cli);
}

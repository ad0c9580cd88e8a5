#include "cli/audit_server.h"

#include <fcntl.h>
#include <nettle/sha2.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include "cli/child.h"

#define CONF         "/etc/samba/smb.conf" /* where every package has it */
#define MAX_INCLUDES 20u /* one in the other */

#define NAMES(...) ((const char *const[]){ __VA_ARGS__, NULL })

struct reading {
	const struct bh_cli *cli;
	struct bh_diags *d;
	struct bh_audit_server *s;
	unsigned depth;
	int said; /* an exit status, after the reason was said */
};

/* ---- the programs ---- */

/* The last line with something in it: testparm ends with what is wrong. */
static void last_line(const struct bh_buf *err, char *ret, size_t size)
{
	const char *text = bh_buf_text(err);
	size_t end = err->len, start;

	while (end && (text[end - 1] == '\n' || text[end - 1] == ' '))
		end--;
	for (start = end; start && text[start - 1] != '\n'; start--)
		;
	snprintf(ret, size, "%.*s", (int)bh_min_size(end - start, size - 1), text + start);
	for (; *ret; ret++) {
		if ((unsigned char)*ret < 0x20)
			*ret = ' ';
	}
}

static int ask(
	const struct bh_cli *cli, const char *const argv[], struct bh_buf *out, struct bh_buf *err)
{
	char why[300];
	int status = 0, r = bh_child_run(argv, BH_SMBCONF_BYTES, out, err, &status);

	if (r == -ENOENT)
		return bh_cli_fail(cli, BH_EXIT_SYSTEM,
			"%s is not installed here: run this on the Samba server, or give what "
			"testparm printed there with --from FILE",
			argv[0]);
	if (r)
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "cannot run %s: %s", argv[0], strerror(-r));
	if (!status)
		return 0;
	last_line(err, why, sizeof why);
	if (!out->len)
		return bh_cli_fail(
			cli, BH_EXIT_INPUT, "%s says: %s", argv[0], *why ? why : "nothing");
	/* It found something amiss, and went on: so does Samba. */
	if (!cli->quiet && *why)
		fprintf(stderr, "bulkhead %s: %s remarks: %s\n", cli->command->name, argv[0], why);
	return 0;
}

static int understand(const struct bh_cli *cli, struct bh_smbconf *c, const char *file,
	struct bh_span text, struct bh_diags *d)
{
	int r = bh_smbconf_read(c, file, text, d);

	if (r == -E2BIG)
		return bh_cli_fail(cli, BH_EXIT_INPUT, "%s is larger than any smb.conf", file);
	if (r == -ENOMEM)
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "out of memory");
	if (r == -EBADMSG)
		bh_cli_diags(cli, d);
	return r ? BH_EXIT_INPUT : 0; /* -ECANCELED: an included one, which said why */
}

static const char *sha256_of(struct bh_span text, struct bh_arena *a)
{
	uint8_t digest[SHA256_DIGEST_SIZE];
	char hex[2 * SHA256_DIGEST_SIZE + 1];
	struct sha256_ctx h;

	sha256_init(&h);
	sha256_update(&h, text.len, text.ptr);
	sha256_digest(&h, sizeof digest, digest);
	for (size_t i = 0; i < sizeof digest; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	return bh_arena_str(a, hex);
}

/* ---- the registry ---- */

static int read_registry(struct reading *x)
{
	const char *const argv[] = { "net", "-s", x->s->conf, "conf", "list", NULL };
	BH_AUTO_BUF out = { 0 };
	BH_AUTO_BUF err = { 0 };

	if (x->s->has_registry)
		return 0;
	x->s->has_registry = true;
	int r = ask(x->cli, argv, &out, &err);
	return r ? r
		 : understand(x->cli, &x->s->registry, "net conf list",
			   bh_span_of(out.ptr, out.len), x->d);
}

/* "include = registry" brings the registry's [global]; of it, testparm hides this. */
static int include_registry(struct reading *x)
{
	struct bh_smbconf *text = &x->s->text;
	struct bh_smbconf_section *now = text->now;
	BH_AUTO_BUF b = { 0 };
	int r = read_registry(x);
	const char *level = bh_smbconf_own(&x->s->registry.global, NAMES("loglevel", "debuglevel"));

	if (r || !level)
		return r;
	bh_buf_printf(&b, "[global]\nlog level = %s\n", level);
	r = understand(x->cli, text, "net conf list", bh_span_of(b.ptr, b.len), x->d);
	text->now = now;
	return r;
}

/* ---- smb.conf ---- */

static int read_text(struct reading *x, const char *path)
{
	char *text = NULL;
	size_t len = 0;
	int r = bh_cli_read_file(x->cli, path, BH_SMBCONF_BYTES, &text, &len);

	if (!r)
		r = understand(x->cli, &x->s->text, path, bh_span_of(text, len), x->d);
	free(text);
	return r;
}

/* Samba passes over what is not there; what is another file for each client is noted by
 * the plan. */
static int include(void *ctx, const char *path)
{
	struct reading *x = ctx;
	int r = 0;

	if (!strcmp(path, "registry")) {
		r = include_registry(x);
	} else if (path[0] == '/' && !strchr(path, '%') && !access(path, F_OK) &&
		   x->depth < MAX_INCLUDES) {
		x->depth++;
		r = read_text(x, path);
		x->depth--;
	}
	x->said = r;
	return r ? -ECANCELED : 0;
}

/* ---- this machine's ---- */

/* "Load smb config files from /etc/samba/smb.conf": the one it means without ours. */
static const char *conf_of(const struct bh_buf *err, struct bh_arena *a)
{
	static const char mark[] = "Load smb config files from ";
	const char *at = strstr(bh_buf_text(err), mark);

	if (!at)
		return bh_arena_str(a, CONF);
	at += strlen(mark);
	return bh_arena_strn(a, at, strcspn(at, "\r\n"));
}

static const char *full_path(const char *path, struct bh_arena *a)
{
	char *whole = path[0] == '/' ? NULL : realpath(path, NULL);
	const char *ret = bh_arena_str(a, whole ? whole : path);

	free(whole);
	return ret;
}

static int run_testparm(struct reading *x, const char *conf, struct bh_arena *a)
{
	const char *const argv[] = { "testparm", "-s", conf, NULL };
	BH_AUTO_BUF out = { 0 };
	BH_AUTO_BUF err = { 0 };
	int r = ask(x->cli, argv, &out, &err);

	if (r)
		return r;
	x->s->conf = conf ? conf : conf_of(&err, a);
	x->s->shares.printed = true;
	x->s->sha256 = sha256_of(bh_span_of(out.ptr, out.len), a);
	return understand(x->cli, &x->s->shares, "testparm", bh_span_of(out.ptr, out.len), x->d);
}

static bool is_registry(const struct bh_smbconf *c)
{
	const char *backend = bh_smbconf_own(&c->global, NAMES("configbackend"));

	return backend && !strcasecmp(backend, "registry");
}

static void begin(struct bh_audit_server *s, struct bh_arena *a)
{
	*s = (struct bh_audit_server){ .shares.arena = a, .text.arena = a, .registry.arena = a };
}

int bh_audit_server(const struct bh_cli *cli, const char *conf, struct bh_arena *a,
	struct bh_diags *d, struct bh_audit_server *ret)
{
	struct reading x = { .cli = cli, .d = d, .s = ret };

	begin(ret, a);
	int r = run_testparm(&x, conf ? full_path(conf, a) : NULL, a);
	if (r)
		return r;
	ret->has_text = true;
	ret->text.include = include;
	ret->text.ctx = &x;
	r = read_text(&x, ret->conf);
	if (r)
		return x.said ? x.said : r;
	ret->all_registry = is_registry(&ret->text);
	if (ret->all_registry ||
		bh_smbconf_bool(
			bh_smbconf_own(&ret->shares.global, NAMES("registryshares")), false))
		r = read_registry(&x);
	ret->text.include = NULL;
	return r;
}

/* ---- another machine's ---- */

int bh_audit_server_from(const struct bh_cli *cli, const char *file, const char *conf,
	struct bh_arena *a, struct bh_diags *d, struct bh_audit_server *ret)
{
	static const char *const own[] = { "include", NULL };
	char *text = NULL;
	size_t len = 0;

	begin(ret, a);
	ret->conf = conf ? conf : CONF;
	int r = bh_cli_read_file(cli, file, BH_SMBCONF_BYTES, &text, &len);
	if (!r)
		r = understand(cli, &ret->shares, file, bh_span_of(text, len), d);
	if (!r && ret->shares.printed)
		ret->sha256 = sha256_of(bh_span_of(text, len), a);
	free(text);
	if (r)
		return r;
	const char *included = bh_smbconf_own(&ret->shares.global, own);
	if (is_registry(&ret->shares) || (included && !strcmp(included, "registry")) ||
		bh_smbconf_bool(
			bh_smbconf_own(&ret->shares.global, NAMES("registryshares")), false))
		return bh_cli_fail(cli, BH_EXIT_INPUT,
			"%s says that shares are kept in the registry, and not which: run this on "
			"that server itself",
			file);
	ret->has_text = !ret->shares.printed;
	return 0;
}

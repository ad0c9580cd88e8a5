/* audit samba: what has a Samba server tell who uses it, and what ends this.  Prints, or
 * writes into a folder; changes nothing else. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/audit_server.h"
#include "cli/said.h"

#define MAX_SHARES   256u
#define MAX_DAYS     366
#define DEFAULT_DAYS 14

enum { OPT_DAYS = 1, OPT_SHARE, OPT_OPENS, OPT_SYSLOG, OPT_CONFIG, OPT_FROM, OPT_WRITE };

static const struct bh_option options[] = {
	{ "days", 0, "NUMBER", "for so many days (default 14)", OPT_DAYS },
	{ "share", 0, "NAME", "this share alone (repeatable)", OPT_SHARE },
	{ "opens", 0, NULL, "log each file that is opened, too: many lines", OPT_OPENS },
	{ "syslog", 0, NULL, "connections to shares go to syslog (local5.notice)", OPT_SYSLOG },
	{ "config", 0, "FILE", "the server's smb.conf, where it is not Samba's own", OPT_CONFIG },
	{ "from", 0, "FILE", "what testparm -s printed there, or a smb.conf", OPT_FROM },
	{ "write", 0, "DIR", "write the files into this folder", OPT_WRITE },
	{ 0 },
};

struct ask {
	int64_t days;
	const char *only[MAX_SHARES];
	size_t n_only;
	bool opens, syslog;
	const char *config, *from, *folder;
};

/* All that is printed. */
struct answer {
	struct bh_audit p;
	struct bh_audit_file files[BH_AUDIT_FILES];
	size_t n_files;
};

static int take_option(struct bh_cli *cli, struct ask *q, int id)
{
	char *end;

	switch (id) {
	case OPT_DAYS:
		q->days = strtol(cli->value, &end, 10);
		if (*end || cli->value[0] < '0' || cli->value[0] > '9' || q->days < 1 ||
			q->days > MAX_DAYS)
			return bh_cli_usage(cli, "--days is a number from 1 to %d, not '%s'",
				MAX_DAYS, cli->value);
		return 0;
	case OPT_SHARE:
		if (q->n_only == MAX_SHARES)
			return bh_cli_usage(
				cli, "more than %u shares: leave --share out for all", MAX_SHARES);
		q->only[q->n_only++] = cli->value;
		return 0;
	case OPT_OPENS: q->opens = true; return 0;
	case OPT_SYSLOG: q->syslog = true; return 0;
	case OPT_CONFIG: q->config = cli->value; return 0;
	case OPT_FROM: q->from = cli->value; return 0;
	case OPT_WRITE: q->folder = cli->value; return 0;
	default:
		return bh_cli_usage(cli,
			"audit samba takes no word ('%s'); name a share with "
			"--share",
			cli->value);
	}
}

/* ---- JSON ---- */

static json_t *text_or_null(const char *s)
{
	return s ? json_string(s) : json_null();
}

static json_t *list_json(const char *value, struct bh_arena *a)
{
	json_t *v = json_array();
	struct bh_smbconf_list l;

	bh_smbconf_list(value, a, &l);
	for (size_t i = 0; i < l.n; i++)
		json_array_append_new(v, json_string(l.v[i]));
	return v;
}

static json_t *share_json(const struct bh_audit_share *s, struct bh_arena *a)
{
	json_t *o = json_object();

	json_object_set_new(o, "name", json_string(s->name));
	json_object_set_new(o, "how", json_string(bh_audit_how_names[s->how]));
	json_object_set_new(o, "registry", json_boolean(s->registry));
	json_object_set_new(o, "vfs_objects_before", list_json(s->before, a));
	json_object_set_new(o, "vfs_objects", list_json(s->after, a));
	json_object_set_new(o, "prefix", text_or_null(s->prefix));
	return o;
}

static json_t *files_json(const struct answer *x)
{
	json_t *v = json_array();

	for (size_t i = 0; i < x->n_files; i++) {
		const struct bh_audit_file *f = &x->files[i];
		json_t *o = json_object();
		json_object_set_new(o, "name", json_string(f->name));
		json_object_set_new(o, "goes_to", text_or_null(f->goes_to));
		json_object_set_new(o, "text", json_string(f->text));
		json_array_append_new(v, o);
	}
	return v;
}

static json_t *texts_json(const char *const v[], size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i < n && v[i]; i++)
		json_array_append_new(list, json_string(v[i]));
	return list;
}

static json_t *answer_json(const struct answer *x, struct bh_arena *a)
{
	const struct bh_audit *p = &x->p;
	json_t *o = json_object(), *shares = json_array();
	BH_AUTO_BUF until = { 0 };

	bh_time_format(p->until, &until);
	for (const struct bh_audit_share *s = p->first; s; s = s->next)
		json_array_append_new(shares, share_json(s, a));
	json_object_set_new(o, "config", json_string(p->conf));
	json_object_set_new(o, "days", json_integer((json_int_t)p->days));
	json_object_set_new(o, "until", json_string(bh_buf_text(&until)));
	json_object_set_new(o, "shares", shares);
	json_object_set_new(o, "others", p->others ? share_json(p->others, a) : json_null());
	json_object_set_new(o, "log_level_before", text_or_null(p->level_before));
	json_object_set_new(o, "log_level", json_string(p->level));
	json_object_set_new(o, "syslog", json_boolean(p->syslog));
	json_object_set_new(o, "logs", texts_json(p->logs, BH_AUDIT_LOGS));
	json_object_set_new(o, "notes", texts_json(p->notes, p->n_notes));
	json_object_set_new(o, "files", files_json(x));
	return o;
}

/* ---- for people ---- */

static void share_line(struct libscols_table *t, const struct bh_audit_share *s, const char *name)
{
	static const char *const why[BH_AUDIT_HOWS] = {
		[BH_AUDIT_EXTENDED] = " (as it is, and logs more)",
		[BH_AUDIT_ALREADY] = " (as it is)",
		[BH_AUDIT_PRINTER] = "not audited: a printer",
		[BH_AUDIT_NOT_ASKED] = "not audited: not asked for",
	};
	bool audited = s->how != BH_AUDIT_PRINTER && s->how != BH_AUDIT_NOT_ASKED;
	struct libscols_line *l = bh_cli_line(t);

	bh_cli_cell(l, 0, "%s", name);
	bh_cli_cell(l, 1, "%s", *s->before ? s->before : "-");
	bh_cli_cell(l, 2, "%s%s", audited ? s->after : "", why[s->how] ? why[s->how] : "");
}

static int say_shares(const struct bh_cli *cli, const struct bh_audit *p)
{
	static const struct bh_column columns[] = {
		{ "SHARE", false, false },
		{ "VFS OBJECTS NOW", false, true },
		{ "THEN", false, true },
	};
	struct libscols_table *t = bh_cli_table(columns, BH_LEN(columns));

	for (const struct bh_audit_share *s = p->first; s; s = s->next)
		share_line(t, s, s->name);
	if (p->others)
		share_line(t, p->others, "(others)");
	fflush(stdout);
	return bh_cli_table_print(cli, t);
}

static int say_plan(const struct bh_cli *cli, const struct bh_audit *p)
{
	BH_AUTO_BUF b = { 0 };

	bh_time_format(p->until, &b);
	printf("Samba would tell who uses it for %lld day%s, until %s.  Nothing is changed yet.\n\n",
		(long long)p->days, p->days == 1 ? "" : "s", bh_buf_text(&b));
	int r = say_shares(cli, p);
	if (r)
		return r;
	if (p->others)
		puts("\n(others) are IPC$ and shares that smb.conf does not name, such as those of "
		     "net usershare.");
	printf("\nlog level now   %s\n          then  %s\n",
		p->level_before ? p->level_before : "not known", p->level);
	for (size_t i = 0; i < p->n_notes; i++)
		printf("%snote: %s\n", i ? "" : "\n", p->notes[i]);
	return 0;
}

static void say_files(const struct answer *x)
{
	for (size_t i = 0; i < x->n_files; i++) {
		const struct bh_audit_file *f = &x->files[i];
		printf("\n==> %s <==%s%s\n%s", f->name, f->goes_to ? "  which becomes " : "",
			f->goes_to ? f->goes_to : "", f->text);
	}
}

static void say_next(const struct answer *x, const char *folder)
{
	const struct bh_audit *p = &x->p;

	printf("\nTo begin, as root on the server:%s\n",
		folder ? "" : "  (--write DIR writes these files)");
	printf("  sh %s/bulkhead-audit-begin\n", folder ? folder : "DIR");
	printf("It ends by itself, or by:\n  sh %s/bulkhead-audit-end\n", p->folder);
	puts("To read what it told:");
	for (size_t i = 0; i < BH_AUDIT_LOGS && p->logs[i]; i++) {
		const char *quote = strchr(p->logs[i], '*') ? "'" : "";
		printf("  bulkhead watch --samba-audit %s%s%s\n  bulkhead read %s\n", quote,
			p->logs[i], quote, p->logs[i]);
	}
	if (p->syslog)
		puts("  bulkhead watch --journal");
	puts("A share that is connected when it begins is told when it is connected again.\n"
	     "The log names users: keep it, and delete it, as personal data.");
}

/* ---- the folder ---- */

static int write_file(
	const struct bh_cli *cli, int folder, const char *where, const struct bh_audit_file *f)
{
	int fd = openat(
		folder, f->name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, f->mode);
	size_t len = strlen(f->text), at = 0;
	int e = fd < 0 ? errno : 0;

	while (!e && at < len) {
		ssize_t n = write(fd, f->text + at, len - at);
		if (n >= 0)
			at += (size_t)n;
		else if (errno != EINTR)
			e = errno;
	}
	if (fd >= 0 && close(fd) && !e)
		e = errno;
	return e ? bh_cli_fail(cli, BH_EXIT_SYSTEM, "cannot write %s/%s: %s", where, f->name,
			   strerror(e))
		 : 0;
}

static int write_files(const struct bh_cli *cli, const char *where, const struct answer *x)
{
	int r = mkdir(where, 0755) && errno != EEXIST ? -errno : 0;
	int folder = r ? -1 : open(where, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (folder < 0)
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "cannot write into %s: %s", where,
			strerror(r ? -r : errno));
	for (size_t i = 0; !r && i < x->n_files; i++)
		r = write_file(cli, folder, where, &x->files[i]);
	close(folder);
	return r;
}

/* ---- the command ---- */

static int answer(
	struct bh_cli *cli, const struct ask *q, const struct answer *x, struct bh_arena *a)
{
	int r = q->folder ? write_files(cli, q->folder, x) : 0;

	if (r)
		return r;
	if (cli->json)
		return bh_cli_json(cli, answer_json(x, a));
	if (!cli->quiet)
		r = say_plan(cli, &x->p);
	if (r)
		return r;
	if (!q->folder)
		say_files(x);
	if (!cli->quiet)
		say_next(x, q->folder);
	return bh_cli_flush(cli);
}

static int audit(struct bh_cli *cli, const struct ask *q, struct bh_arena *a)
{
	struct bh_diags d = { .arena = a };
	struct bh_audit_server s;
	struct answer x = { .n_files = 0 };
	int r = q->from ? bh_audit_server_from(cli, q->from, q->config, a, &d, &s)
			: bh_audit_server(cli, q->config, a, &d, &s);

	if (r)
		return r;
	const struct bh_smbconf *text = q->from ? &s.shares : &s.text;
	const struct bh_audit_ask in = { .shares = &s.shares,
		.text = s.all_registry ? &s.registry
			: s.has_text   ? text
				       : NULL,
		.registry = s.has_registry ? &s.registry : NULL,
		.all_registry = s.all_registry,
		.sha256 = s.sha256,
		.conf = s.conf,
		.only = q->only,
		.n_only = q->n_only,
		.days = q->days,
		.now = bh_said_now(),
		.opens = q->opens,
		.syslog = q->syslog };
	r = bh_audit_plan(&in, a, &d, &x.p);
	if (r == -EINVAL) {
		bh_cli_diags(cli, &d);
		return BH_EXIT_INPUT;
	}
	if (!r)
		x.n_files = bh_audit_files(&x.p, a, x.files);
	if (r || !bh_arena_ok(a))
		return bh_cli_fail(cli, BH_EXIT_SYSTEM, "out of memory");
	return answer(cli, q, &x, a);
}

static int run(struct bh_cli *cli)
{
	BH_AUTO_ARENA a = { 0 };
	struct ask q = { .days = DEFAULT_DAYS };
	int id, r = 0;

	while (!r && (id = bh_cli_next(cli)) >= 0)
		r = take_option(cli, &q, id);
	return r ? r : audit(cli, &q, &a);
}

const struct bh_command bh_cmd_audit_samba = {
	.name = "audit samba",
	.args = "[options]",
	.summary = "have a Samba server tell who uses it, for some days",
	.about =
		"Asks testparm how Samba is configured and prints the change that has it log each\n"
		"logon and each connection to a share, and the one that ends this: vfs objects\n"
		"that are there keep their place, smb.conf gets one line, and a timer takes it\n"
		"away.  Changes nothing itself.",
	.options = options,
	.run = run,
};

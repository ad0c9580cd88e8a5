#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "cli/audit.h"
#include "cli/audit_log.h"

/* %u is what the session became; with "force user" that is one and the same for everybody,
 * and only %U, what the client asked for, says who it was. */
#define PREFIX       "%u|%I|%i|%m|%S|%R"
#define PREFIX_ASKED "%U|%I|%i|%m|%S|%R"
#define PREFIX_NONE  "%u|%I" /* full_audit's own */

#define LOG_NAME "bulkhead-audit.log"
#define LOG_KIB  262144 /* Samba renames what is longer to .old, and then over that */
#define LOG_OLD  5000 /* its default */

const char *const bh_audit_how_names[BH_AUDIT_HOWS] = {
	[BH_AUDIT_ADDED] = "added",
	[BH_AUDIT_EXTENDED] = "extended",
	[BH_AUDIT_ALREADY] = "already",
	[BH_AUDIT_PRINTER] = "printer",
	[BH_AUDIT_NOT_ASKED] = "not-asked",
};

#define NAMES(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define VFS        NAMES("vfsobjects", "vfsobject")

/* What is being made, and from what. */
struct draft {
	const struct bh_audit_ask *q;
	struct bh_arena *a;
	struct bh_diags *d;
	struct bh_audit p;
	struct bh_audit_share **next_share;
	struct bh_audit_set **next_set;
	bool theirs; /* full_audit is in use already, */
	bool theirs_in_log; /* in some share without syslog */
	bool too_long;
};

static void note(struct draft *m, const char *fmt, ...) BH_PRINTF(2, 3);
static void note(struct draft *m, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (m->p.n_notes < BH_AUDIT_NOTES)
		m->p.notes[m->p.n_notes++] = bh_arena_str(m->a, text);
}

static int refuse(struct draft *m, const char *fmt, ...) BH_PRINTF(2, 3);
static int refuse(struct draft *m, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	bh_diag_add(m->d, BH_ERROR, "%s", text)->file = m->q->conf;
	return -EINVAL;
}

static void set(struct draft *m, bool registry, const char *section, const char *name,
	const char *key, const char *value)
{
	struct bh_audit_set *s = bh_arena_alloc(m->a, sizeof *s);
	const struct bh_smbconf *r = registry ? m->q->registry : NULL;
	const struct bh_smbconf_section *there = NULL;

	if (!s)
		return;
	if (r)
		there = strcmp(section, "global") ? bh_smbconf_find(r, section) : &r->global;
	*s = (struct bh_audit_set){ .section = section,
		.name = name,
		.value = value,
		.registry = registry,
		.old = there ? bh_smbconf_own(there, NAMES(key)) : NULL };
	*m->next_set = s;
	m->next_set = &s->next;
	m->p.any_registry |= registry;
	m->p.any_text |= !registry;
}

static const char *global(const struct draft *m, const char *key)
{
	return bh_smbconf_own(&m->q->shares->global, NAMES(key));
}

/* A module's own option: Samba looks it up in the share, then in [global]. */
static const char *option(
	const struct draft *m, const struct bh_smbconf_section *s, const char *key)
{
	const char *v = s ? bh_smbconf_of(m->q->shares, s, NAMES(key)) : NULL;

	return v ? v : global(m, key);
}

static void list(struct draft *m, const char *value, struct bh_smbconf_list *ret)
{
	bh_smbconf_list(value, m->a, ret);
	m->too_long |= ret->cut || ret->n >= BH_SMBCONF_ITEMS - 2;
}

/* ---- vfs objects ---- */

static bool is_dc(const char *role)
{
	static const char *const names[] = { "active directory domain controller",
		"domain controller", "dc" };

	for (size_t i = 0; role && i < BH_LEN(names); i++) {
		if (!strcasecmp(role, names[i]))
			return true;
	}
	return false;
}

/* source3/param/loadparm.c, init_locals: what a domain controller has when [global] names
 * none.  testparm prints it; a smb.conf leaves it open. */
static const char *implied(const struct draft *m)
{
	if (!is_dc(global(m, "serverrole")))
		return "";
	if (global(m, "xattr_tdb:file"))
		return "dfs_samba4 acl_xattr xattr_tdb";
	if (global(m, "posix:eadb"))
		return "dfs_samba4 acl_xattr posix_eadb";
	return "dfs_samba4 acl_xattr";
}

static const char *vfs_of(const struct draft *m, const struct bh_smbconf_section *s)
{
	const char *v = s ? bh_smbconf_of(m->q->shares, s, VFS)
			  : bh_smbconf_own(&m->q->shares->global, VFS);

	return v ? v : implied(m);
}

/* "full_audit", and with a name of its own: "full_audit:second". */
static bool has_full_audit(const struct bh_smbconf_list *l)
{
	static const char name[] = "full_audit";

	for (size_t i = 0; i < l->n; i++) {
		if (!strncasecmp(l->v[i], name, strlen(name)) &&
			(!l->v[i][strlen(name)] || l->v[i][strlen(name)] == ':'))
			return true;
	}
	return false;
}

static const char *with_full_audit(struct draft *m, const struct bh_smbconf_list *old)
{
	struct bh_smbconf_list l = { .v = { "full_audit" }, .n = 1 };

	for (size_t i = 0; i < old->n && l.n < BH_SMBCONF_ITEMS; i++)
		l.v[l.n++] = old->v[i];
	return bh_smbconf_list_text(&l, m->a);
}

/* An operation that some version of Samba does not know makes it refuse every client;
 * these three are in all of them since 3.3. */
static const char *operations(const struct draft *m)
{
	return m->q->opens ? "connect disconnect create_file" : "connect disconnect";
}

/* vfs_full_audit.c, init_bitmap: in order, "!op" takes away, "none" ends the list. */
static bool logs(const struct bh_smbconf_list *l, const char *op)
{
	bool is = false;

	for (size_t i = 0; i < l->n && strcasecmp(l->v[i], "none"); i++) {
		if (!strcasecmp(l->v[i], "all") || !strcasecmp(l->v[i], op))
			is = true;
		else if (l->v[i][0] == '!' && !strcasecmp(l->v[i] + 1, op))
			is = false;
	}
	return is;
}

/* Their list and what we need; NULL: that is in it. */
static const char *extended(struct draft *m, const char *success)
{
	struct bh_smbconf_list old, ours, l = { .n = 0 };
	bool enough = true;

	list(m, success, &old);
	list(m, operations(m), &ours);
	for (size_t i = 0; i < old.n && strcasecmp(old.v[i], "none"); i++)
		l.v[l.n++] = old.v[i];
	for (size_t i = 0; i < ours.n && l.n < BH_SMBCONF_ITEMS; i++) {
		if (logs(&old, ours.v[i]))
			continue;
		l.v[l.n++] = ours.v[i];
		enough = false;
	}
	return enough ? NULL : bh_smbconf_list_text(&l, m->a);
}

/* ---- shares ---- */

static bool in_registry(const struct draft *m, const char *name)
{
	if (!m->q->registry)
		return false;
	return m->q->all_registry || !m->q->text || !bh_smbconf_find(m->q->text, name);
}

static bool asked_for(const struct draft *m, const char *name)
{
	for (size_t i = 0; i < m->q->n_only; i++) {
		if (!strcasecmp(m->q->only[i], name))
			return true;
	}
	return !m->q->n_only;
}

static const char *prefix_for(const struct draft *m, const struct bh_smbconf_section *s)
{
	const char *user =
		s ? bh_smbconf_of(m->q->shares, s, NAMES("forceuser")) : global(m, "forceuser");

	return user && *user ? PREFIX_ASKED : PREFIX;
}

struct restating {
	struct draft *m;
	const struct bh_audit_share *sh;
};

static void restate_one(void *ctx, const struct bh_smbconf_line *l)
{
	const struct restating *x = ctx;

	set(x->m, false, x->sh->name, l->written, l->name, l->value);
}

/* loadparm.c, add_a_service: a section that comes again loses its options of modules, and
 * with fruit:metadata a Mac loses its files' other half. */
static void restate(
	struct draft *m, const struct bh_smbconf_section *s, const struct bh_audit_share *sh)
{
	if (!sh->registry)
		bh_smbconf_options(m->q->shares, s, restate_one, &(struct restating){ m, sh });
}

/* All in the section itself: options of [global] would change what their shares log. */
static void add(struct draft *m, struct bh_audit_share *sh)
{
	set(m, sh->registry, sh->name, "vfs objects", "vfsobjects", sh->after);
	set(m, sh->registry, sh->name, "full_audit:prefix", "full_audit:prefix", sh->prefix);
	set(m, sh->registry, sh->name, "full_audit:success", "full_audit:success", operations(m));
	set(m, sh->registry, sh->name, "full_audit:failure", "full_audit:failure", "none");
	set(m, sh->registry, sh->name, "full_audit:syslog", "full_audit:syslog",
		m->p.syslog ? "yes" : "no");
	if (!m->p.syslog)
		return;
	set(m, sh->registry, sh->name, "full_audit:facility", "full_audit:facility", "LOCAL5");
	set(m, sh->registry, sh->name, "full_audit:priority", "full_audit:priority", "NOTICE");
}

static void extend(struct draft *m, const struct bh_smbconf_section *s, struct bh_audit_share *sh)
{
	const char *success = extended(m, option(m, s, "full_audit:success"));
	const char *prefix = option(m, s, "full_audit:prefix");

	sh->prefix = prefix ? prefix : PREFIX_NONE;
	sh->how = success ? BH_AUDIT_EXTENDED : BH_AUDIT_ALREADY;
	if (success) {
		restate(m, s, sh);
		set(m, sh->registry, sh->name, "full_audit:success", "full_audit:success", success);
	}
	if (!strstr(sh->prefix, "%I") && !strstr(sh->prefix, "%m") && !strstr(sh->prefix, "%M"))
		note(m,
			"[%s] has a full_audit of its own, and its prefix '%s' names no client: "
			"what it logs cannot be told",
			sh->name, sh->prefix);
}

static void share(struct draft *m, const struct bh_smbconf_section *s)
{
	struct bh_audit_share *sh = bh_arena_alloc(m->a, sizeof *sh);
	struct bh_smbconf_list l;

	if (!sh)
		return;
	list(m, vfs_of(m, s), &l);
	sh->name = s->name;
	sh->registry = in_registry(m, s->name);
	sh->before = sh->after = bh_smbconf_list_text(&l, m->a);
	*m->next_share = sh;
	m->next_share = &sh->next;
	m->p.n_shares++;
	if (!asked_for(m, s->name)) {
		sh->how = BH_AUDIT_NOT_ASKED;
		return;
	}
	if (bh_smbconf_bool(bh_smbconf_of(m->q->shares, s, NAMES("printable", "printok")), false)) {
		sh->how = BH_AUDIT_PRINTER;
		return;
	}
	m->p.n_audited++;
	if (has_full_audit(&l)) {
		extend(m, s, sh);
		return;
	}
	sh->how = BH_AUDIT_ADDED;
	sh->after = with_full_audit(m, &l);
	sh->prefix = prefix_for(m, s);
	restate(m, s, sh);
	add(m, sh);
}

/* [global] as it is at the end of smb.conf holds for what begins later still: IPC$, shares
 * of users (net usershare). */
static void others(struct draft *m)
{
	struct bh_audit_share *sh = bh_arena_alloc(m->a, sizeof *sh);
	struct bh_smbconf_list l;

	if (!sh)
		return;
	list(m, vfs_of(m, NULL), &l);
	sh->name = "global";
	sh->before = bh_smbconf_list_text(&l, m->a);
	sh->after = with_full_audit(m, &l);
	sh->prefix = prefix_for(m, NULL);
	m->p.others = sh;
	add(m, sh);
}

static void look(struct draft *m, const struct bh_smbconf_section *s)
{
	struct bh_smbconf_list l;

	list(m, vfs_of(m, s), &l);
	if (!has_full_audit(&l))
		return;
	m->theirs = true;
	m->theirs_in_log |= !bh_smbconf_bool(option(m, s, "full_audit:syslog"), true);
}

/* ---- where it goes ---- */

/* smb.conf, the shell, sed and systemd read these alike, macros and all. */
static bool is_plain_path(const char *s)
{
	static const char fine[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789/._+@-";

	return s && s[0] == '/' && strspn(s, fine) == strlen(s);
}

static const char *folder_of(struct draft *m, const char *path)
{
	const char *slash = path ? strrchr(path, '/') : NULL;

	return slash ? bh_arena_strn(m->a, path, slash == path ? 1 : (size_t)(slash - path)) : NULL;
}

static int level(struct draft *m)
{
	const char *folder = folder_of(m, global(m, "logfile"));
	const struct bh_smbconf *t = m->q->text;
	struct bh_audit_level v;

	if (!is_plain_path(folder))
		folder = BH_AUDIT_LOG_FOLDER;
	const char *file = bh_arena_printf(m->a, "%s/" LOG_NAME, folder);
	m->p.level_before = bh_smbconf_own(
		t ? &t->global : &m->q->shares->global, NAMES("loglevel", "debuglevel"));
	if (t && !m->p.level_before)
		m->p.level_before = "0";
	int r = bh_audit_level(
		m->p.level_before, file, m->theirs_in_log ? NULL : file, m->p.syslog, m->a, &v);
	if (r)
		return r == -E2BIG ? refuse(m, "'log level' is longer than anybody writes it") : r;
	m->p.level = v.text;
	m->p.logs[0] = v.logons ? v.logons : bh_audit_own_log(m->q->shares, m->a);
	const char *second = v.shares ? v.shares : bh_audit_own_log(m->q->shares, m->a);
	if (!m->p.syslog && second && m->p.logs[0] && strcmp(second, m->p.logs[0]))
		m->p.logs[1] = second;
	if (!m->p.level_before)
		note(m, "testparm does not print 'log level': if smb.conf has one, its items belong in "
			"front of ours; run on the server itself, this sees to it");
	return 0;
}

static int logging_of_all(struct draft *m)
{
	const char *size = global(m, "maxlogsize"), *files = NULL;
	bool registry = m->q->all_registry;
	long kib = size ? strtol(size, NULL, 10) : LOG_OLD;
	int r = level(m);

	if (r)
		return r;
	set(m, registry, "global", "log level", "loglevel", m->p.level);
	files = bh_audit_logging(m->q->shares, m->a);
	if (files)
		set(m, registry, "global", "logging", "logging", files);
	if (kib > 0 && kib < LOG_KIB)
		set(m, registry, "global", "max log size", "maxlogsize",
			bh_arena_printf(m->a, "%d", LOG_KIB));
	return 0;
}

/* ---- what is to be said ---- */

static void say_include(struct draft *m, const struct bh_smbconf_line *l, bool followed)
{
	bool other = !strcmp(l->name, "configfile");
	const char *name = other ? "config file" : "include";

	if (!other && strcmp(l->name, "include"))
		return;
	if (strchr(l->value, '%'))
		note(m,
			"'%s = %s' is another file for each client: shares that stand there alone "
			"are left out",
			name, l->value);
	else if (!followed)
		note(m, "'%s = %s' was not read: what stands there is left out", name, l->value);
}

static void say_includes(struct draft *m)
{
	const struct bh_smbconf *t = m->q->text;
	bool followed = t != m->q->shares;

	if (!t)
		return;
	for (const struct bh_smbconf_line *l = t->global.first; l; l = l->next)
		say_include(m, l, followed);
	for (const struct bh_smbconf_section *s = t->first; s; s = s->next) {
		for (const struct bh_smbconf_line *l = s->first; l; l = l->next)
			say_include(m, l, followed);
	}
}

static void say(struct draft *m)
{
	say_includes(m);
	if (m->p.syslog && !m->q->syslog)
		note(m, "Samba's log has no usual time stamps here, so that connections to shares go "
			"to syslog");
	if (m->theirs)
		note(m, "a share has full_audit already: it keeps its prefix and where it logs to, and "
			"[global] is left alone, so that IPC$ and shares of users are not logged");
	if (bh_smbconf_bool(global(m, "clustering"), false))
		note(m, m->p.any_registry
				? "this is a cluster: its registry is one, so begin on one node; each "
				  "node has a log of its own"
				: "this is a cluster: do the same on every node, each has a smb.conf "
				  "and a log of its own");
	if (is_dc(global(m, "serverrole")))
		note(m,
			"a domain controller logs all logons there, those of LDAP and Kerberos too: "
			"look at the room in %s",
			m->p.logs[0]);
}

/* ---- the plan ---- */

static int check(struct draft *m)
{
	if (!is_plain_path(m->q->conf))
		return refuse(
			m, "'%s' has to be a full path of letters, digits and /._+@-", m->q->conf);
	for (size_t i = 0; i < m->q->n_only; i++) {
		if (!bh_smbconf_find(m->q->shares, m->q->only[i]))
			return refuse(m, "there is no share '%s'", m->q->only[i]);
	}
	return 0;
}

static int make(struct draft *m)
{
	const struct bh_smbconf *c = m->q->shares;
	int r = check(m);

	m->p.folder = folder_of(m, m->q->conf);
	look(m, NULL);
	for (const struct bh_smbconf_section *s = c->first; s; s = s->next)
		look(m, s);
	if (!r)
		r = logging_of_all(m);
	if (r)
		return r;
	if (!m->theirs && !m->q->n_only && !m->q->all_registry)
		others(m);
	for (const struct bh_smbconf_section *s = c->first; s; s = s->next)
		share(m, s);
	if (m->too_long)
		return refuse(m, "a list here has more than %u items", BH_SMBCONF_ITEMS - 2);
	say(m);
	return bh_arena_ok(m->a) ? 0 : -ENOMEM;
}

int bh_audit_plan(
	const struct bh_audit_ask *q, struct bh_arena *a, struct bh_diags *d, struct bh_audit *ret)
{
	struct draft m = { .q = q, .a = a, .d = d };

	m.next_share = &m.p.first;
	m.next_set = &m.p.sets;
	m.p.conf = q->conf;
	m.p.sha256 = q->sha256;
	m.p.days = q->days;
	m.p.until = (q->now / BH_SECOND + q->days * 86400) * BH_SECOND;
	m.p.syslog = q->syslog || bh_audit_odd_times(q->shares);
	int r = make(&m);
	if (r)
		return r;
	*ret = m.p;
	return 0;
}

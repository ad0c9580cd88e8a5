/*
 * "log level" with the classes that tell logons and shares.  smb.conf(5): the parameter is
 * a list, "1 smb:2 full_audit:1@/var/log/audit.log"; each class goes to one file, and a
 * later value replaces an earlier one as a whole.
 */
#include <stdlib.h>
#include <strings.h>

#include "cli/audit_log.h"

#define NAMES(...) ((const char *const[]){ __VA_ARGS__, NULL })

/* auth/auth_log.c: 2 failures, 3 logons, 4 sessions granted (the only trace of Kerberos),
 * 5 anonymous ones.  vfs_full_audit.c: 1. */
enum { LEVEL_LOGONS = 5, LEVEL_SHARES = 1 };

struct class
{
	const char *name;
	long least;
	const char *file; /* where it goes; NULL: Samba's own log */
	bool there;
};

static const char *behind_class(const char *item, const char *class)
{
	size_t n = strlen(class);

	return !strncasecmp(item, class, n) && item[n] == ':' ? item + n + 1 : NULL;
}

/* "auth_json_audit:3@/var/log/x": its own file stays, its level rises. */
static const char *raised(const char *item, struct class *v, size_t n, struct bh_arena *a)
{
	for (size_t i = 0; i < n; i++) {
		const char *at = behind_class(item, v[i].name), *file = at ? strchr(at, '@') : NULL;
		if (!at)
			continue;
		long level = strtol(at, NULL, 10);
		v[i].there = true;
		v[i].file = file && file[1] ? file + 1 : NULL;
		return bh_arena_printf(a, "%s:%ld%s", v[i].name,
			level > v[i].least ? level : v[i].least, file ? file : "");
	}
	return item;
}

int bh_audit_level(const char *old, const char *logons, const char *shares, bool syslog,
	struct bh_arena *a, struct bh_audit_level *ret)
{
	struct class v[] = {
		{ "auth_json_audit", LEVEL_LOGONS, logons, false },
		{ "full_audit", LEVEL_SHARES, shares, false },
	};
	size_t n = syslog ? 1 : BH_LEN(v);
	struct bh_smbconf_list l;

	bh_smbconf_list(old && *old ? old : "0", a, &l);
	if (l.cut || l.n + n > BH_SMBCONF_ITEMS)
		return -E2BIG;
	for (size_t i = 0; i < l.n; i++)
		l.v[i] = raised(l.v[i], v, n, a);
	for (size_t i = 0; i < n; i++) {
		if (!v[i].there)
			l.v[l.n++] = bh_arena_printf(a, "%s:%ld%s%s", v[i].name, v[i].least,
				v[i].file ? "@" : "", v[i].file ? v[i].file : "");
	}
	if (!bh_arena_ok(a))
		return -ENOMEM;
	*ret = (struct bh_audit_level){
		.text = bh_smbconf_list_text(&l, a),
		.logons = v[0].file,
		.shares = syslog ? NULL : v[1].file,
	};
	return bh_arena_ok(a) ? 0 : -ENOMEM;
}

static const char *global(const struct bh_smbconf *c, const char *key)
{
	return bh_smbconf_own(&c->global, NAMES(key));
}

const char *bh_audit_logging(const struct bh_smbconf *c, struct bh_arena *a)
{
	const char *old = global(c, "logging");
	bool only = bh_smbconf_bool(global(c, "syslogonly"), false), there = false;
	struct bh_smbconf_list l;

	bh_smbconf_list(old && *old ? old : only ? "syslog" : "file", a, &l);
	for (size_t i = 0; i < l.n; i++) {
		const char *at = strchr(l.v[i], '@');
		if (strncasecmp(l.v[i], "file", 4) || (l.v[i][4] && l.v[i][4] != '@'))
			continue;
		if (!at || strtol(at + 1, NULL, 10) >= LEVEL_LOGONS)
			return NULL;
		l.v[i] = "file@5";
		there = true;
	}
	if (!there && l.n < BH_SMBCONF_ITEMS)
		l.v[l.n++] = "file";
	return bh_smbconf_list_text(&l, a);
}

const char *bh_audit_own_log(const struct bh_smbconf *c, struct bh_arena *a)
{
	const char *path = global(c, "logfile");
	BH_AUTO_BUF b = { 0 };

	for (path = path && *path ? path : BH_AUDIT_LOG_FOLDER "/log.smbd"; *path; path++) {
		if (*path == '%' && path[1]) {
			bh_buf_str(&b, "*");
			path++;
		} else {
			bh_buf_u8(&b, (uint8_t)*path);
		}
	}
	if (!bh_buf_ok(&b))
		a->failed = true;
	return bh_arena_str(a, bh_buf_text(&b));
}

bool bh_audit_odd_times(const struct bh_smbconf *c)
{
	const char *format = global(c, "debugsyslogformat");
	const char *stamp = bh_smbconf_own(&c->global, NAMES("debugtimestamp", "timestamplogs"));

	return (format && strcasecmp(format, "no") && strcasecmp(format, "false")) ||
	       !bh_smbconf_bool(stamp, true) ||
	       bh_smbconf_bool(global(c, "debugprefixtimestamp"), false);
}

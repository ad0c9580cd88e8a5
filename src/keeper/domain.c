/*
 * domain: of which domains this machine is a member, and who their controllers are, as its
 * own configuration and DNS tell.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "keeper/contacts.h"

#define MAX_FILE  (1u << 20)
#define MAX_FILES 64u /* of one folder */
#define MAX_DEPTH 4u /* of files that include each other */

/* ---- what was learned ---- */

struct realm *membership_realm(struct membership *m, const char *name, size_t len)
{
	for (size_t i = 0; i < m->n; i++) {
		if (strlen(m->v[i].name) == len && !strncasecmp(m->v[i].name, name, len))
			return &m->v[i];
	}
	const char *copy = bh_arena_strn(m->a, name, len);
	if (!len || m->n == MAX_REALMS || !copy)
		return NULL;
	m->v[m->n] = (struct realm){ .name = copy };
	return &m->v[m->n++];
}

/* "dc1.corp.example", "10.0.0.1", and with a port: "dc1:88", "[fd00::1]:88". */
void realm_add_server(
	struct membership *m, struct realm *r, const char *name, size_t len, const char *said)
{
	struct bh_addr addr;

	if (len && *name == '[') {
		const char *end = memchr(name, ']', len);
		name++;
		len = end ? (size_t)(end - name) : 0;
	} else if (bh_addr_parse(name, len, &addr)) {
		const char *colon = memchr(name, ':', len);
		len = colon ? (size_t)(colon - name) : len;
	}
	while (len && name[len - 1] == '.')
		len--;
	for (size_t i = 0; i < r->n_servers; i++) {
		const char *has = r->servers[i].name;
		if (strlen(has) == len && !strncasecmp(has, name, len))
			return;
	}
	const char *copy = len && len < 256 ? bh_arena_strn(m->a, name, len) : NULL;
	if (copy && r->n_servers < MAX_SERVERS)
		r->servers[r->n_servers++] = (struct server){ .name = copy, .said = said };
}

/* A list of controllers; a word that stands for "and whoever DNS names" is no name. */
static void add_list(struct membership *m, struct realm *r, const char *list, const char *said)
{
	bool all = true;
	size_t n;

	for (; (n = conf_word(&list)) > 0; list += n) {
		if ((n == 1 && *list == '*') || (n == 5 && !strncasecmp(list, "_srv_", 5)))
			all = false;
		else
			realm_add_server(m, r, list, n, said);
	}
	r->listed |= all && r->n_servers;
}

/* ---- smb.conf ---- */

struct smb {
	char security[32], role[64], realm[256], servers[1024];
};

static void smb_line(void *ctx, const char *section, const char *key, const char *value)
{
	struct smb *s = ctx;

	if (strcasecmp(section, "global"))
		return;
	if (!strcmp(key, "security"))
		snprintf(s->security, sizeof s->security, "%s", value);
	else if (!strcmp(key, "serverrole"))
		snprintf(s->role, sizeof s->role, "%s", value);
	else if (!strcmp(key, "realm"))
		snprintf(s->realm, sizeof s->realm, "%s", value);
	else if (!strcmp(key, "workgroup") && !s->realm[0])
		snprintf(s->realm, sizeof s->realm, "%s", value);
	else if (!strcmp(key, "passwordserver"))
		snprintf(s->servers, sizeof s->servers, "%s", value);
}

void domain_read_smb(struct membership *m, const char *file, const char *text)
{
	struct smb s = { 0 };

	conf_read(text, smb_line, &s);
	bool controller = strcasestr(s.role, "domain controller");
	bool member = !strcasecmp(s.security, "ads") || !strcasecmp(s.security, "domain") ||
		      strcasestr(s.role, "member");
	struct realm *r = member && !controller
				  ? membership_realm(m, s.realm, strcspn(s.realm, " \t"))
				  : NULL;
	if (!r)
		return;
	r->winbind = true;
	add_list(m, r, s.servers, file);
}

/* ---- sssd.conf ---- */

struct sssd {
	struct membership *m;
	const char *file;
	char section[256];
	bool ad, gpo_off, srv;
	char domain[256], servers[1024];
};

static void sssd_end(struct sssd *s)
{
	const char *name = s->domain[0] ? s->domain : s->section + 7;

	if (s->ad && !s->gpo_off && !strncmp(s->section, "domain/", 7)) {
		struct realm *r = membership_realm(s->m, name, strcspn(name, " \t/"));
		if (r) {
			r->sssd = true;
			add_list(s->m, r, s->servers, s->file);
		}
	}
	*s = (struct sssd){ .m = s->m, .file = s->file };
}

static void sssd_line(void *ctx, const char *section, const char *key, const char *value)
{
	struct sssd *s = ctx;
	size_t n = strlen(s->servers);

	if (strcmp(section, s->section) != 0) {
		sssd_end(s);
		snprintf(s->section, sizeof s->section, "%s", section);
	}
	if (!strcmp(key, "id_provider") || !strcmp(key, "access_provider"))
		s->ad |= !strcasecmp(value, "ad");
	/* Without it, sssd reads policies (GPO) from SYSVOL at every log-on. */
	else if (!strcmp(key, "ad_gpo_access_control"))
		s->gpo_off = !strcasecmp(value, "disabled");
	else if (!strcmp(key, "ad_domain"))
		snprintf(s->domain, sizeof s->domain, "%s", value);
	else if (!strcmp(key, "ad_server") || !strcmp(key, "ad_backup_server"))
		snprintf(s->servers + n, sizeof s->servers - n, "%s, ", value);
}

void domain_read_sssd(struct membership *m, const char *file, const char *text)
{
	struct sssd s = { .m = m, .file = file };

	conf_read(text, sssd_line, &s);
	sssd_end(&s);
}

/* ---- Kerberos ---- */

struct krb5 {
	struct membership *m;
	const char *file;
};

/* A realm that nobody here logs people on by is no business of ours. */
static void krb5_line(void *ctx, const char *section, const char *key, const char *value)
{
	struct krb5 *k = ctx;

	if (strncasecmp(section, "realms/", 7) || strcmp(key, "kdc"))
		return;
	for (size_t i = 0; i < k->m->n; i++) {
		struct realm *r = &k->m->v[i];
		if (!strcasecmp(r->name, section + 7) && !r->listed)
			realm_add_server(k->m, r, value, conf_word(&value), k->file);
	}
}

void domain_read_krb5(struct membership *m, const char *file, const char *text)
{
	struct krb5 k = { .m = m, .file = file };

	conf_read(text, krb5_line, &k);
}

void domain_read_kdcinfo(
	struct membership *m, const char *realm, const char *file, const char *text)
{
	for (size_t i = 0; i < m->n; i++) {
		struct realm *r = &m->v[i];
		const char *at = text;
		if (strcasecmp(r->name, realm) != 0)
			continue;
		while (*at) {
			size_t n = strcspn(at, "\r\n");
			realm_add_server(m, r, at, n, file);
			at += n + strspn(at + n, "\r\n");
		}
	}
}

/* ---- this machine ---- */

typedef void (*read_fn)(struct membership *m, const char *file, const char *text);

/* A file's text; NULL when it cannot be read. */
static const char *slurp(const char *path, struct bh_buf *b)
{
	FILE *f = fopen(path, "re");
	char chunk[4096];
	size_t n;

	if (!f)
		return NULL;
	while (b->len < MAX_FILE && (n = fread(chunk, 1, sizeof chunk, f)) > 0)
		bh_buf_add(b, chunk, n);
	fclose(f);
	return bh_buf_ok(b) ? bh_buf_text(b) : NULL;
}

/* Files that a file names are read in its place: "include = FILE" of smb.conf, "include
 * FILE" and "includedir FOLDER" of krb5.conf. */
struct gather {
	struct bh_buf text;
	unsigned depth;
};

static void gather_file(struct gather *g, const char *path);

static void gather_folder(struct gather *g, const char *folder)
{
	struct dirent **v = NULL;
	int n = scandir(folder, &v, NULL, alphasort);

	for (int i = 0; i < n; i++) {
		char path[512];
		if (i < (int)MAX_FILES && v[i]->d_name[0] != '.' &&
			snprintf(path, sizeof path, "%s/%s", folder, v[i]->d_name) <
				(int)sizeof path)
			gather_file(g, path);
		free(v[i]);
	}
	free(v);
}

static bool gather_included(struct gather *g, const char *line)
{
	char path[512];

	line += strspn(line, " \t");
	if (strncmp(line, "include", 7) != 0)
		return false;
	line += 7;
	bool folder = !strncmp(line, "dir ", 4);
	line += folder ? 3 : 0;
	line += strspn(line, " \t");
	line += *line == '=';
	line += strspn(line, " \t");
	size_t n = strcspn(line, "\r\n");
	if (*line != '/' || n >= sizeof path || memchr(line, '%', n))
		return false; /* "%m": who asks decides which file that is */
	memcpy(path, line, n);
	path[n] = '\0';
	if (folder)
		gather_folder(g, path);
	else
		gather_file(g, path);
	return true;
}

static void gather_file(struct gather *g, const char *path)
{
	BH_AUTO_BUF b = { 0 };
	const char *text = g->depth < MAX_DEPTH ? slurp(path, &b) : NULL;

	g->depth++;
	while (text && *text && g->text.len < MAX_FILE) {
		size_t n = strcspn(text, "\n");
		if (!gather_included(g, text))
			bh_buf_add(&g->text, text, n);
		bh_buf_str(&g->text, "\n");
		text += n + (text[n] == '\n');
	}
	g->depth--;
}

static void read_from(struct membership *m, const char *path, bool folder, read_fn read)
{
	struct gather g = { 0 };

	if (folder)
		gather_folder(&g, path);
	else
		gather_file(&g, path);
	if (bh_buf_ok(&g.text))
		read(m, path, bh_buf_text(&g.text));
	bh_buf_reset(&g.text);
}

/* Which controllers sssd and winbind found the last time they looked. */
static void read_found(struct membership *m)
{
	static const char *const winbind[] = { "/run/samba/smb_krb5", "/var/cache/samba/smb_krb5",
		"/var/lib/samba/lock/smb_krb5", "/var/lib/samba/smb_krb5" };

	for (size_t i = 0; i < m->n; i++) {
		BH_AUTO_BUF b = { 0 };
		char realm[256], path[320];
		size_t n = 0;
		for (; m->v[i].name[n] && n + 1 < sizeof realm; n++) {
			char c = m->v[i].name[n];
			realm[n] = (char)(c >= 'a' && c <= 'z' ? c - 32 : c);
		}
		realm[n] = '\0';
		snprintf(path, sizeof path, "/var/lib/sss/pubconf/kdcinfo.%s", realm);
		const char *text = strchr(realm, '/') ? NULL : slurp(path, &b);
		if (text)
			domain_read_kdcinfo(m, realm, bh_arena_str(m->a, path), text);
	}
	for (size_t i = 0; i < BH_LEN(winbind); i++)
		read_from(m, winbind[i], true, domain_read_krb5);
}

struct found {
	struct membership *m;
	struct realm *r;
};

static void add_target(void *ctx, const char *target)
{
	struct found *f = ctx;

	realm_add_server(f->m, f->r, target, strlen(target), "DNS");
}

static void ask_dns(struct membership *m)
{
	for (size_t i = 0; i < m->n; i++) {
		struct found f = { m, &m->v[i] };
		char name[320];
		if (f.r->listed)
			continue;
		snprintf(name, sizeof name, "_ldap._tcp.dc._msdcs.%s", f.r->name);
		(void)!srv_ask(name, add_target, &f);
	}
}

int domain_find(bool ask, struct membership *ret)
{
	read_from(ret, "/etc/samba/smb.conf", false, domain_read_smb);
	read_from(ret, "/etc/sssd/sssd.conf", false, domain_read_sssd);
	read_from(ret, "/etc/sssd/conf.d", true, domain_read_sssd);
	if (!ret->n)
		return bh_arena_ok(ret->a) ? 0 : -ENOMEM;
	read_from(ret, "/etc/krb5.conf", false, domain_read_krb5);
	read_found(ret);
	if (ask)
		ask_dns(ret);
	return bh_arena_ok(ret->a) ? 0 : -ENOMEM;
}

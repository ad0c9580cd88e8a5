/*
 * contacts: the pure parts of finding out what this machine does over SMB now.
 *
 * Each reads one text as the system shows it and appends to a list; what cannot be
 * understood names nobody.
 */
#pragma once

#include "keeper/keeper.h"

#define MAX_CONTACTS 16384u

struct contact_list {
	struct bh_arena *a;
	struct bh_contact *v;
	size_t n, room;
};

/* Appends, or counts one session more of a conversation that is there already.  NULL:
 * too many, or no memory (the arena says so). */
struct bh_contact *contact_add(struct contact_list *l, const struct bh_contact *one);

/* /proc/net/tcp or tcp6.  Only ports that the policy declares are looked at. */
void contacts_read_tcp(const char *text, const struct bh_bound *b, struct contact_list *l);

/* /proc/self/mounts.  resolve is asked where a mount does not tell its server's address. */
void contacts_read_mounts(const char *text, const struct bh_names *names, struct contact_list *l);

/* A session that belongs to a mount is told with the mount. */
void contacts_join_mounts(struct contact_list *l);

/* ---- domain membership (domain.c) ---- */

#define MAX_REALMS  8u
#define MAX_SERVERS 64u

struct server {
	const char *name; /* a name or an address, as somebody wrote it */
	const char *said; /* the file, or "DNS" */
};

struct realm {
	const char *name; /* "corp.example" */
	bool sssd, winbind; /* who logs people on by it */
	bool listed; /* every controller is named in the configuration: nobody else is asked */
	struct server servers[MAX_SERVERS];
	size_t n_servers;
};

struct membership {
	struct bh_arena *a;
	struct realm v[MAX_REALMS];
	size_t n;
};

struct realm *membership_realm(struct membership *m, const char *name, size_t len);
void realm_add_server(
	struct membership *m, struct realm *r, const char *name, size_t len, const char *said);

/* One configuration file each; call smb and sssd first: they say of which realms. */
void domain_read_smb(struct membership *m, const char *file, const char *text);
void domain_read_sssd(struct membership *m, const char *file, const char *text);
void domain_read_krb5(struct membership *m, const char *file, const char *text);
/* One controller a line, as sssd leaves them for Kerberos. */
void domain_read_kdcinfo(
	struct membership *m, const char *realm, const char *file, const char *text);

/* The files of this machine, then (ask) DNS. */
BH_MUST int domain_find(bool ask, struct membership *ret);

/* ---- the shape of configuration files (conf.c) ---- */

/* Every "key = value", under the innermost section; "[s]" opens one, "name = {" one inside
 * ("s/name"), "}" closes that.  Keys are lower-case and without blanks. */
typedef void (*conf_fn)(void *ctx, const char *section, const char *key, const char *value);
void conf_read(const char *text, conf_fn fn, void *ctx);

/* Words of a list that commas and blanks separate: 0 at the end. */
size_t conf_word(const char **at);

/* ---- DNS (srv.c) ---- */

/* The targets of an SRV question, asked for some seconds at most.  -ENOENT: none. */
BH_MUST int srv_ask(const char *name, void (*add)(void *ctx, const char *target), void *ctx);
/* The answer's bytes. */
BH_MUST int srv_read(struct bh_span answer, void (*add)(void *ctx, const char *target), void *ctx);

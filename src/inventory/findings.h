/*
 * findings: how they are put together.  The room's own.
 */
#pragma once

#include "inventory/hosts.h"

struct search {
	const struct bh_row *rows;
	size_t n;
	const struct bh_host_row *hosts;
	size_t n_hosts;
	const struct bh_witnesses *w;
	struct bh_arena *a;
	const struct bh_row **hits; /* room for all rows */
	const struct bh_row **kerberos; /* by server, client: logons by it that stood */
	size_t n_kerberos;
	struct bh_finding *found;
	size_t n_found, room;
};

struct bh_finding *findings_room(struct search *s); /* NULL when memory ran out */
const char *findings_name(const struct bh_host_row *h); /* NULL: none, or no h */
int findings_by_share(const void *a, const void *b);

/* Servers and shares that nobody uses. */
BH_MUST int findings_unused(struct search *s);

/* What one finding is of: a run of rows. */
struct found {
	const struct bh_row *const *rows; /* those that show it */
	size_t n;
	const struct bh_host_row *client, *server; /* of the first row; NULL: none known */
	struct bh_finding *f;
};

/* Fills in f->text from all else.  NULL when memory ran out. */
const char *findings_text(const struct found *x, struct bh_arena *a);
/* The same for what no row shows: a server, a share. */
const char *findings_text_unused(const struct bh_finding *f, bool answered, struct bh_arena *a);
const char *findings_text_share(
	const struct bh_finding *f, const struct bh_share_listed *l, struct bh_arena *a);

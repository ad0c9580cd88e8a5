/*
 * store: keeps the inventory and its sources.  SQLite (WAL, crash-safe, versioned
 * schema); the process that holds DB.lock is the one writer at that time.
 *
 * User names beside shares are personal data: files are made 0640, folders 0750; what is
 * deleted is overwritten; names can be kept as pseudonyms, and rows for a time only.
 */
#pragma once

#include "base/arena.h"
#include "model/fact.h"
#include "model/row.h"

struct bh_store; /* owned */

/* Opens for reading or for writing.  create: make the file and its folders.  Writing brings
 * an older version's file up to date; reading never changes one, and reads a copy.
 * -ENOENT, -EACCES, -EPROTO (a newer schema, or no database of ours), -EBUSY (another
 * process upgrades it), -ENOSYS (postgresql://), -ENOSPC, -EIO, -ENOMEM; *why is one
 * sentence without the path, static. */
BH_MUST int bh_store_open(
	const char *path, bool write, bool create, struct bh_store **ret, const char **why);
/* Gives up a batch that was not committed. */
struct bh_store *bh_store_free(struct bh_store *s);
BH_AUTO_FREE(bh_store)

/* Is it a copy that is read, of what an older version wrote? */
bool bh_store_is_older(const struct bh_store *s);

/* A batch: everything between is written whole or not at all, also when the process or
 * the machine dies or the disk is full (-ENOSPC from any of these).  begin takes DB.lock,
 * waiting up to wait_ms for another writer, then -EBUSY; -ESTALE when the file was moved or
 * deleted since it was opened; -ENOKEY when the database keeps pseudonyms and no key was
 * given.  Every function below that writes needs a batch. */
BH_MUST int bh_store_begin(struct bh_store *s, unsigned wait_ms);
BH_MUST int bh_store_commit(struct bh_store *s);
void bh_store_abandon(struct bh_store *s);

/* ---- what a source tells ---- */

/* A source of evidence by its identity ("pcap:sha256:…", "live:eth0:START"); the same
 * identity gets the same id and, with replace, loses what it said before: rows, names,
 * events and tally. */
BH_MUST int bh_store_source(
	struct bh_store *s, const char *identity, const char *label, bool replace, uint32_t *ret);

/* A source that is a file, as far as that matters to whoever meets the file again. */
struct bh_source_file {
	uint64_t size; /* bytes; 0: no file, or not known */
	const char *how; /* what reading it depended on beside its content; "" or NULL: nothing */
	bool part; /* reading was broken off: what is kept is a part */
	uint32_t together; /* the first of the sources that were read as one; 0: alone */
};
BH_MUST int bh_store_source_is(
	struct bh_store *s, uint32_t source, const struct bh_source_file *file);

/* From now on it has another identity: the same evidence known better.  -EEXIST: another
 * source has that. */
BH_MUST int bh_store_source_rename(struct bh_store *s, uint32_t source, const char *identity);

/* Figures of (row, source) are replaced by those given; all zero takes the row away.
 * Rows are gathered in memory, and an error of the disk may be told as late as commit. */
BH_MUST int bh_store_put(struct bh_store *s, uint32_t source, const struct bh_row *rows, size_t n);
BH_MUST int bh_store_tally(struct bh_store *s, uint32_t source, const struct bh_tally *t);
/* Told again: roles and group are joined, the latest time stays. */
BH_MUST int bh_store_name(struct bh_store *s, uint32_t source, const struct bh_name_seen *n);
/* Told again, it replaces. */
BH_MUST int bh_store_events(struct bh_store *s, uint32_t source, const struct bh_event_count *e);

/* The latest word of a source on a share counts.  Nothing is kept in a database of
 * pseudonyms: a share, or its folder, may be called as who uses it is. */
BH_MUST int bh_store_share(struct bh_store *s, uint32_t source, const struct bh_share_seen *share);

/* Likewise of a server's word on where a part of a DFS namespace is. */
BH_MUST int bh_store_referral(struct bh_store *s, uint32_t source, const struct bh_referral *is);

/* Forgets figures, names, referrals and listed shares last seen before that time (or at no known
 * time), and then every row, name, user and share that nothing is left of; sources stay as history.
 * *ret: how many (conversation, source) went. */
BH_MUST int bh_store_retain(struct bh_store *s, bh_time before, uint64_t *ret);

/* ---- reading ---- */

/* What can be narrowed down while reading; zeroed: everything.  Texts are compared whole,
 * ASCII without case, as Windows does; NULL: any. */
struct bh_store_filter {
	struct bh_addr client, server; /* no address: any */
	const char *workstation, *server_name;
	const char *user; /* "alice", or "CORP\alice" */
	const char *share; /* its last component, or, with a backslash in it, the UNC path */
	uint16_t port; /* 0: any */
	uint32_t transports; /* a bit for each enum bh_transport; 0: any */
	/* By (conversation, source): last seen then or later; first seen then or before. */
	bh_time since, until; /* 0: any */
};

/* From here on all that is read is as of one moment, whoever writes meanwhile, until s is
 * freed (no batch can begin): for who reads several things that must fit each other. */
BH_MUST int bh_store_hold(struct bh_store *s);

/* Everything, in bh_talk_compare order.  filter may be NULL.  Figures of several
 * sources are summed; over kinds of source the larger counts, because they are evidence
 * of the same.  -EIO for a value that no version of ours wrote. */
BH_MUST int bh_store_rows(struct bh_store *s, const struct bh_store_filter *filter,
	struct bh_arena *a, const struct bh_row **ret, size_t *n_ret);

/* Whether both ends of every row have an address; at once, whatever the number of rows. */
BH_MUST int bh_store_addressed(struct bh_store *s, bool *ret);

/* The same one at a time, in an order of the store's own; the row dies when fn returns.
 * 0 to go on; anything else ends the walk and is returned from it. */
BH_MUST int bh_store_each(struct bh_store *s, const struct bh_store_filter *filter,
	int (*fn)(void *ctx, const struct bh_row *row), void *ctx);

struct bh_source_row {
	uint32_t id;
	const char *identity, *label;
	struct bh_tally tally;
	bh_time first_seen, last_seen; /* of all that it told; 0: never a time */
	struct bh_source_file file;
};
/* By id, ascending; as all lists of sources. */
BH_MUST int bh_store_sources(
	struct bh_store *s, struct bh_arena *a, const struct bh_source_row **ret, size_t *n_ret);

/* Those whose identity is that behind its first word ("sha256:…" of "pcap:sha256:…"). */
BH_MUST int bh_store_sources_of(struct bh_store *s, const char *content, struct bh_arena *a,
	const struct bh_source_row **ret, size_t *n_ret);
/* Those whose label is that, behind its last slash. */
BH_MUST int bh_store_sources_called(struct bh_store *s, const char *name, struct bh_arena *a,
	const struct bh_source_row **ret, size_t *n_ret);
/* Those that were read as one, by what bh_source_file says. */
BH_MUST int bh_store_sources_together(struct bh_store *s, uint32_t together, struct bh_arena *a,
	const struct bh_source_row **ret, size_t *n_ret);

/* One for each (address, name, kind), over all sources, by address. */
BH_MUST int bh_store_names(
	struct bh_store *s, struct bh_arena *a, const struct bh_name_seen **ret, size_t *n_ret);

/* Shares that exist, by the latest word of all sources; by server and name. */
BH_MUST int bh_store_shares(
	struct bh_store *s, struct bh_arena *a, const struct bh_share_listed **ret, size_t *n_ret);

/* By path and target, and of each once for each server that says so. */
BH_MUST int bh_store_referrals(
	struct bh_store *s, struct bh_arena *a, const struct bh_referral **ret, size_t *n_ret);

struct bh_event_row {
	uint32_t source;
	struct bh_event_count is;
};
/* By source, provider and id. */
BH_MUST int bh_store_event_counts(
	struct bh_store *s, struct bh_arena *a, const struct bh_event_row **ret, size_t *n_ret);

/* ---- pseudonyms ---- */

/*
 * What names a person becomes "~" and letters: the user, the workstation, the domain when
 * it is the workstation's own and the share when it is the user's own (\\fs1\alice, or
 * alice$); and names of machines that they told themselves.  Deterministic authenticated
 * encryption (AES-SIV, RFC 5297): the same text is always the same pseudonym under the same
 * key, and without the key it can neither be read nor made.  It tells the length of a name, to
 * eight bytes.  Of names longer than 136 bytes the beginning is kept, and a digest that
 * tells them apart.
 */
struct bh_pseudonyms; /* owned: a key */

/* A new key into a new file (0600).  -EEXIST: what is there is never overwritten. */
BH_MUST int bh_pseudonyms_make(const char *path);
/* 32 bytes or 64 hexadecimal digits.  -EPERM when others may read the file, -EINVAL when
 * it holds no key; *why is one sentence without the path, static. */
BH_MUST int bh_pseudonyms_open(const char *path, struct bh_pseudonyms **ret, const char **why);
struct bh_pseudonyms *bh_pseudonyms_free(struct bh_pseudonyms *p);
BH_AUTO_FREE(bh_pseudonyms)

void bh_pseudonyms_hide(struct bh_pseudonyms *p, struct bh_conversation *c);
void bh_pseudonyms_hide_name(struct bh_pseudonyms *p, struct bh_name_seen *n);
/* What is no pseudonym of this key stays as it is. */
void bh_pseudonyms_reveal(struct bh_pseudonyms *p, struct bh_conversation *c);
void bh_pseudonyms_reveal_name(struct bh_pseudonyms *p, struct bh_name_seen *n);

/* How a database keeps names. */
enum bh_names_kept {
	BH_NAMES_NONE, /* there are none yet: either way is open */
	BH_NAMES_CLEAR,
	BH_NAMES_HIDDEN,
};
BH_MUST int bh_store_names_kept(struct bh_store *s, enum bh_names_kept *ret);

/* From here on (p outlives s) what is put is hidden, or what is read is revealed.  A
 * database is kept in pseudonyms of one key from its first row on: -EKEYREJECTED for
 * another key, -ENOTUNIQ when hide finds names in clear. */
BH_MUST int bh_store_hide(struct bh_store *s, struct bh_pseudonyms *p);
BH_MUST int bh_store_reveal(struct bh_store *s, struct bh_pseudonyms *p);

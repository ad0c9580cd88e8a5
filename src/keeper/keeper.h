/*
 * keeper: bind, plan, apply, confirm, undo, verify: one implementation for the
 * command line, the agent and the tests.
 *
 * Resolves names once into the bound policy; that policy's hash is in plan, in the
 * table's comment and in the proof.
 */
#pragma once

#include "keeper/changes.h"
#include "plan/plan.h"
#include "policy/policy.h"
#include "priv/priv.h"
#include "proof/proof.h"
#include "json/tags.h"

/* ---- tag files ---- */

#define BH_TAGS_STALE_DAYS 14 /* from then on whoever binds one is warned */

/* Where they are kept: the system's when written by root or readable, else one's own.
 * -ENOENT without a home. */
BH_MUST int bh_keeper_tag_folder(bool write, struct bh_buf *ret);
/* What a file is called there: "ServiceTags_Public.json", "Office365.json". */
void bh_keeper_tag_name(const struct bh_tags *t, struct bh_buf *ret);
/* Whole or not at all, also when the machine dies; makes the folder.  An errno. */
BH_MUST int bh_keeper_tag_keep(const char *folder, const char *name, struct bh_span text);

/* Lets ret look tags up as every day, but with t in the place of the file of its cloud: what
 * would a new one mean? */
BH_MUST int bh_keeper_tags_instead(
	const struct bh_tags *t, struct bh_arena *a, struct bh_names *ret);
/* Did a bind with those names ask for that tag of it? */
bool bh_keeper_tags_asked(const struct bh_names *names, const char *name);

/* Where this policy will stand. */
struct bh_place {
	bool gateway;
	const char *const *names; /* host: what it is called */
	size_t n_names;
	const struct bh_addr *addrs; /* host: its stable addresses */
	size_t n_addrs;
	const struct bh_interface *ifaces;
	size_t n_ifaces;
	bool forwards; /* this host also forwards packets */
};

/* This machine: hostname, global addresses, on-link prefixes, forwarding sysctls. */
BH_MUST int bh_keeper_here(struct bh_arena *a, bool gateway, struct bh_place *ret);

/* A policy, ready: parsed, bound, seen from its place, planned. */
struct bh_ready {
	const struct bh_policy *policy;
	const struct bh_bound *bound;
	struct bh_view view;
	struct bh_table table;
	uint8_t hash[BH_HASH];
	struct bh_place place;
	const char *name; /* of the text, as the user called it */
	struct bh_span text; /* what it was bound from, borrowed */
	struct bh_names names; /* by which names */
};

/* Where `include` finds its files: on disk, regular ones. */
extern const struct bh_files bh_keeper_files;

#define BH_KEEPER_POLICY_BYTES (64u << 20) /* of one file of a policy */

/* Parses and binds text with the files that it includes and the tag files that it names;
 * names NULL: the system's resolver.  Problems in diags, in the order of the text. */
BH_MUST int bh_keeper_bind(const char *name, struct bh_span text, const struct bh_names *names,
	struct bh_arena *a, struct bh_diags *diags, struct bh_ready *ret);

/* What of the policy a table cannot say yet at that place, into diags (bh_plan_unsaid). */
BH_MUST int bh_keeper_unsaid(const struct bh_ready *r, const struct bh_place *place,
	struct bh_arena *a, struct bh_diags *diags);

/* Fills in view, table and place of what was bound.  -EOPNOTSUPP: bh_keeper_unsaid says why. */
BH_MUST int bh_keeper_plan(struct bh_ready *r, const struct bh_place *place, struct bh_arena *a);

/* The system's resolver: every address of a name, both families; and today. */
void bh_keeper_names_system(struct bh_names *ret);

/* A resolver over a hosts file ("ADDRESS NAME…" lines), for --names and tests. */
BH_MUST int bh_keeper_names_file(const char *text, struct bh_arena *a, struct bh_names *ret);

/* What verify found.  It holds when the rules in the kernel were proven equal to the
 * policy, nobody touched them, and nothing walks past them. */
struct bh_verified {
	bool holds;
	bool other_policy; /* the loaded table was made from another policy */
	bool audit; /* it only watches: what is proven is what it would block */
	bool keeps; /* sessions that stood when it was loaded are let go on */
	struct bh_priv_state state;
	struct bh_proof proof;
	const char *const *outside; /* the proof's, then this machine's: a sentence each */
	size_t n_outside;
};

/* A dump that is already there against the policy, as a table of that mode.  -ENOMEM, or
 * -EBADMSG for what is no dump. */
BH_MUST int bh_keeper_prove(struct bh_span dump, const struct bh_ready *r, enum bh_mode mode,
	struct bh_arena *a, struct bh_proof *ret);

/* Dumps the kernel and proves it against the judge.  Nothing loaded is no failure:
 * state.loaded tells.  -EAGAIN when the rules keep changing while they are read. */
BH_MUST int bh_keeper_verify(struct bh_priv *p, const struct bh_ready *r, struct bh_arena *a,
	struct bh_verified *ret, const char **why);

/* Whoever listens to the log of our audit rules: "bulkhead watch".  True if somebody
 * does in this network namespace. */
bool bh_keeper_listened(void);

/* ---- what this machine does over SMB now, and what a policy would end ---- */

enum bh_contact_kind {
	BH_CONTACT_MOUNT, /* a server's file system */
	BH_CONTACT_SESSION, /* a program's session with a server */
	BH_CONTACT_SERVED, /* a session that this machine serves */
	BH_CONTACT_DOMAIN, /* a controller of our domain: log-ons read their policies there */
};

struct bh_contact {
	enum bh_contact_kind kind;
	struct bh_service service;
	struct bh_addr here, peer; /* none where it is not known */
	unsigned sessions; /* that stand now */
	const char *where; /* a mount's folder, a controller's domain; else NULL */
	const char *what; /* what is mounted, the controller's name; NULL: not known */
	const char *because; /* a controller: who needs it, such as "sssd" */
};

struct bh_contacts {
	const struct bh_contact *v;
	size_t n;
};

/* Mounts of kind cifs, established sockets of the declared services, and the controllers
 * of the domains that smb.conf and sssd.conf say this machine is a member of, from their
 * files, krb5.conf and DNS (not asked where names come from a hosts file).  What a gateway
 * forwards is not its own: nothing.  -ENOMEM. */
BH_MUST int bh_keeper_contacts(
	const struct bh_ready *r, struct bh_arena *a, struct bh_contacts *ret);

/* A use that the policy blocks. */
struct bh_cut {
	const struct bh_contact *contact;
	const char *file; /* the sentence that decides; NULL: none does */
	unsigned line;
	const char *text;
	bool by_rule; /* it is a block sentence: no allow helps beside it */
	bool needs_allow; /* an allow is missing, or would be without the block */
	bool lasts; /* from port 1024 up: it stands until it ends, and cannot come again */
};

/* A sentence that would keep some of them, and the line that it could be. */
struct bh_addition {
	const char *file;
	unsigned line;
	const char *text;
};

struct bh_lockout {
	const struct bh_cut *cuts;
	size_t n_cuts;
	const struct bh_addition *add;
	size_t n_add;
};

/* r: bound and planned.  -ENOMEM. */
BH_MUST int bh_keeper_lockout(const struct bh_ready *r, const struct bh_contacts *contacts,
	struct bh_arena *a, struct bh_lockout *ret);

/* Loads the planned table: on trial for lease seconds, or for good with 0.  Refuses an
 * audit that nobody would hear (-ENOTCONN). */
BH_MUST int bh_keeper_apply(struct bh_priv *p, const struct bh_ready *r, enum bh_mode mode,
	uint32_t lease, struct bh_priv_state *ret, const char **why);

/* What other tables do to our ports, a sentence each, whatever our policy is. */
BH_MUST int bh_keeper_foreign(struct bh_priv *p, struct bh_arena *a, const char *const **ret,
	size_t *n_ret, const char **why);

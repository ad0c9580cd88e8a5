/*
 * policy: sentences ⇄ policy, and the one place where allow or deny is decided.
 *
 *   text ─parse─► policy ─bind─► bound ─view─► decide(flow)
 *
 * No I/O: files are read and names resolved by callbacks.  doc/policy.md is the
 * exact meaning.  Sentences and clauses of the language that are not built yet are
 * errors that say so, never silently passed.
 */
#pragma once

#include "base/clock.h"
#include "base/diag.h"
#include "model/flow.h"
#include "model/table.h"

/* Parsed sentences as written, borrowed from an arena (policy/ast.h inside the room). */
struct bh_policy;

/* Parses one file.  Problems go to diags, all of them in one run; a policy comes back
 * even then (what could be understood), so callers ask diags->errors.  -ENOMEM only.
 * text must outlive the arena's users; name is how the user called the file. */
BH_MUST int bh_policy_parse(const char *name, struct bh_span text, struct bh_arena *a,
	struct bh_diags *diags, const struct bh_policy **ret);

/* The canonical form: parse(print(p)) = p, remarks and blank lines kept. */
void bh_policy_print(const struct bh_policy *p, struct bh_buf *ret);

/* Where names come from.  resolve appends the addresses of name with add(); returns 0,
 * -ENOENT when the name has none, or another errno when the resolver itself failed. */
struct bh_names {
	void *ctx;
	int (*resolve)(void *ctx, const char *name, void (*add)(void *to, const struct bh_addr *a),
		void *to);
	bool lenient; /* --names FILE: an unresolved name is a warning, not an error */
};

/* One item list after binding: an address is in it, or a machine is in it. */
struct bh_bound_list {
	bool any, self, localsubnet; /* those words stand in it */
	struct bh_addrset addrs; /* everything else: multicast and 255.255.255.255 left out */
	/* What decides whether a machine is in it; the room's own. */
	const struct bh_bound_item *items;
	size_t n_items;
};

struct bh_bound_rule {
	bool block; /* else allow */
	unsigned hooks; /* BH_HOOK_BIT mask */
	const struct bh_service *services;
	size_t n_services;
	struct bh_bound_list from, to;
	unsigned line;
	const char *file;
	const char *text; /* the canonical sentence, for people */
	const char *reason; /* NULL: none given */
};

struct bh_bound_default {
	bool block;
	unsigned hooks;
	struct bh_service service;
	unsigned line;
	const char *file;
	const char *text; /* the canonical sentence */
	const char *reason;
};

struct bh_bound_service {
	/* What a flow calls this port: "smb", "netbios-ssn", "netbios-ns", "netbios-dgm",
	 * "smbdirect", "quic", one's own name; "tcp/8445" for a port added to a built-in. */
	const char *name;
	const char *of; /* the service it is a port of: "smb", "netbios", …, one's own name */
	bool quic; /* governed only towards servers that a quic rule names */
	struct bh_service service;
};

/* A set sentence after binding, for people: the judge uses the lists of the rules. */
struct bh_bound_set {
	const char *name;
	bool hosts; /* else network */
	struct bh_addrset addrs;
	const char *const *machines; /* the machines written in the sentence itself */
	size_t n_machines;
	unsigned line;
	const char *file;
};

/* Everything resolved once; plain values in the arena. */
struct bh_bound {
	const struct bh_bound_rule *rules; /* in the order of their lines */
	size_t n_rules;
	const struct bh_bound_default *defaults;
	size_t n_defaults;
	const struct bh_bound_service *services; /* the declared ports, distinct */
	size_t n_services;
	const struct bh_bound_set *sets; /* in the order of their lines */
	size_t n_sets;
	struct bh_addrset declared; /* union of the `network` sets */
	/* Every address set on whose membership a decision may depend (the lists',
	 * loopback, multicast with 255.255.255.255); besides these only self and
	 * localsubnet matter. */
	const struct bh_addrset *atoms;
	size_t n_atoms;
	/* A text that is equal when two bindings decide alike by construction: the house
	 * hashes it.  Order, lines, remarks and reasons are not in it. */
	const char *canonical;
	const struct bh_bound_names *names; /* what machine membership needs; the room's own */
};

/* The declared service at that port; NULL: not governed. */
const struct bh_bound_service *bh_policy_service(
	const struct bh_bound *b, struct bh_service service);

/* "smb", "netbios-ns", NAME, "tcp/8445", "udp/N" as a flow or a command names one port:
 * 0, -ENOENT (no such service), -E2BIG (a service of several ports: name one), -EINVAL
 * (no port). */
BH_MUST int bh_policy_service_parse(
	const struct bh_bound *b, const char *text, struct bh_service *ret);

/* Does the sentence speak of that port? */
bool bh_policy_rule_names(const struct bh_bound_rule *r, struct bh_service service);

BH_MUST int bh_policy_bind(const struct bh_policy *p, const struct bh_names *names,
	struct bh_arena *a, struct bh_diags *diags, const struct bh_bound **ret);

/* Who asks: a machine, or a gateway. */
struct bh_view {
	bool gateway;
	struct bh_addrset self; /* this machine's own addresses; empty on a gateway */
	/* Per rule of the bound policy: this machine is in its from / to list. */
	const bool *from_me, *to_me;
	const struct bh_bound *bound;
};

/* names and addrs are what this machine is called and its stable addresses; what its
 * names were resolved to at bind is added to them.  -ENOMEM. */
BH_MUST int bh_policy_view_host(const struct bh_bound *b, const char *const *names, size_t n_names,
	const struct bh_addr *addrs, size_t n_addrs, struct bh_arena *a, struct bh_view *ret);
BH_MUST int bh_policy_view_gateway(
	const struct bh_bound *b, struct bh_arena *a, struct bh_view *ret);

/* The judge.  Total: every flow has an answer.  Pure, no allocation. */
void bh_policy_decide(const struct bh_bound *b, const struct bh_view *v, const struct bh_flow *f,
	struct bh_decision *ret);

/* What changes in meaning from one bound policy to another, for a gateway's fwd hook
 * and per rule list: filled in by `policy diff`.  Sentences into ret; n_ret counts
 * the differences. */
BH_MUST int bh_policy_diff(const struct bh_bound *from, const struct bh_bound *to,
	struct bh_arena *a, struct bh_buf *ret, unsigned *n_ret);

/*
 * policy: sentences ⇄ policy, and the one place where allow or deny is decided.
 *
 *   text ─parse─► policy ─bind─► bound ─view─► decide(flow)
 *
 * No I/O and no clock: files are read, names and tags resolved by callbacks, and the time
 * is an argument.  doc/policy.md is the exact meaning.
 */
#pragma once

#include "base/clock.h"
#include "base/diag.h"
#include "model/flow.h"
#include "model/table.h"

/* Parsed sentences as written, borrowed from an arena (policy/ast.h inside the room). */
struct bh_policy;

/* Where `include` finds its text.  path is joined to the folder of the including file; the
 * text must outlive the arena's users.  0 or an errno. */
struct bh_files {
	void *ctx;
	int (*read)(void *ctx, const char *path, struct bh_arena *a, struct bh_span *ret);
};

/* Parses a file and what it includes.  Problems go to diags, all of them in one run; a
 * policy comes back even then (what could be understood), so callers ask diags->errors.
 * -ENOMEM only.  text must outlive the arena's users; name is how the user called the file.
 * files NULL: an `include` is an error. */
BH_MUST int bh_policy_read(const char *name, struct bh_span text, const struct bh_files *files,
	struct bh_arena *a, struct bh_diags *diags, const struct bh_policy **ret);

/* The same for a text that includes nothing. */
BH_MUST int bh_policy_parse(const char *name, struct bh_span text, struct bh_arena *a,
	struct bh_diags *diags, const struct bh_policy **ret);

/* The canonical form: parse(print(p)) = p, remarks and blank lines kept.  Of the file itself;
 * `include` stays what it is. */
void bh_policy_print(const struct bh_policy *p, struct bh_buf *ret);

/* The canonical form with the included sentences in the place of each `include`, and the paths of
 * tag files whole: folder is where relative ones begin.  It reads back from anywhere. */
void bh_policy_print_whole(
	const struct bh_policy *p, const char *folder, struct bh_arena *a, struct bh_buf *ret);

enum bh_tag_source { BH_TAG_AZURE, BH_TAG_OFFICE365 };

/* One tag of a tag file.  path is joined to the folder of the policy that names it. */
struct bh_tag_asked {
	enum bh_tag_source kind;
	const char *path, *name;
	/* Filled in by who answers; in the arena of the bind. */
	const char *near; /* with -ENOENT: the tag that may have been meant; or NULL */
	const char *why; /* with any other errno: what is wrong with the file; or NULL */
};

typedef void (*bh_add_addr)(void *to, const struct bh_addr *a);
typedef void (*bh_add_range)(void *to, const struct bh_addr *lo, const struct bh_addr *hi);

/* The sentences of the file itself as JSON, one object each (doc/policy.schema.json). */
void bh_policy_print_json(const struct bh_policy *p, struct bh_buf *ret);

/* Where names come from, and what day it is.  Each look-up appends what it finds with
 * add(); returns 0, -ENOENT when there is none, or another errno when the look-up itself
 * failed.  One that is NULL cannot be answered here. */
struct bh_names {
	void *ctx;
	int (*resolve)(void *ctx, const char *name, bh_add_addr add, void *to);
	int (*domain)(void *ctx, const char *name, bh_add_addr add, void *to);
	int (*namespace)(void *ctx, const char *unc, bh_add_addr add, void *to);
	bool lenient; /* --names FILE: an unresolved name is a warning, not an error */
	void *tags_ctx;
	int (*tag)(void *ctx, struct bh_tag_asked *tag, struct bh_arena *a, bh_add_range add,
		void *to);
	int64_t today; /* since 1970-01-01, UTC: what `until` is held against */
	bool advise; /* warn of what is right and probably not meant, too */
};

/* One item list after binding: an address is in it, or a machine is in it. */
struct bh_bound_list {
	bool any, self, localsubnet; /* those words stand in it */
	struct bh_addrset addrs; /* everything else: multicast and 255.255.255.255 left out */
	/* What decides whether a machine is in it; the room's own. */
	const struct bh_bound_item *items;
	size_t n_items;
};

/* `interfaces`: what `via` names. */
struct bh_bound_interfaces {
	const char *name;
	const char *const *patterns; /* "eth0"; "wg*": every name that begins with wg */
	size_t n;
	unsigned line;
	const char *file;
};

/* What `if` asks of the association that a packet comes or leaves through. */
struct bh_bound_secure {
	enum bh_level level; /* at least */
	enum bh_by by; /* BH_BY_UNSAID: either way */
	const char *const *as; /* groups, one of which the peer proved; none: any association */
	size_t n_as;
	/* The sets of `from` with roaming members.  They match any address on in and fwd; on
	 * in, where nothing else of `from` matches, one of these is a group to be proved. */
	const char *const *roaming;
	size_t n_roaming;
};

struct bh_bound_rule {
	bool block; /* else allow */
	unsigned hooks; /* BH_HOOK_BIT mask */
	unsigned on; /* BH_PROFILE_BIT mask: of this machine's interface; no matter on fwd */
	const struct bh_bound_interfaces *via; /* on out and fwd: the oif; NULL: any */
	const struct bh_bound_secure *secure; /* an allow's `if`; NULL: plain */
	bool even_in_clear;
	bool ends; /* `until` was said */
	int64_t until; /* the last day it holds, since 1970-01-01, UTC */
	bool expired; /* that day was over when it was bound: it never holds */
	int64_t lasts; /* `for`: seconds from apply on, then it is gone; 0: no such end */
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

/* A set or tags sentence after binding, for people: the judge uses the lists of the rules. */
struct bh_bound_set {
	const char *name;
	const char *kind; /* "network", "hosts", "tags" */
	bool hosts;
	bool roaming; /* it has roaming members */
	struct bh_addrset addrs;
	const char *const *machines; /* the machines written in the sentence itself */
	size_t n_machines;
	unsigned line;
	const char *file;
};

/* A set that `roaming` names. */
struct bh_bound_roaming {
	const char *set;
	unsigned line; /* of the roaming sentence */
	const char *file;
};

/* `group`: who is in it proves it by that identity. */
enum bh_group_kind { BH_GROUP_CERTIFICATE, BH_GROUP_KERBEROS, BH_GROUP_SID };

struct bh_bound_group {
	const char *name;
	enum bh_group_kind kind;
	const char *identity;
	unsigned line;
	const char *file;
	const char *text;
};

/* `profile`: when an interface of a roaming machine is on it. */
struct bh_bound_condition {
	const char *ifname; /* `interface`; NULL: `authenticated by` these servers */
	const char *by;
	struct bh_bound_list servers;
};

struct bh_bound_profile {
	enum bh_profile profile;
	const struct bh_bound_condition *all; /* must hold together; none: `otherwise` */
	size_t n;
	unsigned line;
	const char *file;
	const char *text;
};

/* What is to be done on machines, beside the tables. */
enum bh_task_kind { BH_TASK_SERVER_OFF, BH_TASK_AUDIT_SHARES };

struct bh_bound_task {
	enum bh_task_kind kind;
	struct bh_bound_list on;
	int64_t seconds; /* `when unused`, 0: not said; `for` */
	unsigned line;
	const char *file;
	const char *text;
};

/* Who gets a policy when, in the order of the lines. */
struct bh_bound_ring {
	const char *name;
	bool rest;
	unsigned percent; /* of `on`, when it is not 0 */
	struct bh_bound_list on;
	int64_t soak; /* seconds; 0: not said */
	unsigned line;
	const char *file;
	const char *text;
};

/* The rules that speak of one service at one hook, in their order. */
struct bh_bound_gate {
	const uint32_t *rules; /* → bh_bound.rules */
	size_t n;
};

/* Everything resolved once; plain values in the arena. */
struct bh_bound {
	const struct bh_bound_rule *rules; /* in the order of their lines, whatever their file */
	size_t n_rules;
	/* By service × BH_HOOKS + hook, so that the judge looks at no others; NULL: it looks at
	 * all rules. */
	const struct bh_bound_gate *gates;
	const struct bh_bound_default *defaults;
	size_t n_defaults;
	const struct bh_bound_service *services; /* the declared ports, distinct */
	size_t n_services;
	const struct bh_bound_set *sets; /* in the order of the text */
	size_t n_sets;
	const struct bh_bound_roaming *roaming;
	size_t n_roaming;
	const struct bh_bound_group *groups;
	size_t n_groups;
	const struct bh_bound_profile *profiles;
	size_t n_profiles;
	const struct bh_bound_task *tasks;
	size_t n_tasks;
	const struct bh_bound_ring *rings;
	size_t n_rings;
	bool includes; /* more than one file */
	struct bh_addrset declared; /* union of the `network` sets */
	/* Every address set on whose membership a decision may depend (the lists',
	 * loopback, multicast with 255.255.255.255); besides these only self and
	 * localsubnet matter. */
	const struct bh_addrset *atoms;
	size_t n_atoms;
	/* A text that is equal when two bindings decide alike by construction, at whatever
	 * time they are asked: the house hashes it.  Order, lines, remarks, reasons, tasks and
	 * rings are not in it, nor what has ended meanwhile. */
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

/* The interface is one of these. */
bool bh_policy_via(const struct bh_bound_interfaces *v, const char *ifname);

/* Somebody of that name roams: it has no address, and is never resolved. */
bool bh_policy_roams(const struct bh_bound *b, const char *name);

/* The one of n names that may have been meant by word; NULL when none is close. */
const char *bh_policy_nearest(const char *const *names, size_t n, const char *word);

/* Who asks: a machine, or a gateway. */
struct bh_view {
	bool gateway;
	/* Why its profile is that of the flow; NULL: it does not roam, and is always on domain. */
	const struct bh_bound_roaming *roaming;
	struct bh_addrset self; /* this machine's own addresses; empty on a gateway */
	/* Per rule of the bound policy: this machine is in its from / to list. */
	const bool *from_me, *to_me;
	const bool *tasks_me; /* per task: it concerns this machine */
	const struct bh_bound *bound;
};

/* names and addrs are what this machine is called and its stable addresses; what its
 * names were resolved to at bind is added to them.  A roaming machine is in a set by its
 * name alone; its addresses are still its own (`self`).  -ENOMEM. */
BH_MUST int bh_policy_view_host(const struct bh_bound *b, const char *const *names, size_t n_names,
	const struct bh_addr *addrs, size_t n_addrs, struct bh_arena *a, struct bh_view *ret);
BH_MUST int bh_policy_view_gateway(
	const struct bh_bound *b, struct bh_arena *a, struct bh_view *ret);

/* The judge.  Total: every flow has an answer.  Pure, no allocation. */
void bh_policy_decide(const struct bh_bound *b, const struct bh_view *v, const struct bh_flow *f,
	struct bh_decision *ret);

/* What changes in meaning from one bound policy to another: exactly for a gateway, in clear
 * and for each kind of interface that some `via` tells apart; for hosts rule by rule.
 * Sentences into ret; n_ret counts the differences. */
BH_MUST int bh_policy_diff(const struct bh_bound *from, const struct bh_bound *to,
	struct bh_arena *a, struct bh_buf *ret, unsigned *n_ret);

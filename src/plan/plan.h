/*
 * plan: what a policy means at one enforcing point, and what it would break.
 *
 * Pure and deterministic: equal inputs give byte-equal tables and texts.
 */
#pragma once

#include "model/fact.h"
#include "model/row.h"
#include "model/table.h"
#include "policy/policy.h"

/* The on-link prefixes of one interface of this machine, for `localsubnet`. */
struct bh_interface {
	char name[BH_IFNAME];
	struct bh_addrset onlink;
};

/* The sentences that a table cannot say yet and that concern this view, an error each; returns
 * how many.  diags NULL: they are counted only.  forwards as below. */
unsigned bh_plan_unsaid(
	const struct bh_bound *b, const struct bh_view *v, bool forwards, struct bh_diags *diags);

/* The table for a view.  forwards: a host that also forwards gets the forward gates,
 * judged as a gateway.  policy_hash goes into the table as it is.  -ENOMEM, -E2BIG where a
 * table's limits (model/table.h) do not suffice, or -EOPNOTSUPP where bh_plan_unsaid has
 * something to say. */
BH_MUST int bh_plan_table(const struct bh_bound *b, const struct bh_view *v,
	const struct bh_interface *ifaces, size_t n_ifaces, bool forwards,
	const uint8_t policy_hash[BH_HASH], struct bh_arena *a, struct bh_table *ret);

/* ---- what was seen, and what a policy makes of it ------------------------- */

/* Not a public address, or in own (may be NULL). */
bool bh_plan_inside(const struct bh_addr *addr, const struct bh_addrset *own);

/* Appends text from the wire for people: control characters, line and direction
 * marks become '?', at most max characters, "..." when cut.  Never a line's end. */
void bh_plan_remark(struct bh_buf *b, const char *text, size_t max);

/* One enforcing point: a gateway, or one host, with what its machine is linked to. */
struct bh_point {
	const struct bh_view *view;
	const struct bh_interface *ifaces;
	size_t n_ifaces;
	bool forwards; /* a host that also judges what it forwards, as a gateway */
};

/* Who counts as what.  Deterministic, from the rows and this alone: a host is a *server*
 * when it is told to be one, or served somebody and either never used SMB itself or served
 * at least BH_SERVER_CLIENTS hosts on a share that is not administrative; every other
 * host is a workstation.  Where both families are in use, one that served fewer and was
 * never seen as a client needs a witness (roles.c), or that no client of the other family
 * can be the same machine (places.c); otherwise it is unsure. */
struct bh_told {
	const struct bh_addrset *own; /* inside, beside the private blocks; may be NULL */
	const struct bh_addrset *servers; /* told to be servers; may be NULL */
	const struct bh_name_seen *names; /* that addresses go by, beside those in the rows */
	size_t n_names;
	/* What lies on one link, both families together, as far as this machine knows. */
	const struct bh_interface *ifaces;
	size_t n_ifaces;
};

#define BH_SERVER_CLIENTS 3

/* What was seen, ready for the questions below, at the points of one bound policy: rows as
 * pairs, hosts with the part each plays, and the judge's answers as they are needed. */
struct bh_scene;

struct bh_scene_of {
	const struct bh_bound *bound; /* NULL, and no points: no policy */
	const struct bh_point *points;
	size_t n_points;
	const struct bh_told *told; /* may be NULL */
	const struct bh_row *rows;
	size_t n;
	const uint8_t *purposes; /* of the rows, enum bh_purpose; NULL: not known */
};

/* Borrows all of it, and the arena.  -ENOMEM. */
BH_MUST int bh_plan_scene(const struct bh_scene_of *of, struct bh_arena *a, struct bh_scene **ret);

enum bh_fate {
	BH_BREAKS, /* works today and would be blocked */
	BH_ENDS, /* the same, with the Internet or between workstations: what the policy is for */
	BH_MUST_PROVE, /* works in clear today, and goes on through IPsec alone */
	BH_FAILS_TODAY, /* would be blocked, and does not work today either */
	BH_FATES
};

/* Why it would be blocked, by the sentence that comes nearest to allowing it: the first of
 * these that some sentence is, and of those the first in the policy. */
enum bh_why {
	BH_WHY_BLOCKED, /* a block sentence says so */
	BH_WHY_CLAUSE, /* an allow speaks of these two and the service, under a condition */
	BH_WHY_SERVICE, /* it allows these two other services */
	BH_WHY_CLIENT, /* it allows others the same of this server */
	BH_WHY_SERVER, /* it allows this client the same of others */
	BH_WHY_UNSAID, /* no allow speaks of either */
	BH_WHYS
};

extern const char *const bh_why_names[BH_WHYS]; /* "blocked", "clause", … */

struct bh_reason {
	enum bh_why why;
	const struct bh_bound_rule *rule; /* NULL with BH_WHY_UNSAID */
};

/* One user on one client at one share (or server, where no share was seen). */
struct bh_impact_row {
	enum bh_fate fate;
	enum bh_use use; /* the best that was seen */
	bool internet, lateral; /* why it is BH_ENDS */
	bool unsure; /* the server may be a workstation (struct bh_told) */
	struct bh_addr client, server;
	struct bh_service service;
	const char *user, *domain, *share, *server_name; /* NULL: not known */
	uint64_t connections;
	bh_time last_seen;
	struct bh_decision decision;
	struct bh_reason reason;
};

struct bh_impact {
	const struct bh_impact_row *rows; /* by fate; within it the heaviest first */
	size_t n;
	size_t groups[BH_FATES]; /* rows of each fate */
	uint64_t connections[BH_FATES];
	uint64_t kept; /* (client, server, port) that go on: admitted where judged */
	uint64_t off_path; /* of which no point sees a packet, as far as known */
};

/* What would no longer be admitted at the points of a scene.  A gateway does not judge
 * pairs of one on-link prefix of its own interfaces; a host judges only pairs it is an end
 * of (or forwards).  -ENOMEM. */
BH_MUST int bh_plan_impact(struct bh_scene *s, struct bh_arena *a, struct bh_impact *ret);

/* "10.20.0.9 is not among the clients of corp.policy:4: allow smb from desks to files". */
void bh_plan_reason(const struct bh_impact_row *r, struct bh_buf *ret);

/* The sentence that would let it go on, and nothing else: "allow smb from 10.20.0.9 to
 * 10.10.0.20".  False where a block must change instead. */
bool bh_plan_fix(const struct bh_bound *bound, const struct bh_impact_row *r, struct bh_buf *ret);

/* "would break: alice on 10.20.0.11 → \\fs1\finance, 41 times, last 3 minutes ago". */
void bh_plan_impact_sentence(const struct bh_impact_row *r, bh_time now, struct bh_buf *ret);

/* ---- what may go wrong ------------------------------------------------------ */

/* The checklist of those who blocked SMB before: each is raised from evidence alone. */
enum bh_warning_kind {
	BH_WARN_NOTHING, /* no sentence allows any SMB at all */
	BH_WARN_CONTROLLER, /* a domain controller that no sentence allows, beside others */
	BH_WARN_SYSVOL, /* cut off: the way by which the mistake would be mended */
	BH_WARN_FAMILY, /* machines that a sentence means by IPv4 have IPv6 addresses too */
	BH_WARN_NAMESPACE, /* servers cut off that a DFS namespace may point to */
	BH_WARN_PRINT,
	BH_WARN_SCANNER, /* a device that only writes */
	BH_WARN_MANAGEMENT, /* software distribution, inventory, vulnerability scanners */
	BH_WARN_DEPLOYMENT, /* what those fetch from a share */
	BH_WARN_BACKUP,
	BH_WARN_CLUSTER, /* shared volumes, witness, replication, live migration */
	BH_WARN_SQL, /* over named pipes */
	BH_WARN_CERTIFICATES, /* enrolment */
	BH_WARN_SMB1, /* a device that speaks nothing else, and stays allowed */
	BH_WARN_IPSEC, /* must prove an identity, and cannot */
	BH_WARN_LEASED, /* a server named by an address that it has on loan */
	BH_WARNINGS
};

extern const char *const bh_warning_names[BH_WARNINGS]; /* "nothing", "controller", … */

struct bh_warning {
	enum bh_warning_kind kind;
	struct bh_addr host; /* whom it is about; no address: a sentence, or the policy */
	const char *name; /* that the host goes by; NULL: not known; from the wire */
	struct bh_addrset peers; /* from whom it would be cut off, or beside whom it stands */
	uint64_t n_peers;
	unsigned line; /* the sentence that it is about; 0: none */
	const char *file;
	/* Sentences without their stop; what comes from the wire is made harmless in them. */
	const char *text, *evidence;
	const char *fix; /* lines of a policy that mend it; NULL: none can */
	const char *advice; /* what else helps; NULL: nothing to add */
};

/* At the points of a scene; by kind, then those that concern most.  -ENOMEM. */
BH_MUST int bh_plan_warnings(
	struct bh_scene *s, struct bh_arena *a, const struct bh_warning **ret, size_t *n_ret);

/* ---- what nobody uses any more ------------------------------------------------- */

enum bh_proposal_kind {
	BH_PROPOSE_RULE, /* nothing used the sentence */
	BH_PROPOSE_SERVICE, /* nothing used it for that service */
	BH_PROPOSE_CLIENTS, /* nothing used it from there */
	BH_PROPOSE_SERVERS, /* nothing used it to there */
	BH_PROPOSALS
};

extern const char *const bh_proposal_names[BH_PROPOSALS]; /* "rule", "service", … */

/* An allow, or a part of it, that may go. */
struct bh_proposal {
	enum bh_proposal_kind kind;
	const struct bh_bound_rule *rule;
	struct bh_addrset addrs; /* clients or servers */
	const char *service;
	bool elsewhere; /* another allow was used from or to there: its set must not lose them */
	bh_time last_used; /* 0: never, as far as was seen */
	uint64_t pairs; /* of known hosts that it admits, others apart */
};

struct bh_tighten {
	const struct bh_proposal *v; /* in the order of the sentences */
	size_t n;
	uint64_t rules; /* allows looked at */
	bh_time begins; /* the first that was seen at all; 0: nothing was */
};

/* Of what worked and was seen at `since` or later.  -ENOMEM. */
BH_MUST int bh_plan_tighten(
	struct bh_scene *s, bh_time since, struct bh_arena *a, struct bh_tighten *ret);

/* "nothing used corp.policy:7 since 2026-09-02T00:00:00Z: allow smb from desks to files". */
void bh_plan_proposal(const struct bh_proposal *p, bh_time since, struct bh_buf *ret);

/* How many hosts can be walked to over SMB from a workstation, one after the other: the
 * middle one (of two, the lower) and the most of all workstations. */
struct bh_reach {
	uint64_t median, most;
};

/* Ordered pairs of known hosts, of one family, that can speak SMB (any declared TCP
 * service; without a policy: all of them). */
struct bh_surface {
	uint64_t hosts; /* addresses seen, and this machine's own */
	uint64_t pairs; /* what could speak without a policy */
	uint64_t judged; /* of these, pairs on the point's path, as far as known */
	uint64_t judged_open; /* of these, still admitted; pairs - judged stay open too */
	uint64_t used; /* pairs seen at work */
	uint64_t used_open;
	/* The same for pairs of two workstations. */
	uint64_t lateral, lateral_judged, lateral_judged_open;
	uint64_t lateral_used, lateral_used_open;
	uint64_t stations; /* workstations; reach is of these */
	struct bh_reach reach_before, reach; /* without a policy, and with it */
};

static inline uint64_t bh_surface_open(const struct bh_surface *s)
{
	return s->pairs - s->judged + s->judged_open;
}

static inline uint64_t bh_surface_lateral_open(const struct bh_surface *s)
{
	return s->lateral - s->lateral_judged + s->lateral_judged_open;
}

/* Exact, by classes of equal treatment and not pair by pair; at the first point of a scene.
 * table: bh_plan_table's for that point; NULL without a policy.  -ENOMEM. */
BH_MUST int bh_plan_surface(struct bh_scene *s, const struct bh_table *table, struct bh_arena *a,
	struct bh_surface *ret);

/* ---- a policy from what was seen ------------------------------------------ */

struct bh_suggest_options {
	struct bh_told told;
	bh_time now;
	bh_time since; /* rows last seen before are left aside; 0: none are */
	bh_time until; /* rows first seen later are left aside; 0: none are */
	const uint8_t *purposes; /* of the rows, enum bh_purpose; NULL: not known */
	uint32_t without; /* purposes that are not needed: a bit for each enum bh_purpose */
	/* So many rules at most, and of these the smallest surface; 0: a rule for each group
	 * of servers with the same clients. */
	unsigned budget;
	/* So many clients of one /24 or /64 become that network; 0: 8, with a budget none. */
	unsigned many;
	/* NULL: addresses.  Else a server stands under its name when the name resolves to
	 * nothing but addresses of servers in the same set, its own among them. */
	const struct bh_names *names;
};

/* What was seen behind one sentence. */
struct bh_seen {
	uint64_t clients, users, connections;
	bh_time last_seen;
	const char *const *shares; /* sorted, distinct */
	size_t n_shares;
	uint32_t dialects; /* bit per enum bh_dialect */
	bool is_signed, unsigned_, encrypted, clear; /* some connections were */
	uint64_t uses[BH_USES]; /* connections of each kind */
	uint64_t purposes[BH_PURPOSES]; /* connections of each, of those counted above */
};

struct bh_suggested_set {
	const char *name;
	bool network; /* holds prefixes that stand for more than was seen */
	struct bh_addrset addrs, except;
	const char *const *machines; /* with names: beside addrs */
	size_t n_machines;
	const char *const *called; /* server names as clients used them; from the wire */
	size_t n_called;
};

#define BH_SVC_SMB       1u
#define BH_SVC_NETBIOS   2u
#define BH_SVC_SMBDIRECT 4u

struct bh_suggested_rule {
	unsigned services; /* BH_SVC_* */
	const struct bh_suggested_set *from;
	const struct bh_suggested_set *const *to; /* one for each part that the servers play */
	size_t n_to;
	struct bh_seen seen;
};

enum bh_left_out {
	BH_LEFT_INTERNET,
	BH_LEFT_LATERAL,
	BH_LEFT_UNSURE, /* to a host that may be a workstation: struct bh_told */
	BH_LEFT_PURPOSE, /* for nothing but what options.without names */
	BH_LEFT_SMB1,
	BH_LEFT_NOBODY,
	BH_LEFT_DENIED,
	BH_LEFT_NO_SESSION,
	BH_LEFT_UNANSWERED,
	BH_LEFT_NOT_GOVERNED, /* other ports and QUIC: the policy says nothing of them */
	BH_LEFTS
};

/* Left out of the policy: all clients of one server for one reason. */
struct bh_left {
	enum bh_left_out why;
	unsigned service; /* one BH_SVC_*, 0 when not governed */
	struct bh_service at;
	struct bh_addr server;
	struct bh_addrset clients;
	uint64_t admitted; /* of the clients: by a rule all the same, which few rules may cost */
	struct bh_seen seen;
};

/* Admitted by the sentences among the known hosts, and not needed by anybody. */
struct bh_unused {
	struct bh_addr server;
	uint64_t pairs;
	struct bh_addrset clients; /* empty where listing them all would be too much */
};

struct bh_suggestion {
	const struct bh_suggested_set *const *sets;
	size_t n_sets;
	const struct bh_suggested_rule *rules;
	size_t n_rules;
	const struct bh_left *left; /* by reason, server, service */
	size_t n_left;
	struct bh_addrset inside; /* the /24 and /64 of the inside hosts seen: declared, so
				   * that they get a reset where they are blocked */
	uint64_t conversations, connections; /* looked at */
	uint64_t too_old; /* conversations before options.since */
	uint64_t too_new; /* conversations after options.until */
	uint64_t loopback; /* conversations of a machine with itself: never governed */
	uint64_t pairs; /* (client, server, service) that the rules stand for */
	/* Ordered pairs of known hosts: that need SMB, and that the rules admit. */
	uint64_t needed, surface;
	const struct bh_unused *unused; /* what lies between the two; the most first */
	size_t n_unused;
	unsigned budget; /* as asked for */
	bool smallest; /* no policy of so many rules has a smaller surface */
	uint64_t one_more; /* the surface that one rule more would have, with a budget */
	bh_time first_seen, last_seen;
	bh_time now, since, until;
};

extern const char *const bh_left_names[BH_LEFTS]; /* "internet", "lateral", … */

/* -ENOMEM. */
BH_MUST int bh_plan_suggest(const struct bh_row *rows, size_t n, const struct bh_suggest_options *o,
	struct bh_arena *a, struct bh_suggestion *ret);

/* The policy as text, in the form that bh_policy_print gives. */
void bh_plan_suggest_print(const struct bh_suggestion *s, struct bh_buf *ret);

/*
 * row: what the inventory has folded its facts into.
 *
 * Plain values; texts and arrays belong to the arena they were made in.
 */
#pragma once

#include "model/talk.h"

/* A row as it stands: one distinct conversation. */
struct bh_row {
	struct bh_talk who;
	struct bh_figures figures; /* summed over its sources */
	const uint32_t *sources; /* ids, ascending */
	size_t n_sources;
	/* One beside each source; NULL: not told apart, or there is but one. */
	const struct bh_figures *each;
};

/* What a source of evidence is. */
enum bh_kind {
	BH_KIND_CAPTURE, /* packets, from a file or live */
	BH_KIND_ZEEK,
	BH_KIND_ZEEK_LOG, /* one of its logs without the others: a part of each conversation */
	BH_KIND_SURICATA,
	BH_KIND_SAMBA,
	BH_KIND_WINDOWS,
	BH_KIND_FIREWALL,
	BH_KIND_OTHER,
	BH_KINDS
};

/* By the word before the colon of a source's identity: "pcap:sha256:…". */
enum bh_kind bh_kind_of(const char *identity);

/* What became of a conversation, as far as a policy must care. */
enum bh_use {
	BH_USE_WORKS, /* a session stood, or is plainly under way */
	BH_USE_NOBODY, /* it worked, as guest or anonymous */
	BH_USE_SMB1, /* it worked, by SMB1 */
	BH_USE_DENIED, /* the logon or the share was refused */
	BH_USE_NO_SESSION, /* answered, and nobody logged on as far as was seen */
	BH_USE_UNANSWERED, /* refused, silent or blocked */
	BH_USES
};

enum bh_use bh_row_use(const struct bh_row *row);

/* What a share is, as far as its name and type say. */
enum bh_share_class {
	BH_CLASS_UNKNOWN, /* no share is known */
	BH_CLASS_IPC,
	BH_CLASS_DOMAIN, /* SYSVOL, NETLOGON */
	BH_CLASS_PRINT, /* queues, and the drivers for them */
	BH_CLASS_ADMIN, /* ADMIN$ and whole drives */
	BH_CLASS_CLUSTER, /* shared volumes, between nodes */
	BH_CLASS_BACKUP, /* shadow copies */
	BH_CLASS_DISK, /* any other */
	BH_CLASSES
};

enum bh_share_class bh_share_class(const struct bh_talk *c);

/* The last part of a UNC path, "" when there is none. */
const char *bh_share_name(const char *unc);

/* What a conversation is for (DESIGN: "is it necessary?" is the administrator's
 * question). */
enum bh_purpose {
	BH_PURPOSE_UNKNOWN,
	BH_PURPOSE_GPO, /* what members of a domain need of its controllers */
	BH_PURPOSE_FILE,
	BH_PURPOSE_PRINT,
	BH_PURPOSE_ADMIN, /* remote administration, and what an intruder uses */
	BH_PURPOSE_CLUSTER,
	BH_PURPOSE_BACKUP,
	BH_PURPOSE_DISCOVERY, /* looking round */
	BH_PURPOSES
};

extern const char *const bh_purpose_names[BH_PURPOSES]; /* NULL: unknown */

/* The part a machine plays, as far as evidence goes. */
enum bh_host_role {
	BH_HOST_CONTROLLER, /* of a domain */
	BH_HOST_FILES,
	BH_HOST_PRINTS,
	BH_HOST_CLUSTER,
	BH_HOST_NAS,
	BH_HOST_SCANNER, /* or printer: writes, and never reads */
	BH_HOST_WORKSTATION,
	BH_HOST_INTERNET,
	BH_HOST_ROLES
};

extern const char *const bh_host_role_names[BH_HOST_ROLES];

/* "serves SYSVOL or NETLOGON to 14 clients": why a role is thought to be one. */
struct bh_host_evidence {
	uint8_t role; /* enum bh_host_role */
	const char *text;
};

struct bh_host_row {
	struct bh_addr addr; /* none: known by a name alone */
	const char *name; /* from UNC paths, netnames and what was heard; NULL unknown */
	const char *workstation; /* from NTLM as a client; NULL unknown */
	bool is_client, is_server;
	uint64_t served, used; /* connections as server, as client */
	uint64_t clients, servers; /* that it served, that it used: distinct, at work */
	uint8_t best_dialect; /* as a server: enum bh_dialect */
	uint8_t signing; /* as a server: enum bh_signing */
	bool smb1; /* really used as a server */
	uint32_t roles; /* a bit for each enum bh_host_role */
	const struct bh_host_evidence *evidence; /* by role */
	size_t n_evidence;
	bh_time first_seen, last_seen;
};

#define BH_SHARE_BY 8

struct bh_share_row {
	struct bh_addr server;
	const char *server_name; /* as most often used; NULL unknown */
	const char *share; /* UNC, as most often used */
	uint8_t type; /* enum bh_share_type */
	uint64_t clients, users, connections;
	const char *const *by; /* who used it: CORP\\alice, or the client; the heaviest first */
	size_t n_by; /* at most BH_SHARE_BY */
	uint64_t denied; /* connections whose TREE_CONNECT failed */
	int8_t encrypted;
	uint64_t bytes_to_server, bytes_to_client;
	bh_time last_seen;
};

/* Something that an administrator should know of. */
enum bh_finding_kind {
	BH_FOUND_SMB1, /* in use */
	BH_FOUND_SMB1_OFFERED, /* by a client, and not taken */
	BH_FOUND_GUEST,
	BH_FOUND_ANONYMOUS,
	BH_FOUND_NTLM_V1,
	BH_FOUND_NTLM, /* where Kerberos would do */
	BH_FOUND_SIGNING, /* not required */
	BH_FOUND_CLEAR, /* no encryption */
	BH_FOUND_LATERAL, /* between workstations */
	BH_FOUND_INTERNET,
	BH_FOUND_SHARE_OPEN, /* to everyone */
	BH_FOUND_SHARE_UNUSED,
	BH_FOUND_SERVER_UNUSED,
	BH_FINDINGS
};

/* How bad it is, the least first. */
enum bh_grade {
	BH_GRADE_INFO,
	BH_GRADE_LOW,
	BH_GRADE_MEDIUM,
	BH_GRADE_HIGH,
	BH_GRADE_CRITICAL,
	BH_GRADES
};

extern const char *const bh_finding_names[BH_FINDINGS];
extern const char *const bh_grade_names[BH_GRADES];

struct bh_finding {
	uint8_t kind; /* enum bh_finding_kind */
	uint8_t grade; /* the worst of what was seen: enum bh_grade */
	/* Who: what is NULL, or no address, it is not about, or is of several. */
	struct bh_addr client, server;
	const char *client_name, *server_name;
	const char *share, *user, *domain;
	uint64_t clients, servers; /* distinct */
	uint64_t connections;
	bh_time first_seen, last_seen;
	const char *text; /* the evidence, a sentence without its full stop; from the wire */
};

/* A share that is known to exist, used or not. */
struct bh_share_listed {
	struct bh_addr server;
	const char *server_name; /* NULL: not known */
	const char *share;
	const char *path, *remark; /* NULL: not known */
	bh_time when; /* the latest word on it; 0: not known */
};

/* The questions of "Secure SMB Traffic in Windows Server", answered for one machine. */
enum bh_answer { BH_ANSWER_UNKNOWN, BH_ANSWER_NO, BH_ANSWER_YES, BH_ANSWERS };

/* From where inbound SMB is used. */
enum bh_scope {
	BH_FROM_NOBODY,
	BH_FROM_NODES, /* some machines */
	BH_FROM_NETWORKS, /* some networks */
	BH_FROM_ALL, /* most of the machines that are known */
	BH_SCOPES
};

extern const char *const bh_answer_names[BH_ANSWERS]; /* NULL: unknown */
extern const char *const bh_scope_names[BH_SCOPES];

struct bh_endpoint {
	const struct bh_host_row *host;
	bool server; /* by its roles: the questions for servers, else those for clients */
	uint8_t by_role; /* enum bh_answer: its role requires inbound SMB */
	uint8_t necessary; /* inbound SMB is, for whatever reason */
	uint8_t service; /* it needs to run the server service */
	uint8_t scope; /* enum bh_scope */
	const char *const *from; /* these machines or networks, the heaviest first */
	size_t n_from;
	uint64_t more_from; /* that were left out of it */
	uint32_t purposes; /* that it is used for: a bit for each enum bh_purpose */
	uint64_t needs; /* a bit for each of bh_needs that goes with its role or its pipes */
	uint64_t times; /* connections that it served at work */
	uint64_t outside; /* servers on the Internet that it asked */
	const char *why; /* a sentence; from the wire */
};

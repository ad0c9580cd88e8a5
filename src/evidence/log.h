/*
 * log: one log being read, as its mappers see it.  Inside the room only.
 *
 * A mapper gets a record and calls back: bh_log_count for what it is, then bh_log_say for
 * each observation, or bh_log_bad.  What a sink answers sticks and ends the reading.
 */
#pragma once

#include "evidence/evidence.h"
#include "evidence/feed.h"
#include "evidence/fields.h"
#include "evidence/join.h"
#include "evidence/kinds.h"

/* The head of a table: the names of its columns, kept. */
struct bh_columns {
	size_t n, used;
	struct bh_span name[BH_FIELDS_MAX];
	char text[32 * 1024];
};

void bh_columns_reset(struct bh_columns *c);
void bh_columns_add(struct bh_columns *c, struct bh_span name);
/* The i-th text of a row under its column's name; nothing for a column without one. */
void bh_columns_field(
	const struct bh_columns *c, size_t i, struct bh_span text, struct bh_fields *f);

enum { BH_SAMBA_EARLY = 8 };

/* By which of its lines full_audit tells an open here. */
enum bh_samba_opens { BH_SAMBA_UNDECIDED, BH_SAMBA_CREATE_FILE, BH_SAMBA_OPENAT };

/* Of Samba's text log. */
struct bh_samba {
	struct bh_audit_prefix prefix;
	bool declared;
	enum bh_samba_opens opens;
	size_t n_early;
	struct bh_observation early[BH_SAMBA_EARLY]; /* opens that wait for the decision */
	/* Logons that failed and may have ended as a guest's: the Authorization says so, by
	 * the client's port. */
	size_t n_failed;
	struct {
		struct bh_observation o;
		uint16_t port;
	} failed[BH_SAMBA_EARLY];
	int32_t east; /* as the options or a JSON line say */
	bh_time header; /* of the header line above */
	struct bh_addr server; /* of the last authentication */
	uint16_t port;
	uint8_t share_at, share_of; /* guessed: field share_at - 1 of share_of */
};

/* How the tab-separated log at hand is written. */
struct bh_zeek_form {
	char separator, path[48];
	char unset[16], empty[16];
};

struct bh_zeek {
	struct bh_join *join;
};

struct bh_log {
	enum bh_log_kind kind;
	struct bh_log_options options;
	struct bh_log_sink sink;
	void *ctx;
	int error; /* what a sink answered, or -ENOMEM */
	struct bh_log_counts counts;
	uint64_t offset; /* of the record at hand */
	bh_time until; /* what waits is told up to that time */
	bh_time now; /* of what names no time; 0: not known */
	unsigned problems;
	uint8_t csv_by; /* the separator, once the head is read */
	struct bh_kinds *kinds;
	struct bh_feed *feed;
	struct bh_fields *fields;
	struct bh_columns *columns;
	struct bh_join *joined; /* Samba's and Suricata's; NULL until needed */
	struct bh_logons *logons;
	struct bh_samba samba;
	struct bh_zeek_form zeek;
	struct bh_zeek *own_zeek;
	struct bh_xml *xml;
	struct bh_evtx *evtx;
	uint8_t *chunk; /* EVTX: BH_EVTX_CHUNK bytes */
	size_t in_chunk;
	uint64_t at; /* EVTX and XML: bytes so far */
};

/* One more record, of a kind named "log" or "log what". */
void bh_log_count(struct bh_log *l, const char *log, struct bh_span what, uint32_t id, bool read);
void bh_log_say(struct bh_log *l, const struct bh_observation *o);
/* The record at hand should have been understood. */
void bh_log_bad(struct bh_log *l, const char *why);
void bh_log_name(struct bh_log *l, const struct bh_name_seen *n);
void bh_log_listed(struct bh_log *l, const struct bh_share_seen *s);
/* Made when first asked for; NULL: no memory, which sticks. */
struct bh_join *bh_log_join(struct bh_log *l);
struct bh_join *bh_log_zeek(struct bh_log *l); /* the options', or its own */

/* A conversation as a log begins to tell it. */
struct bh_observation bh_log_observe(bh_time when);
/* UNC as a log without host names it: "\\*\Public". */
void bh_log_share(struct bh_conversation *c, struct bh_span name);
/* "\\fs1\Public": the share, and its host as the server's name; a backslash that was lost
 * at the front is put back. */
void bh_log_unc(struct bh_conversation *c, struct bh_span unc);

/* ---- mappers ---- */

/* A Windows event from whatever form. */
bool bh_log_wants_event(struct bh_log *l, struct bh_span provider, uint32_t id);
void bh_log_event(struct bh_log *l, const struct bh_event *e);
/* Fields that tell a Windows event.  -ENOMSG: they tell none. */
BH_MUST int bh_exported_event(struct bh_log *l, struct bh_fields *f);
/* Does a column of that name hold an event's number? */
bool bh_exported_id(struct bh_span name);

/* windows_wait.c: a logon, told when no share claims it; a share that may claim one. */
void bh_windows_logon(struct bh_log *l, const struct bh_event *e);
void bh_windows_claim(struct bh_log *l, const struct bh_event *e);
void bh_windows_waiting(struct bh_log *l);

void bh_csv_record(struct bh_log *l, struct bh_span row);
/* The separator of a head of columns we know, 0 if it is none. */
uint8_t bh_csv_head(struct bh_span row);
/* The next field of a row; escaped quotes make it a copy in *f. */
struct bh_span bh_csv_next(struct bh_cur *c, uint8_t by, struct bh_fields *f);

void bh_pfirewall_record(struct bh_log *l, struct bh_span line);
bool bh_pfirewall_is(struct bh_span line);

void bh_zeek_record(struct bh_log *l, struct bh_span line);
/* A row or JSON record of the log of that name; "" if it must be told by its fields. */
void bh_zeek_fields(struct bh_log *l, struct bh_span path, const struct bh_fields *f);
bool bh_zeek_json(const struct bh_fields *f);
void bh_zeek_waiting(struct bh_log *l, struct bh_join *j);

void bh_suricata_fields(struct bh_log *l, const struct bh_fields *f);
bool bh_suricata_json(const struct bh_fields *f);
void bh_suricata_waiting(struct bh_log *l);

void bh_samba_record(struct bh_log *l, struct bh_span line);
bool bh_samba_is(struct bh_span line);
/* One message whose time and machine stand beside it: 0, empty when they do not. */
void bh_samba_message(struct bh_log *l, struct bh_span text, bh_time when, struct bh_span host);
void bh_samba_waiting(struct bh_log *l);
bool bh_samba_json(const struct bh_fields *f);
void bh_samba_auth(struct bh_log *l, const struct bh_fields *f);
/* "PREFIX|op|ok|…" or "PREFIX|op|fail (why)|…", the marker of syslog left out. */
void bh_samba_audit(struct bh_log *l, struct bh_span text, bh_time when, struct bh_span host);
bool bh_samba_audit_is(struct bh_span text);
/* Tells the opens that wait: nobody logs create_file. */
void bh_samba_opened(struct bh_log *l);

/* Flags of a slot: sessions of one client and user that differ in this were open at once,
 * so that nobody knows whose a share is. */
enum { BH_SAMBA_DIALECTS = 1, BH_SAMBA_AUTHS = 2, BH_SAMBA_WORKSTATIONS = 4, BH_SAMBA_USERS = 8 };
/* Another: an Authentication whose Authorization may still come. */
enum { BH_SAMBA_CHECKED = 16 };

/* Client and user: whose session it is. */
struct bh_samba_key {
	uint8_t bytes[BH_JOIN_KEY];
	size_t len;
};
struct bh_samba_key bh_samba_key(const struct bh_addr *client, struct bh_span user);
/* Its slot, made if it is not there.  NULL: no memory. */
struct bh_join_slot *bh_samba_slot(struct bh_log *l, const struct bh_samba_key *key);

void bh_json_record(struct bh_log *l, const struct bh_record *r);

/*
 * evidence: logs in, facts out.
 *
 * Same rules as dissect: pure, bounded, no heap but what a reader takes once when it is
 * made; malformed input is a value.
 */
#pragma once

#include "base/cur.h"
#include "evidence/event.h"
#include "model/fact.h"

/* What one record of any log says of one conversation. */
struct bh_observation {
	struct bh_conversation who; /* an end of family 0 is known by its name alone */
	bh_time when; /* UTC; 0: not known */
	/* Of one record 0 or 1; what waited to be told, in sum. */
	uint32_t connections; /* tree connects or connections it stands for */
	uint32_t opens; /* files or pipes opened */
	uint32_t pipes; /* enum bh_pipe, a bit each */
};

/* ---- NFLOG: the verdicts of our own audit rules ---- */

/* The next netlink message of one datagram: true and *ret, or false at its end.  A
 * length that cannot be makes the cursor bad. */
bool bh_evidence_nflog_next(struct bh_cur *datagram, struct bh_span *ret);

/* One netlink message of NFLOG → one leaf fact (leaf and revision are the caller's):
 * client, server, port, transport and BH_WOULD_BLOCK; one connection if the packet
 * begins one (a SYN, or any datagram), else none.  0; -ENOMSG for a message that is not
 * of our rules, -EBADMSG for one that does not hold a packet's headers. */
BH_MUST int bh_evidence_nflog(struct bh_span message, bh_time now, struct bh_fact *ret);

/* ---- what Windows events mean ---- */

/* Are events of this kind read at all?  So that all others are but counted. */
bool bh_evidence_windows_reads(struct bh_span provider, uint32_t id);

/* One event → what it says of one conversation over SMB.  -ENOMSG: nothing; -EBADMSG: it
 * should, and cannot be believed.  5168 names no client: only its logon does.
 *
 * 4624 and 4625 tell nothing here, not even those of type 3: RPC, LDAP, WinRM and HTTP log
 * on over the network as well, the event does not say which it was, and a row of SMB
 * that was none would end as a rule that lets it through.  What a logon says of a session
 * reaches that session's rows by way of bh_logons; one that no share claims is told by
 * bh_evidence_logon as a logon, of no transport that is SMB.  The same holds for NTLM 8002 … 8004;
 * 8001 names its target, so that one of a "cifs/" service is told. */
BH_MUST int bh_evidence_windows(const struct bh_event *e, struct bh_observation *ret);

/* 4624 and 4625 of type 3, NTLM 8001, 8003 and 8004: who logged on to whom and how, by
 * SMB or not: port 0 and BH_TRANSPORT_OTHER, connections 0.  Else -ENOMSG. */
BH_MUST int bh_evidence_logon(const struct bh_event *e, struct bh_observation *ret);

/* A name and an address that one event tells together.  Else -ENOMSG. */
BH_MUST int bh_evidence_windows_name(const struct bh_event *e, struct bh_name_seen *ret);

/* A share that one event tells of: 5142 it was added, 5143 changed, 5144 taken away.  Else
 * -ENOMSG; -EBADMSG as above. */
BH_MUST int bh_evidence_windows_share(const struct bh_event *e, struct bh_share_seen *ret);

/* Logons of late, so that 5140 and 5145, which know a session by number only, can be
 * told with its mechanism, and 5168 with its client.  The newest BH_LOGONS are remembered. */
#define BH_LOGONS 4096u

struct bh_logons;
BH_MUST int bh_logons_new(uint64_t seed, struct bh_logons **ret);
struct bh_logons *bh_logons_free(struct bh_logons *l);
BH_AUTO_FREE(bh_logons)

/* A 4624 is remembered, anything else left alone. */
void bh_logons_note(struct bh_logons *l, const struct bh_event *e);
/* *o is what bh_evidence_windows made of e: auth, ntlm, workstation and, where there is
 * none, the client are filled in if the logon of the same machine, number and user is
 * remembered. */
void bh_logons_join(const struct bh_logons *l, const struct bh_event *e, struct bh_observation *o);

/* Who is told of the events in a log, in the order they stand there. */
struct bh_event_sink {
	void *ctx;
	/* Each event that can be read: is it wanted whole?  Count them here. */
	bool (*want)(void *ctx, struct bh_span provider, uint32_t id);
	/* Those that were wanted; *e and all its texts die when this returns. */
	void (*event)(void *ctx, const struct bh_event *e);
};

/* ---- EVTX ---- */

#define BH_EVTX_CHUNK (64u * 1024)
#define BH_EVTX_FIRST 4096u /* where the first chunk is: behind the file's header */

bool bh_evtx_is(struct bh_span first_bytes);

struct bh_evtx_told {
	uint32_t records; /* read */
	uint32_t unreadable; /* records that could not be, wholly or what was wanted of
			      * them, and holes where some must have been */
	bool suspect; /* a checksum is wrong: what reads as a record was told all the same */
};

struct bh_evtx; /* fixed scratch, about half a megabyte */
BH_MUST int bh_evtx_new(struct bh_evtx **ret);
struct bh_evtx *bh_evtx_free(struct bh_evtx *x);
BH_AUTO_FREE(bh_evtx)

/* One block of BH_EVTX_CHUNK bytes, counted from BH_EVTX_FIRST; the last of a file may be
 * cut short.  The file header's own count of chunks is not asked: files copied from a
 * running machine are behind it.  -ENOMSG: never written (no signature, zeros);
 * -EBADMSG: no chunk.  A chunk is understood from itself alone. */
BH_MUST int bh_evtx_chunk(struct bh_evtx *x, struct bh_span chunk, const struct bh_event_sink *sink,
	struct bh_evtx_told *ret);

/* ---- XML as wevtutil, Get-WinEvent and event forwarding write it ---- */

struct bh_xml_told {
	uint64_t records, unreadable;
};

struct bh_xml;
/* seed: keeps chosen names from meeting in expat's tables. */
BH_MUST int bh_xml_new(uint64_t seed, struct bh_xml **ret);
struct bh_xml *bh_xml_free(struct bh_xml *x);
BH_AUTO_FREE(bh_xml)

/* Any cutting of the bytes; UTF-8, or UTF-16 with a BOM.  Each <Event> is read alone:
 * a root around them, none, or a document type makes no difference, and one that is no
 * XML takes none with it. */
void bh_xml_feed(struct bh_xml *x, struct bh_span bytes, const struct bh_event_sink *sink);
/* The end: what was begun and not closed is unreadable. */
struct bh_xml_told bh_xml_end(struct bh_xml *x);

/* One <Event>, <EventData> or <UserData> in UTF-8, whole; *ret is borrowed from *x.
 * -EBADMSG. */
BH_MUST int bh_xml_event(struct bh_xml *x, struct bh_span xml, struct bh_event *ret);

/* ---- log files ---- */

/* What a file is, by its content. */
enum bh_log_kind {
	BH_LOG_NONE, /* no log we know */
	BH_LOG_EVTX,
	BH_LOG_XML, /* Windows events: wevtutil, Get-WinEvent */
	BH_LOG_JSON, /* Windows events, Samba, Suricata, Zeek, journal: each record says which */
	BH_LOG_CSV, /* Windows events: Azure Monitor and others */
	BH_LOG_PFIREWALL, /* Windows Firewall's pfirewall.log */
	BH_LOG_ZEEK, /* tab-separated */
	BH_LOG_SAMBA, /* log.smbd or syslog: auth_json_audit and full_audit */
	BH_LOG_KINDS
};

extern const char *const bh_log_kind_names[BH_LOG_KINDS]; /* "EVTX" … for people */

#define BH_LOG_SNIFF (64u * 1024) /* more of a file's first bytes are not looked at */

enum bh_log_kind bh_log_sniff(struct bh_span first_bytes);

/* full_audit:prefix of smb.conf.  The macros %u %U %D %I %i %m %M %S %L %h %R are believed,
 * others skipped; two need something between them. */
struct bh_audit_prefix {
	char text[128];
};
/* What `audit samba` has it print, known by its form where no other is declared. */
#define BH_AUDIT_PREFIX "%u|%I|%i|%m|%S|%R"
/* -EINVAL: not of that form, or neither user nor client is in it. */
BH_MUST int bh_audit_prefix_parse(const char *text, struct bh_audit_prefix *ret);

/* What several logs of Zeek say of one connection, by its uid. */
struct bh_zeek; /* owned */

struct bh_log_options {
	uint64_t seed; /* for tables whose keys peers choose */
	/* When the file was last written, for the year that RFC 3164 leaves out; 0: unknown,
	 * and then such times are. */
	bh_time modified;
	/* Seconds that the writer's clock is ahead of UTC, for times that name no zone:
	 * pfirewall.log, Samba's headers, RFC 3164, NXLog.  None of them can be told from
	 * UTC; whoever does not know leaves it 0 and says so. */
	int32_t east;
	/* NULL: BH_AUDIT_PREFIX, or guessed.  The first address of a line is the client, a second
	 * one the server, the first field that is no address the user; the field that repeats the
	 * share's name in a line of "connect" is the share from then on.  Others are not believed.
	 */
	const struct bh_audit_prefix *prefix;
	/* Whose log it is, where it does not say so itself; NULL: "(this log's server)". */
	const char *server_name;
	struct bh_zeek *zeek; /* NULL: each log stands alone */
	uint32_t sessions; /* remembered at once, to join what belongs together; 0: 32,768 */
};

/* Each returns 0 to go on, or what ends the reading. */
struct bh_log_sink {
	int (*saw)(void *ctx, const struct bh_observation *o);
	int (*name)(void *ctx, const struct bh_name_seen *n);
	int (*share)(void *ctx, const struct bh_share_seen *s);
	/* So many records of a kind so far; told again, it replaces. */
	int (*events)(void *ctx, const struct bh_event_count *e);
	/* A record that should have been understood; of many, the first few. */
	int (*problem)(void *ctx, uint64_t offset, const char *text);
};

struct bh_log_counts {
	uint64_t records; /* understood or not */
	uint64_t unreadable; /* records that should have been understood */
};

struct bh_log; /* owned: one log being read */

/* options and sink are copied, what they point to is not.  -ENOMEM; -EINVAL: BH_LOG_NONE. */
BH_MUST int bh_log_new(enum bh_log_kind kind, const struct bh_log_options *options,
	const struct bh_log_sink *sink, void *ctx, struct bh_log **ret);
struct bh_log *bh_log_free(struct bh_log *l);
BH_AUTO_FREE(bh_log)

/* The file's bytes in any pieces.  An observation may come later than its record: a logon
 * waits for the share it is for, so that neither counts twice. */
BH_MUST int bh_log_feed(struct bh_log *l, struct bh_span bytes);
/* For logs that are followed: tells what has waited since `until` or longer, by the log's
 * own times, and the counts of kinds as of now; more may follow. */
BH_MUST int bh_log_tell(struct bh_log *l, bh_time until);
/* Is what comes written now?  Then what names no time is of now, and a year that is left
 * out is the one that fits. */
void bh_log_clock(struct bh_log *l, bh_time now);
/* No more bytes follow. */
BH_MUST int bh_log_end(struct bh_log *l);
struct bh_log_counts bh_log_counted(const struct bh_log *l);

/* sessions: as in the options. */
BH_MUST int bh_zeek_new(uint64_t seed, uint32_t sessions, struct bh_zeek **ret);
struct bh_zeek *bh_zeek_free(struct bh_zeek *z);
BH_AUTO_FREE(bh_zeek)
/* Which of several Zeek logs is read first, so that a user is known before the shares and
 * those before the connection: the lowest.  0 for anything else. */
unsigned bh_zeek_order(struct bh_span first_bytes);
/* After the last of the logs that shared it: tells the connections nothing more is known
 * of. */
BH_MUST int bh_zeek_end(struct bh_zeek *z, const struct bh_log_sink *sink, void *ctx);

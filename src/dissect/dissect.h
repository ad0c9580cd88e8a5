/*
 * dissect: SMB bytes in; values, and how many bytes may be skipped, out.
 *
 * Pure: no allocation, no I/O, no clock, no log.  A message is either told whole or
 * refused whole with -EBADMSG; *ret is untouched when refused.  It remembers nothing of
 * a connection but where in a message it is (struct bh_framer); sessions, trees and
 * what belongs together are the sensor's.
 */
#pragma once

#include "base/cur.h"
#include "model/fact.h"

/* ---- framing ---- */

/* The most of a message that is ever looked at. */
#define BH_MAX_BODY (64u * 1024)

enum bh_message_kind {
	BH_MESSAGE_CONTROL, /* NetBIOS session service: command is its type, no SMB in it */
	BH_MESSAGE_SMB1,
	BH_MESSAGE_SMB2,
	BH_MESSAGE_ENCRYPTED, /* [MS-SMB2] 2.2.41: session_id is known, nothing else; not even
			       * that (0) of SMB1 as Samba encrypts it */
	BH_MESSAGE_COMPRESSED, /* [MS-SMB2] 2.2.42: algorithm is known; the header, unless
				* session_id is 0 */
	BH_MESSAGE_MALFORMED, /* framed like a message, and none */
};

/* NetBIOS session service, RFC 1002 4.3.1. */
enum {
	BH_NBSS_MESSAGE = 0x00,
	BH_NBSS_REQUEST = 0x81,
	BH_NBSS_POSITIVE = 0x82,
	BH_NBSS_NEGATIVE = 0x83,
	BH_NBSS_RETARGET = 0x84,
	BH_NBSS_KEEPALIVE = 0x85,
};

/* SMB2 commands, [MS-SMB2] 2.2.1.2. */
enum {
	BH_SMB2_NEGOTIATE = 0,
	BH_SMB2_SESSION_SETUP = 1,
	BH_SMB2_LOGOFF = 2,
	BH_SMB2_TREE_CONNECT = 3,
	BH_SMB2_TREE_DISCONNECT = 4,
	BH_SMB2_CREATE = 5,
	BH_SMB2_WRITE = 9,
	BH_SMB2_IOCTL = 11,
};

/* SMB1 commands, [MS-CIFS] 2.2.2.1. */
enum {
	BH_SMB1_OPEN = 0x02,
	BH_SMB1_CREATE = 0x03,
	BH_SMB1_CREATE_TEMPORARY = 0x0e,
	BH_SMB1_CREATE_NEW = 0x0f,
	BH_SMB1_TRANSACTION = 0x25,
	BH_SMB1_OPEN_ANDX = 0x2d,
	BH_SMB1_READ_ANDX = 0x2e,
	BH_SMB1_WRITE_ANDX = 0x2f,
	BH_SMB1_TREE_CONNECT_OLD = 0x70,
	BH_SMB1_TREE_DISCONNECT = 0x71,
	BH_SMB1_NEGOTIATE = 0x72,
	BH_SMB1_SESSION_SETUP = 0x73,
	BH_SMB1_LOGOFF = 0x74,
	BH_SMB1_TREE_CONNECT = 0x75,
	BH_SMB1_NT_CREATE = 0xa2,
};

/* What a message does, whichever of the two protocols it is in. */
enum bh_act {
	BH_ACT_NONE,
	BH_ACT_OPEN, /* opens a file or a pipe by name */
	BH_ACT_CARRY, /* brings bytes to one that is open: a call, if it is a pipe */
};

#define BH_STATUS_PENDING         0x00000103u
#define BH_STATUS_MORE_PROCESSING 0xc0000016u
#define BH_STATUS_BUFFER_OVERFLOW 0x80000005u /* there is more of it to read */
/* Success and warnings; the rest are errors. */
#define BH_STATUS_IS_ERROR(s)     ((s) >> 30 == 3)

/* "This request is for what the one before it in the chain was for." */
#define BH_SMB2_RELATED_SESSION UINT64_MAX
#define BH_SMB2_RELATED_TREE    UINT32_MAX

/* One message, or one link of a chain of them. */
struct bh_message {
	/* Header included.  Of what sets up a connection, a session or a tree the whole of
	 * it; of a request that opens or carries its first BH_MAX_PEEK bytes if the framer's
	 * owner wants them; else empty. */
	struct bh_span body;
	uint64_t message_id; /* SMB1: MID, PID and UID */
	uint64_t session_id; /* SMB1: UID */
	uint32_t tree_id; /* SMB1: TID; 0: none, or asynchronous */
	uint32_t status; /* of a response: an NT status, also for SMB1's older codes */
	uint32_t length; /* in bytes, header included */
	uint16_t command;
	uint16_t algorithm; /* compressed */
	uint8_t kind;
	uint8_t act; /* enum bh_act */
	bool response;
	bool is_signed;
	bool is_async; /* SMB2: its tree is not named */
	bool nt; /* SMB1: NT status codes and Unicode, as only NT LM 0.12 has them */
	bool first; /* the first of its chain: counts as one message on the wire */
};

/* Where in a message one direction of a connection is.  Zeroed: at a message's start. */
struct bh_framer {
	uint32_t left; /* of the SMB message, from the present link on */
	uint32_t tree_id; /* of the link before */
	uint64_t session_id;
	bool inside; /* the NetBIOS header is behind us */
	bool chained; /* a link is behind us */
};

enum bh_framing {
	BH_FRAMING_MORE, /* show the same bytes again, `need` of them */
	BH_FRAMING_DONE, /* skip `skip` bytes from the first shown, then show `need` */
	BH_FRAMING_TOLD, /* the same, and *ret tells of a message */
	BH_FRAMING_LOST, /* these bytes are no SMB: find the next message */
};

/* The most that is looked at of a message that opens or carries. */
#define BH_MAX_PEEK 1024u

/* Is the beginning of this message, of which all but the body is known, wanted?  And the
 * answer to a call on a pipe: may it list shares?  NULL: none does. */
struct bh_framer_env {
	bool (*wants)(void *ctx, const struct bh_message *m);
	bool (*lists)(void *ctx, const struct bh_message *m);
	void *ctx;
};

/* shown: 4 bytes at first, then as many as were asked for; or more, which may save asking. */
enum bh_framing bh_framer_step(struct bh_framer *f, const struct bh_framer_env *env,
	struct bh_span shown, uint64_t *skip, uint32_t *need, struct bh_message *ret);

/* Could a message begin here?  For finding one's way again after a gap. */
bool bh_message_begins(struct bh_span segment);

/* ---- NetBIOS session request ---- */

#define BH_NETBIOS_TEXT 48 /* fifteen characters of an 8-bit code page */

struct bh_nbss_request {
	char called[BH_NETBIOS_TEXT]; /* "" when it is no name but "*SMBSERVER" */
	char calling[BH_NETBIOS_TEXT];
};

/* msg: with its four bytes of header. */
BH_MUST int bh_nbss_request(struct bh_span msg, struct bh_nbss_request *ret);

/* ---- NEGOTIATE ---- */

struct bh_negotiate_request {
	uint16_t security_mode;
	char netname[BH_NAME_TEXT]; /* "" when there is none */
};

struct bh_negotiated {
	uint8_t server[16]; /* its GUID */
	uint16_t security_mode;
	uint16_t wire_dialect; /* 0x02ff: to be negotiated again */
	uint8_t dialect; /* enum bh_dialect, and so on */
	uint8_t cipher;
	uint8_t signing_algorithm;
	uint8_t compression;
};

#define BH_DIALECT_WILDCARD 0x02ffu

/* msg: the whole message, header included; so below. */
BH_MUST int bh_smb2_negotiate_request(struct bh_span msg, struct bh_negotiate_request *ret);
BH_MUST int bh_smb2_negotiate_response(struct bh_span msg, struct bh_negotiated *ret);

/* From SecurityMode: required, enabled or off. */
uint8_t bh_signing_of(uint16_t security_mode);

/* ---- SESSION_SETUP ---- */

/* Who somebody says to be.  What was not said is not in `known`. */
struct bh_identity {
	uint8_t auth; /* enum bh_auth */
	uint8_t ntlm;
	uint8_t known; /* BH_KNOWN_USER … BH_KNOWN_SERVICE */
	char user[BH_NAME_TEXT];
	char domain[BH_NAME_TEXT];
	char workstation[BH_NAME_TEXT];
	char service[BH_NAME_TEXT];
};

struct bh_session_request {
	struct bh_span token; /* borrowed from msg */
	bool binding; /* another channel of the session that the header names */
};

#define BH_SESSION_GUEST     0x0001u
#define BH_SESSION_NULL      0x0002u
#define BH_SESSION_ENCRYPTED 0x0004u

BH_MUST int bh_smb2_session_request(struct bh_span msg, struct bh_session_request *ret);
BH_MUST int bh_smb2_session_response(struct bh_span msg, uint16_t *ret_flags);

/* A security token: SPNEGO, or NTLMSSP or Kerberos bare.  A mechanism that is not read
 * leaves auth unknown and is no error. */
BH_MUST int bh_identity_read(struct bh_span token, struct bh_identity *ret);

/* ---- TREE_CONNECT ---- */

struct bh_tree_request {
	uint8_t type; /* enum bh_share_type, as asked for: only SMB1 clients may say */
	char share[BH_SHARE_TEXT]; /* \\host\share as used */
};

struct bh_tree_response {
	uint32_t tree_id; /* 0: the header's */
	uint8_t type; /* enum bh_share_type */
	bool encrypted; /* the share demands it */
};

BH_MUST int bh_smb2_tree_request(struct bh_span msg, struct bh_tree_request *ret);
BH_MUST int bh_smb2_tree_response(struct bh_span msg, struct bh_tree_response *ret);

/* "fs1" of "\\fs1\home"; "" when there is none. */
void bh_unc_host(const char *unc, char ret[BH_NAME_TEXT]);

/* ---- SMB1 ---- */

#define BH_SMB1_DIALECTS 64u

struct bh_smb1_offer {
	uint8_t count; /* dialects offered */
	uint8_t dialect[BH_SMB1_DIALECTS]; /* enum bh_dialect, none of SMB2 */
	bool smb2; /* "SMB 2.002" or "SMB 2.???" are among them */
};

struct bh_smb1_choice {
	uint16_t index; /* 0xffff: none of them */
	bool nt; /* answered in the form of NT LM 0.12 */
	uint8_t signing; /* enum bh_signing; unknown unless nt */
};

BH_MUST int bh_smb1_negotiate_request(struct bh_span msg, struct bh_smb1_offer *ret);
BH_MUST int bh_smb1_negotiate_response(struct bh_span msg, struct bh_smb1_choice *ret);
BH_MUST int bh_smb1_session_request(struct bh_span msg, struct bh_identity *ret);
BH_MUST int bh_smb1_session_response(struct bh_span msg, bool *ret_guest);
/* In either form; that of LANMAN may ride behind a session setup: -ENOMSG when it does not. */
BH_MUST int bh_smb1_tree_request(struct bh_span msg, struct bh_tree_request *ret);
BH_MUST int bh_smb1_tree_response(struct bh_span msg, struct bh_tree_response *ret);

/* ---- what is opened ---- */

/* m: a request that opens.  -ENOMSG when the name lies beyond what is shown of it. */
BH_MUST int bh_open_name(const struct bh_message *m, char ret[BH_NAME_TEXT]);

/* m: a request that carries.  The bytes, as far as they are shown; proof: only pipes are
 * spoken to in this way.  -ENOMSG when it carries something else. */
BH_MUST int bh_pipe_data(const struct bh_message *m, bool *ret_proof, struct bh_span *ret);

/* The interfaces that a DCE/RPC bind or alter_context asks for: bits of enum bh_pipe.  pdu may
 * be cut behind its list of contexts.  -ENOMSG when it is another PDU, or none. */
BH_MUST int bh_rpc_bind(struct bh_span pdu, uint32_t *ret_pipes);

/* ---- lists of shares ---- */

/* The most shares that are told of one answer, and that is looked at of it. */
#define BH_LISTED      64u
#define BH_MAX_LISTING (8u * 1024)

#define BH_LISTED_KIND    0x0fffffffu /* a disk, a queue, a device, pipes */
#define BH_LISTED_PIPES   3u
#define BH_LISTED_SPECIAL 0x80000000u /* ADMIN$, C$: for administration */

struct bh_listed {
	uint32_t type; /* [MS-SRVS] 2.2.2.4 */
	char name[BH_NAME_TEXT]; /* never "" */
	char remark[BH_REMARK_TEXT];
};

/* [MS-SMB2] 2.2.31: the control code of a call on a pipe, which brings its answer? */
static inline bool bh_pipe_code(uint32_t code)
{
	return code == 0x0011c017;
}

/* Does a PDU, written to the pipe srvsvc, ask which shares there are? */
bool bh_rpc_asks_shares(struct bh_span pdu);

/* m: the answer to such a call, of which the framer shows up to BH_MAX_LISTING bytes; what
 * lies beyond, or comes in another message, is not told.  -ENOMSG when it is another
 * answer, or another level of detail. */
BH_MUST int bh_share_list(
	const struct bh_message *m, struct bh_listed ret[BH_LISTED], size_t *ret_n);

/* ---- DFS ---- */

/* The most targets that are told of one answer. */
#define BH_REFERRALS    32u
/* The most that is looked at of an answer that refers. */
#define BH_MAX_REFERRAL (8u * 1024)

/* [MS-SMB2] 2.2.31: a control code of a question for referrals, in either form? */
static inline bool bh_dfs_code(uint32_t code)
{
	return code == 0x00060194 || code == 0x000601b0;
}

/* m: an answer to such a question that is no error, of which the framer shows up to
 * BH_MAX_REFERRAL bytes; what lies beyond is not told.  `server` and `when` are left for
 * the caller.  -ENOMSG when it is another answer, or an empty one. */
BH_MUST int bh_dfs_answer(
	const struct bh_message *m, struct bh_referral ret[BH_REFERRALS], size_t *ret_n);

/* ---- SMB over QUIC ---- */

/* What a client of TLS says before anything is secret. */
struct bh_client_hello {
	char sni[BH_NAME_TEXT]; /* "" when it names no server */
	bool alpn_smb; /* it offers the protocol "smb" */
};

/* msg: the handshake message, its header of 4 bytes included (RFC 8446 4.1.2). */
BH_MUST int bh_client_hello_read(struct bh_span msg, struct bh_client_hello *ret);

/* The most of a ClientHello that is put together, and from how many datagrams. */
#define BH_QUIC_CRYPTO    (16u * 1024)
#define BH_QUIC_DATAGRAMS 32u

enum bh_quic_said {
	BH_QUIC_NOTHING, /* nothing in it that this client sealed */
	BH_QUIC_MORE, /* a part of a ClientHello: show what else comes from there */
	BH_QUIC_HELLO, /* the whole of it is in `hello` */
	BH_QUIC_GIVEN_UP, /* too long, in too many parts, or none: show no more */
};

/* RFC 9001 5.1 */
struct bh_quic_keys {
	uint8_t key[16], iv[12], hp[16];
};

/* What came of one client's QUIC connection so far; one for each pair of addresses and
 * ports.  Zeroed: nothing.  Only `hello` and `version` are for others to read. */
struct bh_quic_hello {
	struct bh_client_hello hello;
	uint32_t version; /* of QUIC; 0: nothing could be opened yet */
	uint8_t said; /* enum bh_quic_said, the last that was not nothing */
	uint8_t datagrams;
	uint8_t dcid_len;
	uint8_t dcid[20]; /* that the keys come from */
	struct bh_quic_keys keys;
	uint64_t expected; /* packet number */
	uint64_t seen[BH_QUIC_CRYPTO / 64]; /* a bit for each byte of crypto */
	uint8_t crypto[BH_QUIC_CRYPTO];
};

/* What a datagram begins with, RFC 9000 17.  Every packet of other protocols, and of
 * versions that are not known, is one of these as well, or BH_QUIC_OTHER. */
enum bh_quic_form {
	BH_QUIC_OTHER,
	BH_QUIC_INITIAL,
	BH_QUIC_EARLY, /* 0-RTT */
	BH_QUIC_HANDSHAKE,
	BH_QUIC_RETRY,
	BH_QUIC_VERSIONS, /* Version Negotiation */
	BH_QUIC_SHORT, /* 1-RTT: both sides have agreed on keys */
};

/* One look at its first five bytes. */
enum bh_quic_form bh_quic_form_of(struct bh_span payload);

/* Another look at a datagram: whether bh_quic_datagram() could make anything of it. */
bool bh_quic_may_be_initial(struct bh_span payload);

/* A client's datagram, whole; in any order.  Opens what is sealed with keys that anybody
 * can derive (RFC 9001 5.2), of versions 1 and 2.  An Initial of another connection, or
 * of this one after a Retry, begins anew.  Once told, hello stays as it is. */
enum bh_quic_said bh_quic_datagram(struct bh_quic_hello *h, struct bh_span payload);

/* ---- names ---- */

/* The most that is told of one datagram; what a sender adds beyond is not. */
#define BH_NAMES 32u

/*
 * What a datagram tells of names: NetBIOS names registered, asked for and found, and those
 * of a host's status (RFC 1002 4.2, port 137), its announcements to browsers ([MS-BRWS]
 * 2.2, port 138), answers of LLMNR (RFC 4795, port 5355) and mDNS (RFC 6762, port 5353).
 * `when` is left for the caller.  Anybody may answer with any name: these are claims.
 *
 * Told is what a host calls itself and, as group, the workgroup or domain in which it says
 * to have a role.  -ENOMSG: not on these ports.  -EBADMSG: refused; ret may have changed.
 */
BH_MUST int bh_names_read(struct bh_span payload, const struct bh_addr *src, uint16_t sport,
	uint16_t dport, struct bh_name_seen ret[BH_NAMES], size_t *ret_n);

/* ---- SMB Direct ---- */

/* [MS-SMBD] 2.1: over iWARP, and over everything else. */
#define BH_SMBD_IWARP 5445u
#define BH_SMBD_OTHER 445u

/* [MS-SMBD] over iWARP (tcp 5445): does a connection for remote memory begin with this
 * segment, from either end (RFC 5044 7.1.1)? */
bool bh_smbd_mpa(struct bh_span segment);

/* Is this datagram one of RoCE v2 (udp 4791)?  What it carries is not told … */
bool bh_roce(struct bh_span payload);

enum bh_roce_said { BH_ROCE_ASKS, BH_ROCE_ACCEPTS, BH_ROCE_REJECTS };

/* … but for how a connection is made: InfiniBand Architecture 1.4, 12.6 and A11. */
struct bh_roce_connect {
	uint32_t id; /* of the one who asks; answers repeat it */
	uint16_t port; /* asks: of the service; else 0 */
	uint8_t said; /* enum bh_roce_said */
};

/* False: it is something else, or asks for what is not named by a port of TCP. */
bool bh_roce_connect_read(struct bh_span payload, struct bh_roce_connect *ret);

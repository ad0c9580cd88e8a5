/*
 * conversation: who speaks SMB to whom, how, and what became of it.
 *
 * The identity is what makes two observations the same conversation; the figures
 * are what was counted.  Plain values, no pointers: they cross a process boundary
 * as they are (model/fact.h).  What is not known is BH_UNKNOWN or not `known`,
 * never a guess.
 */
#pragma once

#include "base/addr.h"
#include "base/clock.h"

/* Three-valued facts. */
#define BH_UNKNOWN (-1)

enum bh_transport {
	BH_TRANSPORT_TCP445, /* direct TCP framing, whatever the port */
	BH_TRANSPORT_NBSS139,
	BH_TRANSPORT_QUIC443,
	BH_TRANSPORT_RDMA5445,
	BH_TRANSPORT_OTHER,
	BH_TRANSPORTS
};

enum bh_outcome {
	BH_OUTCOME_UNKNOWN,
	BH_ANSWERED, /* the server said something */
	BH_REFUSED, /* a reset instead of an answer */
	BH_SILENT, /* nothing came, and the client tried again or waited long enough */
	BH_WOULD_BLOCK, /* our audit rules counted it */
	BH_BLOCKED, /* our enforcing rules stopped it */
	BH_OUTCOMES
};

enum bh_auth {
	BH_AUTH_UNKNOWN,
	BH_AUTH_NTLM,
	BH_AUTH_KERBEROS,
	BH_AUTH_ANONYMOUS,
	BH_AUTH_NONE,
	BH_AUTHS
};
enum bh_ntlm { BH_NTLM_UNKNOWN, BH_NTLM_V1, BH_NTLM_V2, BH_NTLMS };
enum bh_signing {
	BH_SIGNING_UNKNOWN,
	BH_SIGNING_OFF,
	BH_SIGNING_ENABLED,
	BH_SIGNING_REQUIRED,
	BH_SIGNINGS
};
enum bh_share_type {
	BH_SHARE_UNKNOWN,
	BH_SHARE_DISK,
	BH_SHARE_PIPE,
	BH_SHARE_PRINT,
	BH_SHARE_TYPES
};

/* [MS-SMB2] 2.2.3.1.2 */
enum bh_cipher {
	BH_CIPHER_NONE,
	BH_CIPHER_AES128_CCM = 1,
	BH_CIPHER_AES128_GCM = 2,
	BH_CIPHER_AES256_CCM = 3,
	BH_CIPHER_AES256_GCM = 4,
	BH_CIPHERS
};

/* What the wire calls the algorithm, plus one so that 0 is unknown.
 * [MS-SMB2] 2.2.3.1.7: 0 HMAC-SHA256, 1 AES-CMAC, 2 AES-GMAC. */
enum bh_signing_algorithm {
	BH_SIGN_ALG_UNKNOWN,
	BH_SIGN_HMAC_SHA256,
	BH_SIGN_AES_CMAC,
	BH_SIGN_AES_GMAC,
	BH_SIGN_ALGS
};

/* [MS-SMB2] 2.2.3.1.3, plus one.  The server's first choice. */
enum bh_compression {
	BH_COMPRESSION_UNKNOWN,
	BH_COMPRESSION_NONE,
	BH_COMPRESSION_LZNT1,
	BH_COMPRESSION_LZ77,
	BH_COMPRESSION_LZ77_HUFFMAN,
	BH_COMPRESSION_PATTERN_V1,
	BH_COMPRESSION_LZ4,
	BH_COMPRESSIONS
};

/* The older, the lower.  All up to NT LM 0.12 are SMB1. */
enum bh_dialect {
	BH_DIALECT_UNKNOWN,
	BH_DIALECT_SMB1_OTHER, /* one that has no name here, or we missed which */
	BH_DIALECT_PC_NETWORK_10,
	BH_DIALECT_PCLAN_10,
	BH_DIALECT_XENIX_CORE,
	BH_DIALECT_MICROSOFT_103,
	BH_DIALECT_MICROSOFT_30,
	BH_DIALECT_LANMAN_10,
	BH_DIALECT_WORKGROUPS_31A,
	BH_DIALECT_DOS_LM_12,
	BH_DIALECT_LM_12,
	BH_DIALECT_DOS_LANMAN_21,
	BH_DIALECT_LANMAN_21,
	BH_DIALECT_SAMBA,
	BH_DIALECT_NT_LANMAN_10,
	BH_DIALECT_NT_LM_012,
	BH_DIALECT_202,
	BH_DIALECT_21,
	BH_DIALECT_30,
	BH_DIALECT_302,
	BH_DIALECT_311,
	BH_DIALECTS
};

static inline bool bh_dialect_smb1(uint8_t dialect)
{
	return dialect != BH_DIALECT_UNKNOWN && dialect < BH_DIALECT_202;
}

/* Names as DESIGN's JSON form has them; NULL where the value is unknown. */
extern const char *const bh_transport_names[BH_TRANSPORTS];
extern const char *const bh_outcome_names[BH_OUTCOMES];
extern const char *const bh_auth_names[BH_AUTHS];
extern const char *const bh_ntlm_names[BH_NTLMS];
extern const char *const bh_signing_names[BH_SIGNINGS];
extern const char *const bh_share_type_names[BH_SHARE_TYPES];
extern const char *const bh_cipher_names[BH_CIPHERS];
extern const char *const bh_signing_algorithm_names[BH_SIGN_ALGS];
extern const char *const bh_compression_names[BH_COMPRESSIONS];
extern const char *const bh_dialect_names[BH_DIALECTS];

/* UTF-8, NUL-terminated; longer text from the wire is cut at a character. */
#define BH_NAME_TEXT  256
#define BH_SHARE_TEXT 512

/* Bits of bh_conversation.known: the text field or status below was seen; an empty
 * text that is known is an empty text, not an unknown one. */
#define BH_KNOWN_SERVER_NAME  0x01u
#define BH_KNOWN_SHARE        0x02u
#define BH_KNOWN_USER         0x04u
#define BH_KNOWN_DOMAIN       0x08u
#define BH_KNOWN_WORKSTATION  0x10u
#define BH_KNOWN_SERVICE      0x20u
#define BH_KNOWN_AUTH_STATUS  0x40u
#define BH_KNOWN_SHARE_STATUS 0x80u
#define BH_KNOWN_ALL          0xffu

/* The identity.  Zero it before filling it in. */
struct bh_conversation {
	/* A log may name an end without its address: then there is none, and workstation
	 * (of the client) or server_name is known. */
	struct bh_addr client, server;
	uint16_t port; /* the server's */
	uint8_t known; /* BH_KNOWN_* */
	uint8_t transport; /* enum bh_transport, and so on below */
	uint8_t outcome;
	uint8_t auth;
	uint8_t ntlm;
	uint8_t dialect;
	uint8_t signing_server, signing_client;
	uint8_t signing_algorithm;
	uint8_t cipher; /* negotiated, used or not */
	uint8_t compression;
	uint8_t share_type;
	int8_t smb1_offered; /* BH_UNKNOWN, 0 or 1, and so on below */
	int8_t is_signed; /* signed messages were seen */
	int8_t encrypted; /* the share or session demands it, or encrypted messages were seen */
	int8_t guest;
	int8_t complete; /* 1: seen from its start without gaps; 0: partial */
	uint32_t auth_status; /* NT status */
	uint32_t share_status;
	char server_name[BH_NAME_TEXT]; /* host part of the UNC path, or the NEGOTIATE netname */
	char share[BH_SHARE_TEXT]; /* UNC as used: \\host\share */
	char user[BH_NAME_TEXT];
	char domain[BH_NAME_TEXT]; /* NTLM domain or Kerberos realm */
	char workstation[BH_NAME_TEXT];
	char service[BH_NAME_TEXT]; /* Kerberos service name, "cifs/fs1.corp.example" */
};

struct bh_figures {
	uint64_t connections;
	uint64_t bytes_to_server, bytes_to_client; /* SMB message bytes, headers included */
	bh_time first_seen, last_seen; /* 0: not known */
	uint64_t opens; /* files and pipes opened, as far as they were seen */
	uint32_t pipes; /* opened: a bit for each enum bh_pipe */
	uint32_t zero; /* so that equal figures are equal bytes */
};

/* Nothing was counted. */
bool bh_figures_empty(const struct bh_figures *f);
/* Sums; the times become the span of both. */
void bh_figures_add(struct bh_figures *to, const struct bh_figures *more);
/* The larger of each: two kinds of evidence of the same. */
void bh_figures_widen(struct bh_figures *to, const struct bh_figures *other);

/* Sets the three-valued fields to unknown and zeroes the rest. */
void bh_conversation_init(struct bh_conversation *c);
bool bh_conversation_equal(const struct bh_conversation *a, const struct bh_conversation *b);
uint64_t bh_conversation_hash(const struct bh_conversation *c, uint64_t seed);
/* One without its empty space, for tables of many: from malloc(), NULL when memory ran
 * out. */
char *bh_conversation_pack(const struct bh_conversation *c);
size_t bh_conversation_packed(const char *packed); /* its length */
void bh_conversation_unpack(const char *packed, struct bh_conversation *ret);
/* A total order: server, port, client, share, user, then the rest. */
int bh_conversation_compare(const struct bh_conversation *a, const struct bh_conversation *b);

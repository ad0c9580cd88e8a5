/*
 * smb_make: SMB messages and TCP packets written by hand, for tests that need bytes
 * nobody else made.  Little-endian fields in the order of [MS-SMB2].
 */
#pragma once

#include "base/buf.h"

#include <stdint.h>

static inline void put16be(struct bh_buf *b, unsigned v)
{
	bh_buf_u8(b, (uint8_t)(v >> 8));
	bh_buf_u8(b, (uint8_t)v);
}

static inline void put32be(struct bh_buf *b, uint32_t v)
{
	put16be(b, v >> 16);
	put16be(b, v & 0xffff);
}

static inline void put_zero(struct bh_buf *b, size_t n)
{
	while (n--)
		bh_buf_u8(b, 0);
}

static inline void put_wide(struct bh_buf *b, const char *ascii)
{
	for (; *ascii; ascii++)
		bh_buf_le16(b, (uint8_t)*ascii);
}

static inline void set16(struct bh_buf *b, size_t at, unsigned v)
{
	b->ptr[at] = (char)(v & 0xff);
	b->ptr[at + 1] = (char)(v >> 8 & 0xff);
}

static inline void set32(struct bh_buf *b, size_t at, uint32_t v)
{
	set16(b, at, v & 0xffff);
	set16(b, at + 2, v >> 16);
}

/* ---- framing: what was put since `begin` becomes one NetBIOS message ---- */

static inline size_t message_begin(struct bh_buf *b)
{
	put_zero(b, 4);
	return b->len;
}

static inline void message_end(struct bh_buf *b, size_t begin)
{
	size_t n = b->len - begin;

	b->ptr[begin - 3] = (char)(n >> 16);
	b->ptr[begin - 2] = (char)(n >> 8 & 0xff);
	b->ptr[begin - 1] = (char)(n & 0xff);
}

struct smb2 {
	uint16_t command;
	uint32_t status, tree;
	uint64_t id, session;
	int response, is_signed;
	uint32_t next;
};

static inline void smb2_header(struct bh_buf *b, const struct smb2 *h)
{
	bh_buf_add(b, "\xfeSMB", 4);
	bh_buf_le16(b, 64);
	bh_buf_le16(b, 0);
	bh_buf_le32(b, h->status);
	bh_buf_le16(b, h->command);
	bh_buf_le16(b, 1);
	bh_buf_le32(b, (h->response ? 1u : 0) | (h->is_signed ? 8u : 0));
	bh_buf_le32(b, h->next);
	bh_buf_le64(b, h->id);
	bh_buf_le32(b, 0);
	bh_buf_le32(b, h->tree);
	bh_buf_le64(b, h->session);
	put_zero(b, 16);
}

/* ---- bodies, each behind a header of 64 bytes at `at` ---- */

static inline void negotiate_request(struct bh_buf *b, size_t at, const char *netname)
{
	bh_buf_le16(b, 36);
	bh_buf_le16(b, 2);
	bh_buf_le16(b, 1); /* signing enabled */
	bh_buf_le16(b, 0);
	bh_buf_le32(b, 0x7f);
	put_zero(b, 16);
	size_t ctx = b->len;
	bh_buf_le32(b, 0);
	bh_buf_le16(b, 1);
	bh_buf_le16(b, 0);
	bh_buf_le16(b, 0x0302);
	bh_buf_le16(b, 0x0311);
	while ((b->len - at) % 8)
		bh_buf_u8(b, 0);
	set32(b, ctx, (uint32_t)(b->len - at));
	bh_buf_le16(b, 5);
	bh_buf_le16(b, (uint16_t)(strlen(netname) * 2));
	bh_buf_le32(b, 0);
	put_wide(b, netname);
}

static inline void context(struct bh_buf *b, size_t at, uint16_t type, const void *data, uint16_t n)
{
	while ((b->len - at) % 8)
		bh_buf_u8(b, 0);
	bh_buf_le16(b, type);
	bh_buf_le16(b, n);
	bh_buf_le32(b, 0);
	bh_buf_add(b, data, n);
}

/* AES-128-GCM, AES-GMAC, LZ77; signing required. */
static inline void negotiate_response(struct bh_buf *b, size_t at, uint16_t dialect)
{
	bh_buf_le16(b, 65);
	bh_buf_le16(b, 3);
	bh_buf_le16(b, dialect);
	bh_buf_le16(b, dialect == 0x0311 ? 3 : 0);
	put_zero(b, 16 + 4 + 12 + 16);
	bh_buf_le16(b, 128);
	bh_buf_le16(b, 4);
	size_t ctx = b->len;
	bh_buf_le32(b, 0);
	bh_buf_add(b, "blob", 4);
	if (dialect != 0x0311)
		return;
	while ((b->len - at) % 8)
		bh_buf_u8(b, 0);
	set32(b, ctx, (uint32_t)(b->len - at));
	context(b, at, 2, "\x01\x00\x02\x00", 4);
	context(b, at, 3, "\x01\x00\x00\x00\x00\x00\x00\x00\x02\x00", 10);
	context(b, at, 8, "\x01\x00\x02\x00", 4);
}

static inline void session_request(struct bh_buf *b, const void *token, size_t n)
{
	bh_buf_le16(b, 25);
	bh_buf_u8(b, 0);
	bh_buf_u8(b, 1);
	bh_buf_le32(b, 0);
	bh_buf_le32(b, 0);
	bh_buf_le16(b, 88);
	bh_buf_le16(b, (uint16_t)n);
	put_zero(b, 8);
	bh_buf_add(b, token, n);
}

static inline void session_response(struct bh_buf *b, uint16_t flags)
{
	bh_buf_le16(b, 9);
	bh_buf_le16(b, flags);
	bh_buf_le16(b, 72);
	bh_buf_le16(b, 2);
	bh_buf_add(b, "ok", 2);
}

static inline void tree_request(struct bh_buf *b, const char *unc)
{
	bh_buf_le16(b, 9);
	bh_buf_le16(b, 0);
	bh_buf_le16(b, 72);
	bh_buf_le16(b, (uint16_t)(strlen(unc) * 2));
	put_wide(b, unc);
}

static inline void tree_response(struct bh_buf *b, uint8_t type, uint32_t flags)
{
	bh_buf_le16(b, 16);
	bh_buf_u8(b, type);
	bh_buf_u8(b, 0);
	bh_buf_le32(b, flags);
	bh_buf_le32(b, 0);
	bh_buf_le32(b, 0x1f01ff);
}

/* A CREATE of that name; 120 bytes before it. */
static inline void create_request(struct bh_buf *b, const char *name)
{
	bh_buf_le16(b, 57);
	put_zero(b, 42);
	bh_buf_le16(b, 120);
	bh_buf_le16(b, (uint16_t)(strlen(name) * 2));
	put_zero(b, 8);
	put_wide(b, name);
	bh_buf_u8(b, 0);
}

static inline void create_response(struct bh_buf *b)
{
	bh_buf_le16(b, 89);
	put_zero(b, 87);
}

static inline void write_request(struct bh_buf *b, const void *data, size_t n)
{
	bh_buf_le16(b, 49);
	bh_buf_le16(b, 112);
	bh_buf_le32(b, (uint32_t)n);
	put_zero(b, 40);
	bh_buf_add(b, data, n);
}

#define FSCTL_PIPE_TRANSCEIVE 0x0011c017u

static inline void ioctl_request(struct bh_buf *b, uint32_t code, const void *data, size_t n)
{
	bh_buf_le16(b, 57);
	bh_buf_le16(b, 0);
	bh_buf_le32(b, code);
	put_zero(b, 16);
	bh_buf_le32(b, 120);
	bh_buf_le32(b, (uint32_t)n);
	put_zero(b, 24);
	bh_buf_add(b, data, n);
}

/* [C706] bind; interfaces: 16 bytes each, as on the wire. */
static inline void rpc_bind(
	struct bh_buf *b, uint8_t type, const uint8_t (*interface)[16], size_t n)
{
	bh_buf_add(b, "\x05\x00", 2);
	bh_buf_u8(b, type);
	bh_buf_u8(b, 3);
	bh_buf_add(b, "\x10\0\0\0", 4);
	bh_buf_le16(b, (uint16_t)(28 + n * 44));
	bh_buf_le16(b, 0);
	bh_buf_le32(b, 2);
	bh_buf_le16(b, 4280);
	bh_buf_le16(b, 4280);
	bh_buf_le32(b, 0);
	bh_buf_le32(b, (uint32_t)n);
	for (size_t i = 0; i < n; i++) {
		bh_buf_le16(b, (uint16_t)i);
		bh_buf_le16(b, 1);
		bh_buf_add(b, interface[i], 16);
		bh_buf_le32(b, 1);
		put_zero(b, 20);
	}
}

BH_UNUSED static const uint8_t srvsvc_uuid[1][16] = { { 0xc8, 0x4f, 0x32, 0x4b, 0x70, 0x16, 0xd3,
	0x01, 0x12, 0x78, 0x5a, 0x47, 0xbf, 0x6e, 0xe1, 0x88 } };
BH_UNUSED static const uint8_t samr_uuid[1][16] = { { 0x78, 0x57, 0x34, 0x12, 0x34, 0x12, 0xcd,
	0xab, 0xef, 0x00, 0x01, 0x23, 0x45, 0x67, 0x89, 0xac } };

/* ---- SMB1 ---- */

struct smb1 {
	uint8_t command;
	uint32_t status;
	uint16_t tree, uid, mid;
	uint16_t flags2; /* 0: NT status codes, ASCII */
	int response;
};

static inline void smb1_header(struct bh_buf *b, const struct smb1 *h)
{
	bh_buf_add(b, "\xffSMB", 4);
	bh_buf_u8(b, h->command);
	bh_buf_le32(b, h->status);
	bh_buf_u8(b, h->response ? 0x80 : 0);
	bh_buf_le16(b, h->flags2 ? h->flags2 : 0x4000);
	put_zero(b, 12);
	bh_buf_le16(b, h->tree);
	bh_buf_le16(b, 0x1234);
	bh_buf_le16(b, h->uid);
	bh_buf_le16(b, h->mid);
}

/* What was put since `begin` becomes a block's bytes; `begin` is where their count stands. */
static inline size_t bytes_begin(struct bh_buf *b)
{
	bh_buf_le16(b, 0);
	return b->len;
}

static inline void bytes_end(struct bh_buf *b, size_t begin)
{
	set16(b, begin - 2, (unsigned)(b->len - begin));
}

static inline void put_text(struct bh_buf *b, const char *s)
{
	bh_buf_add(b, s, strlen(s) + 1);
}

/* ---- tokens ---- */

static inline void ntlm_field(struct bh_buf *b, size_t n, size_t *off)
{
	bh_buf_le16(b, (uint16_t)n);
	bh_buf_le16(b, (uint16_t)n);
	bh_buf_le32(b, (uint32_t)*off);
	*off += n;
}

/* [MS-NLMP] AUTHENTICATE in Unicode. */
static inline void ntlm_authenticate(
	struct bh_buf *b, const char *domain, const char *user, const char *host, size_t nt_len)
{
	size_t off = 64;

	bh_buf_add(b, "NTLMSSP", 8);
	bh_buf_le32(b, 3);
	ntlm_field(b, 0, &off);
	ntlm_field(b, nt_len, &off);
	ntlm_field(b, strlen(domain) * 2, &off);
	ntlm_field(b, strlen(user) * 2, &off);
	ntlm_field(b, strlen(host) * 2, &off);
	ntlm_field(b, 0, &off);
	bh_buf_le32(b, 1);
	for (size_t i = 0; i < nt_len; i++)
		bh_buf_u8(b, 0x5a);
	put_wide(b, domain);
	put_wide(b, user);
	put_wide(b, host);
}

static inline void ntlm_negotiate(struct bh_buf *b)
{
	bh_buf_add(b, "NTLMSSP", 8);
	bh_buf_le32(b, 1);
	put_zero(b, 20);
}

/* One DER element around what is in `in`; `in` is emptied. */
static inline void der(struct bh_buf *out, uint8_t tag, struct bh_buf *in)
{
	bh_buf_u8(out, tag);
	if (in->len >= 0x80) {
		bh_buf_u8(out, 0x82);
		put16be(out, (unsigned)in->len);
	} else {
		bh_buf_u8(out, (uint8_t)in->len);
	}
	bh_buf_add(out, bh_buf_text(in), in->len);
	bh_buf_reset(in);
}

/* Wraps *b in elements, the innermost first. */
static inline void wrap(struct bh_buf *b, const uint8_t *tags, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct bh_buf out = { 0 };
		der(&out, tags[i], b);
		*b = out;
	}
}

static inline void prepend(struct bh_buf *b, const void *p, size_t n)
{
	struct bh_buf out = { 0 };

	bh_buf_add(&out, p, n);
	bh_buf_add(&out, bh_buf_text(b), b->len);
	bh_buf_reset(b);
	*b = out;
}

/* *b, a mechanism's token, becomes a NegTokenInit in its GSS header. */
static inline void spnego_init(struct bh_buf *b)
{
	static const char oid[] = "\x06\x06\x2b\x06\x01\x05\x05\x02";
	static const char mechs[] =
		"\xa0\x0e\x30\x0c\x06\x0a\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a";

	wrap(b, (const uint8_t[]){ 0x04, 0xa2 }, 2);
	prepend(b, mechs, sizeof mechs - 1);
	wrap(b, (const uint8_t[]){ 0x30, 0xa0 }, 2);
	prepend(b, oid, sizeof oid - 1);
	wrap(b, (const uint8_t[]){ 0x60 }, 1);
}

/* … or a NegTokenResp. */
static inline void spnego_response(struct bh_buf *b)
{
	wrap(b, (const uint8_t[]){ 0x04, 0xa2 }, 2);
	prepend(b, "\xa0\x03\x0a\x01\x01", 5);
	wrap(b, (const uint8_t[]){ 0x30, 0xa1 }, 2);
}

/* A Kerberos AP-REQ for cifs/HOST in REALM, in its GSS header. */
static inline void kerberos_token(struct bh_buf *ret, const char *realm, const char *host)
{
	struct bh_buf names = { 0 }, x = { 0 }, ticket = { 0 };

	bh_buf_str(&x, "cifs");
	der(&names, 0x1b, &x);
	bh_buf_str(&x, host);
	der(&names, 0x1b, &x);
	wrap(&names, (const uint8_t[]){ 0x30, 0xa1 }, 2);
	prepend(&names, "\xa0\x03\x02\x01\x02", 5);
	wrap(&names, (const uint8_t[]){ 0x30, 0xa2 }, 2);
	bh_buf_str(&x, realm);
	wrap(&x, (const uint8_t[]){ 0x1b, 0xa1 }, 2);
	bh_buf_add(&ticket, "\xa0\x03\x02\x01\x05", 5);
	bh_buf_add(&ticket, x.ptr, x.len);
	bh_buf_add(&ticket, names.ptr, names.len);
	bh_buf_reset(&x);
	bh_buf_reset(&names);
	put_zero(&x, 300);
	wrap(&x, (const uint8_t[]){ 0x04, 0xa3 }, 2);
	bh_buf_add(&ticket, x.ptr, x.len);
	bh_buf_reset(&x);
	wrap(&ticket, (const uint8_t[]){ 0x30, 0x61, 0xa3 }, 3);
	prepend(&ticket,
		"\xa0\x03\x02\x01\x05\xa1\x03\x02\x01\x0e\xa2\x07\x03\x05\x00\x00\x00\x00\x00", 19);
	wrap(&ticket, (const uint8_t[]){ 0x30, 0x6e }, 2);
	prepend(&ticket, "\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x01\x00", 13);
	wrap(&ticket, (const uint8_t[]){ 0x60 }, 1);
	bh_buf_reset(ret);
	*ret = ticket;
}

/* ---- packets ---- */

struct tcp {
	uint32_t src, dst;
	uint16_t sport, dport;
	uint32_t seq, ack;
	uint8_t flags;
};

/* Raw IPv4 (LINKTYPE 101). */
static inline void tcp_packet(struct bh_buf *b, const struct tcp *t, const void *p, size_t n)
{
	bh_buf_u8(b, 0x45);
	bh_buf_u8(b, 0);
	put16be(b, (unsigned)(40 + n));
	put32be(b, 0);
	bh_buf_u8(b, 64);
	bh_buf_u8(b, 6);
	put16be(b, 0);
	put32be(b, t->src);
	put32be(b, t->dst);
	put16be(b, t->sport);
	put16be(b, t->dport);
	put32be(b, t->seq);
	put32be(b, t->ack);
	bh_buf_u8(b, 0x50);
	bh_buf_u8(b, t->flags);
	put16be(b, 512);
	put32be(b, 0);
	bh_buf_add(b, p, n);
}

struct udp {
	uint32_t src, dst;
	uint16_t sport, dport;
};

static inline void udp_packet(struct bh_buf *b, const struct udp *u, const void *p, size_t n)
{
	bh_buf_u8(b, 0x45);
	bh_buf_u8(b, 0);
	put16be(b, (unsigned)(28 + n));
	put32be(b, 0);
	bh_buf_u8(b, 64);
	bh_buf_u8(b, 17);
	put16be(b, 0);
	put32be(b, u->src);
	put32be(b, u->dst);
	put16be(b, u->sport);
	put16be(b, u->dport);
	put16be(b, (unsigned)(8 + n));
	put16be(b, 0);
	bh_buf_add(b, p, n);
}

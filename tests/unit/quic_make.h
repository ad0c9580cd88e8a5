/*
 * quic_make: QUIC Initials and ClientHellos made by hand, for tests and fuzz targets.  Keys
 * come from nettle's own HKDF, so that two readings of RFC 9001 5.2 meet.
 */
#pragma once

#include <nettle/gcm.h>
#include <nettle/hkdf.h>
#include <nettle/hmac.h>

#include "base/buf.h"

struct initial {
	uint32_t version; /* 0: 1 */
	const char *dcid; /* NULL: "\1\2\3\4\5\6\7\10" */
	const char *keys_of; /* the ID that keys derive from; NULL: dcid */
	const char *scid, *token; /* NULL: "" */
	uint32_t number;
	uint8_t number_len; /* 0: 4 */
	uint16_t pad_to; /* frames are padded so that the packet has as many bytes */
	bool server; /* sealed by it */
};

static inline void quic_update(void *h, size_t n, const uint8_t *p)
{
	hmac_sha256_update(h, n, p);
}

static inline void quic_digest(void *h, size_t n, uint8_t *p)
{
	hmac_sha256_digest(h, n, p);
}

static inline void quic_label(const uint8_t *secret, const char *label, size_t n, uint8_t *ret)
{
	struct hmac_sha256_ctx h;
	struct bh_buf info = { 0 };

	bh_buf_u8(&info, 0);
	bh_buf_u8(&info, (uint8_t)n);
	bh_buf_u8(&info, (uint8_t)(6 + strlen(label)));
	bh_buf_str(&info, "tls13 ");
	bh_buf_str(&info, label);
	bh_buf_u8(&info, 0);
	hmac_sha256_set_key(&h, 32, secret);
	hkdf_expand(&h, quic_update, quic_digest, 32, info.len, (const uint8_t *)info.ptr, n, ret);
	bh_buf_reset(&info);
}

/* RFC 9001 5.2, RFC 9369 3.3 */
static inline void quic_secrets(
	const struct initial *i, uint8_t key[16], uint8_t iv[12], uint8_t hp[16])
{
	static const char v1[] = "\x38\x76\x2c\xf7\xf5\x59\x34\xb3\x4d\x17\x9a\xe6\xa4\xc8\x0c\xad"
				 "\xcc\xbb\x7f\x0a";
	static const char v2[] = "\x0d\xed\xe3\xde\xf7\x00\xa6\xdb\x81\x93\x81\xbe\x6e\x26\x9d\xcb"
				 "\xf9\xbd\x2e\xd9";
	struct hmac_sha256_ctx h;
	uint8_t initial[32], secret[32];
	bool two = i->version == 0x6b3343cf;
	const char *id = i->keys_of ? i->keys_of : i->dcid;

	hmac_sha256_set_key(&h, 20, (const uint8_t *)(two ? v2 : v1));
	hkdf_extract(&h, quic_update, quic_digest, 32, strlen(id), (const uint8_t *)id, initial);
	quic_label(initial, i->server ? "server in" : "client in", 32, secret);
	quic_label(secret, two ? "quicv2 key" : "quic key", 16, key);
	quic_label(secret, two ? "quicv2 iv" : "quic iv", 12, iv);
	quic_label(secret, two ? "quicv2 hp" : "quic hp", 16, hp);
}

/* RFC 9000 16, in the form of `bytes` bytes: 1, 2, 4 or 8. */
static inline void put_varint(struct bh_buf *b, unsigned bytes, uint64_t v)
{
	for (unsigned i = bytes; i--;)
		bh_buf_u8(b, (uint8_t)((v >> 8 * i & 0xff) |
				       (i + 1 == bytes ? (bytes == 1          ? 0
								 : bytes == 2 ? 0x40
								 : bytes == 4 ? 0x80
									      : 0xc0)
						       : 0)));
}

/* Appends a sealed packet with these frames. */
static inline void put_initial(
	struct bh_buf *b, const struct initial *what, const void *frames, size_t n)
{
	struct initial i = *what;
	struct gcm_aes128_ctx gcm;
	struct aes128_ctx aes;
	uint8_t key[16], nonce[12], hp[16], mask[16], tag[16];
	size_t begin = b->len;

	i.version = i.version ? i.version : 1;
	i.dcid = i.dcid ? i.dcid : "\1\2\3\4\5\6\7\10";
	i.scid = i.scid ? i.scid : "";
	i.token = i.token ? i.token : "";
	i.number_len = i.number_len ? i.number_len : 4;
	bh_buf_u8(b, (uint8_t)((i.version == 1 ? 0xc0 : 0xd0) | (i.number_len - 1)));
	for (unsigned k = 4; k--;)
		bh_buf_u8(b, (uint8_t)(i.version >> 8 * k));
	bh_buf_u8(b, (uint8_t)strlen(i.dcid));
	bh_buf_str(b, i.dcid);
	bh_buf_u8(b, (uint8_t)strlen(i.scid));
	bh_buf_str(b, i.scid);
	put_varint(b, strlen(i.token) < 64 ? 1 : 2, strlen(i.token));
	bh_buf_str(b, i.token);
	size_t fixed = b->len - begin + 2 + i.number_len + 16, pad = 0;
	if (i.pad_to > fixed + n)
		pad = i.pad_to - fixed - n;
	put_varint(b, 2, i.number_len + n + pad + 16);
	size_t at = b->len;
	for (unsigned k = i.number_len; k--;)
		bh_buf_u8(b, (uint8_t)(i.number >> 8 * k));
	size_t body = b->len;
	bh_buf_add(b, frames, n);
	while (pad--)
		bh_buf_u8(b, 0);
	n = b->len - body;

	uint8_t *p = (uint8_t *)b->ptr;
	quic_secrets(&i, key, nonce, hp);
	for (unsigned k = 0; k < 4; k++)
		nonce[11 - k] ^= (uint8_t)(i.number >> 8 * k);
	gcm_aes128_set_key(&gcm, key);
	gcm_aes128_set_iv(&gcm, 12, nonce);
	gcm_aes128_update(&gcm, body - begin, p + begin);
	gcm_aes128_encrypt(&gcm, n, p + body, p + body);
	gcm_aes128_digest(&gcm, 16, tag);
	bh_buf_add(b, tag, 16);
	p = (uint8_t *)b->ptr;
	aes128_set_encrypt_key(&aes, hp);
	aes128_encrypt(&aes, 16, mask, p + at + 4);
	p[begin] ^= mask[0] & 0x0f;
	for (unsigned k = 0; k < i.number_len; k++)
		p[at + k] ^= mask[1 + k];
}

static inline void put_crypto_frame(struct bh_buf *b, size_t offset, const void *data, size_t n)
{
	bh_buf_u8(b, 6);
	put_varint(b, offset < 64 ? 1 : 2, offset);
	put_varint(b, n < 64 ? 1 : 2, n);
	bh_buf_add(b, data, n);
}

/* ---- TLS ---- */

static inline void put16(struct bh_buf *b, size_t v)
{
	bh_buf_u8(b, (uint8_t)(v >> 8));
	bh_buf_u8(b, (uint8_t)v);
}

/* A handshake message.  sni and each protocol NULL: not offered; share: the length of the
 * key share, which is what makes a ClientHello long. */
static inline void put_client_hello(
	struct bh_buf *b, const char *sni, const char *first, const char *second, size_t share)
{
	struct bh_buf e = { 0 };

	put16(&e, 51);
	put16(&e, share + 6);
	put16(&e, share + 4);
	put16(&e, 0x11ec); /* X25519MLKEM768 */
	put16(&e, share);
	for (size_t i = 0; i < share; i++)
		bh_buf_u8(&e, (uint8_t)(i * 7 + i / 256));
	if (sni) {
		put16(&e, 0);
		put16(&e, strlen(sni) + 5);
		put16(&e, strlen(sni) + 3);
		bh_buf_u8(&e, 0);
		put16(&e, strlen(sni));
		bh_buf_str(&e, sni);
	}
	if (first) {
		size_t n = strlen(first) + 1 + (second ? strlen(second) + 1 : 0);
		put16(&e, 16);
		put16(&e, n + 2);
		put16(&e, n);
		bh_buf_u8(&e, (uint8_t)strlen(first));
		bh_buf_str(&e, first);
		if (second) {
			bh_buf_u8(&e, (uint8_t)strlen(second));
			bh_buf_str(&e, second);
		}
	}
	bh_buf_u8(b, 1);
	bh_buf_u8(b, 0);
	put16(b, 2 + 32 + 1 + 8 + 2 + 4 + 2 + 2 + e.len);
	put16(b, 0x0303);
	for (uint8_t i = 0; i < 32; i++)
		bh_buf_u8(b, i);
	bh_buf_u8(b, 8);
	bh_buf_str(b, "session.");
	put16(b, 4);
	bh_buf_add(b, "\x13\x01\x13\x02", 4);
	bh_buf_u8(b, 1);
	bh_buf_u8(b, 0);
	put16(b, e.len);
	bh_buf_add(b, bh_buf_text(&e), e.len);
	bh_buf_reset(&e);
}

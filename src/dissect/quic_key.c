#include <nettle/gcm.h>
#include <nettle/hmac.h>
#include <nettle/memops.h>

#include "dissect/quic.h"

enum { SAMPLE = 16, TAG = GCM_DIGEST_SIZE, MAX_NUMBER = 4 };

/* ---- keys ---- */

static void hmac(struct bh_span key, struct bh_span data, uint8_t ret[SHA256_DIGEST_SIZE])
{
	struct hmac_sha256_ctx h;

	hmac_sha256_set_key(&h, key.len, key.ptr);
	hmac_sha256_update(&h, data.len, data.ptr);
	hmac_sha256_digest(&h, SHA256_DIGEST_SIZE, ret);
}

/* HKDF-Expand-Label, RFC 8446 7.1, of which one block (RFC 5869 2.3) is enough. */
static void expand(
	const uint8_t secret[SHA256_DIGEST_SIZE], const char *label, uint8_t *ret, size_t len)
{
	static const char prefix[] = "tls13 ";
	uint8_t info[64], block[SHA256_DIGEST_SIZE];
	size_t n = 0, label_len = sizeof prefix - 1 + strlen(label);

	assert(len <= sizeof block && label_len + 5 <= sizeof info);
	info[n++] = 0;
	info[n++] = (uint8_t)len;
	info[n++] = (uint8_t)label_len;
	memcpy(info + n, prefix, sizeof prefix - 1);
	memcpy(info + n + sizeof prefix - 1, label, strlen(label));
	n += label_len;
	info[n++] = 0; /* no context */
	info[n++] = 1; /* the first block */
	hmac(bh_span_of(secret, SHA256_DIGEST_SIZE), bh_span_of(info, n), block);
	memcpy(ret, block, len);
}

void quic_keys(uint32_t version, struct bh_span dcid, struct bh_quic_keys *ret)
{
	static const uint8_t salt[2][20] = {
		{ 0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4,
			0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a },
		{ 0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e,
			0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9 },
	};
	static const char *const label[2][3] = {
		{ "quic key", "quic iv", "quic hp" },
		{ "quicv2 key", "quicv2 iv", "quicv2 hp" },
	};
	unsigned v = version == QUIC_V2;
	uint8_t initial[SHA256_DIGEST_SIZE], client[SHA256_DIGEST_SIZE];

	hmac(bh_span_of(salt[v], sizeof salt[v]), dcid, initial);
	expand(initial, "client in", client, sizeof client);
	expand(client, label[v][0], ret->key, sizeof ret->key);
	expand(client, label[v][1], ret->iv, sizeof ret->iv);
	expand(client, label[v][2], ret->hp, sizeof ret->hp);
}

/* ---- packets ---- */

/* RFC 9000 A.3: the number nearest to the one expected that ends in these bits. */
static uint64_t whole_number(uint64_t expected, uint64_t cut, unsigned bits)
{
	uint64_t window = UINT64_C(1) << bits, half = window / 2;
	uint64_t candidate = (expected & ~(window - 1)) | cut;

	if (candidate + half <= expected && candidate < (UINT64_C(1) << 62) - window)
		return candidate + window;
	if (candidate > expected + half && candidate >= window)
		return candidate - window;
	return candidate;
}

/* Takes the mask off the first byte and the packet number; returns where the number ends. */
static size_t unmask(const struct bh_quic_keys *k, size_t at, uint64_t *cut, uint8_t *bytes)
{
	struct aes128_ctx aes;
	uint8_t mask[AES_BLOCK_SIZE];

	aes128_set_encrypt_key(&aes, k->hp);
	aes128_encrypt(&aes, sizeof mask, mask, bytes + at + MAX_NUMBER);
	bytes[0] ^= mask[0] & 0x0f;
	*cut = 0;
	size_t n = (bytes[0] & 3) + 1u;
	for (size_t i = 0; i < n; i++) {
		bytes[at + i] ^= mask[1 + i];
		*cut = *cut << 8 | bytes[at + i];
	}
	return at + n;
}

bool quic_open(const struct bh_quic_keys *k, const struct quic_packet *p, uint64_t expected,
	struct quic_opened *ret)
{
	struct gcm_aes128_ctx gcm;
	uint8_t nonce[GCM_IV_SIZE], tag[TAG];
	size_t len = p->whole.len, at = p->number_at;
	uint64_t cut = 0;

	/* Too short for its sample, and so for the tag behind any number. */
	if (len > sizeof ret->bytes || len < at + MAX_NUMBER + SAMPLE)
		return false;
	memcpy(ret->bytes, p->whole.ptr, len);
	size_t header = unmask(k, at, &cut, ret->bytes), n = 0;
	ret->number = whole_number(expected, cut, 8 * (unsigned)(header - at));
	n = len - header - TAG;

	memcpy(nonce, k->iv, sizeof nonce);
	for (size_t i = 0; i < 8; i++)
		nonce[sizeof nonce - 1 - i] ^= (uint8_t)(ret->number >> 8 * i);
	gcm_aes128_set_key(&gcm, k->key);
	gcm_aes128_set_iv(&gcm, sizeof nonce, nonce);
	gcm_aes128_update(&gcm, header, ret->bytes);
	gcm_aes128_decrypt(&gcm, n, ret->bytes + header, ret->bytes + header);
	gcm_aes128_digest(&gcm, TAG, tag);
	ret->frames = bh_span_of(ret->bytes + header, n);
	return memeql_sec(tag, ret->bytes + len - TAG, TAG);
}

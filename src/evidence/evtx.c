/*
 * The file's frame: chunks of 64 KiB, records one behind the other.  Its layout is
 * documented by those who read it, for instance in libevtx' "Windows XML Event Log
 * (EVTX)"; [MS-EVEN6] has what is inside of a record.
 */
#include <stdlib.h>

#include "evidence/evtx.h"

#define CHUNK_HEADER  512u
#define RECORD_HEADER 24u
#define RECORD_LEAST  (RECORD_HEADER + 4u) /* its size once more */

static const uint8_t record_signature[] = { '*', '*', 0, 0 };

bool bh_evtx_is(struct bh_span first_bytes)
{
	return first_bytes.len >= 8 && !memcmp(first_bytes.ptr, "ElfFile", 8);
}

int bh_evtx_new(struct bh_evtx **ret)
{
	struct bh_evtx *x = calloc(1, sizeof *x);

	if (!x)
		return -ENOMEM;
	evtx_crc_init(x->crc);
	*ret = x;
	return 0;
}

struct bh_evtx *bh_evtx_free(struct bh_evtx *x)
{
	free(x);
	return NULL;
}

/* ---- the chunk ---- */

struct chunk {
	uint32_t end; /* of the records */
	bool guessed; /* the end is nothing but the chunk's */
	bool suspect;
};

static struct bh_span part(const struct bh_evtx *x, size_t at, size_t len)
{
	struct bh_cur c = bh_cur_of(x->chunk);

	return bh_cur_window(&c, at, len);
}

static uint32_t sum(const struct bh_evtx *x, uint32_t crc, size_t at, size_t len)
{
	return evtx_crc(x->crc, crc, part(x, at, len));
}

static int read_header(const struct bh_evtx *x, struct chunk *ret)
{
	struct bh_cur c = bh_cur_of(x->chunk);
	struct chunk h = { 0 };
	uint64_t none = 0;

	struct bh_span signature = bh_cur_take(&c, 8);
	bh_cur_skip(&c, 4 * 8); /* first and last record, by number and id */
	bh_cur_skip(&c, 4 + 4); /* size of this, the last record's place */
	h.end = bh_cur_le32(&c);
	uint32_t data_sum = bh_cur_le32(&c);
	bh_cur_skip(&c, 68); /* nobody knows; flags */
	uint32_t header_sum = bh_cur_le32(&c);
	bh_cur_skip(&c, CHUNK_HEADER - 128); /* where names and templates are */
	if (signature.len && !memcmp(signature.ptr, &none, sizeof none))
		return -ENOMSG;
	if (!bh_cur_ok(&c) || memcmp(signature.ptr, "ElfChnk", 8))
		return -EBADMSG;

	h.guessed = h.end < CHUNK_HEADER || h.end > x->chunk.len;
	if (h.guessed)
		h.end = (uint32_t)x->chunk.len;
	h.suspect = h.guessed || header_sum != sum(x, sum(x, 0, 0, 120), 128, CHUNK_HEADER - 128) ||
		    data_sum != sum(x, 0, CHUNK_HEADER, h.end - CHUNK_HEADER);
	*ret = h;
	return 0;
}

/* ---- records ---- */

struct record {
	uint32_t at, len;
	uint64_t number;
	bh_time written;
};

/* One whose size is said twice. */
static bool read_record(const struct bh_evtx *x, uint32_t at, uint32_t end, struct record *ret)
{
	struct bh_cur c = bh_cur_of(part(x, 0, end));

	bh_cur_skip(&c, at);
	struct bh_span signature = bh_cur_take(&c, sizeof record_signature);
	uint32_t len = bh_cur_le32(&c);
	uint64_t number = bh_cur_le64(&c);
	bh_time written = evtx_filetime(bh_cur_le64(&c));
	if (!bh_cur_ok(&c) || memcmp(signature.ptr, record_signature, sizeof record_signature) ||
		len < RECORD_LEAST)
		return false;
	bh_cur_skip(&c, len - RECORD_LEAST);
	if (bh_cur_le32(&c) != len || !bh_cur_ok(&c))
		return false;
	*ret = (struct record){ .at = at, .len = len, .number = number, .written = written };
	return true;
}

/* Where the next record may begin, or end. */
static uint32_t next_signature(const struct bh_evtx *x, uint32_t at, uint32_t end)
{
	struct bh_span rest = part(x, at, end - at);
	const uint8_t *p =
		rest.len ? memmem(rest.ptr, rest.len, record_signature, sizeof record_signature)
			 : NULL;

	return p ? at + (uint32_t)(p - rest.ptr) : end;
}

/* What lies behind the last record of a chunk was there before: the log goes round.  But
 * a chunk whose checksums are wrong may be one whose header was not yet written when the
 * machine stopped; then what continues the count of its records belongs to them. */
static bool continues(const struct bh_evtx *x, uint32_t at, uint64_t number)
{
	struct record r;

	return read_record(x, at, (uint32_t)x->chunk.len, &r) && r.number == number + 1;
}

static void read_records(struct bh_evtx *x, const struct chunk *h, const struct bh_event_sink *sink,
	struct bh_evtx_told *t)
{
	uint32_t at = CHUNK_HEADER;
	uint64_t last = 0;
	struct record r;

	while (at < h->end || (h->suspect && t->records && continues(x, at, last))) {
		uint32_t limit = at < h->end ? h->end : (uint32_t)x->chunk.len;
		if (!read_record(x, at, limit, &r)) {
			/* Nobody said that there are records up to a guessed end. */
			t->unreadable += !h->guessed || next_signature(x, at, limit) == at;
			at = next_signature(x, at + 1, limit);
			continue;
		}
		if (evtx_record(
			    x, r.at + RECORD_HEADER, r.at + r.len - 4, r.number, r.written, sink))
			t->unreadable++;
		else
			t->records++;
		last = r.number;
		at += r.len;
	}
}

int bh_evtx_chunk(struct bh_evtx *x, struct bh_span chunk, const struct bh_event_sink *sink,
	struct bh_evtx_told *ret)
{
	struct bh_evtx_told t = { 0 };
	struct chunk h;

	x->chunk = bh_span_of(chunk.ptr, bh_min_size(chunk.len, BH_EVTX_CHUNK));
	int r = read_header(x, &h);
	if (r)
		return r;
	evtx_plans_reset(x);
	t.suspect = h.suspect;
	read_records(x, &h, sink, &t);
	*ret = t;
	return 0;
}

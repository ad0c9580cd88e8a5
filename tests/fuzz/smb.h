/*
 * smb: what whatever is read from the wire must keep to.
 */
#pragma once

#include <stdlib.h>

#include "dissect/dissect.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void expect_text(const char *s, size_t size)
{
	assert(memchr(s, 0, size));
	for (; *s; s++)
		assert((uint8_t)*s >= 0x20 && *s != 0x7f);
}

static inline void expect_identity(int r, const struct bh_identity *id)
{
	assert(r == 0 || r == -EBADMSG);
	if (r)
		return;
	assert(id->auth < BH_AUTHS && id->ntlm < BH_NTLMS);
	expect_text(id->user, sizeof id->user);
	expect_text(id->domain, sizeof id->domain);
	expect_text(id->workstation, sizeof id->workstation);
	expect_text(id->service, sizeof id->service);
	assert(id->known & BH_KNOWN_USER || !id->user[0]);
	assert(id->known & BH_KNOWN_SERVICE || !id->service[0]);
}

/* What is opened and carried, shown whole and only in part. */
static inline void expect_open(struct bh_message *m, struct bh_span whole)
{
	char name[BH_NAME_TEXT] = "";
	struct bh_span data;
	uint32_t pipes;
	bool proof;

	m->length = (uint32_t)whole.len;
	for (size_t shown = whole.len; shown >= 64; shown /= 2) {
		m->body = bh_span_of(whole.ptr, shown);
		if (!bh_open_name(m, name))
			expect_text(name, sizeof name);
		if (bh_pipe_data(m, &proof, &data))
			continue;
		assert(!data.len ||
			(data.ptr >= m->body.ptr && data.ptr + data.len <= m->body.ptr + shown));
		(void)!bh_rpc_bind(data, &pipes);
	}
}

#include <stdlib.h>

#include "model/talk.h"

#define FIXED offsetof(struct bh_conversation, server_name)

struct text_at {
	size_t offset, size;
};

#define TEXT_AT(field)                                                                             \
	{                                                                                          \
		offsetof(struct bh_conversation, field),                                           \
			sizeof(((struct bh_conversation *)NULL)->field)                            \
	}

static const struct text_at texts[] = {
	TEXT_AT(server_name),
	TEXT_AT(share),
	TEXT_AT(user),
	TEXT_AT(domain),
	TEXT_AT(workstation),
	TEXT_AT(service),
};

char *bh_conversation_pack(const struct bh_conversation *c)
{
	size_t len = FIXED;

	for (size_t i = 0; i < BH_LEN(texts); i++)
		len += strlen((const char *)c + texts[i].offset) + 1;
	char *p = malloc(len), *at = p;
	if (!p)
		return NULL;
	memcpy(at, c, FIXED);
	at += FIXED;
	for (size_t i = 0; i < BH_LEN(texts); i++) {
		const char *text = (const char *)c + texts[i].offset;
		size_t n = strlen(text) + 1;
		memcpy(at, text, n);
		at += n;
	}
	return p;
}

size_t bh_conversation_packed(const char *packed)
{
	size_t len = FIXED;

	for (size_t i = 0; i < BH_LEN(texts); i++)
		len += strlen(packed + len) + 1;
	return len;
}

void bh_conversation_unpack(const char *p, struct bh_conversation *ret)
{
	memset(ret, 0, sizeof *ret);
	memcpy(ret, p, FIXED);
	p += FIXED;
	for (size_t i = 0; i < BH_LEN(texts); i++) {
		size_t n = strlen(p) + 1;
		assert(n <= texts[i].size);
		memcpy((char *)ret + texts[i].offset, p, n);
		p += n;
	}
}

void bh_talk_unpack(const char *p, struct bh_talk *ret)
{
	const char **const at[] = { &ret->server_name, &ret->share, &ret->user, &ret->domain,
		&ret->workstation, &ret->service };

	memset(ret, 0, sizeof *ret);
	memcpy(ret, p, FIXED);
	p += FIXED;
	for (size_t i = 0; i < BH_LEN(at); i++) {
		*at[i] = p;
		p += strlen(p) + 1;
	}
}

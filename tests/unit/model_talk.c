#include <stdlib.h>

#include "model/talk.h"
#include "tap.h"

static uint32_t seed = 1;

static uint32_t random_below(uint32_t n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

static void put(char *to, size_t size)
{
	static const char *const texts[] = { "", "a", "b", "\\\\fs1\\home", "CORP" };
	size_t n = random_below(40) ? 0 : size - 1; /* now and then all that there is room for */

	memset(to, 'x', n);
	if (!n)
		strcpy(to, texts[random_below(BH_LEN(texts))]);
}

/* Few different values, so that two are often equal in most. */
static void random_conversation(struct bh_conversation *c)
{
	uint8_t *numbers[] = { &c->known, &c->transport, &c->outcome, &c->auth, &c->ntlm,
		&c->dialect, &c->signing_server, &c->signing_client, &c->signing_algorithm,
		&c->cipher, &c->compression, &c->share_type };
	int8_t *flags[] = { &c->smb1_offered, &c->is_signed, &c->encrypted, &c->guest,
		&c->complete };

	bh_conversation_init(c);
	c->client = random_below(3) ? bh_addr_v4(random_below(2)) : (struct bh_addr){ 0 };
	c->server = random_below(3) ? bh_addr_v4(random_below(2)) : (struct bh_addr){ 0 };
	c->port = random_below(4) ? 445 : 139;
	for (size_t i = 0; i < BH_LEN(numbers); i++)
		*numbers[i] = (uint8_t)(random_below(8) == 0);
	for (size_t i = 0; i < BH_LEN(flags); i++)
		*flags[i] = (int8_t)(random_below(8) ? BH_UNKNOWN : (int)random_below(2));
	c->auth_status = random_below(8) ? 0 : 0xc000006d;
	c->share_status = random_below(8) ? 0 : 0xc0000022;
	put(c->server_name, sizeof c->server_name);
	put(c->share, sizeof c->share);
	put(c->user, sizeof c->user);
	put(c->domain, sizeof c->domain);
	put(c->workstation, sizeof c->workstation);
	put(c->service, sizeof c->service);
}

static void test_a_talk_says_what_its_conversation_says(void)
{
	for (unsigned i = 0; i < 2000; i++) {
		struct bh_conversation c, back;
		struct bh_talk unpacked;
		random_conversation(&c);
		const struct bh_talk t = bh_talk_of(&c);
		bh_talk_whole(&t, &back);
		EXPECT(bh_conversation_equal(&c, &back));
		EXPECT_STR(back.service, c.service);

		char *packed = bh_conversation_pack(&c);
		bh_talk_unpack(packed, &unpacked);
		EXPECT(bh_talk_equal(&t, &unpacked));
		const char *end = unpacked.service + strlen(unpacked.service) + 1;
		EXPECT_INT(bh_conversation_packed(packed), (size_t)(end - packed));
		free(packed);
	}
}

static int sign(int r)
{
	return r < 0 ? -1 : r > 0;
}

static void test_talks_stand_in_one_order(void)
{
	enum { MANY = 60 };
	static struct bh_conversation c[MANY];
	static struct bh_talk t[MANY];
	unsigned equal = 0;

	for (unsigned i = 0; i < MANY; i++) {
		random_conversation(&c[i]);
		if (i % 7 == 0 && i)
			c[i] = c[i - 1];
		t[i] = bh_talk_of(&c[i]);
	}
	for (unsigned i = 0; i < MANY; i++) {
		for (unsigned k = 0; k < MANY; k++) {
			int r = sign(bh_talk_compare(&t[i], &t[k]));
			EXPECT_INT(r, -sign(bh_talk_compare(&t[k], &t[i])));
			EXPECT_INT(r == 0, bh_talk_equal(&t[i], &t[k]));
			EXPECT_INT(r, sign(bh_conversation_compare(&c[i], &c[k])));
			EXPECT(r ||
				bh_conversation_hash(&c[i], 5) == bh_conversation_hash(&c[k], 5));
			equal += r == 0;
			for (unsigned m = 0; m < MANY && r < 0; m++)
				EXPECT(bh_talk_compare(&t[k], &t[m]) >= 0 ||
					bh_talk_compare(&t[i], &t[m]) < 0);
		}
	}
	EXPECT(equal > MANY);
}

static void test_one_of_which_nothing_is_known_has_empty_texts(void)
{
	struct bh_conversation c;
	struct bh_talk t;

	bh_talk_init(&t);
	bh_conversation_init(&c);
	const struct bh_talk same = bh_talk_of(&c);
	EXPECT(bh_talk_equal(&t, &same));
	EXPECT_STR(t.server_name, "");
	EXPECT_STR(t.service, "");
}

int main(void)
{
	RUN(test_a_talk_says_what_its_conversation_says);
	RUN(test_talks_stand_in_one_order);
	RUN(test_one_of_which_nothing_is_known_has_empty_texts);
	return tap_done();
}

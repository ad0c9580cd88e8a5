#include <stdlib.h>

#include "policy/bind.h"

void bh_written_list(const struct bh_policy *p, const struct bh_written *k, const struct bh_list *l,
	uint64_t *written, uint64_t *in)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct bh_item *one = &l->v[i];
		if (one->kind == BH_ITEM_MACHINE) {
			written[one->index / 64] |= 1ull << one->index % 64;
			in[one->index / 64] |= 1ull << one->index % 64;
		} else if (one->kind == BH_ITEM_ANY) {
			memset(in, 0xff, k->words * sizeof *in);
		} else if (one->kind == BH_ITEM_SET && bh_is_set(&p->v[one->index])) {
			size_t at = k->nth[one->index] * k->words;
			for (size_t w = 0; w < k->words; w++) {
				written[w] |= k->written[at + w];
				in[w] |= k->in[at + w];
			}
		}
	}
}

static void fill(const struct bh_policy *p, struct bh_written *k, size_t place, uint64_t *aside)
{
	const struct bh_sentence *s = &p->v[p->order[place]];
	uint64_t *written = &k->written[place * k->words], *in = &k->in[place * k->words];
	uint64_t *minus = aside + k->words;

	memset(aside, 0, 2 * k->words * sizeof *aside);
	bh_written_list(p, k, &s->list, written, in);
	bh_written_list(p, k, &s->except, aside, minus);
	for (size_t w = 0; w < k->words; w++) {
		written[w] &= ~minus[w];
		in[w] &= ~minus[w];
	}
}

int bh_written_make(const struct bh_policy *p, struct bh_written *ret)
{
	struct bh_written k = { .words = p->n_machines / 64 + 1 };

	if ((uint64_t)p->n_order * p->n_machines > BH_MAX_ROAMING)
		return -E2BIG;
	k.written = calloc(p->n_order + 1, k.words * sizeof *k.written);
	k.in = calloc(p->n_order + 1, k.words * sizeof *k.in);
	k.nth = calloc(p->n + 1, sizeof *k.nth);
	uint64_t *aside = calloc(2 * k.words, sizeof *aside);
	if (!k.written || !k.in || !k.nth || !aside) {
		free(aside);
		bh_written_free(&k);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < p->n_order; i++)
		k.nth[p->order[i]] = i;
	for (size_t i = 0; i < p->n_order; i++)
		fill(p, &k, i, aside);
	free(aside);
	*ret = k;
	return 0;
}

void bh_written_free(struct bh_written *w)
{
	free(w->written);
	free(w->in);
	free(w->nth);
	*w = (struct bh_written){ 0 };
}

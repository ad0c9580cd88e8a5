/*
 * Where the parts of DFS namespaces are, as servers answer it; each answer once in a while.
 */
#include "sensor/state.h"

void referral_answer(struct talk *t)
{
	struct bh_referral v[BH_REFERRALS];
	size_t n = 0;
	int r = bh_dfs_answer(t->m, v, &n);

	if (r == -EBADMSG)
		talk_malformed(t);
	for (size_t i = 0; !r && i < n; i++) {
		v[i].server = t->f->addr[!t->f->client];
		v[i].when = t->s->now;
		if (once_more(t->s, &v[i].server, v[i].path, v[i].target))
			tell_referral(t->s, &v[i]);
	}
}

/*
 * Which shares there are, as servers answer it to whom looks round; each once in a while.
 * Those for administration, which every Windows machine has, and the one for pipes are not
 * told: that nobody uses them is no news.
 */
#include <stdio.h>

#include "model/pipe.h"
#include "sensor/state.h"

/* Only srvsvc is asked for shares; a call of that number means other things elsewhere. */
static bool of_srvsvc(const struct tree *tree)
{
	return !tree->pipes || tree->pipes >> BH_PIPE_SRVSVC & 1;
}

void listing_asked(struct talk *t, struct tree *tree, struct bh_span pdu)
{
	if (!bh_rpc_asks_shares(pdu))
		return;
	tree->listing = true;
	tree->listing_id = t->m->message_id;
}

/* A late answer names no tree. */
struct tree *listing_tree(const struct session *e, const struct bh_message *m)
{
	struct tree *t = e->trees;

	while (t && !(t->listing && t->listing_id == m->message_id &&
			    (t->id == m->tree_id || m->is_async)))
		t = t->next;
	return t;
}

/* An empty host: the server was not called by any. */
static void tell(struct talk *t, const char *host, const struct bh_listed *l)
{
	struct bh_share_seen share = { .server = t->f->addr[!t->f->client], .when = t->s->now };

	/* A name of more than one part would be another share's. */
	if (l->type & BH_LISTED_SPECIAL || (l->type & BH_LISTED_KIND) == BH_LISTED_PIPES ||
		strpbrk(l->name, "\\/"))
		return;
	snprintf(share.share, sizeof share.share, "\\\\%.200s\\%s", host[0] ? host : "*", l->name);
	snprintf(share.remark, sizeof share.remark, "%s", l->remark);
	if (once_more(t->s, &share.server, share.share, share.remark))
		tell_share(t->s, &share);
}

void listing_answer(struct talk *t, struct tree *tree)
{
	struct bh_listed v[BH_LISTED];
	char host[BH_NAME_TEXT] = "";
	size_t n = 0;

	tree->listing = false;
	if (tree->named)
		bh_unc_host(tree->share, host);
	if (!of_srvsvc(tree) || bh_share_list(t->m, v, &n))
		return; /* another function's, or a detail that is not read */
	for (size_t i = 0; i < n; i++)
		tell(t, host, &v[i]);
}

#include "policy/bind.h"

/*
 * What is right and probably not meant, one sentence at a time.
 */

/* ---- sets ---- */

static void empty_sets(struct binder *b, const bool *used)
{
	for (uint32_t i = 0; i < b->p->n; i++) {
		const struct bh_sentence *s = &b->p->v[i];
		/* Where a rule uses it, it is an error that was told there. */
		if (!bh_is_set(s) || used[i] || b->broken[i] || !bh_addrset_empty(&b->addrs[i]) ||
			bind_holds_somebody(b, i))
			continue;
		bh_complain(&b->c, BH_WARNING, &s->name_mark,
			"'%s' holds nobody: everything in it is excepted, or its source is empty",
			s->name);
	}
}

/* The network whose IPv6 prefix says that this policy knows of IPv6. */
static const struct bh_sentence *knows_ipv6(const struct binder *b)
{
	for (size_t i = 0; i < b->p->n; i++) {
		const struct bh_sentence *s = &b->p->v[i];
		if (s->kind != BH_SENTENCE_SET || s->hosts || !b->addrs[i].v6.n)
			continue;
		/* `any` and `internet` have both without anybody's thinking of it. */
		for (size_t k = 0; k < s->list.n; k++) {
			if (s->list.v[k].family == BH_V6)
				return s;
		}
	}
	return NULL;
}

static bool lacks_twin(const struct binder *b, uint32_t i, bool hosts, const bool *used)
{
	const struct bh_sentence *s = &b->p->v[i];

	return s->kind == BH_SENTENCE_SET && s->hosts == hosts && used[i] && !b->broken[i] &&
	       b->addrs[i].v4.n && !b->addrs[i].v6.n;
}

/* Machines that have none are common: they are told of together. */
static void missing_hosts(struct binder *b, const struct bh_sentence *six, const bool *used)
{
	BH_AUTO_BUF names = { 0 };
	const struct bh_mark *first = NULL;
	char line[BH_LINE_TEXT];

	for (uint32_t i = 0; i < b->p->n; i++) {
		if (!lacks_twin(b, i, true, used))
			continue;
		bh_buf_printf(&names, "%s'%s'", first ? ", " : "", b->p->v[i].name);
		first = first ? first : &b->p->v[i].name_mark;
	}
	if (first)
		bh_complain(&b->c, BH_WARNING, first,
			"IPv4 addresses alone in %.600s, and '%s' in %s has IPv6: whoever of these "
			"has an IPv6 address is not known by it, add it",
			bh_buf_text(&names), six->name, bh_line_of(&b->c, &six->mark, first, line));
}

static void missing_twins(struct binder *b, const bool *used)
{
	const struct bh_sentence *six = knows_ipv6(b);
	char line[BH_LINE_TEXT];

	if (!six)
		return;
	for (uint32_t i = 0; i < b->p->n; i++) {
		const struct bh_sentence *s = &b->p->v[i];
		if (lacks_twin(b, i, false, used))
			bh_complain(&b->c, BH_WARNING, &s->name_mark,
				"'%s' has IPv4 addresses alone, and '%s' in %s has IPv6: over IPv6 "
				"no rule about '%s' holds, add its prefix",
				s->name, six->name,
				bh_line_of(&b->c, &six->mark, &s->name_mark, line), s->name);
	}
	missing_hosts(b, six, used);
}

/* ---- tags ---- */

static const struct bh_item *item_with(
	const struct binder *b, const struct bh_list *l, const bool *flag)
{
	for (size_t i = 0; i < l->n; i++) {
		if (bind_is_set(b, &l->v[i]) && flag[l->v[i].index])
			return &l->v[i];
	}
	return NULL;
}

static void storage_rules(struct binder *b, const struct bh_bound *bound)
{
	for (size_t i = 0; i < bound->n_rules; i++) {
		const struct bh_sentence *s = b->of[i];
		const struct bh_item *to = item_with(b, &s->to, b->storage);
		if (!to || s->block)
			continue;
		bh_complain(&b->c, BH_WARNING, &to->mark,
			"'%s' is the storage of every customer of Azure there, not yours alone: "
			"whoever has an account can be sent files",
			to->name);
		if (!bound->rules[i].via)
			bh_complain(&b->c, BH_WARNING, &to->mark,
				"Azure Files through the Internet: use a VPN and say 'via', as "
				"Microsoft advises");
	}
}

static void office_rules(struct binder *b, const struct bh_bound *bound)
{
	for (size_t i = 0; i < bound->n_rules; i++) {
		const struct bh_sentence *s = b->of[i];
		for (size_t k = 0; !s->block && k < s->to.n; k++) {
			const struct bh_item *one = &s->to.v[k];
			if (!bind_is_set(b, one) || b->p->v[one->index].kind != BH_SENTENCE_TAGS ||
				b->p->v[one->index].what != BH_TAG_OFFICE365)
				continue;
			bh_complain(&b->c, BH_WARNING, &one->mark,
				"no service of Office 365 is reached over SMB: none of its "
				"endpoints has these ports, take this out");
		}
	}
}

/* ---- rings ---- */

static bool ranges_meet(struct bh_ranges x, struct bh_ranges y)
{
	for (size_t i = 0, k = 0; i < x.n && k < y.n;) {
		if (x.v[i].hi < y.v[k].lo)
			i++;
		else if (y.v[k].hi < x.v[i].lo)
			k++;
		else
			return true;
	}
	return false;
}

static bool rings_meet(const struct bh_bound_ring *x, const struct bh_bound_ring *y)
{
	return x->on.any || y->on.any || ranges_meet(x->on.addrs.v4, y->on.addrs.v4) ||
	       ranges_meet(x->on.addrs.v6, y->on.addrs.v6);
}

static const struct bh_mark *ring_mark(const struct binder *b, const struct bh_bound_ring *r)
{
	int64_t at = bh_namemap_find(&b->p->rings, r->name);

	return at < 0 ? NULL : &b->p->v[at].name_mark;
}

static void check_rings(struct binder *b, const struct bh_bound *bound)
{
	const struct bh_bound_ring *rest = NULL;

	for (size_t i = 0; i < bound->n_rings; i++) {
		const struct bh_bound_ring *r = &bound->rings[i];
		if (r->rest && rest)
			bh_complain(&b->c, BH_WARNING, ring_mark(b, r),
				"'%s' is a second 'rest' after '%s': nobody is left for it",
				r->name, rest->name);
		if (r->rest && !rest)
			rest = r;
		for (size_t k = 0; k < i && !r->rest && !r->percent; k++) {
			const struct bh_bound_ring *before = &bound->rings[k];
			if (before->rest || before->percent || !rings_meet(before, r))
				continue;
			bh_complain(&b->c, BH_WARNING, ring_mark(b, r),
				"some machines of '%s' are in '%s' already: they get a policy with "
				"the first of the two",
				r->name, before->name);
			break;
		}
	}
	if (bound->n_rings && !rest)
		bh_complain(&b->c, BH_WARNING, ring_mark(b, &bound->rings[bound->n_rings - 1]),
			"whoever is in none of these rings never gets a policy: add 'ring NAME rest'");
}

/* ---- all of it ---- */

static void note_used(const struct binder *b, const struct bh_list *l, bool *used)
{
	for (size_t i = 0; i < l->n; i++) {
		if (bind_is_set(b, &l->v[i]))
			used[l->v[i].index] = true;
	}
}

void bind_advise(struct binder *b, const struct bh_bound *bound)
{
	bool *used = bh_arena_array(b->a, b->p->n, sizeof *used);

	if (!used)
		return;
	for (size_t i = 0; i < bound->n_rules; i++) {
		note_used(b, &b->of[i]->from, used);
		note_used(b, &b->of[i]->to, used);
	}
	empty_sets(b, used);
	missing_twins(b, used);
	storage_rules(b, bound);
	office_rules(b, bound);
	check_rings(b, bound);
	bind_advise_rules(b, bound);
}

#include <strings.h>

#include "json/tags.h"

/* One of them may be NULL: it is not in that file. */
static bool compare(const struct bh_tag *from, const struct bh_tag *to, struct bh_arena *a,
	struct bh_tag_diff *ret)
{
	struct bh_addrset none = { 0 };
	const struct bh_addrset *was = from ? &from->addrs : &none, *is = to ? &to->addrs : &none;

	if (from && to && bh_addrset_equal(was, is))
		return false;
	*ret = (struct bh_tag_diff){ .what = !from ? BH_TAG_NEW
					     : !to ? BH_TAG_GONE
						   : BH_TAG_CHANGED,
		.name = to ? to->name : from->name,
		.came = bh_addrset_subtract(a, *is, *was),
		.went = bh_addrset_subtract(a, *was, *is) };
	return true;
}

int bh_tags_diff(const struct bh_tags *from, const struct bh_tags *to, struct bh_arena *a,
	const struct bh_tag_diff **ret, size_t *n_ret)
{
	struct bh_tag_diff *v = bh_arena_array(a, from->n + to->n + 1, sizeof *v);
	size_t n = 0;

	for (size_t i = 0, k = 0; v && (i < from->n || k < to->n);) {
		int c = i == from->n ? 1
			: k == to->n ? -1
				     : strcasecmp(from->v[i].name, to->v[k].name);
		const struct bh_tag *x = c <= 0 ? &from->v[i++] : NULL;
		const struct bh_tag *y = c >= 0 ? &to->v[k++] : NULL;
		n += compare(x, y, a, &v[n]);
	}
	if (!v || !bh_arena_ok(a))
		return -ENOMEM;
	*ret = v;
	*n_ret = n;
	return 0;
}

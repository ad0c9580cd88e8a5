#include "policy/bind.h"

void bind_advise(struct binder *b, const struct bh_bound *bound)
{
	(void)b;
	(void)bound;
}

/* Classes are exactly the numbers that are in the same atoms, against brute force. */
#include "proof/space.h"

#include "tap.h"

static struct bh_arena arena;
static uint32_t seed = 1;

static unsigned dice(unsigned n)
{
	seed = seed * 1664525u + 1013904223u;
	return seed >> 16 & 0x7fff ? (seed >> 16) % n : 0;
}

static void random_atoms(struct atoms *a, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct bh_range r[4];
		unsigned k = 1 + dice(4);
		for (unsigned j = 0; j < k; j++) {
			unsigned lo = dice(256), hi = dice(256);
			r[j].lo = lo < hi ? lo : hi;
			r[j].hi = lo < hi ? hi : lo;
		}
		bh_atoms_add(a, bh_ranges_from(&arena, r, k));
	}
}

static bool alike(const struct atoms *a, unsigned x, unsigned y)
{
	for (size_t i = 0; i < a->n; i++)
		if (bh_ranges_contain(a->v[i], x) != bh_ranges_contain(a->v[i], y))
			return false;
	return true;
}

static size_t class_of(const struct classes *c, unsigned x)
{
	size_t found = SIZE_MAX;

	for (size_t i = 0; i < c->n; i++)
		if (bh_ranges_contain(c->v[i].all, x)) {
			EXPECT(found == SIZE_MAX); /* in one class only */
			found = i;
		}
	return found;
}

static void test_classes_are_what_no_atom_tells_apart(void)
{
	for (unsigned run = 0; run < 300; run++) {
		struct atoms a = { .a = &arena };
		struct classes c;
		size_t of[256];
		random_atoms(&a, dice(6));
		EXPECT_INT(bh_space_divide(&a, 255, &c), 0);
		for (unsigned x = 0; x < 256; x++) {
			of[x] = class_of(&c, x);
			EXPECT(of[x] != SIZE_MAX);
		}
		for (unsigned x = 0; x < 256; x++)
			for (unsigned y = 0; y < x; y++)
				EXPECT(alike(&a, x, y) == (of[x] == of[y]));
		for (size_t i = 0; i < c.n; i++) {
			EXPECT(bh_ranges_contain(c.v[i].all, c.v[i].rep));
			EXPECT(c.v[i].rep == c.v[i].all.v[0].lo);
		}
		bh_arena_reset(&arena);
	}
}

static void test_a_space_without_atoms_is_one_class(void)
{
	struct atoms a = { .a = &arena };
	struct classes c;

	EXPECT_INT(bh_space_divide(&a, ~(bh_u128)0, &c), 0);
	EXPECT_INT(c.n, 1);
	EXPECT(c.v[0].all.v[0].hi == ~(bh_u128)0);
}

static void test_the_highest_number_can_be_a_class(void)
{
	struct atoms a = { .a = &arena };
	struct classes c;

	bh_atoms_add_one(&a, ~(bh_u128)0, ~(bh_u128)0);
	bh_atoms_add_one(&a, 0, 0);
	EXPECT_INT(bh_space_divide(&a, ~(bh_u128)0, &c), 0);
	EXPECT_INT(c.n, 3);
}

static void test_too_many_classes_are_refused(void)
{
	struct atoms a = { .a = &arena };
	struct classes c;

	for (unsigned i = 0; i < 70000; i++)
		bh_atoms_add_one(&a, i, i);
	EXPECT_INT(bh_space_divide(&a, UINT32_MAX, &c), -E2BIG);
	bh_arena_reset(&arena);
}

static void test_many_ranges_are_few_classes(void)
{
	struct atoms a = { .a = &arena };
	struct classes c;
	struct bh_range *v = bh_arena_array(&arena, 100000, sizeof *v);

	for (unsigned i = 0; v && i < 100000; i++)
		v[i] = (struct bh_range){ 16 * i, 16 * i + 7 };
	bh_atoms_add(&a, bh_ranges_from(&arena, v, 100000));
	bh_atoms_add_one(&a, 800000, 900000);
	EXPECT_INT(bh_space_divide(&a, UINT32_MAX, &c), 0);
	EXPECT_INT(c.n, 4);
	bh_arena_reset(&arena);
}

int main(void)
{
	RUN(test_classes_are_what_no_atom_tells_apart);
	RUN(test_a_space_without_atoms_is_one_class);
	RUN(test_the_highest_number_can_be_a_class);
	RUN(test_too_many_classes_are_refused);
	RUN(test_many_ranges_are_few_classes);
	return tap_done();
}

#include <strings.h>

#include "policy/ast.h"

/* ASCII only: names have no other letters. */
static unsigned char lower(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

bool bh_name_equal(const char *a, const char *b)
{
	while (*a && lower(*a) == lower(*b)) {
		a++;
		b++;
	}
	return lower(*a) == lower(*b);
}

static uint64_t hash(const char *s)
{
	uint64_t h = 0xcbf29ce484222325u; /* FNV-1a */

	for (; *s; s++)
		h = (h ^ lower(*s)) * 0x100000001b3u;
	return h ^ h >> 29;
}

static struct bh_nameslot *slot_of(const struct bh_namemap *m, const char *name)
{
	size_t i = (size_t)hash(name) & (m->cap - 1);

	while (m->slots[i].name && !bh_name_equal(m->slots[i].name, name))
		i = (i + 1) & (m->cap - 1);
	return &m->slots[i];
}

int64_t bh_namemap_find(const struct bh_namemap *m, const char *name)
{
	const struct bh_nameslot *s = m->cap ? slot_of(m, name) : NULL;

	return s && s->name ? (int64_t)s->index : -1;
}

static bool grow(struct bh_namemap *m, struct bh_arena *a)
{
	struct bh_namemap wider = { .cap = m->cap ? m->cap * 2 : 64, .n = m->n };

	wider.slots = bh_arena_array(a, wider.cap, sizeof *wider.slots);
	if (!wider.slots)
		return false;
	for (size_t i = 0; i < m->cap; i++) {
		if (m->slots[i].name)
			*slot_of(&wider, m->slots[i].name) = m->slots[i];
	}
	*m = wider;
	return true;
}

int64_t bh_namemap_add(struct bh_namemap *m, struct bh_arena *a, const char *name, uint32_t index)
{
	if (!name || (m->n * 4 >= m->cap * 3 && !grow(m, a)))
		return -1;
	struct bh_nameslot *s = slot_of(m, name);
	if (!s->name) {
		*s = (struct bh_nameslot){ .name = name, .index = index };
		m->n++;
	}
	return s->index;
}

unsigned bh_name_distance(const char *a, const char *b, unsigned limit)
{
	unsigned row[64];
	size_t n = strlen(b), len = strlen(a);

	if (n >= BH_LEN(row) || len >= BH_LEN(row) || len > n + limit || n > len + limit)
		return limit + 1;
	for (unsigned j = 0; j <= n; j++)
		row[j] = j;
	for (unsigned i = 1; i <= len; i++) {
		unsigned diagonal = row[0];
		row[0] = i;
		for (unsigned j = 1; j <= n; j++) {
			unsigned cost = diagonal + (lower(a[i - 1]) != lower(b[j - 1]));
			diagonal = row[j];
			unsigned step = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
			row[j] = cost < step ? cost : step;
		}
	}
	return row[n];
}

/* A third of the word may be wrong, at most three letters. */
static unsigned tolerance(const char *word)
{
	size_t n = strlen(word);
	return n < 3 ? 0 : n < 6 ? 1 : n < 9 ? 2 : 3;
}

const char *bh_namemap_nearest(const struct bh_namemap *m, const char *word)
{
	const char *best = NULL;
	unsigned least = tolerance(word) + 1;

	/* A policy of a hundred thousand names gets no guesses: they would cost more
	 * than the rest of the work. */
	for (size_t i = 0; m->n < 4096 && i < m->cap; i++) {
		if (!m->slots[i].name)
			continue;
		unsigned d = bh_name_distance(word, m->slots[i].name, least);
		if (d < least || (d == least && best && strcmp(m->slots[i].name, best) < 0)) {
			least = d;
			best = m->slots[i].name;
		}
	}
	return best;
}

const char *bh_policy_nearest(const char *const *names, size_t n, const char *word)
{
	const char *best = NULL;
	unsigned least = tolerance(word) + 1;

	for (size_t i = 0; i < n; i++) {
		unsigned d = bh_name_distance(word, names[i], least);
		if (d < least) {
			least = d;
			best = names[i];
		}
	}
	return best;
}

/* The words of the grammar.  `all` is the exception: it only ever follows `on`, and
 * `network all any` is what people write. */
static const char *const keywords[] = { "network", "hosts", "except", "from", "domain", "namespace",
	"roaming", "interfaces", "service", "tcp", "udp", "group", "certificate", "kerberos", "sid",
	"profile", "private", "public", "when", "otherwise", "authenticated", "by", "interface",
	"and", "default", "block", "allow", "in", "out", "to", "on", "via", "if", "secure",
	"integrity", "encrypted", "as", "even", "clear", "until", "for", "tags", "azure",
	"office365", "server", "off", "unused", "audit", "shares", "ring", "of", "rest", "soak",
	"include" };

bool bh_is_keyword(const char *word, size_t len)
{
	for (size_t i = 0; i < BH_LEN(keywords); i++) {
		if (strlen(keywords[i]) == len && !strncasecmp(keywords[i], word, len))
			return true;
	}
	return false;
}

/* Among the words that begin a sentence. */
const char *bh_nearest_keyword(const char *word)
{
	static const char *const verbs[] = { "network", "hosts", "service", "default", "block",
		"allow", "roaming", "interfaces", "group", "profile", "tags", "server", "audit",
		"ring", "include" };
	const char *best = NULL;
	unsigned least = tolerance(word) + 1;

	for (size_t i = 0; i < BH_LEN(verbs); i++) {
		unsigned d = bh_name_distance(word, verbs[i], least);
		if (d < least) {
			least = d;
			best = verbs[i];
		}
	}
	return best;
}

bool bh_is_builtin_set(const char *name, enum bh_item_kind *ret)
{
	static const struct {
		const char *name;
		enum bh_item_kind kind;
	} sets[] = {
		{ "any", BH_ITEM_ANY },
		{ "internet", BH_ITEM_INTERNET },
		{ "self", BH_ITEM_SELF },
		{ "localsubnet", BH_ITEM_LOCALSUBNET },
	};

	for (size_t i = 0; i < BH_LEN(sets); i++) {
		if (bh_name_equal(sets[i].name, name)) {
			*ret = sets[i].kind;
			return true;
		}
	}
	return false;
}

bool bh_is_builtin_service(const char *name)
{
	static const char *const services[] = { "smb", "netbios", "netbios-ssn", "netbios-ns",
		"netbios-dgm", "smbdirect", "all-smb", "quic" };

	for (size_t i = 0; i < BH_LEN(services); i++) {
		if (bh_name_equal(services[i], name))
			return true;
	}
	return false;
}

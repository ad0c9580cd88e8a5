#include "keeper/contacts.h"

#define MAX_LINE    4096u
#define MAX_SECTION 256u

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* One logical line without the blanks around it: smb.conf goes on after a backslash. */
static const char *take_line(const char *at, char ret[MAX_LINE])
{
	size_t n = 0;

	for (; *at && *at != '\n'; at++) {
		if (*at == '\\' && (at[1] == '\n' || (at[1] == '\r' && at[2] == '\n'))) {
			at += at[1] == '\r' ? 2 : 1;
			continue;
		}
		if ((n || !is_blank(*at)) && n + 1 < MAX_LINE)
			ret[n++] = *at;
	}
	while (n && is_blank(ret[n - 1]))
		n--;
	ret[n] = '\0';
	return *at ? at + 1 : at;
}

/* "[realms]", and "realms/CORP.EXAMPLE" within it. */
static void open_section(char section[MAX_SECTION], size_t from, const char *name, size_t len)
{
	if (from + 2 > MAX_SECTION)
		return;
	if (from)
		section[from++] = '/';
	len = bh_min_size(len, MAX_SECTION - 1 - from);
	memcpy(section + from, name, len);
	section[from + len] = '\0';
}

static void close_inner(char section[MAX_SECTION])
{
	char *slash = strrchr(section, '/');

	if (slash)
		*slash = '\0';
}

static void clean_key(char *key, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		char c = key[i];
		if (!is_blank(c))
			key[n++] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
	}
	key[n] = '\0';
}

void conf_read(const char *text, conf_fn fn, void *ctx)
{
	char line[MAX_LINE], section[MAX_SECTION] = "";

	while (*text) {
		text = take_line(text, line);
		char *equals = strchr(line, '=');
		if (!line[0] || line[0] == '#' || line[0] == ';')
			continue;
		if (line[0] == '[') {
			open_section(section, 0, line + 1, strcspn(line + 1, "]"));
		} else if (line[0] == '}') {
			close_inner(section);
		} else if (equals) {
			char *value = equals + 1;
			size_t len = (size_t)(equals - line);
			value += strspn(value, " \t");
			while (len && is_blank(line[len - 1]))
				len--;
			if (!strcmp(value, "{")) {
				open_section(section, strlen(section), line, len);
				continue;
			}
			clean_key(line, len);
			fn(ctx, section, line, value);
		}
	}
}

size_t conf_word(const char **at)
{
	*at += strspn(*at, " \t,");
	return strcspn(*at, " \t,");
}

#include "model/pipe.h"
#include "tap.h"
#include "json/json.h"

static struct bh_talk full(void)
{
	struct bh_talk c;

	bh_talk_init(&c);
	c.client = bh_addr_v4(0x0a14000b);
	c.server = bh_addr_v6((const uint8_t[16]){ 0xfd, 0x10, [15] = 1 });
	c.port = 445;
	c.known = BH_KNOWN_ALL;
	c.outcome = BH_ANSWERED;
	c.auth = BH_AUTH_NTLM;
	c.ntlm = BH_NTLM_V2;
	c.dialect = BH_DIALECT_311;
	c.signing_server = BH_SIGNING_REQUIRED;
	c.signing_client = BH_SIGNING_ENABLED;
	c.signing_algorithm = BH_SIGN_AES_CMAC;
	c.cipher = BH_CIPHER_AES128_GCM;
	c.compression = BH_COMPRESSION_NONE;
	c.share_type = BH_SHARE_DISK;
	c.smb1_offered = 0;
	c.is_signed = 1;
	c.encrypted = 0;
	c.guest = 0;
	c.complete = 1;
	c.share_status = 0xc0000022;
	c.server_name = "fs1";
	c.share = "\\\\fs1\\finance";
	c.user = "alice";
	c.domain = "CORP";
	c.workstation = "";
	c.service = "cifs/fs1";
	return c;
}

static const char golden[] =
	"{\"client\": \"10.20.0.11\", \"server\": \"fd10::1\", \"port\": 445, \"transport\": \"tcp445\", "
	"\"server_name\": \"fs1\", \"share\": \"\\\\\\\\fs1\\\\finance\", \"share_type\": \"disk\", "
	"\"share_status\": \"0xc0000022\", \"user\": \"alice\", \"domain\": \"CORP\", "
	"\"workstation\": \"\", \"auth\": \"ntlm\", \"ntlm\": \"v2\", \"service\": \"cifs/fs1\", "
	"\"auth_status\": \"0x00000000\", \"dialect\": \"3.1.1\", \"smb1_offered\": false, "
	"\"signing_server\": \"required\", \"signing_client\": \"enabled\", \"signed\": true, "
	"\"signing_algorithm\": \"AES-CMAC\", \"cipher\": \"AES-128-GCM\", \"encrypted\": false, "
	"\"compression\": \"none\", \"guest\": false, \"purpose\": \"file\", \"verdict\": \"answered\", "
	"\"complete\": true, \"connections\": 41, \"bytes_to_server\": 100, "
	"\"bytes_to_client\": 200, \"opens\": 7, \"pipes\": [\"srvsvc\", \"spoolss\"], "
	"\"first_seen\": \"1970-01-01T00:00:01Z\", "
	"\"last_seen\": \"2026-01-31T12:00:00.500000Z\", \"sources\": [\"a.pcap\"]}";

static void test_the_object_is_the_contract_field_by_field(void)
{
	struct bh_talk c = full();
	struct bh_figures f = { 41, 100, 200, BH_SECOND, 1769860800 * BH_SECOND + BH_SECOND / 2, 7,
		1u << BH_PIPE_SRVSVC | 1u << BH_PIPE_SPOOLSS };
	const char *source = "a.pcap";
	json_t *o = bh_json_conversation(&c, &f, BH_PURPOSE_FILE, &source, 1);
	char *text = json_dumps(o, JSON_PRESERVE_ORDER);

	EXPECT_STR(text, golden);
	free(text);
	json_decref(o);
}

static void test_unknown_is_null(void)
{
	static const char *const always[] = { "client", "server", "port", "transport",
		"connections", "bytes_to_server", "bytes_to_client", "opens", "pipes", "sources" };
	struct bh_talk c;
	struct bh_figures f = { 0 };
	const char *key;
	json_t *value;

	bh_talk_init(&c);
	c.client = c.server = bh_addr_v4(1);
	json_t *o = bh_json_conversation(&c, &f, BH_PURPOSE_UNKNOWN, NULL, 0);
	size_t nulls = 0;
	json_object_foreach(o, key, value)
	{
		bool fixed = false;
		for (size_t i = 0; i < BH_LEN(always); i++)
			fixed |= !strcmp(key, always[i]);
		EXPECT(json_is_null(value) == !fixed);
		nulls += json_is_null(value);
	}
	EXPECT_INT(nulls, json_object_size(o) - BH_LEN(always));
	json_decref(o);
}

static bool allows(const json_t *list, const char *name)
{
	size_t i;
	json_t *one;

	json_array_foreach(list, i, one)
	{
		if (name ? json_is_string(one) && !strcmp(json_string_value(one), name)
			 : json_is_null(one))
			return true;
	}
	return false;
}

static void check_names(
	const json_t *properties, const char *key, const char *const *names, size_t n)
{
	const json_t *list = json_object_get(json_object_get(properties, key), "enum");

	EXPECT(json_is_array(list));
	for (size_t i = 0; i < n; i++)
		EXPECT(allows(list, names[i]));
}

/* The published schema names exactly the fields we write, and every name we may write. */
static void test_the_schema_and_the_object_agree(void)
{
	struct bh_talk c = full();
	struct bh_figures f = { 0 };
	char path[4096];
	const char *key;
	json_t *value;

	snprintf(path, sizeof path, "%s/doc/conversations.schema.json",
		getenv("BULKHEAD_SOURCE") ? getenv("BULKHEAD_SOURCE") : ".");
	json_t *schema = json_load_file(path, 0, NULL);
	const json_t *items = json_object_get(schema, "items");
	const json_t *p = json_object_get(items, "properties");
	EXPECT(json_is_object(p));
	json_t *o = bh_json_conversation(&c, &f, BH_PURPOSE_UNKNOWN, NULL, 0);
	EXPECT_INT(json_object_size(p), json_object_size(o));
	EXPECT_INT(json_array_size(json_object_get(items, "required")), json_object_size(o));
	json_object_foreach(o, key, value) EXPECT(json_object_get(p, key) != NULL);
	check_names(p, "transport", bh_transport_names, BH_TRANSPORTS);
	check_names(p, "verdict", bh_outcome_names, BH_OUTCOMES);
	check_names(p, "purpose", bh_purpose_names, BH_PURPOSES);
	check_names(p, "auth", bh_auth_names, BH_AUTHS);
	check_names(p, "ntlm", bh_ntlm_names, BH_NTLMS);
	check_names(p, "dialect", bh_dialect_names, BH_DIALECTS);
	check_names(p, "signing_server", bh_signing_names, BH_SIGNINGS);
	check_names(p, "signing_client", bh_signing_names, BH_SIGNINGS);
	check_names(p, "signing_algorithm", bh_signing_algorithm_names, BH_SIGN_ALGS);
	check_names(p, "cipher", bh_cipher_names, BH_CIPHERS);
	check_names(p, "compression", bh_compression_names, BH_COMPRESSIONS);
	check_names(p, "share_type", bh_share_type_names, BH_SHARE_TYPES);
	json_decref(o);
	json_decref(schema);
}

static void test_a_host_says_its_roles_and_why(void)
{
	static const struct bh_host_evidence why[] = {
		{ BH_HOST_FILES, "serves 2 shares to 5 clients" },
		{ BH_HOST_PRINTS, "one" },
		{ BH_HOST_PRINTS, "two" },
	};
	struct bh_host_row h = { .name = "fs1", .evidence = why, .n_evidence = 3 };
	json_t *o = bh_json_host(&h);
	char *text = json_dumps(json_object_get(o, "roles"), 0);

	EXPECT_STR(text,
		"[{\"role\": \"file-server\", \"evidence\": [\"serves 2 shares to 5 clients\"]}, "
		"{\"role\": \"print-server\", \"evidence\": [\"one\", \"two\"]}]");
	EXPECT(json_is_null(json_object_get(o, "address")));
	free(text);
	json_decref(o);
}

/* The published schema names exactly the fields we write. */
static void expect_schema(const char *file, json_t *o)
{
	char path[4096];
	const char *key;
	json_t *value;

	snprintf(path, sizeof path, "%s/doc/%s",
		getenv("BULKHEAD_SOURCE") ? getenv("BULKHEAD_SOURCE") : ".", file);
	json_t *schema = json_load_file(path, 0, NULL);
	const json_t *items = json_object_get(schema, "items");
	const json_t *p = json_object_get(items, "properties");
	EXPECT_INT(json_object_size(p), json_object_size(o));
	EXPECT_INT(json_array_size(json_object_get(items, "required")), json_object_size(o));
	json_object_foreach(o, key, value) EXPECT(json_object_get(p, key) != NULL);
	json_decref(schema);
	json_decref(o);
}

static void test_the_schemas_of_findings_and_hosts_agree(void)
{
	struct bh_finding f = { .text = "it is so", .client_name = "pc1" };
	struct bh_host_row h = { 0 };

	expect_schema("findings.schema.json", bh_json_finding(&f));
	expect_schema("hosts.schema.json", bh_json_host(&h));
}

int main(void)
{
	RUN(test_the_object_is_the_contract_field_by_field);
	RUN(test_unknown_is_null);
	RUN(test_the_schema_and_the_object_agree);
	RUN(test_a_host_says_its_roles_and_why);
	RUN(test_the_schemas_of_findings_and_hosts_agree);
	return tap_done();
}

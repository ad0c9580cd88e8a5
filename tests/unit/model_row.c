#include "model/row.h"
#include "tap.h"

static enum bh_share_class class_of(const char *share, uint8_t type)
{
	struct bh_talk c;

	bh_talk_init(&c);
	c.known = BH_KNOWN_SHARE;
	c.share_type = type;
	c.share = share;
	return bh_share_class(&c);
}

static void test_a_share_is_what_its_name_says(void)
{
	static const struct {
		const char *share;
		enum bh_share_class class;
	} told[] = {
		{ "\\\\dc1\\SYSVOL", BH_CLASS_DOMAIN },
		{ "\\\\*\\netlogon", BH_CLASS_DOMAIN },
		{ "\\\\fs1\\IPC$", BH_CLASS_IPC },
		{ "\\\\pc7\\ADMIN$", BH_CLASS_ADMIN },
		{ "\\\\pc7\\c$", BH_CLASS_ADMIN },
		{ "\\\\pc7\\1$", BH_CLASS_DISK },
		{ "\\\\pc7\\data$", BH_CLASS_DISK },
		{ "\\\\ps\\print$", BH_CLASS_PRINT },
		{ "\\\\n1\\ClusterStorage$", BH_CLASS_CLUSTER },
		{ "\\\\n1\\db8eb29c-3a6c-4b84-bf59-29a17a7ebc8a-135266304$", BH_CLASS_CLUSTER },
		{ "\\\\n1\\db8eb29c-3a6c-4b84-bf59", BH_CLASS_DISK },
		{ "\\\\fs1\\data@{ABCDEF01-2345-6789-abcd-ef0123456789}", BH_CLASS_BACKUP },
		{ "\\\\fs1\\data@{ABCDEF01", BH_CLASS_DISK },
		{ "home", BH_CLASS_DISK },
		{ "\\\\fs1\\", BH_CLASS_UNKNOWN },
		{ "", BH_CLASS_UNKNOWN },
	};

	for (size_t i = 0; i < BH_LEN(told); i++) {
		EXPECT_INT(class_of(told[i].share, BH_SHARE_UNKNOWN), told[i].class);
		if (class_of(told[i].share, BH_SHARE_UNKNOWN) != told[i].class)
			printf("# %s\n", told[i].share);
	}
	EXPECT_INT(class_of("\\\\ps\\laser3", BH_SHARE_PRINT), BH_CLASS_PRINT);
	EXPECT_INT(class_of("\\\\ps\\laser3", BH_SHARE_DISK), BH_CLASS_DISK);
}

static void test_a_public_address_is_routed_in_the_internet(void)
{
	static const struct {
		const char *text;
		bool public;
	} told[] = {
		{ "10.0.0.1", false },
		{ "172.31.255.255", false },
		{ "172.32.0.1", true },
		{ "192.168.1.1", false },
		{ "100.64.0.1", false },
		{ "169.254.3.4", false },
		{ "127.0.0.1", false },
		{ "203.0.113.9", true },
		{ "fd00::1", false },
		{ "fe80::1", false },
		{ "::1", false },
		{ "2001:db8::1", true },
	};
	struct bh_addr a = { 0 };

	EXPECT(!bh_addr_public(&a)); /* no address is not a public one */
	for (size_t i = 0; i < BH_LEN(told); i++) {
		EXPECT_INT(bh_addr_parse(told[i].text, strlen(told[i].text), &a), 0);
		EXPECT_INT(bh_addr_public(&a), told[i].public);
	}
}

int main(void)
{
	RUN(test_a_share_is_what_its_name_says);
	RUN(test_a_public_address_is_routed_in_the_internet);
	return tap_done();
}

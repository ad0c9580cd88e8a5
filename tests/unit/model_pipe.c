#include "model/pipe.h"
#include "tap.h"

static uint32_t bit(const char *name)
{
	return bh_pipe_bit(bh_span_of((const uint8_t *)name, strlen(name)));
}

static void test_a_pipe_goes_by_any_of_its_spellings(void)
{
	EXPECT(bit("srvsvc") == 1u << BH_PIPE_SRVSVC);
	EXPECT(bit("\\SRVSVC") == 1u << BH_PIPE_SRVSVC);
	EXPECT(bit("\\PIPE\\srvsvc") == 1u << BH_PIPE_SRVSVC);
	EXPECT(bit("lsass") == 1u << BH_PIPE_LSARPC);
	EXPECT(bit("MSSQL$PROD\\sql\\query") == 1u << BH_PIPE_SQL);
	EXPECT(bit("PSEXESVC-WS1-4711-stdin") == 1u << BH_PIPE_REMOTE_SHELL);
}

static void test_an_unknown_pipe_is_other_and_no_name_is_none(void)
{
	EXPECT(bit("") == 0);
	EXPECT(bit("\\") == 0);
	EXPECT(bit("srvsvcx") == 1u << BH_PIPE_OTHER);
	EXPECT(bit("srvsv") == 1u << BH_PIPE_OTHER);
	EXPECT(bit("other") == 1u << BH_PIPE_OTHER);
}

static void test_every_pipe_has_a_name(void)
{
	for (unsigned i = 0; i < BH_PIPES; i++)
		EXPECT(bh_pipe_names[i] && bit(bh_pipe_names[i]) == 1u << i);
}

static void test_an_interface_is_known_by_its_wire_bytes(void)
{
	/* srvsvc, 4b324fc8-1670-01d3-1278-5a47bf6ee188 */
	uint8_t uuid[16] = { 0xc8, 0x4f, 0x32, 0x4b, 0x70, 0x16, 0xd3, 0x01, 0x12, 0x78, 0x5a, 0x47,
		0xbf, 0x6e, 0xe1, 0x88 };

	EXPECT(bh_pipe_bit_of_interface(uuid) == 1u << BH_PIPE_SRVSVC);
	for (unsigned i = 0; i < sizeof uuid; i++) {
		uuid[i] ^= 0x80;
		EXPECT(bh_pipe_bit_of_interface(uuid) == 1u << BH_PIPE_OTHER);
		uuid[i] ^= 0x80;
	}
}

int main(void)
{
	RUN(test_a_pipe_goes_by_any_of_its_spellings);
	RUN(test_an_unknown_pipe_is_other_and_no_name_is_none);
	RUN(test_every_pipe_has_a_name);
	RUN(test_an_interface_is_known_by_its_wire_bytes);
	return tap_done();
}

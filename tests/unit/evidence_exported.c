/*
 * The forms in which Windows events are exported: whatever the wrapping, it is the same
 * conversation.
 */
#include "heard.h"

static struct heard h;

#define SHARE "10.0.0.5>-:445 answered CORP\\alice server=fs1.corp.example share=\\\\*\\Public c1"
#define PIPE                                                                                       \
	"10.0.0.5>-:445 answered CORP\\alice server=fs1.corp.example share=\\\\*\\IPC$ pipe o1 p1"

static void one(const char *text, const char *want)
{
	heard_str(&h, text);
	EXPECT_INT(h.n, 1);
	EXPECT_STR(h.line[0], want);
	EXPECT_STR(bh_buf_text(&h.problems), "");
	EXPECT_INT(h.counts.records, 1);
	EXPECT(h.when.first == (bh_time)1769860800 * BH_SECOND);
	heard_in_pieces(h.kind, text, strlen(text));
	heard_cut_off(h.kind, text, strlen(text), 1);
}

/* https://www.elastic.co/guide/en/beats/winlogbeat: exported fields */
static const char winlogbeat7[] =
	"{\"@timestamp\":\"2026-01-31T12:00:00.000Z\",\"winlog\":{\"channel\":\"Security\","
	"\"provider_name\":\"Microsoft-Windows-Security-Auditing\",\"event_id\":\"5140\","
	"\"computer_name\":\"fs1.corp.example\",\"record_id\":\"12\",\"keywords\":[\"Audit Success\"],"
	"\"event_data\":{\"SubjectUserName\":\"alice\",\"SubjectDomainName\":\"CORP\","
	"\"SubjectLogonId\":\"0x1234\",\"SubjectUserSid\":\"S-1-5-21-1-2-3-1104\","
	"\"ObjectType\":\"File\",\"IpAddress\":\"10.0.0.5\",\"IpPort\":\"50000\","
	"\"ShareName\":\"\\\\\\\\*\\\\Public\","
	"\"AccessMask\":\"0x1\"}},\"event\":{\"code\":\"5140\"},\"message\":\"A network\\nshare\"}\n";

static void test_winlogbeat(void)
{
	one(winlogbeat7, SHARE);
	heard_str(&h, winlogbeat7);
	EXPECT_STR(bh_buf_text(&h.kinds), "Microsoft-Windows-Security-Auditing 5140: 1\n");
}

static void test_winlogbeat_before_version_7(void)
{
	one("{\"@timestamp\":\"2026-01-31T12:00:00.000Z\",\"log_name\":\"Security\","
	    "\"source_name\":\"Microsoft-Windows-Security-Auditing\",\"event_id\":5140,"
	    "\"computer_name\":\"fs1.corp.example\",\"record_number\":\"12\",\"type\":\"wineventlog\","
	    "\"keywords\":[\"Audit Success\"],\"event_data\":{\"SubjectUserName\":\"alice\","
	    "\"SubjectDomainName\":\"CORP\",\"IpAddress\":\"10.0.0.5\",\"IpPort\":\"50000\","
	    "\"ObjectType\":\"File\",\"ShareName\":\"\\\\\\\\*\\\\Public\"}}",
		SHARE);
}

static void test_a_search_answered_by_elasticsearch(void)
{
	BH_AUTO_BUF b = { 0 };

	bh_buf_str(&b,
		"{\"took\":2,\"hits\":{\"total\":{\"value\":1},\"hits\":[\n{\"_index\":\"w\",\"_source\":");
	bh_buf_add(&b, winlogbeat7, sizeof winlogbeat7 - 2);
	bh_buf_str(&b, "}]}}");
	one(bh_buf_text(&b), SHARE);
}

/* https://docs.nxlog.co/refman/current/im/msvistalog.html: fields */
static const char nxlog[] =
	"{\"EventTime\":\"2026-01-31 13:00:00\",\"Hostname\":\"fs1.corp.example\","
	"\"Keywords\":-9214364837600034816,\"EventType\":\"AUDIT_SUCCESS\",\"SeverityValue\":2,"
	"\"EventID\":5145,\"SourceName\":\"Microsoft-Windows-Security-Auditing\",\"RecordNumber\":13,"
	"\"Channel\":\"Security\",\"SubjectUserSid\":\"S-1-5-21-1-2-3-1104\",\"SubjectUserName\":\"alice\","
	"\"SubjectDomainName\":\"CORP\",\"SubjectLogonId\":\"0x1234\",\"ObjectType\":\"File\","
	"\"IpAddress\":\"10.0.0.5\",\"IpPort\":\"50000\",\"ShareName\":\"\\\\\\\\*\\\\IPC$\","
	"\"RelativeTargetName\":\"srvsvc\",\"AccessMask\":\"0x1\","
	"\"EventReceivedTime\":\"2026-01-31 13:00:02\",\"SourceModuleName\":\"in\"}";

static void test_nxlog_writes_local_times(void)
{
	const struct bh_log_options east = { .seed = 1, .east = 3600 };

	EXPECT_INT(heard_log(&h, BH_LOG_NONE, nxlog, sizeof nxlog - 1, 0, &east), 0);
	EXPECT_STR(h.line[0], PIPE);
	EXPECT(h.when.first == (bh_time)1769860800 * BH_SECOND);
	heard_str(&h, nxlog);
	EXPECT(h.when.first == (bh_time)(1769860800 + 3600) * BH_SECOND);
	heard_in_pieces(BH_LOG_JSON, nxlog, sizeof nxlog - 1);
}

static void test_evtx_dump_and_its_like(void)
{
	/* attributes below "#attributes", as omerbenamram/evtx writes them */
	one("{\"Event\":{\"#attributes\":{\"xmlns\":\"http://schemas.microsoft.com/win/2004/08/events/event\"},"
	    "\"System\":{\"Provider\":{\"#attributes\":{\"Name\":\"Microsoft-Windows-Security-Auditing\","
	    "\"Guid\":\"{5}\"}},\"EventID\":5140,\"TimeCreated\":{\"#attributes\":{\"SystemTime\":"
	    "\"2026-01-31T12:00:00.000000Z\"}},\"EventRecordID\":14,\"Channel\":\"Security\","
	    "\"Keywords\":\"0x8020000000000000\",\"Computer\":\"fs1.corp.example\"},"
	    "\"EventData\":{\"SubjectUserName\":\"alice\",\"SubjectDomainName\":\"CORP\",\"ObjectType\":\"File\","
	    "\"IpAddress\":\"10.0.0.5\",\"IpPort\":\"50000\",\"ShareName\":\"\\\\\\\\*\\\\Public\"}}}",
		SHARE);
	/* beside them, and the number with its own */
	one("{\"Event\":{\"System\":{\"Provider_attributes\":{\"Name\":\"Microsoft-Windows-Security-Auditing\"},"
	    "\"EventID\":{\"#attributes\":{\"Qualifiers\":\"\"},\"#text\":5140},\"TimeCreated_attributes\":"
	    "{\"SystemTime\":\"2026-01-31T12:00:00.000000Z\"},\"Channel\":\"Security\",\"Computer\":\"fs1.corp.example\"},"
	    "\"EventData\":{\"SubjectUserName\":\"alice\",\"SubjectDomainName\":\"CORP\",\"ObjectType\":\"File\","
	    "\"IpAddress\":\"10.0.0.5\",\"ShareName\":\"\\\\\\\\*\\\\Public\"}}}",
		SHARE);
	/* as XML turned into JSON by its book: names beside texts */
	one("{\"Event\":{\"System\":{\"Provider\":{\"@Name\":\"Microsoft-Windows-Security-Auditing\"},"
	    "\"EventID\":\"5140\",\"TimeCreated\":{\"@SystemTime\":\"2026-01-31T12:00:00.000000Z\"},"
	    "\"Channel\":\"Security\",\"Computer\":\"fs1.corp.example\"},\"EventData\":{\"Data\":["
	    "{\"@Name\":\"SubjectUserSid\"},{\"@Name\":\"SubjectUserName\",\"#text\":\"alice\"},"
	    "{\"@Name\":\"SubjectDomainName\",\"#text\":\"CORP\"},{\"@Name\":\"ObjectType\",\"#text\":\"File\"},"
	    "{\"@Name\":\"IpAddress\",\"#text\":\"10.0.0.5\"},{\"@Name\":\"ShareName\",\"#text\":\"\\\\\\\\*\\\\Public\"}]}}}",
		SHARE);
}

/* parse_evtx() */
static void test_velociraptor(void)
{
	one("{\"System\":{\"Provider\":{\"Name\":\"Microsoft-Windows-Security-Auditing\",\"Guid\":\"5\"},\"EventID\":{\"Value\":5140},"
	    "\"TimeCreated\":{\"SystemTime\":1769860800.0},\"EventRecordID\":7,\"Channel\":\"Security\",\"Computer\":\"fs1.corp.example\"},"
	    "\"EventData\":{\"SubjectUserName\":\"alice\",\"SubjectDomainName\":\"CORP\",\"IpAddress\":\"10.0.0.5\","
	    "\"ShareName\":\"\\\\\\\\*\\\\Public\"}}",
		SHARE);
}

static void test_wazuh_begins_names_with_small_letters(void)
{
	one("{\"timestamp\":\"2026-01-31T12:00:01.0+0000\",\"rule\":{\"id\":\"1\"},\"data\":{\"win\":{\"system\":{"
	    "\"providerName\":\"Microsoft-Windows-Security-Auditing\",\"eventID\":\"5140\",\"keywords\":\"0x8020000000000000\","
	    "\"systemTime\":\"2026-01-31T12:00:00.0000000Z\",\"channel\":\"Security\",\"computer\":\"fs1.corp.example\"},"
	    "\"eventdata\":{\"subjectUserName\":\"alice\",\"subjectDomainName\":\"CORP\",\"objectType\":\"File\","
	    "\"ipAddress\":\"10.0.0.5\",\"ipPort\":\"50000\",\"shareName\":\"\\\\\\\\*\\\\Public\"}}}}",
		SHARE);
}

/* https://learn.microsoft.com/azure/azure-monitor/reference/tables/securityevent */
static void test_azure_monitor_as_json(void)
{
	one("{\"TimeGenerated\":\"2026-01-31T12:00:00Z\",\"Computer\":\"fs1.corp.example\",\"EventID\":5140,"
	    "\"Activity\":\"5140 - A network share object was accessed.\",\"Account\":\"CORP\\\\alice\","
	    "\"SubjectUserName\":\"alice\",\"SubjectDomainName\":\"CORP\",\"SubjectLogonId\":\"0x1234\","
	    "\"IpAddress\":\"10.0.0.5\",\"IpPort\":\"50000\",\"ObjectType\":\"File\",\"ShareName\":\"\\\\\\\\*\\\\Public\","
	    "\"RelativeTargetName\":\"\",\"Type\":\"SecurityEvent\"}",
		SHARE);
}

static void test_azure_monitor_as_columns_and_rows(void)
{
	one("{\"tables\":[{\"name\":\"PrimaryResult\",\"columns\":[{\"name\":\"TimeGenerated\",\"type\":\"datetime\"},"
	    "{\"name\":\"Computer\",\"type\":\"string\"},{\"name\":\"EventID\",\"type\":\"int\"},"
	    "{\"name\":\"Activity\",\"type\":\"string\"},{\"name\":\"SubjectUserName\",\"type\":\"string\"},"
	    "{\"name\":\"SubjectDomainName\",\"type\":\"string\"},{\"name\":\"IpAddress\",\"type\":\"string\"},"
	    "{\"name\":\"ObjectType\",\"type\":\"string\"},{\"name\":\"ShareName\",\"type\":\"string\"}],\n"
	    "\"rows\":[[\"2026-01-31T12:00:00Z\",\"fs1.corp.example\",5140,\"5140 - A\",\"alice\",\"CORP\","
	    "\"10.0.0.5\",\"File\",\"\\\\\\\\*\\\\Public\"]]}],\"statistics\":{\"query\":{}}}",
		SHARE);
	/* version 1 of the same interface */
	one("{\"Tables\":[{\"TableName\":\"Table_0\",\"Columns\":[{\"ColumnName\":\"TimeGenerated\"},"
	    "{\"ColumnName\":\"Computer\"},{\"ColumnName\":\"EventID\"},{\"ColumnName\":\"Channel\"},"
	    "{\"ColumnName\":\"Provider\"},{\"ColumnName\":\"EventData\"}],\"Rows\":[[\"2026-01-31T12:00:00Z\","
	    "\"fs1.corp.example\",5140,\"Security\",\"Microsoft-Windows-Security-Auditing\","
	    "\"{\\\"SubjectUserName\\\":\\\"alice\\\",\\\"SubjectDomainName\\\":\\\"CORP\\\",\\\"ObjectType\\\":\\\"File\\\","
	    "\\\"IpAddress\\\":\\\"10.0.0.5\\\",\\\"ShareName\\\":\\\"\\\\\\\\\\\\\\\\*\\\\\\\\Public\\\"}\"]]}]}",
		SHARE);
}

static const char azure_csv[] =
	"\"TimeGenerated [UTC]\",Computer,EventID,Activity,Account,SubjectUserName,SubjectDomainName,"
	"IpAddress,IpPort,ObjectType,ShareName,RelativeTargetName,EventData\r\n"
	"\"1/31/2026, 12:00:00.000 PM\",fs1.corp.example,5140,\"5140 - A \"\"share\"\", used\",CORP\\alice,alice,"
	"CORP,10.0.0.5,50000,File,\\\\*\\Public,,\r\n";

static void test_azure_monitor_as_csv(void)
{
	one(azure_csv, SHARE);
	EXPECT_INT(bh_log_sniff(bh_span_of(azure_csv, sizeof azure_csv - 1)), BH_LOG_CSV);
}

static void test_azure_may_write_local_times(void)
{
	const struct bh_log_options east = { .seed = 1, .east = 3600 };
	static const char text[] =
		"\"TimeGenerated [Local Time]\",Computer,EventID,Activity,IpAddress,ShareName\n"
		"\"1/31/2026, 1:00:00.000 PM\",fs1,5140,5140 - x,10.0.0.5,\\\\*\\C$\n";

	EXPECT_INT(heard_log(&h, BH_LOG_NONE, text, sizeof text - 1, 0, &east), 0);
	EXPECT_INT(h.n, 1);
	EXPECT(h.when.first == (bh_time)1769860800 * BH_SECOND);
}

static void test_columns_that_azure_keeps_as_xml(void)
{
	heard_str(&h,
		"TimeGenerated,Computer,EventID,Activity,SubjectUserName,EventData\n"
		"2026-01-31T12:00:00Z,fs1,5156,\"5156 - The Windows Filtering Platform\",,"
		"\"<EventData xmlns=\"\"http://schemas.microsoft.com/win/2004/08/events/event\"\">\n"
		"<Data Name=\"\"ProcessID\"\">4</Data><Data Name=\"\"Application\"\">System</Data>"
		"<Data Name=\"\"Direction\"\">%%14592</Data><Data Name=\"\"SourceAddress\"\">10.0.0.9</Data>"
		"<Data Name=\"\"SourcePort\"\">445</Data><Data Name=\"\"DestAddress\"\">10.0.0.5</Data>"
		"<Data Name=\"\"DestPort\"\">50000</Data><Data Name=\"\"Protocol\"\">6</Data></EventData>\"\n");
	EXPECT_INT(h.n, 1);
	EXPECT(!strncmp(h.line[0], "10.0.0.5>10.0.0.9:445", 21));
	EXPECT_STR(bh_buf_text(&h.problems), "");
	/* the table Event */
	heard_str(&h,
		"{\"TimeGenerated\":\"2026-01-31T12:00:00Z\",\"Source\":\"Microsoft-Windows-SMBServer\","
		"\"EventLog\":\"Microsoft-Windows-SMBServer/Audit\",\"Computer\":\"fs1\",\"EventID\":3000,"
		"\"EventData\":\"<DataItem type=\\\"System.XmlData\\\"><UserData xmlns=\\\"x\\\"><EventData>"
		"<ClientName>10.0.0.5</ClientName></EventData></UserData></DataItem>\"}");
	EXPECT_INT(h.n, 1);
	EXPECT(strstr(h.line[0], "10.0.0.5>-:445") && strstr(h.line[0], "SMB1"));
}

static void test_evtxecmd_keeps_values_in_its_payload(void)
{
	one("{\"PayloadData1\":\"x\",\"Computer\":\"fs1.corp.example\",\"Payload\":\"{\\\"EventData\\\":{\\\"Data\\\":["
	    "{\\\"@Name\\\":\\\"SubjectUserName\\\",\\\"#text\\\":\\\"alice\\\"},"
	    "{\\\"@Name\\\":\\\"SubjectDomainName\\\",\\\"#text\\\":\\\"CORP\\\"},"
	    "{\\\"@Name\\\":\\\"ObjectType\\\",\\\"#text\\\":\\\"File\\\"},"
	    "{\\\"@Name\\\":\\\"IpAddress\\\",\\\"#text\\\":\\\"10.0.0.5\\\"},"
	    "{\\\"@Name\\\":\\\"ShareName\\\",\\\"#text\\\":\\\"\\\\\\\\\\\\\\\\*\\\\\\\\Public\\\"}]}}\","
	    "\"Channel\":\"Security\",\"Provider\":\"Microsoft-Windows-Security-Auditing\",\"EventId\":5140,"
	    "\"EventRecordId\":\"7\",\"TimeCreated\":\"2026-01-31T12:00:00.0000000+00:00\"}",
		SHARE);
}

static void test_other_tables_have_other_separators(void)
{
	heard_str(&h,
		"#TYPE Selected\r\n\"EventID\";\"Provider\";\"Computer\";\"TimeCreated\";\"IpAddress\";\"ShareName\"\r\n"
		"\"5140\";\"Microsoft-Windows-Security-Auditing\";\"fs1\";\"2026-01-31T12:00:00Z\";\"10.0.0.5\";\"\\\\*\\C$\"\r\n"
		"\"EventID\";\"Computer\";\"Provider\"\r\n"
		"\"1102\";\"fs1\";\"Microsoft-Windows-Eventlog\"\r\n");
	EXPECT_INT(h.n, 1);
	EXPECT_STR(bh_buf_text(&h.kinds), "Microsoft-Windows-Security-Auditing 5140: 1\n"
					  "Microsoft-Windows-Eventlog 1102: 1 unread\n");
}

static void test_powershell_writes_utf16(void)
{
	BH_AUTO_BUF b = { 0 };

	bh_buf_le16(&b, 0xfeff);
	for (size_t i = 0; i < sizeof azure_csv - 1; i++)
		bh_buf_le16(&b, (uint8_t)azure_csv[i]);
	EXPECT_INT(heard_log(&h, BH_LOG_NONE, b.ptr, b.len, 0, NULL), 0);
	EXPECT_INT(h.kind, BH_LOG_CSV);
	EXPECT_STR(h.line[0], SHARE);
	heard_in_pieces(BH_LOG_CSV, b.ptr, b.len);
}

static void test_what_cannot_be_believed_is_counted(void)
{
	heard_str(&h,
		"{\"EventID\":\"many\",\"Computer\":\"x\",\"TimeGenerated\":\"2026-01-31T12:00:00Z\"}\n"
		"{\"EventID\":99999999999,\"Computer\":\"x\"}\n"
		"{\"EventID\":5140,\"Channel\":\"Security\",\"Computer\":\"x\",\"IpAddress\":\"nowhere\"}\n"
		"{\"EventID\":5140,\n"
		"{\"unknown\":1}\n");
	EXPECT_INT(h.n, 0);
	EXPECT_INT(h.counts.records, 5);
	EXPECT(h.counts.unreadable >= 3);
	EXPECT(strstr(bh_buf_text(&h.kinds), "json 0: 1 unread\n") != NULL);
}

int main(void)
{
	RUN(test_winlogbeat);
	RUN(test_winlogbeat_before_version_7);
	RUN(test_a_search_answered_by_elasticsearch);
	RUN(test_nxlog_writes_local_times);
	RUN(test_evtx_dump_and_its_like);
	RUN(test_velociraptor);
	RUN(test_wazuh_begins_names_with_small_letters);
	RUN(test_azure_monitor_as_json);
	RUN(test_azure_monitor_as_columns_and_rows);
	RUN(test_azure_monitor_as_csv);
	RUN(test_azure_may_write_local_times);
	RUN(test_columns_that_azure_keeps_as_xml);
	RUN(test_evtxecmd_keeps_values_in_its_payload);
	RUN(test_other_tables_have_other_separators);
	RUN(test_powershell_writes_utf16);
	RUN(test_what_cannot_be_believed_is_counted);
	heard_reset(&h);
	return tap_done();
}

/* Mails and syslog lines, byte by byte where it matters: nobody gets a header or a field of their own in. */
#include "notify/mime.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/base64.h"
#include "base/memory.h"
#include "notify/syslog_line.h"
#include "notify/transport.h"

static void put_header(const char *text, size_t used, struct buf *out)
{
    buf_clear(out);
    mime_header_text(str_c(text), used, out);
}

/* What a reader makes of encoded words; their length is checked on the way. */
static void decode(struct str text, struct buf *out)
{
    struct str line;
    bool is_first = true;
    buf_clear(out);
    while (text.n && str_split(&text, '\n', &line)) {
        line = str_trim(line);
        assert_true(line.n <= (is_first ? 66 : 75));
        assert_true(str_starts(line, STR("=?UTF-8?B?")) && str_ends(line, STR("?=")));
        struct buf part = {0};
        assert_true(base64_decode(&part, str_slice(line, 10, line.n - 2)));
        assert_true(str_is_utf8(buf_str(&part))); /* no character is split */
        buf_add(out, buf_str(&part));
        buf_free(&part);
        is_first = false;
    }
}

static void headers_are_encoded_words(void **state)
{
    struct buf out = {0}, back = {0};
    const char *japanese =
        "[hyakuyo] インシデント 7: 経理部の端末から不審な宛先への通信が続いています(緊急度 最高)😀";
    (void)state;
    put_header("Incident 7: plain", 9, &out);
    assert_string_equal(buf_cstr(&out), "Incident 7: plain");
    put_header(japanese, 9, &out);
    decode(buf_str(&out), &back);
    assert_string_equal(buf_cstr(&back), japanese);
    put_header("evil\r\nBcc: a@b.example", 9, &out);
    assert_string_equal(buf_cstr(&out), "evil  Bcc: a@b.example");
    put_header("=?UTF-8?B?eA==?=", 9, &out); /* text that looks encoded stays text */
    decode(buf_str(&out), &back);
    assert_string_equal(buf_cstr(&back), "=?UTF-8?B?eA==?=");
    put_header("\xff\xfe broken", 9, &out); /* not UTF-8: still one line */
    assert_null(strchr(buf_cstr(&out), '\n'));
    buf_free(&out);
    buf_free(&back);
}

static void the_same_mail_is_the_same_bytes(void **state)
{
    struct buf once = {0}, twice = {0};
    const struct mail_attachment pdf = {STR("月報 11.pdf"), STR("application/pdf"), STR("%PDF-1.7\0x")};
    struct mail m = {.from = STR("百葉箱 <soc@example.jp>"),
                     .to = STR("mori@example.jp"),
                     .subject = STR("月報"),
                     .text = STR("本文\n"),
                     .id = STR("hyakuyo.abc@example.jp"),
                     .thread = STR("hyakuyo.incident.7@example.jp"),
                     .time_ns = INT64_C(1762733587) * NS_PER_SECOND, /* 2025-11-10T00:13:07Z */
                     .zone = zone_find(STR("Asia/Tokyo")),
                     .attachments = &pdf,
                     .attachment_count = 1};
    (void)state;
    mime_compose(&m, &once);
    mime_compose(&m, &twice);
    assert_true(str_eq(buf_str(&once), buf_str(&twice)));
    struct str text = buf_str(&once);
    assert_true(str_starts(text, STR("Date: Mon, 10 Nov 2025 09:13:07 +0900\r\nFrom: =?UTF-8?B?")));
    assert_true(str_contains(text, STR("\r\nMessage-ID: <hyakuyo.abc@example.jp>\r\n")));
    assert_true(str_contains(text, STR("\r\nReferences: <hyakuyo.incident.7@example.jp>\r\n")));
    assert_true(str_contains(text, STR("filename*=UTF-8''%E6%9C%88%E5%A0%B1%2011.pdf\r\n")));
    for (size_t i = 0; i < text.n; i++) /* 7 bit, and no line end but CRLF */
        assert_true((unsigned char)text.p[i] < 0x80 && (text.p[i] != '\n' || text.p[i - 1] == '\r'));
    buf_free(&once);
    buf_free(&twice);
}

static void syslog_fields_stay_in_their_places(void **state)
{
    struct buf out = {0};
    struct syslog_notice n = {.host = STR("soc1"),
                              .kind = STR("incident_opened"),
                              .key = STR("k\"]\\"),
                              .title = STR("A|B=C\\\nD 感染"),
                              .text = STR("one=1\ntwo"),
                              .url = STR("https://c.example/#/incidents/7"),
                              .incident = 7,
                              .urgency = 4,
                              .importance = 3,
                              .confidence = 2,
                              .time_ns = INT64_C(1762733587123456789)};
    (void)state;
    syslog_line(&n, SYSLOG_STRUCTURED, &out);
    assert_string_equal(buf_cstr(&out),
                        "<130>1 2025-11-10T00:13:07.123456Z soc1 hyakuyo - incident_opened [hyakuyo@32473 "
                        "key=\"k\\\"\\]\\\\\" incident=\"7\" urgency=\"4\" importance=\"3\" confidence=\"2\" "
                        "url=\"https://c.example/#/incidents/7\"] \xEF\xBB\xBF"
                        "A|B=C\\ D 感染");
    buf_clear(&out);
    syslog_line(&n, SYSLOG_CEF, &out);
    assert_string_equal(
        buf_cstr(&out),
        "<130>1 2025-11-10T00:13:07.123456Z soc1 hyakuyo - incident_opened - "
        "CEF:0|hyakuyo|hyakuyo|1|incident_opened|A\\|B=C\\\\ D 感染|10|externalId=k\"]\\\\ "
        "rt=1762733587123 cn1Label=incident cn1=7 cn2Label=importance cn2=3 cn3Label=confidence cn3=2 "
        "request=https://c.example/#/incidents/7 msg=one\\=1\\ntwo");
    buf_free(&out);
}

/* RFC 2104; the values are those of another implementation. */
static void long_keys_are_hashed_first(void **state)
{
    struct buf out = {0};
    char key[132];
    (void)state;
    memset(key, 0x2a, 131);
    key[131] = 0;
    transport_sign(key, 1, STR("{}"), &out);
    assert_string_equal(buf_cstr(&out),
                        "sha256=600aa39b463e27186f06930247780fbd64555995a74580c43714114e94e5884b");
    buf_clear(&out);
    transport_sign("key", 1, STR("{}"), &out);
    assert_string_equal(buf_cstr(&out),
                        "sha256=1ba6b8171186efc613e8bcc0cbdab2748f24984d7c5a84faa2637afa0e40d224");
    buf_free(&out);
}

static void addresses_are_checked(void **state)
{
    (void)state;
    assert_true(str_eq(mail_address(STR("森 <mori@example.jp>")), STR("mori@example.jp")));
    assert_true(str_eq(mail_address(STR(" mori@example.jp ")), STR("mori@example.jp")));
    assert_int_equal(mail_address(STR("mori")).n, 0);
    assert_int_equal(mail_address(STR("a@b\r\nRCPT TO:<x@y>")).n, 0);
    assert_int_equal(mail_address(STR("a@b> SIZE=1")).n, 0);
    assert_int_equal(mail_address(STR("@b")).n, 0);
    assert_int_equal(mail_address(STR("a@")).n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_are_encoded_words),
        cmocka_unit_test(the_same_mail_is_the_same_bytes),
        cmocka_unit_test(syslog_fields_stay_in_their_places),
        cmocka_unit_test(long_keys_are_hashed_first),
        cmocka_unit_test(addresses_are_checked),
    };
    return cmocka_run_group_tests_name("notify mime", tests, NULL, NULL);
}

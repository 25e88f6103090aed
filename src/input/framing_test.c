/* Framing: each case is bytes and the records they hold, checked with every cut into two pieces and byte by
 * byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "event/batch.h"
#include "input/framing.h"

#define MOST 64

struct framing_case {
    const char *name;
    struct str in;
    struct str records; /* each followed by '|'; '!' in front: bad framing, '~': cut */
    uint64_t cut_bytes;
};

#define TEN   "0123456789"
#define SIXTY TEN TEN TEN TEN TEN TEN

static const struct framing_case cases[] = {
    {"lines", STR("<13>a\n<13>b\r\n<13>c\n"), STR("<13>a|<13>b|<13>c|")},
    {"last line without an end", STR("<13>a\n<13>b"), STR("<13>a|<13>b|")},
    {"NUL ends a line", STR("<13>a\0<13>b\0"), STR("<13>a|<13>b|")},
    {"NUL and LF", STR("<13>a\r\n\0<13>b\n\0"), STR("<13>a|<13>b|")},
    {"empty lines are nothing", STR("\n\r\n\n<13>a\n\n"), STR("<13>a|")},
    {"CR inside stays", STR("a\rb\r\r\n"), STR("a\rb\r|")},
    {"counted", STR("5 <13>a6 <13>bc"), STR("<13>a|<13>bc|")},
    {"counted, several lines", STR("9 <13>a\nb\nc5 <13>d"), STR("<13>a\nb\nc|<13>d|")},
    {"counted with NUL and a line end inside", STR("8 <13>\0ab\n5 <13>c"), STR("<13>\0ab\n|<13>c|")},
    {"line end behind counted", STR("5 <13>a\n5 <13>b\r\n5 <13>c"), STR("<13>a|<13>b|<13>c|")},
    {"counted without priority", STR("5 {1:2}5 {3:4}"), STR("{1:2}|{3:4}|")},
    {"counted without priority, alone", STR("5 hello"), STR("hello|")},
    {"counted without priority, then a line", STR("5 hello<13>x\n"), STR("hello|<13>x|")},
    {"a line that begins with a number", STR("3 users logged in\n<13>b\n"), STR("3 users logged in|<13>b|")},
    {"a short line that begins with a number", STR("30 users\n40 users\n"), STR("30 users|40 users|")},
    {"RFC 5424 without priority", STR("1 2025-11-10T00:00:00Z h a - - - m\n"),
     STR("1 2025-11-10T00:00:00Z h a - - - m|")},
    {"flow record", STR("2 123456789010 eni-1 192.0.2.1\n2 123456789010 eni-1 192.0.2.2\n"),
     STR("2 123456789010 eni-1 192.0.2.1|2 123456789010 eni-1 192.0.2.2|")},
    {"date", STR("20251110 x\n2025-11-10 y\n2025\n"), STR("20251110 x|2025-11-10 y|2025|")},
    {"epoch", STR("1762732800.123 9 192.0.2.1 TCP_MISS\n"), STR("1762732800.123 9 192.0.2.1 TCP_MISS|")},
    {"mixed for each message", STR("<13>a\n5 <13>b<13>c\n5 <13>d"), STR("<13>a|<13>b|<13>c|<13>d|")},
    {"leading zero", STR("005 <13>a\n<13>b\n"), STR("!005 <13>a|<13>b|")},
    {"count too large", STR("99999999 <13>a\n5 <13>b"), STR("!99999999 <13>a|<13>b|")},
    {"count of many digits", STR("123456789012 <13>a\n<13>b\n"), STR("!123456789012 <13>a|<13>b|")},
    {"count cut short by the end", STR("5 <13>a20 <13>half"), STR("<13>a|!<13>half|")},
    {"count off by one", STR("4 <13>a\n5 <13>b"), STR("<13>|!a|<13>b|")},
    {"number without space after counted", STR("5 <13>a5x<13>b\n<13>c\n"), STR("<13>a|!5x<13>b|<13>c|")},
    {"longest line", STR(SIXTY "abcd\r\nx\n"), STR(SIXTY "abcd|x|")},
    {"line one too long", STR(SIXTY "abcde\nx\n"), STR("~" SIXTY "abcd|x|"), 1},
    {"long line", STR(SIXTY SIXTY SIXTY "\nx\n"), STR("~" SIXTY "0123|x|"), 116},
    {"long line at the end", STR(SIXTY SIXTY SIXTY), STR("~" SIXTY "0123|"), 116},
    {"longest counted", STR("64 <" SIXTY "abc5 <13>x"), STR("<" SIXTY "abc|<13>x|")},
    {"long counted", STR("124 <13>" SIXTY SIXTY "5 <13>x"), STR("~<13>" SIXTY "|<13>x|"), 60},
    {"a long line that begins with a number", STR("70 " SIXTY "\nx\n"), STR("70 " SIXTY "|x|")},
    {"only digits", STR("12345"), STR("12345|")},
    {"digits and a space", STR("5 "), STR("5 |")},
    {"nothing", STR(""), STR("")},
};

static void take(void *context, struct str raw, uint16_t flags)
{
    struct buf *out = context;
    assert_true(raw.n > 0 && raw.n <= MOST);
    if (flags & RECORD_BAD_FRAMING)
        buf_char(out, '!');
    if (flags & RECORD_CUT)
        buf_char(out, '~');
    buf_add(out, raw);
    buf_char(out, '|');
}

static void check(const struct framing_case *c, size_t first, size_t step)
{
    struct framing f;
    struct buf out = {0};
    struct str in = c->in;
    framing_init(&f, MOST);
    framing_feed(&f, str_slice(in, 0, first), take, &out);
    for (in = str_skip(in, first); in.n > 0; in = str_skip(in, step < in.n ? step : in.n))
        framing_feed(&f, str_slice(in, 0, step), take, &out);
    framing_end(&f, false, take, &out);
    if (!str_eq(buf_str(&out), c->records) || f.cut_bytes != c->cut_bytes)
        fail_msg("%s, cut at %zu, steps of %zu: \"%.*s\", %llu bytes cut", c->name, first, step,
                 STR_ARGS(buf_str(&out)), (unsigned long long)f.cut_bytes);
    framing_free(&f);
    buf_free(&out);
}

static void every_cut_gives_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        for (size_t cut = 0; cut <= cases[i].in.n; cut++)
            check(&cases[i], cut, cases[i].in.n + 1);
        for (size_t step = 1; step < 9; step++)
            check(&cases[i], 0, step);
    }
}

static void silence_completes_a_counted_message(void **state)
{
    struct framing f;
    struct buf out = {0};
    (void)state;
    framing_init(&f, MOST);
    framing_feed(&f, STR("5 hello"), take, &out);
    assert_int_equal(out.n, 0);
    framing_settle(&f, take, &out);
    assert_true(str_eq(buf_str(&out), STR("hello|")));
    framing_feed(&f, STR("5 ag"), take, &out);
    framing_settle(&f, take, &out); /* incomplete: silence says nothing */
    framing_feed(&f, STR("ain"), take, &out);
    assert_true(str_eq(buf_str(&out), STR("hello|again|")));
    framing_free(&f);
    buf_free(&out);
}

static void a_broken_end_is_flagged(void **state)
{
    struct framing f;
    struct buf out = {0};
    (void)state;
    framing_init(&f, MOST);
    framing_feed(&f, STR("<13>whole\n<13>ha"), take, &out);
    framing_end(&f, true, take, &out);
    assert_true(str_eq(buf_str(&out), STR("<13>whole|!<13>ha|")));
    framing_free(&f);
    buf_free(&out);
}

static void limits_are_kept(void **state)
{
    struct framing f;
    (void)state;
    framing_init(&f, 0);
    assert_int_equal(f.max_message, 64);
    framing_init(&f, SIZE_MAX);
    assert_int_equal(f.max_message, FRAMING_LARGEST_MAX_MESSAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_cut_gives_the_same),
        cmocka_unit_test(silence_completes_a_counted_message),
        cmocka_unit_test(a_broken_end_is_flagged),
        cmocka_unit_test(limits_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

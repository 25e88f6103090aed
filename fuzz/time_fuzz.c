/* Any bytes as a time: what is read can be written and read again. A format from the first line is applied to
 * the second. */
#include "base/clock.h"
#include "base/ip.h"
#include "base/memory.h"

static void check_round_trip(int64_t time_ns)
{
    char text[TIME_TEXT_MAX];
    size_t n = time_format_iso(time_ns, text);
    int64_t again;
    BUG_IF(n >= TIME_TEXT_MAX);
    if (time_parse_iso(str_n(text, n), NULL, &again))
        BUG_IF(again != time_ns);
    n = time_format_local(time_ns, zone_find(STR("Europe/Berlin")), text);
    BUG_IF(n >= TIME_TEXT_MAX);
}

static void check_format(struct str s, const struct time_context *context)
{
    struct str rest = s, format;
    int64_t t;
    if (!str_split(&rest, '\n', &format))
        return;
    struct time_format *f = time_format_new(format, NULL);
    if (f && rest.p && time_format_parse(f, rest, context, &t))
        check_round_trip(t);
    time_format_free(f);
}

static void check_address(struct str s)
{
    struct ip ip, again;
    struct cidr c;
    char text[IP_TEXT_MAX];
    if (ip_parse(s, &ip)) {
        size_t n = ip_format(&ip, text);
        BUG_IF(n >= IP_TEXT_MAX || !ip_parse(str_n(text, n), &again) || memcmp(&ip, &again, sizeof ip) != 0);
    }
    if (cidr_parse(s, &c))
        BUG_IF(!cidr_contains(&c, &c.ip));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str s = str_n((const char *)data, size);
    struct time_context context = {.zone = zone_find(STR("America/New_York")),
                                   .reference_ns = INT64_C(1762733589000000000)};
    int64_t t;
    if (time_parse_iso(s, &context, &t))
        check_round_trip(t);
    if (time_parse_epoch(s, &t))
        check_round_trip(t);
    if (time_parse_expression(s, context.reference_ns, context.zone, &t))
        check_round_trip(t);
    size_t n = time_parse_bsd(s, &context, &t);
    BUG_IF(n > size);
    if (n)
        check_round_trip(t);
    check_format(s, &context);
    check_address(s);
    zone_find(s);
    return 0;
}

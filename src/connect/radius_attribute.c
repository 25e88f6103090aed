/* The attributes a request may carry (stage connect). Next: radius_client.c. */
#include "base/ip.h"
#include "base/log.h"
#include "base/memory.h"
#include "connect/radius.h"

#define VENDOR_SPECIFIC 26
#define EVENT_TIMESTAMP 55

enum form { FORM_TEXT, FORM_NUMBER, FORM_IPV4, FORM_IPV6 };

/* Those that identify a NAS or a session (RFC 5176, 3) or say what a session becomes. */
static const struct {
    const char *name;
    uint8_t type;
    enum form form;
} attributes[] = {{"User-Name", 1, FORM_TEXT},
                  {"NAS-IP-Address", 4, FORM_IPV4},
                  {"NAS-Port", 5, FORM_NUMBER},
                  {"Service-Type", 6, FORM_NUMBER},
                  {"Framed-IP-Address", 8, FORM_IPV4},
                  {"Filter-Id", 11, FORM_TEXT},
                  {"Reply-Message", 18, FORM_TEXT},
                  {"State", 24, FORM_TEXT},
                  {"Class", 25, FORM_TEXT},
                  {"Session-Timeout", 27, FORM_NUMBER},
                  {"Idle-Timeout", 28, FORM_NUMBER},
                  {"Termination-Action", 29, FORM_NUMBER},
                  {"Called-Station-Id", 30, FORM_TEXT},
                  {"Calling-Station-Id", 31, FORM_TEXT},
                  {"NAS-Identifier", 32, FORM_TEXT},
                  {"Acct-Session-Id", 44, FORM_TEXT},
                  {"Acct-Multi-Session-Id", 50, FORM_TEXT},
                  {"NAS-Port-Type", 61, FORM_NUMBER},
                  {"Tunnel-Type", 64, FORM_NUMBER}, /* the tag is 0 (RFC 2868, 3.1) */
                  {"Tunnel-Medium-Type", 65, FORM_NUMBER},
                  {"Tunnel-Private-Group-Id", 81, FORM_TEXT},
                  {"NAS-Port-Id", 87, FORM_TEXT},
                  {"Chargeable-User-Identity", 89, FORM_TEXT},
                  {"NAS-Filter-Rule", 92, FORM_TEXT},
                  {"NAS-IPv6-Address", 95, FORM_IPV6},
                  {"Framed-IPv6-Address", 168, FORM_IPV6}};

static int find(struct str name)
{
    for (size_t i = 0; i < COUNT_OF(attributes); i++)
        if (str_eq_nocase(name, str_c(attributes[i].name)))
            return (int)i;
    return -1;
}

/* "Vendor/9/1" */
static bool parse_vendor(struct str name, uint32_t *vendor, uint8_t *type)
{
    struct str part;
    uint64_t numbers[2];
    if (!str_split(&name, '/', &part) || !str_eq_nocase(part, STR("Vendor")))
        return false;
    for (size_t i = 0; i < 2; i++)
        if (name.p == NULL || !str_split(&name, '/', &part) || !str_to_u64(part, 10, &numbers[i]))
            return false;
    *vendor = (uint32_t)numbers[0];
    *type = (uint8_t)numbers[1];
    return name.p == NULL && numbers[0] >= 1 && numbers[0] < 1u << 24 && numbers[1] >= 1 && numbers[1] <= 255;
}

bool radius_has_attribute(struct str name)
{
    uint32_t vendor;
    uint8_t type;
    return find(name) >= 0 || parse_vendor(name, &vendor, &type);
}

static bool add(struct radius_packet *p, uint8_t type, struct str value, struct error *err)
{
    if (value.n == 0 || value.n > RADIUS_VALUE_MAX || p->n + 2 + value.n > RADIUS_PACKET_MAX)
        return error_set(err, "%s",
                         tr("a RADIUS attribute holds 1 to 253 bytes, a packet 4096",
                            "RADIUS の属性は 1〜253 バイト、パケットは 4096 バイトまでです"));
    p->bytes[p->n++] = type;
    p->bytes[p->n++] = (uint8_t)(2 + value.n);
    memcpy(p->bytes + p->n, value.p, value.n);
    p->n += value.n;
    return true;
}

static bool add_number(struct radius_packet *p, uint8_t type, uint32_t number, struct error *err)
{
    const char bytes[] = {(char)(number >> 24), (char)(number >> 16), (char)(number >> 8), (char)number};
    return add(p, type, str_n(bytes, sizeof bytes), err);
}

static bool add_vendor(struct radius_packet *p, uint32_t vendor, uint8_t type, struct str value,
                       struct error *err)
{
    char bytes[RADIUS_VALUE_MAX];
    if (value.n == 0 || value.n + 6 > sizeof bytes)
        return error_set(err, "%s",
                         tr("a vendor's RADIUS attribute holds 1 to 247 bytes",
                            "ベンダー固有の属性は 1〜247 バイトです"));
    bytes[0] = 0;
    bytes[1] = (char)(vendor >> 16);
    bytes[2] = (char)(vendor >> 8);
    bytes[3] = (char)vendor;
    bytes[4] = (char)type;
    bytes[5] = (char)(2 + value.n);
    memcpy(bytes + 6, value.p, value.n);
    return add(p, VENDOR_SPECIFIC, str_n(bytes, 6 + value.n), err);
}

static bool add_address(struct radius_packet *p, uint8_t type, struct str text, bool is_v4, struct error *err)
{
    struct ip ip;
    if (!ip_parse(text, &ip) || ip_is_v4(&ip) != is_v4)
        return error_set(err, tr("'%.*s' is no IPv%d address", "「%.*s」は IPv%d アドレスではありません"),
                         STR_ARGS(text), is_v4 ? 4 : 6);
    const char *bytes = (const char *)ip.bytes;
    return add(p, type, is_v4 ? str_n(bytes + 12, 4) : str_n(bytes, 16), err);
}

bool radius_put(struct radius_packet *p, struct str name, struct str value, struct error *err)
{
    uint32_t vendor;
    uint8_t type;
    uint64_t number;
    int at = find(name);
    if (at < 0 && parse_vendor(name, &vendor, &type))
        return add_vendor(p, vendor, type, value, err);
    if (at < 0)
        return error_set(err,
                         tr("there is no RADIUS attribute '%.*s' here", "RADIUS の属性「%.*s」は扱えません"),
                         STR_ARGS(name));
    type = attributes[at].type;
    switch (attributes[at].form) {
    case FORM_TEXT:
        return add(p, type, value, err);
    case FORM_IPV4:
        return add_address(p, type, value, true, err);
    case FORM_IPV6:
        return add_address(p, type, value, false, err);
    case FORM_NUMBER:
        return str_to_u64(value, 10, &number) && number <= UINT32_MAX
                   ? add_number(p, type, (uint32_t)number, err)
                   : error_set(err, tr("%.*s is a number, not '%.*s'", "%.*s は数です(「%.*s」ではなく)"),
                               STR_ARGS(name), STR_ARGS(value));
    }
    BUG("unknown form of attribute");
}

bool radius_put_time(struct radius_packet *p, uint32_t unix_seconds, struct error *err)
{
    return add_number(p, EVENT_TIMESTAMP, unix_seconds, err);
}

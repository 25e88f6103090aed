/* What the covert-channel instruments have in common. Stage: instrument. A sight → inside actor and outside
 * destination. Next: destination.c, beacon.c, upload.c. */
#include "instrument/target.h"

#include <stdio.h>

#include "base/memory.h"

/* Ports on which a proxy inside is asked for names outside. */
static bool is_proxy_port(uint16_t port)
{
    static const uint16_t ports[] = {3128, 8080, 3129, 8000, 8008, 8118, 8888, 9090};
    for (size_t i = 0; i < COUNT_OF(ports); i++)
        if (ports[i] == port)
            return true;
    return false;
}

static bool is_asked_of_proxy(const struct sight *s)
{
    return is_proxy_port(s->port) ||
           str_eq(event_text(s->event, FIELD_HTTP_REQUEST_METHOD), STR("CONNECT")) ||
           str_eq(event_text(s->event, FIELD_OBSERVER_TYPE), STR("proxy"));
}

static bool is_one_host(const struct ip *ip)
{
    static const uint8_t zero[16] = {0};
    if (!ip_is_v4(ip))
        return ip->bytes[0] != 0xff && !(ip->bytes[0] == 0xfe && (ip->bytes[1] & 0xc0) == 0x80) &&
               memcmp(ip->bytes, zero, 15) != 0;
    return ip->bytes[12] != 0 && ip->bytes[12] != 127 && ip->bytes[12] < 224 &&
           !(ip->bytes[12] == 169 && ip->bytes[13] == 254);
}

static bool is_address(struct str name)
{
    struct ip ip;
    return name.n && (ascii_is_digit(name.p[name.n - 1]) || memchr(name.p, ':', name.n)) &&
           ip_parse(name, &ip);
}

static bool address_of(const struct sight *s, bool is_inside, struct target *out)
{
    struct ip ip = s->destination.ip;
    struct str text = s->destination.text;
    if (s->domain.n && is_address(s->domain)) {
        text = s->domain;
        ip_parse(text, &ip);
    } else if (is_inside || !s->destination.is_known) {
        return false;
    }
    *out = (struct target){text, text, true};
    return is_one_host(&ip) && !ip_is_private(&ip);
}

bool target_of(const struct sight *s, struct target *out)
{
    if (s->key.n == 0 || (s->kinds & SIGHT_DNS) || (s->source.is_known && !s->source.is_inside))
        return false;
    bool is_inside = s->destination.is_known && s->destination.is_inside;
    if (is_inside && (s->domain.n == 0 || !is_asked_of_proxy(s)))
        return false;
    bool has_name = s->domain.n && memchr(s->domain.p, '.', s->domain.n) != NULL && !is_address(s->domain);
    if (!has_name)
        return address_of(s, is_inside, out);
    *out = (struct target){s->domain, s->registered_domain.n ? s->registered_domain : s->domain, false};
    return true;
}

/* ------------------------------------------------------------------------------------- who */

static uint8_t keep(char *to, size_t room, struct str text)
{
    size_t n = str_utf8_start(text, room).n;
    if (n)
        memcpy(to, text.p, n);
    memset(to + n, 0, room - n);
    return (uint8_t)n;
}

void about_fill(struct about *a, const struct sight *s)
{
    a->ip_bytes = keep(a->ip, sizeof a->ip, s->ip);
    a->name_bytes = keep(a->name, sizeof a->name, s->name);
    a->user_bytes = keep(a->user, sizeof a->user, s->user);
    a->department_bytes = keep(a->department, sizeof a->department, s->department);
    a->product_bytes = keep(a->product, sizeof a->product, event_text(s->event, FIELD_OBSERVER_PRODUCT));
    a->passage = (uint8_t)s->passage;
}

void about_reading(const struct about *a, struct reading *r)
{
    r->host_ip = str_n(a->ip, a->ip_bytes);
    r->host_name = str_n(a->name, a->name_bytes);
    r->user = str_n(a->user, a->user_bytes);
    r->department = str_n(a->department, a->department_bytes);
    r->product = str_n(a->product, a->product_bytes);
    r->passage = (enum passage)a->passage;
}

/* ----------------------------------------------------------------------------------- lists */

void name_set_fill(struct name_set *set, const struct instrument *i, const char *list)
{
    size_t count;
    const struct str *items = instrument_list(i, list, &count);
    for (size_t n = 0; n < count; n++)
        *map_put(&set->names, items[n], NULL) = 1;
}

void name_set_free(struct name_set *set)
{
    map_free(&set->names);
}

bool name_set_holds(const struct name_set *set, struct str name)
{
    for (;;) {
        if (map_find(&set->names, name) != NULL)
            return true;
        size_t dot = str_find_char(name, '.', 0);
        if (dot == STR_NOT_FOUND)
            return false;
        name = str_skip(name, dot + 1);
    }
}

/* ------------------------------------------------------------------------------------ days */

int64_t local_day(const struct instrument *i, int64_t time_s)
{
    int64_t local = time_s + zone_offset_at_utc(instrument_zone(i), time_s);
    return (local >= 0 ? local : local - 86399) / 86400;
}

int64_t day_start_s(const struct instrument *i, int64_t day)
{
    return day * 86400 - zone_offset_at_local(instrument_zone(i), day * 86400);
}

struct key_pair key_pair_of(struct str who, struct str what)
{
    return (struct key_pair){str_hash(who), str_hash(what)};
}

/* ----------------------------------------------------------------------------------- facts */

void fact_text(struct facts *f, const char *name, struct str text)
{
    size_t n = text.n < sizeof f->room - f->used ? text.n : sizeof f->room - f->used;
    if (f->count == COUNT_OF(f->items))
        return;
    memcpy(f->room + f->used, text.p, n);
    f->items[f->count++] = (struct matched_value){str_c(name), str_n(f->room + f->used, n)};
    f->used += n;
}

void fact_number(struct facts *f, const char *name, double value)
{
    char text[32];
    int n = snprintf(text, sizeof text, "%.6g", value);
    fact_text(f, name, str_n(text, (size_t)n));
}

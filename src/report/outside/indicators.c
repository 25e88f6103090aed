/* What the other side showed of itself (stage report): findings of an incident → indicators, techniques, and
 * what all exports share. Next: stix.c. */
#include "base/clock.h"
#include "base/ip.h"
#include "base/json.h"
#include "base/log.h"
#include "base/map.h"
#include "base/sha256.h"
#include "report/outside/export.h"

enum { EXPORT_INDICATORS_MAX = 5000 };

static const char *const tlp_labels[] = {"TLP:CLEAR", "TLP:GREEN", "TLP:AMBER", "TLP:AMBER+STRICT",
                                         "TLP:RED"};

bool tlp_parse(struct str s, enum tlp *out)
{
    if (str_starts_nocase(s, STR("tlp:")))
        s = str_skip(s, 4);
    for (size_t i = 0; i < COUNT_OF(tlp_labels); i++)
        if (str_eq_nocase(s, str_skip(str_c(tlp_labels[i]), 4))) {
            *out = (enum tlp)i;
            return true;
        }
    return false;
}

struct str tlp_label(enum tlp t)
{
    return str_c(tlp_labels[t]);
}

struct str observable_type_name(enum observable_type t)
{
    static const char *const names[] = {"ipv4-addr", "ipv6-addr", "domain-name", "url",
                                        "md5",       "sha1",      "sha256"};
    return str_c(names[t]);
}

/* ------------------------------------------------------------------ gathering */

struct gathering {
    const struct case_export *c;
    const struct incident_finding *finding;
    struct map seen; /* type and value → index + 1 */
    struct buf found;
};

static void add(struct gathering *g, enum observable_type type, struct str value)
{
    const struct incident_finding *f = g->finding;
    struct arena *a = g->c->arena;
    struct str lower = type == OBSERVABLE_URL ? value : arena_lower(a, value);
    struct str key = arena_printf(a, "%d %.*s", (int)type, STR_ARGS(lower));
    uintptr_t *index = map_put(&g->seen, key, NULL);
    if (*index == 0) {
        if (g->found.n >= EXPORT_INDICATORS_MAX * sizeof(struct observable))
            return;
        struct observable i = {.type = type,
                               .value = lower,
                               .first_ns = f->first_ns,
                               .last_ns = f->last_ns,
                               .count = f->count,
                               .techniques = f->techniques,
                               .title = redact_text(g->c->redactor, f->title_en)};
        buf_bytes(&g->found, &i, sizeof i);
        *index = g->found.n / sizeof i;
        return;
    }
    struct observable *i = (struct observable *)(void *)g->found.p + (*index - 1);
    i->first_ns = f->first_ns < i->first_ns ? f->first_ns : i->first_ns;
    i->last_ns = f->last_ns > i->last_ns ? f->last_ns : i->last_ns;
    i->count += f->count;
}

static bool is_domain(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!(ascii_is_digit(s.p[i]) || (ascii_lower(s.p[i]) >= 'a' && ascii_lower(s.p[i]) <= 'z') ||
              s.p[i] == '-' || s.p[i] == '.' || s.p[i] == '_'))
            return false;
    return s.n > 3 && s.n <= 253 && str_find_char(s, '.', 0) != STR_NOT_FOUND;
}

/* Whoever is inside is no indicator, whatever the profile. */
static void add_peer(struct gathering *g, struct str value)
{
    struct ip ip;
    value = str_trim_chars(str_trim(value), ".");
    if (ip_parse(value, &ip)) {
        char text[IP_TEXT_MAX];
        size_t n = ip_format(&ip, text);
        if (!ip_is_private(&ip))
            add(g, ip_is_v4(&ip) ? OBSERVABLE_IPV4 : OBSERVABLE_IPV6, str_n(text, n));
    } else if (is_domain(value)) {
        add(g, OBSERVABLE_DOMAIN, value);
    }
}

static bool is_hex(struct str s, size_t n)
{
    for (size_t i = 0; i < s.n; i++)
        if (!ascii_is_digit(s.p[i]) && !(ascii_lower(s.p[i]) >= 'a' && ascii_lower(s.p[i]) <= 'f'))
            return false;
    return s.n == n;
}

static void add_matched(struct gathering *g, struct str name, struct str value)
{
    if (str_ends(name, STR(".sha256")) && is_hex(value, 64))
        add(g, OBSERVABLE_SHA256, value);
    else if (str_ends(name, STR(".sha1")) && is_hex(value, 40))
        add(g, OBSERVABLE_SHA1, value);
    else if (str_ends(name, STR(".md5")) && is_hex(value, 32))
        add(g, OBSERVABLE_MD5, value);
    else if ((str_eq(name, STR("url.full")) || str_eq(name, STR("url.original"))) &&
             str_starts_nocase(value, STR("http")) && str_find(value, STR("://"), 0) != STR_NOT_FOUND)
        add(g, OBSERVABLE_URL, redact_text(g->c->redactor, value));
    else if (str_eq(name, STR("dns.question.name")) || str_eq(name, STR("url.domain")) ||
             str_eq(name, STR("destination.domain")))
        add_peer(g, value);
}

static void add_finding(struct gathering *g, const struct incident_finding *f)
{
    struct str rest = f->peers, part;
    struct error ignored;
    g->finding = f;
    add_peer(g, f->peer);
    if (f->is_outside)
        add_peer(g, f->host_ip);
    while (str_split(&rest, ';', &part))
        add_peer(g, part);
    struct json_node *top = f->matched.n ? json_parse(f->matched, g->c->arena, &ignored) : NULL;
    for (const struct json_node *n = top ? top->child : NULL; n != NULL; n = n->next) {
        if (n->type == JSON_NODE_STRING)
            add_matched(g, n->key, n->text);
        for (const struct json_node *each = n->type == JSON_NODE_ARRAY ? n->child : NULL; each;
             each = each->next)
            add_matched(g, n->key, each->text);
    }
}

size_t case_indicators(const struct case_export *c, struct observable **out)
{
    struct gathering g = {.c = c};
    const struct incident *incident = c->facts->incident;
    for (uint32_t i = 0; i < incident->finding_count; i++)
        add_finding(&g, &incident->findings[i]);
    size_t count = g.found.n / sizeof **out;
    *out = ARENA_ARRAY(c->arena, struct observable, count + 1);
    if (count)
        memcpy(*out, g.found.p, g.found.n);
    buf_free(&g.found);
    map_free(&g.seen);
    return count;
}

size_t case_techniques(const struct case_export *c, struct str **out)
{
    const struct incident *incident = c->facts->incident;
    struct map seen = {0};
    for (uint32_t i = 0; i < incident->finding_count; i++) {
        struct str rest = incident->findings[i].techniques, part;
        while (str_split(&rest, ';', &part))
            if (part.n > 1)
                map_put(&seen, part, NULL);
    }
    *out = ARENA_ARRAY(c->arena, struct str, seen.count + 1);
    size_t count = seen.count;
    for (size_t i = 0; i < count; i++)
        (*out)[i] = seen.entries[i].key;
    map_free(&seen);
    return count;
}

/* -------------------------------------------------------------------- shared */

void export_member(struct json_writer *w, const char *key, struct str value)
{
    if (value.n == 0)
        return;
    json_key(w, key);
    json_put_str(w, value);
}

void export_time(struct json_writer *w, const char *key, int64_t time_ns)
{
    if (time_ns == TIME_UNKNOWN)
        return;
    json_key(w, key);
    json_put_time(w, time_ns - time_ns % NS_PER_MS); /* all that many readers take */
}

struct str export_uuid(const struct case_export *c, const char *kind, struct str name)
{
    static const unsigned char space[16] = {0x9d, 0x1c, 0x5e, 0x0b, 0x74, 0x3a, 0x4f, 0x26,
                                            0x8e, 0x51, 0x2b, 0xc7, 0x60, 0x4d, 0xa9, 0xf3};
    char text[UUID_TEXT_BYTES];
    struct str all = arena_printf(c->arena, "%.*s|%s|%.*s", STR_ARGS(c->seed), kind, STR_ARGS(name));
    uuid_of_name(space, all, text);
    return arena_str(c->arena, str_n(text, sizeof text));
}

struct str export_title(const struct case_export *c)
{
    return redact_text(c->redactor, c->facts->incident->title_en);
}

struct str export_description(const struct case_export *c)
{
    const struct incident *i = c->facts->incident;
    struct str told = case_fact(c->facts, STR("description"));
    struct buf out = {0};
    if (told.n) {
        buf_add(&out, redact_text(c->redactor, told));
        buf_char(&out, '\n');
    }
    buf_printf(&out, "%.*s; urgency %d of 4, importance %d of 4, confidence %.2f", STR_ARGS(i->type),
               i->urgency, i->importance, i->confidence);
    struct str done = arena_str(c->arena, buf_str(&out));
    buf_free(&out);
    return done;
}

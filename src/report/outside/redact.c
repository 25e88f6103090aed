/* Pseudonyms for what leaves the house (stage report). Read by every export and form; next: indicators.c. */
#include "report/outside/redact.h"

#include "base/buf.h"
#include "base/ip.h"
#include "base/map.h"
#include "base/sha256.h"

struct known_value {
    struct known_value *next; /* longest first */
    struct str lower;
    enum redact_kind kind;
};

struct redactor {
    struct arena *arena;
    enum redaction_profile profile;
    unsigned char key[REDACTION_KEY_BYTES];
    struct known_value *known;
};

static const char *const profile_names[] = {"none", "internal", "anonymous"};

bool redaction_profile_parse(struct str s, enum redaction_profile *out)
{
    for (size_t i = 0; i < COUNT_OF(profile_names); i++)
        if (str_eq(s, str_c(profile_names[i]))) {
            *out = (enum redaction_profile)i;
            return true;
        }
    return false;
}

struct str redaction_profile_name(enum redaction_profile p)
{
    return str_c(profile_names[p]);
}

struct redactor *redactor_new(enum redaction_profile profile, const unsigned char key[REDACTION_KEY_BYTES],
                              struct arena *arena)
{
    struct redactor *r = ARENA_NEW(arena, struct redactor);
    r->arena = arena;
    r->profile = profile;
    memcpy(r->key, key, sizeof r->key);
    return r;
}

void redactor_know(struct redactor *r, enum redact_kind kind, struct str value)
{
    struct str lower = arena_lower(r->arena, str_trim(value));
    struct known_value **at = &r->known;
    if (lower.n < 2)
        return;
    for (; *at != NULL && (*at)->lower.n >= lower.n; at = &(*at)->next)
        if (str_eq((*at)->lower, lower))
            return;
    struct known_value *k = ARENA_NEW(r->arena, struct known_value);
    *k = (struct known_value){*at, lower, kind};
    *at = k;
}

static void know_user(struct redactor *r, struct str user)
{
    size_t slash = str_find_last_char(user, '\\'), at = str_find_char(user, '@', 0);
    redactor_know(r, REDACT_USER, user);
    if (slash != STR_NOT_FOUND)
        redactor_know(r, REDACT_USER, str_skip(user, slash + 1));
    if (at != STR_NOT_FOUND)
        redactor_know(r, REDACT_USER, str_slice(user, 0, at));
}

static void know_host(struct redactor *r, struct str name)
{
    struct ip ip;
    size_t dot = str_find_char(name, '.', 0);
    redactor_know(r, ip_parse(name, &ip) ? REDACT_IP : REDACT_HOST, name);
    if (!ip_parse(name, &ip) && dot != STR_NOT_FOUND)
        redactor_know(r, REDACT_HOST, str_slice(name, 0, dot));
}

void redactor_know_incident(struct redactor *r, const struct incident *incident)
{
    struct str rest = incident->hosts, part;
    while (str_split(&rest, ';', &part)) { /* "name (ip)" */
        size_t open = str_find(part, STR(" ("), 0);
        know_host(r, str_slice(part, 0, open == STR_NOT_FOUND ? part.n : open));
        if (open != STR_NOT_FOUND)
            redactor_know(r, REDACT_IP, str_trim_chars(str_skip(part, open + 2), ")"));
    }
    know_user(r, incident->user);
    redactor_know(r, REDACT_DEPARTMENT, incident->department);
    for (uint32_t i = 0; i < incident->finding_count; i++) {
        const struct incident_finding *f = &incident->findings[i];
        if (!f->is_outside) { /* addresses of others are what the reader needs */
            know_host(r, f->host_name);
            redactor_know(r, REDACT_IP, f->host_ip);
        }
        know_user(r, f->user);
        redactor_know(r, REDACT_DEPARTMENT, f->department);
    }
}

/* ---------------------------------------------------------------- pseudonyms */

static void code_of(const struct redactor *r, const char *kind, struct str value, unsigned char *out)
{
    struct str lower = arena_lower(r->arena, value);
    struct str message = arena_printf(r->arena, "%s:%.*s", kind, STR_ARGS(lower));
    hmac_sha256(str_n((const char *)r->key, sizeof r->key), message, out);
}

static struct str named(const struct redactor *r, const char *kind, struct str value)
{
    unsigned char code[SHA256_BYTES];
    code_of(r, kind, value, code);
    return arena_printf(r->arena, "%s-%02x%02x%02x%02x", kind, code[0], code[1], code[2], code[3]);
}

static struct str address(const struct redactor *r, const struct ip *ip)
{
    static const unsigned char documentation[] = {0x20, 0x01, 0x0d, 0xb8};
    unsigned char code[SHA256_BYTES];
    char text[IP_TEXT_MAX];
    struct ip out = *ip;
    code_of(r, "ip", str_n((const char *)ip->bytes, sizeof ip->bytes), code);
    if (ip_is_v4(ip)) {
        memcpy(out.bytes + 12, code, 4);
        out.bytes[12] = (uint8_t)(0xf0 | (code[0] & 0x0f));
        out.bytes[15] = code[3] == 255 ? 254 : code[3]; /* 255.255.255.255 means everybody */
    } else {
        memcpy(out.bytes, code, sizeof out.bytes);
        memcpy(out.bytes, documentation, sizeof documentation);
    }
    return arena_str(r->arena, str_n(text, ip_format(&out, text)));
}

static struct str mail(const struct redactor *r, struct str value)
{
    return arena_concat(r->arena, named(r, "user", str_slice(value, 0, str_find_char(value, '@', 0))),
                        STR("@redacted.invalid"));
}

static bool is_known(const struct redactor *r, struct str value)
{
    for (const struct known_value *k = r->known; k != NULL; k = k->next)
        if (str_eq_nocase(k->lower, value))
            return true;
    return false;
}

static struct str pseudonym(struct redactor *r, enum redact_kind kind, struct str value)
{
    struct ip ip;
    size_t dot = str_find_char(value, '.', 0), slash = str_find_last_char(value, '\\');
    switch (kind) {
    case REDACT_IP:
        if (!ip_parse(value, &ip))
            return named(r, "host", value);
        return ip_is_private(&ip) || is_known(r, value) ? address(r, &ip) : value;
    case REDACT_HOST:
        if (ip_parse(value, &ip))
            return address(r, &ip);
        return named(r, "host", str_slice(value, 0, dot == STR_NOT_FOUND ? value.n : dot));
    case REDACT_USER:
        if (str_find_char(value, '@', 0) != STR_NOT_FOUND)
            return mail(r, value);
        return named(r, "user", slash == STR_NOT_FOUND ? value : str_skip(value, slash + 1));
    case REDACT_DEPARTMENT:
        return r->profile == REDACT_ANONYMOUS ? named(r, "dept", value) : value;
    }
    BUG("unknown kind of value");
}

struct str redact_value(struct redactor *r, enum redact_kind kind, struct str value)
{
    return r->profile == REDACT_NONE || value.n == 0 ? value : pseudonym(r, kind, value);
}

/* ---------------------------------------------------------------- free text */

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || ascii_is_digit(c) || c == '_' || c == '-';
}

static bool is_of_token(char c)
{
    return is_word(c) || c == '.' || c == '@' || c == ':' || c == '+' || c == '%';
}

/* An address or mail address that begins here: its length, 0 = none. */
static size_t token_at(struct redactor *r, struct str text, struct str *out)
{
    size_t n = 0;
    struct ip ip;
    while (n < text.n && is_of_token(text.p[n]))
        n++;
    struct str token = str_slice(text, 0, n);
    while (token.n && strchr(".:-%+@", token.p[token.n - 1]) != NULL)
        token.n--;
    size_t at = str_find_char(token, '@', 0), colon = str_find_last_char(token, ':');
    if (at != STR_NOT_FOUND && at > 0 && str_find_char(token, '.', at) != STR_NOT_FOUND) {
        *out = mail(r, token);
        return token.n;
    }
    if (!ip_parse(token, &ip) && colon != STR_NOT_FOUND)
        token.n = colon; /* with a port behind it */
    if (!ip_parse(token, &ip))
        return 0;
    *out = pseudonym(r, REDACT_IP, token);
    return token.n;
}

static size_t known_at(struct redactor *r, struct str text, bool is_inside_word, struct str *out)
{
    for (const struct known_value *k = r->known; k != NULL; k = k->next) {
        bool begins_word = is_word(k->lower.p[0]), ends_word = is_word(k->lower.p[k->lower.n - 1]);
        if (k->lower.n > text.n || !str_eq_nocase(str_slice(text, 0, k->lower.n), k->lower))
            continue;
        if ((begins_word && is_inside_word) ||
            (ends_word && k->lower.n < text.n && is_word(text.p[k->lower.n])))
            continue;
        *out = pseudonym(r, k->kind, str_slice(text, 0, k->lower.n));
        return k->lower.n;
    }
    return 0;
}

struct str redact_text(struct redactor *r, struct str text)
{
    struct buf out = {0};
    if (r->profile == REDACT_NONE)
        return text;
    for (size_t i = 0; i < text.n;) {
        struct str rest = str_skip(text, i), instead = STR_EMPTY;
        bool is_inside_word = i > 0 && is_word(text.p[i - 1]);
        size_t n = is_inside_word ? 0 : token_at(r, rest, &instead);
        if (n == 0)
            n = known_at(r, rest, is_inside_word, &instead);
        if (n == 0) {
            buf_char(&out, text.p[i++]);
            continue;
        }
        buf_add(&out, instead);
        i += n;
    }
    struct str done = arena_str(r->arena, buf_str(&out));
    buf_free(&out);
    return done;
}

/* Which format a feed has, told by its content; and the words that formats share.
 * Stage: detect, at import. Next: the readers, indicator_stix.c, indicator_misp.c, indicator_zeek.c,
 * indicator_csv.c, indicator_list.c. */
#include "detect/indicator_reader.h"

#include "base/log.h"
#include "detect/indicator_json.h"

/* ----------------------------------------------------------------- shared words */

#define WORD(text, type)                                                                                     \
    {                                                                                                        \
        {text, sizeof(text) - 1}, type                                                                       \
    }
static const struct {
    struct str word;
    enum indicator_type type;
} type_words[] = {
    WORD("ip", INDICATOR_ADDRESS),
    WORD("ipv4", INDICATOR_ADDRESS),
    WORD("ipv6", INDICATOR_ADDRESS),
    WORD("ip4", INDICATOR_ADDRESS),
    WORD("ip6", INDICATOR_ADDRESS),
    WORD("ipv4-addr", INDICATOR_ADDRESS),
    WORD("ipv6-addr", INDICATOR_ADDRESS),
    WORD("addr", INDICATOR_ADDRESS),
    WORD("address", INDICATOR_ADDRESS),
    WORD("ip-address", INDICATOR_ADDRESS),
    WORD("ip-src", INDICATOR_ADDRESS),
    WORD("ip-dst", INDICATOR_ADDRESS),
    WORD("ip-port", INDICATOR_ADDRESS),
    WORD("src-ip", INDICATOR_ADDRESS),
    WORD("dst-ip", INDICATOR_ADDRESS),
    WORD("cidr", INDICATOR_NETWORK),
    WORD("subnet", INDICATOR_NETWORK),
    WORD("network", INDICATOR_NETWORK),
    WORD("ipv4-cidr", INDICATOR_NETWORK),
    WORD("domain", INDICATOR_DOMAIN),
    WORD("domain-name", INDICATOR_DOMAIN),
    WORD("hostname", INDICATOR_DOMAIN),
    WORD("host", INDICATOR_DOMAIN),
    WORD("fqdn", INDICATOR_DOMAIN),
    WORD("dns", INDICATOR_DOMAIN),
    WORD("url", INDICATOR_URL),
    WORD("uri", INDICATOR_URL),
    WORD("link", INDICATOR_URL),
    WORD("hash", INDICATOR_HASH),
    WORD("file-hash", INDICATOR_HASH),
    WORD("filehash", INDICATOR_HASH),
    WORD("cert-hash", INDICATOR_HASH),
    WORD("md5", INDICATOR_HASH),
    WORD("md5-hash", INDICATOR_HASH),
    WORD("sha1", INDICATOR_HASH),
    WORD("sha-1", INDICATOR_HASH),
    WORD("sha1-hash", INDICATOR_HASH),
    WORD("sha256", INDICATOR_HASH),
    WORD("sha-256", INDICATOR_HASH),
    WORD("sha256-hash", INDICATOR_HASH),
    WORD("sha512", INDICATOR_HASH),
    WORD("sha-512", INDICATOR_HASH),
    WORD("filehash-md5", INDICATOR_HASH),
    WORD("filehash-sha1", INDICATOR_HASH),
    WORD("filehash-sha256", INDICATOR_HASH),
    WORD("x509-fingerprint-sha1", INDICATOR_HASH),
    WORD("x509-fingerprint-sha256", INDICATOR_HASH),
    WORD("x509-fingerprint-md5", INDICATOR_HASH),
    WORD("ja3-fingerprint-md5", INDICATOR_HASH),
    WORD("ja3", INDICATOR_HASH),
    WORD("email", INDICATOR_MAIL),
    WORD("email-addr", INDICATOR_MAIL),
    WORD("mail", INDICATOR_MAIL),
    WORD("email-address", INDICATOR_MAIL),
    WORD("email-src", INDICATOR_MAIL),
    WORD("email-dst", INDICATOR_MAIL),
    WORD("email-reply-to", INDICATOR_MAIL),
    WORD("user-agent", INDICATOR_AGENT),
    WORD("useragent", INDICATOR_AGENT),
    WORD("http-user-agent", INDICATOR_AGENT),
    WORD("filename", INDICATOR_FILE_NAME),
    WORD("file-name", INDICATOR_FILE_NAME),
    WORD("file", INDICATOR_FILE_NAME),
};

/* Case, '_', ':' and blanks make no difference: "FILE_HASH", "ip:port". */
bool indicator_type_of_word(struct str word, enum indicator_type *type)
{
    char plain[48];
    word = str_trim_chars(str_trim(word), "\"'");
    if (str_starts_nocase(word, STR("Intel::")))
        word = str_skip(word, 7);
    if (word.n == 0 || word.n > sizeof plain)
        return false;
    for (size_t i = 0; i < word.n; i++) {
        char c = ascii_lower(word.p[i]);
        plain[i] = c == '_' || c == ':' || c == ' ' ? '-' : c;
    }
    for (size_t i = 0; i < COUNT_OF(type_words); i++) {
        if (str_eq(str_n(plain, word.n), type_words[i].word)) {
            *type = type_words[i].type;
            return true;
        }
    }
    return false;
}

int64_t indicator_time(struct str text)
{
    int64_t time_ns;
    text = str_trim(text);
    if (str_ends(text, STR(" UTC")))
        text.n -= 4;
    static const struct time_context utc = {.reference_ns = 0};
    if (text.n == 0 || (!time_parse_iso(text, &utc, &time_ns) && !time_parse_epoch(text, &time_ns)))
        return TIME_UNKNOWN;
    return time_ns;
}

struct str indicator_tlp(struct str word)
{
    static const struct str known[] = {{"clear", 5}, {"white", 5},         {"green", 5},
                                       {"amber", 5}, {"amber+strict", 12}, {"red", 3}};
    word = str_trim_chars(str_trim(word), "\"'");
    if (str_starts_nocase(word, STR("tlp:")))
        word = str_skip(word, 4);
    for (size_t i = 0; i < COUNT_OF(known); i++)
        if (str_eq_nocase(word, known[i]))
            return known[i];
    return STR_EMPTY;
}

/* ------------------------------------------------------------------- recognising */

static bool begins_json(struct str text)
{
    struct json_walk w;
    return json_walk_begin(text, &w);
}

static struct str first_element(struct str text)
{
    struct json_walk w;
    struct str key, value;
    if (!json_walk_begin(text, &w) || w.is_object || !json_walk_next(&w, &key, &value))
        return STR_EMPTY;
    return value;
}

static bool has(struct str object, const char *key)
{
    return json_walk_find(object, key).n > 0;
}

static bool is_misp(struct str text)
{
    struct str first = first_element(text);
    return has(text, "Event") || has(text, "response") || has(text, "Attribute") || has(first, "Event") ||
           (has(first, "value") && has(first, "to_ids"));
}

/* A STIX object, a bundle, a TAXII envelope, or an array of objects. */
static bool is_stix(struct str text)
{
    struct str first = first_element(text);
    return has(text, "objects") || has(text, "type") || has(first, "type");
}

bool indicators_is_manifest(struct str text)
{
    struct json_walk w;
    struct str key, value;
    return json_walk_begin(text, &w) && w.is_object && json_walk_next(&w, &key, &value) && key.n == 36 &&
           key.p[8] == '-' && (has(value, "info") || has(value, "Orgc"));
}

static const struct {
    const char *name;
    bool is_json;
    bool (*is)(struct str text);
    bool (*read)(struct str text, struct indicator_builder *b, struct error *err);
} formats[] = {
    {"misp", true, is_misp, indicators_read_misp},
    {"stix", true, is_stix, indicators_read_stix},
    {"zeek", false, indicators_is_zeek, indicators_read_zeek},
    {"csv", false, indicators_is_csv, indicators_read_csv},
    {"list", false, NULL, indicators_read_list},
};

bool indicators_read(struct str text, const char *path, struct indicator_builder *b, struct error *err)
{
    if (str_starts(text, STR("\xef\xbb\xbf")))
        text = str_skip(text, 3);
    bool is_json = begins_json(text);
    for (size_t i = 0; i < COUNT_OF(formats); i++) {
        if (formats[i].is_json != is_json || (formats[i].is && !formats[i].is(text)))
            continue;
        indicator_builder_report(b)->format = formats[i].name;
        return formats[i].read(text, b, err) || error_prefix(err, "%s: ", path);
    }
    return error_set(
        err,
        tr("%s: this JSON is no STIX bundle, MISP event or TAXII answer; nothing was imported",
           "%s: STIX バンドル、MISP イベント、TAXII 応答のどれでもない JSON です。何も取り込みません"),
        path);
}

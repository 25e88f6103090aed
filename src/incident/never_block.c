/* What no countermeasure may touch (stage incident). */
#include "incident/never_block.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/yaml.h"

struct never_block {
    struct cidr *networks, *host_networks;
    struct str *names, *host_names;
    size_t network_count, host_network_count, name_count, host_name_count;
};

/* ------------------------------------------------------------------- reading */

static bool is_label_char(char ch)
{
    ch = ascii_lower(ch);
    return ascii_is_digit(ch) || (ch >= 'a' && ch <= 'z') || ch == '-' || ch == '_' || ch == '.';
}

static bool is_host_name(struct str s)
{
    bool is = s.n > 0 && s.n <= 253;
    for (size_t i = 0; i < s.n; i++)
        is &= is_label_char(s.p[i]);
    return is;
}

static const struct yaml *list_of(const struct yaml *top, const char *key, const char *path, bool *ok,
                                  struct error *err)
{
    const struct yaml *list = yaml_get(top, key);
    if (list != NULL && !yaml_is_null(list) && list->type != YAML_LIST)
        *ok = error_at(err, path, list->line, list->column, tr("'%s' is a list", "'%s' は列です"), key);
    return list != NULL && list->type == YAML_LIST ? list : NULL;
}

static bool read_networks(const struct yaml *list, struct never_block *out, const char *path,
                          struct arena *arena, struct error *err)
{
    out->networks = ARENA_ARRAY(arena, struct cidr, list ? list->count + 1 : 1);
    for (const struct yaml *at = list ? list->child : NULL; at != NULL; at = at->next)
        if (!cidr_parse(at->text, &out->networks[out->network_count++]))
            return error_at(err, path, at->line, at->column,
                            tr("'%.*s' is no network; write it as 192.0.2.0/24",
                               "「%.*s」はネットワークではありません。192.0.2.0/24 のように書いてください"),
                            STR_ARGS(at->text));
    return true;
}

static bool read_names(const struct yaml *list, struct never_block *out, const char *path,
                       struct arena *arena, struct error *err)
{
    out->names = ARENA_ARRAY(arena, struct str, list ? list->count + 1 : 1);
    for (const struct yaml *at = list ? list->child : NULL; at != NULL; at = at->next) {
        out->names[out->name_count++] = at->text;
        if (!is_host_name(at->text))
            return error_at(err, path, at->line, at->column,
                            tr("'%.*s' is no name", "「%.*s」は名前ではありません"), STR_ARGS(at->text));
    }
    return true;
}

/* A network or address, else a name. */
static bool read_hosts(const struct yaml *list, struct never_block *out, const char *path,
                       struct arena *arena, struct error *err)
{
    size_t count = list ? list->count + 1 : 1;
    out->host_networks = ARENA_ARRAY(arena, struct cidr, count);
    out->host_names = ARENA_ARRAY(arena, struct str, count);
    for (const struct yaml *at = list ? list->child : NULL; at != NULL; at = at->next) {
        if (cidr_parse(at->text, &out->host_networks[out->host_network_count])) {
            out->host_network_count++;
            continue;
        }
        out->host_names[out->host_name_count++] = at->text;
        if (!is_host_name(at->text))
            return error_at(err, path, at->line, at->column,
                            tr("'%.*s' is neither a host's name nor an address or network",
                               "「%.*s」は端末名でもアドレス・ネットワークでもありません"),
                            STR_ARGS(at->text));
    }
    return true;
}

static bool check_keys(const struct yaml *top, const char *path, struct error *err)
{
    static const char *const known[] = {"version", "networks", "names", "hosts"};
    for (const struct yaml *at = top->child; at != NULL; at = at->next) {
        bool is_known = false;
        for (size_t i = 0; i < COUNT_OF(known); i++)
            is_known |= str_eq(at->key, str_c(known[i]));
        if (!is_known)
            return error_at(err, path, at->key_line, at->key_column,
                            tr("'%.*s' is not known here", "「%.*s」はここでは使えません"),
                            STR_ARGS(at->key));
    }
    return true;
}

const struct never_block *never_block_load(const char *path, struct arena *arena, struct error *err)
{
    const struct yaml *top = yaml_load(path, arena, err);
    struct never_block *out = ARENA_NEW(arena, struct never_block);
    bool ok = top != NULL && check_keys(top, path, err);
    if (!ok)
        return NULL;
    const struct yaml *networks = list_of(top, "networks", path, &ok, err),
                      *names = list_of(top, "names", path, &ok, err),
                      *hosts = list_of(top, "hosts", path, &ok, err);
    ok = ok && read_networks(networks, out, path, arena, err) && read_names(names, out, path, arena, err) &&
         read_hosts(hosts, out, path, arena, err);
    return ok ? out : NULL;
}

/* -------------------------------------------------------------------- asking */

static bool overlaps(const struct cidr *a, const struct cidr *b)
{
    return cidr_contains(a, &b->ip) || cidr_contains(b, &a->ip);
}

/* "example.org" stands for itself and the names above it, ".example.org" also for all below. */
static bool protects(struct str entry, struct str name)
{
    if (entry.n && entry.p[0] == '.')
        return str_ends_nocase(name, entry) || str_eq_nocase(str_skip(entry, 1), name);
    return str_eq_nocase(entry, name) ||
           (entry.n > name.n && str_ends_nocase(entry, name) && entry.p[entry.n - name.n - 1] == '.');
}

bool never_block_has(const struct never_block *list, struct str name, const struct cidr *network)
{
    for (size_t i = 0; network != NULL && i < list->network_count; i++)
        if (overlaps(&list->networks[i], network))
            return true;
    for (size_t i = 0; network == NULL && i < list->name_count; i++)
        if (protects(list->names[i], name))
            return true;
    return false;
}

bool never_block_has_host(const struct never_block *list, struct str name, struct str ip)
{
    struct ip address;
    bool has_address = ip_parse(ip, &address) || ip_parse(name, &address);
    for (size_t i = 0; has_address && i < list->host_network_count; i++)
        if (cidr_contains(&list->host_networks[i], &address))
            return true;
    for (size_t i = 0; name.n && i < list->host_name_count; i++)
        if (str_eq_nocase(ip_host_label(list->host_names[i]), ip_host_label(name)) ||
            (list->host_names[i].p[0] == '.' && str_ends_nocase(name, list->host_names[i])))
            return true;
    return false;
}

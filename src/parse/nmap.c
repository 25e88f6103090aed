/* Reads `nmap -oX` (stage parse). The document is cut at its <host> and <port> elements, and each piece is
 * flattened by xml.c: a scan of thousands of hosts needs the memory of one. In attributes "<" is written
 * "&lt;", so the cuts cannot be forged by a banner. Next: ports.c. */
#include "parse/nmap.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/memory.h"
#include "parse/xml.h"

struct reader {
    struct named_list *list;
    struct arena arena;
    struct nmap_port *ports;
    size_t port_count, port_capacity;
};

/* Where the next "<name" stands that is the whole name, or STR_NOT_FOUND. */
static size_t find_element(struct str text, struct str open, size_t from)
{
    for (;;) {
        size_t at = str_find(text, open, from);
        if (at == STR_NOT_FOUND)
            return at;
        char next = at + open.n < text.n ? text.p[at + open.n] : 0;
        if (ascii_is_space(next) || next == '>' || next == '/')
            return at;
        from = at + open.n;
    }
}

/* The '>' that ends the tag at `at`; one within quotes does not. */
static size_t find_tag_end(struct str text, size_t at)
{
    char quote = 0;
    for (; at < text.n; at++) {
        char c = text.p[at];
        if (quote == 0 && c == '>')
            return at;
        if (c == '"' || c == '\'')
            quote = quote == 0 ? c : quote == c ? 0 : quote;
    }
    return STR_NOT_FOUND;
}

/* The start tag alone, made a whole element; its attributes go into the list. */
static bool read_tag(struct reader *r, struct str text, struct str open, size_t *at)
{
    *at = find_element(text, open, *at);
    if (*at == STR_NOT_FOUND)
        return false;
    size_t end = find_tag_end(text, *at);
    if (end == STR_NOT_FOUND)
        return false;
    struct str tag = str_slice(text, *at, text.p[end - 1] == '/' ? end - 1 : end);
    named_clear(r->list);
    *at = end;
    if (!xml_parse(arena_printf(&r->arena, "%.*s/>", STR_ARGS(tag)), r->list, &r->arena))
        named_clear(r->list); /* no attributes, or none that can be read */
    return true;
}

static int64_t number(const struct named_list *list, const char *name)
{
    int64_t value;
    return str_to_i64(named_get(list, name), &value) && value > 0 ? value : 0;
}

static struct str text_of(const struct named_list *list, const char *name)
{
    struct str text = named_get(list, name);
    return text.p ? text : STR_EMPTY;
}

/* ------------------------------------------------------------------ coverage */

/* "tcp:1-1000;udp:53" of all <scaninfo>. */
static void read_coverage(struct reader *r, struct str head, struct nmap_run *run)
{
    struct buf all = {0};
    for (size_t at = 0; read_tag(r, head, STR("<scaninfo"), &at);) {
        if (all.n)
            buf_char(&all, ';');
        buf_add(&all, text_of(r->list, "protocol"));
        buf_char(&all, ':');
        buf_add(&all, text_of(r->list, "services"));
    }
    if (all.n < sizeof run->coverage)
        snprintf(run->coverage, sizeof run->coverage, "%.*s", (int)all.n, all.n ? all.p : "");
    else
        snprintf(run->coverage, sizeof run->coverage, "%.40s…%016llx", all.p,
                 (unsigned long long)str_hash(buf_str(&all)));
    buf_free(&all);
}

/* -------------------------------------------------------------------- hosts */

static void add_port(struct reader *r, struct str text, struct nmap_run *run)
{
    named_clear(r->list);
    if (!xml_parse(text, r->list, &r->arena)) {
        run->refused++;
        return;
    }
    int64_t port = number(r->list, "portid");
    if (!str_eq(text_of(r->list, "state.state"), STR("open")))
        return;
    if (port <= 0 || port > 65535 || r->port_count == NMAP_MAX_PORTS) {
        run->refused++;
        return;
    }
    if (r->port_count == r->port_capacity) {
        r->port_capacity = r->port_capacity ? r->port_capacity * 2 : 64;
        r->ports = memory_resize_array(r->ports, r->port_capacity, sizeof *r->ports);
    }
    struct str product = text_of(r->list, "service.product"), version = text_of(r->list, "service.version");
    r->ports[r->port_count++] = (struct nmap_port){
        .number = (uint16_t)port,
        .protocol = arena_lower(&r->arena, text_of(r->list, "protocol")),
        .service = arena_lower(&r->arena, text_of(r->list, "service.name")),
        .banner =
            version.n ? arena_printf(&r->arena, "%.*s %.*s", STR_ARGS(product), STR_ARGS(version)) : product,
    };
}

static void read_ports(struct reader *r, struct str text, struct nmap_run *run)
{
    for (size_t at = 0; (at = find_element(text, STR("<port"), at)) != STR_NOT_FOUND;) {
        size_t end = str_find(text, STR("</port>"), at);
        if (end == STR_NOT_FOUND)
            return;
        end += STR("</port>").n;
        add_port(r, str_slice(text, at, end), run);
        at = end;
    }
}

/* The first address that is an IP address; a MAC address names nobody here. */
static struct str read_address(struct reader *r, struct str text)
{
    for (size_t at = 0; read_tag(r, text, STR("<address"), &at);)
        if (!str_eq(text_of(r->list, "addrtype"), STR("mac")))
            return text_of(r->list, "addr");
    return STR_EMPTY;
}

static void read_host(struct reader *r, struct str text, struct nmap_host *host, struct nmap_run *run)
{
    size_t at = 0;
    *host = (struct nmap_host){.address = read_address(r, text)};
    if (read_tag(r, text, STR("<host"), &at))
        host->end_s = number(r->list, "endtime");
    if (at = 0, read_tag(r, text, STR("<status"), &at)) {
        host->is_up = str_eq(text_of(r->list, "state"), STR("up"));
        host->reason = text_of(r->list, "reason");
    }
    if (at = 0, read_tag(r, text, STR("<hostname"), &at))
        host->name = text_of(r->list, "name");
    r->port_count = 0;
    read_ports(r, text, run);
    host->ports = r->ports;
    host->port_count = r->port_count;
}

static bool read_hosts(struct reader *r, struct str text, struct nmap_run *run,
                       bool (*take)(void *, const struct nmap_run *, const struct nmap_host *), void *context)
{
    struct nmap_host host;
    for (size_t at = 0; (at = find_element(text, STR("<host"), at)) != STR_NOT_FOUND;) {
        size_t end = str_find(text, STR("</host>"), at);
        if (end == STR_NOT_FOUND || run->hosts == NMAP_MAX_HOSTS) {
            run->is_broken_off = true;
            return true;
        }
        end += STR("</host>").n;
        arena_reset(&r->arena);
        read_host(r, str_slice(text, at, end), &host, run);
        at = end;
        if (host.address.n == 0) {
            run->refused++;
            continue;
        }
        run->hosts++;
        run->open += host.port_count;
        if (!take(context, run, &host))
            return false;
    }
    return true;
}

bool nmap_read(struct str text, const char *path,
               bool (*take)(void *context, const struct nmap_run *run, const struct nmap_host *host),
               void *context, struct nmap_run *run, struct error *err)
{
    size_t at = 0;
    struct reader r = {.list = NEW(struct named_list)};
    *run = (struct nmap_run){0};
    arena_init(&r.arena, 16 << 10);
    bool ok = read_tag(&r, str_slice(text, 0, text.n < 65536 ? text.n : 65536), STR("<nmaprun"), &at);
    if (!ok) {
        error_set(err,
                  tr("%s: this is not a result of nmap; write it with 'nmap -oX FILE'",
                     "%s: nmap の結果ではありません。'nmap -oX FILE' で出力してください"),
                  path);
    } else {
        run->start_s = number(r.list, "start");
        size_t first = find_element(text, STR("<host"), 0);
        read_coverage(&r, str_slice(text, 0, first == STR_NOT_FOUND ? text.n : first), run);
        ok = read_hosts(&r, text, run, take, context);
        run->is_broken_off |= str_find(text, STR("</nmaprun>"), 0) == STR_NOT_FOUND;
    }
    memory_free(r.ports);
    arena_free(&r.arena);
    memory_free(r.list);
    return ok;
}

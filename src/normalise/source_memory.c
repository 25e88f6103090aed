/* Header lines of tables and the parser that fitted last, per source. Stage: normalise. Which headers hold
 * for a record is said by the record (struct known_tables), so that workers need not run in order: whoever
 * hands the batches to them has learned the headers in the order of the journal. Next: emit.c. */
#include "normalise/source_memory.h"

struct table_list *table_list_new(void)
{
    return NEW(struct table_list);
}

void table_list_free(struct table_list *list)
{
    if (!list)
        return;
    for (uint32_t i = 0; i < list->count; i++)
        memory_free(list->headers[i]);
    memory_free(list);
}

struct source_memory *source_memory_new(bool learns_tables)
{
    struct source_memory *m = NEW(struct source_memory);
    if (learns_tables)
        m->tables = table_list_new();
    return m;
}

void source_memory_free(struct source_memory *m)
{
    if (!m)
        return;
    table_list_free(m->tables);
    memory_free(m);
}

struct kept_header *table_last(const struct known_tables *k)
{
    return k->count ? k->list->headers[k->last] : NULL;
}

static uint16_t find_number(const struct normaliser *n, struct str name)
{
    for (uint32_t i = 0; i < n->parser_count; i++)
        if (str_eq(n->parsers[i]->name, name))
            return n->parsers[i]->number;
    return 0;
}

/* The number is looked up once for each normaliser. */
const struct parser *table_parser(const struct normaliser *n, struct kept_header *h)
{
    uint64_t number = atomic_load_explicit(&h->number, memory_order_relaxed);
    if (number >> 16 != (n->generation & (UINT64_MAX >> 16))) {
        number = n->generation << 16 | find_number(n, h->parser);
        atomic_store_explicit(&h->number, number, memory_order_relaxed);
    }
    uint16_t at = (uint16_t)number;
    const struct parser *p = at ? n->parsers[at - 1] : NULL;
    return p && p->shape && p->shape->has_header ? p : NULL;
}

static bool same_header(const struct column_header *a, const struct column_header *b)
{
    if (a->count != b->count || a->separator != b->separator || !str_eq(a->path, b->path) ||
        !str_eq(a->software, b->software) || a->has_kinds != b->has_kinds)
        return false;
    if (a->has_kinds && memcmp(a->kinds, b->kinds, a->count) != 0)
        return false;
    for (uint16_t i = 0; i < a->count; i++)
        if (!str_eq(a->names[i], b->names[i]))
            return false;
    return true;
}

const struct kept_header *table_find(const struct known_tables *k, const struct normaliser *n,
                                     const struct parser *p, const struct str *columns, uint32_t count)
{
    const struct kept_header *last = table_last(k), *best = NULL, *untyped = NULL;
    uint32_t best_fit = 0;
    bool has_typed = false;
    for (uint32_t i = k->count; i-- > 0;) {
        struct kept_header *h = k->list->headers[i];
        if (h->header.count != count || table_parser(n, h) != p)
            continue;
        if (!h->header.has_kinds) {
            untyped = h == last || !untyped ? h : untyped;
            continue;
        }
        has_typed = true;
        uint32_t fit = column_header_fit(&h->header, columns, count);
        if (fit > best_fit || (fit && fit == best_fit && h == last)) {
            best = h;
            best_fit = fit;
        }
    }
    return has_typed ? best : untyped;
}

static struct kept_header *keep_header(struct str parser, const struct column_header *header)
{
    struct kept_header *h = memory_alloc(sizeof *h + parser.n);
    char *name = (char *)(h + 1);
    if (parser.n)
        memcpy(name, parser.p, parser.n);
    h->parser = str_n(name, parser.n);
    atomic_init(&h->number, 0);
    column_header_copy(header, &h->header);
    return h;
}

/* Log rotation repeats the same headers for years: what is known already costs nothing. */
void table_learn(struct table_list *list, struct known_tables *k, struct str parser,
                 const struct column_header *header)
{
    uint32_t at = 0;
    while (at < k->count &&
           !(str_eq(list->headers[at]->parser, parser) && same_header(&list->headers[at]->header, header)))
        at++;
    if (at == KEPT_HEADERS_MAX)
        return;
    if (at == k->count) {
        BUG_IF(list->count != k->count); /* only the newest state learns */
        list->headers[list->count++] = keep_header(parser, header);
    }
    *k = (struct known_tables){list, (uint16_t)list->count, (uint16_t)at};
}

/* Learning in the order of the journal -------- */

/* A line that may tell something, behind whatever envelope: the words of column_header_line(). */
bool table_may_begin(struct str raw)
{
    static const struct str words[] = {{"#fields", 7}, {"#separator ", 11}, {"#types", 6},
                                       {"#path", 5},   {"#Fields:", 8},     {"#Software:", 10}};
    for (size_t at = str_find_char(raw, '#', 0); at != STR_NOT_FOUND; at = str_find_char(raw, '#', at + 1)) {
        struct str rest = str_skip(raw, at);
        for (size_t i = 0; i < COUNT_OF(words); i++)
            if (str_starts_nocase(rest, words[i]))
                return true;
    }
    return false;
}

void table_list_take(const struct normaliser *n, struct normaliser_scratch *s, struct table_list *list,
                     struct known_tables *known, const struct record *record, const struct source *source,
                     struct arena *arena)
{
    struct source_memory memory = {.tables = list, .known = *known};
    struct record alone = *record;
    struct event e;
    alone.tables = (struct known_tables){0};
    normalise_record(n, s, &memory, &alone, source, arena, &e);
    *known = memory.known;
}

/* Keeping them over a restart -------- */

static void put_text(struct buf *out, struct str text)
{
    uint16_t n = (uint16_t)text.n; /* all of a header is shorter than COLUMN_HEADER_BYTES */
    buf_bytes(out, &n, sizeof n);
    buf_add(out, text);
}

static bool get_text(struct str *rest, struct str *text)
{
    uint16_t n;
    if (rest->n < sizeof n)
        return false;
    memcpy(&n, rest->p, sizeof n);
    if (rest->n - sizeof n < n)
        return false;
    *text = str_slice(*rest, sizeof n, sizeof n + n);
    *rest = str_skip(*rest, sizeof n + n);
    return true;
}

void table_list_write(const struct table_list *list, uint32_t at, struct buf *out)
{
    const struct kept_header *kept = list->headers[at];
    const struct column_header *h = &kept->header;
    put_text(out, kept->parser);
    put_text(out, str_n(&h->separator, 1));
    put_text(out, h->path);
    put_text(out, h->software);
    put_text(out, str_n(h->kinds, h->has_kinds ? h->count : 0));
    for (uint16_t i = 0; i < h->count; i++)
        put_text(out, h->names[i]);
}

static bool put_name(struct column_header *h, struct str text, struct str *name)
{
    if (text.n > sizeof h->bytes - h->used)
        return false;
    if (text.n)
        memcpy(h->bytes + h->used, text.p, text.n);
    *name = str_n(h->bytes + h->used, text.n);
    h->used += (uint32_t)text.n;
    return true;
}

static bool read_header(struct str rest, struct column_header *h)
{
    struct str separator, path, software, kinds, name;
    if (!get_text(&rest, &separator) || separator.n != 1 || !get_text(&rest, &path) ||
        !get_text(&rest, &software) || !get_text(&rest, &kinds))
        return false;
    h->separator = separator.p[0];
    if (!put_name(h, path, &h->path) || !put_name(h, software, &h->software))
        return false;
    while (rest.n)
        if (h->count == COLUMN_HEADER_MAX || !get_text(&rest, &name) ||
            !put_name(h, name, &h->names[h->count++]))
            return false;
    h->has_kinds = kinds.n > 0;
    if (h->has_kinds && kinds.n == h->count)
        memcpy(h->kinds, kinds.p, kinds.n);
    return !h->has_kinds || kinds.n == h->count;
}

bool table_list_read(struct table_list *list, struct str bytes)
{
    struct str parser;
    if (list->count == KEPT_HEADERS_MAX || !get_text(&bytes, &parser))
        return false;
    struct column_header *h = NEW(struct column_header);
    bool ok = read_header(bytes, h);
    if (ok)
        list->headers[list->count++] = keep_header(parser, h);
    memory_free(h);
    return ok;
}

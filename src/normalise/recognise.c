/* Which parsers may fit a record. Stage: normalise. Reads the envelope and the text, leaves candidates, best
 * first. The cost does not grow with the number of parsers: a program name is one look-up; otherwise one pass
 * over the text finds all literals that any parser asks for, and each literal brings up only those that chose
 * it as their trigger. Next: run.c. */
#include <stdatomic.h>
#include <stdlib.h>

#include "normalise/compile.h"
#include "normalise/literal_scanner.h"
#include "normalise/run.h"
#include "normalise/source_memory.h"

#define SCAN_MAX        16384 /* bytes of a record that are looked at */
#define LONG_TEXT       512   /* of a quoted text within a longer record, so many */
#define OPENS_WITHIN    512   /* JSON behind a syslog header */
#define STICKY_PRIORITY 50

/* Compiling -------- */

static bool compile_literals(struct compile *c, const struct yaml *map, const char *key, struct literals *out)
{
    const struct yaml *node = yaml_get(map, key);
    if (!node)
        return true;
    if (!compile_texts(c, node, &out->texts, &out->count))
        return false;
    for (uint32_t i = 0; i < out->count; i++)
        if (!out->texts[i].n)
            return compile_mistake(c, node, "an empty text recognises nothing");
    out->numbers = ARENA_ARRAY(c->arena, uint32_t, out->count + 1);
    return true;
}

static size_t shortest(const struct literals *l)
{
    size_t n = l->count ? SIZE_MAX : 0;
    for (uint32_t i = 0; i < l->count; i++)
        n = l->texts[i].n < n ? l->texts[i].n : n;
    return n;
}

static bool compile_recogniser(struct compile *c, const struct yaml *node, struct recogniser *r)
{
    static const char *const keys[] = {"app", "starts", "contains", "any", "none", "regex", "priority", NULL};
    if (node->type != YAML_MAP || !compile_known_keys(c, node, keys))
        return compile_mistake(c, node,
                               "\"recognise\" is a map (or a list of maps) of app, starts, contains, any, "
                               "none, regex, priority");
    r->parser = c->p;
    r->priority = (int16_t)yaml_int(node, "priority", 50);
    if (!compile_literals(c, node, "app", &r->apps) || !compile_literals(c, node, "starts", &r->starts) ||
        !compile_literals(c, node, "contains", &r->all) || !compile_literals(c, node, "any", &r->any) ||
        !compile_literals(c, node, "none", &r->none))
        return false;
    const struct yaml *regex = yaml_get(node, "regex");
    if (regex && !(r->regex = compile_regex(c, regex->text, 0, regex)))
        return false;
    r->weight =
        (uint32_t)(shortest(&r->starts) + shortest(&r->any) + (r->apps.count ? 8 : 0) + (r->regex ? 4 : 0));
    for (uint32_t i = 0; i < r->all.count; i++)
        r->weight += (uint32_t)r->all.texts[i].n;
    return r->weight > 0 ||
           compile_mistake(c, node, "nothing is given by which the parser could be recognised");
}

bool recognise_compile(struct compile *c, const struct yaml *node)
{
    size_t count = node->type == YAML_LIST ? node->count : 1;
    c->p->recognisers = ARENA_ARRAY(c->arena, struct recogniser *, count + 1);
    for (const struct yaml *e = node->type == YAML_LIST ? node->child : node; e;
         e = node->type == YAML_LIST ? e->next : NULL) {
        struct recogniser *r = ARENA_NEW(c->arena, struct recogniser);
        if (!compile_recogniser(c, e, r))
            return false;
        c->p->recognisers[c->p->recogniser_count++] = r;
    }
    return true;
}

static void add_candidate(struct candidates *list, struct recogniser *r, struct arena *arena)
{
    if (list->count && list->items[list->count - 1] == r)
        return;
    if (list->count == list->capacity) {
        uint32_t capacity = list->capacity ? list->capacity * 2 : 2;
        struct recogniser **grown = ARENA_ARRAY(arena, struct recogniser *, capacity);
        if (list->count)
            memcpy(grown, list->items, list->count * sizeof *grown);
        list->items = grown;
        list->capacity = capacity;
    }
    list->items[list->count++] = r;
}

static void number_literals(struct normaliser *n, struct literals *l)
{
    for (uint32_t i = 0; i < l->count; i++)
        l->numbers[i] = literal_scanner_add(n->scanner, l->texts[i]);
}

/* The literals that bring this recogniser up: the longest of `contains`, else each of `starts`, else each of
 * `any`. */
static void trigger(struct normaliser *n, struct recogniser *r)
{
    if (r->all.count) {
        uint32_t best = 0;
        for (uint32_t i = 1; i < r->all.count; i++)
            if (r->all.texts[i].n > r->all.texts[best].n)
                best = i;
        add_candidate(&n->by_literal[r->all.numbers[best]], r, &n->arena);
        return;
    }
    const struct literals *l = r->starts.count ? &r->starts : &r->any;
    for (uint32_t i = 0; i < l->count; i++)
        add_candidate(&n->by_literal[l->numbers[i]], r, &n->arena);
    if (!l->count)
        add_candidate(n->last_resort, r, &n->arena);
}

static void index_app(struct normaliser *n, struct recogniser *r)
{
    for (uint32_t i = 0; i < r->apps.count; i++) {
        uintptr_t *place = map_put(&n->by_app, arena_lower(&n->arena, r->apps.texts[i]), NULL);
        if (!*place)
            *place = (uintptr_t)ARENA_NEW(&n->arena, struct candidates);
        add_candidate((struct candidates *)*place, r, &n->arena);
    }
}

static void collect(struct normaliser *n)
{
    for (uint32_t p = 0; p < n->parser_count; p++)
        for (uint32_t i = 0; i < n->parsers[p]->recogniser_count; i++) {
            struct recogniser *r = n->parsers[p]->recognisers[i];
            n->recognisers =
                memory_resize_array(n->recognisers, n->recogniser_count + 1, sizeof(struct recogniser *));
            r->index = n->recogniser_count;
            n->recognisers[n->recogniser_count++] = r;
        }
}

void recognise_build(struct normaliser *n)
{
    n->scanner = literal_scanner_new();
    n->last_resort = ARENA_NEW(&n->arena, struct candidates);
    collect(n);
    for (uint32_t i = 0; i < n->recogniser_count; i++) {
        struct recogniser *r = n->recognisers[i];
        number_literals(n, &r->starts);
        number_literals(n, &r->all);
        number_literals(n, &r->any);
        number_literals(n, &r->none);
    }
    literal_scanner_build(n->scanner);
    n->by_literal = ARENA_ARRAY(&n->arena, struct candidates, literal_scanner_count(n->scanner) + 1);
    for (uint32_t i = 0; i < n->recogniser_count; i++)
        if (n->recognisers[i]->apps.count)
            index_app(n, n->recognisers[i]);
        else
            trigger(n, n->recognisers[i]);
}

void recognise_free(struct normaliser *n)
{
    literal_scanner_free(n->scanner);
    map_free(&n->by_app);
    memory_free(n->recognisers);
}

/* Recognising -------- */

static bool starts_somewhere(const struct recogniser *r, const struct syslog *y)
{
    for (uint32_t i = 0; i < r->starts.count; i++)
        if (str_starts(y->message, r->starts.texts[i]) || str_starts(y->after_priority, r->starts.texts[i]) ||
            str_starts(y->after_host, r->starts.texts[i]))
            return true;
    return r->starts.count == 0;
}

static bool contains_all(const struct literals *l, struct str text)
{
    for (uint32_t i = 0; i < l->count; i++)
        if (!str_contains(text, l->texts[i]))
            return false;
    return true;
}

static bool contains_any(const struct literals *l, struct str text)
{
    for (uint32_t i = 0; i < l->count; i++)
        if (str_contains(text, l->texts[i]))
            return true;
    return false;
}

static bool is_seen(const struct normaliser_scratch *s, uint32_t number)
{
    return s->seen[number / 64] >> (number % 64) & 1;
}

/* The literals were scanned: look at the bits. */
static bool literals_hold(const struct recogniser *r, const struct normaliser_scratch *s)
{
    for (uint32_t i = 0; i < r->all.count; i++)
        if (!is_seen(s, r->all.numbers[i]))
            return false;
    for (uint32_t i = 0; i < r->none.count; i++)
        if (is_seen(s, r->none.numbers[i]))
            return false;
    for (uint32_t i = 0; i < r->any.count; i++)
        if (is_seen(s, r->any.numbers[i]))
            return true;
    return r->any.count == 0;
}

static bool rest_holds(const struct recogniser *r, struct normaliser_scratch *s, const struct syslog *y)
{
    if (!starts_somewhere(r, y))
        return false;
    if (!r->regex)
        return true;
    struct str text = r->parser->envelope == ENVELOPE_NONE ? y->after_priority : y->message;
    return regex_match(r->regex, s->regex, str_slice(text, 0, SCAN_MAX), NULL, 0) == REGEX_YES;
}

/* Without a scan: looks for each literal. */
static bool holds(const struct recogniser *r, struct normaliser_scratch *s, const struct syslog *y,
                  struct str raw)
{
    return contains_all(&r->all, raw) && (!r->any.count || contains_any(&r->any, raw)) &&
           !contains_any(&r->none, raw) && rest_holds(r, s, y);
}

/* The quote that ends the text, or the end of the record. */
static size_t end_of_text(struct str raw, size_t at)
{
    for (;; at++) {
        at = str_find_char(raw, '"', at);
        if (at == STR_NOT_FOUND)
            return raw.n;
        size_t escapes = 0;
        while (raw.p[at - 1 - escapes] == '\\')
            escapes++;
        if (escapes % 2 == 0)
            return at;
    }
}

/* What tells a parser may stand behind a text of any length: a script block comes before the number of its
 * event. So of long JSON the names and the beginnings of the texts are looked at. */
static struct str abridge(struct buf *out, struct str raw)
{
    buf_clear(out);
    for (size_t at = 0; at < raw.n && out->n < SCAN_MAX;) {
        size_t quote = str_find_char(raw, '"', at);
        size_t begin = quote == STR_NOT_FOUND ? raw.n : quote + 1;
        buf_add(out, str_slice(raw, at, begin < at + SCAN_MAX ? begin : at + SCAN_MAX));
        if (begin == raw.n)
            break;
        size_t end = end_of_text(raw, begin);
        buf_add(out, str_slice(raw, begin, end < begin + LONG_TEXT ? end : begin + LONG_TEXT));
        if (end < raw.n)
            buf_char(out, '"');
        at = end + 1;
    }
    return str_slice(buf_str(out), 0, SCAN_MAX);
}

static struct str looked_at(struct normaliser_scratch *s, struct str raw)
{
    if (raw.n <= SCAN_MAX)
        return raw;
    if (str_find_char(str_slice(raw, 0, OPENS_WITHIN), '{', 0) == STR_NOT_FOUND)
        return str_slice(raw, 0, SCAN_MAX);
    return abridge(&s->abridged, raw);
}

static void propose(struct normaliser_scratch *s, uint32_t first, const struct recogniser *r)
{
    for (uint32_t i = 0; i < s->tried_count; i++)
        if (s->tried[i]->parser == r->parser)
            return;
    if (s->tried_count == TRIED_MAX)
        return;
    uint32_t at = s->tried_count++;
    while (at > first &&
           (s->tried[at - 1]->priority < r->priority ||
            (s->tried[at - 1]->priority == r->priority && s->tried[at - 1]->weight < r->weight))) {
        s->tried[at] = s->tried[at - 1];
        at--;
    }
    s->tried[at] = r;
}

static struct str lower_app(struct str app, char *room, size_t size)
{
    size_t n = app.n < size ? app.n : size;
    for (size_t i = 0; i < n; i++)
        room[i] = ascii_lower(app.p[i]);
    return str_n(room, n);
}

static void propose_app(const struct normaliser *n, struct normaliser_scratch *s, struct str app,
                        const struct syslog *y, struct str raw)
{
    const struct candidates *list = app.n ? map_get_pointer(&n->by_app, app) : NULL;
    for (uint32_t i = 0; list && i < list->count; i++)
        if (holds(list->items[i], s, y, raw))
            propose(s, 0, list->items[i]);
}

void recognise_by_app(const struct normaliser *n, struct normaliser_scratch *s, const struct syslog *y,
                      struct str raw)
{
    char room[128];
    if (!y->app.n)
        return;
    struct str app = lower_app(y->app, room, sizeof room);
    propose_app(n, s, app, y, raw);
    size_t slash = str_find_char(app, '/', 0);
    if (slash == STR_NOT_FOUND || s->tried_count)
        return;
    propose_app(n, s, str_slice(app, 0, slash), y, raw);                        /* postfix/smtpd */
    propose_app(n, s, str_skip(app, str_find_last_char(app, '/') + 1), y, raw); /* /usr/sbin/sshd */
}

void recognise_by_content(const struct normaliser *n, struct normaliser_scratch *s, const struct syslog *y,
                          struct str raw)
{
    uint32_t first = s->tried_count;
    s->hit_count = literal_scanner_scan(n->scanner, looked_at(s, raw), s->seen, s->hits);
    for (uint32_t h = 0; h < s->hit_count; h++) {
        const struct candidates *list = &n->by_literal[s->hits[h]];
        for (uint32_t i = 0; i < list->count; i++)
            if (literals_hold(list->items[i], s) && rest_holds(list->items[i], s, y))
                propose(s, first, list->items[i]);
    }
    for (uint32_t h = 0; h < s->hit_count; h++)
        s->seen[s->hits[h] / 64] = 0;
    for (uint32_t i = 0; i < n->last_resort->count; i++)
        if (rest_holds(n->last_resort->items[i], s, y))
            propose(s, first, n->last_resort->items[i]);
}

/* Those of several parsers with one name that fit. */
void recognise_by_name(struct normaliser_scratch *s, const struct named_parsers *named,
                       const struct syslog *y, struct str raw)
{
    for (uint32_t p = 0; p < named->count; p++)
        for (uint32_t i = 0; i < named->items[p]->recogniser_count; i++) {
            const struct recogniser *r = named->items[p]->recognisers[i];
            char room[128];
            struct str app = lower_app(y->app, room, sizeof room);
            bool app_fits = r->apps.count == 0;
            for (uint32_t a = 0; a < r->apps.count; a++)
                app_fits = app_fits || str_eq_nocase(r->apps.texts[a], app);
            if (app_fits && holds(r, s, y, raw))
                propose(s, 0, r);
        }
}

/* The one that fitted last, when it is specific enough to be believed and still holds. */
void recognise_by_memory(const struct normaliser *n, struct normaliser_scratch *s,
                         const struct source_memory *m, const struct syslog *y, struct str raw)
{
    uint64_t sticky = atomic_load_explicit(&m->sticky, memory_order_relaxed);
    uint32_t index = (uint32_t)sticky;
    if (sticky >> 32 != (n->generation & UINT32_MAX) || index == 0 || index > n->recogniser_count)
        return;
    const struct recogniser *r = n->recognisers[index - 1];
    if (holds(r, s, y, looked_at(s, raw)))
        propose(s, 0, r);
}

void recognise_remember(const struct normaliser *n, struct source_memory *m, const struct recogniser *r)
{
    if (r->apps.count || r->priority < STICKY_PRIORITY)
        return;
    uint64_t sticky = (n->generation & UINT32_MAX) << 32 | (r->index + 1);
    if (atomic_load_explicit(&m->sticky, memory_order_relaxed) != sticky)
        atomic_store_explicit(&m->sticky, sticky, memory_order_relaxed);
}

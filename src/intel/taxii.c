/* TAXII 2.1: discovery → API roots → collections → pages of objects. An address of any of these is taken;
 * what it is, its answer tells. */
#include "intel/taxii.h"

#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "cli/client.h"

#define ACCEPT      "application/taxii+json;version=2.1"
#define PAGE_BYTES  ((size_t)64 << 20)
#define PAGE_LIMIT  1000 /* objects asked for at once; the server may give fewer */
#define PAGES_MAX   10000
#define OBJECTS_MAX (UINT64_C(1) << 30) /* bytes of all pages of a collection */
#define ROOTS_MAX   64

struct taxii {
    struct state *state;
    const struct taxii_options *options;
    intel_told *told;
    void *context;
    struct arena arena;
    uint64_t collections;
};

static bool get(struct taxii *t, const char *url, struct buf *body, char *last_added, struct error *err)
{
    struct client_fetch fetch = {.url = url,
                                 .accept = ACCEPT,
                                 .user = t->options->user,
                                 .password = t->options->password,
                                 .token = t->options->token,
                                 .wanted_header = "X-TAXII-Date-Added-Last",
                                 .max_bytes = PAGE_BYTES};
    bool ok = client_fetch(&fetch, body, err);
    if (ok && last_added != NULL && fetch.header_value[0])
        memcpy(last_added, fetch.header_value, sizeof fetch.header_value);
    if (!ok && (fetch.status == 401 || fetch.status == 403))
        error_set(
            err,
            tr("%s wants a log-in (%ld); give --user, or HYAKUYO_TAXII_TOKEN in the environment",
               "%s は認証が必要です(%ld)。--user、または環境変数 HYAKUYO_TAXII_TOKEN を指定してください"),
            url, fetch.status);
    return ok;
}

/* "https://host/a/b" + "/c" or "c" or "https://…" → an address; the part of a path always ends in '/'. */
static const char *join(struct taxii *t, struct str base, struct str path)
{
    if (str_find(path, STR("://"), 0) != STR_NOT_FOUND)
        return arena_str(&t->arena, path).p;
    if (path.n && path.p[0] == '/') {
        size_t host = str_find(base, STR("://"), 0);
        size_t slash = str_find_char(base, '/', host == STR_NOT_FOUND ? 0 : host + 3);
        return arena_concat(&t->arena, str_slice(base, 0, slash), path).p;
    }
    const char *between = str_ends(base, STR("/")) ? "" : "/";
    return arena_printf(&t->arena, "%.*s%s%.*s", STR_ARGS(base), between, STR_ARGS(path)).p;
}

/* ------------------------------------------------------------------------ pages */

/* The envelope's objects, appended to one array. */
static bool take_page(struct str envelope, struct buf *objects, struct error *err)
{
    size_t at = str_find(envelope, STR("\"objects\""), 0);
    if (at == STR_NOT_FOUND)
        return true; /* an empty envelope is {} */
    at = str_find_char(envelope, '[', at);
    size_t n = at == STR_NOT_FOUND ? 0 : json_value_length(str_skip(envelope, at));
    if (n < 2)
        return error_set(err, "%s", tr("a page is cut off", "ページが途中で切れています"));
    struct str inner = str_trim(str_slice(envelope, at + 1, at + n - 1));
    if (inner.n == 0)
        return true;
    if (objects->n > 1)
        buf_char(objects, ',');
    buf_add(objects, inner);
    return objects->n < OBJECTS_MAX ||
           error_set(err, "%s",
                     tr("the collection holds more than 1 GiB", "コレクションが 1 GiB を超えています"));
}

/* Members of the envelope beside its objects. */
static struct str envelope_text(struct taxii *t, struct str envelope, const char *key)
{
    struct error ignored;
    struct buf without = {0};
    size_t at = str_find(envelope, STR("\"objects\""), 0);
    size_t array = at == STR_NOT_FOUND ? STR_NOT_FOUND : str_find_char(envelope, '[', at);
    if (array == STR_NOT_FOUND) {
        buf_add(&without, envelope);
    } else {
        buf_add(&without, str_slice(envelope, 0, array));
        buf_c(&without, "[]");
        buf_add(&without, str_skip(envelope, array + json_value_length(str_skip(envelope, array))));
    }
    const struct json_node *top = json_parse(buf_str(&without), &t->arena, &ignored);
    struct str text = top ? arena_str(&t->arena, json_text(top, key)) : STR_EMPTY;
    buf_free(&without);
    return text;
}

static void put_query(struct buf *url, const char *separator, const char *name, struct str value)
{
    struct buf text = {0};
    buf_add(&text, value);
    buf_printf(url, "%s%s=", separator, name);
    client_escape(url, buf_cstr(&text));
    buf_free(&text);
}

static bool fetch_pages(struct taxii *t, const char *url, struct str added_after, struct buf *objects,
                        char *last_added, struct error *err)
{
    struct buf page = {0}, address = {0};
    struct str next = STR_EMPTY;
    uint64_t before = 0;
    bool ok = true, more = true;
    buf_c(objects, "[");
    for (unsigned n = 0; ok && more && n < PAGES_MAX; n++) {
        buf_clear(&address);
        buf_printf(&address, "%s?limit=%d", url, PAGE_LIMIT);
        if (added_after.n)
            put_query(&address, "&", "added_after", added_after);
        if (next.n)
            put_query(&address, "&", "next", next);
        ok = get(t, buf_cstr(&address), &page, last_added, err) && take_page(buf_str(&page), objects, err);
        more = ok && str_eq(envelope_text(t, buf_str(&page), "more"), STR("true"));
        uint64_t now = str_hash(buf_str(&page));
        next = more ? envelope_text(t, buf_str(&page), "next") : STR_EMPTY;
        /* some servers keep one "next" for all pages; the same page again has no end */
        if (ok && more && (next.n == 0 || now == before))
            ok = error_set(err,
                           tr("%s says that there is more, but not how to ask for it",
                              "%s は続きがあると答えましたが、その取得方法を示していません"),
                           url);
        before = now;
    }
    if (ok && more)
        ok = error_set(err, tr("%s: more than %d pages", "%s: %d ページを超えています"), url, PAGES_MAX);
    buf_c(objects, "]");
    buf_free(&page);
    buf_free(&address);
    return ok;
}

/* ------------------------------------------------------------------- collections */

static struct str known_cursor(struct taxii *t, struct str name)
{
    struct intel_source *sources;
    struct error ignored;
    uint32_t count;
    if (!state_intel_list(t->state, &t->arena, &sources, &count, &ignored))
        return STR_EMPTY;
    for (uint32_t i = 0; i < count; i++)
        if (str_eq(sources[i].name, name))
            return sources[i].cursor;
    return STR_EMPTY;
}

static bool fetch_collection(struct taxii *t, const char *url, struct str title, struct error *err)
{
    struct buf objects = {0};
    struct intel_options import = *t->options->import;
    char last_added[256] = "";
    const char *objects_url =
        str_ends(str_c(url), STR("/objects/")) ? url : join(t, str_c(url), STR("objects/"));
    if (import.source.n == 0)
        import.source = str_slice(title.n ? title : str_c(url), 0, 64);
    struct str cursor = known_cursor(t, import.source);
    import.adds = cursor.n > 0;
    import.origin = str_c(url);
    bool ok = fetch_pages(t, objects_url, cursor, &objects, last_added, err);
    import.cursor = last_added[0] ? str_c(last_added) : cursor;
    if (ok && objects.n > 2)
        ok = intel_import_text(t->state, &import, buf_str(&objects), t->told, t->context, err);
    else if (ok)
        log_info(tr("%.*s: nothing new", "%.*s: 新しいものはありません"), STR_ARGS(import.source));
    buf_free(&objects);
    t->collections++;
    return ok;
}

static bool fetch_collections(struct taxii *t, struct str root, const struct json_node *top,
                              struct error *err)
{
    const struct json_node *list = json_member(top, "collections");
    for (const struct json_node *c = list ? list->child : NULL; c != NULL; c = c->next) {
        struct str path = arena_printf(&t->arena, "collections/%.*s/", STR_ARGS(json_text(c, "id")));
        if (str_eq(json_text(c, "can_read"), STR("false")))
            continue;
        if (!fetch_collection(t, join(t, root, path), json_text(c, "title"), err))
            return false;
    }
    return true;
}

/* The answer at an address is a small document, or it is no TAXII. */
static const struct json_node *get_document(struct taxii *t, const char *url, struct error *err)
{
    struct buf body = {0};
    const struct json_node *top = NULL;
    if (get(t, url, &body, NULL, err)) {
        top = json_parse(arena_str(&t->arena, buf_str(&body)), &t->arena, err);
        if (top == NULL)
            error_set(err, tr("%s does not speak TAXII 2.1", "%s は TAXII 2.1 ではありません"), url);
    }
    buf_free(&body);
    return top;
}

static bool fetch_root(struct taxii *t, const char *root, struct error *err)
{
    const struct json_node *top = get_document(t, join(t, str_c(root), STR("collections/")), err);
    return top != NULL && fetch_collections(t, str_c(root), top, err);
}

static bool fetch_all_roots(struct taxii *t, const char *url, const struct json_node *top, struct error *err)
{
    const struct json_node *roots = json_member(top, "api_roots");
    unsigned count = 0;
    for (const struct json_node *r = roots ? roots->child : NULL; r != NULL && count < ROOTS_MAX;
         r = r->next, count++)
        if (!fetch_root(t, join(t, str_c(url), r->text), err))
            return false;
    return true;
}

/* ".../collections/" → the API root. */
static struct str root_of(struct str url)
{
    return str_slice(url, 0, url.n - STR("collections/").n);
}

static bool fetch_url(struct taxii *t, const char *given, struct error *err)
{
    const char *url = str_ends(str_c(given), STR("/")) ? given : arena_printf(&t->arena, "%s/", given).p;
    if (str_ends(str_c(url), STR("/objects/")))
        return fetch_collection(t, url, STR_EMPTY, err);
    const struct json_node *top = get_document(t, url, err);
    if (top == NULL)
        return false;
    if (json_member(top, "can_read"))
        return fetch_collection(t, url, json_text(top, "title"), err);
    if (json_member(top, "collections"))
        return fetch_collections(t, root_of(str_c(url)), top, err);
    if (json_member(top, "versions"))
        return fetch_root(t, url, err);
    if (json_member(top, "api_roots"))
        return fetch_all_roots(t, url, top, err);
    return error_set(err,
                     tr("%s is no TAXII 2.1 discovery, API root or collection",
                        "%s は TAXII 2.1 の検出・API ルート・コレクションのどれでもありません"),
                     url);
}

bool taxii_fetch(struct state *state, const struct taxii_options *options, intel_told *told, void *context,
                 struct error *err)
{
    struct taxii t = {.state = state, .options = options, .told = told, .context = context};
    arena_init(&t.arena, 64 << 10);
    bool ok = fetch_url(&t, options->url, err);
    if (ok && t.collections == 0)
        ok = error_set(err,
                       tr("%s offers no collection that may be read", "%s に読めるコレクションがありません"),
                       options->url);
    arena_free(&t.arena);
    return ok;
}

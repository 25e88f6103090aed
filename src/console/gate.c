/* The gate: what a request must pass before its handler runs. Stage: console. Reads the head and later the
 * body of a request, leaves a route, a principal and checked parameters, or a problem. Order matters and is
 * the order of the table GATES: whose server, is it a page, which route, who, from where, may they, is the
 * rest well-formed. Next: api_*.c. */
#include "base/clock.h"
#include "console/console_internal.h"
#include "console/router.h"
#include "console/upload.h"

#define API_BODY_BYTES   ((size_t)1 << 20)
#define SMALL_BODY_BYTES ((size_t)32 << 10)
#define LARGE_BODY_BYTES ((size_t)40 << 20)
#define QUERY_NONE       ((const struct parameter[]){{.name = NULL}})

static bool is_state_change(const struct request *r)
{
    return r->method == METHOD_POST || r->method == METHOD_PUT || r->method == METHOD_PATCH ||
           r->method == METHOD_DELETE;
}

static bool check_host(struct request *r)
{
    struct str host = request_header(r, "Host");
    /* only HTTP/1.0 may leave it out, and no browser speaks that */
    if (host.n == 0 || host_is_own(host, r->console->config.hosts))
        return true;
    reply_problem(r, PROBLEM_HOST,
                  STR("Use an address or one of the names listed under \"hosts\" in the configuration."),
                  STR("IPアドレスか、設定の「hosts」にある名前でアクセスしてください。"));
    return false;
}

/* Two lengths for one body is how requests are smuggled past proxies. */
static bool check_framing(struct request *r)
{
    size_t hosts = 0, lengths = 0, encodings = 0;
    for (size_t i = 0; i < r->header_count; i++) {
        hosts += str_eq_nocase(r->headers[i].name, STR("Host"));
        lengths += str_eq_nocase(r->headers[i].name, STR("Content-Length"));
        encodings += str_eq_nocase(r->headers[i].name, STR("Transfer-Encoding"));
    }
    if (hosts <= 1 && lengths + encodings <= 1)
        return true;
    reply_problem(r, PROBLEM_BAD_REQUEST, STR("Host or the body's length is given more than once."),
                  STR("Hostまたは本文の長さが重複しています。"));
    r->reply.close = true;
    return false;
}

/* A page of the console. Files win over nothing: the API lives under /api, so they cannot collide. */
static bool serve_file(struct request *r)
{
    const struct static_file *file = static_files_find(r->console->files, r->target.path);
    if (!file || (r->method != METHOD_GET && r->method != METHOD_HEAD))
        return false;
    bool gzip = file->gzip.n && accepts_gzip(request_header(r, "Accept-Encoding"));
    const char *etag = gzip ? file->etag_gzip : file->etag;
    if (etag_matches(request_header(r, "If-None-Match"), etag)) {
        reply_nothing(r, 304);
    } else {
        reply_text(r, 200, file->content_type);
        r->reply.file = file;
        r->reply.file_gzip = gzip;
        if (gzip)
            reply_header(r, "Content-Encoding", STR("gzip"));
    }
    reply_header(r, "ETag", str_c(etag));
    reply_header(r, "Vary", STR("Accept-Encoding"));
    reply_header(r, "Cache-Control",
                 file->is_immutable ? STR("public, max-age=31536000, immutable") : STR("no-cache"));
    return true;
}

static bool refuse_method(struct request *r, unsigned allowed)
{
    struct str allow = methods_text(allowed, &r->arena);
    if (r->method == METHOD_OPTIONS)
        reply_nothing(r, 204);
    else
        reply_problem(r, PROBLEM_METHOD, arena_printf(&r->arena, "Offered here: %.*s.", STR_ARGS(allow)),
                      arena_printf(&r->arena, "使えるメソッド: %.*s", STR_ARGS(allow)));
    reply_header(r, "Allow", allow);
    return false;
}

static bool check_route(struct request *r)
{
    unsigned allowed;
    r->route = router_find(&r->target, r->method, r->path_values, &allowed);
    if (r->route)
        return true;
    if (!allowed && serve_file(r))
        return false;
    if (!allowed && static_files_find(r->console->files, r->target.path))
        allowed = 1u << METHOD_GET | 1u << METHOD_HEAD | 1u << METHOD_OPTIONS;
    if (allowed)
        return refuse_method(r, allowed);
    reply_problem(r, PROBLEM_NOT_FOUND, STR("No such address on this server."),
                  STR("このサーバーにそのURLはありません。"));
    return false;
}

/* A Bearer token when there is one, else the session's cookie. */
static bool identify(struct request *r)
{
    struct str authorization = request_header(r, "Authorization");
    unsigned wait = 0;
    if (str_starts_nocase(authorization, STR("Bearer "))) {
        struct str token = str_trim(str_skip(authorization, 7));
        enum auth_result result = auth_by_token(r->console->auth, token, str_c(r->address), &r->who, &wait);
        if (result == AUTH_WAIT)
            reply_problem_retry(r, PROBLEM_RATE, wait, STR("Too many wrong tokens from this address."),
                                STR("このアドレスからの誤ったトークンが多すぎます。"));
        else if (result != AUTH_OK)
            reply_problem(r, PROBLEM_UNAUTHENTICATED, STR("The token is unknown or has expired."),
                          STR("トークンが無効か、期限切れです。"));
        return result == AUTH_OK;
    }
    if (auth_by_cookie(r->console->auth, request_cookie(r, SESSION_COOKIE), &r->who))
        r->language = r->who.language;
    return true;
}

/* A page of another site must not act here with the user's cookie or from the user's machine. */
static bool check_origin(struct request *r)
{
    struct str origin = request_header(r, "Origin"), site = request_header(r, "Sec-Fetch-Site");
    if (!is_state_change(r))
        return true;
    bool is_own = origin.n ? origin_is_own(origin, request_header(r, "Host"))
                           : site.n == 0 || str_eq(site, STR("same-origin")) || str_eq(site, STR("none"));
    if (is_own)
        return true;
    reply_problem(r, PROBLEM_ORIGIN, STR("The request was made by a page of another site."),
                  STR("別のサイトのページから送られたリクエストです。"));
    return false;
}

static bool is_open_to_all(const struct request *r)
{
    unsigned flags = r->route->flags;
    enum ingest_policy policy = r->console->config.ingest;
    if (flags & ROUTE_INGEST)
        return policy == INGEST_OPEN || (policy == INGEST_LOOPBACK_OPEN && r->is_loopback);
    return (flags & ROUTE_PUBLIC) || ((flags & ROUTE_LOOPBACK_PUBLIC) && r->is_loopback);
}

static bool check_permission(struct request *r)
{
    if (is_open_to_all(r) || (r->who.permissions && request_may(r, r->route->permission)))
        return true;
    if (r->who.permissions)
        reply_problem(r, PROBLEM_FORBIDDEN, STR("Ask an administrator for the role that this needs."),
                      STR("必要な役割を管理者に依頼してください。"));
    else
        reply_problem(r, PROBLEM_UNAUTHENTICATED, STR("This needs a session or an API token."),
                      STR("ログインまたはAPIトークンが必要です。"));
    return false;
}

static bool check_csrf(struct request *r)
{
    if (!is_state_change(r) || !r->who.has_session || (r->route->flags & ROUTE_PUBLIC) ||
        auth_csrf_matches(&r->who, request_header(r, "X-CSRF-Token")))
        return true;
    reply_problem(r, PROBLEM_CSRF,
                  STR("Send the value of \"csrf\" from GET /api/v1/session as X-CSRF-Token."),
                  STR("GET /api/v1/session の「csrf」の値を X-CSRF-Token ヘッダーで送ってください。"));
    return false;
}

static bool check_query(struct request *r)
{
    struct error en = {.text = ""}, ja = {.text = ""};
    const struct parameter *table = r->route->query ? r->route->query : QUERY_NONE;
    if (parameters_from_query(table, &r->target, r->now_ns, r->query, &en, &ja))
        return true;
    reply_problem(r, PROBLEM_PARAMETER, str_c(en.text), str_c(ja.text));
    return false;
}

/* Who was refused does not get to send a file first. */
static bool takes_file(const struct request *r)
{
    return r->route != NULL && (r->route->flags & ROUTE_FILE_BODY) && r->reply.status == 0;
}

size_t gate_body_limit(const struct request *r)
{
    if (takes_file(r))
        return r->console->config.upload_bytes;
    bool is_ingest = r->route && (r->route->flags & ROUTE_INGEST);
    if (r->route != NULL && r->route->flags & ROUTE_LARGE_BODY)
        return LARGE_BODY_BYTES;
    if (r->route != NULL && r->route->flags & ROUTE_SMALL_BODY)
        return SMALL_BODY_BYTES;
    return is_ingest ? r->console->config.ingest_body_bytes : API_BODY_BYTES;
}

static bool check_takes_files(struct request *r)
{
    const struct console_config *config = &r->console->config;
    if (!(r->route->flags & ROUTE_FILE_BODY) || (config->upload_folder && config->upload_bytes))
        return true;
    reply_problem(r, PROBLEM_NOT_FOUND,
                  STR("This server takes no files; \"hyakuyo serve --evidence-mb\" sets how large they may "
                      "be."),
                  STR("このサーバーはファイルを受け付けません(hyakuyo serve --evidence-mb で上限を設定)。"));
    return false;
}

static bool check_length(struct request *r)
{
    uint64_t length;
    struct str text = request_header(r, "Content-Length");
    if (text.n == 0 || (str_to_u64(text, 10, &length) && length <= gate_body_limit(r)))
        return true;
    reply_problem(r, PROBLEM_TOO_LARGE,
                  arena_printf(&r->arena, "At most %zu bytes are taken at once.", gate_body_limit(r)),
                  arena_printf(&r->arena, "一度に送れるのは%zuバイトまでです。", gate_body_limit(r)));
    return false;
}

static bool is_media_type(struct str header, struct str type)
{
    size_t semicolon = str_find_char(header, ';', 0);
    return str_eq_nocase(str_trim(semicolon == STR_NOT_FOUND ? header : str_slice(header, 0, semicolon)),
                         type);
}

static bool is_file_type(struct request *r, struct str type)
{
    if (!(r->route->flags & ROUTE_FILE_BODY) || is_media_type(type, STR("application/octet-stream")))
        return true;
    reply_problem(r, PROBLEM_MEDIA_TYPE, STR("Send the file itself as application/octet-stream."),
                  STR("ファイルそのものを application/octet-stream で送ってください。"));
    return false;
}

static bool check_media_type(struct request *r)
{
    struct str type = request_header(r, "Content-Type"), encoding = request_header(r, "Content-Encoding");
    bool is_ingest = r->route->flags & ROUTE_INGEST;
    if (encoding.n && !str_eq_nocase(encoding, STR("identity"))) {
        reply_problem(r, PROBLEM_MEDIA_TYPE, STR("Compressed bodies are not taken; send them plain."),
                      STR("圧縮された本文は受け付けません。圧縮せずに送ってください。"));
        return false;
    }
    if (!is_file_type(r, type))
        return false;
    if (is_ingest ? !is_media_type(type, STR("multipart/form-data"))
                  : !r->route->members || is_media_type(type, STR("application/json")))
        return true;
    reply_problem(r, PROBLEM_MEDIA_TYPE,
                  is_ingest ? STR("Send the lines themselves, not a form.") : STR("Send application/json."),
                  is_ingest ? STR("フォームではなく、行をそのまま送ってください。")
                            : STR("application/json で送ってください。"));
    return false;
}

static bool check_target(struct request *r, struct str uri)
{
    switch (target_parse(uri, &r->arena, &r->target)) {
    case TARGET_OK:
        return true;
    case TARGET_TOO_LONG:
        reply_problem(r, PROBLEM_URI_TOO_LONG, STR("Addresses may have at most 16,384 bytes."),
                      STR("URLは16,384バイトまでです。"));
        return false;
    case TARGET_BAD_ENCODING:
        reply_problem(r, PROBLEM_BAD_REQUEST, STR("The address is not properly percent-encoded UTF-8."),
                      STR("URLのパーセントエンコーディングまたはUTF-8が正しくありません。"));
        return false;
    case TARGET_TOO_MANY:
        reply_problem(r, PROBLEM_BAD_REQUEST, STR("The address has too many parts."),
                      STR("URLの要素が多すぎます。"));
        return false;
    }
    BUG("target result");
}

static void file_problem(struct request *r, bool is_full, const struct error *en, const struct error *ja)
{
    reply_problem(r, is_full ? PROBLEM_DISK_FULL : PROBLEM_UNAVAILABLE, str_c(en->text), str_c(ja->text));
    upload_free(r->upload);
    r->upload = NULL;
}

static bool open_file(struct request *r)
{
    bool is_full;
    uint64_t length = 0;
    struct error en, ja;
    if (!(r->route->flags & ROUTE_FILE_BODY))
        return true;
    if (!str_to_u64(request_header(r, "Content-Length"), 10, &length))
        length = 0;
    r->upload = upload_new(r->console->config.upload_folder, length, &is_full, &en, &ja);
    if (r->upload == NULL)
        file_problem(r, is_full, &en, &ja);
    return r->upload != NULL;
}

static bool (*const GATES[])(struct request *r) = {check_framing, check_host,       check_route,
                                                   identify,      check_origin,     check_permission,
                                                   check_csrf,    check_query,      check_takes_files,
                                                   check_length,  check_media_type, open_file};

void gate_file(struct request *r, struct str bytes)
{
    bool is_full;
    struct error en, ja;
    if (!upload_add(r->upload, bytes, &is_full, &en, &ja))
        file_problem(r, is_full, &en, &ja);
}

void gate_enter(struct request *r, struct str uri, struct str method)
{
    r->now_ns = clock_wall_ns();
    r->started_ns = clock_monotonic_ns();
    r->method = method_parse(method);
    r->language = language_accepted(request_header(r, "Accept-Language"), r->console->config.language);
    if (!check_target(r, uri))
        return;
    for (size_t i = 0; i < COUNT_OF(GATES); i++)
        if (!GATES[i](r))
            return;
}

void gate_body(struct request *r)
{
    struct error en = {.text = ""}, ja = {.text = ""};
    if (r->route && r->route->members &&
        !parameters_from_json(r->route->members, buf_str(&r->body), &r->arena, r->now_ns, r->members, &en,
                              &ja))
        reply_problem(r, PROBLEM_BODY, str_c(en.text), str_c(ja.text));
}

/* What the request is about: the path names it, or else its first parameter. */
static struct console_audit audit_of(const struct request *r)
{
    struct str object = r->path_values[0].n    ? r->path_values[0]
                        : r->query[0].is_given ? r->query[0].text
                                               : r->members[0].text;
    return (struct console_audit){.time_ns = r->now_ns,
                                  .user = str_c(r->who.user),
                                  .address = str_c(r->address),
                                  .action = str_c(r->route->audit),
                                  .object = object.p ? object : STR_EMPTY,
                                  .reason = STR_EMPTY,
                                  .status = r->reply.status,
                                  .roles = r->who.roles,
                                  .changes = r->route->method != METHOD_GET,
                                  .is_recorded = r->is_recorded};
}

static struct str reason_of(const struct request *r)
{
    static const char *const names[] = {"reason", "note", "text"};
    for (size_t k = 0; k < COUNT_OF(names); k++)
        for (size_t i = 0; r->route->members && r->route->members[i].name; i++)
            if (strcmp(r->route->members[i].name, names[k]) == 0 && r->members[i].is_given)
                return r->members[i].text.p ? r->members[i].text : STR_EMPTY;
    return STR_EMPTY;
}

void gate_run(struct request *r)
{
    struct console_audit entry;
    bool acts = r->route->audit && r->services->act_begin && r->route->method != METHOD_GET;
    void *act = NULL;
    if (acts) {
        entry = audit_of(r);
        entry.reason = reason_of(r);
        act = r->services->act_begin(r->services->ctx, &entry);
    }
    r->route->handler(r);
    if (acts)
        r->is_recorded = r->services->act_end(r->services->ctx, act);
}

static void audit(struct request *r)
{
    struct console_audit entry = audit_of(r);
    r->services->audit(r->services->ctx, &entry);
}

void gate_leave(struct request *r)
{
    if (r->reply.status == 0)
        reply_problem(r, PROBLEM_INTERNAL, STR_EMPTY, STR_EMPTY);
    if (r->route && r->route->audit && r->services->audit)
        audit(r);
}

/* Requests and replies. Stage: console. Reads headers, leaves replies: JSON, text or problem JSON in two
 * languages. The checks that need nothing but header text (Host, Origin, Accept-…) are here too. Next:
 * router.c. */
#include "console/request.h"

#include "base/ip.h"
#include "base/json.h"

#define DEFAULT_RETRY_S 5

static const struct {
    int status;
    const char *code, *title_en, *title_ja;
} PROBLEMS[] = {
#define PROBLEM(constant, status, code, title_en, title_ja) {status, code, title_en, title_ja},
#include "console/problem.def"
#undef PROBLEM
};

int problem_status(enum problem problem)
{
    return PROBLEMS[problem].status;
}

struct str request_header(const struct request *r, const char *name)
{
    for (size_t i = 0; i < r->header_count; i++)
        if (str_eq_nocase(r->headers[i].name, str_c(name)))
            return r->headers[i].value;
    return STR_EMPTY;
}

struct str request_cookie(const struct request *r, const char *name)
{
    struct str wanted = str_c(name);
    for (size_t i = 0; i < r->header_count; i++) {
        if (!str_eq_nocase(r->headers[i].name, STR("Cookie")))
            continue;
        struct str rest = r->headers[i].value, part;
        while (str_split(&rest, ';', &part)) {
            part = str_trim(part);
            if (part.n > wanted.n && str_starts(part, wanted) && part.p[wanted.n] == '=')
                return str_skip(part, wanted.n + 1);
        }
    }
    return STR_EMPTY;
}

bool request_may(const struct request *r, unsigned permission)
{
    return (r->who.permissions & permission) == permission;
}

struct console_viewer request_viewer(const struct request *r)
{
    return (struct console_viewer){.user = str_c(r->who.user),
                                   .roles = r->who.roles,
                                   .may_see_persons = request_may(r, MAY_SEE_PERSONS),
                                   .language = r->language};
}

void reply_header(struct request *r, const char *name, struct str value)
{
    BUG_IF(r->reply.header_count == REPLY_HEADERS_MAX);
    r->reply.headers[r->reply.header_count++] = (struct pair){str_c(name), arena_str(&r->arena, value)};
}

static void reply_reset(struct request *r, int status)
{
    buf_clear(&r->reply.body);
    r->reply.status = status;
    r->reply.content_type = NULL;
    r->reply.file = NULL;
    r->reply.header_count = 0;
}

struct buf *reply_text(struct request *r, int status, const char *content_type)
{
    reply_reset(r, status);
    r->reply.content_type = content_type;
    return &r->reply.body;
}

struct buf *reply_json(struct request *r, int status)
{
    return reply_text(r, status, "application/json");
}

void reply_attachment(struct request *r, int fd, uint64_t bytes, const char *name)
{
    reply_text(r, 200, "application/octet-stream");
    reply_header(r, "Content-Disposition", arena_printf(&r->arena, "attachment; filename=\"%s\"", name));
    r->reply.fd = fd;
    r->reply.fd_bytes = bytes;
}

void reply_nothing(struct request *r, int status)
{
    reply_reset(r, status);
}

void reply_problem_at(struct request *r, enum problem problem, struct str detail_en, struct str detail_ja,
                      int64_t position)
{
    struct buf *out = reply_text(r, PROBLEMS[problem].status, "application/problem+json");
    struct str type = arena_printf(&r->arena, "urn:hyakuyo:problem:%s", PROBLEMS[problem].code);
    struct json_writer w = {.out = out};
    json_begin_object(&w);
    json_key(&w, "type");
    json_put_str(&w, type);
    json_key(&w, "title");
    json_put_c(&w, PROBLEMS[problem].title_en);
    json_key(&w, "status");
    json_put_i64(&w, PROBLEMS[problem].status);
    json_key(&w, "detail");
    json_put_str(&w, detail_en);
    json_key(&w, "title_ja");
    json_put_c(&w, PROBLEMS[problem].title_ja);
    json_key(&w, "detail_ja");
    json_put_str(&w, detail_ja.n ? detail_ja : detail_en);
    if (position >= 0) {
        json_key(&w, "position");
        json_put_i64(&w, position);
    }
    json_end_object(&w);
    if (PROBLEMS[problem].status == 401)
        reply_header(r, "WWW-Authenticate", STR("Bearer realm=\"hyakuyo\""));
}

void reply_problem(struct request *r, enum problem problem, struct str detail_en, struct str detail_ja)
{
    reply_problem_at(r, problem, detail_en, detail_ja, -1);
}

void reply_problem_retry(struct request *r, enum problem problem, unsigned seconds, struct str detail_en,
                         struct str detail_ja)
{
    reply_problem(r, problem, detail_en, detail_ja);
    reply_header(r, "Retry-After", arena_printf(&r->arena, "%u", seconds ? seconds : DEFAULT_RETRY_S));
}

struct console_failure failure_none(void)
{
    return (struct console_failure){.position = -1};
}

static enum problem problem_of_failure(const struct console_failure *f)
{
    static const struct {
        int status;
        enum problem problem;
    } MAP[] = {{400, PROBLEM_PARAMETER}, {403, PROBLEM_FORBIDDEN},   {404, PROBLEM_NOT_FOUND},
               {409, PROBLEM_CONFLICT},  {503, PROBLEM_UNAVAILABLE}, {507, PROBLEM_DISK_FULL}};
    if (f->position >= 0)
        return PROBLEM_EXPRESSION;
    for (size_t i = 0; i < COUNT_OF(MAP); i++)
        if (MAP[i].status == f->status)
            return MAP[i].problem;
    return PROBLEM_INTERNAL;
}

void reply_failure(struct request *r, const struct console_failure *f)
{
    enum problem problem = problem_of_failure(f);
    struct str en = str_c(f->en.text), ja = str_c(f->ja.text);
    if (problem == PROBLEM_UNAVAILABLE || problem == PROBLEM_DISK_FULL)
        reply_problem_retry(r, problem, f->retry_after_s, en, ja);
    else
        reply_problem_at(r, problem, en, ja, f->position);
}

enum language language_accepted(struct str header, enum language fallback)
{
    struct str rest = header, part;
    enum language best = fallback;
    double best_q = 0;
    while (header.n && str_split(&rest, ',', &part)) {
        double q = 1;
        size_t semicolon = str_find_char(part, ';', 0);
        struct str tag = str_trim(semicolon == STR_NOT_FOUND ? part : str_slice(part, 0, semicolon));
        size_t weight = str_find(part, STR("q="), 0);
        if (weight != STR_NOT_FOUND && !str_to_double(str_trim(str_skip(part, weight + 2)), &q))
            q = 0;
        bool ja = str_starts_nocase(tag, STR("ja")), en = str_starts_nocase(tag, STR("en"));
        if ((ja || en) && q > best_q) {
            best = ja ? LANGUAGE_JA : LANGUAGE_EN;
            best_q = q;
        }
    }
    return best;
}

bool accepts_gzip(struct str header)
{
    struct str rest = header, part;
    while (header.n && str_split(&rest, ',', &part)) {
        part = str_trim(part);
        if (!str_starts_nocase(part, STR("gzip")))
            continue;
        struct str weight = str_trim(str_skip(part, 4));
        if (weight.n == 0)
            return true;
        double q;
        size_t at = str_find(weight, STR("q="), 0);
        return at != STR_NOT_FOUND && str_to_double(str_trim(str_skip(weight, at + 2)), &q) && q > 0;
    }
    return false;
}

bool origin_is_own(struct str origin, struct str host)
{
    static const struct {
        struct str scheme, default_port;
    } SCHEMES[] = {{{"http://", 7}, {":80", 3}}, {{"https://", 8}, {":443", 4}}};
    for (size_t i = 0; i < COUNT_OF(SCHEMES); i++) {
        if (!str_starts_nocase(origin, SCHEMES[i].scheme))
            continue;
        struct str authority = str_skip(origin, SCHEMES[i].scheme.n);
        if (str_ends(authority, SCHEMES[i].default_port))
            authority = str_slice(authority, 0, authority.n - SCHEMES[i].default_port.n);
        if (str_ends(host, SCHEMES[i].default_port))
            host = str_slice(host, 0, host.n - SCHEMES[i].default_port.n);
        return authority.n && str_eq_nocase(authority, host);
    }
    return false; /* "null" and schemes of extensions included */
}

/* "name", "name:port", "[v6]:port" → name; "" when it is none of these. */
static struct str host_without_port(struct str host)
{
    size_t end;
    if (host.n && host.p[0] == '[') {
        size_t bracket = str_find_char(host, ']', 0);
        if (bracket == STR_NOT_FOUND)
            return STR_EMPTY;
        end = bracket + 1;
    } else {
        size_t colon = str_find_char(host, ':', 0);
        end = colon == STR_NOT_FOUND ? host.n : colon;
    }
    uint64_t port;
    struct str rest = str_skip(host, end);
    if (rest.n && (rest.p[0] != ':' || !str_to_u64(str_skip(rest, 1), 10, &port) || port > 65535))
        return STR_EMPTY;
    return str_slice(host, 0, end);
}

bool host_is_own(struct str host, const char *const *names)
{
    struct ip ip;
    struct str name = host_without_port(host);
    if (name.n == 0)
        return false;
    /* rebinding needs a name of the attacker's in the browser's address bar; an address is never that */
    if (ip_parse(name, &ip) || str_eq_nocase(name, STR("localhost")))
        return true;
    for (; names && *names; names++)
        if (str_eq_nocase(name, str_c(*names)))
            return true;
    return false;
}

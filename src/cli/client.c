/* A small HTTP client for commands, over libcurl. */
#include "cli/client.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"

#define ANSWER_MAX ((size_t)256 << 20)

static bool copy(char *to, size_t capacity, struct str from)
{
    if (from.n == 0 || from.n >= capacity)
        return false;
    memcpy(to, from.p, from.n);
    to[from.n] = 0;
    return true;
}

/* Field 22 of /proc/PID/stat, counted behind the name in brackets, which may hold anything (proc(5)). */
bool client_process_mark(int pid, char out[CLIENT_MARK_BYTES])
{
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *f = fopen(path, "r");
    if (f == NULL)
        return false;
    size_t n = fread(text, 1, sizeof text, f);
    fclose(f);
    struct str rest = str_n(text, n), field = STR_EMPTY;
    size_t bracket = str_find_last_char(rest, ')');
    rest = bracket == STR_NOT_FOUND ? STR_EMPTY : str_skip(rest, bracket + 2);
    for (int number = 3; number <= 22; number++)
        if (!str_split(&rest, ' ', &field))
            return false;
    return copy(out, CLIENT_MARK_BYTES, field);
}

/* A number alone proves nothing: after a crash it may belong to any process. */
static bool is_running(const struct json_node *server, int64_t *pid)
{
    char mark[CLIENT_MARK_BYTES];
    return str_to_i64(json_text(server, "pid"), pid) && *pid > 0 && *pid <= INT32_MAX &&
           client_process_mark((int)*pid, mark) && str_eq(json_text(server, "started"), str_c(mark));
}

bool client_find(const char *data_dir, struct client *out)
{
    struct buf path = {0}, text = {0};
    struct arena arena;
    struct error err;
    int64_t pid = 0;
    *out = (struct client){.pid = 0};
    buf_printf(&path, "%s/server.json", data_dir);
    arena_init(&arena, 4096);
    const struct json_node *top = NULL;
    if (file_read(buf_cstr(&path), 4096, &text, &err))
        top = json_parse(buf_str(&text), &arena, &err);
    bool ok = top != NULL && is_running(top, &pid) &&
              copy(out->url, sizeof out->url, json_text(top, "url")) &&
              copy(out->token, sizeof out->token, json_text(top, "token"));
    out->pid = ok ? (int)pid : 0;
    arena_free(&arena);
    buf_free(&path);
    buf_free(&text);
    return ok;
}

bool client_choose(const struct arguments *a, struct client *out, struct error *err)
{
    const char *server = argument_text(a, "server"), *token = argument_text(a, "token");
    err->text[0] = 0;
    if (server == NULL)
        return client_find(argument_text(a, "data"), out);
    if (token == NULL)
        token = getenv("HYAKUYO_TOKEN");
    *out = (struct client){.pid = 0};
    if (!copy(out->url, sizeof out->url, str_c(server)))
        return error_set(err, "%s", tr("--server is empty or too long", "--server が空か長すぎます"));
    if (token != NULL && token[0] && !copy(out->token, sizeof out->token, str_c(token)))
        return error_set(err, "%s", tr("the API token is too long", "API トークンが長すぎます"));
    return true;
}

static size_t take(char *bytes, size_t size, size_t count, void *context)
{
    struct buf *body = context;
    if (body->n + size * count > ANSWER_MAX)
        return 0;
    buf_bytes(body, bytes, size * count);
    return size * count;
}

static bool explain(long status, const struct buf *body, struct error *err)
{
    struct arena arena;
    struct error ignored;
    arena_init(&arena, 4096);
    const struct json_node *problem = json_parse(buf_str(body), &arena, &ignored);
    struct str detail = STR_EMPTY;
    if (problem != NULL && language_current() == LANGUAGE_JA)
        detail = json_text(problem, "detail_ja");
    if (problem != NULL && detail.n == 0)
        detail = json_text(problem, "detail");
    struct str position = problem ? json_text(problem, "position") : STR_EMPTY;
    if (position.n)
        error_set(err, tr("at character %.*s: %.*s", "%.*s 文字目: %.*s"), STR_ARGS(position),
                  STR_ARGS(detail));
    else
        error_set(err, tr("the server answered %ld: %.*s", "サーバーの応答 %ld: %.*s"), status,
                  STR_ARGS(detail));
    arena_free(&arena);
    return false;
}

/* GET without `upload`, else POST. */
static bool exchange(const struct client *c, const char *path, const char *type, const struct str *upload,
                     struct buf *body, struct error *err)
{
    struct buf url = {0};
    char authorization[320], content_type[80];
    long status = 0;
    struct curl_slist *headers = NULL;
    CURL *curl = curl_easy_init();
    if (curl == NULL)
        return error_set(err, "%s", tr("the HTTP client cannot start", "HTTP クライアントを開始できません"));
    buf_printf(&url, "%s%s", c->url, path);
    snprintf(authorization, sizeof authorization, "Authorization: Bearer %s", c->token);
    if (c->token[0])
        headers = curl_slist_append(headers, authorization);
    if (upload != NULL) {
        snprintf(content_type, sizeof content_type, "Content-Type: %s", type);
        headers = curl_slist_append(headers, content_type);
        curl_easy_setopt(curl, CURLOPT_POST, 1L);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)upload->n);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, upload->p);
    }
    curl_easy_setopt(curl, CURLOPT_URL, buf_cstr(&url));
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 10L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 120L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    buf_free(&url);
    if (code != CURLE_OK)
        return error_set(err, tr("%s cannot be reached: %s", "%s に接続できません: %s"), c->url,
                         curl_easy_strerror(code));
    return status / 100 == 2 || explain(status, body, err);
}

bool client_get(const struct client *c, const char *path, struct buf *body, struct error *err)
{
    return exchange(c, path, NULL, NULL, body, err);
}

bool client_post(const struct client *c, const char *path, const char *type, struct str upload,
                 struct buf *body, struct error *err)
{
    return exchange(c, path, type, &upload, body, err);
}

struct fetching {
    struct client_fetch *fetch;
    struct buf *body;
};

static size_t take_some(char *bytes, size_t size, size_t count, void *context)
{
    struct fetching *f = context;
    if (f->body->n + size * count > f->fetch->max_bytes)
        return 0;
    buf_bytes(f->body, bytes, size * count);
    return size * count;
}

static size_t take_header(char *bytes, size_t size, size_t count, void *context)
{
    struct fetching *f = context;
    struct str line = str_n(bytes, size * count),
               name = str_c(f->fetch->wanted_header ? f->fetch->wanted_header : "");
    if (name.n && line.n > name.n && line.p[name.n] == ':' && str_starts_nocase(line, name)) {
        struct str value = str_trim(str_skip(line, name.n + 1));
        copy(f->fetch->header_value, sizeof f->fetch->header_value, value);
    }
    return size * count;
}

static void set_credentials(CURL *curl, const struct client_fetch *f, struct curl_slist **headers)
{
    char line[1100];
    if (f->token != NULL) {
        snprintf(line, sizeof line, "Authorization: Bearer %s", f->token);
        *headers = curl_slist_append(*headers, line);
    } else if (f->user != NULL) {
        curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
        curl_easy_setopt(curl, CURLOPT_USERNAME, f->user);
        curl_easy_setopt(curl, CURLOPT_PASSWORD, f->password ? f->password : "");
    }
}

static void add_upload(CURL *curl, const struct client_fetch *f, struct curl_slist **headers)
{
    char type[200];
    if (f->upload_type == NULL)
        return;
    snprintf(type, sizeof type, "Content-Type: %s", f->upload_type);
    *headers = curl_slist_append(*headers, type);
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)f->upload.n);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, f->upload.p);
}

bool client_fetch(struct client_fetch *f, struct buf *body, struct error *err)
{
    char accept[200];
    struct fetching fetching = {f, body};
    CURL *curl = curl_easy_init();
    if (curl == NULL)
        return error_set(err, "%s", tr("the HTTP client cannot start", "HTTP クライアントを開始できません"));
    snprintf(accept, sizeof accept, "Accept: %s", f->accept);
    struct curl_slist *headers = curl_slist_append(NULL, accept);
    set_credentials(curl, f, &headers);
    add_upload(curl, f, &headers);
    f->status = 0;
    f->header_value[0] = 0;
    buf_clear(body);
    curl_easy_setopt(curl, CURLOPT_URL, f->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "");
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_some);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &fetching);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &fetching);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 10L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 300L);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "hyakuyo");
    CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &f->status);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    if (code == CURLE_WRITE_ERROR)
        return error_set(err,
                         tr("%s: the answer is larger than %zu bytes", "%s: 応答が %zu バイトを超えています"),
                         f->url, f->max_bytes);
    if (code != CURLE_OK)
        return error_set(err, tr("%s cannot be reached: %s", "%s に接続できません: %s"), f->url,
                         curl_easy_strerror(code));
    return f->status / 100 == 2 ||
           error_set(err, tr("%s answered %ld", "%s の応答は %ld です"), f->url, f->status);
}

void client_escape(struct buf *out, const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
        bool is_plain = (*at >= '0' && *at <= '9') || (*at >= 'a' && *at <= 'z') ||
                        (*at >= 'A' && *at <= 'Z') || *at == '-' || *at == '_' || *at == '.';
        if (is_plain)
            buf_char(out, (char)*at);
        else
            buf_printf(out, "%%%02X", *at);
    }
}

const struct json_node *client_rows(struct str body, struct arena *arena, struct str *rows, struct error *err)
{
    const struct json_node *top = json_parse(body, arena, err);
    size_t at = str_find(body, STR("\"rows\":["), 0);
    if (top == NULL || at == STR_NOT_FOUND) {
        error_set(err, "%s",
                  tr("the server's answer is not a list of rows", "サーバーの応答が一覧の形ではありません"));
        return NULL;
    }
    struct str rest = str_skip(body, at + 7);
    *rows = str_slice(rest, 0, json_value_length(rest));
    return top;
}

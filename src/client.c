/* A small HTTP client for commands, over libcurl. */
#include "client.h"

#include <curl/curl.h>
#include <signal.h>
#include <stdio.h>

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

bool client_find(const char *data_dir, struct client *out)
{
    char path[4096];
    struct buf text = {0};
    struct arena arena;
    struct error err;
    int64_t pid;
    *out = (struct client){.pid = 0};
    snprintf(path, sizeof path, "%s/server.json", data_dir);
    arena_init(&arena, 4096);
    struct json_node *top = NULL;
    if (file_read(path, 4096, &text, &err))
        top = json_parse(buf_str(&text), &arena, &err);
    bool ok = top != NULL && copy(out->url, sizeof out->url, json_text(top, "url")) &&
              copy(out->token, sizeof out->token, json_text(top, "token")) &&
              str_to_i64(json_text(top, "pid"), &pid) && kill((pid_t)pid, 0) == 0;
    out->pid = ok ? (int)pid : 0;
    arena_free(&arena);
    buf_free(&text);
    return ok;
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

bool client_get(const struct client *c, const char *path, struct buf *body, struct error *err)
{
    char url[16384], authorization[320];
    long status = 0;
    struct curl_slist *headers = NULL;
    CURL *curl = curl_easy_init();
    if (curl == NULL)
        return error_set(err, "%s", tr("the HTTP client cannot start", "HTTP クライアントを開始できません"));
    snprintf(url, sizeof url, "%s%s", c->url, path);
    snprintf(authorization, sizeof authorization, "Authorization: Bearer %s", c->token);
    if (c->token[0])
        headers = curl_slist_append(headers, authorization);
    curl_easy_setopt(curl, CURLOPT_URL, url);
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
    if (code != CURLE_OK)
        return error_set(err, tr("%s cannot be reached: %s", "%s に接続できません: %s"), c->url,
                         curl_easy_strerror(code));
    return status / 100 == 2 || explain(status, body, err);
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

/* The audit log as a chain: appended here for services_access.c, its end anchored in the record by
 * serve_record.c, walked by record_check.c. */
#include "record/audit_log.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/sha256.h"

#define PREV "\"prev\":\""

struct audit_log {
    int fd;
    pthread_mutex_t lock;
    struct audit_mark end;
};

static void hash_of(struct str bytes, char out[65])
{
    unsigned char hash[SHA256_BYTES];
    struct sha256 *h = sha256_new();
    bool ends_a_line = bytes.n && bytes.p[bytes.n - 1] == '\n';
    sha256_add(h, str_slice(bytes, 0, bytes.n - ends_a_line));
    sha256_end(h, hash);
    for (size_t i = 0; i < SHA256_BYTES; i++)
        snprintf(out + 2 * i, 3, "%02x", hash[i]);
}

/* The hash that a line ends with; "" when it is no link. `line` without its line feed. */
static struct str prev_of(struct str line)
{
    size_t n = strlen(PREV) + 64 + strlen("\"}");
    if (line.n < n || !str_starts(str_skip(line, line.n - n), STR(PREV)) || line.p[line.n - 1] != '}')
        return STR_EMPTY;
    return str_slice(line, line.n - 66, line.n - 2);
}

/* ---------------------------------------------------------------- appending */

/* Where the last link begins; 0 when there is none. */
static size_t last_link(struct str all)
{
    size_t end = all.n;
    while (end > 0) {
        size_t feed = end - 1; /* of this line, or its last byte when it was torn */
        size_t begin = feed;
        while (begin > 0 && all.p[begin - 1] != '\n')
            begin--;
        if (all.p[feed] == '\n' && prev_of(str_slice(all, begin, feed)).n)
            return begin;
        end = begin;
    }
    return 0;
}

static bool find_end(struct audit_log *a, const char *path, struct error *err)
{
    struct file_map map;
    if (!file_map_open(path, &map, err))
        return false;
    struct str all = file_map_str(&map);
    bool is_torn = all.n && all.p[all.n - 1] != '\n';
    a->end.bytes = all.n + is_torn;
    hash_of(str_skip(all, last_link(all)), a->end.sha256);
    file_map_close(&map);
    return !is_torn || write(a->fd, "\n", 1) == 1 ||
           error_errno(err, tr("%s cannot be written", "%s に書き込めません"), path);
}

struct audit_log *audit_log_open(const char *path, struct error *err)
{
    struct audit_log *a = NEW(struct audit_log);
    pthread_mutex_init(&a->lock, NULL);
    a->fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (a->fd < 0)
        error_errno(err, tr("%s cannot be written", "%s に書き込めません"), path);
    if (a->fd >= 0 && find_end(a, path, err))
        return a;
    audit_log_close(a);
    return NULL;
}

void audit_log_close(struct audit_log *a)
{
    if (a == NULL)
        return;
    if (a->fd >= 0)
        close(a->fd);
    pthread_mutex_destroy(&a->lock);
    memory_free(a);
}

/* One write for one line, so that lines of several threads never mix; what failed half-way is covered by
 * finding the end anew at the next start. */
bool audit_log_add(struct audit_log *a, struct str members, struct error *err)
{
    struct buf line = {0};
    pthread_mutex_lock(&a->lock);
    buf_add(&line, members);
    buf_printf(&line, "," PREV "%s\"}\n", a->end.sha256);
    bool ok = write(a->fd, line.p, line.n) == (ssize_t)line.n ||
              error_errno(err, "%s",
                          tr("the audit line could not be written; see the disk of the data folder",
                             "監査記録を書き込めません。データフォルダーのディスクを確認してください"));
    if (ok) {
        a->end.bytes += line.n;
        hash_of(buf_str(&line), a->end.sha256);
    }
    pthread_mutex_unlock(&a->lock);
    buf_free(&line);
    return ok;
}

struct audit_mark audit_log_end(struct audit_log *a)
{
    pthread_mutex_lock(&a->lock);
    struct audit_mark end = a->end;
    pthread_mutex_unlock(&a->lock);
    return end;
}

void audit_mark_format(const struct audit_mark *mark, char out[120])
{
    snprintf(out, 120, "sha256:%s;bytes:%llu", mark->sha256, (unsigned long long)mark->bytes);
}

bool audit_mark_parse(struct str text, struct audit_mark *out)
{
    size_t head = strlen("sha256:");
    *out = (struct audit_mark){.bytes = 0};
    if (!str_starts(text, STR("sha256:")) || text.n < head + 64 ||
        !str_starts(str_skip(text, head + 64), STR(";bytes:")) ||
        !str_to_u64(str_skip(text, head + 64 + strlen(";bytes:")), 10, &out->bytes))
        return false;
    memcpy(out->sha256, text.p + head, 64);
    return true;
}

/* ----------------------------------------------------------------- checking */

struct audit_check {
    struct file_map map;
    bool is_mapped;
    struct str all;
    size_t at, link; /* of the next line; of the last link */
    uint64_t lines;
};

struct audit_check *audit_check_open(const char *path, struct error *err)
{
    struct audit_check *c = NEW(struct audit_check);
    if (!file_exists(path))
        return c;
    c->is_mapped = file_map_open(path, &c->map, err);
    if (c->is_mapped) {
        c->all = file_map_str(&c->map);
        return c;
    }
    memory_free(c);
    return NULL;
}

struct audit_check *audit_check_over(struct str bytes)
{
    struct audit_check *c = NEW(struct audit_check);
    c->all = bytes;
    return c;
}

void audit_check_close(struct audit_check *c)
{
    if (c == NULL)
        return;
    if (c->is_mapped)
        file_map_close(&c->map);
    memory_free(c);
}

/* One line further; false when it is a link to something else than what stands before it. */
static bool step(struct audit_check *c, struct error *why)
{
    struct str all = c->all;
    char hash[65];
    size_t feed = str_find_char(all, '\n', c->at);
    size_t end = feed == STR_NOT_FOUND ? all.n : feed;
    struct str prev = prev_of(str_slice(all, c->at, end));
    c->lines++;
    if (prev.n) {
        hash_of(str_slice(all, c->link, c->at), hash);
        if (!str_eq(prev, str_c(hash)))
            return error_set(why,
                             tr("audit.ndjson, line %llu: the lines before it are not what they were",
                                "audit.ndjson の %llu 行目: これより前の行が当時と異なります"),
                             (unsigned long long)c->lines);
        c->link = c->at;
    }
    c->at = feed == STR_NOT_FOUND ? all.n : feed + 1;
    return true;
}

bool audit_check_to(struct audit_check *c, const struct audit_mark *mark, struct error *why)
{
    struct str all = c->all;
    char hash[65];
    while (c->at < mark->bytes && c->at < all.n)
        if (!step(c, why))
            return false;
    if (mark->bytes > all.n)
        return error_set(
            why,
            tr("audit.ndjson had %llu bytes at this entry and has %zu: lines are gone from its end",
               "audit.ndjson はこの記録の時点で %llu バイトでしたが、現在は %zu バイトです。"
               "末尾の行が失われています"),
            (unsigned long long)mark->bytes, all.n);
    hash_of(str_slice(all, c->link, (size_t)mark->bytes), hash);
    return (c->at == mark->bytes && str_eq(str_c(mark->sha256), str_c(hash))) ||
           error_set(why,
                     tr("audit.ndjson, line %llu: it is not the line that this entry names",
                        "audit.ndjson の %llu 行目: この記録が指す行と異なります"),
                     (unsigned long long)c->lines);
}

bool audit_check_rest(struct audit_check *c, struct error *why)
{
    while (c->at < c->all.n)
        if (!step(c, why))
            return false;
    return true;
}

uint64_t audit_check_lines(const struct audit_check *c)
{
    return c->lines;
}

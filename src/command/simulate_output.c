/* See simulate_output.h. Files are buffered; a server gets lines with LF behind them (RFC 6587,
 * non-transparent framing), at the speed that was asked for. */
#include "command/simulate_output.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"

#define SEND_BYTES (64u << 10)

struct simulate_output {
    struct simulate_output_options options;
    FILE *files[SIMULATE_OUTPUT_SOURCES], *all, *truth;
    int fd;
    struct buf sending;
    int64_t first_ns, started_ns;
    uint64_t lines;
    struct error failure;
    bool has_failed;
};

static bool fail(struct simulate_output *o, const char *what)
{
    if (!o->has_failed)
        error_errno(&o->failure, tr("cannot write %s", "%s に書き込めません"), what);
    o->has_failed = true;
    return false;
}

static FILE *open_file(struct simulate_output *o, struct str name, const char *ending)
{
    struct buf path = {0};
    buf_printf(&path, "%s/%.*s%s", o->options.folder, STR_ARGS(name), ending);
    FILE *f = fopen(buf_cstr(&path), "w");
    if (f == NULL)
        fail(o, buf_cstr(&path));
    else
        setvbuf(f, NULL, _IOFBF, 1 << 17);
    buf_free(&path);
    return f;
}

static bool connect_to(struct simulate_output *o, struct error *err)
{
    struct str address = str_c(o->options.address);
    size_t colon = str_find_last_char(address, ':');
    struct buf host = {0};
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    if (colon == STR_NOT_FOUND)
        return error_set(err, tr("--send %s: write HOST:PORT", "--send %s: HOST:PORT と書いてください"),
                         o->options.address);
    buf_add(&host, str_trim_chars(str_slice(address, 0, colon), "[]"));
    int status = getaddrinfo(buf_cstr(&host), o->options.address + colon + 1, &hints, &found);
    buf_free(&host);
    if (status != 0)
        return error_set(err, "--send %s: %s", o->options.address, gai_strerror(status));
    for (struct addrinfo *a = found; a != NULL && o->fd < 0; a = a->ai_next) {
        o->fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
        if (o->fd >= 0 && connect(o->fd, a->ai_addr, a->ai_addrlen) != 0) {
            close(o->fd);
            o->fd = -1;
        }
    }
    freeaddrinfo(found);
    return o->fd >= 0 ||
           error_errno(err, tr("--send %s: cannot connect", "--send %s: 接続できません"), o->options.address);
}

static bool make_folders(struct simulate_output *o, struct error *err)
{
    struct buf path = {0};
    buf_printf(&path, "%s/logs", o->options.folder);
    bool ok = file_make_folders(buf_cstr(&path), 0755, err);
    buf_clear(&path);
    buf_printf(&path, "%s/assets", o->options.folder);
    ok = ok && file_make_folders(buf_cstr(&path), 0755, err);
    buf_free(&path);
    if (!ok)
        return false;
    o->truth = open_file(o, STR("truth"), ".ndjson");
    if (o->options.is_one_file)
        o->all = open_file(o, STR("logs/all"), ".log");
    if (o->has_failed)
        *err = o->failure;
    return !o->has_failed;
}

struct simulate_output *simulate_output_open(const struct simulate_output_options *options, struct error *err)
{
    struct simulate_output *o = NEW(struct simulate_output);
    o->options = *options;
    o->fd = -1;
    bool ok =
        (options->folder == NULL || make_folders(o, err)) && (options->address == NULL || connect_to(o, err));
    if (options->folder == NULL && options->address == NULL)
        o->all = stdout;
    if (ok)
        return o;
    struct error ignored;
    (void)!simulate_output_close(o, &ignored);
    return NULL;
}

/* ---------------------------------------------------------------- lines */

static bool flush(struct simulate_output *o)
{
    for (size_t at = 0; at < o->sending.n;) {
        ssize_t n = send(o->fd, o->sending.p + at, o->sending.n - at, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR)
            return fail(o, o->options.address);
        at += n > 0 ? (size_t)n : 0;
    }
    buf_clear(&o->sending);
    return true;
}

static bool wait_until_due(struct simulate_output *o, int64_t arrival_ns)
{
    if (o->lines == 0) {
        o->first_ns = arrival_ns;
        o->started_ns = clock_monotonic_ns();
    }
    if (o->options.speed == 0)
        return true;
    int64_t left_ns = o->started_ns + (arrival_ns - o->first_ns) / o->options.speed - clock_monotonic_ns();
    if (left_ns <= 0)
        return true;
    if (o->fd >= 0 && !flush(o))
        return false;
    struct timespec pause = {left_ns / NS_PER_SECOND, left_ns % NS_PER_SECOND};
    nanosleep(&pause, NULL);
    return true;
}

static bool put_line(struct simulate_output *o, FILE *f, struct str text)
{
    return (fwrite(text.p, 1, text.n, f) == text.n && putc('\n', f) != EOF) || fail(o, o->options.folder);
}

bool simulate_output_line(struct simulate_output *o, int64_t arrival_ns, unsigned source,
                          struct str source_name, struct str text)
{
    if (o->has_failed || !wait_until_due(o, arrival_ns))
        return false;
    o->lines++;
    if (o->fd >= 0) {
        buf_add(&o->sending, text);
        buf_char(&o->sending, '\n');
        if (o->sending.n >= SEND_BYTES && !flush(o))
            return false;
    }
    if (o->all != NULL)
        return put_line(o, o->all, text);
    if (o->options.folder == NULL || source >= SIMULATE_OUTPUT_SOURCES)
        return true;
    if (o->files[source] == NULL) {
        struct buf name = {0};
        buf_printf(&name, "logs/%.*s", STR_ARGS(source_name));
        o->files[source] = open_file(o, buf_str(&name), ".log");
        buf_free(&name);
    }
    return o->files[source] != NULL && put_line(o, o->files[source], text);
}

bool simulate_output_truth(struct simulate_output *o, struct str json)
{
    return o->truth == NULL || put_line(o, o->truth, json);
}

uint64_t simulate_output_lines(const struct simulate_output *o)
{
    return o->lines;
}

bool simulate_output_close(struct simulate_output *o, struct error *err)
{
    if (o == NULL)
        return true;
    if (o->fd >= 0) {
        if (!o->has_failed)
            flush(o);
        close(o->fd);
    }
    for (size_t i = 0; i < SIMULATE_OUTPUT_SOURCES; i++)
        if (o->files[i] != NULL && fclose(o->files[i]) != 0)
            fail(o, o->options.folder);
    if (o->all != NULL && (o->all == stdout ? fflush(stdout) : fclose(o->all)) != 0)
        fail(o, o->all == stdout ? "stdout" : o->options.folder);
    if (o->truth != NULL && fclose(o->truth) != 0)
        fail(o, o->options.folder);
    bool ok = !o->has_failed;
    if (!ok)
        *err = o->failure;
    buf_free(&o->sending);
    memory_free(o);
    return ok;
}

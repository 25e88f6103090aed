/* See ports.h. Next: normalise/ with content/parsers/hyakuyo.port-scan.yml, then instrument/inventory.c. */
#include "organisation/ports.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "input/port_scan.h"

#define LOOK_NS       (200 * NS_PER_MS) /* between two looks for the kill switch */
#define FLUSH_BYTES   (256 << 10)
#define STATE_BYTES   (8 << 20)
#define STATE_HEADING "hyakuyo-ports 1"

/* -------------------------------------------------------------------- records */

struct about {
    struct str scan, coverage, host, name;
    int64_t time_ns;
};

static struct json_writer begin(struct buf *out, const struct about *a, const char *what)
{
    struct json_writer w = {.out = out};
    const struct {
        const char *key;
        struct str text;
    } texts[] = {{"hyakuyo", STR("port-scan")}, {"what", str_c(what)}, {"scan", a->scan},
                 {"coverage", a->coverage},     {"host", a->host},     {"name", a->name}};
    json_begin_object(&w);
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        if (texts[i].text.n == 0)
            continue;
        json_key(&w, texts[i].key);
        json_put_str(&w, texts[i].text);
    }
    json_key(&w, "time");
    json_put_time(&w, a->time_ns);
    return w;
}

static void end(struct json_writer *w)
{
    json_end_object(w);
    buf_char(w->out, '\n');
}

static void put_port(struct buf *out, const struct about *a, struct str protocol, unsigned port,
                     struct str service, struct str banner, bool confirmed)
{
    struct json_writer w = begin(out, a, "port");
    json_key(&w, "protocol");
    json_put_str(&w, protocol);
    json_key(&w, "port");
    json_put_u64(&w, port);
    if (service.n) {
        json_key(&w, "service");
        json_put_str(&w, service);
    }
    if (banner.n) {
        json_key(&w, "banner");
        json_put_str(&w, banner);
    }
    if (confirmed) {
        json_key(&w, "confirmed");
        json_put_bool(&w, true);
    }
    end(&w);
}

static void put_host(struct buf *out, const struct about *a, const char *state, struct str reason,
                     size_t open)
{
    struct json_writer w = begin(out, a, "host");
    json_key(&w, "state");
    json_put_c(&w, state);
    if (reason.n) {
        json_key(&w, "reason");
        json_put_str(&w, reason);
    }
    json_key(&w, "open");
    json_put_u64(&w, open);
    end(&w);
}

void ports_put_nmap(struct buf *out, const struct nmap_run *run, const struct nmap_host *host)
{
    char scan[40];
    int64_t time_s = host->end_s ? host->end_s : run->start_s;
    snprintf(scan, sizeof scan, "nmap-%lld", (long long)run->start_s);
    struct about a = {.scan = str_c(scan),
                      .coverage = str_c(run->coverage),
                      .host = host->address,
                      .name = host->name,
                      .time_ns = time_s ? time_s * NS_PER_SECOND : clock_wall_ns()};
    for (size_t i = 0; i < host->port_count; i++)
        put_port(out, &a, host->ports[i].protocol, host->ports[i].number, host->ports[i].service,
                 host->ports[i].banner, false);
    put_host(out, &a, host->is_up ? "up" : "down", host->reason, host->port_count);
}

/* ---------------------------------------------------------------------- state */

static const char *path_in(const char *data_dir, const char *name, struct arena *arena)
{
    return arena_printf(arena, "%s/%s", data_dir, name).p;
}

bool ports_are_stopped(const char *data_dir)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/ports.stop", data_dir);
    return file_exists(path);
}

static void read_state_line(struct ports_state *state, struct str line)
{
    size_t blank = str_find_char(line, ' ', 0);
    uint64_t number;
    if (blank == STR_NOT_FOUND || !str_to_u64(str_skip(line, blank + 1), 10, &number))
        return;
    struct str word = str_slice(line, 0, blank);
    if (str_eq(word, STR("day")))
        state->day = (int64_t)number;
    else if (state->count < PORTS_MISSED_MAX)
        state->missed[state->count++] = (struct ports_missed){word, (uint32_t)number};
}

bool ports_state_load(struct ports_state *state, const char *data_dir, struct arena *arena, struct error *err)
{
    const char *path = path_in(data_dir, "ports.state", arena);
    struct buf bytes = {0};
    *state = (struct ports_state){.missed = ARENA_ARRAY(arena, struct ports_missed, PORTS_MISSED_MAX)};
    if (!file_exists(path))
        return true;
    if (!file_read(path, STATE_BYTES, &bytes, err))
        return false;
    struct str rest = arena_str(arena, buf_str(&bytes)), line;
    buf_free(&bytes);
    if (!str_split(&rest, '\n', &line) || !str_eq(line, STR(STATE_HEADING)))
        return error_set(
            err,
            tr("%s: this is not a state of port scans; remove the file, and the next scan begins anew",
               "%s: ポートスキャンの状態ファイルではありません。削除すると次回から作り直します"),
            path);
    while (str_split(&rest, '\n', &line))
        read_state_line(state, line);
    return true;
}

bool ports_state_save(const struct ports_state *state, const char *data_dir, struct error *err)
{
    char path[4096];
    struct buf out = {0};
    buf_printf(&out, "%s\nday %lld\n", STATE_HEADING, (long long)state->day);
    for (size_t i = 0; i < state->count; i++)
        buf_printf(&out, "%.*s %u\n", STR_ARGS(state->missed[i].address), state->missed[i].times);
    snprintf(path, sizeof path, "%s/ports.state", data_dir);
    bool ok = file_write_atomic(path, buf_str(&out), 0600, err);
    buf_free(&out);
    return ok;
}

/* -------------------------------------------------------------------- running */

struct running {
    const struct ports_run_options *o;
    struct ports_state *state;
    struct ports_counts *counts;
    const size_t *numbers; /* of targets, by the scanner's index */
    char scan[64];
    struct buf out;
    struct error *err;
    int64_t look_ns;
    bool goes_on, has_failed;
};

static void flush(struct running *r, size_t least)
{
    if (r->out.n < least || r->out.n == 0 || r->has_failed)
        return;
    r->has_failed = !r->o->write(r->o->context, buf_str(&r->out), r->err);
    buf_clear(&r->out);
}

static bool go_on(void *context)
{
    struct running *r = context;
    int64_t now_ns = clock_monotonic_ns();
    if (now_ns < r->look_ns)
        return r->goes_on;
    r->look_ns = now_ns + LOOK_NS;
    r->goes_on = !r->has_failed && !ports_are_stopped(r->o->data_dir) &&
                 (!r->o->is_scheduled || port_plan_is_open(r->o->plan, r->o->zone, clock_wall_ns()));
    return r->goes_on;
}

static struct ports_missed *find_missed(struct ports_state *state, struct str address)
{
    for (size_t i = 0; i < state->count; i++)
        if (str_eq(state->missed[i].address, address))
            return &state->missed[i];
    return NULL;
}

static void note_missed(struct ports_state *state, struct str address, bool is_missed)
{
    struct ports_missed *m = find_missed(state, address);
    if (m != NULL && !is_missed)
        *m = state->missed[--state->count];
    else if (m != NULL)
        m->times++;
    else if (is_missed && state->count < PORTS_MISSED_MAX)
        state->missed[state->count++] = (struct ports_missed){address, 1};
}

static struct about about(const struct running *r, const struct port_target *t)
{
    return (struct about){.scan = str_c(r->scan),
                          .coverage = str_c(r->o->plan->profile.coverage),
                          .host = t->address,
                          .name = t->name,
                          .time_ns = clock_wall_ns()};
}

static void take_result(void *context, const struct port_scan_result *result)
{
    struct running *r = context;
    const struct port_target *t = &r->o->targets[r->numbers[result->target]];
    struct about a = about(r, t);
    bool is_up = result->state == PORT_SCAN_UP;
    for (size_t i = 0; i < result->open_count && is_up; i++)
        put_port(&r->out, &a, STR("tcp"), result->open[i].port, STR_EMPTY, str_c(result->open[i].banner),
                 result->open[i].is_confirmed);
    if (is_up)
        put_host(&r->out, &a, "up", STR_EMPTY, result->open_count);
    else
        put_host(&r->out, &a, "down",
                 result->state == PORT_SCAN_SILENT ? STR("no answer") : STR("scan stopped"), 0);
    r->counts->scanned += is_up;
    r->counts->open += is_up ? result->open_count : 0;
    r->counts->silent += result->state == PORT_SCAN_SILENT;
    r->counts->not_done += result->state == PORT_SCAN_NOT_DONE;
    if (r->o->is_scheduled)
        note_missed(r->state, t->address, !is_up);
    flush(r, FLUSH_BYTES);
}

static int by_missed(const void *left, const void *right, void *context)
{
    const struct port_target *a = left, *b = right;
    struct ports_missed *x = find_missed(context, a->address), *y = find_missed(context, b->address);
    uint32_t m = x ? x->times : 0, n = y ? y->times : 0;
    return m != n ? (m > n ? -1 : 1) : a < b ? -1 : a > b;
}

/* Devices that must not be scanned are told as such: what listens there stays unknown. */
static size_t sort_out(struct running *r, struct ip *ips, size_t *numbers)
{
    size_t count = 0;
    for (size_t i = 0; i < r->o->count; i++) {
        const struct port_target *t = &r->o->targets[i];
        if (t->why_not == NULL) {
            numbers[count] = i;
            ips[count++] = t->ip;
            continue;
        }
        r->counts->never++;
    }
    return count;
}

bool ports_run(const struct ports_run_options *o, struct ports_state *state, struct arena *arena,
               struct ports_counts *counts, struct error *err)
{
    struct running r = {.o = o, .state = state, .counts = counts, .err = err, .goes_on = true};
    char now[TIME_TEXT_MAX];
    int minute;
    *counts = (struct ports_counts){0};
    snprintf(r.scan, sizeof r.scan, "%.*s", (int)time_format_iso(clock_wall_ns(), now), now);
    if (o->is_scheduled)
        qsort_r(o->targets, o->count, sizeof *o->targets, by_missed, state);
    struct ip *ips = ARENA_ARRAY(arena, struct ip, o->count + 1);
    size_t *numbers = ARENA_ARRAY(arena, size_t, o->count + 1);
    const struct port_profile *p = &o->plan->profile;
    r.numbers = numbers;
    struct port_scan_settings settings = {.targets = ips,
                                          .target_count = sort_out(&r, ips, numbers),
                                          .ports = p->ports,
                                          .port_count = p->port_count,
                                          .packets_per_second = p->packets_per_second,
                                          .timeout_ms = p->timeout_ms,
                                          .banner_ms = p->banner_ms,
                                          .hosts_at_once = p->hosts_at_once,
                                          .go_on = go_on,
                                          .done = take_result,
                                          .context = &r};
    bool ok = port_scan_run(&settings, err);
    flush(&r, 0);
    buf_free(&r.out);
    if (o->is_scheduled && ok && !r.has_failed)
        state->day = port_plan_day(o->zone, clock_wall_ns(), &minute);
    return ok && !r.has_failed;
}

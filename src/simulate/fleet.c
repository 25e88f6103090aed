/* Products, releases and conditions from content/simulate/fleet.yml. A release is a number that grows with
 * time; hosts install it when they ask for it (the activity with `does: update`). */
#include "simulate/fleet.h"

#include <math.h>

#include "base/log.h"
#include "simulate/office.h"
#include "simulate/random.h"
#include "simulate/time_form.h"

static bool read_vendor(struct fleet *f, const char *path, const struct yaml *n, struct error *err)
{
    struct vendor *v = &f->vendors[f->vendor_count];
    bool ok = f->vendor_count < VENDORS_MAX && str_to_double(yaml_text(n, "share"), &v->share) &&
              span_parse(yaml_text(n, "every"), &v->every_ns) && v->every_ns > 0;
    if (!ok)
        return error_at(err, path, n->line, n->column,
                        tr("a vendor needs key, share and every: a time like 8h, and there are at most %d",
                           "ベンダーには key、share、every(8h のような時間)が必要です(最大 %d 社)"),
                        VENDORS_MAX);
    v->key = yaml_text(n, "key");
    v->product = yaml_text(n, "product");
    v->engine = yaml_text(n, "engine");
    v->pattern = yaml_text(n, "pattern");
    v->first = yaml_int(n, "first", 1);
    v->is_for_servers = yaml_bool(n, "servers", false);
    f->vendor_count++;
    return true;
}

static bool read_condition(struct fleet *f, const char *path, const struct yaml *n, struct error *err)
{
    struct condition *c = &f->conditions[f->condition_count];
    if (f->condition_count == CONDITIONS_MAX || !str_to_double(yaml_text(n, "share"), &c->share))
        return error_at(err, path, n->line, n->column,
                        tr("a condition needs name and share, and there are at most %d",
                           "状態には name と share が必要です(最大 %d 件)"),
                        CONDITIONS_MAX);
    c->name = yaml_text(n, "name");
    c->is_from_the_start = str_eq(yaml_text(n, "from"), STR("start"));
    if (!str_to_double(yaml_text(n, "servers"), &c->servers))
        c->servers = 0;
    f->condition_count++;
    return true;
}

bool simulated_fleet_load(struct fleet *f, const char *path, struct arena *arena, int64_t from_ns,
                          int64_t to_ns, struct error *err)
{
    *f = (struct fleet){.arena = arena, .from_ns = from_ns, .to_ns = to_ns};
    struct yaml *top = yaml_load(path, arena, err);
    if (top == NULL)
        return false;
    const struct yaml *vendors = yaml_get(top, "vendors"), *conditions = yaml_get(top, "conditions");
    for (const struct yaml *n = vendors ? vendors->child : NULL; n; n = n->next)
        if (!read_vendor(f, path, n, err))
            return false;
    for (const struct yaml *n = conditions ? conditions->child : NULL; n; n = n->next)
        if (!read_condition(f, path, n, err))
            return false;
    return f->vendor_count > 0 ||
           error_set(err, tr("%s: there is no vendor; name at least one", "%s: vendors がありません"), path);
}

int fleet_condition(const struct fleet *f, struct str name)
{
    for (unsigned i = 0; i < f->condition_count; i++)
        if (str_eq(f->conditions[i].name, name))
            return (int)i;
    return -1;
}

/* ---------------------------------------------------------------- releases */

int64_t fleet_newest(const struct vendor *v, int64_t time_ns)
{
    return time_ns / v->every_ns;
}

int64_t fleet_release_time(const struct vendor *v, int64_t release)
{
    return release * v->every_ns;
}

static struct str release_text(struct fleet *f, const struct vendor *v, int64_t release)
{
    struct buf out = {0};
    int64_t time_ns = fleet_release_time(v, release), day = time_day(time_ns);
    int64_t number = v->first + release - f->from_ns / v->every_ns;
    int64_t of_day =
        1 + release - (day * 86400 * NS_PER_SECOND - TIME_OFFSET_NS + v->every_ns - 1) / v->every_ns;
    for (struct str rest = v->pattern; rest.n;) {
        if (str_starts(rest, STR("{n}"))) {
            buf_i64(&out, number);
            rest = str_skip(rest, 3);
        } else if (str_starts(rest, STR("{date}"))) {
            time_form_put(TIME_FORM_YYMMDD, time_ns, &out);
            rest = str_skip(rest, 6);
        } else if (str_starts(rest, STR("{rev}"))) {
            buf_printf(&out, "%03d", (int)of_day);
            rest = str_skip(rest, 5);
        } else {
            buf_char(&out, rest.p[0]);
            rest = str_skip(rest, 1);
        }
    }
    struct str text = arena_str(f->arena, buf_str(&out));
    buf_free(&out);
    return text;
}

/* Hosts start up to RELEASES_BEFORE releases behind. */
#define RELEASES_BEFORE 64

struct str fleet_pattern(struct fleet *f, struct vendor *v, int64_t release)
{
    if (v->releases == NULL) {
        v->release_base = fleet_newest(v, f->from_ns) - RELEASES_BEFORE;
        v->release_count = fleet_newest(v, f->to_ns) - v->release_base + RELEASES_BEFORE;
        v->releases = ARENA_ARRAY(f->arena, struct str, v->release_count);
    }
    int64_t i = release - v->release_base;
    if (i < 0 || i >= v->release_count)
        return release_text(f, v, release);
    if (v->releases[i].p == NULL)
        v->releases[i] = release_text(f, v, release);
    return v->releases[i];
}

bool fleet_update(struct fleet *f, struct host *h, int64_t release, int64_t time_ns)
{
    struct vendor *v = &f->vendors[h->control.vendor];
    if (release <= h->control.release)
        return false;
    h->control.release = release;
    h->control.updated_ns = time_ns;
    h->texts[ATTRIBUTE_PATTERN_BEFORE] = h->texts[ATTRIBUTE_PATTERN];
    h->texts[ATTRIBUTE_PATTERN] = fleet_pattern(f, v, release);
    return true;
}

/* ---------------------------------------------------------------- hosts */

/* Faults of that many days are there at the end, most of them from before a short simulation began. */
#define CONDITION_SPAN_NS (60 * DAY_NS)

static unsigned choose_vendor(const struct fleet *f, const struct host *h)
{
    double sum = 0, at = random_share(random_key(h->key, 11));
    for (unsigned i = 0; i < f->vendor_count; i++)
        sum += f->vendors[i].share;
    for (unsigned i = 0; i < f->vendor_count; i++) {
        if (h->kind == HOST_SERVER && f->vendors[i].is_for_servers)
            return i;
        at -= f->vendors[i].share / sum;
        if (at < 0 && h->kind != HOST_SERVER)
            return i;
    }
    return 0;
}

static int64_t condition_since(const struct fleet *f, const struct condition *c, const struct host *h,
                               unsigned i)
{
    uint64_t key = random_key(h->key, 100 + i);
    double share = h->kind == HOST_SERVER ? c->servers : c->share;
    if (h->kind == HOST_DEVICE || random_share(key) >= share)
        return INT64_MAX;
    if (c->is_from_the_start)
        return INT64_MIN;
    int64_t span_ns = f->to_ns - f->from_ns > CONDITION_SPAN_NS ? f->to_ns - f->from_ns : CONDITION_SPAN_NS;
    return f->to_ns - (int64_t)(random_share(random_mix(key)) * (double)span_ns);
}

void fleet_equip(struct fleet *f, struct host *h)
{
    struct control *c = &h->control;
    c->vendor = (uint8_t)choose_vendor(f, h);
    struct vendor *v = &f->vendors[c->vendor];
    for (unsigned i = 0; i < CONDITIONS_MAX; i++)
        c->since_ns[i] = i < f->condition_count ? condition_since(f, &f->conditions[i], h, i) : INT64_MAX;
    /* some had been away for a while */
    double behind = -log1p(-random_share(random_key(h->key, 12))) * 1.2;
    c->release = fleet_newest(v, f->from_ns) - (int64_t)behind;
    c->updated_ns = fleet_release_time(v, c->release);
    c->full_scan_ns = TIME_UNKNOWN;
    if (h->kind == HOST_DEVICE)
        return;
    h->texts[ATTRIBUTE_VENDOR] = v->key;
    h->texts[ATTRIBUTE_PRODUCT] = v->product;
    h->texts[ATTRIBUTE_ENGINE] = v->engine;
    h->texts[ATTRIBUTE_PATTERN] = fleet_pattern(f, v, c->release);
    h->texts[ATTRIBUTE_PATTERN_BEFORE] = fleet_pattern(f, v, c->release - 1);
}

/* The everyday trends for the console (S59): rows of store/state_rollup.h with what is usual
 * (instrument/rollup.h) and the question that finds the raw lines behind each cell. */
#include <math.h>

#include "base/json.h"
#include "instrument/rollup.h"
#include "server/server.h"
#include "store/state_rollup.h"

#define BINS_MOST       10000
#define DAY_SECONDS     86400
#define HISTORY_DAYS    56 /* before what is shown: eight weeks for the band to learn from */
#define HOURS_MOST      ((size_t)24 * 500)
#define FINE_OF_AN_HOUR 12
#define COUNTS_NOISE    9 /* counts vary at least as Poisson's do: three standard deviations, squared */

static const struct rollup_keys special = {{ROLLUP_TOTAL, 1}, {ROLLUP_OTHER, 1}, {ROLLUP_SHORT, 1}};

struct trend_answer {
    struct server *s;
    const struct trend_request *request;
    const struct rollup_dimension *dimension;
    struct arena *arena;
    struct json_writer w;
    struct console_failure *failure;
    int64_t from_s, to_s; /* whole bins */
};

static bool refuse(struct console_failure *f, int status, const char *en, const char *ja)
{
    f->status = status;
    error_set(&f->en, "%s", en);
    error_set(&f->ja, "%s", ja);
    return false;
}

static bool fail(struct console_failure *f, const struct error *err)
{
    f->status = 500;
    f->en = f->ja = *err;
    return false;
}

static void put(struct json_writer *w, const char *key, struct str text)
{
    json_key(w, key);
    json_put_str(w, text);
}

static void put_number(struct json_writer *w, const char *key, uint64_t number)
{
    json_key(w, key);
    json_put_u64(w, number);
}

static void put_time(struct json_writer *w, const char *key, int64_t seconds)
{
    json_key(w, key);
    json_put_time(w, seconds * NS_PER_SECOND);
}

static void put_question(struct trend_answer *a, struct str key)
{
    struct buf question = {0};
    rollup_question(a->dimension, key, &question);
    put(&a->w, "query", buf_str(&question));
    buf_free(&question);
}

static void put_title(struct json_writer *w, const struct rollup_dimension *d)
{
    json_key(w, "title");
    json_begin_object(w);
    put(w, "en", d->title_en);
    put(w, "ja", d->title_ja);
    json_end_object(w);
}

static void put_fields(struct json_writer *w, const struct rollup_dimension *d)
{
    json_key(w, "by");
    json_begin_array(w);
    for (size_t i = 0; i < d->by_count; i++)
        json_put_str(w, field_name(d->by[i].field));
    json_end_array(w);
}

/* ---------------------------------------------------------------------- list */

static bool list(struct trend_answer *a)
{
    const struct rollup_content *c = a->s->trends;
    int64_t first_s;
    struct error err;
    if (!state_rollup_first_day(a->s->state, STR_EMPTY, &first_s, &err))
        return fail(a->failure, &err);
    put_number(&a->w, "days", c->days);
    put_number(&a->w, "keys", c->keys);
    json_key(&a->w, "first_day");
    if (first_s == INT64_MAX)
        json_put_null(&a->w);
    else
        json_put_time(&a->w, first_s * NS_PER_SECOND);
    put_number(&a->w, "out_of_range", desk_rollup_out_of_range(a->s->desk));
    json_key(&a->w, "dimensions");
    json_begin_array(&a->w);
    for (size_t i = 0; i < c->count; i++) {
        json_begin_object(&a->w);
        put(&a->w, "name", c->dimensions[i].name);
        put_title(&a->w, &c->dimensions[i]);
        put_fields(&a->w, &c->dimensions[i]);
        json_end_object(&a->w);
    }
    json_end_array(&a->w);
    return true;
}

/* ----------------------------------------------------------------------- top */

static void put_row(struct trend_answer *a, const struct rollup_row *row)
{
    struct str values[ROLLUP_BY_MAX];
    size_t count = rollup_key_values(row->key, values, a->arena);
    json_begin_object(&a->w);
    put(&a->w, "key", row->key);
    json_key(&a->w, "values");
    json_begin_array(&a->w);
    for (size_t i = 0; i < count; i++)
        json_put_str(&a->w, values[i]);
    json_end_array(&a->w);
    put_number(&a->w, "count", row->count);
    put_question(a, row->key);
    json_end_object(&a->w);
}

static bool top(struct trend_answer *a)
{
    struct rollup_top found;
    struct error err;
    if (!state_rollup_top(a->s->state, a->dimension->name, a->from_s, a->to_s, &special, a->request->limit,
                          a->arena, &found, &err))
        return fail(a->failure, &err);
    put_time(&a->w, "from", a->from_s);
    put_time(&a->w, "to", a->to_s);
    put_title(&a->w, a->dimension);
    put_fields(&a->w, a->dimension);
    put_number(&a->w, "total", found.total);
    put_number(&a->w, "keys", found.keys);
    put_number(&a->w, "other", found.other);
    put_number(&a->w, "short_by", found.short_by);
    put_question(a, STR(ROLLUP_TOTAL));
    json_key(&a->w, "rows");
    json_begin_array(&a->w);
    for (uint32_t i = 0; i < found.count; i++)
        put_row(a, &found.rows[i]);
    json_end_array(&a->w);
    return true;
}

/* -------------------------------------------------------------------- series */

/* Hours one after the other from the first day on, quiet ones too, and what is usual in each. */
struct hours {
    int64_t first_s;
    size_t count;
    double *counts;
    struct band *bands;
};

struct series {
    struct rollup_day *days;
    uint32_t count;
    struct hours hours;
};

static void fill_hours(struct trend_answer *a, struct series *s, int64_t first_s, int64_t end_s)
{
    struct hours *h = &s->hours;
    h->first_s = first_s;
    h->count = end_s > first_s ? (size_t)((end_s - first_s + 3599) / 3600) : 0;
    h->count = h->count < HOURS_MOST ? h->count : HOURS_MOST;
    h->counts = ARENA_ARRAY(a->arena, double, h->count + 1);
    h->bands = ARENA_ARRAY(a->arena, struct band, h->count + 1);
    for (uint32_t d = 0; d < s->count; d++)
        for (int64_t i = 0; i < ROLLUP_HOURS; i++) {
            int64_t at = (s->days[d].day_s - first_s) / 3600 + i;
            if (at >= 0 && at < (int64_t)h->count)
                h->counts[at] += (double)s->days[d].hours[i];
        }
    int64_t local_s = first_s + zone_offset_at_utc(a->s->zone, first_s);
    unsigned hour_of_week = (unsigned)((local_s / 3600 + 3 * 24) % WEEK_HOURS); /* 1970 began on a Thursday */
    rollup_bands(h->counts, h->count, hour_of_week, h->bands);
}

/* A part of an hour has that part of what is usual, several hours their sum; deviations add as those of
 * independent counts do. */
static struct band band_of(const struct hours *h, int64_t from_s, int64_t to_s)
{
    struct band sum = {.is_usable = true};
    double square = 0;
    for (int64_t at = (from_s - h->first_s) / 3600; at * 3600 + h->first_s < to_s; at++) {
        if (at < 0 || at >= (int64_t)h->count || !h->bands[at].is_usable)
            return (struct band){0};
        double half = h->bands[at].high - h->bands[at].expected;
        sum.expected += h->bands[at].expected;
        square += half * half;
    }
    if (to_s - from_s < 3600) {
        sum.expected /= FINE_OF_AN_HOUR;
        square /= FINE_OF_AN_HOUR;
    }
    square = fmax(square, COUNTS_NOISE * sum.expected);
    sum.low = fmax(0, sum.expected - sqrt(square));
    sum.high = sum.expected + sqrt(square);
    return sum;
}

static void put_bin(struct trend_answer *a, const struct hours *h, int64_t from_s, int64_t to_s,
                    uint64_t count)
{
    struct json_writer *w = &a->w;
    struct band band = band_of(h, from_s, to_s);
    json_begin_object(w);
    put_time(w, "time", from_s);
    put_number(w, "count", count);
    static const char *const names[] = {"expected", "low", "high"};
    double values[] = {band.expected, band.low, band.high};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        json_key(w, names[i]);
        if (band.is_usable)
            json_put_double(w, round(values[i] * 100) / 100);
        else
            json_put_null(w);
    }
    json_end_object(w);
}

static uint64_t count_of(const struct rollup_day *day, enum trend_scale scale, int64_t at)
{
    if (day == NULL)
        return 0;
    return scale == TREND_DAY ? day->count : scale == TREND_HOUR ? day->hours[at] : day->bins[at];
}

/* Every bin of one local day that begins in the range. */
static void put_day(struct trend_answer *a, const struct hours *h, int64_t day_s, int64_t next_s,
                    const struct rollup_day *day)
{
    static const int64_t steps[] = {
        [TREND_FINE] = ROLLUP_BIN_SECONDS, [TREND_HOUR] = 3600, [TREND_DAY] = DAY_SECONDS * 2};
    int64_t step = steps[a->request->scale];
    for (int64_t at = 0; day_s + at * step < next_s; at++) {
        int64_t from_s = day_s + at * step, to_s = from_s + step < next_s ? from_s + step : next_s;
        if (to_s > a->from_s && from_s < a->to_s)
            put_bin(a, h, from_s, to_s, count_of(day, a->request->scale, at));
    }
}

static bool is_too_fine(const struct trend_answer *a)
{
    static const int64_t steps[] = {
        [TREND_FINE] = ROLLUP_BIN_SECONDS, [TREND_HOUR] = 3600, [TREND_DAY] = DAY_SECONDS};
    return (a->to_s - a->from_s) / steps[a->request->scale] > BINS_MOST;
}

static bool read_series(struct trend_answer *a, struct str key, struct series *out)
{
    struct error err;
    int64_t first_s, now_s = clock_wall_ns() / NS_PER_SECOND;
    int64_t history_s = a->from_s - (int64_t)HISTORY_DAYS * DAY_SECONDS;
    if (!state_rollup_first_day(a->s->state, a->dimension->name, &first_s, &err) ||
        !state_rollup_days(a->s->state, a->dimension->name, key, history_s, a->to_s,
                           a->request->scale == TREND_FINE, a->arena, &out->days, &out->count, &err))
        return fail(a->failure, &err);
    if (first_s < history_s)
        first_s = rollup_day_start(a->s->zone, history_s);
    fill_hours(a, out, first_s, a->to_s < now_s ? a->to_s : now_s);
    return true;
}

static bool series(struct trend_answer *a)
{
    struct series s;
    struct str key = a->request->has_key ? a->request->key : STR(ROLLUP_TOTAL);
    if (is_too_fine(a))
        return refuse(a->failure, 400,
                      "That is more than 10,000 bins; ask for a coarser scale or a shorter time.",
                      "区間が10,000を超えます。粗い間隔か短い期間を指定してください。");
    if (!read_series(a, key, &s))
        return false;
    put_question(a, key);
    json_key(&a->w, "bins");
    json_begin_array(&a->w);
    uint32_t at = 0;
    for (int64_t day_s = rollup_day_start(a->s->zone, a->from_s), next_s; day_s < a->to_s; day_s = next_s) {
        next_s = rollup_day_start(a->s->zone, day_s + DAY_SECONDS + 7200);
        while (at < s.count && s.days[at].day_s < day_s)
            at++;
        put_day(a, &s.hours, day_s, next_s, at < s.count && s.days[at].day_s == day_s ? &s.days[at] : NULL);
    }
    json_end_array(&a->w);
    return true;
}

/* ------------------------------------------------------------------- service */

static int64_t whole_bin(int64_t time_ns, bool up)
{
    int64_t step = ROLLUP_BIN_SECONDS, seconds = time_ns / NS_PER_SECOND;
    return (seconds + (up ? step - 1 : 0)) / step * step;
}

static bool trends(void *ctx, const struct trend_request *request, struct arena *arena, struct buf *json,
                   struct console_failure *failure)
{
    struct trend_answer a = {
        .s = ctx, .request = request, .arena = arena, .w = {.out = json}, .failure = failure};
    bool ok;
    if (request->what != TRENDS_LIST) {
        a.dimension = rollup_dimension_find(a.s->trends, request->dimension);
        if (a.dimension == NULL)
            return refuse(failure, 404, "There is no trend of that name; /api/v1/trends lists them.",
                          "その名前の傾向はありません。/api/v1/trends に一覧があります。");
        if (request->from_ns >= request->to_ns || request->from_ns < 0)
            return refuse(failure, 400, "'from' must lie before 'to'.", "from は to より前にしてください。");
        a.from_s = whole_bin(request->from_ns, false);
        a.to_s = whole_bin(request->to_ns, true);
    }
    json_begin_object(&a.w);
    switch (request->what) {
    case TRENDS_TOP:
        ok = top(&a);
        break;
    case TRENDS_SERIES:
        ok = series(&a);
        break;
    default:
        ok = list(&a);
    }
    json_end_object(&a.w);
    return ok;
}

void services_trends(struct console_services *s)
{
    s->trends = trends;
}

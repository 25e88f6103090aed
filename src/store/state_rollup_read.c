/* Stage: store. The everyday trends are read: sums by key over any time, and the days of one key. Next:
 * state_record.c. */
#include <stdlib.h>

#include "base/map.h"
#include "base/memory.h"
#include "store/state_rollup.h"
#include "store/state_rollup_internal.h"
#include "store/state_sql.h"

static bool take_number(struct str *in, uint64_t *out)
{
    *out = 0;
    for (unsigned shift = 0; in->n && shift < 64; shift += 7) {
        uint8_t c = (uint8_t)in->p[0];
        *in = str_skip(*in, 1);
        *out |= (uint64_t)(c & 0x7f) << shift;
        if (c < 0x80)
            return true;
    }
    return false;
}

/* Adds to `counts`; what does not fit is left out. */
void rollup_unpack(struct str in, uint64_t *counts, size_t n)
{
    uint64_t gap, count;
    for (size_t at = 0; take_number(&in, &gap) && take_number(&in, &count); at++) {
        if (gap >= n - at)
            return;
        at += gap;
        counts[at] += count;
        if (at + 1 == n)
            return;
    }
}

struct str rollup_blob(sqlite3_stmt *q, int column)
{
    const void *bytes = sqlite3_column_blob(q, column);
    return str_n(bytes, bytes ? (size_t)sqlite3_column_bytes(q, column) : 0);
}

/* ------------------------------------------------------------------- reading */

#define DAY_LONGEST (ROLLUP_BINS * 300)

struct sums {
    struct map by_key; /* key → count */
    struct arena *arena;
};

static void add_to(struct sums *sums, struct str key, uint64_t count)
{
    uintptr_t *known = map_find(&sums->by_key, key);
    if (known == NULL)
        known = map_put(&sums->by_key, arena_str(sums->arena, key), NULL);
    *known += count;
}

static struct str borrow_text(sqlite3_stmt *q, int column)
{
    const char *text = (const char *)sqlite3_column_text(q, column);
    return str_n(text ? text : "", text ? (size_t)sqlite3_column_bytes(q, column) : 0);
}

/* Days that lie in the range as a whole, were they the longest: from the index alone. */
static bool sum_days(struct state *s, struct str dimension, int64_t from_s, int64_t to_s, struct sums *sums,
                     struct error *err)
{
    int row = -1;
    sqlite3_stmt *q = sql_get(s,
                              "SELECT key, sum(count) FROM rollup INDEXED BY rollup_by_day"
                              " WHERE dimension = ? AND day_s >= ? AND day_s <= ? GROUP BY key",
                              err);
    if (q == NULL)
        return false;
    sql_text(q, 1, dimension);
    sql_i64(q, 2, from_s);
    sql_i64(q, 3, to_s - DAY_LONGEST);
    while ((row = sql_step(s, q, err)) == 1)
        add_to(sums, borrow_text(q, 0), sql_column_u64(q, 1));
    return row == 0;
}

/* Days that begin in [first_s, end_s) and only reach into the range. */
static bool sum_bins(struct state *s, struct str dimension, int64_t first_s, int64_t end_s, int64_t from_s,
                     int64_t to_s, struct sums *sums, struct error *err)
{
    int row = -1;
    sqlite3_stmt *q = sql_get(s,
                              "SELECT key, day_s, bins FROM rollup INDEXED BY rollup_by_day"
                              " WHERE dimension = ? AND day_s >= ? AND day_s < ?",
                              err);
    if (q == NULL)
        return false;
    sql_text(q, 1, dimension);
    sql_i64(q, 2, first_s);
    sql_i64(q, 3, end_s);
    while ((row = sql_step(s, q, err)) == 1) {
        uint64_t bins[ROLLUP_BINS] = {0}, count = 0;
        int64_t day_s = sql_column_i64(q, 1);
        rollup_unpack(rollup_blob(q, 2), bins, ROLLUP_BINS);
        for (int64_t i = 0; i < ROLLUP_BINS; i++)
            if (day_s + i * 300 >= from_s && day_s + i * 300 < to_s)
                count += bins[i];
        if (count)
            add_to(sums, borrow_text(q, 0), count);
    }
    return row == 0;
}

static bool sum_edges(struct state *s, struct str dimension, int64_t from_s, int64_t to_s, struct sums *sums,
                      struct error *err)
{
    int64_t last_s = to_s - DAY_LONGEST + 1;
    return sum_bins(s, dimension, from_s - DAY_LONGEST + 1, from_s, from_s, to_s, sums, err) &&
           sum_bins(s, dimension, last_s > from_s ? last_s : from_s, to_s, from_s, to_s, sums, err);
}

static int by_count(const void *left, const void *right)
{
    const struct rollup_row *a = left, *b = right;
    if (a->count != b->count)
        return a->count > b->count ? -1 : 1;
    return str_compare(a->key, b->key);
}

static uint64_t take_out(struct sums *sums, struct str key)
{
    uintptr_t *count = map_find(&sums->by_key, key);
    uint64_t taken = count ? *count : 0;
    if (count)
        *count = 0;
    return taken;
}

static void rank(struct sums *sums, const struct rollup_keys *special, uint32_t limit, struct rollup_top *out)
{
    *out = (struct rollup_top){.total = take_out(sums, special->total),
                               .other = take_out(sums, special->other),
                               .short_by = take_out(sums, special->shortfall)};
    out->rows = ARENA_ARRAY(sums->arena, struct rollup_row, sums->by_key.count + 1);
    for (uint32_t i = 0; i < sums->by_key.count; i++) {
        const struct map_entry *e = &sums->by_key.entries[i];
        if (e->value)
            out->rows[out->keys++] = (struct rollup_row){e->key, e->value};
    }
    qsort(out->rows, out->keys, sizeof *out->rows, by_count);
    out->count = out->keys < limit ? out->keys : limit;
    for (uint32_t i = out->count; i < out->keys; i++)
        out->other += out->rows[i].count;
}

bool state_rollup_top(struct state *s, struct str dimension, int64_t from_s, int64_t to_s,
                      const struct rollup_keys *special, uint32_t limit, struct arena *arena,
                      struct rollup_top *out, struct error *err)
{
    struct sums sums = {.arena = arena};
    state_lock(s);
    bool ok =
        sum_days(s, dimension, from_s, to_s, &sums, err) && sum_edges(s, dimension, from_s, to_s, &sums, err);
    state_unlock(s);
    if (ok)
        rank(&sums, special, limit, out);
    map_free(&sums.by_key);
    return ok;
}

bool state_rollup_days(struct state *s, struct str dimension, struct str key, int64_t from_s, int64_t to_s,
                       bool with_bins, struct arena *arena, struct rollup_day **days, uint32_t *count,
                       struct error *err)
{
    struct buf found = {0};
    int row = -1;
    state_lock(s);
    sqlite3_stmt *q = sql_get(s,
                              "SELECT day_s, count, hours, bins FROM rollup"
                              " WHERE dimension = ? AND key = ? AND day_s > ? AND day_s < ? ORDER BY day_s",
                              err);
    if (q != NULL) {
        sql_text(q, 1, dimension);
        sql_text(q, 2, key);
        sql_i64(q, 3, from_s - DAY_LONGEST);
        sql_i64(q, 4, to_s);
    }
    while (q && (row = sql_step(s, q, err)) == 1) {
        struct rollup_day day = {.day_s = sql_column_i64(q, 0), .count = sql_column_u64(q, 1)};
        rollup_unpack(rollup_blob(q, 2), day.hours, ROLLUP_HOURS);
        if (with_bins) {
            uint64_t *bins = ARENA_ARRAY(arena, uint64_t, ROLLUP_BINS);
            rollup_unpack(rollup_blob(q, 3), bins, ROLLUP_BINS);
            day.bins = bins;
        }
        buf_bytes(&found, &day, sizeof day);
    }
    state_unlock(s);
    *count = (uint32_t)(found.n / sizeof **days);
    *days = sql_rows(&found, arena);
    return row == 0;
}

bool state_rollup_first_day(struct state *s, struct str dimension, int64_t *day_s, struct error *err)
{
    state_lock(s);
    sqlite3_stmt *q = dimension.n ? sql_get(s, "SELECT min(day_s) FROM rollup WHERE dimension = ?", err)
                                  : sql_get(s, "SELECT min(day_s) FROM rollup WHERE dimension <> ?", err);
    if (q != NULL)
        sql_text(q, 1, dimension);
    int row = q ? sql_step(s, q, err) : -1;
    if (row == 1) {
        *day_s = sqlite3_column_type(q, 0) == SQLITE_NULL ? INT64_MAX : sql_column_i64(q, 0);
        sqlite3_reset(q);
    }
    state_unlock(s);
    return row == 1;
}

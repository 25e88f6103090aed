/* Stage: store. The everyday trends, the only user of the table rollup. Hours and bins are kept as pairs of
 * numbers (how many empty ones, count), seven bits a byte. Next: state_record.c. */
#include "store/state_rollup.h"

#include <stdlib.h>

#include "base/map.h"
#include "base/memory.h"
#include "store/state_sql.h"

/* ------------------------------------------------------------------- packing */

static void put_number(struct buf *out, uint64_t n)
{
    for (; n >= 0x80; n >>= 7)
        buf_char(out, (char)(n | 0x80));
    buf_char(out, (char)n);
}

static void pack(struct buf *out, const uint64_t *counts, size_t n)
{
    size_t next = 0;
    buf_clear(out);
    for (size_t i = 0; i < n; i++) {
        if (counts[i] == 0)
            continue;
        put_number(out, i - next);
        put_number(out, counts[i]);
        next = i + 1;
    }
}

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
static void unpack(struct str in, uint64_t *counts, size_t n)
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

/* -------------------------------------------------------------------- adding */

struct line {
    struct str dimension, key;
    int64_t day_s;
    uint64_t bins[ROLLUP_BINS];
};

static sqlite3_stmt *with_place(sqlite3_stmt *q, struct str dimension, struct str key, int64_t day_s)
{
    if (q != NULL) {
        sql_text(q, 1, dimension);
        sql_text(q, 2, key);
        sql_i64(q, 3, day_s);
    }
    return q;
}

static struct str borrow_blob(sqlite3_stmt *q, int column)
{
    const void *bytes = sqlite3_column_blob(q, column);
    return str_n(bytes, bytes ? (size_t)sqlite3_column_bytes(q, column) : 0);
}

static bool read_line(struct state *s, struct line *line, struct error *err)
{
    sqlite3_stmt *q =
        with_place(sql_get(s, "SELECT bins FROM rollup WHERE dimension = ? AND key = ? AND day_s = ?", err),
                   line->dimension, line->key, line->day_s);
    int row = q ? sql_step(s, q, err) : -1;
    if (row == 1) {
        unpack(borrow_blob(q, 0), line->bins, ROLLUP_BINS);
        sqlite3_reset(q);
    }
    return row >= 0;
}

static bool write_line(struct state *s, const struct line *line, struct error *err)
{
    uint64_t hours[ROLLUP_HOURS] = {0}, count = 0;
    struct buf packed_hours = {0}, packed_bins = {0};
    for (size_t i = 0; i < ROLLUP_BINS; i++) {
        hours[i / 12] += line->bins[i];
        count += line->bins[i];
    }
    pack(&packed_hours, hours, ROLLUP_HOURS);
    pack(&packed_bins, line->bins, ROLLUP_BINS);
    sqlite3_stmt *q =
        with_place(sql_get(s,
                           "INSERT OR REPLACE INTO rollup (dimension, key, day_s, count, hours, bins)"
                           " VALUES (?, ?, ?, ?, ?, ?)",
                           err),
                   line->dimension, line->key, line->day_s);
    if (q != NULL) {
        sql_u64(q, 4, count);
        sql_blob(q, 5, packed_hours.p, packed_hours.n);
        sql_blob(q, 6, packed_bins.p, packed_bins.n);
    }
    bool ok = q != NULL && sql_run(s, q, err);
    buf_free(&packed_hours);
    buf_free(&packed_bins);
    return ok;
}

static bool is_of(const struct rollup_item *item, const struct line *line)
{
    return item->day_s == line->day_s && str_eq(item->dimension, line->dimension) &&
           str_eq(item->key, line->key);
}

/* The items of one key from `*at` on; its counts are also those of the total. */
static bool add_line(struct state *s, const struct rollup_item *items, size_t n, size_t *at,
                     const struct rollup_keys *special, struct line *total, struct error *err)
{
    struct line line = {.dimension = items[*at].dimension, .key = items[*at].key, .day_s = items[*at].day_s};
    bool counts = !str_eq(line.key, special->shortfall);
    if (!read_line(s, &line, err))
        return false;
    for (; *at < n && is_of(&items[*at], &line); ++*at) {
        unsigned bin = items[*at].bin < ROLLUP_BINS ? items[*at].bin : ROLLUP_BINS - 1;
        line.bins[bin] += items[*at].count;
        if (counts)
            total->bins[bin] += items[*at].count;
    }
    return write_line(s, &line, err);
}

/* ------------------------------------------------------------------- tidying */

struct small_line {
    struct str key;
    uint64_t count;
};

static bool find_small(struct state *s, const struct line *day, const struct rollup_keys *special,
                       uint32_t keep, struct arena *arena, struct buf *out, struct error *err)
{
    int row = -1;
    sqlite3_stmt *q = sql_get(s,
                              "SELECT key, count FROM rollup WHERE dimension = ? AND day_s = ?"
                              " AND key NOT IN (?, ?, ?) ORDER BY count DESC, key LIMIT -1 OFFSET ?",
                              err);
    if (q == NULL)
        return false;
    sql_text(q, 1, day->dimension);
    sql_i64(q, 2, day->day_s);
    sql_text(q, 3, special->total);
    sql_text(q, 4, special->other);
    sql_text(q, 5, special->shortfall);
    sql_i64(q, 6, keep);
    while ((row = sql_step(s, q, err)) == 1) {
        struct small_line small = {sql_column_str(q, 0, arena), sql_column_u64(q, 1)};
        buf_bytes(out, &small, sizeof small);
    }
    return row == 0;
}

static bool drop_line(struct state *s, const struct line *line, struct error *err)
{
    sqlite3_stmt *q =
        with_place(sql_get(s, "DELETE FROM rollup WHERE dimension = ? AND key = ? AND day_s = ?", err),
                   line->dimension, line->key, line->day_s);
    return q != NULL && sql_run(s, q, err);
}

/* Into the rest, with what one of them may fall short by when it comes again. */
static bool fold(struct state *s, const struct line *day, const struct rollup_keys *special,
                 const struct small_line *small, size_t n, struct error *err)
{
    struct line other = {.dimension = day->dimension, .key = special->other, .day_s = day->day_s};
    struct line shortfall = other;
    shortfall.key = special->shortfall;
    if (!read_line(s, &other, err) || !read_line(s, &shortfall, err))
        return false;
    shortfall.bins[0] += small[0].count; /* the largest comes first */
    for (size_t i = 0; i < n; i++) {
        struct line line = {.dimension = day->dimension, .key = small[i].key, .day_s = day->day_s};
        if (!read_line(s, &line, err) || !drop_line(s, &line, err))
            return false;
        for (size_t b = 0; b < ROLLUP_BINS; b++)
            other.bins[b] += line.bins[b];
    }
    return write_line(s, &other, err) && write_line(s, &shortfall, err);
}

static bool is_crowded(struct state *s, const struct line *day, uint32_t most, bool *out, struct error *err)
{
    sqlite3_stmt *q = sql_get(s, "SELECT count(*) FROM rollup WHERE dimension = ? AND day_s = ?", err);
    if (q == NULL)
        return false;
    sql_text(q, 1, day->dimension);
    sql_i64(q, 2, day->day_s);
    int row = sql_step(s, q, err);
    *out = row == 1 && sql_column_u64(q, 0) > most;
    if (row == 1)
        sqlite3_reset(q);
    return row == 1;
}

static bool tidy(struct state *s, const struct line *day, const struct rollup_keys *special, uint32_t keep,
                 struct error *err)
{
    struct arena arena;
    struct buf small = {0};
    bool crowded;
    if (!is_crowded(s, day, 2 * keep + 3, &crowded, err))
        return false;
    if (!crowded)
        return true;
    arena_init(&arena, 64 << 10);
    bool ok = find_small(s, day, special, keep, &arena, &small, err);
    size_t n = small.n / sizeof(struct small_line);
    if (ok && n)
        ok = fold(s, day, special, (const void *)small.p, n, err);
    buf_free(&small);
    arena_free(&arena);
    return ok;
}

static bool is_day_of(const struct rollup_item *item, const struct line *total)
{
    return item->day_s == total->day_s && str_eq(item->dimension, total->dimension);
}

bool state_rollup_add(struct state *s, const struct rollup_item *items, size_t n,
                      const struct rollup_keys *special, uint32_t keys_most, struct error *err)
{
    bool ok = true;
    if (!state_begin(s, err))
        return false;
    for (size_t at = 0; ok && at < n;) {
        struct line total = {.dimension = items[at].dimension,
                             .key = special->total,
                             .day_s = items[at].day_s};
        ok = read_line(s, &total, err);
        while (ok && at < n && is_day_of(&items[at], &total))
            ok = add_line(s, items, n, &at, special, &total, err);
        ok = ok && write_line(s, &total, err) && tidy(s, &total, special, keys_most, err);
    }
    return state_end(s, ok, err);
}

bool state_rollup_expire(struct state *s, int64_t before_day_s, struct error *err)
{
    if (!state_begin(s, err))
        return false;
    sqlite3_stmt *q = sql_get(s, "DELETE FROM rollup WHERE day_s < ?", err);
    if (q != NULL)
        sql_i64(q, 1, before_day_s);
    return state_end(s, q != NULL && sql_run(s, q, err), err);
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
        unpack(borrow_blob(q, 2), bins, ROLLUP_BINS);
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
    if (with_place(q, dimension, key, from_s - DAY_LONGEST) != NULL)
        sql_i64(q, 4, to_s);
    while (q && (row = sql_step(s, q, err)) == 1) {
        struct rollup_day day = {.day_s = sql_column_i64(q, 0), .count = sql_column_u64(q, 1)};
        unpack(borrow_blob(q, 2), day.hours, ROLLUP_HOURS);
        if (with_bins) {
            uint64_t *bins = ARENA_ARRAY(arena, uint64_t, ROLLUP_BINS);
            unpack(borrow_blob(q, 3), bins, ROLLUP_BINS);
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

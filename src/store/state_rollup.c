/* Stage: store. The everyday trends, the only user of the table rollup. Hours and bins are kept as pairs of
 * numbers (how many empty ones, count), seven bits a byte. Next: state_rollup_read.c. */
#include "store/state_rollup.h"

#include "base/memory.h"
#include "store/state_rollup_internal.h"
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

static bool read_line(struct state *s, struct line *line, struct error *err)
{
    sqlite3_stmt *q =
        with_place(sql_get(s, "SELECT bins FROM rollup WHERE dimension = ? AND key = ? AND day_s = ?", err),
                   line->dimension, line->key, line->day_s);
    int row = q ? sql_step(s, q, err) : -1;
    if (row == 1) {
        rollup_unpack(rollup_blob(q, 0), line->bins, ROLLUP_BINS);
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

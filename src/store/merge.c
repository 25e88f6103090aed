/* store stage: merging. Reads neighbouring small parts through duckdb.c, leaves one larger part in their
 * place. A part that is read by a search while it is replaced stays readable until that search ends.
 *
 * Which parts: tiers by size, so that an event is rewritten only a few times: eight neighbours of at most
 * 1,000 rows, or of at most 8,000, 64,000, 512,000 rows, all sealed on one day. When the day is over, what is
 * left of it is merged from two on. */
#include "store/merge.h"

#include <unistd.h>

#include "base/log.h"
#include "base/map.h"
#include "base/memory.h"
#include "store/parquet_file.h"

enum { TIERS = 4, FIRST_TIER_ROWS = 1000, TIER_FACTOR = 8, RUN_MIN = 8, RUN_MAX = 512 };

/* ---- which ---- */

struct run {
    struct part *const *parts;
    uint32_t count;
    uint64_t rows, bytes;
    struct map columns;       /* name → index + 1 */
    struct part_column *list; /* names borrowed from the parts */
    uint32_t column_count, column_capacity;
};

static void run_free(struct run *r)
{
    map_free(&r->columns);
    memory_free(r->list);
    *r = (struct run){0};
}

static bool agrees(const struct run *r, const struct part_column *c)
{
    uintptr_t *at = map_find(&r->columns, c->name);
    return !at || (r->list[*at - 1].kind == c->kind && r->list[*at - 1].is_list == c->is_list);
}

static void add_columns(struct run *r, const struct part *p)
{
    for (uint32_t i = 0; i < p->column_count; i++) {
        uintptr_t *at = map_put(&r->columns, p->columns[i].name, NULL);
        if (*at)
            continue;
        if (r->column_count == r->column_capacity) {
            r->column_capacity = r->column_capacity ? r->column_capacity * 2 : 64;
            r->list = memory_resize_array(r->list, r->column_capacity, sizeof *r->list);
        }
        r->list[r->column_count++] = p->columns[i];
        *at = r->column_count;
    }
}

static int64_t day_of(int64_t time_ns)
{
    return time_ns / (86400 * NS_PER_SECOND);
}

static bool can_join(const struct merge_config *m, const struct run *r, const struct part *p)
{
    if (!r->count)
        return true;
    const struct part *before = r->parts[r->count - 1];
    if (before->last_sequence + 1 != p->first_sequence || day_of(before->sealed_ns) != day_of(p->sealed_ns) ||
        r->count == RUN_MAX || r->rows + p->rows > m->max_rows || r->bytes + p->bytes > m->max_bytes)
        return false;
    for (uint32_t i = 0; i < p->column_count; i++)
        if (!agrees(r, &p->columns[i]))
            return false;
    return r->column_count < COLUMN_LIMIT;
}

/* The longest run that starts at `from`. */
static void grow_run(const struct merge_config *m, const struct part_list *parts, uint32_t from,
                     uint64_t tier_rows, struct run *r)
{
    *r = (struct run){.parts = parts->parts + from};
    for (uint32_t i = from; i < parts->count; i++) {
        struct part *p = parts->parts[i];
        if (p->rows > tier_rows || !can_join(m, r, p))
            return;
        r->count++;
        r->rows += p->rows;
        r->bytes += p->bytes;
        add_columns(r, p);
    }
}

static bool find_run(const struct merge_config *m, const struct part_list *parts, int64_t now_ns,
                     struct run *r)
{
    uint64_t tier_rows = FIRST_TIER_ROWS;
    for (unsigned tier = 0; tier < TIERS; tier++, tier_rows *= TIER_FACTOR)
        for (uint32_t from = 0; from < parts->count; from += r->count ? r->count : 1) {
            grow_run(m, parts, from, tier_rows, r);
            bool is_past =
                r->count > 1 && tier == TIERS - 1 && day_of(r->parts[0]->sealed_ns) < day_of(now_ns);
            if (r->count >= RUN_MIN || is_past)
                return true;
            uint32_t count = r->count;
            run_free(r);
            r->count = count; /* the step of the loop */
        }
    *r = (struct run){0};
    return false;
}

/* ---- how ---- */

struct merging {
    const struct merge_config *config;
    const struct run *run;
    struct parquet_file *file;
    struct column_set *set;
    struct column **
        targets; /* column of the set for each result column of the part at hand; NULL before its first row */
    uint64_t rows, last_sequence;
    bool is_disordered, has_failed;
    struct error *err;
};

static struct column_set *new_set(const struct run *r)
{
    struct column_set *set = column_set_new();
    for (uint32_t i = 0; i < r->column_count; i++)
        if (!column_set_find(set, r->list[i].name))
            column_set_add_column(set, r->list[i].name, r->list[i].kind, r->list[i].is_list);
    return set;
}

static bool flush_group(struct merging *m)
{
    if (!m->set->rows)
        return true;
    column_set_freeze(m->set);
    bool ok = parquet_file_write(m->file, m->set, m->err);
    column_set_free(m->set);
    m->set = new_set(m->run);
    memory_free(m->targets);
    m->targets = NULL;
    return ok;
}

static void add_cell(struct column *c, uint32_t row, const struct store_cell *cell)
{
    if (cell->is_null)
        return;
    if (c->kind == COLUMN_TEXT)
        column_add_text(c, row, cell->text);
    else if (c->kind == COLUMN_REAL)
        column_add_real(c, row, cell->real);
    else if (c->kind == COLUMN_TIME)
        column_add_number(c, row, cell->number / 1000 - (cell->number % 1000 < 0));
    else
        column_add_number(c, row, cell->number);
}

static void find_targets(struct merging *m, const struct store_result *result)
{
    m->targets = NEW_ARRAY(struct column *, result->column_count);
    for (uint32_t i = 0; i < result->column_count; i++)
        m->targets[i] = column_set_find(m->set, result->columns[i].name);
}

static bool take_row(void *context, const struct store_result *result, const struct store_cell *cells)
{
    struct merging *m = context;
    if (m->set->rows == m->config->rows_per_group && !flush_group(m)) {
        m->has_failed = true;
        return false;
    }
    if (!m->targets)
        find_targets(m, result);
    for (uint32_t i = 0; i < result->column_count; i++) {
        struct column *c = m->targets[i];
        if (!c)
            continue;
        if (c == m->set->sequence) {
            m->is_disordered |= (uint64_t)cells[i].number <= m->last_sequence;
            m->last_sequence = (uint64_t)cells[i].number;
        }
        if (!c->is_list)
            add_cell(c, m->set->rows, &cells[i]);
        else if (!cells[i].is_null)
            for (uint32_t k = 0; k < cells[i].list.count; k++)
                add_cell(c, m->set->rows, &cells[i].list.items[k]);
    }
    column_set_end_row(m->set, TIME_UNKNOWN);
    m->rows++;
    return true;
}

static bool read_part(struct merging *m, const struct part *p)
{
    struct buf sql = {0};
    buf_c(&sql, "SELECT * FROM read_parquet('");
    for (const char *c = p->file; *c; c++) {
        if (*c == '\'')
            buf_char(&sql, '\'');
        buf_char(&sql, *c);
    }
    buf_c(&sql, "', hive_partitioning=false)");
    struct store_limits limits = {.is_cancelled = m->config->is_cancelled};
    uint64_t before = m->rows;
    enum store_end end =
        duckdb_reader_run(m->config->reader, STR_EMPTY, buf_str(&sql), NULL, 0, &limits, take_row, m, m->err);
    buf_free(&sql);
    memory_free(m->targets);
    m->targets = NULL;
    if (end != STORE_DONE || m->has_failed)
        return false;
    if (m->is_disordered || m->rows - before != p->rows)
        return error_set(m->err, "%s did not give its %llu rows in order", p->file,
                         (unsigned long long)p->rows);
    return true;
}

static bool write_merged(struct merging *m, struct part *merged)
{
    bool ok = true;
    for (uint32_t i = 0; ok && i < m->run->count; i++)
        ok = read_part(m, m->run->parts[i]);
    ok = ok && flush_group(m);
    if (!ok) {
        parquet_file_abort(m->file);
        return false;
    }
    return parquet_file_finish(m->file, merged, m->err);
}

static void set_times(struct part *merged, const struct run *r)
{
    for (uint32_t i = 0; i < r->count; i++) {
        const struct part *p = r->parts[i];
        if (p->min_time_ns == TIME_UNKNOWN)
            continue;
        if (merged->min_time_ns == TIME_UNKNOWN || p->min_time_ns < merged->min_time_ns)
            merged->min_time_ns = p->min_time_ns;
        if (p->max_time_ns > merged->max_time_ns) /* unknown is the least number */
            merged->max_time_ns = p->max_time_ns;
    }
}

static bool enter_merged(const struct merge_config *c, const struct run *r, struct part *merged,
                         struct error *err)
{
    if (!state_begin(c->state, err))
        return false;
    struct sqlite3 *db = state_lock(c->state);
    bool ok = true;
    for (uint32_t i = 0; ok && i < r->count; i++)
        ok = state_parts_delete(db, r->parts[i], err);
    ok = ok && state_parts_insert(db, merged, err);
    state_unlock(c->state);
    if (ok)
        return state_commit(c->state, err);
    state_rollback(c->state);
    return false;
}

/* The first part that has a time names the day of the folder. */
static int64_t folder_time(const struct run *r)
{
    for (uint32_t i = 0; i < r->count; i++)
        if (r->parts[i]->min_time_ns != TIME_UNKNOWN)
            return r->parts[i]->min_time_ns;
    return TIME_UNKNOWN;
}

static bool merge_run(const struct merge_config *c, const struct run *r, struct error *err)
{
    const struct part *first = r->parts[0], *last = r->parts[r->count - 1];
    struct part *merged = part_new(c->events_folder, first->first_sequence, last->last_sequence,
                                   folder_time(r), last->sealed_ns);
    set_times(merged, r);
    struct buf temporary = {0};
    buf_printf(&temporary, "%s/merging-%llu.tmp", c->events_folder,
               (unsigned long long)first->first_sequence);
    struct merging m = {.config = c, .run = r, .err = err};
    m.file = parquet_file_create(buf_cstr(&temporary), c->zstd_level, err);
    bool ok = m.file != NULL;
    if (ok) {
        m.set = new_set(r);
        ok = write_merged(&m, merged);
        column_set_free(m.set);
        memory_free(m.targets);
    }
    ok = ok && part_publish(c->events_folder, buf_cstr(&temporary), merged, err);
    if (ok && !enter_merged(c, r, merged, err)) {
        unlink(merged->file);
        ok = false;
    }
    if (ok)
        catalogue_replace(c->catalogue, r->parts, r->count, merged);
    else
        part_release(merged);
    buf_free(&temporary);
    return ok;
}

bool merge_step(const struct merge_config *m, int64_t now_ns, uint32_t *merged, struct error *err)
{
    *merged = 0;
    struct part_filter all = PART_FILTER_ALL;
    struct snapshot *s = catalogue_snapshot(m->catalogue, &all);
    struct run run;
    bool ok = true;
    if (find_run(m, &s->sealed, now_ns, &run)) {
        ok = merge_run(m, &run, err);
        if (ok)
            *merged = run.count;
        run_free(&run);
    }
    snapshot_free(s);
    return ok;
}

/* store stage: the parts that are still in memory, as a table function of DuckDB: hyakuyo_open(NUMBER). Reads
 * the columns of open parts below the row mark of a snapshot; only the columns a query needs are copied. Used
 * by duckdb.c. */
#include "store/duckdb_internal.h"

#include "base/map.h"
#include "base/memory.h"

struct shown {
    uint64_t number;
    const struct snapshot *snapshot;
};

struct shown_snapshots {
    pthread_mutex_t lock;
    struct shown *list;
    uint32_t count, capacity;
    uint64_t last_number;
};

struct shown_snapshots *shown_new(void)
{
    struct shown_snapshots *s = NEW(struct shown_snapshots);
    pthread_mutex_init(&s->lock, NULL);
    return s;
}

void shown_free(struct shown_snapshots *s)
{
    if (!s)
        return;
    pthread_mutex_destroy(&s->lock);
    memory_free(s->list);
    memory_free(s);
}

uint64_t shown_add(struct shown_snapshots *s, const struct snapshot *snapshot)
{
    pthread_mutex_lock(&s->lock);
    if (s->count == s->capacity) {
        s->capacity = s->capacity ? s->capacity * 2 : 8;
        s->list = memory_resize_array(s->list, s->capacity, sizeof *s->list);
    }
    uint64_t number = ++s->last_number;
    s->list[s->count++] = (struct shown){number, snapshot};
    pthread_mutex_unlock(&s->lock);
    return number;
}

void shown_remove(struct shown_snapshots *s, uint64_t number)
{
    pthread_mutex_lock(&s->lock);
    for (uint32_t i = 0; i < s->count; i++)
        if (s->list[i].number == number) {
            s->list[i] = s->list[--s->count];
            break;
        }
    pthread_mutex_unlock(&s->lock);
}

/* ---- bind: which columns there are ---- */

/* One column over all open parts; NULL where a part does not have it. */
struct scan_column {
    struct str name;
    enum column_kind kind;
    bool is_list;
    struct column **in_part;
};

struct scan {
    struct arena arena;
    struct snapshot_open *parts; /* references of its own */
    uint32_t part_count;
    struct scan_column *columns;
    uint32_t column_count, column_capacity;
};

static void scan_free(void *p)
{
    struct scan *scan = p;
    for (uint32_t i = 0; i < scan->part_count; i++)
        open_part_release(scan->parts[i].part);
    memory_free(scan->columns);
    arena_free(&scan->arena);
    memory_free(scan);
}

static void add_column(struct scan *scan, struct map *by_name, uint32_t part, struct column *c)
{
    bool is_new;
    uintptr_t *at = map_put(by_name, c->name, &is_new);
    if (is_new) {
        if (scan->column_count == scan->column_capacity) {
            scan->column_capacity = scan->column_capacity ? scan->column_capacity * 2 : 64;
            scan->columns = memory_resize_array(scan->columns, scan->column_capacity, sizeof *scan->columns);
        }
        *at = scan->column_count;
        scan->columns[scan->column_count++] =
            (struct scan_column){c->name, c->kind, c->is_list,
                                 ARENA_ARRAY(&scan->arena, struct column *, scan->part_count)};
    }
    scan->columns[*at].in_part[part] = c;
}

/* Column pointers are stable and columns made later hold no row of the snapshot. */
static struct scan *scan_new(const struct snapshot *snapshot)
{
    struct scan *scan = NEW(struct scan);
    struct map by_name = {0};
    arena_init(&scan->arena, 4096);
    scan->part_count = snapshot->open_count;
    scan->parts = ARENA_ARRAY(&scan->arena, struct snapshot_open, snapshot->open_count);
    for (uint32_t p = 0; p < scan->part_count; p++) {
        scan->parts[p] = snapshot->open[p];
        struct open_part *part = open_part_reference(snapshot->open[p].part);
        pthread_mutex_lock(&part->lock);
        for (uint32_t i = 0; i < part->set->count; i++)
            add_column(scan, &by_name, p, part->set->columns[i]);
        pthread_mutex_unlock(&part->lock);
    }
    map_free(&by_name);
    return scan;
}

static duckdb_logical_type make_type(enum column_kind kind, bool is_list)
{
    static const duckdb_type leaf[COLUMN_KIND_COUNT] = {
        [COLUMN_TEXT] = DUCKDB_TYPE_VARCHAR,   [COLUMN_NUMBER] = DUCKDB_TYPE_BIGINT,
        [COLUMN_TIME] = DUCKDB_TYPE_TIMESTAMP, [COLUMN_REAL] = DUCKDB_TYPE_DOUBLE,
        [COLUMN_BOOL] = DUCKDB_TYPE_BOOLEAN,
    };
    duckdb_logical_type type = duckdb_create_logical_type(leaf[kind]);
    if (!is_list)
        return type;
    duckdb_logical_type list = duckdb_create_list_type(type);
    duckdb_destroy_logical_type(&type);
    return list;
}

static struct scan *find_shown(struct shown_snapshots *s, uint64_t number)
{
    struct scan *scan = NULL;
    pthread_mutex_lock(&s->lock);
    for (uint32_t i = 0; i < s->count && !scan; i++)
        if (s->list[i].number == number)
            scan = scan_new(s->list[i].snapshot);
    pthread_mutex_unlock(&s->lock);
    return scan;
}

static void bind(duckdb_bind_info info)
{
    duckdb_value value = duckdb_bind_get_parameter(info, 0);
    struct scan *scan = find_shown(duckdb_bind_get_extra_info(info), (uint64_t)duckdb_get_int64(value));
    duckdb_destroy_value(&value);
    if (!scan) {
        duckdb_bind_set_error(info, "hyakuyo_open: no such snapshot");
        return;
    }
    uint64_t rows = 0;
    for (uint32_t i = 0; i < scan->part_count; i++)
        rows += scan->parts[i].rows;
    for (uint32_t i = 0; i < scan->column_count; i++) {
        struct scan_column *c = &scan->columns[i];
        duckdb_logical_type type = make_type(c->kind, c->is_list);
        duckdb_bind_add_result_column(info, arena_str(&scan->arena, c->name).p, type);
        duckdb_destroy_logical_type(&type);
    }
    duckdb_bind_set_cardinality(info, rows, true);
    duckdb_bind_set_bind_data(info, scan, scan_free);
}

/* ---- init: which columns are wanted ---- */

struct scan_state {
    uint32_t part, row;
    idx_t wanted_count;
    idx_t wanted[]; /* column numbers; one past the last = the row number, which nobody reads */
};

static void init(duckdb_init_info info)
{
    idx_t count = duckdb_init_get_column_count(info);
    struct scan_state *state = memory_zero(sizeof *state + count * sizeof state->wanted[0]);
    state->wanted_count = count;
    for (idx_t i = 0; i < count; i++)
        state->wanted[i] = duckdb_init_get_column_index(info, i);
    duckdb_init_set_max_threads(info, 1);
    duckdb_init_set_init_data(info, state, memory_free);
}

/* ---- rows ---- */

static void set_all_null(duckdb_vector vector, idx_t rows)
{
    duckdb_vector_ensure_validity_writable(vector);
    memset(duckdb_vector_get_validity(vector), 0, (rows + 63) / 64 * sizeof(uint64_t));
}

static void copy_value(const struct column *c, uint32_t value, duckdb_vector vector, idx_t at)
{
    void *data = duckdb_vector_get_data(vector);
    switch (c->kind) {
    case COLUMN_TEXT: {
        struct str text = column_text(c, value);
        duckdb_vector_assign_string_element_len(vector, at, text.p, text.n);
        break;
    }
    case COLUMN_REAL:
        ((double *)data)[at] = c->reals[value];
        break;
    case COLUMN_BOOL:
        ((bool *)data)[at] = c->numbers[value] != 0;
        break;
    default:
        ((int64_t *)data)[at] = c->numbers[value];
    }
}

static void copy_scalars(const struct column *c, uint32_t row, uint32_t row_end, duckdb_vector vector)
{
    uint32_t first = column_first(c, row), end = column_first(c, row_end);
    bool is_full = end - first == row_end - row;
    if (!is_full)
        set_all_null(vector, row_end - row);
    for (uint32_t i = first; i < end; i++) {
        idx_t at = column_row(c, i) - row;
        copy_value(c, i, vector, at);
        if (!is_full)
            duckdb_validity_set_row_valid(duckdb_vector_get_validity(vector), at);
    }
}

static void copy_lists(const struct column *c, uint32_t row, uint32_t row_end, duckdb_vector vector)
{
    uint32_t first = column_first(c, row), end = column_first(c, row_end);
    duckdb_list_vector_reserve(vector, end - first);
    duckdb_list_vector_set_size(vector, end - first);
    duckdb_vector child = duckdb_list_vector_get_child(vector);
    duckdb_list_entry *entries = duckdb_vector_get_data(vector);
    set_all_null(vector, row_end - row);
    for (uint32_t i = first; i < end; i++) {
        idx_t at = column_row(c, i) - row;
        copy_value(c, i, child, i - first);
        if (i == first || column_row(c, i - 1) != column_row(c, i))
            entries[at] = (duckdb_list_entry){i - first, 0};
        entries[at].length++;
        duckdb_validity_set_row_valid(duckdb_vector_get_validity(vector), at);
    }
}

static void copy_rows(const struct scan *scan, const struct scan_state *state, uint32_t row_end,
                      duckdb_data_chunk output)
{
    for (idx_t i = 0; i < state->wanted_count; i++) {
        duckdb_vector vector = duckdb_data_chunk_get_vector(output, i);
        const struct scan_column *sc =
            state->wanted[i] < scan->column_count ? &scan->columns[state->wanted[i]] : NULL;
        const struct column *c = sc ? sc->in_part[state->part] : NULL;
        if (!c)
            set_all_null(vector, row_end - state->row);
        else if (sc->is_list)
            copy_lists(c, state->row, row_end, vector);
        else
            copy_scalars(c, state->row, row_end, vector);
    }
}

static void produce(duckdb_function_info info, duckdb_data_chunk output)
{
    const struct scan *scan = duckdb_function_get_bind_data(info);
    struct scan_state *state = duckdb_function_get_init_data(info);
    while (state->part < scan->part_count && state->row == scan->parts[state->part].rows) {
        state->part++;
        state->row = 0;
    }
    if (state->part == scan->part_count) {
        duckdb_data_chunk_set_size(output, 0);
        return;
    }
    const struct snapshot_open *open = &scan->parts[state->part];
    uint32_t most = (uint32_t)duckdb_vector_size();
    uint32_t end = open->rows - state->row < most ? open->rows : state->row + most;
    pthread_mutex_lock(&open->part->lock);
    copy_rows(scan, state, end, output);
    pthread_mutex_unlock(&open->part->lock);
    duckdb_data_chunk_set_size(output, end - state->row);
    state->row = end;
}

bool shown_register(struct shown_snapshots *shown, duckdb_connection connection, struct error *err)
{
    duckdb_table_function f = duckdb_create_table_function();
    duckdb_logical_type number = duckdb_create_logical_type(DUCKDB_TYPE_BIGINT);
    duckdb_table_function_set_name(f, "hyakuyo_open");
    duckdb_table_function_add_parameter(f, number);
    duckdb_table_function_set_extra_info(f, shown, NULL);
    duckdb_table_function_set_bind(f, bind);
    duckdb_table_function_set_init(f, init);
    duckdb_table_function_set_function(f, produce);
    duckdb_table_function_supports_projection_pushdown(f, true);
    bool ok = duckdb_register_table_function(connection, f) == DuckDBSuccess;
    duckdb_destroy_logical_type(&number);
    duckdb_destroy_table_function(&f);
    return ok || error_set(err, "DuckDB refused the table function for open parts");
}

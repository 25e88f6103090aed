/* store stage: one value of a DuckDB result → struct store_cell. Used by duckdb.c. */
#include "store/duckdb_internal.h"

#include "base/memory.h"

static const struct {
    duckdb_type source;
    enum value_type type;
} types[] = {
    {DUCKDB_TYPE_BOOLEAN, TYPE_BOOL},      {DUCKDB_TYPE_TINYINT, TYPE_LONG},
    {DUCKDB_TYPE_SMALLINT, TYPE_LONG},     {DUCKDB_TYPE_INTEGER, TYPE_LONG},
    {DUCKDB_TYPE_BIGINT, TYPE_LONG},       {DUCKDB_TYPE_UTINYINT, TYPE_LONG},
    {DUCKDB_TYPE_USMALLINT, TYPE_LONG},    {DUCKDB_TYPE_UINTEGER, TYPE_LONG},
    {DUCKDB_TYPE_UBIGINT, TYPE_LONG},      {DUCKDB_TYPE_HUGEINT, TYPE_LONG},
    {DUCKDB_TYPE_FLOAT, TYPE_DOUBLE},      {DUCKDB_TYPE_DOUBLE, TYPE_DOUBLE},
    {DUCKDB_TYPE_DECIMAL, TYPE_DOUBLE},    {DUCKDB_TYPE_TIMESTAMP, TYPE_DATE},
    {DUCKDB_TYPE_TIMESTAMP_TZ, TYPE_DATE}, {DUCKDB_TYPE_TIMESTAMP_S, TYPE_DATE},
    {DUCKDB_TYPE_TIMESTAMP_MS, TYPE_DATE}, {DUCKDB_TYPE_TIMESTAMP_NS, TYPE_DATE},
    {DUCKDB_TYPE_DATE, TYPE_DATE},         {DUCKDB_TYPE_VARCHAR, TYPE_KEYWORD},
    {DUCKDB_TYPE_SQLNULL, TYPE_KEYWORD},
};

static bool find_type(duckdb_type source, enum value_type *type)
{
    for (size_t i = 0; i < COUNT_OF(types); i++)
        if (types[i].source == source) {
            *type = types[i].type;
            return true;
        }
    return false;
}

static bool init_leaf(struct cell_reader *r, duckdb_logical_type type)
{
    r->source = duckdb_get_type_id(type);
    r->scale = 1;
    bool is_known = find_type(r->source, &r->type);
    if (r->source == DUCKDB_TYPE_DECIMAL) {
        for (uint8_t i = duckdb_decimal_scale(type); i > 0; i--)
            r->scale *= 10;
        r->source = duckdb_decimal_internal_type(type);
    }
    return is_known;
}

bool cell_reader_init(struct cell_reader *r, duckdb_logical_type type)
{
    *r = (struct cell_reader){.is_list = duckdb_get_type_id(type) == DUCKDB_TYPE_LIST};
    if (!r->is_list)
        return init_leaf(r, type);
    duckdb_logical_type child = duckdb_list_type_child_type(type);
    bool is_known = init_leaf(r, child);
    duckdb_destroy_logical_type(&child);
    return is_known;
}

/* Numbers past 64 bits stay at the end of the range. */
static int64_t from_hugeint(duckdb_hugeint v)
{
    if (v.upper == 0 && v.lower <= INT64_MAX)
        return (int64_t)v.lower;
    if (v.upper == -1 && v.lower > INT64_MAX)
        return (int64_t)v.lower;
    return v.upper < 0 ? INT64_MIN : INT64_MAX;
}

static int64_t read_integer(duckdb_type source, const void *data, idx_t row)
{
    switch (source) {
    case DUCKDB_TYPE_BOOLEAN:
        return ((const bool *)data)[row];
    case DUCKDB_TYPE_TINYINT:
        return ((const int8_t *)data)[row];
    case DUCKDB_TYPE_SMALLINT:
        return ((const int16_t *)data)[row];
    case DUCKDB_TYPE_INTEGER:
    case DUCKDB_TYPE_DATE:
        return ((const int32_t *)data)[row];
    case DUCKDB_TYPE_UTINYINT:
        return ((const uint8_t *)data)[row];
    case DUCKDB_TYPE_USMALLINT:
        return ((const uint16_t *)data)[row];
    case DUCKDB_TYPE_UINTEGER:
        return ((const uint32_t *)data)[row];
    case DUCKDB_TYPE_UBIGINT: {
        uint64_t v = ((const uint64_t *)data)[row];
        return v > INT64_MAX ? INT64_MAX : (int64_t)v;
    }
    case DUCKDB_TYPE_HUGEINT:
        return from_hugeint(((const duckdb_hugeint *)data)[row]);
    default:
        return ((const int64_t *)data)[row];
    }
}

static int64_t ns_per_unit(duckdb_type source)
{
    switch (source) {
    case DUCKDB_TYPE_DATE:
        return 86400 * NS_PER_SECOND;
    case DUCKDB_TYPE_TIMESTAMP_S:
        return NS_PER_SECOND;
    case DUCKDB_TYPE_TIMESTAMP_MS:
        return NS_PER_MS;
    case DUCKDB_TYPE_TIMESTAMP_NS:
        return 1;
    default:
        return 1000;
    }
}

static void read_real(const struct cell_reader *r, const void *data, idx_t row, struct store_cell *out)
{
    if (r->source == DUCKDB_TYPE_DOUBLE)
        out->real = ((const double *)data)[row];
    else if (r->source == DUCKDB_TYPE_FLOAT)
        out->real = (double)((const float *)data)[row];
    else if (r->source == DUCKDB_TYPE_HUGEINT)
        out->real = duckdb_hugeint_to_double(((const duckdb_hugeint *)data)[row]) / r->scale;
    else
        out->real = (double)read_integer(r->source, data, row) / r->scale;
}

static void read_text(void *data, idx_t row, struct store_cell *out)
{
    duckdb_string_t *s = &((duckdb_string_t *)data)[row];
    out->text = (struct str){duckdb_string_t_data(s), duckdb_string_t_length(*s)};
}

static void read_leaf(const struct cell_reader *r, duckdb_vector vector, idx_t row, struct store_cell *out)
{
    uint64_t *validity = duckdb_vector_get_validity(vector);
    *out = (struct store_cell){.is_null = validity && !duckdb_validity_row_is_valid(validity, row)};
    if (out->is_null || r->source == DUCKDB_TYPE_SQLNULL) {
        out->is_null = true;
        return;
    }
    void *data = duckdb_vector_get_data(vector);
    if (r->type == TYPE_DOUBLE)
        read_real(r, data, row, out);
    else if (r->type == TYPE_KEYWORD)
        read_text(data, row, out);
    else if (r->type == TYPE_DATE) /* outside the years 1677–2262: no time */
        out->is_null =
            __builtin_mul_overflow(read_integer(r->source, data, row), ns_per_unit(r->source), &out->number);
    else
        out->number = read_integer(r->source, data, row);
}

void cell_read(const struct cell_reader *r, duckdb_vector vector, idx_t row, struct arena *arena,
               struct store_cell *out)
{
    if (!r->is_list) {
        read_leaf(r, vector, row, out);
        return;
    }
    uint64_t *validity = duckdb_vector_get_validity(vector);
    *out = (struct store_cell){.is_null = validity && !duckdb_validity_row_is_valid(validity, row)};
    if (out->is_null)
        return;
    duckdb_list_entry entry = ((duckdb_list_entry *)duckdb_vector_get_data(vector))[row];
    duckdb_vector child = duckdb_list_vector_get_child(vector);
    out->list.count = (uint32_t)entry.length;
    out->list.items = ARENA_ARRAY(arena, struct store_cell, entry.length);
    for (idx_t i = 0; i < entry.length; i++)
        read_leaf(r, child, entry.offset + i, &out->list.items[i]);
}

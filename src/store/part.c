/* store stage: what is known about a sealed part. Filled by parquet_file.c or from state.db (state_parts.c);
 * read by catalogue.c, which decides what a search has to open. */
#include "store/part.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/memory.h"
#include "store/bloom.h"
#include "store/column_set.h"

static const char kind_letters[COLUMN_KIND_COUNT] = {
    [COLUMN_TEXT] = 't', [COLUMN_NUMBER] = 'n', [COLUMN_TIME] = 'd', [COLUMN_REAL] = 'r', [COLUMN_BOOL] = 'b',
};

struct part *part_new_at(const char *events_folder, const char *path)
{
    struct part *p = NEW(struct part);
    struct buf file = {0};
    buf_printf(&file, "%s/%s", events_folder, path);
    p->file = memory_strdup(buf_cstr(&file));
    p->path = memory_strdup(path);
    p->min_time_ns = p->max_time_ns = TIME_UNKNOWN;
    atomic_init(&p->references, 1);
    atomic_init(&p->is_dropped, false);
    buf_free(&file);
    return p;
}

struct part *part_new(const char *events_folder, uint64_t first_sequence, uint64_t last_sequence,
                      int64_t time_ns, int64_t sealed_ns)
{
    int64_t day_ns = time_ns == TIME_UNKNOWN ? sealed_ns : time_ns, year;
    int64_t days = day_ns / (86400 * NS_PER_SECOND) - (day_ns % (86400 * NS_PER_SECOND) < 0);
    unsigned month, day;
    days_to_civil(days, &year, &month, &day);
    struct buf path = {0};
    buf_printf(&path, "year=%04lld/month=%02u/day=%02u/%llu-%llu.parquet", (long long)year, month, day,
               (unsigned long long)first_sequence, (unsigned long long)last_sequence);
    struct part *p = part_new_at(events_folder, buf_cstr(&path));
    p->first_sequence = first_sequence;
    p->last_sequence = last_sequence;
    p->sealed_ns = sealed_ns;
    buf_free(&path);
    return p;
}

struct part *part_reference(struct part *p)
{
    atomic_fetch_add(&p->references, 1);
    return p;
}

void part_release(struct part *p)
{
    if (!p || atomic_fetch_sub(&p->references, 1) != 1)
        return;
    if (atomic_load(&p->is_dropped))
        unlink(p->file); /* when it fails, catalogue_check.c removes it at the next start */
    part_columns_free(p->columns, p->column_count);
    memory_free(p->path);
    memory_free(p->file);
    memory_free(p);
}

/* ---- columns ---- */

void part_columns_free(struct part_column *columns, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        memory_free((void *)(uintptr_t)columns[i].name.p);
        memory_free(columns[i].blooms);
    }
    memory_free(columns);
}

static int compare_columns(const void *a, const void *b)
{
    return str_compare(((const struct part_column *)a)->name, ((const struct part_column *)b)->name);
}

void part_set_columns(struct part *p, struct part_column *columns, uint32_t count)
{
    part_columns_free(p->columns, p->column_count);
    p->columns = columns;
    p->column_count = count;
    qsort(columns, count, sizeof *columns, compare_columns);
}

const struct part_column *part_find_column(const struct part *p, struct str name)
{
    struct part_column key = {.name = name};
    return bsearch(&key, p->columns, p->column_count, sizeof key, compare_columns);
}

void part_columns_text(const struct part *p, struct buf *out)
{
    for (uint32_t i = 0; i < p->column_count; i++) {
        const struct part_column *c = &p->columns[i];
        buf_printf(out, "%.*s\t%c%s\t", STR_ARGS(c->name), kind_letters[c->kind], c->is_list ? "*" : "");
        for (uint32_t b = 0; b < c->bloom_count; b++)
            buf_printf(out, "%s%llu:%u", b ? "," : "", (unsigned long long)c->blooms[b].offset,
                       c->blooms[b].bytes);
        buf_char(out, '\n');
    }
}

static bool parse_blooms(struct part_column *c, struct str text)
{
    struct str rest = text, place;
    while (text.n && str_split(&rest, ',', &place)) {
        struct str offset;
        uint64_t at, bytes;
        if (!str_split(&place, ':', &offset) || !str_to_u64(offset, 10, &at) || !place.p ||
            !str_to_u64(place, 10, &bytes) || bytes > BLOOM_MAX_BYTES || bytes < BLOOM_BLOCK_BYTES)
            return false;
        c->blooms = memory_resize_array(c->blooms, c->bloom_count + 1, sizeof *c->blooms);
        c->blooms[c->bloom_count++] = (struct bloom_place){at, (uint32_t)bytes};
    }
    return true;
}

static bool parse_column(struct part_column *c, struct str line)
{
    struct str name, kind;
    if (!str_split(&line, '\t', &name) || !str_split(&line, '\t', &kind) || !line.p || !kind.n)
        return false;
    const char *letter = memchr(kind_letters, kind.p[0], COLUMN_KIND_COUNT);
    if (!letter)
        return false;
    char *copy = memory_alloc(name.n + 1);
    memcpy(copy, name.p, name.n);
    *c = (struct part_column){.name = {copy, name.n},
                              .kind = (enum column_kind)(letter - kind_letters),
                              .is_list = kind.n > 1};
    return parse_blooms(c, line);
}

bool part_parse_columns(struct part *p, struct str text)
{
    uint32_t count = 0, capacity = 16;
    struct part_column *columns = NEW_ARRAY(struct part_column, capacity);
    struct str line;
    bool ok = true;
    while (ok && text.p && text.n && str_split(&text, '\n', &line)) {
        if (count == capacity)
            columns = memory_resize_array(columns, capacity *= 2, sizeof *columns);
        columns[count] = (struct part_column){0};
        ok = parse_column(&columns[count++], line);
    }
    part_set_columns(p, columns, count);
    return ok;
}

bool part_parse_name(const char *path, uint64_t *first, uint64_t *last)
{
    const char *slash = strrchr(path, '/');
    struct str name = str_c(slash ? slash + 1 : path), text;
    if (!str_ends(name, STR(".parquet")))
        return false;
    name.n -= strlen(".parquet");
    return str_split(&name, '-', &text) && name.p && str_to_u64(text, 10, first) &&
           str_to_u64(name, 10, last) && *first <= *last;
}

/* ---- needles ---- */

static bool filter_has(int fd, const struct bloom_place *place, uint64_t hash)
{
    unsigned char block[BLOOM_BLOCK_BYTES];
    off_t at = (off_t)(place->offset + bloom_block(hash, place->bytes) * BLOOM_BLOCK_BYTES);
    return pread(fd, block, sizeof block, at) != sizeof block || bloom_block_has(block, hash);
}

bool part_may_hold(const struct part *p, struct str field, struct str value)
{
    const struct part_column *c = part_find_column(p, field);
    if (!c)
        return part_find_column(p, COLUMN_OVERFLOW) != NULL;
    if (!c->bloom_count)
        return true;
    int fd = open(p->file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return true;
    struct buf scratch = {0};
    uint64_t hash = bloom_hash(column_fold(value, &scratch));
    bool found = false;
    for (uint32_t i = 0; i < c->bloom_count && !found; i++)
        found = filter_has(fd, &c->blooms[i], hash);
    buf_free(&scratch);
    close(fd);
    return found;
}

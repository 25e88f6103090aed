/* Verdicts that name a path and no hash (S1): the file that lay there last on that host, by the events that
 * know its hash. Only the first verdict of a place and round counts; that a file was known before is kept
 * with its gap. Next: work_retrospect.c. */
#include "base/log.h"
#include "store/events_sql.h"
#include "work/retrospect_sql.h"

#define PATHS_MOST 2000 /* different places of one round */
#define PATH_GROUP 50   /* of one question */

struct placed { /* a verdict without a hash */
    struct str host, path, name, product;
    int64_t time_ns;
};

struct finding_paths {
    const struct gap_asking *asking;
    struct buf found; /* struct placed each */
};

static struct str text_of(const struct gap_asking *a, const struct store_cell *cell)
{
    return cell->is_null ? STR_EMPTY : arena_str(a->arena, cell->text);
}

static bool take_placed(void *context, const struct store_result *result, const struct store_cell *cells)
{
    struct finding_paths *f = context;
    (void)result;
    struct placed one = {.host = text_of(f->asking, &cells[0]),
                         .path = text_of(f->asking, &cells[1]),
                         .name = text_of(f->asking, &cells[2]),
                         .product = text_of(f->asking, &cells[3]),
                         .time_ns = cells[4].number * 1000};
    buf_bytes(&f->found, &one, sizeof one);
    return true;
}

static bool find_placed(struct finding_paths *f, uint64_t first, uint64_t last, struct error *err)
{
    struct gap_question q = {.asking = f->asking, .rules = f->asking->s->retrospect_rules};
    struct part_filter filter = gap_filter(&q);
    filter.first_sequence = first;
    filter.last_sequence = last;
    buf_add(&q.sql,
            STR("SELECT host, path, arg_min(name, t), arg_min(product, t), min(t) FROM (SELECT lower("));
    gap_column(&q, field_name(FIELD_HOST_NAME));
    buf_add(&q.sql, STR(") AS host, lower("));
    gap_column(&q, field_name(q.rules->places[0].path));
    buf_add(&q.sql, STR(") AS path, "));
    gap_column(&q, field_name(FIELD_HYAKUYO_MALWARE_NAME));
    buf_add(&q.sql, STR(" AS name, "));
    gap_column(&q, field_name(FIELD_OBSERVER_PRODUCT));
    buf_add(&q.sql, STR(" AS product, epoch_us("));
    gap_column(&q, STR("@timestamp"));
    buf_add(&q.sql, STR(") AS t FROM events WHERE "));
    gap_is_verdict(&q);
    buf_add(&q.sql, STR(" AND "));
    gap_is_real(&q);
    for (unsigned k = 0; k < RETROSPECT_HASHES; k++) {
        buf_add(&q.sql, STR(" AND "));
        gap_verdict_hash(&q, (enum retrospect_hash)k);
        buf_add(&q.sql, STR(" = ''"));
    }
    buf_add(&q.sql, STR(") WHERE host <> '' AND path <> '' GROUP BY host, path"));
    enum store_end end = gap_run(&q, &filter, PATHS_MOST, take_placed, f, err);
    if (end == STORE_MORE_ROWS)
        log_warning(
            tr("more than %d different paths got a verdict at once: what was used of the others before "
               "they were known is not looked up",
               "一度に %d 個を超えるパスが検知されました。超過分の検知前の使用は調べません"),
            PATHS_MOST);
    return end == STORE_DONE || end == STORE_MORE_ROWS;
}

/* ----------------------------------------------------------------- which file */

/* One part of the union: the files that events name at one kind of place, with their hashes as one text. */
static void add_place(struct gap_question *q, const struct retrospect_place *place)
{
    buf_add(&q->sql, STR("SELECT lower("));
    gap_column(q, field_name(FIELD_HOST_NAME));
    buf_add(&q->sql, STR(") AS host, lower("));
    gap_column(q, field_name(place->path));
    buf_add(&q->sql, STR(") AS path, epoch_us("));
    gap_column(q, STR("@timestamp"));
    buf_add(&q->sql, STR(") AS t, lower(concat_ws(';'"));
    for (unsigned k = 0; k < RETROSPECT_HASHES; k++) {
        buf_add(&q->sql, STR(", coalesce("));
        gap_column(q, field_name(place->hashes[k]));
        buf_add(&q->sql, STR(", '')"));
    }
    buf_add(&q->sql, STR(")) AS hashes FROM events WHERE "));
    gap_is_real(q);
}

static void write_which(struct gap_question *q, const struct placed *placed, uint32_t count)
{
    buf_add(&q->sql, STR("WITH v(n, host, path, t) AS (VALUES "));
    for (uint32_t i = 0; i < count; i++) {
        buf_printf(&q->sql, "%s(%u, ", i > 0 ? ", " : "", i);
        sql_literal(&q->sql, placed[i].host);
        buf_add(&q->sql, STR(", "));
        sql_literal(&q->sql, placed[i].path);
        buf_printf(&q->sql, ", %lld::BIGINT)", (long long)(placed[i].time_ns / 1000));
    }
    buf_add(&q->sql, STR("), e AS ("));
    for (uint32_t i = 0; i < q->rules->place_count; i++) {
        buf_add(&q->sql, i > 0 ? STR(" UNION ALL ") : STR_EMPTY);
        add_place(q, &q->rules->places[i]);
    }
    buf_add(&q->sql,
            STR(") SELECT v.n, arg_max(e.hashes, e.t) FROM e JOIN v ON e.host = v.host AND e.path = v.path"
                " WHERE e.t <= v.t AND e.hashes <> ';;' GROUP BY v.n ORDER BY v.n"));
}

struct naming {
    const struct gap_asking *asking;
    const struct placed *placed;
    struct buf *objects; /* struct gap_object each */
};

static bool take_object(void *context, const struct store_result *result, const struct store_cell *cells)
{
    struct naming *n = context;
    const struct placed *p = &n->placed[cells[0].number];
    struct str rest = arena_str(n->asking->arena, cells[1].text), part;
    struct gap_object o = {.known_ns = p->time_ns,
                           .first_ns = TIME_UNKNOWN,
                           .name = p->name,
                           .known_by = p->product,
                           .basis = STR("verdict"),
                           .is_by_path = true};
    bool has_any = false;
    (void)result;
    for (unsigned k = 0; k < RETROSPECT_HASHES; k++) {
        part = STR_EMPTY;
        (void)str_split(&rest, ';', &part);
        o.hashes[k] = retrospect_is_hash(part, (enum retrospect_hash)k) ? part : STR_EMPTY;
        has_any |= o.hashes[k].n > 0;
    }
    if (has_any)
        buf_bytes(n->objects, &o, sizeof o);
    return true;
}

bool retrospect_placed(const struct gap_asking *a, uint64_t first, uint64_t last, struct buf *objects,
                       struct error *err)
{
    struct finding_paths f = {.asking = a};
    bool ok = find_placed(&f, first, last, err);
    uint32_t count = (uint32_t)(f.found.n / sizeof(struct placed));
    const struct placed *placed = (const void *)f.found.p;
    for (uint32_t at = 0; ok && at < count; at += PATH_GROUP) {
        struct gap_question q = {.asking = a, .rules = a->s->retrospect_rules};
        struct naming n = {a, placed + at, objects};
        struct part_filter filter = gap_filter(&q);
        write_which(&q, placed + at, count - at < PATH_GROUP ? count - at : PATH_GROUP);
        ok = gap_run(&q, &filter, 0, take_object, &n, err) == STORE_DONE;
    }
    buf_free(&f.found);
    return ok;
}

/* Asks the stored events about files (S1): which have verdicts, since when they were seen, who used them
 * before they were known. One question for many objects; what it scans are the columns of hashes. Next:
 * retrospect_path.c. */
#include "base/log.h"
#include "store/events_sql.h"
#include "work/retrospect_sql.h"

#define DAY_NS           (86400 * NS_PER_SECOND)
#define QUERY_TIMEOUT_MS 120000
#define VERDICTS_MOST    20000 /* different files of one round */

static void use_column(struct gap_question *q, struct str name)
{
    for (size_t i = 0; i < q->column_count; i++)
        if (str_eq(q->columns[i], name))
            return;
    BUG_IF(q->column_count == GAP_COLUMNS_MOST);
    q->columns[q->column_count++] = name;
}

void gap_column(struct gap_question *q, struct str name)
{
    use_column(q, name);
    sql_identifier(&q->sql, name);
}

static bool is_list(field_id field)
{
    return field_get(field)->shape == FIELD_ARRAY;
}

/* The hash of the file that a verdict is about, in small letters; '' = none. */
void gap_verdict_hash(struct gap_question *q, enum retrospect_hash kind)
{
    field_id field = q->rules->hashes[kind].fields[0];
    buf_add(&q->sql, STR("lower(coalesce("));
    gap_column(q, field_name(field));
    buf_add(&q->sql, is_list(field) ? STR("[1], ''))") : STR(", ''))"));
}

/* Every hash of the event in one list. */
static void add_hashes(struct gap_question *q)
{
    struct buf lists = {0};
    buf_add(&q->sql, STR("unnest(["));
    for (unsigned k = 0, n = 0; k < RETROSPECT_HASHES; k++)
        for (uint32_t i = 0; i < q->rules->hashes[k].count; i++) {
            field_id field = q->rules->hashes[k].fields[i];
            if (is_list(field)) {
                use_column(q, field_name(field));
                buf_add(&lists, STR(" || coalesce("));
                sql_identifier(&lists, field_name(field));
                buf_add(&lists, STR(", []::VARCHAR[])"));
                continue;
            }
            if (n++ > 0)
                buf_add(&q->sql, STR(", "));
            gap_column(q, field_name(field));
        }
    buf_add(&q->sql, STR("]::VARCHAR[]"));
    buf_add(&q->sql, buf_str(&lists));
    buf_char(&q->sql, ')');
    buf_free(&lists);
}

/* A malware verdict that is no test. */
void gap_is_verdict(struct gap_question *q)
{
    struct str name = field_name(FIELD_HYAKUYO_MALWARE_NAME);
    buf_char(&q->sql, '(');
    gap_column(q, name);
    buf_add(&q->sql, STR(" IS NOT NULL"));
    for (uint32_t i = 0; i < q->rules->ignored_count; i++) {
        buf_add(&q->sql, STR(" AND NOT contains(lower("));
        sql_identifier(&q->sql, name);
        buf_add(&q->sql, STR("), "));
        sql_literal(&q->sql, q->rules->ignored[i]);
        buf_char(&q->sql, ')');
    }
    buf_char(&q->sql, ')');
}

/* Canaries and exercises are nobody's doing. */
void gap_is_real(struct gap_question *q)
{
    gap_column(q, field_name(FIELD_HYAKUYO_CANARY));
    buf_add(&q->sql, STR(" IS NULL AND "));
    gap_column(q, field_name(FIELD_HYAKUYO_EXERCISE));
    buf_add(&q->sql, STR(" IS NULL"));
}

enum store_end gap_run(struct gap_question *q, const struct part_filter *filter, uint64_t rows_most,
                       store_row_fn *on_row, void *context, struct error *err)
{
    struct store_query query = {.sql = buf_str(&q->sql),
                                .filter = *filter,
                                .columns = q->columns,
                                .column_count = q->column_count,
                                .limits = {.timeout_ms = QUERY_TIMEOUT_MS,
                                           .max_rows = rows_most,
                                           .is_cancelled = q->asking->is_over}};
    enum store_end end = store_query(q->asking->s->store, &query, on_row, context, NULL, err);
    buf_free(&q->sql);
    return end;
}

/* ---------------------------------------------------------------- verdicts */

struct verdicts {
    struct arena *arena;
    struct buf found; /* struct gap_object each */
};

static bool take_verdict(void *context, const struct store_result *result, const struct store_cell *cells)
{
    struct verdicts *v = context;
    struct gap_object object = {.known_ns = TIME_UNKNOWN,
                                .first_ns = TIME_UNKNOWN,
                                .name = STR_EMPTY,
                                .known_by = STR_EMPTY,
                                .basis = STR("verdict")};
    bool has_any = false;
    (void)result;
    for (unsigned k = 0; k < RETROSPECT_HASHES; k++) {
        bool is = !cells[k].is_null && retrospect_is_hash(cells[k].text, (enum retrospect_hash)k);
        object.hashes[k] = is ? arena_str(v->arena, cells[k].text) : STR_EMPTY;
        has_any |= is;
    }
    if (has_any)
        buf_bytes(&v->found, &object, sizeof object);
    return true;
}

struct part_filter gap_filter(const struct gap_question *q)
{
    struct part_filter filter = PART_FILTER_ALL;
    filter.from_ns = q->asking->now_ns - q->rules->look_back_days * DAY_NS;
    return filter;
}

bool retrospect_verdicts(const struct gap_asking *a, uint64_t first, uint64_t last, struct gap_object **out,
                         uint32_t *count, struct error *err)
{
    struct gap_question q = {.asking = a, .rules = a->s->retrospect_rules};
    struct verdicts v = {.arena = a->arena};
    struct part_filter filter = gap_filter(&q);
    filter.first_sequence = first;
    filter.last_sequence = last;
    buf_add(&q.sql, STR("SELECT DISTINCT "));
    for (unsigned k = 0; k < RETROSPECT_HASHES; k++) {
        if (k > 0)
            buf_add(&q.sql, STR(", "));
        gap_verdict_hash(&q, (enum retrospect_hash)k);
    }
    buf_add(&q.sql, STR(" FROM events WHERE "));
    gap_is_verdict(&q);
    buf_add(&q.sql, STR(" AND "));
    gap_is_real(&q);
    enum store_end end = gap_run(&q, &filter, VERDICTS_MOST, take_verdict, &v, err);
    bool ok =
        (end == STORE_DONE || end == STORE_MORE_ROWS) && retrospect_placed(a, first, last, &v.found, err);
    *count = (uint32_t)(v.found.n / sizeof **out);
    *out = arena_alloc(a->arena, v.found.n + 1);
    if (v.found.n > 0)
        memcpy(*out, v.found.p, v.found.n);
    buf_free(&v.found);
    if (end == STORE_MORE_ROWS)
        log_warning(
            tr("more than %d different files got a verdict at once: what was used of the others before "
               "they were known is not looked up",
               "一度に %d 種類を超えるファイルが検知されました。超過分の検知前の使用は調べません"),
            VERDICTS_MOST);
    return ok;
}

/* -------------------------------------------------------------------- look */

/* o: hash, number of the object, since when it is known already (µs). The hashes are hexadecimal digits. */
static void add_objects(struct gap_question *q, const struct gap_object *objects, uint32_t count)
{
    bool is_first = true;
    buf_add(&q->sql, STR("WITH o(h, n, k) AS (VALUES "));
    for (uint32_t i = 0; i < count; i++)
        for (unsigned k = 0; k < RETROSPECT_HASHES; k++) {
            if (objects[i].hashes[k].n == 0)
                continue;
            buf_add(&q->sql, is_first ? STR_EMPTY : STR(", "));
            is_first = false;
            buf_printf(&q->sql, "('%.*s', %u, ", STR_ARGS(objects[i].hashes[k]), i);
            if (objects[i].known_ns == TIME_UNKNOWN)
                buf_add(&q->sql, STR("NULL::BIGINT)"));
            else
                buf_printf(&q->sql, "%lld::BIGINT)", (long long)(objects[i].known_ns / 1000));
        }
    buf_add(&q->sql, STR("), "));
}

static void add_condition(struct gap_question *q, const struct retrospect_condition *condition)
{
    bool is_one_of = is_list(condition->field);
    buf_add(&q->sql, is_one_of ? STR("coalesce(list_contains(") : STR("coalesce("));
    gap_column(q, field_name(condition->field));
    buf_add(&q->sql, is_one_of ? STR(", ") : STR(" = "));
    sql_literal(&q->sql, condition->value);
    buf_add(&q->sql, is_one_of ? STR("), false)") : STR(", false)"));
}

/* The number of the gravest use that the event shows; NULL for none: a verdict is no use, nor is what was
 * stopped. */
static void add_use(struct gap_question *q)
{
    const struct retrospect_rules *rules = q->rules;
    buf_add(&q->sql, STR("CASE WHEN "));
    gap_column(q, field_name(FIELD_HYAKUYO_MALWARE_NAME));
    buf_add(&q->sql, STR(" IS NOT NULL"));
    for (uint32_t i = 0; i < rules->prevented.count; i++) {
        buf_add(&q->sql, STR(" OR "));
        add_condition(q, &rules->prevented.items[i]);
    }
    buf_add(&q->sql, STR(" THEN NULL"));
    for (uint32_t i = 0; i < rules->use_count; i++) {
        buf_add(&q->sql, STR(" WHEN "));
        for (uint32_t k = 0; k < rules->uses[i].when.count; k++) {
            buf_add(&q->sql, k > 0 ? STR(" AND ") : STR_EMPTY);
            add_condition(q, &rules->uses[i].when.items[k]);
        }
        buf_printf(&q->sql, " THEN %u", i);
    }
    buf_add(&q->sql, STR(" END"));
}

/* e: events with a hash; m: those of our objects, each once; g: since when each was seen and known; u: uses.
 */
static void write_look(struct gap_question *q, const struct gap_object *objects, uint32_t count)
{
    struct str sequence = STR("hyakuyo.sequence"), time = STR("@timestamp");
    add_objects(q, objects, count);
    buf_add(&q->sql, STR("e AS (SELECT "));
    add_hashes(q);
    buf_add(&q->sql, STR(" AS h, "));
    gap_column(q, sequence);
    buf_add(&q->sql, STR(" AS s, epoch_us("));
    gap_column(q, time);
    buf_add(&q->sql, STR(") AS t, coalesce("));
    gap_column(q, field_name(FIELD_HOST_NAME));
    buf_add(&q->sql, STR(", '') AS host, coalesce("));
    gap_column(q, field_name(FIELD_HOST_IP));
    buf_add(&q->sql, STR("[1], '') AS ip, "));
    gap_column(q, field_name(FIELD_USER_NAME));
    buf_add(&q->sql, STR(" AS person, "));
    gap_column(q, field_name(FIELD_HYAKUYO_MALWARE_NAME));
    buf_add(&q->sql, STR(" AS malware, "));
    gap_column(q, field_name(FIELD_OBSERVER_PRODUCT));
    buf_add(&q->sql, STR(" AS product, "));
    gap_is_verdict(q);
    buf_add(&q->sql, STR(" AS v, ["));
    for (unsigned k = 0; k < RETROSPECT_HASHES; k++) {
        buf_add(&q->sql, k > 0 ? STR(", ") : STR_EMPTY);
        gap_verdict_hash(q, (enum retrospect_hash)k);
    }
    buf_add(&q->sql, STR("] AS about, "));
    add_use(q);
    buf_add(&q->sql, STR(" AS w FROM events WHERE "));
    gap_is_real(q);
    buf_add(&q->sql,
            STR("), m AS (SELECT DISTINCT o.n, o.k, e.s, e.t, e.host, e.ip, e.person, e.malware, e.product, "
                "e.v, e.w"
                " FROM e JOIN o ON lower(e.h) = o.h),"
                " g AS (SELECT n, min(t) AS seen, min(t) FILTER (WHERE v) AS told, min(k) AS k,"
                " arg_min(malware, t) FILTER (WHERE v) AS malware, arg_min(product, t) FILTER (WHERE v) AS "
                "product"
                " FROM m GROUP BY n),"
                " u AS (SELECT m.n, CASE WHEN host <> '' THEN lower(host) ELSE ip END AS place,"
                " arg_min(host, t) AS host, max(ip) AS ip,"
                " min(w) AS w, string_agg(DISTINCT person, ';' ORDER BY person) AS persons, min(t) AS t0, "
                "max(t) AS t1,"
                " count(*) AS c, arg_min(s, t) AS s FROM m JOIN g USING (n)"
                " WHERE w IS NOT NULL AND (host <> '' OR ip <> '') AND t < least(told, g.k) GROUP BY 1, 2)"
                " SELECT g.n, seen, told, g.malware, g.product, host, ip, w, persons, t0, t1, c, s"
                " FROM g LEFT JOIN u USING (n) ORDER BY g.n, t0, host"));
}

struct looking {
    const struct gap_asking *asking;
    struct gap_object *objects;
    uint32_t object; /* at hand */
    struct buf uses; /* of it */
};

static void end_object(struct looking *l)
{
    struct gap_object *o = &l->objects[l->object];
    o->use_count = (uint32_t)(l->uses.n / sizeof *o->uses);
    o->uses = arena_alloc(l->asking->arena, l->uses.n + 1);
    if (l->uses.n > 0)
        memcpy(o->uses, l->uses.p, l->uses.n);
    buf_clear(&l->uses);
}

static struct str text_of(struct looking *l, const struct store_cell *cell)
{
    return cell->is_null ? STR_EMPTY : arena_str(l->asking->arena, cell->text);
}

/* The verdict is the knowledge when it is the earlier one. */
static void begin_object(struct looking *l, const struct store_cell *cells)
{
    struct gap_object *o = &l->objects[l->object];
    int64_t told_ns = cells[2].is_null ? TIME_UNKNOWN : cells[2].number * 1000;
    o->first_ns = cells[1].number * 1000;
    if (told_ns != TIME_UNKNOWN && (o->known_ns == TIME_UNKNOWN || told_ns <= o->known_ns)) {
        o->known_ns = told_ns;
        o->basis = STR("verdict");
        o->name = text_of(l, &cells[3]);
        o->known_by = text_of(l, &cells[4]);
    }
}

static bool take_use(void *context, const struct store_result *result, const struct store_cell *cells)
{
    struct looking *l = context;
    (void)result;
    if ((uint32_t)cells[0].number != l->object) {
        end_object(l);
        l->object = (uint32_t)cells[0].number;
    }
    if (l->uses.n == 0)
        begin_object(l, cells);
    if (cells[7].is_null)
        return true;
    l->objects[l->object].host_count++;
    if (l->uses.n / sizeof(struct gap_use) == (size_t)l->asking->s->retrospect_rules->hosts_most)
        return true;
    struct gap_use use = {.host = text_of(l, &cells[5]),
                          .ip = text_of(l, &cells[6]),
                          .use = (uint32_t)cells[7].number,
                          .users = text_of(l, &cells[8]),
                          .first_ns = cells[9].number * 1000,
                          .last_ns = cells[10].number * 1000,
                          .count = (uint64_t)cells[11].number,
                          .sequence = (uint64_t)cells[12].number};
    buf_bytes(&l->uses, &use, sizeof use);
    return true;
}

bool retrospect_look(const struct gap_asking *a, struct gap_object *objects, uint32_t count,
                     struct error *err)
{
    struct gap_question q = {.asking = a, .rules = a->s->retrospect_rules};
    struct looking l = {.asking = a, .objects = objects};
    struct part_filter filter = gap_filter(&q);
    BUG_IF(count > GAP_GROUP_MOST);
    if (count == 0)
        return true;
    write_look(&q, objects, count);
    bool ok = gap_run(&q, &filter, 0, take_use, &l, err) == STORE_DONE;
    if (ok)
        end_object(&l);
    buf_free(&l.uses);
    return ok;
}

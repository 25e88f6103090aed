/* What enters the evidence of an incident: items that people enter, answers of the logs that are kept as they
 * were given, and what the program brings by itself (look-ups, histories, exports). Files lie under
 * DATA/evidence by their SHA-256. Next: work_file.c. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/sha256.h"
#include "incident/incident.h"
#include "work/work_custody.h"

#define FOLDER          "evidence"
#define QUERY_ROWS_MOST 10000
#define QUERY_MS        60000

/* ------------------------------------------------------------------- files */

struct str evidence_sha256(struct str bytes, struct arena *arena)
{
    unsigned char hash[SHA256_BYTES];
    char hex[2 * SHA256_BYTES + 1];
    struct sha256 *h = sha256_new();
    sha256_add(h, bytes);
    sha256_end(h, hash);
    for (size_t i = 0; i < SHA256_BYTES; i++)
        snprintf(hex + 2 * i, 3, "%02x", hash[i]);
    return arena_str(arena, str_c(hex));
}

bool evidence_is_hex(struct str s, size_t n)
{
    if (s.n != n)
        return s.n == 0;
    for (size_t i = 0; i < n; i++)
        if (!ascii_is_digit(s.p[i]) && !(ascii_lower(s.p[i]) >= 'a' && ascii_lower(s.p[i]) <= 'f'))
            return false;
    return true;
}

struct str evidence_path(const struct casework *c, struct str location)
{
    struct str hash =
        str_starts(location, STR(FOLDER "/")) ? str_skip(location, strlen(FOLDER) + 1) : STR_EMPTY;
    return hash.n && evidence_is_hex(hash, 64)
               ? arena_printf(c->arena, "%s/" FOLDER "/%.*s", c->s->data_dir, STR_ARGS(hash))
               : STR_EMPTY;
}

struct str evidence_location(struct casework *c, struct str sha256)
{
    return arena_printf(c->arena, FOLDER "/%.*s", STR_ARGS(sha256));
}

bool evidence_keep(struct casework *c, struct str bytes, struct evidence_item *item)
{
    struct error err;
    item->sha256 = evidence_sha256(bytes, c->arena);
    item->size = (int64_t)bytes.n;
    item->location = evidence_location(c, item->sha256);
    const char *folder = arena_printf(c->arena, "%s/" FOLDER, c->s->data_dir).p;
    const char *path = evidence_path(c, item->location).p;
    return file_exists(path) ||
           (file_make_folders(folder, 0700, &err) && file_write_atomic(path, bytes, 0400, &err)) ||
           work_fail(c, 503, &err);
}

/* ------------------------------------------------------------------- items */

bool evidence_number(struct casework *c, uint64_t incident, struct str *number)
{
    struct work_rows items;
    if (!work_rows_of(c, WORK_EVIDENCE, incident, &items))
        return false;
    *number = arena_printf(c->arena, "%llu-%u", (unsigned long long)incident, items.count + 1);
    return true;
}

static bool is_there(const struct work_rows *items, struct str location)
{
    for (uint32_t i = 0; i < items->count; i++)
        if (str_eq(items->rows[i].values[EVIDENCE_LOCATION], location))
            return true;
    return false;
}

bool evidence_attach(struct casework *c, uint64_t incident, const struct evidence_item *item)
{
    struct work_rows items;
    struct work_row row = {0};
    if (!work_rows_of(c, WORK_EVIDENCE, incident, &items))
        return false;
    if (is_there(&items, item->location))
        return true;
    row.values[EVIDENCE_INCIDENT] = work_text_of((int64_t)incident, c->arena);
    row.values[EVIDENCE_TYPE] = str_c(item->type);
    row.values[EVIDENCE_PURPOSE] = STR("examination");
    row.values[EVIDENCE_DESCRIPTION] = item->description;
    row.values[EVIDENCE_SOURCE_HOST] = item->source_host;
    row.values[EVIDENCE_ACQUIRED] = work_text_of(item->acquired_ns, c->arena);
    row.values[EVIDENCE_ACQUIRED_BY] = c->actor;
    row.values[EVIDENCE_TOOL] = item->tool.n ? item->tool : STR("hyakuyo " HYAKUYO_VERSION);
    row.values[EVIDENCE_SHA256] = item->sha256;
    row.values[EVIDENCE_SIZE] = work_text_of(item->size, c->arena);
    row.values[EVIDENCE_LOCATION] = item->location;
    row.values[EVIDENCE_HOLDER] = row.values[EVIDENCE_ENTERED_BY] = c->actor;
    row.values[EVIDENCE_ENTERED] = work_text_of(c->now_ns, c->arena);
    return evidence_number(c, incident, &row.values[EVIDENCE_NUMBER]) && work_add(c, WORK_EVIDENCE, &row);
}

static bool answer_items(struct casework *c, const struct work_rows *items)
{
    struct json_writer w = {.out = c->out};
    json_begin_object(&w);
    json_key(&w, "file_most");
    json_put_u64(&w, c->s->evidence_bytes);
    json_key(&w, "zip_password");
    json_put_str(&w, str_c(c->s->evidence_password));
    json_key(&w, "rows");
    json_begin_array(&w);
    for (uint32_t i = 0; i < items->count; i++) {
        json_begin_object(&w);
        work_row_members(WORK_EVIDENCE, &items->rows[i], c->sees_persons, &w);
        json_end_object(&w);
    }
    json_end_array(&w);
    json_end_object(&w);
    return true;
}

bool work_get_evidence(struct casework *c)
{
    struct incident incident = {0};
    struct work_rows rows;
    return work_incident(c, c->q->id, &incident) && work_rows_of(c, WORK_EVIDENCE, c->q->id, &rows) &&
           answer_items(c, &rows);
}

bool work_post_evidence(struct casework *c)
{
    struct incident incident = {0};
    struct work_row row = {0};
    if (!work_incident(c, c->q->id, &incident))
        return false;
    if (!evidence_is_hex(work_value(c, "sha256"), 64) || !evidence_is_hex(work_value(c, "md5"), 32))
        return work_refuse(c, 400, "\"sha256\" has 64 and \"md5\" 32 hexadecimal digits.",
                           "「sha256」は16進64桁、「md5」は16進32桁です。");
    if (str_starts(work_value(c, "location"), STR(FOLDER "/")))
        return work_refuse(c, 400,
                           "Where \"location\" begins with evidence/ the program keeps its own files.",
                           "「location」の evidence/ で始まる場所は本システムの保管場所です。");
    work_take_members(c, WORK_EVIDENCE, &row);
    row.values[EVIDENCE_INCIDENT] = work_text_of((int64_t)incident.id, c->arena);
    if (!work_given(c, "acquired"))
        row.values[EVIDENCE_ACQUIRED] = work_text_of(c->now_ns, c->arena);
    if (work_value(c, "acquired_by").n == 0)
        row.values[EVIDENCE_ACQUIRED_BY] = c->actor;
    row.values[EVIDENCE_HOLDER] = row.values[EVIDENCE_ACQUIRED_BY];
    row.values[EVIDENCE_ENTERED_BY] = c->actor;
    row.values[EVIDENCE_ENTERED] = work_text_of(c->now_ns, c->arena);
    if (!work_begin(c))
        return false;
    bool ok =
        evidence_number(c, incident.id, &row.values[EVIDENCE_NUMBER]) && work_add(c, WORK_EVIDENCE, &row);
    struct deed deed = work_deed(c, "observe", incident.id, "evidence", row.id, work_value(c, "description"));
    c->answer->status = 201;
    return work_end(c, ok, &deed) && work_answer_row(c, WORK_EVIDENCE, &row);
}

/* ------------------------------------------------------- answers of the logs */

static bool ask(struct casework *c, struct search_page *page)
{
    struct error err;
    struct query_error syntax;
    struct search search = {.expression = work_value(c, "query"),
                            .from_ns = work_value_number(c, "from", INT64_MIN),
                            .to_ns = work_value_number(c, "to", INT64_MAX),
                            .now_ns = c->now_ns,
                            .zone = c->s->zone,
                            .limit = QUERY_ROWS_MOST,
                            .before = STR_EMPTY,
                            .timeout_ms = QUERY_MS};
    switch (search_run(c->s->store, &search, c->arena, page, &syntax, &err)) {
    case SEARCH_DONE:
        return true;
    case SEARCH_BAD_EXPRESSION:
        return work_refuse(c, 400, syntax.en, syntax.ja);
    default:
        return work_fail(c, 503, &err);
    }
}

/* The file says what was asked, when and by whom; asked again it can be compared. */
static void write_answer(struct casework *c, const struct search_page *page, struct buf *out)
{
    struct json_writer w = {.out = out};
    json_begin_object(&w);
    json_key(&w, "query");
    json_put_str(&w, work_value(c, "query"));
    json_key(&w, "from");
    json_put_time(&w, work_value_number(c, "from", TIME_UNKNOWN));
    json_key(&w, "to");
    json_put_time(&w, work_value_number(c, "to", TIME_UNKNOWN));
    json_key(&w, "asked");
    json_put_time(&w, c->now_ns);
    json_key(&w, "asked_by");
    json_put_str(&w, c->actor);
    json_key(&w, "is_cut");
    json_put_bool(&w, page->next.n > 0 || page->row_count >= QUERY_ROWS_MOST);
    json_key(&w, "columns");
    json_begin_array(&w);
    for (uint32_t i = 0; i < page->column_count; i++)
        json_put_str(&w, page->columns[i]);
    json_end_array(&w);
    json_key(&w, "rows");
    buf_char(out, '[');
    buf_add(out, buf_str(&page->rows));
    buf_c(out, "]}\n");
}

static bool enter_answer(struct casework *c, uint64_t incident, const struct evidence_item *item)
{
    struct work_rows items = {0};
    if (!work_begin(c))
        return false;
    bool ok = evidence_attach(c, incident, item) && work_rows_of(c, WORK_EVIDENCE, incident, &items);
    ok = ok && items.count > 0;
    uint64_t id = ok ? items.rows[items.count - 1].id : 0;
    struct deed deed = work_deed(c, "observe", incident, "evidence", id, item->description);
    c->answer->status = 201;
    return work_end(c, ok, &deed) && work_answer_row(c, WORK_EVIDENCE, &items.rows[items.count - 1]);
}

/* What the logs answer now becomes an item as it is: scans of ports, a host's past, exported events. */
bool work_post_evidence_query(struct casework *c)
{
    struct incident incident = {0};
    struct search_page page = {0};
    struct buf file = {0};
    if (!work_incident(c, c->q->id, &incident))
        return false;
    if (!(roles_permissions(c->roles) & MAY_SEARCH))
        return work_refuse(c, 403, "Your role does not search events.", "イベントを検索できない役割です。");
    bool ok = ask(c, &page);
    struct evidence_item item = {.type = "log",
                                 .description = work_value(c, "description"),
                                 .source_host = work_value(c, "source_host"),
                                 .acquired_ns = c->now_ns};
    item.tool =
        arena_printf(c->arena, "hyakuyo " HYAKUYO_VERSION ", query: %.*s", STR_ARGS(work_value(c, "query")));
    if (ok)
        write_answer(c, &page, &file);
    ok = ok && evidence_keep(c, buf_str(&file), &item) && enter_answer(c, incident.id, &item);
    buf_free(&page.rows);
    buf_free(&file);
    return ok;
}

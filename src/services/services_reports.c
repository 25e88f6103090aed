/* Reports for the console: the forms there are, what was made, making one, its file, its signature. */
#include "base/json.h"
#include "base/memory.h"
#include "reporting/reporter.h"

#define LISTED_MAX 200

static bool fail(const struct error *err, int status, struct console_failure *failure)
{
    failure->status = status;
    failure->en = *err;
    return false;
}

static void put_text(struct json_writer *w, const char *key, struct str text)
{
    json_key(w, key);
    json_put_str(w, text);
}

static void put_time(struct json_writer *w, const char *key, int64_t time_ns)
{
    json_key(w, key);
    json_put_time(w, time_ns == INT64_MAX ? TIME_UNKNOWN : time_ns);
}

static void put_number(struct json_writer *w, const char *key, uint64_t number)
{
    json_key(w, key);
    json_put_u64(w, number);
}

static void put_row(struct json_writer *w, const struct report_row *row)
{
    json_begin_object(w);
    put_number(w, "id", row->id);
    put_text(w, "name", row->name);
    put_text(w, "language", row->language);
    put_text(w, "format", row->format);
    put_text(w, "section", row->section);
    put_time(w, "from", row->from_ns);
    put_time(w, "to", row->to_ns);
    put_number(w, "incident", row->incident);
    json_key(w, "seed");
    json_put_i64(w, row->seed);
    put_time(w, "built", row->built_ns);
    put_text(w, "built_by", row->built_by);
    put_number(w, "bytes", row->bytes);
    put_text(w, "sha256", row->sha256);
    put_time(w, "sign_until", row->due_ns);
    put_time(w, "signed", row->signed_ns ? row->signed_ns : INT64_MAX);
    put_text(w, "signed_by", row->signed_by);
    put_text(w, "note", row->note);
    json_end_object(w);
}

static void put_form(struct json_writer *w, const struct report *form)
{
    static const char *const periods[] = {"none", "day", "week", "month"};
    json_begin_object(w);
    put_text(w, "name", form->name);
    put_text(w, "title_en", form->title.en);
    put_text(w, "title_ja", form->title.ja);
    json_key(w, "period");
    json_put_c(w, periods[form->period]);
    json_key(w, "needs_incident");
    json_put_bool(w, form->needs_incident);
    json_key(w, "is_pack");
    json_put_bool(w, form->is_pack);
    json_key(w, "sections");
    json_begin_array(w);
    for (uint32_t i = 0; i < form->section_count; i++)
        json_put_str(w, form->sections[i].name);
    json_end_array(w);
    json_end_object(w);
}

static bool put_forms(struct json_writer *w, const char *folder, struct arena *arena, struct error *err)
{
    struct str *names;
    size_t count;
    bool ok = report_form_names(folder, arena, &names, &count, err);
    json_key(w, "forms");
    json_begin_array(w);
    for (size_t i = 0; ok && i < count; i++) {
        struct report *form = report_form_load(folder, names[i], err);
        ok = form != NULL;
        if (ok)
            put_form(w, form);
        report_free(form);
    }
    json_end_array(w);
    return ok;
}

static bool reports(void *ctx, struct arena *arena, struct buf *json, struct console_failure *failure)
{
    struct server *s = ctx;
    struct error err;
    struct report_row *rows;
    uint32_t count;
    struct json_writer w = {.out = json};
    if (!state_reports_list(s->state, LISTED_MAX, arena, &rows, &count, &err))
        return fail(&err, 500, failure);
    json_begin_object(&w);
    bool ok = put_forms(&w, reporter_forms(s->reporter), arena, &err);
    put_number(&w, "overdue", reporter_overdue(s->reporter));
    json_key(&w, "rows");
    json_begin_array(&w);
    for (uint32_t i = 0; i < count; i++)
        put_row(&w, &rows[i]);
    json_end_array(&w);
    json_end_object(&w);
    return ok || fail(&err, 500, failure);
}

static bool has_form(const char *folder, struct str name, struct error *err)
{
    struct report *form = report_form_load(folder, name, err);
    report_free(form);
    return form != NULL;
}

static bool report_make(void *ctx, const struct report_request *request, struct buf *json,
                        struct console_failure *failure)
{
    struct server *s = ctx;
    struct error err;
    struct arena arena;
    bool is_busy = false;
    struct report_order order = {.forms = reporter_forms(s->reporter),
                                 .name = request->name,
                                 .from_ns = request->from_ns,
                                 .to_ns = request->to_ns,
                                 .incident = request->incident,
                                 .language = request->language,
                                 .zone = s->zone};
    struct report_rendering how = {.format = (enum report_format)request->format,
                                   .section = request->section,
                                   .bom = request->bom,
                                   .seed = request->seed};
    struct report_row row = {.name = request->name, .built_by = request->viewer.user, .due_ns = INT64_MAX};
    if (!has_form(order.forms, order.name, &err))
        return fail(&err, 404, failure);
    arena_init(&arena, 4096);
    bool ok = reporter_make(s->reporter, &order, &how, &arena, &row, &is_busy, &err);
    struct json_writer w = {.out = json};
    if (ok)
        put_row(&w, &row);
    arena_free(&arena);
    return ok || fail(&err, is_busy ? 503 : 400, failure);
}

/* A report by its number; 404 when there is none. */
static bool find(struct server *s, uint64_t id, struct arena *arena, struct report_row *row,
                 struct console_failure *failure)
{
    struct error err;
    bool found;
    if (!state_reports_get(s->state, id, arena, row, &found, &err))
        return fail(&err, 500, failure);
    if (found)
        return true;
    error_set(&err, tr("there is no report %llu", "報告書 %llu はありません"), (unsigned long long)id);
    return fail(&err, 404, failure);
}

static bool report_file(void *ctx, uint64_t id, struct arena *arena, struct report_file *out,
                        struct console_failure *failure)
{
    struct server *s = ctx;
    struct error err;
    struct report_row row;
    enum report_format format = REPORT_PDF;
    if (!find(s, id, arena, &row, failure))
        return false;
    if (!reporter_read(s->reporter, &row, &out->content, &err))
        return fail(&err, 500, failure);
    report_format_parse(row.format, &format);
    out->type = report_format_type(format);
    out->name = arena_printf(arena, "%.*s-%llu.%.*s", STR_ARGS(row.name), (unsigned long long)id,
                             STR_ARGS(row.format));
    out->sha256 = row.sha256;
    return true;
}

/* What is signed is what is there: the file is read and compared first. */
static bool report_sign(void *ctx, uint64_t id, struct str note, const struct console_viewer *viewer,
                        struct buf *json, struct console_failure *failure)
{
    struct server *s = ctx;
    struct error err;
    struct arena arena;
    struct report_row row;
    struct buf file = {0};
    arena_init(&arena, 4096);
    bool ok = find(s, id, &arena, &row, failure);
    if (ok && (!reporter_read(s->reporter, &row, &file, &err) ||
               !reporter_sign(s->reporter, &row, viewer->user, viewer->roles, note, &err)))
        ok = fail(&err, 409, failure);
    ok = ok && find(s, id, &arena, &row, failure);
    struct json_writer w = {.out = json};
    if (ok)
        put_row(&w, &row);
    reporter_count_overdue(s->reporter);
    buf_free(&file);
    arena_free(&arena);
    return ok;
}

void services_reports(struct console_services *s)
{
    s->reports = reports;
    s->report_make = report_make;
    s->report_file = report_file;
    s->report_sign = report_sign;
}

/* Reports as files: one document, one table, all tables in a ZIP, or the evidence pack of spec 3.9 (S183 to
 * S187): for each control the frozen population, a sample that anybody can draw again, and a manifest with
 * the SHA-256 of every file.
 *
 * The sample: for row i (from 0, in the order of the population's file) of the control C with seed S the key
 * is SHA-256 of the text "S:C:i"; the n rows with the smallest keys are drawn. */
#include "reporting/report_pack.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/memory.h"
#include "base/sha256.h"
#include "report/zip.h"
#include "store/state_reader.h"

static const struct {
    const char *name, *type;
} formats[] = {
    [REPORT_PDF] = {"pdf", "application/pdf"},
    [REPORT_HTML] = {"html", "text/html; charset=utf-8"},
    [REPORT_CSV] = {"csv", "text/csv; charset=utf-8"},
    [REPORT_ZIP] = {"zip", "application/zip"},
};

bool report_format_parse(struct str name, enum report_format *out)
{
    for (size_t i = 0; i < COUNT_OF(formats); i++)
        if (str_eq(name, str_c(formats[i].name))) {
            *out = (enum report_format)i;
            return true;
        }
    return false;
}

const char *report_format_name(enum report_format f)
{
    return formats[f].name;
}

const char *report_format_type(enum report_format f)
{
    return formats[f].type;
}

/* ------------------------------------------------------------------ samples */

struct draw {
    unsigned char key[SHA256_BYTES];
    uint32_t row;
};

static int by_key(const void *a, const void *b)
{
    return memcmp(((const struct draw *)a)->key, ((const struct draw *)b)->key, SHA256_BYTES);
}

static int by_row(const void *a, const void *b)
{
    const struct draw *x = a, *y = b;
    return (x->row > y->row) - (x->row < y->row);
}

/* The rows drawn, in the population's order. */
static struct draw *draw_sample(const struct report_section *s, int64_t seed, uint32_t *count)
{
    struct draw *draws = NEW_ARRAY(struct draw, s->row_count + 1);
    struct buf text = {0};
    for (uint32_t i = 0; i < s->row_count; i++) {
        struct sha256 *h = sha256_new();
        buf_clear(&text);
        buf_printf(&text, "%lld:%.*s:%u", (long long)seed, STR_ARGS(s->control.id), i);
        sha256_add(h, buf_str(&text));
        sha256_end(h, draws[i].key);
        draws[i].row = i;
    }
    buf_free(&text);
    *count = s->row_count < s->control.sample ? s->row_count : s->control.sample;
    qsort(draws, s->row_count, sizeof *draws, by_key);
    qsort(draws, *count, sizeof *draws, by_row);
    return draws;
}

static void put_sample(const struct report *r, const struct report_section *s, const struct draw *draws,
                       uint32_t count, bool bom, struct buf *out)
{
    struct report_section sample = *s;
    size_t row_bytes = sizeof *s->cells * s->column_count;
    sample.cells = NEW_ARRAY(struct report_cell, (size_t)count * s->column_count + 1);
    sample.row_count = count;
    for (uint32_t i = 0; i < count; i++)
        memcpy(sample.cells + (size_t)i * s->column_count, s->cells + (size_t)draws[i].row * s->column_count,
               row_bytes);
    report_csv(r, &sample, bom, out);
    memory_free(sample.cells);
}

/* ----------------------------------------------------------------- manifest */

struct pack {
    const struct report *report;
    const struct report_rendering *how;
    struct zip *zip;
    struct json_writer files, controls;
    struct buf file_text, control_text;
};

static void put_hash(struct json_writer *w, struct str content)
{
    unsigned char hash[SHA256_BYTES];
    char hex[2 * SHA256_BYTES + 1];
    struct sha256 *h = sha256_new();
    sha256_add(h, content);
    sha256_end(h, hash);
    for (size_t i = 0; i < SHA256_BYTES; i++)
        snprintf(hex + 2 * i, 3, "%02x", hash[i]);
    json_key(w, "sha256");
    json_put_c(w, hex);
}

static bool add_file(struct pack *p, struct str name, struct str content, struct error *err)
{
    json_begin_object(&p->files);
    json_key(&p->files, "name");
    json_put_str(&p->files, name);
    json_key(&p->files, "bytes");
    json_put_u64(&p->files, content.n);
    put_hash(&p->files, content);
    json_end_object(&p->files);
    return zip_add(p->zip, name, content, err);
}

static void put_word(struct json_writer *w, const char *key, const struct report *r, struct report_word word)
{
    json_key(w, key);
    json_put_str(w, report_say(r, word));
}

static void tell_control(struct pack *p, const struct report_section *s, const struct draw *draws,
                         uint32_t count)
{
    struct json_writer *w = &p->controls;
    const char *sql = s->source.state.n ? state_reader_sql(s->source.state) : NULL;
    json_begin_object(w);
    json_key(w, "id");
    json_put_str(w, s->control.id);
    put_word(w, "area", p->report, s->control.area);
    put_word(w, "title", p->report, s->title);
    put_word(w, "description", p->report, s->control.description);
    put_word(w, "frequency", p->report, s->control.frequency);
    json_key(w, "owner");
    json_put_str(w, s->control.owner);
    json_key(w, "population_query");
    json_put_str(w, sql ? str_c(sql) : s->source.query.n ? s->source.query : s->source.rows);
    json_key(w, "population");
    json_put_u64(w, s->row_count);
    put_word(w, "problem", p->report, s->problem);
    json_key(w, "sample_size");
    json_put_u64(w, s->control.sample);
    json_key(w, "sample");
    json_begin_array(w);
    for (uint32_t i = 0; i < count; i++)
        json_put_u64(w, draws[i].row);
    json_end_array(w);
    /* People test the sample; the machine does not say that a control works. */
    json_key(w, "result");
    json_put_c(w, "unknown");
    json_end_object(w);
}

static bool add_control(struct pack *p, const struct report_section *s, struct error *err)
{
    uint32_t count;
    char name[128];
    if (s->is_cut)
        return error_set(
            err,
            tr("the population of control %.*s is larger than a pack takes; choose a shorter period",
               "統制 %.*s の母集団が大きすぎます。期間を短くしてください"),
            STR_ARGS(s->control.id));
    struct buf population = {0}, sample = {0};
    struct draw *draws = draw_sample(s, p->how->seed, &count);
    report_csv(p->report, s, p->how->bom, &population);
    put_sample(p->report, s, draws, count, p->how->bom, &sample);
    snprintf(name, sizeof name, "%.*s/population.csv", STR_ARGS(s->control.id));
    bool ok = add_file(p, str_c(name), buf_str(&population), err);
    snprintf(name, sizeof name, "%.*s/sample.csv", STR_ARGS(s->control.id));
    ok = ok && add_file(p, str_c(name), buf_str(&sample), err);
    tell_control(p, s, draws, count);
    memory_free(draws);
    buf_free(&population);
    buf_free(&sample);
    return ok;
}

static void put_manifest(struct pack *p, struct buf *out)
{
    const struct report *r = p->report;
    struct json_writer w = {.out = out};
    json_begin_object(&w);
    json_key(&w, "report");
    json_put_str(&w, r->name);
    put_word(&w, "title", r, r->title);
    json_key(&w, "from");
    json_put_time(&w, r->from_ns);
    json_key(&w, "to");
    json_put_time(&w, r->to_ns);
    json_key(&w, "as_of");
    json_put_time(&w, r->as_of_ns);
    json_key(&w, "criteria");
    json_put_str(&w, r->criteria_version.n ? r->criteria_version : STR("unknown"));
    json_key(&w, "record_head");
    json_put_str(&w, r->record_head.n ? r->record_head : STR("unknown"));
    json_key(&w, "seed");
    json_put_i64(&w, p->how->seed);
    json_key(&w, "sampling");
    json_put_c(&w,
               "the n rows with the smallest SHA-256 of the text \"SEED:CONTROL:ROW\", rows counted from 0");
    json_key(&w, "controls");
    json_put_json(&w, buf_str(&p->control_text));
    json_key(&w, "files");
    json_put_json(&w, buf_str(&p->file_text));
    json_end_object(&w);
    buf_char(out, '\n');
}

static bool fill_pack(struct pack *p, struct error *err)
{
    const struct report *r = p->report;
    struct buf page = {0};
    bool ok = true;
    report_html(r, &page);
    ok = add_file(p, STR("report.html"), buf_str(&page), err);
    buf_clear(&page);
    ok = ok && report_pdf(r, &page, err) && add_file(p, STR("report.pdf"), buf_str(&page), err);
    for (uint32_t i = 0; ok && i < r->section_count; i++)
        if (r->sections[i].control.id.n)
            ok = add_control(p, &r->sections[i], err);
    buf_free(&page);
    return ok;
}

static bool render_pack(const struct report *r, const struct report_rendering *how, struct buf *out,
                        struct error *err)
{
    struct pack p = {.report = r, .how = how, .zip = zip_new(out, r->as_of_ns, err)};
    struct buf manifest = {0};
    if (p.zip == NULL)
        return false;
    p.files.out = &p.file_text;
    p.controls.out = &p.control_text;
    json_begin_array(&p.files);
    json_begin_array(&p.controls);
    bool ok = fill_pack(&p, err);
    json_end_array(&p.files);
    json_end_array(&p.controls);
    put_manifest(&p, &manifest);
    ok = ok && zip_add(p.zip, STR("manifest.json"), buf_str(&manifest), err);
    ok = zip_end(p.zip, ok ? err : NULL) && ok;
    buf_free(&manifest);
    buf_free(&p.file_text);
    buf_free(&p.control_text);
    return ok;
}

/* ------------------------------------------------------------------- tables */

static bool render_section(const struct report *r, const struct report_rendering *how, struct buf *out,
                           struct error *err)
{
    for (uint32_t i = 0; i < r->section_count; i++)
        if (str_eq(r->sections[i].name, how->section) && r->sections[i].shape != SHAPE_TEXT) {
            report_csv(r, &r->sections[i], how->bom, out);
            return true;
        }
    return error_set(err,
                     tr("the report '%.*s' has no table '%.*s'", "報告書 '%.*s' に表 '%.*s' はありません"),
                     STR_ARGS(r->name), STR_ARGS(how->section));
}

static bool render_tables(const struct report *r, const struct report_rendering *how, struct buf *out,
                          struct error *err)
{
    struct zip *zip = zip_new(out, r->as_of_ns, err);
    struct buf table = {0}, name = {0};
    bool ok = zip != NULL;
    report_csv_facts(r, how->bom, &table);
    ok = ok && zip_add(zip, STR("_report.csv"), buf_str(&table), err);
    for (uint32_t i = 0; ok && i < r->section_count; i++) {
        if (r->sections[i].shape == SHAPE_TEXT)
            continue;
        buf_clear(&table);
        buf_clear(&name);
        report_csv(r, &r->sections[i], how->bom, &table);
        buf_printf(&name, "%.*s.csv", STR_ARGS(r->sections[i].name));
        ok = zip_add(zip, buf_str(&name), buf_str(&table), err);
    }
    if (zip != NULL)
        ok = zip_end(zip, ok ? err : NULL) && ok;
    buf_free(&table);
    buf_free(&name);
    return ok;
}

bool report_render(const struct report *r, const struct report_rendering *how, struct buf *out,
                   enum report_format *format, struct error *err)
{
    *format = r->is_pack ? REPORT_ZIP : how->format;
    if (r->is_pack)
        return render_pack(r, how, out, err);
    if (how->format == REPORT_PDF)
        return report_pdf(r, out, err);
    if (how->format == REPORT_CSV && how->section.n)
        return render_section(r, how, out, err);
    if (how->format == REPORT_HTML) {
        report_html(r, out);
        return true;
    }
    *format = REPORT_ZIP;
    return render_tables(r, how, out, err);
}

/* Stage: report. Tables for spreadsheets and programs (RFC 4180: CRLF, quotes doubled). A text that a
 * spreadsheet would take for a formula gets an apostrophe in front: logs are written by strangers. */
#include "report/report.h"

static void put_mark(bool bom, struct buf *out)
{
    if (bom)
        buf_c(out, "\xEF\xBB\xBF");
}

static void put_field(struct str text, bool is_words, struct buf *out)
{
    bool is_formula = is_words && text.n && strchr("=+-@\t\r", text.p[0]) != NULL;
    bool needs_quotes = false;
    for (size_t i = 0; i < text.n && !needs_quotes; i++)
        needs_quotes = strchr(",\"\r\n", text.p[i]) != NULL && text.p[i];
    if (needs_quotes)
        buf_char(out, '"');
    if (is_formula)
        buf_char(out, '\'');
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '"')
            buf_char(out, '"');
        buf_char(out, text.p[i]);
    }
    if (needs_quotes)
        buf_char(out, '"');
}

static void put_row(const struct report *r, const struct report_section *s, uint32_t row, struct buf *field,
                    struct buf *out)
{
    for (uint32_t c = 0; c < s->column_count; c++) {
        const struct report_cell *cell = &s->cells[(size_t)row * s->column_count + c];
        buf_clear(field);
        report_plain(r, &s->columns[c], cell, field);
        if (c)
            buf_char(out, ',');
        put_field(buf_str(field), cell->kind == CELL_TEXT, out);
    }
    buf_c(out, "\r\n");
}

void report_csv(const struct report *r, const struct report_section *s, bool bom, struct buf *out)
{
    struct buf field = {0};
    put_mark(bom, out);
    for (uint32_t c = 0; c < s->column_count; c++) {
        if (c)
            buf_char(out, ',');
        put_field(report_say(r, s->columns[c].label), true, out);
    }
    buf_c(out, "\r\n");
    for (uint32_t row = 0; row < s->row_count; row++)
        put_row(r, s, row, &field, out);
    buf_free(&field);
}

static void put_pair(struct str name, struct str value, struct buf *out)
{
    put_field(name, true, out);
    buf_char(out, ',');
    put_field(value, true, out);
    buf_c(out, "\r\n");
}

void report_csv_facts(const struct report *r, bool bom, struct buf *out)
{
    struct report_fact facts[REPORT_FACTS_MAX];
    struct arena arena;
    arena_init(&arena, 4096);
    uint32_t count = report_facts(r, &arena, facts);
    put_mark(bom, out);
    put_pair(r->language == LANGUAGE_JA ? STR("報告書") : STR("Report"), report_say(r, r->title), out);
    for (uint32_t i = 0; i < count; i++)
        put_pair(facts[i].label, facts[i].value, out);
    for (uint32_t i = 0; i < r->section_count; i++) {
        struct str remark = report_remark(r, &r->sections[i], &arena);
        struct str origin = report_origin(r, &r->sections[i], &arena);
        put_pair(r->sections[i].name, origin, out);
        if (remark.n)
            put_pair(r->sections[i].name, remark, out);
    }
    arena_free(&arena);
}

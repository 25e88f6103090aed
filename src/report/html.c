/* Stage: report. A page that needs nothing but itself: style inside, charts as SVG. Everything from outside
 * is escaped. Next: canvas.h. */
#include "report/canvas.h"

#define CHART_WIDTH 680.0

static void element(struct buf *out, const char *open, struct str text, const char *close)
{
    buf_c(out, open);
    buf_markup(out, text);
    buf_c(out, close);
}

/* ---------------------------------------------------------------------- SVG */

static void svg_rectangle(void *context, double x, double y, double width, double height, uint32_t colour)
{
    buf_printf(context, "<rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\" fill=\"#%06x\"/>", x, y,
               width, height, colour);
}

static void svg_line(void *context, const struct point *points, size_t count, double width, uint32_t colour)
{
    buf_printf(context, "<polyline fill=\"none\" stroke=\"#%06x\" stroke-width=\"%.2f\" points=\"", colour,
               width);
    for (size_t i = 0; i < count; i++)
        buf_printf(context, "%s%.2f,%.2f", i ? " " : "", points[i].x, points[i].y);
    buf_c(context, "\"/>");
}

static void svg_text(void *context, double x, double y, double size, enum anchor anchor, uint32_t colour,
                     struct str text)
{
    static const char *const anchors[] = {"start", "middle", "end"};
    buf_printf(context, "<text x=\"%.2f\" y=\"%.2f\" font-size=\"%.1f\" text-anchor=\"%s\" fill=\"#%06x\">",
               x, y, size, anchors[anchor], colour);
    buf_markup(context, text);
    buf_c(context, "</text>");
}

static void put_chart(const struct report *r, const struct report_section *s, struct buf *out)
{
    const struct canvas svg = {out, svg_rectangle, svg_line, svg_text};
    buf_printf(out, "<svg role=\"img\" viewBox=\"0 0 %.0f %.0f\" aria-label=\"", CHART_WIDTH,
               chart_height(r, s, CHART_WIDTH));
    buf_markup(out, report_say(r, s->title));
    buf_c(out, "\">");
    chart_draw(r, s, &svg, CHART_WIDTH);
    buf_c(out, "</svg>\n");
}

/* ------------------------------------------------------------------ sections */

static void put_cell(const struct report *r, const struct report_section *s, uint32_t row, uint32_t column,
                     struct arena *arena, struct buf *out)
{
    const struct report_column *c = &s->columns[column];
    const struct report_cell *cell = &s->cells[(size_t)row * s->column_count + column];
    const char *kind = cell->kind == CELL_UNKNOWN ? "<td class=\"u\">"
                       : report_is_number(c)      ? "<td class=\"n\">"
                                                  : "<td>";
    if (report_is_link(c, cell)) {
        element(out, "<td><a href=\"", cell->text, "\">");
        element(out, "", report_show(r, c, cell, arena), "</a></td>");
        return;
    }
    element(out, kind, report_show(r, c, cell, arena), "</td>");
}

static void put_table(const struct report *r, const struct report_section *s, struct arena *arena,
                      struct buf *out)
{
    buf_c(out, "<table><thead><tr>");
    for (uint32_t c = 0; c < s->column_count; c++)
        element(out,
                report_is_number(&s->columns[c]) ? "<th scope=\"col\" class=\"n\">" : "<th scope=\"col\">",
                report_say(r, s->columns[c].label), "</th>");
    buf_c(out, "</tr></thead><tbody>\n");
    for (uint32_t row = 0; row < report_rows_shown(r, s); row++) {
        buf_c(out, "<tr>");
        for (uint32_t c = 0; c < s->column_count; c++)
            put_cell(r, s, row, c, arena, out);
        buf_c(out, "</tr>\n");
    }
    buf_c(out, "</tbody></table>\n");
}

static void put_numbers(const struct report *r, const struct report_section *s, struct arena *arena,
                        struct buf *out)
{
    buf_c(out, "<dl class=\"figures\">");
    for (uint32_t c = 0; c < s->column_count; c++) {
        element(out, "<div><dt>", report_say(r, s->columns[c].label), "</dt>");
        element(out, s->cells[c].kind == CELL_UNKNOWN ? "<dd class=\"u\">" : "<dd>",
                report_show(r, &s->columns[c], &s->cells[c], arena), "</dd></div>");
    }
    buf_c(out, "</dl>\n");
}

static void put_rows(const struct report *r, const struct report_section *s, struct arena *arena,
                     struct buf *out)
{
    if (s->row_count == 0)
        return;
    if (s->shape == SHAPE_NUMBERS)
        put_numbers(r, s, arena, out);
    else if (chart_has(s))
        put_chart(r, s, out);
    if (s->shape == SHAPE_TABLE || s->with_table)
        put_table(r, s, arena, out);
}

static void put_section(const struct report *r, const struct report_section *s, struct buf *out)
{
    struct arena arena;
    arena_init(&arena, 16 << 10);
    element(out, "<section id=\"", s->name, "\">");
    element(out, "<h2>", report_say(r, s->title), "</h2>\n");
    if (s->text.en.n)
        element(out, "<p>", report_say(r, s->text), "</p>\n");
    put_rows(r, s, &arena, out);
    struct str remark = report_remark(r, s, &arena), origin = report_origin(r, s, &arena);
    if (remark.n)
        element(out, "<p class=\"remark\">", remark, "</p>\n");
    if (origin.n)
        element(out, "<p class=\"origin\">", origin, "</p>\n");
    buf_c(out, "</section>\n");
    arena_free(&arena);
}

static const char style[] =
    "body{font:15px/1.6 'Noto Sans CJK JP','Hiragino Sans','Yu Gothic',Meiryo,sans-serif;color:#222;"
    "background:#fff;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "h1{font-size:1.7rem;margin:0 0 .3rem}h2{font-size:1.15rem;border-bottom:2px solid #0072b2;"
    "margin:2rem 0 .5rem}.facts{display:grid;grid-template-columns:max-content 1fr;gap:0 1rem;"
    "font-size:.85rem;color:#444;margin:.5rem 0 1rem}.facts dt{font-weight:600}.facts dd{margin:0;"
    "overflow-wrap:anywhere}.figures{display:flex;flex-wrap:wrap;gap:.6rem;margin:.6rem 0}"
    ".figures div{border:1px solid #ccc;border-radius:4px;padding:.4rem .8rem;min-width:7rem}"
    ".figures dt{font-size:.8rem;color:#555}.figures dd{font-size:1.4rem;font-weight:600;margin:0}"
    "table{border-collapse:collapse;width:100%;font-size:.85rem}th,td{border-bottom:1px solid #ddd;"
    "padding:.25rem .5rem;text-align:left;vertical-align:top;overflow-wrap:anywhere}"
    "th{background:#f2f5f8}.n{text-align:right;font-variant-numeric:tabular-nums}"
    ".u{color:#8a4b00;font-style:italic}.remark{color:#8a4b00;font-size:.85rem;margin:.3rem 0}"
    ".origin{color:#666;font-size:.75rem;margin:.2rem 0;overflow-wrap:anywhere}svg{width:100%;height:auto}"
    "@media print{section{break-inside:avoid-page}}";

static void put_facts(const struct report *r, struct buf *out)
{
    struct report_fact facts[REPORT_FACTS_MAX];
    struct arena arena;
    arena_init(&arena, 4096);
    uint32_t count = report_facts(r, &arena, facts);
    buf_c(out, "<dl class=\"facts\">");
    for (uint32_t i = 0; i < count; i++) {
        element(out, "<dt>", facts[i].label, "</dt>");
        element(out, "<dd>", facts[i].value, "</dd>");
    }
    buf_c(out, "</dl>\n");
    arena_free(&arena);
}

void report_html(const struct report *r, struct buf *out)
{
    struct str title = report_say(r, r->title);
    buf_printf(out, "<!doctype html>\n<html lang=\"%s\"><head><meta charset=\"utf-8\">",
               r->language == LANGUAGE_JA ? "ja" : "en");
    buf_c(out, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
               "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
               "'unsafe-inline'\">");
    element(out, "<title>", title, "</title><style>");
    buf_c(out, style);
    element(out, "</style></head><body>\n<h1>", title, "</h1>\n");
    put_facts(r, out);
    if (r->text.en.n)
        element(out, "<p>", report_say(r, r->text), "</p>\n");
    for (uint32_t i = 0; i < r->section_count; i++)
        put_section(r, &r->sections[i], out);
    buf_c(out, "</body></html>\n");
}

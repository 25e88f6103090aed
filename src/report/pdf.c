/* Stage: report. The printed document: A4, Pango and Cairo, Noto Sans CJK by fontconfig, fonts embedded.
 * Drawn twice: the first time to count the pages, so that each can say "2 / 5". Nothing else includes Pango
 * or Cairo. */
#include <cairo-pdf.h>
#include <math.h>
#include <pango/pangocairo.h>
#include <stdio.h>

#include "report/canvas.h"

#define PAGE_WIDTH  595.28
#define PAGE_HEIGHT 841.89
#define SIDE        42.0
#define TOP         52.0
#define BOTTOM      (PAGE_HEIGHT - 46.0)
#define WIDTH       (PAGE_WIDTH - 2 * SIDE)
#define FONT        "Noto Sans CJK JP, sans-serif"
#define PAD         3.0
#define CELL_SIZE   7.5
#define DAY_WIDTH   50.0 /* of "2025-11-29" in a cell */
#define CELL_CHARS  400  /* longer cells are cut, and end in … */

struct paper {
    const struct report *report;
    cairo_t *cr;
    struct arena *arena; /* of one drawing */
    double y;
    unsigned page, pages; /* pages 0: they are being counted */
};

static void set_colour(cairo_t *cr, uint32_t colour)
{
    cairo_set_source_rgb(cr, (colour >> 16 & 255) / 255.0, (colour >> 8 & 255) / 255.0,
                         (colour & 255) / 255.0);
}

/* --------------------------------------------------------------------- text */

struct words {
    struct str text;
    double size, width; /* width 0 = one line */
    bool is_bold;
    PangoAlignment align;
    uint32_t colour;
};

static PangoLayout *lay_out(const struct paper *p, const struct words *w)
{
    PangoLayout *layout = pango_cairo_create_layout(p->cr);
    PangoFontDescription *font = pango_font_description_from_string(FONT);
    pango_font_description_set_absolute_size(font, w->size * PANGO_SCALE);
    pango_font_description_set_weight(font, w->is_bold ? PANGO_WEIGHT_BOLD : PANGO_WEIGHT_NORMAL);
    pango_layout_set_font_description(layout, font);
    pango_font_description_free(font);
    bool is_text = str_is_utf8(w->text) && memchr(w->text.p, 0, w->text.n) == NULL;
    pango_layout_set_text(layout, is_text ? w->text.p : "?", is_text ? (int)w->text.n : 1);
    if (w->width > 0) {
        pango_layout_set_width(layout, (int)(w->width * PANGO_SCALE));
        pango_layout_set_wrap(layout, PANGO_WRAP_WORD_CHAR);
        pango_layout_set_alignment(layout, w->align);
    }
    return layout;
}

static double height_of(PangoLayout *layout)
{
    int width, height;
    pango_layout_get_size(layout, &width, &height);
    return (double)height / PANGO_SCALE;
}

static double measure(const struct paper *p, const struct words *w)
{
    PangoLayout *layout = lay_out(p, w);
    double height = height_of(layout);
    g_object_unref(layout);
    return height;
}

static double put(struct paper *p, double x, double y, const struct words *w)
{
    PangoLayout *layout = lay_out(p, w);
    set_colour(p->cr, w->colour);
    cairo_move_to(p->cr, x, y);
    pango_cairo_show_layout(p->cr, layout);
    double height = height_of(layout);
    g_object_unref(layout);
    return height;
}

/* -------------------------------------------------------------------- pages */

static void put_margins(struct paper *p)
{
    const struct report *r = p->report;
    struct report_fact facts[REPORT_FACTS_MAX];
    report_facts(r, p->arena, facts);
    struct str head =
        arena_printf(p->arena, "%.*s   %.*s", STR_ARGS(report_say(r, r->title)), STR_ARGS(facts[0].value));
    struct str number = arena_printf(p->arena, "%u / %u", p->page, p->pages);
    put(p, SIDE, 24, &(struct words){.text = head, .size = 7.5, .colour = 0x555555});
    put(p, SIDE, BOTTOM + 14,
        &(struct words){
            .text = number, .size = 7.5, .width = WIDTH, .align = PANGO_ALIGN_CENTER, .colour = 0x555555});
}

static void begin_page(struct paper *p)
{
    p->page++;
    p->y = TOP;
    put_margins(p);
}

static void next_page(struct paper *p)
{
    cairo_show_page(p->cr);
    begin_page(p);
}

static void need(struct paper *p, double height)
{
    if (p->y + height > BOTTOM && p->y > TOP)
        next_page(p);
}

static void paragraph(struct paper *p, const struct words *w, double after)
{
    struct words words = *w;
    words.width = WIDTH;
    if (words.text.n == 0)
        return;
    need(p, measure(p, &words));
    p->y += put(p, SIDE, p->y, &words) + after;
}

/* ------------------------------------------------------------------- charts */

static void cairo_box(void *context, double x, double y, double width, double height, uint32_t colour)
{
    set_colour(context, colour);
    cairo_rectangle(context, x, y, width, height);
    cairo_fill(context);
}

static void cairo_stroke_line(void *context, const struct point *points, size_t count, double width,
                              uint32_t colour)
{
    set_colour(context, colour);
    cairo_set_line_width(context, width);
    cairo_set_line_join(context, CAIRO_LINE_JOIN_ROUND);
    cairo_move_to(context, points[0].x, points[0].y);
    for (size_t i = 1; i < count; i++)
        cairo_line_to(context, points[i].x, points[i].y);
    cairo_stroke(context);
}

static void cairo_words(void *context, double x, double y, double size, enum anchor anchor, uint32_t colour,
                        struct str text)
{
    struct paper p = {.cr = context};
    PangoLayout *layout = lay_out(&p, &(struct words){.text = text, .size = size});
    int width, height;
    pango_layout_get_size(layout, &width, &height);
    double shift =
        anchor == ANCHOR_START ? 0 : (double)width / PANGO_SCALE / (anchor == ANCHOR_MIDDLE ? 2 : 1);
    set_colour(context, colour);
    cairo_move_to(context, x - shift, y - (double)pango_layout_get_baseline(layout) / PANGO_SCALE);
    pango_cairo_show_layout(context, layout);
    g_object_unref(layout);
}

static void put_chart(struct paper *p, const struct report_section *s)
{
    const struct canvas canvas = {p->cr, cairo_box, cairo_stroke_line, cairo_words};
    double height = chart_height(p->report, s, WIDTH);
    need(p, height);
    cairo_save(p->cr);
    cairo_translate(p->cr, SIDE, p->y);
    chart_draw(p->report, s, &canvas, WIDTH);
    cairo_restore(p->cr);
    p->y += height + 4;
}

/* ------------------------------------------------------------------- tables */

static struct str cut(const struct paper *p, struct str text)
{
    size_t n = CELL_CHARS;
    if (text.n <= n)
        return text;
    while (n > 0 && ((unsigned char)text.p[n] & 0xC0) == 0x80)
        n--;
    return arena_concat(p->arena, str_n(text.p, n), STR("…"));
}

static double wanted_width(const struct paper *p, const struct report_section *s, uint32_t c)
{
    double most = text_width(report_say(p->report, s->columns[c].label), CELL_SIZE) * 1.1;
    for (uint32_t row = 0; row < s->row_count && row < 200; row++) {
        const struct report_cell *cell = &s->cells[(size_t)row * s->column_count + c];
        double width = text_width(report_show(p->report, &s->columns[c], cell, p->arena), CELL_SIZE) * 1.12;
        most = width > most ? width : most;
    }
    return (most > 260 ? 260 : most) + 2 * PAD + 4;
}

/* Widths as the columns' texts ask for; on a page that is too narrow the wide ones give way first. */
/* A day is not broken into two lines; its time of day may stand below it. */
static double least_width(const struct report_section *s, uint32_t c)
{
    enum report_type type = s->columns[c].type;
    return type == REPORT_TIME || type == REPORT_DATE ? DAY_WIDTH : 0;
}

static void plan_columns(const struct paper *p, const struct report_section *s, double *widths)
{
    double sum = 0, most = 0, least = WIDTH / s->column_count;
    for (uint32_t c = 0; c < s->column_count; c++) {
        widths[c] = wanted_width(p, s, c);
        sum += widths[c];
        most = widths[c] > most ? widths[c] : most;
    }
    for (double cap = most; sum > WIDTH && cap > least; cap -= 2) {
        sum = 0;
        for (uint32_t c = 0; c < s->column_count; c++) {
            double bound = fmax(cap, least_width(s, c));
            widths[c] = widths[c] > bound ? bound : widths[c];
            sum += widths[c];
        }
    }
    for (uint32_t c = 0; c < s->column_count; c++)
        widths[c] *= WIDTH / sum;
}

static struct words cell_words(const struct paper *p, const struct report_section *s, uint32_t row,
                               uint32_t c, double width)
{
    bool is_head = row == UINT32_MAX;
    const struct report_column *column = &s->columns[c];
    const struct report_cell *cell = is_head ? NULL : &s->cells[(size_t)row * s->column_count + c];
    struct str text =
        is_head ? report_say(p->report, column->label) : report_show(p->report, column, cell, p->arena);
    return (struct words){.text = cut(p, text),
                          .size = CELL_SIZE,
                          .width = width - 2 * PAD,
                          .is_bold = is_head,
                          .align = report_is_number(column) ? PANGO_ALIGN_RIGHT : PANGO_ALIGN_LEFT,
                          .colour = cell && cell->kind == CELL_UNKNOWN ? 0x8A4B00 : 0x222222};
}

static double row_height(const struct paper *p, const struct report_section *s, uint32_t row,
                         const double *widths)
{
    double most = 0;
    for (uint32_t c = 0; c < s->column_count; c++) {
        struct words w = cell_words(p, s, row, c, widths[c]);
        double height = measure(p, &w);
        most = height > most ? height : most;
    }
    return most + 2 * PAD;
}

/* An address of the console can be followed, when it says where the console is. */
static void put_linked(struct paper *p, const struct report_section *s, uint32_t row, uint32_t c, double x,
                       const struct words *w)
{
    const struct report_cell *cell = row == UINT32_MAX ? NULL : &s->cells[(size_t)row * s->column_count + c];
    bool is_link =
        cell != NULL && report_is_link(&s->columns[c], cell) && str_starts(cell->text, STR("http"));
    if (is_link)
        cairo_tag_begin(p->cr, CAIRO_TAG_LINK, arena_printf(p->arena, "uri='%.*s'", STR_ARGS(cell->text)).p);
    put(p, x + PAD, p->y + PAD, w);
    if (is_link)
        cairo_tag_end(p->cr, CAIRO_TAG_LINK);
}

static void put_row(struct paper *p, const struct report_section *s, uint32_t row, const double *widths,
                    double height)
{
    double x = SIDE;
    if (row == UINT32_MAX)
        cairo_box(p->cr, SIDE, p->y, WIDTH, height, 0xF2F5F8);
    for (uint32_t c = 0; c < s->column_count; c++) {
        struct words w = cell_words(p, s, row, c, widths[c]);
        put_linked(p, s, row, c, x, &w);
        x += widths[c];
    }
    p->y += height;
    cairo_box(p->cr, SIDE, p->y - 0.4, WIDTH, 0.4, 0xCCCCCC);
}

/* A head is not left alone at the foot of a page, nor the source below the only row. */
static double first_row(const struct paper *p, const struct report_section *s, const double *widths)
{
    uint32_t rows = report_rows_shown(p->report, s);
    return rows == 0 ? 30 : row_height(p, s, 0, widths) + (rows == 1 ? 16 : 0);
}

static double table_begin(const struct paper *p, const struct report_section *s)
{
    double *widths = ARENA_ARRAY(p->arena, double, s->column_count + 1);
    plan_columns(p, s, widths);
    return row_height(p, s, UINT32_MAX, widths) + first_row(p, s, widths);
}

static void put_table(struct paper *p, const struct report_section *s)
{
    double *widths = ARENA_ARRAY(p->arena, double, s->column_count + 1);
    plan_columns(p, s, widths);
    double head = row_height(p, s, UINT32_MAX, widths);
    need(p, head + first_row(p, s, widths));
    put_row(p, s, UINT32_MAX, widths, head);
    for (uint32_t row = 0; row < report_rows_shown(p->report, s); row++) {
        double height = row_height(p, s, row, widths);
        double tail = row + 1 == report_rows_shown(p->report, s) ? 16 : 0; /* its source stays with it */
        if (p->y + height + tail > BOTTOM) {
            next_page(p);
            put_row(p, s, UINT32_MAX, widths, head);
        }
        put_row(p, s, row, widths, height);
    }
    p->y += 4;
}

/* Words and times are longer than numbers. */
static double figure_size(const struct report_section *s, uint32_t c)
{
    enum report_type type = s->columns[c].type;
    if (s->cells[c].kind == CELL_TEXT)
        return 9;
    return type == REPORT_TIME || type == REPORT_DATE ? 10.5 : 13;
}

static void put_numbers(struct paper *p, const struct report_section *s)
{
    uint32_t each = s->column_count < 4 ? s->column_count : 4;
    double width = (WIDTH - 6.0 * (each - 1)) / each, height = 42;
    for (uint32_t c = 0; c < s->column_count; c++) {
        double x = SIDE + (width + 6) * (c % each);
        if (c % each == 0)
            need(p, height);
        cairo_box(p->cr, x, p->y, width, height, 0xF2F5F8);
        put(p, x + 6, p->y + 4,
            &(struct words){.text = report_say(p->report, s->columns[c].label),
                            .size = 7,
                            .width = width - 10,
                            .colour = 0x555555});
        put(p, x + 6, p->y + 18,
            &(struct words){.text = cut(p, report_show(p->report, &s->columns[c], &s->cells[c], p->arena)),
                            .size = figure_size(s, c),
                            .width = width - 10,
                            .is_bold = true,
                            .colour = s->cells[c].kind == CELL_UNKNOWN ? 0x8A4B00 : 0x222222});
        if (c % each == each - 1 || c + 1 == s->column_count)
            p->y += height + 6;
    }
}

/* ----------------------------------------------------------------- document */

static void put_section(struct paper *p, const struct report_section *s)
{
    const struct report *r = p->report;
    double keep = chart_has(s)                              ? chart_height(r, s, WIDTH) + 60
                  : s->row_count && s->shape == SHAPE_TABLE ? table_begin(p, s) + 60
                                                            : 60; /* a title is not left alone below */
    need(p, keep < BOTTOM - TOP ? keep : 90);
    p->y += 8;
    paragraph(
        p,
        &(struct words){.text = report_say(r, s->title), .size = 11.5, .is_bold = true, .colour = 0x222222},
        2);
    cairo_box(p->cr, SIDE, p->y, WIDTH, 1, 0x0072B2);
    p->y += 5;
    paragraph(p, &(struct words){.text = report_say(r, s->text), .size = 8.5, .colour = 0x333333}, 4);
    if (s->row_count && s->shape == SHAPE_NUMBERS)
        put_numbers(p, s);
    if (chart_has(s))
        put_chart(p, s);
    if (s->row_count && (s->shape == SHAPE_TABLE || s->with_table))
        put_table(p, s);
    paragraph(p, &(struct words){.text = report_remark(r, s, p->arena), .size = 8, .colour = 0x8A4B00}, 2);
    paragraph(p, &(struct words){.text = report_origin(r, s, p->arena), .size = 6.5, .colour = 0x777777}, 4);
}

static void put_head(struct paper *p)
{
    const struct report *r = p->report;
    struct report_fact facts[REPORT_FACTS_MAX];
    uint32_t count = report_facts(r, p->arena, facts);
    paragraph(
        p, &(struct words){.text = report_say(r, r->title), .size = 20, .is_bold = true, .colour = 0x222222},
        6);
    for (uint32_t i = 0; i < count; i++) {
        put(p, SIDE, p->y,
            &(struct words){.text = facts[i].label, .size = 8, .is_bold = true, .colour = 0x444444});
        p->y += put(p, SIDE + 110, p->y,
                    &(struct words){
                        .text = facts[i].value, .size = 8, .width = WIDTH - 110, .colour = 0x444444}) +
                1;
    }
    p->y += 6;
    paragraph(p, &(struct words){.text = report_say(r, r->text), .size = 9, .colour = 0x333333}, 4);
}

static cairo_status_t keep_bytes(void *context, const unsigned char *bytes, unsigned count)
{
    buf_bytes(context, bytes, count);
    return CAIRO_STATUS_SUCCESS;
}

static cairo_status_t drop_bytes(void *context, const unsigned char *bytes, unsigned count)
{
    (void)context;
    (void)bytes;
    (void)count;
    return CAIRO_STATUS_SUCCESS;
}

static void describe(const struct report *r, cairo_surface_t *surface)
{
    char time[TIME_TEXT_MAX];
    char title[256];
    snprintf(title, sizeof title, "%.*s", STR_ARGS(report_say(r, r->title)));
    time_format_iso(r->as_of_ns, time);
    memcpy(time + 19, "Z", 2); /* Cairo takes no fraction */
    cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_TITLE, title);
    cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATOR, "hyakuyo");
    cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATE_DATE, time);
}

/* Draws all of it; returns how many pages it took, 0 when Cairo could not. */
static unsigned draw(const struct report *r, unsigned pages, struct buf *out)
{
    struct arena arena;
    arena_init(&arena, 64 << 10);
    cairo_surface_t *surface =
        cairo_pdf_surface_create_for_stream(out ? keep_bytes : drop_bytes, out, PAGE_WIDTH, PAGE_HEIGHT);
    describe(r, surface);
    struct paper p = {.report = r, .cr = cairo_create(surface), .arena = &arena, .pages = pages};
    begin_page(&p);
    put_head(&p);
    for (uint32_t i = 0; i < r->section_count; i++)
        put_section(&p, &r->sections[i]);
    cairo_show_page(p.cr);
    bool ok = cairo_status(p.cr) == CAIRO_STATUS_SUCCESS;
    cairo_destroy(p.cr);
    cairo_surface_finish(surface);
    ok = ok && cairo_surface_status(surface) == CAIRO_STATUS_SUCCESS;
    cairo_surface_destroy(surface);
    arena_free(&arena);
    return ok ? p.page : 0;
}

bool report_pdf(const struct report *r, struct buf *out, struct error *err)
{
    unsigned pages = draw(r, 0, NULL);
    if (pages > 0 && draw(r, pages, out) == pages)
        return true;
    return error_set(err, "%s",
                     tr("the PDF could not be drawn; check that the fonts (fonts-noto-cjk) can be read",
                        "PDF を描けませんでした。フォント(fonts-noto-cjk)を読めるか確認してください"));
}

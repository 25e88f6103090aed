/* Stage: report. Charts: lines, bars and stacked bars of a section's rows, on any canvas. A chart is a matrix
 * of x values by series; what is not in the rows is 0 on an axis of even steps and left out elsewhere. At
 * most POINTS_MAX steps and SERIES_MAX series; smaller series are summed as "other". Next: canvas.h. */
#include <math.h>
#include <stdio.h>

#include "report/canvas.h"

#define POINTS_MAX 800
#define SERIES_MAX 8
#define BARS_MAX   30
#define RANKED_MAX 200
#define MARGIN     6.0
#define TEXT       8.0
#define PLOT       130.0
#define BAR_ROW    15.0
#define INK        0x333333u
#define PALE       0xDDDDDDu

/* Okabe and Ito's colours, told apart by people who see few colours; the last is for "other". */
static const uint32_t colours[SERIES_MAX] = {0x0072B2, 0xE69F00, 0x009E73, 0xCC79A7,
                                             0x56B4E9, 0xD55E00, 0x8A7F00, 0x999999};

struct series {
    struct str name;
    double total;
};

struct matrix {
    struct arena arena;
    struct str *labels; /* of x */
    double *places;     /* of x on a line chart */
    uint32_t count;
    struct series series[SERIES_MAX];
    uint32_t series_count;
    double *values; /* [x * SERIES_MAX + series]; NaN = nothing there */
    double top;
    bool is_percent;
    bool is_curve; /* x is a measure, no time */
};

double text_width(struct str text, double size)
{
    double width = 0;
    for (size_t i = 0; i < text.n;) {
        size_t n = str_utf8_length(str_skip(text, i));
        width += n >= 3 ? 1.0 : 0.56;
        i += n ? n : 1;
    }
    return width * size;
}

bool chart_has(const struct report_section *s)
{
    bool is_chart = s->shape == SHAPE_LINE || s->shape == SHAPE_BAR || s->shape == SHAPE_STACKED;
    return is_chart && s->row_count > 0 && report_find_column(s, s->x) != SIZE_MAX &&
           report_find_column(s, s->y[0]) != SIZE_MAX;
}

/* ------------------------------------------------------------------- matrix */

static bool is_number_axis(const struct report_section *s)
{
    return s->shape == SHAPE_LINE && s->columns[report_find_column(s, s->x)].type != REPORT_TEXT;
}

static const struct report_cell *cell_at(const struct report_section *s, uint32_t row, size_t column)
{
    return &s->cells[(size_t)row * s->column_count + column];
}

/* Every step of the period first, so that quiet ones stand as 0. */
static void add_steps(const struct report *r, const struct report_section *s, struct matrix *m)
{
    for (int64_t at = r->from_ns; s->step_ns && at < r->to_ns && m->count < POINTS_MAX; at += s->step_ns)
        m->places[m->count++] = (double)at;
}

static uint32_t find_place(struct matrix *m, double place)
{
    for (uint32_t i = m->count; i-- > 0;)
        if (m->places[i] == place)
            return i;
    if (m->count == POINTS_MAX)
        return UINT32_MAX;
    m->places[m->count] = place;
    return m->count++;
}

static uint32_t find_label(struct matrix *m, struct str label)
{
    for (uint32_t i = 0; i < m->count; i++)
        if (str_eq(m->labels[i], label))
            return i;
    if (m->count == POINTS_MAX)
        return UINT32_MAX;
    m->labels[m->count] = label;
    return m->count++;
}

struct sum {
    struct str name;
    double total;
};

static int by_total(const void *a, const void *b)
{
    double x = ((const struct sum *)a)->total, y = ((const struct sum *)b)->total;
    return (x < y) - (x > y);
}

/* With a column of series: the largest get places of their own, in that order. */
static void rank_series(const struct report *r, const struct report_section *s, struct matrix *m)
{
    size_t by = report_find_column(s, s->series), y = report_find_column(s, s->y[0]);
    struct sum *sums = ARENA_ARRAY(&m->arena, struct sum, RANKED_MAX);
    uint32_t count = 0;
    for (uint32_t row = 0; by != SIZE_MAX && row < s->row_count; row++) {
        struct str name = report_show(r, &s->columns[by], cell_at(s, row, by), &m->arena);
        uint32_t i = 0;
        while (i < count && !str_eq(sums[i].name, name))
            i++;
        if (i == RANKED_MAX)
            continue;
        count += i == count;
        sums[i].name = name;
        sums[i].total += cell_at(s, row, y)->real;
    }
    qsort(sums, count, sizeof *sums, by_total);
    uint32_t own = count <= SERIES_MAX ? count : SERIES_MAX - 1;
    for (uint32_t i = 0; i < own; i++)
        m->series[m->series_count++].name = sums[i].name;
}

static uint32_t find_series(const struct report *r, struct matrix *m, struct str name)
{
    for (uint32_t i = 0; i < m->series_count; i++)
        if (str_eq(m->series[i].name, name))
            return i;
    if (m->series_count == SERIES_MAX)
        return SERIES_MAX - 1;
    bool is_last = m->series_count == SERIES_MAX - 1;
    struct str other = r->language == LANGUAGE_JA ? STR("その他") : STR("other");
    m->series[m->series_count].name = is_last ? other : name;
    return m->series_count++;
}

/* Several values at one place are summed; on a curve over a measure (hours since …) the largest counts. */
static void add_value(struct matrix *m, uint32_t x, uint32_t series, double value)
{
    double *at = &m->values[(size_t)x * SERIES_MAX + series];
    if (m->is_curve)
        *at = isnan(*at) || value > *at ? value : *at;
    else
        *at = isnan(*at) ? value : *at + value;
    m->series[series].total += value;
}

static uint32_t place_of(const struct report *r, const struct report_section *s, struct matrix *m,
                         uint32_t row)
{
    size_t x = report_find_column(s, s->x);
    const struct report_cell *cell = cell_at(s, row, x);
    if (is_number_axis(s))
        return cell->kind == CELL_NUMBER ? find_place(m, cell->real) : UINT32_MAX;
    return find_label(m, report_show(r, &s->columns[x], cell, &m->arena));
}

static void add_row(const struct report *r, const struct report_section *s, struct matrix *m, uint32_t row)
{
    size_t by = report_find_column(s, s->series);
    uint32_t x = place_of(r, s, m, row);
    for (uint32_t i = 0; x != UINT32_MAX && i < s->y_count; i++) {
        size_t y = report_find_column(s, s->y[i]);
        const struct report_cell *cell = y == SIZE_MAX ? NULL : cell_at(s, row, y);
        if (cell == NULL || cell->kind != CELL_NUMBER)
            continue;
        struct str name = by == SIZE_MAX ? report_say(r, s->columns[y].label)
                                         : report_show(r, &s->columns[by], cell_at(s, row, by), &m->arena);
        add_value(m, x, find_series(r, m, name), cell->real);
    }
}

static int by_place(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Places are found before values, so that they stand in order. */
static void order_places(const struct report *r, const struct report_section *s, struct matrix *m)
{
    if (!is_number_axis(s))
        return;
    add_steps(r, s, m);
    for (uint32_t row = 0; row < s->row_count; row++)
        place_of(r, s, m, row);
    qsort(m->places, m->count, sizeof *m->places, by_place);
}

static void find_top(const struct report_section *s, struct matrix *m)
{
    for (uint32_t x = 0; x < m->count; x++) {
        double sum = 0, most = 0;
        for (uint32_t i = 0; i < m->series_count; i++) {
            double v = m->values[(size_t)x * SERIES_MAX + i];
            sum += isnan(v) ? 0 : v;
            most = v > most ? v : most;
        }
        double height = s->shape == SHAPE_STACKED ? sum : most;
        m->top = height > m->top ? height : m->top;
    }
    m->top = m->is_percent ? 100 : m->top > 0 ? m->top : 1;
}

static void matrix_build(const struct report *r, const struct report_section *s, struct matrix *m)
{
    *m = (struct matrix){.count = 0};
    arena_init(&m->arena, 64 << 10);
    m->labels = ARENA_ARRAY(&m->arena, struct str, POINTS_MAX);
    m->places = ARENA_ARRAY(&m->arena, double, POINTS_MAX);
    m->values = ARENA_ARRAY(&m->arena, double, POINTS_MAX *SERIES_MAX);
    for (size_t i = 0; i < (size_t)POINTS_MAX * SERIES_MAX; i++)
        m->values[i] = NAN;
    m->is_percent = s->columns[report_find_column(s, s->y[0])].type == REPORT_PERCENT;
    enum report_type x_type = s->columns[report_find_column(s, s->x)].type;
    m->is_curve = is_number_axis(s) && x_type != REPORT_TIME && x_type != REPORT_DATE;
    order_places(r, s, m);
    rank_series(r, s, m);
    for (uint32_t row = 0; row < s->row_count; row++)
        add_row(r, s, m, row);
    if (s->step_ns)
        for (uint32_t x = 0; x < m->count; x++)
            for (uint32_t i = 0; i < m->series_count; i++)
                if (isnan(m->values[(size_t)x * SERIES_MAX + i]))
                    m->values[(size_t)x * SERIES_MAX + i] = 0;
    find_top(s, m);
}

/* --------------------------------------------------------------------- axes */

/* 1, 2 or 5 times a power of ten, so that about four lines reach the top. */
static double tick_of(double top)
{
    double raw = top / 4, power = pow(10, floor(log10(raw)));
    double times = raw / power;
    double tick = (times <= 1 ? 1 : times <= 2 ? 2 : times <= 5 ? 5 : 10) * power;
    return tick < 1 && top >= 1 ? 1 : tick;
}

static struct str number_label(const struct report *r, const struct report_section *s, double value,
                               struct arena *arena)
{
    struct report_column c = s->columns[report_find_column(s, s->y[0])];
    struct report_cell cell = report_real(value);
    c.value_count = 0;
    if (c.type == REPORT_PERCENT)
        return arena_printf(arena, "%.0f %%", value);
    return report_show(r, &c, &cell, arena);
}

struct frame {
    double left, right, top, bottom;
};

static void draw_scale(const struct report *r, const struct report_section *s, struct matrix *m,
                       const struct canvas *c, const struct frame *f)
{
    double tick = tick_of(m->top);
    for (double v = 0; v <= m->top * 1.0001; v += tick) {
        double y = f->bottom - (f->bottom - f->top) * v / m->top;
        struct point line[] = {{f->left, y}, {f->right, y}};
        c->line(c->context, line, 2, 0.5, v == 0 ? INK : PALE);
        c->text(c->context, f->left - 4, y + TEXT / 3, TEXT, ANCHOR_END, INK,
                number_label(r, s, v, &m->arena));
    }
}

static void draw_legend(const struct matrix *m, const struct canvas *c, double width)
{
    double x = MARGIN, y = MARGIN + TEXT;
    for (uint32_t i = 0; i < m->series_count; i++) {
        double needs = 14 + text_width(m->series[i].name, TEXT) + 12;
        if (x + needs > width && x > MARGIN) {
            x = MARGIN;
            y += TEXT + 4;
        }
        c->rectangle(c->context, x, y - TEXT + 1, 9, TEXT - 1, colours[i]);
        c->text(c->context, x + 13, y, TEXT, ANCHOR_START, INK, m->series[i].name);
        x += needs;
    }
}

static double legend_height(const struct matrix *m, double width)
{
    double x = MARGIN, rows = 1;
    for (uint32_t i = 0; i < m->series_count; i++) {
        double needs = 14 + text_width(m->series[i].name, TEXT) + 12;
        if (x + needs > width && x > MARGIN) {
            x = MARGIN;
            rows++;
        }
        x += needs;
    }
    return rows * (TEXT + 4) + 4;
}

/* ---------------------------------------------------------------- the kinds */

static struct str place_label(const struct report *r, const struct report_section *s, double place,
                              struct arena *arena)
{
    struct report_column c = s->columns[report_find_column(s, s->x)];
    struct report_cell cell = report_real(place);
    struct str text = report_show(r, &c, &cell, arena);
    if (c.type == REPORT_TIME && s->step_ns && r->to_ns - r->from_ns <= 2 * 86400 * NS_PER_SECOND)
        return str_skip(text, 11); /* hours of a day */
    return c.type == REPORT_DATE || c.type == REPORT_TIME ? str_skip(text, 5) : text;
}

static double x_of(const struct matrix *m, const struct frame *f, uint32_t i)
{
    double first = m->is_curve ? 0 : m->places[0], last = m->places[m->count - 1];
    return last > first ? f->left + (f->right - f->left) * (m->places[i] - first) / (last - first)
                        : (f->left + f->right) / 2;
}

/* A measure gets even steps from 0, as the scale at the left. */
static void draw_measure(struct matrix *m, const struct canvas *c, const struct frame *f)
{
    double last = m->places[m->count - 1], tick = tick_of(last > 0 ? last * 0.6 : 1);
    for (double v = 0; v <= last * 1.0001; v += tick) {
        double x = last > 0 ? f->left + (f->right - f->left) * v / last : f->left;
        struct point mark[] = {{x, f->bottom}, {x, f->bottom + 3}};
        c->line(c->context, mark, 2, 0.5, INK);
        c->text(c->context, x, f->bottom + 4 + TEXT, TEXT, ANCHOR_MIDDLE, INK,
                arena_printf(&m->arena, "%.4g", v));
    }
}

static void draw_places(const struct report *r, const struct report_section *s, struct matrix *m,
                        const struct canvas *c, const struct frame *f)
{
    double free_from = 0;
    for (uint32_t i = 0; i < m->count; i++) {
        struct str label = place_label(r, s, m->places[i], &m->arena);
        double x = x_of(m, f, i), half = text_width(label, TEXT) / 2;
        if (x - half < free_from)
            continue;
        struct point tick[] = {{x, f->bottom}, {x, f->bottom + 3}};
        c->line(c->context, tick, 2, 0.5, INK);
        c->text(c->context, x, f->bottom + 4 + TEXT, TEXT, ANCHOR_MIDDLE, INK, label);
        free_from = x + half + 8;
    }
}

static void draw_series(struct matrix *m, const struct canvas *c, const struct frame *f, uint32_t series)
{
    struct point *points = ARENA_ARRAY(&m->arena, struct point, m->count + 1);
    size_t n = 0;
    for (uint32_t i = 0; i < m->count; i++) {
        double v = m->values[(size_t)i * SERIES_MAX + series];
        if (!isnan(v))
            points[n++] = (struct point){x_of(m, f, i), f->bottom - (f->bottom - f->top) * v / m->top};
    }
    if (n == 1)
        c->rectangle(c->context, points[0].x - 2, points[0].y - 2, 4, 4, colours[series]);
    else if (n > 1)
        c->line(c->context, points, n, 1.4, colours[series]);
}

static void draw_lines(const struct report *r, const struct report_section *s, struct matrix *m,
                       const struct canvas *c, double width)
{
    double head = legend_height(m, width);
    struct frame f = {52, width - 14, head + 8, head + 8 + PLOT};
    draw_scale(r, s, m, c, &f);
    if (m->is_curve)
        draw_measure(m, c, &f);
    else
        draw_places(r, s, m, c, &f);
    for (uint32_t i = m->series_count; i-- > 0;)
        draw_series(m, c, &f, i);
}

static double label_room(const struct matrix *m, double width)
{
    double room = 40;
    for (uint32_t i = 0; i < m->count; i++) {
        double needs = text_width(m->labels[i], TEXT) + 8;
        room = needs > room ? needs : room;
    }
    return room > width * 0.4 ? width * 0.4 : room;
}

/* Cut to what fits, at a character. */
static struct str fit(struct str text, double width, struct arena *arena)
{
    size_t n = 0;
    if (text_width(text, TEXT) <= width)
        return text;
    while (n < text.n) {
        size_t step = str_utf8_length(str_skip(text, n));
        step = step ? step : 1;
        if (text_width(str_n(text.p, n + step), TEXT) > width - TEXT)
            break;
        n += step;
    }
    return arena_concat(arena, str_n(text.p, n), STR("…"));
}

/* One bar to the right: its series one behind the other when stacked, else one below the other. */
static void draw_bar(const struct report *r, const struct report_section *s, struct matrix *m,
                     const struct canvas *c, const struct frame *f, uint32_t x)
{
    bool is_stacked = s->shape == SHAPE_STACKED;
    double at = f->left, sum = 0, height = BAR_ROW - 5;
    double each = is_stacked || m->series_count == 0 ? height : height / m->series_count;
    for (uint32_t i = 0; i < m->series_count; i++) {
        double v = m->values[(size_t)x * SERIES_MAX + i];
        if (isnan(v) || v <= 0)
            continue;
        double length = (f->right - f->left) * v / m->top;
        c->rectangle(c->context, is_stacked ? at : f->left, f->top + (is_stacked ? 0 : each * i), length,
                     each, colours[i]);
        at += is_stacked ? length : 0;
        at = !is_stacked && f->left + length > at ? f->left + length : at;
        sum += v;
    }
    if (is_stacked || m->series_count == 1)
        c->text(c->context, at + 4, f->top + height - 2, TEXT, ANCHOR_START, INK,
                number_label(r, s, sum, &m->arena));
}

static void draw_bars(const struct report *r, const struct report_section *s, struct matrix *m,
                      const struct canvas *c, double width)
{
    double room = label_room(m, width), y = legend_height(m, width) + 4;
    uint32_t shown = m->count < BARS_MAX ? m->count : BARS_MAX;
    for (uint32_t x = 0; x < shown; x++, y += BAR_ROW) {
        struct frame f = {MARGIN + room, width - 60, y, y + BAR_ROW};
        c->text(c->context, f.left - 5, y + BAR_ROW - 7, TEXT, ANCHOR_END, INK,
                fit(m->labels[x], room, &m->arena));
        draw_bar(r, s, m, c, &f, x);
    }
}

double chart_height(const struct report *r, const struct report_section *s, double width)
{
    struct matrix m;
    matrix_build(r, s, &m);
    double head = legend_height(&m, width);
    uint32_t shown = m.count < BARS_MAX ? m.count : BARS_MAX;
    double height = is_number_axis(s) ? head + 8 + PLOT + 20 : head + 8 + shown * BAR_ROW;
    arena_free(&m.arena);
    return height;
}

void chart_draw(const struct report *r, const struct report_section *s, const struct canvas *canvas,
                double width)
{
    struct matrix m;
    matrix_build(r, s, &m);
    draw_legend(&m, canvas, width);
    if (is_number_axis(s))
        draw_lines(r, s, &m, canvas, width);
    else
        draw_bars(r, s, &m, canvas, width);
    arena_free(&m.arena);
}

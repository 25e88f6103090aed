/* What charts are drawn on: SVG in pages, Cairo in print. Points; x to the right, y down. Inside the stage
 * only. */
#ifndef REPORT_CANVAS_H
#define REPORT_CANVAS_H

#include "report/report.h"

enum anchor { ANCHOR_START, ANCHOR_MIDDLE, ANCHOR_END };
struct point {
    double x, y;
};

struct canvas {
    void *context;
    void (*rectangle)(void *context, double x, double y, double width, double height, uint32_t colour);
    void (*line)(void *context, const struct point *points, size_t count, double width, uint32_t colour);
    /* `y` is the base line. */
    void (*text)(void *context, double x, double y, double size, enum anchor anchor, uint32_t colour,
                 struct str text);
};

/* The chart of a section that has rows; its height for that width is chart_height(). */
double chart_height(const struct report *r, const struct report_section *s, double width);
void chart_draw(const struct report *r, const struct report_section *s, const struct canvas *canvas,
                double width);
bool chart_has(const struct report_section *s); /* it is a chart and its columns are there */

/* Estimated width of a text of that size: CJK is one em wide, the rest a little over half. */
double text_width(struct str text, double size);

#endif

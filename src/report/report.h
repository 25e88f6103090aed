/* The stage report: rows → people. A form (content/reports/NAME.yml) says which sections a report has and
 * where each takes its rows from; src/reporting/report_build.c fills them; here they become a page, a table
 * file or a printed document.
 *
 *   form.c ─▶ struct report ─▶ (rows) ─▶ html.c, csv.c, pdf.c; zip.c binds several files together
 *                                          └─ chart.c draws for html.c and pdf.c through one canvas.h
 *
 * Invariants
 * 1. What was not measured is CELL_UNKNOWN and is written as "unknown", never as nothing or 0.
 * 2. Every section names its source and the period it speaks of.
 * 3. The same report gives the same bytes in every format: no clock is read here. */
#ifndef REPORT_REPORT_H
#define REPORT_REPORT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"

struct report_word {
    struct str en, ja;
};

enum report_type {
    REPORT_TEXT,
    REPORT_NUMBER,  /* whole */
    REPORT_REAL,    /* three digits */
    REPORT_PERCENT, /* 0–100 */
    REPORT_TIME,    /* ns since 1970 UTC, shown in the report's zone to the minute */
    REPORT_DATE,    /* the same, to the day */
    REPORT_SPAN,    /* minutes; shown as 2d 3h, 3h 20m, 5m */
    REPORT_BYTES,
    REPORT_LINK, /* an address of the console: a page makes it a link */
};

/* What stands for a value that is kept as a number or a word: {4: {en: highest, ja: 最高}}. */
struct report_value {
    struct str value;
    struct report_word shown;
};

struct report_column {
    struct str name;
    struct str member; /* what its source calls it: a form writes "posture=level" */
    struct report_word label;
    enum report_type type;
    bool is_system; /* `type: system`: a text that names a system; people read what that is called */
    const struct report_value *values;
    uint32_t value_count;
};

enum report_cell_kind { CELL_UNKNOWN, CELL_TEXT, CELL_NUMBER };
struct report_cell {
    enum report_cell_kind kind;
    struct str text;
    int64_t whole; /* rounded; exact for whole numbers and times */
    double real;
};

enum report_shape {
    SHAPE_NUMBERS, /* one row: each column a figure */
    SHAPE_TABLE,
    SHAPE_LINE,
    SHAPE_BAR,
    SHAPE_STACKED,
    SHAPE_TEXT, /* words only */
};

/* Where the rows come from: one of these is set. */
struct report_source {
    struct str query; /* filter language over the events of the period */
    struct str rest;  /* the events that `query` cannot group, counted: a row of unknowns with that number */
    struct str state; /* a named table of the state */
    struct str document; /* "fleet", "posture", "kpis": a list of what the program knows, … */
    struct str rows;     /* … by its path: "propagation.curve"; "" = the document itself is the row */
};

/* A parameter of a named table: {days: 90}. */
struct report_parameter {
    struct str name;
    int64_t number;
};

/* What an evidence pack says about the control that a population belongs to (spec 3.9). */
struct report_control {
    struct str id, owner;
    struct report_word area, description, frequency;
    uint32_t sample; /* rows to draw */
};

struct report_section {
    struct str name;
    struct report_word title, text;
    enum report_shape shape;
    struct report_source source;
    struct report_parameter *parameters;
    uint32_t parameter_count;
    struct str *wanted; /* names of columns; of a query in the order of its own columns */
    uint32_t wanted_count;
    struct str x, series;
    struct str *y;
    uint32_t y_count;
    int64_t step_ns;               /* of a time axis, so that quiet steps are 0; 0 = only what occurs */
    uint32_t limit;                /* rows */
    bool is_now;                   /* as of now, whatever the period */
    bool with_table;               /* a chart's rows are shown below it */
    struct report_control control; /* of an evidence pack; id "" = none */
    unsigned line;                 /* in the form */

    /* filled by the builder */
    struct report_column *columns;
    uint32_t column_count;
    struct report_cell *cells; /* row by row */
    uint32_t row_count, row_capacity;
    bool is_cut;                /* there are more rows than `limit` */
    struct report_word problem; /* why there are none; "" = none */
};

enum report_period { PERIOD_NONE, PERIOD_DAY, PERIOD_WEEK, PERIOD_MONTH };

struct report {
    struct arena arena; /* of everything in it */
    struct str name, path;
    struct report_word title, text;
    enum report_period period;
    int scheduled_minute; /* of the local day, from which the report on the last period is made; −1 = on
                             demand */
    bool needs_incident;
    bool is_pack; /* evidence: a ZIP of populations and samples */
    struct report_section *sections;
    uint32_t section_count;

    /* filled by the builder */
    enum language language;
    const struct zone *zone;
    int64_t from_ns, to_ns; /* half open; equal: the report has no period */
    int64_t as_of_ns;
    uint64_t incident;
    struct str criteria_version, record_head; /* "" = unknown */
    uint64_t last_sequence;                   /* of the events that were there; 0 = none */
};

/* Reads FOLDER/NAME.yml and FOLDER/labels.yml. NULL with a sentence that names file and line. */
struct report *report_form_load(const char *folder, struct str name, struct error *err) MUST_CHECK;
void report_free(struct report *r); /* NULL is fine */
/* Names of the forms in the folder, in byte order. */
bool report_form_names(const char *folder, struct arena *arena, struct str **names, size_t *count,
                       struct error *err) MUST_CHECK;
/* The column of that name ("NAME" or "NAME=MEMBER") as labels.yml has it; one with the name as its label when
 * there is none. */
struct report_column report_column_named(const struct report *r, struct str name);

/* The whole day, week (from Monday) or month before the one that holds `now_ns`, in the zone. */
void report_default_period(enum report_period period, const struct zone *zone, int64_t now_ns,
                           int64_t *from_ns, int64_t *to_ns);

/* ------------------------------------------------------------------ filling */

/* Room for one row of `column_count` cells, all unknown; NULL: the section is full and now says so. */
struct report_cell *report_add_row(struct report *r, struct report_section *s);
struct report_cell report_whole(int64_t number);
struct report_cell report_real(double number);
struct report_cell report_text(struct str text); /* must live as long as the report */
/* By name, by member; SIZE_MAX when there is none. */
size_t report_find_member(const struct report_section *s, struct str member);
size_t report_find_column(const struct report_section *s, struct str name);

/* ------------------------------------------------------------------ showing */

struct str report_say(const struct report *r, struct report_word w);
struct str report_half(const struct report *r, struct str text);
/* A cell as people read it, into the arena. */
struct str report_show(const struct report *r, const struct report_column *c, const struct report_cell *cell,
                       struct arena *arena);
/* A cell as programs read it: plain numbers, ISO times with their offset, "unknown". */
void report_plain(const struct report *r, const struct report_column *c, const struct report_cell *cell,
                  struct buf *out);
bool report_is_number(const struct report_column *c);
/* A cell to follow: an address of the console in a column of links, without quotes. */
bool report_is_link(const struct report_column *c, const struct report_cell *cell); /* stands at the right */
/* "Period", "2025-11-10 00:00 – …" and the like: what every report says about itself. */
#define REPORT_FACTS_MAX 8
struct report_fact {
    struct str label, value;
};
uint32_t report_facts(const struct report *r, struct arena *arena, struct report_fact out[REPORT_FACTS_MAX]);
/* "Source: …; period: …", one line below each section. */
struct str report_origin(const struct report *r, const struct report_section *s, struct arena *arena);
/* Rows to print; of a pack's populations only the first. */
uint32_t report_rows_shown(const struct report *r, const struct report_section *s);
/* Why there are no rows, or that there are more than are shown; "" = neither. */
struct str report_remark(const struct report *r, const struct report_section *s, struct arena *arena);

void report_html(const struct report *r, struct buf *out);
/* One section; with `bom`, as spreadsheet programs want it. */
void report_csv(const struct report *r, const struct report_section *s, bool bom, struct buf *out);
/* What the report says about itself, as name and value. */
void report_csv_facts(const struct report *r, bool bom, struct buf *out);
bool report_pdf(const struct report *r, struct buf *out, struct error *err) MUST_CHECK;

#endif

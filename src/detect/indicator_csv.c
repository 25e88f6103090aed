/* Tables with a header: CSV as people export it, abuse.ch's (header in the last comment line), and Zeek's
 * intelligence files. A column's name says what it holds; a row gives an indicator for each column that holds
 * one, or one of the type that its type column says.
 * Stage: detect, at import. */
#include "detect/indicator_reader.h"

#include "base/log.h"

#define COLUMNS_MAX    128
#define HEADER_LINES   100
#define CELL_BYTES_MAX 4096

enum column_role {
    COLUMN_IGNORED,
    COLUMN_VALUE, /* type by the type column, or by itself */
    COLUMN_TYPED, /* the name of the column is the type */
    COLUMN_TYPE,
    COLUMN_CONFIDENCE,
    COLUMN_DESCRIPTION,
    COLUMN_LABELS,
    COLUMN_TLP,
    COLUMN_REFERENCE,
    COLUMN_FROM,
    COLUMN_UNTIL,
};

static const struct {
    struct str name;
    enum column_role role;
} column_names[] = {
    {{"indicator", 9}, COLUMN_VALUE},
    {{"ioc", 3}, COLUMN_VALUE},
    {{"ioc-value", 9}, COLUMN_VALUE},
    {{"value", 5}, COLUMN_VALUE},
    {{"observable", 10}, COLUMN_VALUE},
    {{"indicator-value", 15}, COLUMN_VALUE},
    {{"type", 4}, COLUMN_TYPE},
    {{"indicator-type", 14}, COLUMN_TYPE},
    {{"ioc-type", 8}, COLUMN_TYPE},
    {{"confidence", 10}, COLUMN_CONFIDENCE},
    {{"confidence-level", 16}, COLUMN_CONFIDENCE},
    {{"meta.confidence", 15}, COLUMN_CONFIDENCE},
    {{"score", 5}, COLUMN_CONFIDENCE},
    {{"description", 11}, COLUMN_DESCRIPTION},
    {{"comment", 7}, COLUMN_DESCRIPTION},
    {{"meta.desc", 9}, COLUMN_DESCRIPTION},
    {{"malware", 7}, COLUMN_DESCRIPTION},
    {{"malware-printable", 17}, COLUMN_DESCRIPTION},
    {{"threat", 6}, COLUMN_DESCRIPTION},
    {{"signature", 9}, COLUMN_DESCRIPTION},
    {{"tags", 4}, COLUMN_LABELS},
    {{"labels", 6}, COLUMN_LABELS},
    {{"threat-type", 11}, COLUMN_LABELS},
    {{"meta.source", 11}, COLUMN_LABELS},
    {{"tlp", 3}, COLUMN_TLP},
    {{"reference", 9}, COLUMN_REFERENCE},
    {{"meta.url", 8}, COLUMN_REFERENCE},
    {{"link", 4}, COLUMN_REFERENCE},
    {{"valid-from", 10}, COLUMN_FROM},
    {{"valid-until", 11}, COLUMN_UNTIL},
    {{"valid-to", 8}, COLUMN_UNTIL},
    {{"expires", 7}, COLUMN_UNTIL},
    {{"expiration", 10}, COLUMN_UNTIL},
    {{"urlhaus-link", 12}, COLUMN_REFERENCE},
};

struct table {
    char separator;
    uint32_t count;
    enum column_role roles[COLUMNS_MAX];
    enum indicator_type types[COLUMNS_MAX];
    bool has_value;
};

/* ------------------------------------------------------------------------ cells */

/* RFC 4180 without line ends in cells; a space behind the separator does not count. */
static uint32_t split(struct str line, char separator, struct str *cells, uint32_t max, struct arena *arena)
{
    uint32_t n = 0;
    while (n < max) {
        while (separator != '\t' && line.n && line.p[0] == ' ')
            line = str_skip(line, 1);
        if (line.n && line.p[0] == '"' && separator != '\t') {
            char *out = arena_alloc(arena, line.n + 1);
            size_t at = 1, used = 0;
            for (; at < line.n && (line.p[at] != '"' || (at + 1 < line.n && line.p[at + 1] == '"')); at++) {
                at += line.p[at] == '"';
                out[used++] = line.p[at];
            }
            cells[n++] = str_n(out, used);
            line = str_skip(line, at + 1);
            line = str_skip(line, str_find_char(line, separator, 0));
        } else {
            size_t end = str_find_char(line, separator, 0);
            cells[n++] = str_trim(str_slice(line, 0, end));
            line = str_skip(line, end);
        }
        if (line.n == 0)
            return n;
        line = str_skip(line, 1);
    }
    return n;
}

/* ----------------------------------------------------------------------- header */

static enum column_role role_of(struct str name, enum indicator_type *type)
{
    char plain[32];
    if (name.n == 0 || name.n > sizeof plain)
        return COLUMN_IGNORED;
    for (size_t i = 0; i < name.n; i++) {
        char c = ascii_lower(name.p[i]);
        plain[i] = c == '_' || c == ' ' ? '-' : c;
    }
    for (size_t i = 0; i < COUNT_OF(column_names); i++)
        if (str_eq(str_n(plain, name.n), column_names[i].name))
            return column_names[i].role;
    return indicator_type_of_word(name, type) ? COLUMN_TYPED : COLUMN_IGNORED;
}

static bool is_value(struct str cell)
{
    struct indicator_key key;
    return indicator_key_make(INDICATOR_ANY, cell, &key);
}

/* `*has_indicator`: a cell is one itself ("evil.example", but also Zeek's "meta.do_notice"). */
static bool read_names(struct str line, char separator, struct table *t, bool *has_indicator)
{
    struct str cells[COLUMNS_MAX];
    struct arena arena;
    bool has_typed = false;
    *has_indicator = false;
    arena_init(&arena, 1024);
    *t = (struct table){.separator = separator};
    t->count = split(line, separator, cells, COLUMNS_MAX, &arena);
    for (uint32_t i = 0; i < t->count; i++) {
        t->types[i] = INDICATOR_ANY;
        t->roles[i] = role_of(str_trim_chars(cells[i], "\"' "), &t->types[i]);
        t->has_value |= t->roles[i] == COLUMN_VALUE;
        has_typed |= t->roles[i] == COLUMN_TYPED;
        *has_indicator |= t->roles[i] == COLUMN_IGNORED && is_value(cells[i]);
    }
    arena_free(&arena);
    return t->has_value || has_typed;
}

/* A line with an indicator in it is no header, even if another cell says "domain". */
static bool read_header(struct str line, char separator, struct table *t)
{
    bool has_indicator;
    return read_names(line, separator, t, &has_indicator) && !has_indicator;
}

static bool has_known_header(struct str line, struct table *t)
{
    static const char separators[] = {',', '\t', ';'};
    for (size_t i = 0; i < sizeof separators; i++)
        if (str_find_char(line, separators[i], 0) != STR_NOT_FOUND && read_header(line, separators[i], t))
            return true;
    /* a single column needs no separator, but it must be nothing but the name */
    return str_find_char(line, ' ', 0) == STR_NOT_FOUND && str_find_char(line, '.', 0) == STR_NOT_FOUND &&
           read_header(line, ',', t) && t->count == 1;
}

/* The header: the first line that is no comment, or the last comment before it. `*rest` then begins behind
 * it.
 */
static bool find_header(struct str *rest, struct table *t, unsigned *line_number)
{
    struct str text = *rest, line, comment = STR_EMPTY;
    for (unsigned n = 1; n <= HEADER_LINES; n++) {
        struct str before = text;
        if (!str_split(&text, '\n', &line))
            break;
        line = str_trim(line);
        *line_number = n;
        if (line.n && line.p[0] == '#') {
            struct str inner = str_trim(str_trim_chars(line, "#"));
            if (inner.n)
                comment = inner;
            continue;
        }
        if (line.n == 0)
            continue;
        bool is_here = has_known_header(line, t);
        *rest = is_here ? text : before;
        *line_number = is_here ? n : n - 1;
        return is_here ||
               (comment.n && str_find_char(comment, ',', 0) != STR_NOT_FOUND && has_known_header(comment, t));
    }
    return false;
}

bool indicators_is_csv(struct str text)
{
    struct table t;
    unsigned line;
    return find_header(&text, &t, &line);
}

/* ------------------------------------------------------------------------- rows */

static void fill(const struct table *t, const struct str *cells, uint32_t count, struct indicator *i,
                 struct str *type)
{
    double number;
    for (uint32_t c = 0; c < count; c++) {
        struct str cell = cells[c];
        if (cell.n == 0 || str_eq(cell, STR("-")) || str_eq_nocase(cell, STR("null")))
            continue;
        switch (t->roles[c]) {
        case COLUMN_TYPE:
            *type = cell;
            break;
        case COLUMN_CONFIDENCE:
            if (str_to_double(cell, &number) && number >= 0)
                i->confidence = number <= 1 && str_find_char(cell, '.', 0) != STR_NOT_FOUND
                                    ? (int)(100 * number)
                                : number > 100 ? 100
                                               : (int)number;
            break;
        case COLUMN_DESCRIPTION:
            if (i->description.n == 0)
                i->description = cell;
            break;
        case COLUMN_LABELS:
            if (i->labels.n == 0)
                i->labels = cell;
            break;
        case COLUMN_TLP:
            i->tlp = indicator_tlp(cell);
            break;
        case COLUMN_REFERENCE:
            i->reference = cell;
            break;
        case COLUMN_FROM:
            i->valid_from_ns = indicator_time(cell);
            break;
        case COLUMN_UNTIL:
            i->valid_until_ns = indicator_time(cell);
            break;
        case COLUMN_VALUE:
        case COLUMN_TYPED:
        case COLUMN_IGNORED:
            break;
        }
    }
}

static void add_cell(struct indicator *i, struct str cell, enum indicator_type type,
                     struct indicator_builder *b, unsigned line)
{
    if (cell.n == 0 || str_eq(cell, STR("-")) || str_eq_nocase(cell, STR("null")) ||
        str_eq_nocase(cell, STR("n/a")) || str_eq_nocase(cell, STR("none")))
        return;
    i->value = cell;
    i->type = type;
    indicator_builder_add(b, i, line);
}

static void read_row(const struct table *t, const struct str *cells, uint32_t count,
                     struct indicator_builder *b, unsigned line)
{
    struct indicator i = indicator_blank();
    struct str word = STR_EMPTY;
    enum indicator_type type = INDICATOR_ANY;
    count = count < t->count ? count : t->count;
    fill(t, cells, count, &i, &word);
    bool is_known = word.n == 0 || indicator_type_of_word(word, &type);
    for (uint32_t c = 0; c < count; c++) {
        if (t->roles[c] == COLUMN_VALUE && !is_known && cells[c].n)
            indicator_builder_refuse(b, REASON_TYPE, word, line);
        else if (t->roles[c] == COLUMN_VALUE)
            add_cell(&i, cells[c], type, b, line);
        else if (t->roles[c] == COLUMN_TYPED && !t->has_value) /* beside a value column it is context */
            add_cell(&i, cells[c], t->types[c], b, line);
    }
}

static void read_rows(struct str rest, const struct table *t, unsigned line_number,
                      struct indicator_builder *b)
{
    struct str cells[COLUMNS_MAX], line;
    struct arena arena;
    arena_init(&arena, 16 << 10);
    while (str_split(&rest, '\n', &line)) {
        line_number++;
        if (t->separator != '\t')
            line = str_trim(line);
        else if (str_ends(line, STR("\r")))
            line.n--;
        if (line.n == 0 || line.p[0] == '#')
            continue;
        read_row(t, cells, split(line, t->separator, cells, COLUMNS_MAX, &arena), b, line_number);
        arena_reset(&arena);
    }
    arena_free(&arena);
}

bool indicators_read_csv(struct str text, struct indicator_builder *b, struct error *err)
{
    struct table t;
    unsigned line_number;
    if (!find_header(&text, &t, &line_number))
        return error_set(err, "%s",
                         tr("no column of the header is known; name one 'indicator'",
                            "見出しに知っている列がありません。'indicator' という列が必要です"));
    read_rows(text, &t, line_number, b);
    return true;
}

/* ------------------------------------------------------------------------- Zeek */

static bool find_fields(struct str *rest, struct table *t, unsigned *line_number)
{
    struct str text = *rest, line;
    bool has_indicator;
    for (unsigned n = 1; n <= HEADER_LINES && str_split(&text, '\n', &line); n++) {
        line = str_trim(line);
        if (!str_starts(line, STR("#fields")) || line.n < 9 || !ascii_is_space(line.p[7]))
            continue;
        *rest = text;
        *line_number = n;
        return read_names(str_skip(line, 8), '\t', t, &has_indicator) && t->has_value;
    }
    return false;
}

bool indicators_is_zeek(struct str text)
{
    struct table t;
    unsigned line;
    return find_fields(&text, &t, &line);
}

bool indicators_read_zeek(struct str text, struct indicator_builder *b, struct error *err)
{
    struct table t;
    unsigned line_number;
    if (!find_fields(&text, &t, &line_number))
        return error_set(err, "%s",
                         tr("the #fields line names no 'indicator'",
                            "#fields の行に 'indicator' がありません"));
    read_rows(text, &t, line_number, b);
    return true;
}

/* Stage: enrich. Reads the context files into an asset_set: bytes → cells → typed members, driven by
 * asset_columns.def. A fault names its line and what to do about it; reading goes on to count the others, but
 * nothing is used then. Next: the state database keeps the set (store/state_assets.c), enrichment looks hosts
 * and networks up in it. */
#include "enrich/asset_csv.h"

#include <stddef.h>

#include "base/charset.h"
#include "base/ip.h"
#include "base/json.h"
#include "base/log.h"

#define COLUMN_MAX 64

struct column {
    const char *name;
    enum asset_kind kind;
    size_t offset;
};

/* One table for all files; a file's columns are found by its number. */
static const struct {
    enum asset_file file;
    struct column column;
} columns[] = {
#define ASSET_COLUMN(file, type, member, name, kind)                                                         \
    {ASSET_##file, {name, ASSET_##kind, offsetof(struct type, member)}},
#include "event/asset_columns.def"
#undef ASSET_COLUMN
};

static const struct file_kind {
    const char *name;
    size_t row_bytes;
    size_t rows_offset;       /* of the array in struct asset_set */
    const char *must_have[3]; /* at least one of these columns is filled in every row */
} files[ASSET_FILE_COUNT] = {
    [ASSET_HOSTS] = {"hosts.csv",
                     sizeof(struct asset_host),
                     offsetof(struct asset_set, hosts),
                     {"ip", "hostname", "mac"}},
    [ASSET_USERS] = {"users.csv", sizeof(struct asset_user), offsetof(struct asset_set, users), {"user"}},
    [ASSET_DEPARTMENTS] = {"departments.csv",
                           sizeof(struct asset_department),
                           offsetof(struct asset_set, departments),
                           {"department"}},
    [ASSET_NETWORKS] = {"networks.csv",
                        sizeof(struct asset_network),
                        offsetof(struct asset_set, networks),
                        {"cidr"}},
    [ASSET_EXCEPTIONS] = {"exceptions.csv",
                          sizeof(struct asset_exception),
                          offsetof(struct asset_set, exceptions),
                          {"kind"}},
    [ASSET_CONDITIONS] = {"conditions.csv",
                          sizeof(struct asset_condition),
                          offsetof(struct asset_set, conditions),
                          {"value"}},
};

struct reader {
    enum asset_file file;
    const char *path;
    struct str rest;   /* text not read yet */
    unsigned line;     /* of `rest` */
    unsigned row_line; /* where the row being read began */
    const uint32_t
        *lines; /* of the source, for each row behind the columns; NULL = this text is the source */
    uint32_t line_count;
    struct arena *arena;
    const struct asset_set *set;
    struct str header[COLUMN_MAX];
    const struct column *known[COLUMN_MAX]; /* NULL: a label, or one of the two below */
    size_t width;
    size_t from_column, to_column; /* valid_from, valid_to; COLUMN_MAX when absent */
    struct error *err;             /* the first fault */
    unsigned faults;
};

const char *asset_file_name(enum asset_file file)
{
    return files[file].name;
}

static bool fault(struct reader *r, const char *column, struct str cell, const char *remedy)
{
    if (r->faults++ == 0)
        error_at(r->err, r->path, r->row_line, 0,
                 tr("column \"%s\" holds \"%.*s\": %s", "「%s」列の値「%.*s」: %s"), column,
                 (int)(cell.n > 80 ? 80 : cell.n), cell.p, remedy);
    return false;
}

/* ---- cells: RFC 4180, with LF or CRLF ---- */

static bool at_row_end(struct str rest)
{
    return rest.n == 0 || rest.p[0] == '\n' || (rest.p[0] == '\r' && (rest.n == 1 || rest.p[1] == '\n'));
}

/* Bytes from the opening quote to the closing one, both counted; more than there are when it is never closed.
 */
static size_t quoted_length(struct str text)
{
    size_t i = 1;
    while (i < text.n && (text.p[i] != '"' || (i + 1 < text.n && text.p[i + 1] == '"')))
        i += text.p[i] == '"' ? 2 : 1;
    return i + 1;
}

static bool read_quoted(struct reader *r, struct str *cell)
{
    size_t length = quoted_length(r->rest);
    if (length > r->rest.n)
        return false;
    char *out = arena_alloc(r->arena, length), *at = out;
    for (size_t i = 1; i + 1 < length; i++) {
        i += r->rest.p[i] == '"';
        r->line += r->rest.p[i] == '\n';
        *at++ = r->rest.p[i];
    }
    *cell = str_n(out, (size_t)(at - out));
    r->rest = str_skip(r->rest, length);
    while (r->rest.n && (r->rest.p[0] == ' ' || r->rest.p[0] == '\t'))
        r->rest = str_skip(r->rest, 1);
    return at_row_end(r->rest) || r->rest.p[0] == ',';
}

static bool read_cell(struct reader *r, struct str *cell)
{
    size_t blank = 0;
    while (blank < r->rest.n && (r->rest.p[blank] == ' ' || r->rest.p[blank] == '\t'))
        blank++;
    if (blank < r->rest.n && r->rest.p[blank] == '"') {
        r->rest = str_skip(r->rest, blank);
        return read_quoted(r, cell);
    }
    size_t n = 0;
    while (n < r->rest.n && r->rest.p[n] != ',' && !at_row_end(str_skip(r->rest, n)))
        n++;
    *cell = str_slice(r->rest, 0, n);
    r->rest = str_skip(r->rest, n);
    return true;
}

static void skip_line(struct reader *r)
{
    size_t end = str_find_char(r->rest, '\n', 0);
    r->rest = end == STR_NOT_FOUND ? STR_EMPTY : str_skip(r->rest, end + 1);
    r->line++;
}

/* The next row that says something. 1 = a row of `*count` cells, 0 = end, -1 = this row is broken (a fault is
 * noted). */
static int read_row(struct reader *r, struct str cells[COLUMN_MAX], size_t *count)
{
    while (r->rest.n && (at_row_end(r->rest) || r->rest.p[0] == '#'))
        skip_line(r);
    if (r->rest.n == 0)
        return 0;
    r->row_line = r->line;
    if (r->lines != NULL && r->line >= 2 && r->line - 2 < r->line_count)
        r->row_line = r->lines[r->line - 2];
    for (*count = 0;;) {
        struct str cell;
        if (*count == COLUMN_MAX || !read_cell(r, &cell)) {
            fault(r, "", str_slice(r->rest, 0, 40),
                  *count == COLUMN_MAX
                      ? tr("more than 64 columns", "列が 64 を超えています")
                      : tr("a quoted cell is not closed: write \" at its end, and \"\" for a quote inside",
                           "引用符が閉じていません。値の終わりに \" を、値の中の引用符は \"\" "
                           "と書いてください"));
            skip_line(r);
            return -1;
        }
        cells[(*count)++] = str_trim(cell);
        if (at_row_end(r->rest))
            break;
        r->rest = str_skip(r->rest, 1);
    }
    skip_line(r);
    return 1;
}

/* ---- values ---- */

static struct asset_list split_list(struct str cell, struct arena *arena)
{
    uint32_t most = 1;
    for (size_t i = 0; i < cell.n; i++)
        most += cell.p[i] == ';';
    struct asset_list list = {ARENA_ARRAY(arena, struct str, most), 0};
    struct str rest = cell, part;
    while (str_split(&rest, ';', &part)) {
        part = str_trim(part);
        if (part.n)
            list.items[list.count++] = arena_str(arena, part);
    }
    return list;
}

static bool read_addresses(struct reader *r, const struct column *c, struct str cell, struct asset_list *out)
{
    *out = split_list(cell, r->arena);
    for (uint32_t i = 0; i < out->count; i++) {
        struct ip ip;
        char text[IP_TEXT_MAX];
        if (!ip_parse(out->items[i], &ip))
            return fault(r, c->name, out->items[i],
                         tr("not an IP address; write 192.0.2.1 or 2001:db8::1, several with ;",
                            "IP アドレスではありません。192.0.2.1 や 2001:db8::1 の形で、複数は ; "
                            "で区切ってください"));
        out->items[i] = arena_str(r->arena, str_n(text, ip_format(&ip, text)));
    }
    return true;
}

static bool read_networks(struct reader *r, const struct column *c, struct str cell, struct asset_list *out)
{
    *out = split_list(cell, r->arena);
    for (uint32_t i = 0; i < out->count; i++) {
        struct cidr cidr;
        if (!cidr_parse(out->items[i], &cidr))
            return fault(
                r, c->name, out->items[i],
                tr("not a network; write 192.0.2.0/24, 2001:db8::/32 or one address",
                   "ネットワークではありません。192.0.2.0/24、2001:db8::/32 またはアドレスを書いてください"));
    }
    return true;
}

static bool read_ports(struct reader *r, const struct column *c, struct str cell, struct asset_list *out)
{
    *out = split_list(cell, r->arena);
    for (uint32_t i = 0; i < out->count; i++) {
        struct asset_port_range range;
        if (!asset_port_parse(out->items[i], &range))
            return fault(r, c->name, out->items[i],
                         tr("not a port; write 25 or 6000-6010, at most 65535",
                            "ポート番号ではありません。25 や 6000-6010 の形で、65535 以下で書いてください"));
    }
    return true;
}

static const struct {
    const char *word;
    int value;
} levels[] = {{"", 0},     {"1", 1},       {"2", 2},  {"3", 3},  {"4", 4},  {"low", 1}, {"medium", 2},
              {"high", 3}, {"highest", 4}, {"低", 1}, {"中", 2}, {"高", 3}, {"最高", 4}},
  flags[] = {{"", ASSET_FLAG_UNKNOWN},
             {"yes", 1},
             {"no", 0},
             {"true", 1},
             {"false", 0},
             {"1", 1},
             {"0", 0},
             {"y", 1},
             {"n", 0},
             {"はい", 1},
             {"いいえ", 0},
             {"有", 1},
             {"無", 0}};

static bool read_level(struct reader *r, const struct column *c, struct str cell, int *out)
{
    for (size_t i = 0; i < COUNT_OF(levels); i++)
        if (str_eq_nocase(cell, str_c(levels[i].word))) {
            *out = levels[i].value;
            return true;
        }
    return fault(r, c->name, cell,
                 tr("write 1 (low) to 4 (highest), or nothing",
                    "1（低）から 4（最高）、または空にしてください"));
}

static bool read_flag(struct reader *r, const struct column *c, struct str cell, int *out)
{
    for (size_t i = 0; i < COUNT_OF(flags); i++)
        if (str_eq_nocase(cell, str_c(flags[i].word))) {
            *out = flags[i].value;
            return true;
        }
    return fault(r, c->name, cell, tr("write yes or no, or nothing", "yes か no、または空にしてください"));
}

static bool read_minute(struct str s, int16_t *minute)
{
    size_t colon = str_find_char(s, ':', 0);
    uint64_t hour, rest;
    if (colon == STR_NOT_FOUND || s.n - colon != 3 || !str_to_u64(str_slice(s, 0, colon), 10, &hour) ||
        !str_to_u64(str_skip(s, colon + 1), 10, &rest) || hour * 60 + rest > 24 * 60 || rest > 59)
        return false;
    *minute = (int16_t)(hour * 60 + rest);
    return true;
}

static bool read_window(struct reader *r, const struct column *c, struct str cell, struct asset_window *out)
{
    *out = (struct asset_window){0, 0};
    size_t dash = str_find_char(cell, '-', 0);
    if (cell.n == 0 ||
        (dash != STR_NOT_FOUND && read_minute(str_trim(str_slice(cell, 0, dash)), &out->from_minute) &&
         read_minute(str_trim(str_skip(cell, dash + 1)), &out->to_minute)))
        return true;
    return fault(r, c->name, cell,
                 tr("write a time of day as HH:MM-HH:MM", "時間帯を HH:MM-HH:MM の形で書いてください"));
}

/* A date alone is 00:00 of the day, or of the next day when it says until when. */
static bool read_time(struct reader *r, const char *column, struct str cell, bool is_end, int64_t *out)
{
    *out = is_end ? INT64_MAX : INT64_MIN;
    if (cell.n == 0)
        return true;
    struct time_context context = {.zone = r->set->zone};
    bool is_date = cell.n == 10 && str_find_char(cell, '-', 0) == 4;
    char text[32];
    struct str whole = cell;
    if (is_date) {
        memcpy(text, cell.p, 10);
        memcpy(text + 10, "T00:00:00", 9);
        whole = str_n(text, 19);
    }
    if (!time_parse_iso(whole, &context, out))
        return fault(r, column, cell,
                     tr("write a date as 2025-11-10 or a time as 2025-11-10T09:00:00+09:00",
                        "日付は 2025-11-10、時刻は 2025-11-10T09:00:00+09:00 の形で書いてください"));
    if (is_date && is_end)
        *out += 86400 * NS_PER_SECOND;
    return true;
}

static bool read_value(struct reader *r, const struct column *c, struct str cell, void *member)
{
    switch (c->kind) {
    case ASSET_TEXT:
        *(struct str *)member = arena_str(r->arena, cell);
        return true;
    case ASSET_WORD:
        *(struct str *)member = arena_lower(r->arena, cell);
        return true;
    case ASSET_LIST:
        *(struct asset_list *)member = split_list(cell, r->arena);
        return true;
    case ASSET_ADDRESSES:
        return read_addresses(r, c, cell, member);
    case ASSET_NETWORKS_LIST:
        return read_networks(r, c, cell, member);
    case ASSET_PORTS:
        return read_ports(r, c, cell, member);
    case ASSET_LEVEL:
        return read_level(r, c, cell, member);
    case ASSET_FLAG:
        return read_flag(r, c, cell, member);
    case ASSET_WINDOW:
        return read_window(r, c, cell, member);
    case ASSET_UNTIL:
        return read_time(r, c->name, cell, true, member);
    }
    BUG("a kind of column nobody reads");
}

/* ---- rows ---- */

static const struct column *find_column(enum asset_file file, struct str name)
{
    for (size_t i = 0; i < COUNT_OF(columns); i++)
        if (columns[i].file == file && str_eq(str_c(columns[i].column.name), name))
            return &columns[i].column;
    return NULL;
}

static bool has_column(const struct reader *r, const char *name)
{
    for (size_t i = 0; i < r->width; i++)
        if (str_eq(r->header[i], str_c(name)))
            return true;
    return false;
}

static bool header_can_name_rows(struct reader *r)
{
    const char *const *must = files[r->file].must_have;
    for (size_t i = 0; i < 3 && must[i]; i++)
        if (has_column(r, must[i]))
            return true;
    return fault(r, must[0], r->width ? r->header[0] : STR_EMPTY,
                 tr("the first line must name the columns, this one among them",
                    "1 行目に列名を書き、この列を含めてください"));
}

static bool read_header(struct reader *r)
{
    struct str cells[COLUMN_MAX];
    r->from_column = r->to_column = COLUMN_MAX;
    if (read_row(r, cells, &r->width) != 1)
        return r->faults == 0; /* an empty file is an empty set */
    for (size_t i = 0; i < r->width; i++) {
        struct str name = arena_lower(r->arena, cells[i]);
        for (size_t k = 0; k < i; k++)
            if (name.n && str_eq(r->header[k], name))
                return fault(r, "", name, tr("the column is there twice", "同じ列名が 2 回あります"));
        r->header[i] = name;
        r->known[i] = find_column(r->file, name);
        if (str_eq(name, STR("valid_from")))
            r->from_column = i;
        else if (str_eq(name, STR("valid_to")))
            r->to_column = i;
    }
    return header_can_name_rows(r);
}

static struct str collect_labels(const struct reader *r, const struct str *cells, size_t count)
{
    struct buf text = {0};
    struct json_writer w = {.out = &text};
    bool is_empty = true;
    json_begin_object(&w);
    for (size_t i = 0; i < count; i++) {
        if (r->known[i] || i == r->from_column || i == r->to_column || cells[i].n == 0 || r->header[i].n == 0)
            continue;
        json_key_str(&w, r->header[i]);
        json_put_str(&w, cells[i]);
        is_empty = false;
    }
    json_end_object(&w);
    struct str labels = is_empty ? STR_EMPTY : arena_str(r->arena, buf_str(&text));
    buf_free(&text);
    return labels;
}

/* What a column that is missing or empty means, by its kind. */
static void set_defaults(enum asset_file file, char *row)
{
    for (size_t i = 0; i < COUNT_OF(columns); i++) {
        if (columns[i].file != file)
            continue;
        void *member = row + columns[i].column.offset;
        if (columns[i].column.kind == ASSET_FLAG)
            *(int *)member = ASSET_FLAG_UNKNOWN;
        else if (columns[i].column.kind == ASSET_UNTIL)
            *(int64_t *)member = INT64_MAX;
        else if (columns[i].column.kind == ASSET_TEXT || columns[i].column.kind == ASSET_WORD)
            *(struct str *)member = STR_EMPTY;
    }
}

static bool names_something(struct reader *r, const struct str *cells, size_t count)
{
    const char *const *must = files[r->file].must_have;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < 3 && must[k]; k++)
            if (cells[i].n && str_eq(r->header[i], str_c(must[k])))
                return true;
    return fault(r, must[0], STR_EMPTY,
                 tr("the row does not say what it is about; fill this column or delete the row",
                    "何についての行か分かりません。この列を埋めるか、行を削除してください"));
}

static bool fill_row(struct reader *r, const struct str *cells, size_t count, char *row)
{
    struct asset_row *head = (struct asset_row *)(void *)row;
    if (count > r->width)
        return fault(r, "", cells[r->width],
                     tr("more cells than the first line has columns; quote a cell that holds a comma",
                        "1 行目の列数より値が多くあります。コンマを含む値は引用符で囲んでください"));
    set_defaults(r->file, row);
    head->line = r->row_line;
    bool ok = names_something(r, cells, count);
    for (size_t i = 0; ok && i < count; i++)
        ok = !r->known[i] || read_value(r, r->known[i], cells[i], row + r->known[i]->offset);
    struct str from = r->from_column < count ? cells[r->from_column] : STR_EMPTY;
    struct str to = r->to_column < count ? cells[r->to_column] : STR_EMPTY;
    ok = ok && read_time(r, "valid_from", from, false, &head->valid_from_ns) &&
         read_time(r, "valid_to", to, true, &head->valid_to_ns);
    if (ok && head->valid_from_ns >= head->valid_to_ns)
        ok = fault(r, "valid_to", to, tr("not after valid_from", "valid_from より後にしてください"));
    head->labels = ok ? collect_labels(r, cells, count) : STR_EMPTY;
    return ok;
}

static void read_rows(struct reader *r, struct asset_set *set)
{
    const struct file_kind *kind = &files[r->file];
    struct buf rows = {0};
    struct str cells[COLUMN_MAX];
    size_t count;
    int result;
    while ((result = read_row(r, cells, &count)) != 0) {
        if (result < 0)
            continue;
        char *row = buf_reserve(&rows, kind->row_bytes);
        memset(row, 0, kind->row_bytes);
        if (fill_row(r, cells, count, row))
            rows.n += kind->row_bytes;
    }
    void *copy = arena_zero(r->arena, rows.n + 1);
    if (rows.n)
        memcpy(copy, rows.p, rows.n);
    memcpy((char *)set + kind->rows_offset, &copy, sizeof(copy));
    set->counts[r->file] = (uint32_t)(rows.n / kind->row_bytes);
    buf_free(&rows);
}

bool asset_read_text(enum asset_file file, const char *path, struct str text, struct arena *arena,
                     struct asset_set *set, struct error *err)
{
    return asset_read_lines(file, path, text, NULL, 0, arena, set, err);
}

bool asset_read_lines(enum asset_file file, const char *path, struct str text, const uint32_t *lines,
                      uint32_t line_count, struct arena *arena, struct asset_set *set, struct error *err)
{
    struct error first = {{0}};
    struct reader r = {.file = file,
                       .path = path,
                       .line = 1,
                       .lines = lines,
                       .line_count = line_count,
                       .arena = arena,
                       .set = set,
                       .err = &first};
    if (str_starts(text, STR("\xef\xbb\xbf")))
        text = str_skip(text, 3);
    r.rest = str_is_utf8(text) ? text : charset_convert(text, "CP932", arena);
    set->present[file] = true;
    if (read_header(&r))
        read_rows(&r, set);
    if (r.faults > 1)
        return error_set(err, tr("%s (and %u more faults in this file)", "%s（このファイルにほか %u 件）"),
                         first.text, r.faults - 1);
    return r.faults == 0 || error_set(err, "%s", first.text);
}

/* The modifiers of Sigma: a table of functions that change an item's texts or its flags, applied in the order
 * written. Stage: detect, at load. Reads "field|modifier|…"; leaves flags and encoded or expanded texts in
 * struct item. Next: sigma_condition.c. */
#include "base/log.h"
#include "detect/sigma_item.h"

#define WINDASH_MAX 4096

bool item_error(struct item *item, const struct yaml *at, const char *en, const char *ja)
{
    return error_at(item->err, item->source->path, at->line, at->column, "%.*s: %s", STR_ARGS(item->key),
                    tr(en, ja));
}

static bool item_room(struct item *item, uint32_t count, struct sigma_text **out)
{
    if (count > SIGMA_MAX_VALUES)
        return item_error(
            item, item->at,
            "the modifiers make too many values of this one; write them out or drop a modifier.",
            "修飾子により値が多くなりすぎます。値を書き出すか、修飾子を減らしてください。");
    *out = ARENA_ARRAY(item->source->arena, struct sigma_text, count);
    return true;
}

static bool refuse_wildcards(struct item *item, const char *en, const char *ja)
{
    for (uint32_t i = 0; i < item->text_count; i++)
        if (sigma_text_has_wildcard(item->texts[i]))
            return item_error(item, item->at, en, ja);
    return true;
}

static bool apply_contains(struct item *item)
{
    for (uint32_t i = 0; i < item->text_count; i++)
        item->texts[i] = sigma_text_surround(item->texts[i], item->before, item->behind, item->source->arena);
    return true;
}

static bool modify_contains(struct item *item, int unused)
{
    (void)unused;
    item->before = item->behind = true;
    return item->mode == MODE_TEXT ? apply_contains(item) : true;
}

static bool modify_starts(struct item *item, int unused)
{
    (void)unused;
    item->before = false;
    item->behind = true;
    return item->mode == MODE_TEXT ? apply_contains(item) : true;
}

static bool modify_ends(struct item *item, int unused)
{
    (void)unused;
    item->before = true;
    item->behind = false;
    return item->mode == MODE_TEXT ? apply_contains(item) : true;
}

static bool modify_all(struct item *item, int unused)
{
    (void)unused;
    item->all = true;
    return true;
}

static bool modify_cased(struct item *item, int unused)
{
    (void)unused;
    item->cased = true;
    return true;
}

static bool modify_neq(struct item *item, int unused)
{
    (void)unused;
    item->negated = true;
    return true;
}

static bool modify_mode(struct item *item, int mode)
{
    if (item->mode != MODE_TEXT && !(item->mode == MODE_NUMBER && mode == MODE_NUMBER))
        return item_error(item, item->at, "these modifiers exclude each other.",
                          "これらの修飾子は同時に使えません。");
    item->mode = (enum item_mode)mode;
    return true;
}

static bool modify_regex_flag(struct item *item, int flag)
{
    if (item->mode != MODE_REGEX)
        return item_error(item, item->at, "the modifiers i, m and s are only possible behind re.",
                          "修飾子 i、m、s は re の後ろでのみ使えます。");
    item->regex_flags |= (unsigned)flag;
    return true;
}

static bool modify_relation(struct item *item, int relation)
{
    item->relation = (enum relation)relation;
    return modify_mode(item, MODE_NUMBER);
}

static bool modify_time_part(struct item *item, int part)
{
    item->time_part = (enum time_part)part;
    return modify_mode(item, MODE_NUMBER);
}

static bool modify_base64(struct item *item, int with_offsets)
{
    if (!refuse_wildcards(item, "a value with wildcards cannot be encoded as base64.",
                          "ワイルドカードを含む値は base64 にできません。"))
        return false;
    struct arena *arena = item->source->arena;
    uint32_t forms = with_offsets ? 3 : 1, count = 0;
    struct sigma_text *out = NULL;
    if (!item_room(item, item->text_count * forms, &out))
        return false;
    for (uint32_t i = 0; i < item->text_count; i++) {
        struct str bytes = sigma_text_bytes(item->texts[i]);
        for (unsigned shift = 0; shift < forms; shift++) {
            struct str encoded =
                with_offsets ? encode_base64_offset(bytes, shift, arena) : encode_base64(bytes, arena);
            if (encoded.n)
                out[count++] = sigma_text_plain(encoded, arena);
        }
    }
    if (count == 0)
        return item_error(item, item->at, "the value is too short for base64offset.",
                          "base64offset には値が短すぎます。");
    item->texts = out;
    item->text_count = count;
    return true;
}

enum { UTF16_LE, UTF16_BE, UTF16_MARK };

static bool modify_utf16(struct item *item, int kind)
{
    if (!refuse_wildcards(item, "a value with wildcards cannot be encoded as UTF-16.",
                          "ワイルドカードを含む値は UTF-16 にできません。"))
        return false;
    struct arena *arena = item->source->arena;
    for (uint32_t i = 0; i < item->text_count; i++) {
        struct str bytes = sigma_text_bytes(item->texts[i]);
        item->texts[i] =
            sigma_text_plain(encode_utf16(bytes, kind == UTF16_BE, kind == UTF16_MARK, arena), arena);
    }
    return true;
}

bool is_word_byte(char c)
{
    return ascii_is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') || c == '_' || (c & 0x80);
}

/* A dash that can begin an option: not behind a word, and before one. */
static bool is_option_dash(struct sigma_text t, uint32_t i)
{
    return t.glyphs[i] == GLYPH_BYTE && (t.bytes[i] == '-' || t.bytes[i] == '/') &&
           (i == 0 || !is_word_byte(t.bytes[i - 1])) && i + 1 < t.n && t.glyphs[i + 1] == GLYPH_BYTE &&
           is_word_byte(t.bytes[i + 1]);
}

static const char *const dashes[] = {"-", "/", "\xE2\x80\x93", "\xE2\x80\x94", "\xE2\x80\x95"};

static struct sigma_text replace_dash(struct sigma_text t, uint32_t at, const char *dash, struct arena *arena)
{
    size_t n = strlen(dash);
    char *bytes = arena_zero(arena, t.n + n);
    uint8_t *glyphs = arena_zero(arena, t.n + n);
    memcpy(bytes, t.bytes, at);
    memcpy(glyphs, t.glyphs, at);
    memcpy(bytes + at, dash, n);
    memcpy(bytes + at + n, t.bytes + at + 1, t.n - at - 1);
    memcpy(glyphs + at + n, t.glyphs + at + 1, t.n - at - 1);
    return (struct sigma_text){bytes, glyphs, (uint32_t)(t.n + n - 1)};
}

/* How many forms there will be, at most WINDASH_MAX. */
static uint32_t windash_forms(const struct item *item)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < item->text_count; i++) {
        uint32_t forms = 1;
        for (uint32_t at = 0; at < item->texts[i].n && forms < WINDASH_MAX; at++)
            forms *= is_option_dash(item->texts[i], at) ? COUNT_OF(dashes) : 1;
        sum += forms;
    }
    return sum < WINDASH_MAX ? sum : WINDASH_MAX;
}

static bool modify_windash(struct item *item, int unused)
{
    (void)unused;
    uint32_t capacity = windash_forms(item), count = 0;
    struct sigma_text *out = ARENA_ARRAY(item->source->arena, struct sigma_text, capacity);
    for (uint32_t i = 0; i < item->text_count; i++) {
        uint32_t first = count;
        if (count == capacity)
            goto too_many;
        out[count++] = item->texts[i];
        /* From behind, so that the places in front stay valid in every form. */
        for (uint32_t at = item->texts[i].n; at-- > 0;) {
            if (!is_option_dash(item->texts[i], at))
                continue;
            uint32_t forms = count - first;
            for (uint32_t form = first; form < first + forms; form++)
                for (size_t d = 0; d < COUNT_OF(dashes); d++) {
                    if (dashes[d][0] == item->texts[i].bytes[at])
                        continue;
                    if (count == capacity)
                        goto too_many;
                    out[count++] = replace_dash(out[form], at, dashes[d], item->source->arena);
                }
        }
    }
    item->texts = out;
    item->text_count = count;
    return true;
too_many:
    return item_error(item, item->at, "windash finds too many dashes; split the value.",
                      "windash の対象となる記号が多すぎます。値を分けてください。");
}

static bool modify_expand(struct item *item, int unused)
{
    (void)unused;
    item->expand = true; /* done by sigma_item.c, on the text as written */
    return true;
}

#define ANY_MODE (~0u)
#define PLACES   (1u << MODE_TEXT | 1u << MODE_REGEX | 1u << MODE_FIELD)
#define CASES    (1u << MODE_TEXT | 1u << MODE_REGEX | 1u << MODE_FIELD)

static const struct modifier modifiers[] = {
    {"contains", modify_contains, 0, true, PLACES},
    {"startswith", modify_starts, 0, true, PLACES},
    {"endswith", modify_ends, 0, true, PLACES},
    {"all", modify_all, 0, false, ANY_MODE},
    {"exists", modify_mode, MODE_EXISTS, false, 1u << MODE_EXISTS},
    {"cased", modify_cased, 0, false, CASES},
    {"neq", modify_neq, 0, false, ANY_MODE},
    {"re", modify_mode, MODE_REGEX, false, 1u << MODE_REGEX},
    {"i", modify_regex_flag, REGEX_NOCASE, false, 1u << MODE_REGEX},
    {"m", modify_regex_flag, REGEX_MULTILINE, false, 1u << MODE_REGEX},
    {"s", modify_regex_flag, REGEX_DOTALL, false, 1u << MODE_REGEX},
    {"cidr", modify_mode, MODE_CIDR, false, 1u << MODE_CIDR},
    {"fieldref", modify_mode, MODE_FIELD, false, 1u << MODE_FIELD},
    {"lt", modify_relation, RELATION_LESS, false, 1u << MODE_NUMBER},
    {"lte", modify_relation, RELATION_LESS_EQUAL, false, 1u << MODE_NUMBER},
    {"gt", modify_relation, RELATION_GREATER, false, 1u << MODE_NUMBER},
    {"gte", modify_relation, RELATION_GREATER_EQUAL, false, 1u << MODE_NUMBER},
    {"minute", modify_time_part, TIME_MINUTE, false, 1u << MODE_NUMBER},
    {"hour", modify_time_part, TIME_HOUR, false, 1u << MODE_NUMBER},
    {"day", modify_time_part, TIME_DAY, false, 1u << MODE_NUMBER},
    {"week", modify_time_part, TIME_WEEK, false, 1u << MODE_NUMBER},
    {"month", modify_time_part, TIME_MONTH, false, 1u << MODE_NUMBER},
    {"year", modify_time_part, TIME_YEAR, false, 1u << MODE_NUMBER},
    {"base64", modify_base64, 0, true, 1u << MODE_TEXT},
    {"base64offset", modify_base64, 1, true, 1u << MODE_TEXT},
    {"utf16", modify_utf16, UTF16_MARK, true, 1u << MODE_TEXT},
    {"utf16le", modify_utf16, UTF16_LE, true, 1u << MODE_TEXT},
    {"utf16be", modify_utf16, UTF16_BE, true, 1u << MODE_TEXT},
    {"wide", modify_utf16, UTF16_LE, true, 1u << MODE_TEXT},
    {"windash", modify_windash, 0, true, 1u << MODE_TEXT},
    {"expand", modify_expand, 0, false, ANY_MODE & ~(1u << MODE_EXISTS)},
};

/* What excludes each other: of each group one is possible. */
static bool is_exclusive(const struct modifier *x, const struct modifier *y)
{
    bool (*const groups[])(struct item *, int) = {modify_contains, modify_relation, modify_time_part,
                                                  modify_base64,   modify_utf16,    modify_mode};
    bool both_places = x->modes == PLACES && y->modes == PLACES && x->changes_texts && y->changes_texts;
    for (size_t i = 0; i < COUNT_OF(groups); i++)
        if (x->apply == groups[i] && y->apply == groups[i])
            return true;
    return both_places || x == y;
}

/* A modifier that would change nothing was meant to change something: the rule is refused. */
static bool check_modifiers(struct item *item, const struct modifier *const *chain, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!(chain[i]->modes & 1u << item->mode))
            return error_at(item->err, item->source->path, item->at->line, item->at->column,
                            tr("%.*s: the modifier '%s' means nothing with the others.",
                               "%.*s: 修飾子 '%s' は他の修飾子と組み合わせられません。"),
                            STR_ARGS(item->key), chain[i]->name);
        for (size_t k = 0; k < i; k++)
            if (is_exclusive(chain[i], chain[k]))
                return error_at(item->err, item->source->path, item->at->line, item->at->column,
                                tr("%.*s: the modifiers '%s' and '%s' exclude each other.",
                                   "%.*s: 修飾子 '%s' と '%s' は同時に使えません。"),
                                STR_ARGS(item->key), chain[k]->name, chain[i]->name);
    }
    if (item->field.n == 0 && count && item->mode != MODE_TEXT && item->mode != MODE_REGEX)
        return item_error(item, item->at, "keywords are texts or expressions.",
                          "キーワードには文字列か正規表現だけが使えます。");
    return true;
}

static const struct modifier *find_modifier(struct str name)
{
    for (size_t i = 0; i < COUNT_OF(modifiers); i++)
        if (str_eq(str_c(modifiers[i].name), name))
            return &modifiers[i];
    return NULL;
}

bool read_modifiers(struct item *item, const struct modifier **chain, size_t *count)
{
    struct str rest = item->key, name;
    str_split(&rest, '|', &item->field);
    *count = 0;
    while (str_split(&rest, '|', &name)) {
        const struct modifier *m = find_modifier(name);
        if (!m)
            return error_at(item->err, item->source->path, item->at->line, item->at->column,
                            tr("%.*s: the modifier '%.*s' does not exist; see the list in docs/rules.md.",
                               "%.*s: 修飾子 '%.*s' は存在しません。docs/rules.md の一覧を見てください。"),
                            STR_ARGS(item->key), STR_ARGS(name));
        if (*count == MAX_MODIFIERS)
            return item_error(item, item->at, "too many modifiers.", "修飾子が多すぎます。");
        chain[(*count)++] = m;
    }
    for (size_t i = 0; i < *count; i++)
        if (!chain[i]->changes_texts && !chain[i]->apply(item, chain[i]->argument))
            return false;
    return check_modifiers(item, chain, *count);
}

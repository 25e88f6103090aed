/* Ground floor: single regular expressions through PCRE2 (no other file includes it). Bounded in three ways:
 * match steps, backtracking depth, and JIT stack. */
#include "base/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#define MATCH_LIMIT     100000
#define DEPTH_LIMIT     1000
#define HEAP_LIMIT_KIB  1024
#define JIT_STACK_FIRST (32 * 1024)
#define JIT_STACK_MOST  (256 * 1024)
#define PATTERN_MAX     65536

struct regex {
    pcre2_code *code;
    bool is_utf;
    size_t group_count;
    struct str *names; /* group_count of them, bytes owned by `code` */
};

struct regex_scratch {
    pcre2_match_data *data;
    pcre2_match_context *context;
    pcre2_jit_stack *stack;
};

static bool is_ascii(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] >= 0x80)
            return false;
    return true;
}

/* Bytes are matched as bytes unless the pattern itself has characters beyond ASCII (or asks for code points):
 * records are not always UTF-8, and bytes are faster. */
static bool wants_utf(struct str pattern)
{
    return !is_ascii(pattern) || str_contains(pattern, STR("\\x{")) || str_contains(pattern, STR("\\p")) ||
           str_contains(pattern, STR("\\P"));
}

static uint32_t compile_options(unsigned flags, bool is_utf)
{
    static const struct {
        unsigned flag;
        uint32_t option;
    } table[] = {{REGEX_NOCASE, PCRE2_CASELESS},
                 {REGEX_MULTILINE, PCRE2_MULTILINE},
                 {REGEX_DOTALL, PCRE2_DOTALL},
                 {REGEX_ANCHORED, PCRE2_ANCHORED}};
    uint32_t options = PCRE2_NEVER_BACKSLASH_C;
    for (size_t i = 0; i < COUNT_OF(table); i++)
        if (flags & table[i].flag)
            options |= table[i].option;
    if (is_utf)
        options |= PCRE2_UTF | PCRE2_MATCH_INVALID_UTF;
    else
        options |= PCRE2_NEVER_UTF;
    return options;
}

static void read_names(struct regex *r)
{
    uint32_t count, entry_bytes;
    PCRE2_SPTR table;
    pcre2_pattern_info(r->code, PCRE2_INFO_NAMECOUNT, &count);
    pcre2_pattern_info(r->code, PCRE2_INFO_NAMEENTRYSIZE, &entry_bytes);
    pcre2_pattern_info(r->code, PCRE2_INFO_NAMETABLE, &table);
    r->names = NEW_ARRAY(struct str, r->group_count);
    for (uint32_t i = 0; i < count; i++, table += entry_bytes) {
        size_t number = (size_t)table[0] << 8 | table[1];
        r->names[number] = str_c((const char *)table + 2);
    }
}

static pcre2_code *compile(struct str pattern, unsigned flags, bool is_utf, struct error *err)
{
    int code;
    PCRE2_SIZE offset;
    pcre2_code *compiled =
        pcre2_compile((PCRE2_SPTR)pattern.p, pattern.n, compile_options(flags, is_utf), &code, &offset, NULL);
    if (!compiled) {
        PCRE2_UCHAR reason[160];
        pcre2_get_error_message(code, reason, sizeof reason);
        error_set(err, "the regular expression is not valid at character %zu: %s", (size_t)offset + 1,
                  (const char *)reason);
    }
    return compiled;
}

struct regex *regex_new(struct str pattern, unsigned flags, struct error *err)
{
    if (pattern.n > PATTERN_MAX) {
        error_set(err, "the regular expression is longer than %d bytes", PATTERN_MAX);
        return NULL;
    }
    bool is_utf = wants_utf(pattern);
    pcre2_code *code = compile(pattern, flags, is_utf, err);
    if (!code)
        return NULL;
    uint32_t captures;
    pcre2_pattern_info(code, PCRE2_INFO_CAPTURECOUNT, &captures);
    if (captures >= REGEX_MAX_GROUPS) {
        pcre2_code_free(code);
        error_set(err, "the regular expression has %u groups; at most %d are allowed", captures,
                  REGEX_MAX_GROUPS - 1);
        return NULL;
    }
    struct regex *r = NEW(struct regex);
    r->code = code;
    r->is_utf = is_utf;
    r->group_count = captures + 1;
    pcre2_jit_compile(code, PCRE2_JIT_COMPLETE); /* without JIT the interpreter serves, only slower */
    read_names(r);
    return r;
}

void regex_free(struct regex *r)
{
    if (!r)
        return;
    pcre2_code_free(r->code);
    memory_free(r->names);
    memory_free(r);
}

struct regex_scratch *regex_scratch_new(void)
{
    struct regex_scratch *s = NEW(struct regex_scratch);
    s->data = pcre2_match_data_create(REGEX_MAX_GROUPS, NULL);
    s->context = pcre2_match_context_create(NULL);
    s->stack = pcre2_jit_stack_create(JIT_STACK_FIRST, JIT_STACK_MOST, NULL);
    if (!s->data || !s->context || !s->stack)
        BUG("out of memory for a regular expression's scratch");
    pcre2_set_match_limit(s->context, MATCH_LIMIT);
    pcre2_set_depth_limit(s->context, DEPTH_LIMIT);
    pcre2_set_heap_limit(s->context, HEAP_LIMIT_KIB);
    pcre2_jit_stack_assign(s->context, NULL, s->stack);
    return s;
}

void regex_scratch_free(struct regex_scratch *s)
{
    if (!s)
        return;
    pcre2_match_data_free(s->data);
    pcre2_match_context_free(s->context);
    pcre2_jit_stack_free(s->stack);
    memory_free(s);
}

static void copy_groups(const struct regex_scratch *scratch, struct str subject, size_t set,
                        struct str *groups, size_t max_groups)
{
    const PCRE2_SIZE *offsets = pcre2_get_ovector_pointer(scratch->data);
    for (size_t i = 0; i < max_groups; i++) {
        if (i < set && offsets[2 * i] != PCRE2_UNSET && offsets[2 * i] <= offsets[2 * i + 1])
            groups[i] = str_slice(subject, offsets[2 * i], offsets[2 * i + 1]);
        else
            groups[i] = (struct str){NULL, 0};
    }
}

enum regex_result regex_match(const struct regex *r, struct regex_scratch *scratch, struct str subject,
                              struct str *groups, size_t max_groups)
{
    if (!subject.p)
        subject = STR_EMPTY;
    int found = pcre2_match(r->code, (PCRE2_SPTR)subject.p, subject.n, 0, 0, scratch->data, scratch->context);
    if (found == PCRE2_ERROR_NOMATCH)
        return REGEX_NO;
    if (found < 0)
        return REGEX_LIMIT;
    copy_groups(scratch, subject, (size_t)found, groups, max_groups);
    return REGEX_YES;
}

size_t regex_group_count(const struct regex *r)
{
    return r->group_count;
}

struct str regex_group_name(const struct regex *r, size_t number)
{
    return number < r->group_count && r->names[number].p ? r->names[number] : STR_EMPTY;
}

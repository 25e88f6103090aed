/* Pairs of key and value. Stage: parse. Reads a text, leaves named strings that mostly point into it. One
 * pass, no look-ahead except for values with spaces. Next: csv.c. */
#include "parse/key_value.h"

struct scan {
    struct str s;
    size_t at;
    const struct key_value_form *form;
    bool separates[256];
};

struct key_value_form key_value_default(void)
{
    return (struct key_value_form){.assign = '=', .separators = " \t\r\n", .quotes = "\"'"};
}

static bool is_assign(const struct key_value_form *f, char c)
{
    return c == f->assign || (f->second_assign && c == f->second_assign);
}

static bool is_quote(const struct key_value_form *f, char c)
{
    return c && strchr(f->quotes, c);
}

static bool is_separator(const struct scan *k, char c)
{
    return k->separates[(unsigned char)c];
}

/* A quoted value that starts at the quote. A quote only ends the value when a separator, or the end, follows:
 * senders forget to escape. An unclosed quote runs to the end. */
static struct str take_quoted(struct scan *k, struct arena *arena)
{
    char quote = k->s.p[k->at++];
    size_t start = k->at;
    bool escaped = false;
    for (; k->at < k->s.n; k->at++) {
        char c = k->s.p[k->at];
        if (c == '\\' && k->at + 1 < k->s.n && (k->s.p[k->at + 1] == quote || k->s.p[k->at + 1] == '\\')) {
            /* "C:\dir\" closes here when a separator follows the quote and a key follows that */
            escaped = true;
            k->at++;
        } else if (c == quote && (k->at + 1 == k->s.n || is_separator(k, k->s.p[k->at + 1]) ||
                                  ascii_is_space(k->s.p[k->at + 1]))) {
            break;
        } else if (c == quote &&
                   (k->s.p[k->at + 1] == ']' || k->s.p[k->at + 1] == ')' || k->s.p[k->at + 1] == ',')) {
            break;
        }
    }
    struct str text = str_slice(k->s, start, k->at);
    if (k->at < k->s.n)
        k->at++;
    return escaped ? named_unescape(text, '\\', quote == '"' ? "\"\\" : "'\\", false, arena) : text;
}

static bool is_key_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || ascii_is_digit(c) ||
           (c && strchr("_-./@[]:", c)) || (c & 0x80);
}

/* Where a value with spaces ends: before the separator in front of the next "key=". */
static size_t value_end_before_key(const struct scan *k)
{
    size_t end = k->s.n;
    for (size_t i = k->at; i < k->s.n; i++) {
        if (!is_assign(k->form, k->s.p[i]) || (i && k->s.p[i - 1] == '\\'))
            continue;
        size_t key = i;
        while (key > k->at && is_key_char(k->s.p[key - 1]))
            key--;
        if (key == i || key == k->at || !is_separator(k, k->s.p[key - 1]))
            continue;
        end = key - 1;
        break;
    }
    while (end > k->at && is_separator(k, k->s.p[end - 1]))
        end--;
    return end;
}

static struct str take_value(struct scan *k, struct arena *arena)
{
    if (k->at < k->s.n && is_quote(k->form, k->s.p[k->at]))
        return take_quoted(k, arena);
    size_t start = k->at;
    if (k->form->values_have_spaces)
        k->at = value_end_before_key(k);
    else
        while (k->at < k->s.n && !is_separator(k, k->s.p[k->at]))
            k->at++;
    size_t end = k->at; /* "user=eve, ip=…": the comma belongs to the sentence */
    if (end > start && k->separates[' '] && (k->s.p[end - 1] == ',' || k->s.p[end - 1] == ';'))
        end--;
    return str_slice(k->s, start, end);
}

static void take_flag(const struct scan *k, struct str word, struct named_list *out)
{
    if (!k->form->keep_flags || !word.n || word.n > 32)
        return;
    for (size_t i = 0; i < word.n; i++)
        if (!is_key_char(word.p[i]))
            return;
    named_add(out, word, STR("true"));
}

/* What a programmer would call a key: prose and URLs with '=' in them should not count as pairs. */
static bool is_proper_key(struct str key)
{
    for (size_t i = 0; i < key.n; i++)
        if (!is_key_char(key.p[i]) && key.p[i] != ' ')
            return false;
    char first = ascii_lower(key.p[0]);
    return (first >= 'a' && first <= 'z') || first == '_' || first == '@' || (first & 0x80);
}

uint32_t key_value_parse(struct str text, const struct key_value_form *form, struct named_list *out,
                         struct arena *arena)
{
    struct scan k = {.s = text, .form = form};
    for (const char *c = form->separators; *c; c++)
        k.separates[(unsigned char)*c] = true;
    uint32_t pairs = 0;
    while (k.at < k.s.n) {
        while (k.at < k.s.n && (is_separator(&k, k.s.p[k.at]) || ascii_is_space(k.s.p[k.at])))
            k.at++;
        size_t start = k.at;
        while (k.at < k.s.n && !is_assign(form, k.s.p[k.at]) && !is_separator(&k, k.s.p[k.at]))
            k.at++;
        struct str key = str_slice(k.s, start, k.at);
        if (k.at >= k.s.n || !is_assign(form, k.s.p[k.at])) {
            take_flag(&k, key, out);
            continue;
        }
        k.at++;
        if (form->separators[0] != ' ')
            while (k.at < k.s.n && k.s.p[k.at] == ' ' && !is_separator(&k, ' '))
                k.at++;
        struct str value = take_value(&k, arena);
        key = str_trim_chars(key, " \t\"'([{,;");
        if (!key.n || key.n > 128)
            continue;
        named_add(out, key, value);
        pairs += is_proper_key(key);
    }
    return pairs;
}

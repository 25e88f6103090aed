/* Stage: incident. Names behind "@" in what people write. Next: server/mentions.c, which knows the accounts.
 */
#include "incident/mention.h"

#include "base/memory.h"

#define NAME_MOST 64 /* bytes, as of an account's name */

static const char wide_at[] = "＠";

static bool is_ascii_word(char c)
{
    return ascii_is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') || c == '_' || c == '-';
}

static bool is_name_byte(char c)
{
    return is_ascii_word(c) || c == '.' || (unsigned char)c >= 0x80;
}

/* Bytes of the "@" that stands there; 0 = none. */
static size_t at_sign(struct str text, size_t at)
{
    if (text.p[at] == '@')
        return 1;
    return str_starts(str_skip(text, at), str_c(wide_at)) ? sizeof wide_at - 1 : 0;
}

/* "," and "。" end a name; so do all of "、。，．！？：；（）「」『』【】・" and the wide space. */
static bool is_wide_punctuation(struct str rest)
{
    static const char *const marks[] = {"、", "。", "，", "．", "！", "？", "：", "；", "（", "）",
                                        "「", "」", "『", "』", "【", "】", "・", "　", "＠"};
    for (size_t i = 0; i < COUNT_OF(marks); i++)
        if (str_starts(rest, str_c(marks[i])))
            return true;
    return false;
}

static size_t name_length(struct str text)
{
    size_t n = 0;
    while (n < text.n && n < NAME_MOST && is_name_byte(text.p[n]) && !is_wide_punctuation(str_skip(text, n)))
        n++;
    n = str_utf8_start(text, n).n;
    while (n > 0 && text.p[n - 1] == '.') /* the end of a sentence */
        n--;
    return n;
}

bool mention_next(struct str *rest, struct str *name)
{
    struct str text = *rest;
    for (size_t at = 0; at < text.n; at++) {
        size_t sign = at_sign(text, at);
        bool is_inside = at > 0 && (is_ascii_word(text.p[at - 1]) || text.p[at - 1] == '.');
        size_t n = sign && !is_inside ? name_length(str_skip(text, at + sign)) : 0;
        if (n == 0)
            continue;
        *name = str_slice(text, at + sign, at + sign + n);
        *rest = str_skip(text, at + sign + n);
        return true;
    }
    *rest = STR_EMPTY;
    return false;
}

bool mention_is(struct str name, struct str account)
{
    return account.n > 0 && name.n >= account.n && str_eq_nocase(str_slice(name, 0, account.n), account) &&
           (name.n == account.n || !(is_ascii_word(name.p[account.n]) || name.p[account.n] == '.'));
}

struct str mention_shown(struct str name)
{
    size_t n = 0;
    while (n < name.n && (unsigned char)name.p[n] < 0x80)
        n++;
    return n ? str_slice(name, 0, n) : name;
}

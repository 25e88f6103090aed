/* Plain lists: one indicator a line. Takes what people publish: comments, ipsum's counts, hosts files,
 * "||name^" of filter lists, a description behind the indicator, defanged spellings.
 * Stage: detect, at import. */
#include "detect/indicator_reader.h"

#include <stdio.h>

static struct str take_word(struct str *rest)
{
    size_t n = 0;
    *rest = str_trim(*rest);
    while (n < rest->n && !ascii_is_space(rest->p[n]))
        n++;
    struct str word = str_slice(*rest, 0, n);
    *rest = str_trim(str_skip(*rest, n));
    return word;
}

static struct str without_comment(struct str line)
{
    line = str_trim(line);
    if (line.n == 0 || line.p[0] == '#' || line.p[0] == ';' || line.p[0] == '!' ||
        str_starts(line, STR("//")))
        return STR_EMPTY;
    for (size_t i = 1; i < line.n; i++)
        if (line.p[i] == '#' && ascii_is_space(line.p[i - 1]))
            return str_trim(str_slice(line, 0, i));
    return line;
}

/* "0.0.0.0 evil.example": a hosts file sends names nowhere. */
static bool is_nowhere(struct str word)
{
    static const struct str words[] = {{"0.0.0.0", 7}, {"127.0.0.1", 9}, {"::", 2}, {"::1", 3}};
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (str_eq(word, words[i]))
            return true;
    return false;
}

static bool is_known(struct str text)
{
    struct indicator_key key;
    char plain[INDICATOR_VALUE_MAX];
    if (text.n > INDICATOR_VALUE_MAX - 64)
        return false;
    return indicator_key_make(INDICATOR_ANY, str_n(plain, indicator_refang(text, plain)), &key);
}

/* The probability that all of n lists are wrong, if each is wrong about seven addresses of ten. */
static int confidence_of_count(uint64_t lists)
{
    double wrong = 1;
    for (uint64_t i = 0; i < lists && i < 64; i++)
        wrong *= 0.7;
    return (int)(100 * (1 - wrong));
}

static struct str unwrap(struct str word)
{
    word = str_trim_chars(word, "\"'`,");
    if (str_starts(word, STR("||"))) /* filter lists */
        return str_trim_chars(str_slice(word, 2, str_find_char(word, '^', 0)), "^");
    if (is_known(word))
        return word;
    for (size_t i = 0; i < word.n; i++)
        if ((word.p[i] == ',' || word.p[i] == ';' || word.p[i] == '|') && is_known(str_slice(word, 0, i)))
            return str_slice(word, 0, i);
    return word;
}

static void read_line(struct str line, unsigned number, struct indicator_builder *b)
{
    struct indicator i = indicator_blank();
    char text[64];
    uint64_t count;
    struct str rest = line, word = take_word(&rest);
    if (is_nowhere(word) && rest.n) {
        i.type = INDICATOR_DOMAIN;
        while ((i.value = take_word(&rest)).n)
            indicator_builder_add(b, &i, number);
        return;
    }
    i.value = unwrap(word);
    if (rest.n && str_to_u64(rest, 10, &count)) {
        i.confidence = confidence_of_count(count);
        i.description =
            str_n(text, (size_t)snprintf(text, sizeof text, "on %llu lists", (unsigned long long)count));
    } else {
        i.description = str_trim_chars(rest, "-,;| ");
    }
    indicator_builder_add(b, &i, number);
}

bool indicators_read_list(struct str text, struct indicator_builder *b, struct error *err)
{
    struct str line;
    unsigned number = 0;
    (void)err;
    while (str_split(&text, '\n', &line)) {
        number++;
        line = without_comment(line);
        if (line.n)
            read_line(line, number, b);
    }
    return true;
}
